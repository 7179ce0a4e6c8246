"""The commands about paid work: `takes` with what one does about one, and `harvest`."""

from __future__ import annotations

from typing import Annotated, Any, Optional

import typer
from typer.core import TyperGroup

from reelwright.cli.exits import errors_told
from reelwright.cli.options import Json

TakeArgument = Annotated[str, typer.Argument(metavar="TAKE", help="A take, as `reelwright takes --in-doubt` lists them.")]


class _ListsByItself(TyperGroup):
    """Without a word of its own, the first argument is the list's."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        is_own = bool(args) and (args[0] in self.commands or args[0] in ctx.help_option_names)
        return super().parse_args(ctx, args if is_own else ["list", *args])


takes_app = typer.Typer(
    cls=_ListsByItself,
    help="List takes, and decide about those in doubt. `reelwright takes [ID]` is short for `reelwright takes list [ID]`.",
    rich_markup_mode=None,
)


@takes_app.command("list")
def takes_list(
    campaign: Annotated[Optional[str], typer.Argument(metavar="[ID]", help="A campaign; all of them when left out.")] = None,
    in_doubt: Annotated[bool, typer.Option("--in-doubt", help="Only those that a person must decide about.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many, where no campaign is named.")] = 50,
    as_json: Json = False,
) -> None:
    """List takes: what was asked of whom, when, for how much, and what became of it."""
    with errors_told(as_json=as_json):
        from reelwright.cli.takes import list_takes

        raise typer.Exit(list_takes(campaign, is_in_doubt=in_doubt, limit=limit, as_json=as_json))


@takes_app.command("adopt")
def takes_adopt(
    take: TakeArgument,
    job: Annotated[str, typer.Argument(metavar="JOB", help="The provider's own id of the job, from your account there.")],
    as_json: Json = False,
) -> None:
    """Say that the provider has the job of a take in doubt. It is asked first; then the job is waited for, fetched and kept.

    Nothing is submitted, and an id that the provider does not know changes nothing.
    """
    with errors_told(as_json=as_json):
        from reelwright.cli.takes import adopt_take

        raise typer.Exit(adopt_take(take, job, as_json=as_json))


@takes_app.command("retake")
def takes_retake(
    take: TakeArgument,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before paying again.")] = False,
    as_json: Json = False,
) -> None:
    """Say that the provider never got a take in doubt, and ask again, as a new run of its campaign.

    What was held for it is given back. Asking again costs again, within the cap; the price is shown first.
    """
    with errors_told(as_json=as_json):
        from reelwright.cli.takes import retake_take

        raise typer.Exit(retake_take(take, is_agreed=yes, as_json=as_json))


def harvest(
    since: Annotated[
        str,
        typer.Option(metavar="WHEN", help="First compare with the providers' own lists, back to a date or for so long: 7d, 12h."),
    ] = "",
    as_json: Json = False,
) -> None:
    """Bring home everything that is paid for: of productions that were cancelled, that failed, or that wait no longer.

    Ends when nothing is on its way any more; Ctrl-C loses nothing, and every `make` and `resume` does the same alongside. With
    --since, jobs that no campaign knows are kept, too, in campaigns of their own.
    """
    with errors_told(as_json=as_json):
        from reelwright.cli.harvest import bring_home

        raise typer.Exit(bring_home(since, as_json=as_json))
