"""The commands that look after what is kept: `verify`, `purge`, `backup` and `restore`."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from reelwright.cli.exits import errors_told
from reelwright.cli.options import Json


def verify(
    repair: Annotated[bool, typer.Option("--repair", help="Mend what can be mended; it costs nothing.")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="Compare lengths, and read nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Compare everything that is kept with its length and its SHA-256, and the ledger with its sums.

    It removes nothing, and may run while the studio is at work. What cannot be mended is told with its campaign, shot and take;
    the exit code says whether all is well.
    """
    with errors_told(as_json=as_json):
        from reelwright.cli.verify import verify as run

        raise typer.Exit(run(repairs=repair, is_quick=quick, as_json=as_json))


def purge(
    campaign: Annotated[str, typer.Option(metavar="ID", help="Only this campaign of the trash; else all of it.")] = "",
    older_than: Annotated[
        Optional[int], typer.Option(metavar="DAYS", min=0, help="Only what has lain in the trash for so many days.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Remove for good what lies in the trash, after showing what that is. Nothing else ever removes it.

    Rows, files and thumbnails go; what they cost stays in the ledger, and what something outside of the trash uses stays, too.
    """
    with errors_told(as_json=as_json):
        from reelwright.cli.purge import purge as run

        raise typer.Exit(run(campaign, days=older_than, is_agreed=yes, as_json=as_json))
