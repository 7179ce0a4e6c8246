"""`user` and `token`: who may use a studio, and their programs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from rich.console import Console
from rich.table import Table

from reelwright.cli.exits import Exit
from reelwright.cli.opening import People, only_people
from reelwright.config import read_settings
from reelwright.domain.account import Role, Scope, Token, User

T = TypeVar("T")
_HERE = "http://127.0.0.1:8000"
"""Where `reelwright serve` is unless it is told otherwise."""
_WIDEST = 180
"""Columns: an id that is cut short is of no use, so a narrow terminal wraps it."""


def _ask(question: Callable[[People], Awaitable[T]]) -> T:
    async def opened() -> T:
        with only_people(read_settings()) as people:
            return await question(people)

    return asyncio.run(opened())


def add_user(email: str, *, name: str, role: Role, as_json: bool) -> Exit:
    """`reelwright user add EMAIL`."""

    async def question(people: People) -> tuple[User, str]:
        user = await people.accounts.add(email, name=name, role=role)
        return user, await _link(people, user)

    user, link = _ask(question)
    if as_json:
        _print_json({**_person(user), "link": link})
        return Exit.OK
    _say(f"{user.email} may come in, as {user.role}. They choose a password here; the link works once, for a week:")
    _say(link)
    return Exit.OK


def invite_user(who: str, *, as_json: bool) -> Exit:
    """`reelwright user link USER`."""

    async def question(people: People) -> tuple[User, str]:
        user = await people.accounts.get(who)
        return user, await _link(people, user)

    user, link = _ask(question)
    if as_json:
        _print_json({**_person(user), "link": link})
        return Exit.OK
    _say(f"{user.email or user.name} chooses a password here; the link works once:")
    _say(link)
    return Exit.OK


def list_users(*, as_json: bool) -> Exit:
    """`reelwright user list`."""
    found = _ask(lambda people: people.accounts.everybody())
    if as_json:
        _print_json({"items": [_person(user) for user in found]})
        return Exit.OK
    table = _table("address", "name", "role", "since", "id", "")
    for user in found:
        state = "disabled" if user.disabled_at else ""
        style = "dim" if user.disabled_at else None
        table.add_row(user.email or "–", user.name, user.role, _day(user.created_at), user.id, state, style=style)
    _show(table)
    return Exit.OK


def change_user(who: str, *, role: Role | None = None, is_disabled: bool | None = None, as_json: bool) -> Exit:
    """`reelwright user role`, `user disable` and `user enable`."""

    async def question(people: People) -> User:
        user = await people.accounts.get(who)
        return await people.accounts.change(user.id, role=role, is_disabled=is_disabled)

    user = _ask(question)
    if as_json:
        _print_json(_person(user))
        return Exit.OK
    told = user.email or user.name
    match is_disabled:
        case None:
            _say(f"{told} is {user.role} now.")
        case True:
            _say(f"{told} is let in no more: sessions, tokens and links have ended. What is theirs stays.")
        case False:
            _say(f"{told} may come in again, with the password from before. Tokens stay ended.")
    return Exit.OK


def create_token(name: str, *, who: str, scopes: list[Scope], days: int | None, as_json: bool) -> Exit:
    """`reelwright token create NAME`."""
    ends = datetime.now(UTC) + timedelta(days=days) if days else None

    async def question(people: People) -> tuple[User, Token, str]:
        user = await people.accounts.get(who)
        token, text = await people.accounts.create_token(user.id, name, scopes=scopes, expires_at=ends)
        return user, token, text

    user, token, text = _ask(question)
    if as_json:
        _print_json({**_token(token), "token": text})
        return Exit.OK
    may = ", ".join(sorted(token.scopes))
    until = f", until {_day(token.expires_at)}" if token.expires_at else ""
    _say(f"A token of {user.email or user.name} that may {may}{until}. It is shown this once:")
    _say(text)
    return Exit.OK


def list_tokens(*, who: str, as_json: bool) -> Exit:
    """`reelwright token list`."""

    async def question(people: People) -> tuple[list[Token], dict[str, User]]:
        user = await people.accounts.get(who) if who else None
        users = {each.id: each for each in await people.accounts.everybody()}
        return await people.accounts.tokens(user.id if user else None), {str(key): each for key, each in users.items()}

    found, users = _ask(question)
    if as_json:
        _print_json({"items": [_token(token) for token in found]})
        return Exit.OK
    table = _table("id", "of", "name", "ends in", "may", "used", "until")
    for token in found:
        user, is_over = users[token.user_id], _is_over(token)
        until = "revoked" if token.revoked_at else _day(token.expires_at)
        may = " ".join(sorted(token.scopes))
        row = (token.id, user.email or user.name, token.name, f"…{token.ending}", may, _day(token.used_at), until)
        table.add_row(*row, style="dim" if is_over else None)
    _show(table)
    return Exit.OK


def revoke_token(token: str, *, as_json: bool) -> Exit:
    """`reelwright token revoke TOKEN`."""
    _ask(lambda people: people.accounts.revoke_token(token, None))
    if as_json:
        _print_json({"id": token, "is_revoked": True})
    else:
        _say(f"{token} is revoked: from now on it opens nothing.")
    return Exit.OK


async def _link(people: People, user: User) -> str:
    return (people.public_url.rstrip("/") or _HERE) + await people.links.invite(user.id)


def _is_over(token: Token) -> bool:
    return token.revoked_at is not None or (token.expires_at is not None and token.expires_at <= datetime.now(UTC))


def _person(user: User) -> dict[str, Any]:
    return {
        "id": user.id,
        "email": user.email or None,
        "name": user.name,
        "role": user.role.value,
        "has_password": user.has_password,
        "created_at": user.created_at.isoformat(),
        "disabled_at": user.disabled_at.isoformat() if user.disabled_at else None,
    }


def _token(token: Token) -> dict[str, Any]:
    return {
        "id": token.id,
        "user": token.user_id,
        "name": token.name,
        "last_four": token.ending,
        "scopes": sorted(scope.value for scope in token.scopes),
        "created_at": token.created_at.isoformat(),
        "used_at": token.used_at.isoformat() if token.used_at else None,
        "expires_at": token.expires_at.isoformat() if token.expires_at else None,
        "revoked_at": token.revoked_at.isoformat() if token.revoked_at else None,
    }


def _table(*columns: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column in columns:
        table.add_column(column, no_wrap=True)
    return table


def _show(table: Table) -> None:
    console = Console(highlight=False, markup=False)
    console.width = max(console.width, _WIDEST)
    console.print(table)


def _day(moment: datetime | None) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M") if moment else ""


def _say(text: str) -> None:
    Console(highlight=False, markup=False).print(text, soft_wrap=True)


def _print_json(document: object) -> None:
    print(json.dumps(document, ensure_ascii=False, indent=1))
