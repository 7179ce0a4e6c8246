"""What exit codes mean, and how an error becomes one."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Generator
from contextlib import contextmanager
from enum import IntEnum

import typer

from reelwright.errors import (
    BudgetExceeded,
    Busy,
    ConfigurationError,
    Conflict,
    InvalidInput,
    NotFound,
    ReelwrightError,
)


class Exit(IntEnum):
    """Stable, for scripts."""

    OK = 0
    FAILED = 1
    """The production failed; what was kept is kept, `resume` starts from there."""
    INVALID = 2
    """The brief, an option or an id is wrong. Nothing was written, nothing was paid."""
    BUDGET = 3
    """A cap is needed, or does not cover it. Nothing was paid."""
    IN_DOUBT = 4
    """A person must decide about a take."""
    CONFIGURATION = 5
    """A setting is wrong, or a part of the installation is missing."""
    UNEXPECTED = 70
    """Something that should not happen: the log in the data folder says where. What was kept is kept."""
    INTERRUPTED = 130
    """Ctrl-C: paused, nothing is lost."""


_CODES: tuple[tuple[type[ReelwrightError], Exit], ...] = (
    (BudgetExceeded, Exit.BUDGET),
    (ConfigurationError, Exit.CONFIGURATION),
    (Busy, Exit.CONFIGURATION),
    (InvalidInput, Exit.INVALID),
    (NotFound, Exit.INVALID),
    (Conflict, Exit.INVALID),
)


def code_of(error: ReelwrightError) -> Exit:
    """The exit code of an error."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), Exit.FAILED)


@contextmanager
def errors_told(*, as_json: bool) -> Generator[None]:
    """Turns whatever goes wrong into one sentence (or one JSON document) and an exit code; never a traceback."""
    try:
        yield
    except typer.Exit:
        raise
    except ReelwrightError as error:
        code, word, message = code_of(error), error.code, error.message
    except (KeyboardInterrupt, EOFError):
        code, word, message = Exit.INTERRUPTED, "interrupted", "Interrupted; nothing is lost."
    except OSError as error:
        logging.getLogger("reelwright").exception("command.failed")
        where = f" ({error.filename})" if error.filename else ""
        code, word, message = Exit.UNEXPECTED, "system", f"This machine says: {error.strerror or error}{where}."
    except Exception as error:  # the outermost edge: a person gets a sentence, the log gets the traceback
        logging.getLogger("reelwright").exception("command.broke")
        kind = type(error).__name__
        code, word, message = Exit.UNEXPECTED, "unexpected", f"Something unexpected happened ({kind}); the log has the details."
    else:
        return
    from reelwright.net.redaction import conceal

    message = conceal(message)
    if as_json:
        print(json.dumps({"error": {"code": word, "message": message}}, ensure_ascii=False))
    else:
        print(f"reelwright: {message}", file=sys.stderr)
    raise typer.Exit(code)
