"""The log: events as JSON lines in a file, with whatever is secret taken out of every one of them."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import structlog

from reelwright.net.redaction import conceal, redact


def _redacted(_: object, __: str, event: structlog.typing.EventDict) -> Mapping[str, object]:
    return {key: redact(value) if isinstance(value, str) else value for key, value in event.items()}


def _line(event: structlog.typing.EventDict, **options: Any) -> str:
    """The event as JSON; a key may still be inside of what is no text."""
    return conceal(json.dumps(event, **options))


class _LogFile(logging.FileHandler):
    """Ours, to be told from other people's handlers."""


def set_up_logs(home: Path) -> None:
    """Events as JSON lines in the data folder: the terminal belongs to the person."""
    folder = home / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    handler = _LogFile(folder / "reelwright.jsonl", encoding="utf-8", delay=True)
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _redacted,
                structlog.processors.JSONRenderer(_line),
            ],
        )
    )
    root = logging.getLogger()
    for old in root.handlers[:]:
        if isinstance(old, _LogFile):
            root.removeHandler(old)
            old.close()
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.getLogger("reelwright").setLevel(logging.INFO)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
