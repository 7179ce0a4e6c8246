"""The command that takes over what older systems have left: `import-frames`."""

from __future__ import annotations

from typing import Annotated

import typer

from reelwright.cli.exits import errors_told
from reelwright.cli.options import Json


def import_frames(
    prefix: Annotated[str, typer.Option(metavar="FOLDER", help="Only below this folder of the storage.")] = "",
    user: Annotated[
        str, typer.Option(metavar="USER", help="Whose all of it becomes; else that of the person whose id each key begins with.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Register the frames that older systems have left in the storage. It moves nothing, and may be run again.

    Two layouts are read: `reference-frames/USER/...` and `USER/session_.../reference-frames/...`. Each folder becomes a campaign
    whose shots have these pictures.
    """
    with errors_told(as_json=as_json):
        from reelwright.cli.importing import import_frames as run

        raise typer.Exit(run(prefix, user=user, as_json=as_json))
