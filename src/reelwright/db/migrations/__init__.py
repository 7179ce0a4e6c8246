"""Alembic's environment and the schema's history."""

from __future__ import annotations

from importlib.resources import files

VERSION_TABLE = "reel_schema"
"""Where a database says which revision it has."""


def newest() -> str:
    """The revision that the code of today needs: the files of the history are named by their number."""
    return max(file.name.partition("_")[0] for file in (files(__name__) / "versions").iterdir() if file.name[0].isdigit())
