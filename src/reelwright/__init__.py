"""Reelwright: from a brief to a finished film, and nothing that was generated is ever lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reelwright.client import Client
    from reelwright.studio import Studio

__version__ = "0.1.0"
__all__ = ["Client", "Studio", "__version__"]


def __getattr__(name: str) -> object:
    """What is asked for by name, loaded then: who only wants the version waits for nothing."""
    match name:
        case "Studio":
            from reelwright.studio import Studio  # noqa: PLC0415 - it loads the whole studio, half a second of it

            return Studio
        case "Client":
            from reelwright.client import Client  # noqa: PLC0415 - it loads what HTTP needs

            return Client
        case _:
            msg = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(msg)
