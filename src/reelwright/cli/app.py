"""The commands. Each parses, calls one function of another file, and ends; heavy imports wait until a command runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from reelwright import __version__
from reelwright.cli.exits import Exit, errors_told

app = typer.Typer(
    name="reelwright",
    help="From a brief to a finished film, and nothing that was generated is ever lost.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]
CampaignArgument = Annotated[str, typer.Argument(metavar="ID", help="A campaign, as `reelwright campaigns` lists them.")]


def _print_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"reelwright {__version__}")
        raise typer.Exit(Exit.OK)


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """From a brief to a finished film, and nothing that was generated is ever lost."""


@app.command()
def make(
    brief: Annotated[str, typer.Argument(metavar="BRIEF", help="A TOML or JSON file, or a sentence in quotes.")],
    shots: Annotated[Optional[int], typer.Option(help="How many shots, 1 to 60.")] = None,
    seconds: Annotated[Optional[str], typer.Option(help="How long, 2 s to 10 min: 30, 30s or 1:30.")] = None,
    ratio: Annotated[Optional[str], typer.Option(help="16:9, 9:16, 4:3, 3:4, 1:1, 21:9, 5:3 or 3:5.")] = None,
    style: Annotated[Optional[str], typer.Option(help="How it looks, in your words.")] = None,
    mood: Annotated[Optional[str], typer.Option(help="How it feels, in your words.")] = None,
    language: Annotated[Optional[str], typer.Option(help="A language tag such as en, de or pt-BR.")] = None,
    captions: Annotated[Optional[str], typer.Option(help="burned, soft or none.")] = None,
    text: Annotated[Optional[str], typer.Option(help="Who writes, as provider:model.")] = None,
    image: Annotated[Optional[str], typer.Option(help="Who draws the frames, as provider:model.")] = None,
    video: Annotated[Optional[str], typer.Option(help="Who makes the clips, as provider:model.")] = None,
    voice: Annotated[Optional[str], typer.Option(help="Who speaks, as provider:model, or none.")] = None,
    cap: Annotated[
        Optional[str], typer.Option(help="The most that it may cost, in dollars; needed where a model is paid.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before paying up to the cap.")] = False,
    output: Annotated[
        Optional[Path], typer.Option("--output", "-o", help="Where the film goes; films/NAME.mp4 unless said.")
    ] = None,
    wanted: Annotated[
        str, typer.Option("--id", metavar="ID", help="An id of your own; used again, it goes on with that campaign.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Make a film from a brief.

    The film, its poster, captions and storyboard are written beside each other; an existing file is never overwritten.
    Killed at any moment, `reelwright resume ID` goes on where it stopped, and pays nothing twice.
    """
    fields: dict[str, object] = {
        "shots": shots,
        "seconds": seconds,
        "ratio": ratio,
        "style": style,
        "mood": mood,
        "language": language,
        "captions": captions,
        "text": text,
        "image": image,
        "video": video,
        "voice": voice,
        "cap": cap,
    }
    with errors_told(as_json=as_json):
        from reelwright.cli.making import make_film

        raise typer.Exit(make_film(brief, fields, wanted=wanted, output=output, is_agreed=yes, as_json=as_json))


@app.command()
def resume(
    campaign: CampaignArgument,
    output: Annotated[
        Optional[Path], typer.Option("--output", "-o", help="Where the film goes; films/NAME.mp4 unless said.")
    ] = None,
    cap: Annotated[Optional[str], typer.Option(help="A new cap, in dollars.")] = None,
    as_json: Json = False,
) -> None:
    """Go on with a production that was paused, killed or failed. What was kept is used, not made or paid again."""
    with errors_told(as_json=as_json):
        from reelwright.cli.making import resume_film

        raise typer.Exit(resume_film(campaign, output=output, cap=cap, as_json=as_json))


@app.command()
def watch(campaign: CampaignArgument, as_json: Json = False) -> None:
    """Follow a production that another process works on. Ctrl-C stops watching, not the production."""
    with errors_told(as_json=as_json):
        from reelwright.cli.making import watch_film

        raise typer.Exit(watch_film(campaign, as_json=as_json))


@app.command()
def status(
    campaign: Annotated[Optional[str], typer.Argument(metavar="[ID]", help="A campaign; all that run when left out.")] = None,
    as_json: Json = False,
) -> None:
    """Show where a campaign stands: its shots, takes, films and money."""
    with errors_told(as_json=as_json):
        from reelwright.cli.looking import show_active, show_campaign

        raise typer.Exit(show_campaign(campaign, as_json=as_json) if campaign else show_active(as_json=as_json))


@app.command()
def campaigns(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 50,
    after: Annotated[str, typer.Option(help="The id after which the list goes on.")] = "",
    as_json: Json = False,
) -> None:
    """List campaigns, newest first."""
    with errors_told(as_json=as_json):
        from reelwright.cli.looking import list_campaigns

        raise typer.Exit(list_campaigns(limit=limit, after=after, as_json=as_json))


@app.command()
def cancel(campaign: CampaignArgument, as_json: Json = False) -> None:
    """End a production. Nothing more is submitted; what is already paid for is still fetched and kept."""
    with errors_told(as_json=as_json):
        from reelwright.cli.looking import cancel_campaign

        raise typer.Exit(cancel_campaign(campaign, as_json=as_json))


@app.command()
def settle(
    take: Annotated[str, typer.Argument(metavar="TAKE", help="A take in doubt, as `reelwright status ID --json` names it.")],
    job: Annotated[str, typer.Option(metavar="JOB", help="The provider has it: under this id of its own.")] = "",
    lost: Annotated[bool, typer.Option("--lost", help="The provider never got it.")] = False,
    as_json: Json = False,
) -> None:
    """Say what became of a take in doubt, after a look into your account at the provider. Nothing is submitted.

    With --job, `reelwright resume` fetches and keeps it next. With --lost its money is given back, and it can be asked for again.
    """
    with errors_told(as_json=as_json):
        from reelwright.cli.looking import settle_take

        raise typer.Exit(settle_take(take, job=job, is_lost=lost, as_json=as_json))


@app.command()
def doctor(as_json: Json = False) -> None:
    """Check every part of this installation and explain what it finds."""
    with errors_told(as_json=as_json):
        from reelwright.cli.doctor import examine_all

        raise typer.Exit(examine_all(as_json=as_json))
