"""The commands. Each parses, calls one function of another file, and ends; heavy imports wait until a command runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from reelwright import __version__
from reelwright.cli.exits import Exit, errors_told
from reelwright.cli.import_commands import import_frames
from reelwright.cli.keeping_commands import backup, purge, restore, verify
from reelwright.cli.options import CampaignArgument, Json
from reelwright.cli.people_commands import token_app, user_app
from reelwright.cli.take_commands import harvest, takes_app

app = typer.Typer(
    name="reelwright",
    help="From a brief to a finished film, and nothing that was generated is ever lost.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


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
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before paying for what is still to be made.")] = False,
    as_json: Json = False,
) -> None:
    """Go on with a production that was paused, killed or failed. What was kept is used, not made or paid again.

    After one that failed or was cancelled, what is still to be made has a price: it is shown, and asked about.
    """
    with errors_told(as_json=as_json):
        from reelwright.cli.making import resume_film

        raise typer.Exit(resume_film(campaign, output=output, cap=cap, is_agreed=yes, as_json=as_json))


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


app.add_typer(takes_app, name="takes")
app.add_typer(user_app, name="user")
app.add_typer(token_app, name="token")
app.command()(harvest)
app.command()(import_frames)


@app.command()
def doctor(as_json: Json = False) -> None:
    """Check every part of this installation and explain what it finds."""
    with errors_told(as_json=as_json):
        from reelwright.cli.doctor import examine_all

        raise typer.Exit(examine_all(as_json=as_json))


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Where to listen; this machine alone unless said.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8000,
    worker: Annotated[bool, typer.Option("--worker/--no-worker", help="Also make what is asked for, in this process.")] = True,
    as_json: Json = False,
) -> None:
    """Serve the studio over HTTP, and do its work, until Ctrl-C.

    On this machine alone there is no ceremony: open the address that is printed. Where others can reach it, a link that works
    once is printed with it, to set the studio up. Every other command may be used on the same data folder meanwhile.
    """
    with errors_told(as_json=as_json):
        from reelwright.api.server import Address
        from reelwright.cli.serve import serve_studio

        raise typer.Exit(serve_studio(Address(host, port), works=worker, as_json=as_json))


@app.command()
def simulate(
    vendors: Annotated[
        str, typer.Argument(metavar="VENDORS", help="By commas: runway,luma,luma-agents,replicate,fal,openai ...")
    ],
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where on this machine; 0 takes a free one.")] = 0,
    file: Annotated[
        Optional[Path], typer.Option(help="Keep their jobs and money here; forgotten at the end unless said.")
    ] = None,
    url_seconds: Annotated[Optional[float], typer.Option(min=0, help="How long the URLs of their outputs live; 1 h.")] = None,
    trouble_rate: Annotated[float, typer.Option(min=0, max=1, help="How much of everything goes wrong, in every way.")] = 0.0,
    seconds: Annotated[str, typer.Option(metavar="A-B", help="How long a job takes; about half a second unless said.")] = "",
    behaviour: Annotated[str, typer.Option(metavar="JSON", help="More knobs, as testing/simulators/behaviour.py has them.")] = "",
    as_json: Json = False,
) -> None:
    """Serve simulated vendors on this machine until Ctrl-C: real shapes, states, limits and media, and no money.

    Prints the variables that lead Reelwright, and the vendors' own SDKs, to them. What they counted is at /__ledger.
    """
    with errors_told(as_json=as_json):
        from reelwright.cli.simulate import Wishes, simulate_vendors

        wishes = Wishes(seconds, url_seconds, trouble_rate, behaviour)
        raise typer.Exit(simulate_vendors(vendors, port=port, file=file, wishes=wishes, as_json=as_json))


@app.command()
def costs(
    campaign: Annotated[Optional[str], typer.Argument(metavar="[ID]", help="A campaign; all of them when left out.")] = None,
    as_json: Json = False,
) -> None:
    """Show what was paid and what is held, to the last cent: every movement of a campaign, or the sums of all."""
    with errors_told(as_json=as_json):
        from reelwright.cli.money import show_costs

        raise typer.Exit(show_costs(campaign, as_json=as_json))


@app.command()
def budget(
    campaign: Annotated[
        Optional[str], typer.Argument(metavar="[ID]", help="A campaign; this month over all campaigns when left out.")
    ] = None,
    month: Annotated[
        str, typer.Option(metavar="USD", help="The most that a month may cost, over all campaigns; none to lift it.")
    ] = "",
    cap: Annotated[str, typer.Option(metavar="USD", help="The most that the campaign may cost.")] = "",
    warn: Annotated[Optional[int], typer.Option(min=1, max=100, help="Per cent that are used when you are warned.")] = None,
    as_json: Json = False,
) -> None:
    """Show or change what may be spent: in a month, or on a campaign.

    A month is a calendar month in UTC. A price is held against it before anything is sent, and what is held in one month and paid
    in the next belongs to the first.
    """
    with errors_told(as_json=as_json):
        from reelwright.cli.money import show_budget

        raise typer.Exit(show_budget(campaign, month=month, cap=cap, warn=warn, as_json=as_json))


@app.command("migrate-storage")
def migrate_storage(
    source: Annotated[str, typer.Argument(metavar="FROM", help="Where everything is now, as REELWRIGHT_STORAGE_URL has it.")],
    target: Annotated[str, typer.Argument(metavar="TO", help="Where it shall be: file:///folder or s3://bucket/prefix.")],
    as_json: Json = False,
) -> None:
    """Copy everything to another storage and prove it there by its digests. Nothing is removed; run again, it goes on.

    It may run while the studio is at work. Then stop the studio, run it once more for what came meanwhile, and set
    REELWRIGHT_STORAGE_URL. Links that were saved before play on.
    """
    with errors_told(as_json=as_json):
        from reelwright.cli.moving import move_storage

        raise typer.Exit(move_storage(source, target, as_json=as_json))


app.command()(verify)
app.command()(purge)
app.command()(backup)
app.command()(restore)


keys_app = typer.Typer(invoke_without_command=True, rich_markup_mode=None)
app.add_typer(keys_app, name="keys")
KeyArgument = Annotated[str, typer.Argument(metavar="NAME", help="The vendor's own variable, such as OPENAI_API_KEY.")]


@keys_app.callback()
def keys(context: typer.Context, as_json: Json = False) -> None:
    """Show which vendors' keys there are, and keep them sealed in the database. A key in the environment wins.

    A key is never shown but for its last four characters.
    """
    if context.invoked_subcommand is None:
        with errors_told(as_json=as_json):
            from reelwright.cli.keys import list_keys

            raise typer.Exit(list_keys(as_json=as_json))


@keys_app.command("set")
def keys_set(name: KeyArgument, as_json: Json = False) -> None:
    """Keep a key, sealed. It is asked for without being shown, or read from the input."""
    with errors_told(as_json=as_json):
        from reelwright.cli.keys import set_key

        raise typer.Exit(set_key(name, as_json=as_json))


@keys_app.command("remove")
def keys_remove(name: KeyArgument, as_json: Json = False) -> None:
    """Forget a key. One in the environment stays there."""
    with errors_told(as_json=as_json):
        from reelwright.cli.keys import remove_key

        raise typer.Exit(remove_key(name, as_json=as_json))


@keys_app.command("rotate")
def keys_rotate(as_json: Json = False) -> None:
    """Seal every key anew: with a new secret key, or with the first one in REELWRIGHT_SECRET_KEY."""
    with errors_told(as_json=as_json):
        from reelwright.cli.keys import rotate_keys

        raise typer.Exit(rotate_keys(as_json=as_json))


models_app = typer.Typer(invoke_without_command=True, rich_markup_mode=None)
app.add_typer(models_app, name="models")


@models_app.callback()
def models(
    context: typer.Context,
    kind: Annotated[str, typer.Option(help="Only those that make this: frame, clip or voice.")] = "",
    as_json: Json = False,
) -> None:
    """List the models that make frames, clips and voices: their price, their limits, and whether their key is set."""
    if context.invoked_subcommand is None:
        with errors_told(as_json=as_json):
            from reelwright.cli.models import list_models

            raise typer.Exit(list_models(kind=kind, as_json=as_json))


@models_app.command("show")
def models_show(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="As provider:model, such as runway:gen4_turbo.")],
    toml: Annotated[bool, typer.Option("--toml", help="Print its card, to be changed and kept in the data folder.")] = False,
    as_json: Json = False,
) -> None:
    """Show all that is known about a model; for one without a card, a card to fill in."""
    with errors_told(as_json=as_json):
        from reelwright.cli.models import show_model

        raise typer.Exit(show_model(model, as_toml=toml, as_json=as_json))
