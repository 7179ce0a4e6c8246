"""The studio over HTTP, for programs elsewhere: `from reelwright import Client`.

A method is called as its operation is in `openapi.json`, takes what that takes and answers what that answers, as plain
dictionaries. Three do more: `make` makes a film from one call, `campaign_events` listens, and `save_media` fetches. What the
server refuses is raised as the same error that the studio raised there.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeAlias, cast
from urllib.parse import quote

from reelwright import errors
from reelwright.net.wire import Reply, Wire

Json: TypeAlias = dict[str, Any]

_API = "/api/v1"
_FAILED = 300
"""From this status on: a redirect is followed nowhere, because the token belongs to this studio."""
_AGAIN = 1.0
"""Seconds before a stream that was cut is taken up again."""


class Client:
    """One studio, as one person's token sees it. Used inside of `async with`."""

    def __init__(self, origin: str, token: str) -> None:
        """Opens nothing yet.

        Args:
            origin: where the studio is, such as `https://studio.example`.
            token: of `reelwright token create`, or of `POST /api/v1/tokens`.

        Raises:
            AddressRefused: the origin is no URL.
        """
        self._wire = Wire(origin, token)

    async def __aenter__(self) -> Self:
        """Ready to ask."""
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Closes its connections. What was asked for goes on at the studio."""
        await self._wire.aclose()

    async def make(self, sentence: str, *, cap_usd: str | None = None, models: Mapping[str, str] | None = None) -> Json:
        """A film from a sentence, when it is finished: what `get_film` says of it.

        Args:
            sentence: what it is about.
            cap_usd: the most that it may ever cost, in dollars; what is free needs none.
            models: who makes what, such as `{"video": "runway:gen4_turbo"}`.

        Raises:
            BudgetExceeded: the cap does not cover the price, or there is none. Nothing was submitted, nothing was paid.
            Cancelled: somebody ended it.
            Conflict: it failed; the message says why.
        """
        campaign, key = (await self.create_campaign(sentence=sentence))["id"], secrets.token_urlsafe(16)
        begun = await _patiently(lambda: self.start_production(campaign, cap_usd=cap_usd, models=models, key=key))
        after = "0"
        while (run := await _patiently(lambda: self.get_production(begun["id"])))["ended_at"] is None:
            async with aclosing(self.campaign_events(campaign, after=after)) as events:
                async for event in events:
                    after = event["id"]
                    if event["name"] in {"production.completed", "production.failed", "production.cancelled"}:
                        break
        if run["state"] == "cancelled":
            msg = "No film: the production was cancelled."
            raise errors.Cancelled(msg)
        films = [film for film in (await self.list_films(campaign))["items"] if film["is_ready"]]
        if run["state"] != "completed" or not films:
            msg = f"No film: {run['error'] or 'the production failed'}"
            raise errors.Conflict(msg)
        return films[-1]

    async def show_me(self) -> Json:
        """Who the token's person is, and what they may do."""
        return await self._ask("GET", "/me")

    async def list_campaigns(self, *, status: str = "", sort: str = "", cursor: str = "", limit: int = 50) -> Json:
        """A page of campaigns, the latest first."""
        return await self._ask("GET", "/campaigns", query={"status": status, "sort": sort, "cursor": cursor, "limit": limit})

    async def create_campaign(
        self,
        *,
        sentence: str | None = None,
        brief: Json | None = None,
        draft: Json | None = None,
        name: str = "",
        id: str = "",  # noqa: A002 - what the API calls it
    ) -> Json:
        """A new campaign; an `id` of your own that is known already answers that one."""
        body = {"sentence": sentence, "brief": brief, "draft": draft, "name": name or None, "id": id or None}
        return await self._ask("POST", "/campaigns", body=body)

    async def read_campaign(self, campaign: str) -> Json:
        """Everything about one campaign."""
        return await self._ask("GET", "/campaigns/{}", campaign)

    async def delete_campaign(self, campaign: str) -> None:
        """Puts it into the trash."""
        await self._ask("DELETE", "/campaigns/{}", campaign)

    async def restore_campaign(self, campaign: str) -> None:
        """Takes it out of the trash."""
        await self._ask("POST", "/campaigns/{}/restore", campaign)

    async def search(self, q: str) -> Json:
        """Campaigns in which these words are found."""
        return await self._ask("GET", "/search", query={"q": q})

    async def plan_production(
        self, campaign: str, *, aim: Json | None = None, models: Mapping[str, str] | None = None, what: str = "production"
    ) -> Json:
        """What would be made, and what it would cost. Free."""
        return await self._ask("POST", "/campaigns/{}/plan", campaign, body={"aim": aim, "models": models, "what": what})

    async def start_production(
        self,
        campaign: str,
        *,
        cap_usd: str | None = None,
        max_usd: str | None = None,
        aim: Json | None = None,
        models: Mapping[str, str] | None = None,
        key: str = "",
    ) -> Json:
        """Starts making it. The same `key` again answers the same production; unless it is said, every call is a new wish."""
        body = {"cap_usd": cap_usd, "max_usd": max_usd, "aim": aim, "models": models}
        return await self._ask("POST", "/campaigns/{}/productions", campaign, body=body, headers=_ticket(key))

    async def list_productions(self, campaign: str, *, cursor: str = "", limit: int = 50) -> Json:
        """A page of its productions, newest first."""
        return await self._ask("GET", "/campaigns/{}/productions", campaign, query={"cursor": cursor, "limit": limit})

    async def get_production(self, production: str) -> Json:
        """A production, and how far it is."""
        return await self._ask("GET", "/productions/{}", production)

    async def pause_production(self, production: str) -> Json:
        """Holds it; what was submitted comes home all the same."""
        return await self._ask("POST", "/productions/{}/pause", production)

    async def resume_production(self, production: str) -> Json:
        """Lets it go on."""
        return await self._ask("POST", "/productions/{}/resume", production)

    async def cancel_production(self, production: str) -> Json:
        """Ends it; what was paid is kept."""
        return await self._ask("POST", "/productions/{}/cancel", production)

    async def list_takes(self, campaign: str, *, cursor: str = "", limit: int = 50) -> Json:
        """A page of the campaign's takes."""
        return await self._ask("GET", "/campaigns/{}/takes", campaign, query={"cursor": cursor, "limit": limit})

    async def get_take(self, take: str) -> Json:
        """One take: what was asked of whom, what it cost, what became of it."""
        return await self._ask("GET", "/takes/{}", take)

    async def select_take(self, take: str) -> Json | None:
        """Uses it from now on; the others stay."""
        return await self._ask("POST", "/takes/{}/select", take)

    async def list_films(self, campaign: str) -> Json:
        """All of the campaign's films on one page, oldest first."""
        return await self._ask("GET", "/campaigns/{}/films", campaign)

    async def get_film(self, film: str) -> Json:
        """One film, and where it plays."""
        return await self._ask("GET", "/films/{}", film)

    async def get_budget(self, campaign: str) -> Json:
        """What the campaign has cost, and may cost."""
        return await self._ask("GET", "/campaigns/{}/budget", campaign)

    async def upload_asset(self, campaign: str, content: bytes, *, name: str = "") -> Json:
        """Keeps a picture, a clip or a sound of your own."""
        return await self._ask("POST", "/campaigns/{}/assets", campaign, query={"name": name}, content=content)

    async def list_models(self) -> Any:
        """What can be asked for, and what it costs."""
        return await self._ask("GET", "/models")

    async def create_share(
        self,
        campaign: str,
        *,
        film: str | None = None,
        password: str | None = None,
        can_download: bool = False,
        expires_at: str | None = None,
    ) -> Json:
        """A link that shows the film to whoever has it."""
        body = {"film": film, "password": password, "can_download": can_download, "expires_at": expires_at}
        return await self._ask("POST", "/campaigns/{}/shares", campaign, body=body)

    async def list_shares(self, *, campaign: str = "", cursor: str = "", limit: int = 50) -> Json:
        """A page of share links, newest first."""
        return await self._ask("GET", "/shares", query={"campaign": campaign, "cursor": cursor, "limit": limit})

    async def revoke_share(self, share: str) -> None:
        """Ends a share link for good."""
        await self._ask("DELETE", "/shares/{}", share)

    async def create_hook(self, url: str, *, events: Sequence[str] = ()) -> Json:
        """Has an address told of what happens. The answer holds the secret that signs, this once."""
        return await self._ask("POST", "/hooks", body={"url": url, "events": list(events)})

    async def list_hooks(self) -> Json:
        """One's hooks."""
        return await self._ask("GET", "/hooks")

    async def delete_hook(self, hook: str) -> None:
        """Forgets a hook."""
        await self._ask("DELETE", "/hooks/{}", hook)

    async def campaign_events(self, campaign: str, *, after: str = "") -> AsyncGenerator[Json]:
        """What happens in a campaign, from its beginning on or after that event, as it happens; each fact once.

        A stream that is cut is taken up where it was. It ends only with whoever listens.

        Raises:
            NotFound: there is no such campaign.
        """
        while True:
            try:
                async for event in self._listen(_path("/campaigns/{}/events", campaign), after):
                    after = event["id"]
                    yield event
            except errors.NotSubmitted:
                pass
            await asyncio.sleep(_AGAIN)

    async def save_media(self, asset: str, target: str | Path) -> Path:
        """Writes an asset's bytes to a new file, and returns where it is.

        Raises:
            FileExistsError: there is one of that name.
            NotFound: there is no such asset.
            NotSubmitted: the connection broke; no file is left.
        """
        path = Path(target)
        async with self._wire.stream(f"/media/{quote(asset, safe='')}") as (reply, chunks):
            if reply.status >= _FAILED:
                raise _error(reply, b"".join([chunk async for chunk in chunks]))
            file = await asyncio.to_thread(path.open, "xb")
            try:
                with file:
                    async for chunk in chunks:
                        await asyncio.to_thread(file.write, chunk)
            except BaseException:
                await asyncio.to_thread(path.unlink)
                raise
        return path

    async def _listen(self, path: str, after: str) -> AsyncGenerator[Json]:
        headers = {"Accept": "text/event-stream", **({"Last-Event-ID": after} if after else {})}
        async with self._wire.stream(path, headers=headers) as (reply, chunks):
            if reply.status >= _FAILED:
                raise _error(reply, b"".join([chunk async for chunk in chunks]))
            waiting = b""
            async for chunk in chunks:
                *blocks, waiting = (waiting + chunk).split(b"\n\n")
                for block in blocks:
                    fields = dict(line.split(": ", 1) for line in block.decode().splitlines() if ": " in line)
                    if "data" in fields and fields.get("event") != "reset":
                        yield json.loads(fields["data"])

    async def _ask(
        self,
        method: str,
        path: str,
        *ids: str,
        query: Mapping[str, object] | None = None,
        body: Mapping[str, object] | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """What the studio answers; what was not said is left out of what is sent."""
        said = {name: value for name, value in body.items() if value is not None} if body is not None else None
        asked = {name: str(value) for name, value in (query or {}).items() if value != ""}
        reply = await self._wire.send(method, _path(path, *ids), query=asked, body=said, content=content, headers=headers)
        if reply.status >= _FAILED:
            raise _error(reply, reply.content)
        return reply.json()


async def _patiently(ask: Callable[[], Awaitable[Json]]) -> Json:
    """What is answered in the end, to a question that may be asked twice: a studio may be started again meanwhile."""
    while True:
        try:
            return await ask()
        except (errors.NotSubmitted, errors.InDoubt):
            await asyncio.sleep(_AGAIN)


def _path(path: str, *ids: str) -> str:
    return _API + path.format(*(quote(each, safe="") for each in ids))


def _ticket(key: str) -> dict[str, str]:
    return {"Idempotency-Key": key or secrets.token_urlsafe(16)}


def _kinds(kind: type[errors.ReelwrightError] = errors.ReelwrightError) -> dict[str, type[errors.ReelwrightError]]:
    found = {kind.code: kind}
    for each in kind.__subclasses__():
        found |= _kinds(each)
    return found


_KINDS = _kinds()


def _error(reply: Reply, content: bytes) -> errors.ReelwrightError:
    """The error that was raised at the studio."""
    told = Reply(reply.status, reply.headers, content).json()
    problem = cast("Json", told) if isinstance(told, dict) else {}
    error = _KINDS.get(str(problem.get("code")), errors.ReelwrightError)(str(problem.get("detail", f"HTTP {reply.status}")))
    if isinstance(error, errors.TooManyTries | errors.Throttled) and reply.headers.get("retry-after", "").isdigit():
        error.retry_after = float(reply.headers["retry-after"])
    if isinstance(error, errors.VersionConflict):
        error.current = problem.get("current")
    return error
