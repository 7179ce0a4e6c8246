"""What becomes of a request: how every answer of a vendor, or the lack of one, is to be understood."""

from __future__ import annotations

from reelwright.errors import (
    CreditsUsedUp,
    InDoubt,
    InputRefused,
    JobUnknown,
    KeyRefused,
    NotSubmitted,
    ProviderError,
    Throttled,
)

FATES: list[tuple[str, str, dict[str, str], type[ProviderError]]] = [
    ("POST", "status", {"code": "400"}, InputRefused),
    ("POST", "status", {"code": "401"}, KeyRefused),
    ("POST", "status", {"code": "402"}, CreditsUsedUp),
    ("POST", "status", {"code": "404"}, ProviderError),
    ("POST", "status", {"code": "302"}, ProviderError),
    ("POST", "status", {"code": "429"}, Throttled),
    ("POST", "status", {"code": "503"}, InDoubt),
    ("POST", "status", {"code": "503", "wait": "7"}, Throttled),
    ("POST", "status", {"code": "500"}, InDoubt),
    ("POST", "status", {"code": "504"}, InDoubt),
    ("POST", "status", {"code": "408"}, InDoubt),
    ("POST", "html", {}, InDoubt),
    ("POST", "hang-up", {}, InDoubt),
    ("POST", "silent", {}, InDoubt),
    ("POST", "length-too-long", {}, InDoubt),
    ("GET", "status", {"code": "403"}, KeyRefused),
    ("GET", "status", {"code": "404"}, JobUnknown),
    ("GET", "status", {"code": "503"}, Throttled),
    ("GET", "status", {"code": "500"}, NotSubmitted),
    ("GET", "hang-up", {}, NotSubmitted),
    ("GET", "silent", {}, NotSubmitted),
    ("GET", "html", {}, NotSubmitted),
]
"""How an answer, or the lack of one, is to be understood: method, fault, its query, the error."""
