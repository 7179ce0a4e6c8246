"""Calls from fal: ED25519 over request, user, time and the body's SHA-256, by one of the keys that fal publishes."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable, Mapping

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from reelwright.errors import InvalidInput

TOLERANCE = 300.0
"""Seconds by which a call's time may differ from ours: an older one may be a recording."""
_SIGNED = ("x-fal-webhook-request-id", "x-fal-webhook-user-id", "x-fal-webhook-timestamp")


def check_time(headers: Mapping[str, str], now: float) -> None:
    """Looks at what can be seen without a key.

    Raises:
        InvalidInput: it is not signed, or too old.
    """
    if not all(headers.get(name) for name in (*_SIGNED, "x-fal-webhook-signature")):
        message = "The call is not signed as fal signs."
        raise InvalidInput(message)
    stamp = headers["x-fal-webhook-timestamp"]
    if not (stamp.isascii() and stamp.isdigit()) or abs(now - int(stamp)) > TOLERANCE:
        message = "The call is too old, or its clock is wrong."
        raise InvalidInput(message)


def is_signed(headers: Mapping[str, str], body: bytes, keys: Iterable[str]) -> bool:
    """Whether the call is signed with one of the keys (`x` of a JWK)."""
    message = "\n".join([*(headers[name] for name in _SIGNED), hashlib.sha256(body).hexdigest()]).encode()
    try:
        signature = bytes.fromhex(headers["x-fal-webhook-signature"])
    except ValueError:
        return False
    return any(_fits(key, signature, message) for key in keys)


def _fits(key: str, signature: bytes, message: bytes) -> bool:
    try:
        public = base64.urlsafe_b64decode(key + "=" * (-len(key) % 4))
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError, binascii.Error):
        return False
    return True
