"""Calls from Replicate, by the scheme of Standard Webhooks: HMAC-SHA256 over id, time and body, under a secret of the account."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping

from reelwright.errors import InvalidInput

TOLERANCE = 300.0
"""Seconds by which a call's time may differ from ours: an older one may be a recording."""


def check_time(headers: Mapping[str, str], now: float) -> None:
    """Looks at what can be seen without the secret.

    Raises:
        InvalidInput: it is not signed, or too old.
    """
    if not all(headers.get(name) for name in ("webhook-id", "webhook-timestamp", "webhook-signature")):
        message = "The call is not signed as Replicate signs."
        raise InvalidInput(message)
    stamp = headers["webhook-timestamp"]
    if not (stamp.isascii() and stamp.isdigit()) or abs(now - int(stamp)) > TOLERANCE:
        message = "The call is too old, or its clock is wrong."
        raise InvalidInput(message)


def is_signed(headers: Mapping[str, str], body: bytes, secret: str) -> bool:
    """Whether one of the call's signatures is made with the secret (`whsec_` and base64)."""
    key = _decoded(secret.partition("_")[2])
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = hmac.new(key, signed, hashlib.sha256).digest()
    # A secret that is being replaced signs beside the new one, so there may be several.
    signatures = (_decoded(each.partition(",")[2]) for each in headers["webhook-signature"].split())
    return bool(key) and any(hmac.compare_digest(each, expected) for each in signatures)


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
