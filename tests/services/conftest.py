"""The stage of the services' tests."""

from __future__ import annotations

from staging import both, stage, vendor

__all__ = ["both", "stage", "vendor"]
