"""Takes secrets out of texts before they are logged, shown or kept.

Two ways, because neither is enough: what looks like a secret goes by its looks; and the keys that this process knows go wherever
they stand and whatever they look like, once `remember` was told of them.
"""

from __future__ import annotations

import json
import re
import threading
from urllib.parse import quote

_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    # A signed URL is a secret: its signature is in the query string.
    (
        re.compile(
            r"(?P<keep>\b[a-z][a-z0-9+.-]*://)(?:[^/\s\"'<>@?#]*@)?(?P<path>[^\s\"'<>?#]*)(?:[?#][^\s\"'<>]*)?", re.IGNORECASE
        ),
        "",
    ),
    (re.compile(r"(?P<keep>\bdata:[a-z0-9/+.-]*;base64,)[a-z0-9+/=_-]+", re.IGNORECASE), "\\g<keep>…"),
    (re.compile(r"(?P<keep>\b(?:bearer|basic|token|key)\s+)[a-z0-9._~+/=-]{8,}", re.IGNORECASE), "\\g<keep>…"),
    (
        re.compile(
            r"(?P<keep>[\w-]*(?:api[_-]?key|secret|token|passw(?:or)?d|authorization|credential|signature|access[_-]?key)[\w-]*"
            r"[\"']?\s*[:=]\s*[\"']?)[^\s\"'&,;}<>]+",
            re.IGNORECASE,
        ),
        "\\g<keep>…",
    ),
    (re.compile(r"(?P<keep>/s/)[A-Za-z0-9_-]{43}(?![\w-])"), "\\g<keep>…"),  # the link of a shared film
    (re.compile(r"\bwhsec_[A-Za-z0-9+/=]{12,}"), "…"),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?"), "…"),
    (re.compile(r"\b(?:sk|pk|rk|r8|hf|key|gsk|xai|fal|luma|ghp|xi)[-_][\w-]{12,}"), "…"),
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{12,}|\bAIza[\w-]{20,}"), "…"),
)

_SHORTEST = 8
"""Characters: a shorter value stands in too many texts by chance, and is no key."""

_known: list[str] = []
"""Every form of every value that was remembered, longest first: one may be a part of another."""
_remembering = threading.Lock()


def remember(secret: str) -> None:
    """From now on this value is taken out of every text and of every vendor's answer, also where a vendor echoes it."""
    if len(secret) < _SHORTEST or secret in _known:
        return
    forms = {secret, quote(secret, safe=""), json.dumps(secret)[1:-1]}
    with _remembering:
        _known[:] = sorted(forms.union(_known), key=len, reverse=True)


def conceal(text: str) -> str:
    """The text without the secrets that this process knows; nothing else of it changes."""
    for secret in tuple(_known):
        text = text.replace(secret, "…")
    return text


def conceal_bytes(content: bytes) -> bytes:
    """As `conceal`, for an answer before anybody reads it."""
    for secret in tuple(_known):
        content = content.replace(secret.encode(), b"***")
    return content


def _shorten(match: re.Match[str]) -> str:
    kept = match["keep"] + match["path"]
    return kept if match[0] == kept else f"{kept}?…"


def redact(text: str) -> str:
    """The text without known secrets, query strings, passwords in URLs, inline files, and what looks like a key: `…` instead."""
    first, *rest = _PATTERNS
    text = first[0].sub(_shorten, conceal(text))
    for pattern, replacement in rest:
        text = pattern.sub(replacement, text)
    return text
