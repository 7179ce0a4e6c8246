"""The HTTP client: every call of it is an operation of `openapi.json`, and it makes a film at a real studio."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from producing import MODELS, campaign_of, served_with_vendor
from reelwright import Client
from reelwright.errors import BudgetExceeded, InvalidInput, NotFound, NotSignedIn, NotSubmitted, ReelwrightError, TooManyTries
from serving import House

DOCUMENT = json.loads((Path(__file__).parent.parent / "openapi.json").read_text(encoding="utf-8"))
COMPOSED = {"make"}
"""Calls others."""
OTHER_NAMES = {"save_media": "get_media"}
SAMPLES = {
    "str": "some",
    "str | None": "some",
    "int": 7,
    "bool": True,
    "bytes": b"content",
    "Json | None": {},
    "Mapping[str, str] | None": {"video": "a:b"},
    "Sequence[str]": ["take.kept"],
}
METHODS = sorted(name for name, _ in inspect.getmembers(Client, inspect.isfunction) if not name.startswith("_"))


@dataclass
class Sent:
    """What a call of the client sent."""

    method: str = ""
    path: str = ""
    query: dict[str, str] = field(default_factory=dict[str, str])
    headers: dict[str, str] = field(default_factory=dict[str, str])
    content: bytes = b""


@pytest.fixture
async def recorded() -> AsyncIterator[tuple[str, list[Sent]]]:
    """A server that remembers what it was asked, and where it is."""
    sent: list[Sent] = []

    async def hear(request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        sent.append(Sent(request.method, request.path, dict(request.query), headers, await request.read()))
        if "event-stream" in headers.get("accept", ""):
            return web.Response(text='id: 1\nevent: take.kept\ndata: {"id": "1"}\n\n', content_type="text/event-stream")
        return web.json_response({})

    app = web.Application()
    app.add_routes([web.route("*", "/{rest:.*}", hear)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}", sent
    await runner.cleanup()


def operation_of(sent: Sent) -> tuple[str, dict[str, Any]]:
    """The path and the operation of the document that a request is."""
    found = [
        (path, methods[sent.method.lower()])
        for path, methods in DOCUMENT["paths"].items()
        if re.fullmatch(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path)), sent.path) and sent.method.lower() in methods
    ]
    assert found, f"{sent.method} {sent.path} is no operation"
    return min(found, key=lambda each: each[0].count("{"))


def resolved(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in schema:
        schema = DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


async def call(client: Client, name: str, folder: Path) -> None:
    """The method, with something for every parameter."""
    method = getattr(client, name)
    given = {
        each.name: folder / "file" if each.name == "target" else SAMPLES[str(each.annotation)]
        for each in inspect.signature(method).parameters.values()
    }
    if inspect.isasyncgenfunction(method):
        async with aclosing(method(**given)) as told:
            async for _ in told:
                return
    else:
        await method(**given)


@pytest.mark.parametrize("name", [name for name in METHODS if name not in COMPOSED])
async def test_a_method_is_an_operation_with_those_parameters(
    recorded: tuple[str, list[Sent]], name: str, tmp_path: Path
) -> None:
    origin, heard = recorded
    async with Client(origin, "reel_token") as client:
        await call(client, name, tmp_path)
    [sent] = heard
    path, operation = operation_of(sent)
    assert operation["operationId"] == OTHER_NAMES.get(name, name)
    assert sent.headers["authorization"] == "Bearer reel_token"
    declared = operation.get("parameters", [])
    queries = {each["name"]: each.get("required", False) for each in declared if each["in"] == "query"}
    assert set(sent.query) <= set(queries), path
    assert {query for query, is_required in queries.items() if is_required} <= set(sent.query)
    assert {each["name"].lower() for each in declared if each["in"] == "header" and each.get("required")} <= set(sent.headers)
    schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    if schema is not None:
        wanted, body = resolved(schema), json.loads(sent.content)
        assert set(body) <= set(wanted["properties"]), path
        assert set(wanted.get("required", [])) <= set(body)
        assert len(body) + len(sent.query) + path.count("{") >= len(inspect.signature(getattr(Client, name)).parameters) - 2
    else:
        assert sent.content in {b"", b"content"}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with served_with_vendor(tmp_path_factory.mktemp("client")) as (made, _):
        yield made


def token_of(house: House, name: str) -> str:
    user = house.person(name)
    return house.run(lambda studio: studio.accounts.create_token(user, "tests"))[1]


async def test_a_film_is_made_shown_and_fetched(house: House, tmp_path: Path) -> None:
    async with Client(house.origin, token_of(house, "ann")) as client:
        with pytest.raises(BudgetExceeded):
            await client.make("A lamp called Ember, 2 seconds, 1 shot", models=MODELS)
        film = await client.make("A lamp called Ember, 2 seconds, 1 shot", cap_usd="20", models=MODELS)
        assert film["is_ready"]
        saved = await client.save_media(film["assets"]["film"], tmp_path / "film.mp4")
        assert saved.read_bytes()[4:8] == b"ftyp"
        with pytest.raises(FileExistsError):
            await client.save_media(film["assets"]["film"], saved)
        link = await client.create_share(film["campaign"])
        assert link["is_active"]
        takes = await client.list_takes(film["campaign"])
        assert {take["state"] for take in takes["items"]} == {"kept"}
        names: list[str] = []
        async with aclosing(client.campaign_events(film["campaign"])) as told:
            async for event in told:
                names.append(event["name"])
                if event["name"] == "production.completed":
                    break
        assert names[0] == "campaign.created"


async def test_what_the_studio_refuses_is_raised_as_it_was_there(house: House, tmp_path: Path) -> None:
    async with Client(house.origin, token_of(house, "bob")) as client:
        for wrong in (
            client.read_campaign("nowhere"),
            client.save_media("asset_none", tmp_path / "none"),
            client.get_film("a/b"),
        ):
            with pytest.raises(NotFound):
                await wrong
        assert not (tmp_path / "none").exists()
        with pytest.raises(InvalidInput):
            await client.create_share(campaign_of(house, "bob"), password="short")
        with pytest.raises(NotFound):
            async for _ in client.campaign_events("nowhere"):
                pass
    async with Client(house.origin, "reel_" + "x" * 43) as stranger:
        with pytest.raises(NotSignedIn):
            await stranger.show_me()
    async with Client("http://127.0.0.1:9", "reel_token") as nobody:
        with pytest.raises(NotSubmitted, match="could not be reached"):
            await nobody.show_me()


async def test_who_is_asked_to_wait_is_told_how_long() -> None:
    async def refuse(_: web.Request) -> web.Response:
        problem = {"code": "too_many_tries", "detail": "Wait."}
        return web.json_response(problem, status=429, headers={"Retry-After": "17"})

    async def elsewhere(request: web.Request) -> web.Response:
        return web.Response(status=307, headers={"Location": "http://127.0.0.1:9/", "X-Was": request.path})

    app = web.Application()
    app.add_routes([web.get("/api/v1/me", refuse), web.get("/api/v1/models", elsewhere)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        async with Client(f"http://127.0.0.1:{runner.addresses[0][1]}", "reel_token") as client:
            with pytest.raises(TooManyTries) as refused:
                await client.show_me()
            assert refused.value.retry_after == 17
            with pytest.raises(ReelwrightError, match="HTTP 307"):
                await client.list_models()
    finally:
        await runner.cleanup()
