"""Options that several commands take."""

from __future__ import annotations

from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]
CampaignArgument = Annotated[str, typer.Argument(metavar="ID", help="A campaign, as `reelwright campaigns` lists them.")]
