"""A concept: one proposed idea for the film."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Concept:
    """Logline, treatment and look; `title` is a few words that tell it from the other concepts."""

    title: str
    logline: str
    """One sentence."""
    treatment: str
    """A paragraph: how the film goes from its first shot to its last."""
    look: str
    """Light, colour, type and camera, in one or two sentences."""
    palette: tuple[str, ...] = ()
    """Three to five colours as `#rrggbb`: background, text, accent, then more accents."""
