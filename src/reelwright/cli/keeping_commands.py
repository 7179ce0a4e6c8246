"""The commands that look after what is kept: `verify`, `purge`, `backup` and `restore`."""

from __future__ import annotations

from pathlib import Path
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


def backup(
    target: Annotated[Path, typer.Argument(metavar="FILE", help="A new file, such as studio.tar; nothing is overwritten.")],
    check: Annotated[bool, typer.Option("--check", help="Read that backup and compare every byte; write nothing.")] = False,
    with_secrets: Annotated[
        bool, typer.Option("--with-secrets", help="Also the secret key and the settings: guard the file as a password.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write the whole studio into one file: the database, its durable log, and every asset. It may be at work meanwhile.

    The file is for nobody else to read, and was read again and compared before it gets its name; --check does that once more.
    Vendors' keys in it are sealed; without --with-secrets the key that opens them is not in it.
    """
    with errors_told(as_json=as_json):
        from reelwright.cli.backup import backup as write
        from reelwright.cli.backup import check as read

        raise typer.Exit(read(target, as_json=as_json) if check else write(target, with_secrets=with_secrets, as_json=as_json))


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `reelwright backup` has written.")],
    as_json: Json = False,
) -> None:
    """Put a backup back, where there is no studio yet: an empty data folder, and a database of the same kind.

    Interrupted, it says so at the next start and can be done again. Do not run the old studio beside the new one: both would go
    on with the same productions.
    """
    with errors_told(as_json=as_json):
        from reelwright.cli.backup import restore as run

        raise typer.Exit(run(file, as_json=as_json))
