"""The way out: the one HTTP client. Vendors' URLs are hostile input, so every connection is guarded at its socket."""

from __future__ import annotations

from reelwright.net.answers import Answer, Explain
from reelwright.net.client import Net
from reelwright.net.download import Download
from reelwright.net.redaction import redact

__all__ = ["Answer", "Download", "Explain", "Net", "redact"]
