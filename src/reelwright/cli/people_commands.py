"""The commands about people: `user` and `token`."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from reelwright.cli.exits import errors_told
from reelwright.cli.options import Json
from reelwright.domain.account import Role, Scope

user_app = typer.Typer(help="Add people, list them, and say what each may do.", no_args_is_help=True, rich_markup_mode=None)
token_app = typer.Typer(
    help="Make, list and revoke the tokens with which programs ask the API.", no_args_is_help=True, rich_markup_mode=None
)
UserArgument = Annotated[str, typer.Argument(metavar="USER", help="An address or an id, as `reelwright user list` shows them.")]


@user_app.command("add")
def user_add(
    email: Annotated[str, typer.Argument(metavar="EMAIL", help="Their address, with which they sign in.")],
    role: Annotated[Role, typer.Option(help="What they are: a viewer sees, a member also makes and pays, an owner does all.")] = (
        Role.MEMBER
    ),
    name: Annotated[str, typer.Option(help="What people call them.")] = "",
    as_json: Json = False,
) -> None:
    """Add a person. Prints a link that works once, with which they choose their password."""
    with errors_told(as_json=as_json):
        from reelwright.cli.people import add_user

        raise typer.Exit(add_user(email, name=name, role=role, as_json=as_json))


@user_app.command("list")
def user_list(as_json: Json = False) -> None:
    """List everybody."""
    with errors_told(as_json=as_json):
        from reelwright.cli.people import list_users

        raise typer.Exit(list_users(as_json=as_json))


@user_app.command("link")
def user_link(user: UserArgument, as_json: Json = False) -> None:
    """Print a new link that works once, for who lost the first one or has forgotten the password."""
    with errors_told(as_json=as_json):
        from reelwright.cli.people import invite_user

        raise typer.Exit(invite_user(user, as_json=as_json))


@user_app.command("role")
def user_role(
    user: UserArgument,
    role: Annotated[Role, typer.Argument(metavar="ROLE", help="owner, member or viewer.")],
    as_json: Json = False,
) -> None:
    """Make a person something else in the studio, from their next request on. The last owner stays one."""
    with errors_told(as_json=as_json):
        from reelwright.cli.people import change_user

        raise typer.Exit(change_user(user, role=role, as_json=as_json))


@user_app.command("disable")
def user_disable(user: UserArgument, as_json: Json = False) -> None:
    """Let a person in no more: their sessions, tokens and links end at once. What is theirs stays."""
    with errors_told(as_json=as_json):
        from reelwright.cli.people import change_user

        raise typer.Exit(change_user(user, is_disabled=True, as_json=as_json))


@user_app.command("enable")
def user_enable(user: UserArgument, as_json: Json = False) -> None:
    """Let a person in again, with the password that they had. Tokens stay ended."""
    with errors_told(as_json=as_json):
        from reelwright.cli.people import change_user

        raise typer.Exit(change_user(user, is_disabled=False, as_json=as_json))


@token_app.command("create")
def token_create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is for, in your words.")],
    user: Annotated[str, typer.Option(metavar="USER", help="Whose it is; the owner of this studio unless said.")] = "owner",
    scope: Annotated[
        Optional[list[Scope]], typer.Option(help="What it may do, once for each; all that the person may do unless said.")
    ] = None,
    expires: Annotated[
        Optional[int], typer.Option(metavar="DAYS", min=1, max=3650, help="After how many days it ends by itself.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a token for a program. It is shown this once: `Authorization: Bearer TOKEN`."""
    with errors_told(as_json=as_json):
        from reelwright.cli.people import create_token

        raise typer.Exit(create_token(name, who=user, scopes=scope or [], days=expires, as_json=as_json))


@token_app.command("list")
def token_list(
    user: Annotated[str, typer.Option(metavar="USER", help="Only those of one person.")] = "", as_json: Json = False
) -> None:
    """List tokens, ended ones among them. Of each only the last four characters are known."""
    with errors_told(as_json=as_json):
        from reelwright.cli.people import list_tokens

        raise typer.Exit(list_tokens(who=user, as_json=as_json))


@token_app.command("revoke")
def token_revoke(
    token: Annotated[str, typer.Argument(metavar="TOKEN", help="Its id, as `reelwright token list` shows it.")],
    as_json: Json = False,
) -> None:
    """End a token at once, and every token that was made with it."""
    with errors_told(as_json=as_json):
        from reelwright.cli.people import revoke_token

        raise typer.Exit(revoke_token(token, as_json=as_json))
