"""Takes secrets out of texts before they are logged, shown or kept."""

from __future__ import annotations

import re

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
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?"), "…"),
    (re.compile(r"\b(?:sk|pk|rk|r8|hf|key|gsk|xai|fal|luma|ghp|xi)[-_][\w-]{12,}"), "…"),
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{12,}|\bAIza[\w-]{20,}"), "…"),
)


def _shorten(match: re.Match[str]) -> str:
    kept = match["keep"] + match["path"]
    return kept if match[0] == kept else f"{kept}?…"


def redact(text: str) -> str:
    """The text without query strings, passwords in URLs, inline files, and anything that looks like a key; `…` stands there."""
    first, *rest = _PATTERNS
    text = first[0].sub(_shorten, text)
    for pattern, replacement in rest:
        text = pattern.sub(replacement, text)
    return text
