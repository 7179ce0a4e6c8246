"""Every route there is, walked by somebody else, by nobody, and by somebody who may only look."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from producing import campaign_of, ended, served_with_vendor, start
from reelwright.domain.account import Role
from serving import House

DOCUMENT: dict[str, Any] = json.loads((Path(__file__).parents[2] / "openapi.json").read_text())
OPERATIONS = [
    (method.upper(), path, operation)
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
    if method in {"get", "head", "post", "put", "patch", "delete"}
]
EVERYBODYS = {"{model}", "{provider}"}
"""What belongs to nobody."""
OPEN = {"/healthz", "/readyz", "/metrics", "/api/v1/session", "/api/v1/setup", "/api/v1/password"}
"""Paths that ask nobody who they are: how one comes in, and what machines look at. Vendors' calls are signed."""
REFUSED_OTHERWISE = {"PUT /api/v1/campaigns/{campaign}": 409}
"""Who brings an id of their own learns that it cannot be had, and nothing else."""
HEADERS = {"Idempotency-Key": "a key of an intruder", "If-Match": '"1"', "Tus-Resumable": "1.0.0", "Upload-Offset": "0"}


def is_private(path: str) -> bool:
    return "{" in path and not any(name in path for name in EVERYBODYS)


PRIVATE = [(method, path, operation) for method, path, operation in OPERATIONS if is_private(path)]
NAMES = [f"{method} {path}" for method, path, _ in PRIVATE]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with served_with_vendor(tmp_path_factory.mktemp("fence")) as (house, _):
        yield house


@pytest.fixture(scope="module")
def things(house: House, ann: httpx2.Client) -> dict[str, str]:
    """An id of Ann's for every name that a path has."""
    campaign = campaign_of(house, "ann")
    production = start(ann, campaign)["id"]
    assert ended(ann, production)["state"] == "completed"
    take = rows(ann.get(f"/api/v1/campaigns/{campaign}/takes"))[0]
    film = rows(ann.get(f"/api/v1/campaigns/{campaign}/films"))[0]
    draft = ann.get(f"/api/v1/campaigns/{campaign}/draft")
    patch = {"name": "As Ann calls it"}
    ann.patch(f"/api/v1/campaigns/{campaign}/draft", json=patch, headers={"If-Match": draft.headers["etag"]}).raise_for_status()
    upload = ann.post(
        "/api/v1/uploads",
        headers={
            "Tus-Resumable": "1.0.0",
            "Upload-Length": "10",
            "Upload-Metadata": f"campaign {_base64(campaign)},filename {_base64('a.png')}",
        },
    )
    assert upload.status_code == 201, upload.text
    token = rows(ann.get("/api/v1/tokens"))[0]
    hook = ann.post("/api/v1/hooks", json={"url": "https://hooks.example/ember"}).json()["id"]
    return {
        "campaign": campaign,
        "production": production,
        "take": take["id"],
        "shot": take["shot"],
        "film": film["id"],
        "asset": take["asset"],
        "upload": upload.headers["location"].rsplit("/", 1)[1],
        "token": token["id"],
        "hook": hook,
        "delivery": ann.post(f"/api/v1/hooks/{hook}/test").json()["id"],
        "share": ann.post(f"/api/v1/campaigns/{campaign}/shares", json={}).json()["id"],
        "session": "session_01m7zh3yyb7jg4snzgjr63djpt",
        "user": house.people["ann"],
        "number": draft.headers["etag"].strip('"'),
    }


def rows(answer: httpx2.Response) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def ask(client: httpx2.Client, method: str, path: str, operation: dict[str, Any], things: dict[str, str]) -> httpx2.Response:
    url = path
    for name in [part.partition("}")[0] for part in path.split("{")[1:]]:
        assert name in things, f"the walk does not know a {name}: say what Ann has of it"
        url = url.replace(f"{{{name}}}", things[name])
    body = body_of(operation)
    options: dict[str, Any] = {"headers": HEADERS | ({"Content-Type": body[0]} if body else {})}
    if body:
        options["content"] = body[1]
    with client.stream(method, url, **options) as answer:
        if answer.status_code >= 400:
            answer.read()
        return answer


def body_of(operation: dict[str, Any]) -> tuple[str, bytes] | None:
    """A body that is right in form, made of what the document says of it."""
    content = operation.get("requestBody", {}).get("content", {})
    for kind in ("application/merge-patch+json", "application/json"):
        if kind in content:
            return kind, json.dumps(example_of(content[kind]["schema"])).encode()
    streamed = next((kind for kind in content if "octet-stream" in kind), "")
    if content and not streamed:
        return "multipart/form-data; boundary=part", b"--part--\r\n"
    return (streamed, b"bytes") if content else None


def example_of(schema: dict[str, Any]) -> Any:
    if "$ref" in schema:
        return example_of(DOCUMENT["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]])
    if "examples" in schema:
        return schema["examples"][0]
    if "default" in schema:
        return schema["default"]
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return example_of(schema[several][0])
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("type") == "object":
        return {name: example_of(schema["properties"][name]) for name in schema.get("required", [])}
    plain: dict[str, Any] = {"array": [], "integer": schema.get("minimum", 1), "number": 1, "boolean": False}
    return plain.get(schema["type"], "something")


@pytest.mark.parametrize(("method", "path", "operation"), PRIVATE, ids=NAMES)
def test_somebody_else_finds_nothing(
    bob: httpx2.Client, things: dict[str, str], method: str, path: str, operation: dict[str, Any]
) -> None:
    answer = ask(bob, method, path, operation, things)
    assert answer.status_code == REFUSED_OTHERWISE.get(f"{method} {path}", 403 if "{user}" in path else 404), answer.text


@pytest.mark.parametrize(
    ("method", "path", "operation"),
    [each for each in OPERATIONS if each[1] not in OPEN and not each[1].startswith(("/webhooks/", "/s/"))],
    ids=[f"{each[0]} {each[1]}" for each in OPERATIONS if each[1] not in OPEN and not each[1].startswith(("/webhooks/", "/s/"))],
)
def test_nobody_is_asked_to_sign_in_first(
    house: House, things: dict[str, str], method: str, path: str, operation: dict[str, Any]
) -> None:
    with house.stranger() as nobody:
        assert ask(nobody, method, path, operation, {"model": "animatic:cards", **things}).status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "operation"),
    [each for each in OPERATIONS if each[0] not in {"GET", "HEAD"} and each[1].startswith("/api/v1/") and each[1] not in OPEN],
    ids=[
        f"{each[0]} {each[1]}"
        for each in OPERATIONS
        if each[0] not in {"GET", "HEAD"} and each[1].startswith("/api/v1/") and each[1] not in OPEN
    ],
)
def test_who_may_only_look_changes_nothing(
    house: House, things: dict[str, str], method: str, path: str, operation: dict[str, Any]
) -> None:
    own = ("/api/v1/me", "/api/v1/sessions", "/api/v1/tokens")
    with house.client("vera", role=Role.VIEWER) as vera:
        answer = ask(vera, method, path, operation, things)
    assert answer.status_code == 403 or path.startswith(own), answer.text


def test_after_all_of_that_everything_is_as_ann_left_it(ann: httpx2.Client, things: dict[str, str]) -> None:
    campaign = ann.get(f"/api/v1/campaigns/{things['campaign']}").json()
    assert (campaign["name"], campaign["status"]) == ("As Ann calls it", "completed")
    assert ann.get(f"/api/v1/assets/{things['asset']}").status_code == 200
    assert ann.get(f"/api/v1/takes/{things['take']}").json()["state"] == "kept"
    assert ann.head(f"/api/v1/uploads/{things['upload']}", headers={"Tus-Resumable": "1.0.0"}).status_code == 200
    assert ann.get("/api/v1/me").status_code == 200
