"""Reelwright: from a brief to a finished film, and nothing that was generated is ever lost."""

__version__ = "0.1.0"
