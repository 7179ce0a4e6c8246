"""Drafts over HTTP: the protocol of autosave, to the letter."""

from __future__ import annotations

import json

import httpx2
import pytest

from reelwright.db import campaigns
from reelwright.domain.campaign import CampaignStatus
from reelwright.domain.draft import MOST_BYTES
from reelwright.domain.ids import CampaignId
from serving import House

MERGE = {"content-type": "application/merge-patch+json"}


@pytest.fixture
def path(ann: httpx2.Client) -> str:
    """The draft of a new campaign of Ann's."""
    return f"/api/v1/campaigns/{ann.post('/api/v1/campaigns', json={}).json()['id']}/draft"


def save(client: httpx2.Client, path: str, patch: object, version: int | str | None = 1, **headers: str) -> httpx2.Response:
    named = {} if version is None else {"If-Match": version if isinstance(version, str) else f'"{version}"'}
    return client.patch(path, content=json.dumps(patch), headers={**MERGE, **named, **headers})


def test_a_save_answers_the_draft_as_it_is_kept_and_its_new_version(ann: httpx2.Client, path: str) -> None:
    before = ann.get(path)
    assert (before.headers["etag"], before.headers["cache-control"]) == ('"1"', "no-store")
    assert before.json()["version"] == 1
    told = {"X-Client": "tab-7", "X-Save-Reason": "idle", "User-Agent": "Mozilla/5.0 (iPad; CPU OS 18_0 like Mac OS X)"}
    saved = save(ann, path, {"brief": {"product": "Trail shoe"}, "shots": {"shot_2": {"text": "Rain"}}}, 1, **told)
    assert (saved.status_code, saved.headers["etag"]) == (200, '"2"')
    assert saved.json().keys() == {"version", "doc", "saved_at"}
    assert saved.json()["doc"]["shots"] == {"shot_2": {"text": "Rain"}}
    found = ann.get(path).json()
    assert found["doc"] == saved.json()["doc"]
    assert found["updated_at"] == saved.json()["saved_at"].replace("+00:00", "Z")
    assert found["updated_by"] | {"user": ""} == {"user": "", "name": "ann", "device": "iPad", "client": "tab-7"}


def test_a_save_that_has_not_seen_the_newest_is_answered_with_it(ann: httpx2.Client, path: str) -> None:
    assert save(ann, path, {"name": "First"}).status_code == 200
    refused = save(ann, path, {"name": "Second"})
    assert (refused.status_code, refused.headers["etag"]) == (412, '"2"')
    assert refused.headers["content-type"] == "application/problem+json"
    problem = refused.json()
    assert problem["code"] == "version_conflict"
    assert problem["current"].keys() == {"version", "doc", "updated_at", "updated_by"}
    assert (problem["current"]["version"], problem["current"]["doc"]["name"]) == (2, "First")
    assert save(ann, path, {"name": "First"}).json()["version"] == 2  # an answer that was lost, asked for again


@pytest.mark.parametrize(
    ("version", "status", "code"),
    [(None, 428, "version_missing"), ("*", 428, "version_missing"), ("soon", 422, "invalid_input"), ('W/"1"', 200, "")],
)
def test_a_save_says_which_version_it_saw(ann: httpx2.Client, path: str, version: str | None, status: int, code: str) -> None:
    answer = save(ann, path, {"name": "First"}, version)
    assert (answer.status_code, answer.json().get("code", "")) == (status, code)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"[1]", 422),
        (b"null", 422),
        (b'{"a": ', 422),
        (b'{"a": NaN}', 422),
        (b'{"a": 1e999}', 422),
        (b'{"a": "\xff"}', 422),
        (b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", 422),
        (b'{"a": ' + b"9" * 10_000 + b"}", 422),
        (b'{"a": "' + b"x" * (MOST_BYTES + 1) + b'"}', 413),
        (b'{"a": "' + b"x" * (8 * MOST_BYTES) + b'"}', 413),
        (b'{"name": "half \\ud83d of it \\u0000", "step": true, "brief": 5}', 200),
        (b"{}", 200),
    ],
)
def test_bad_bodies_are_answered_and_never_break_anything(ann: httpx2.Client, path: str, body: bytes, status: int) -> None:
    answer = ann.patch(path, content=body, headers={**MERGE, "If-Match": '"1"'})
    assert answer.status_code == status, answer.text
    assert ann.get(path).status_code == 200


def test_the_history_is_paged_and_taken_back_as_an_ordinary_save(ann: httpx2.Client, path: str) -> None:
    for version, name in enumerate(("One", "Two", "Three"), 1):
        save(ann, path, {"name": name}, version)
    first = ann.get(f"{path}/versions", params={"limit": 2}).json()
    rest = ann.get(f"{path}/versions", params={"limit": 2, "cursor": first["next_cursor"]}).json()
    assert [each["version"] for each in first["items"] + rest["items"]] == [3, 2, 1]
    assert rest["next_cursor"] is None
    assert ann.get(f"{path}/versions/2").json()["doc"]["name"] == "One"
    assert ann.get(f"{path}/versions/77").status_code == 404
    back = ann.post(f"{path}/versions/2/restore", headers={"If-Match": '"4"'})
    assert (back.status_code, back.json()["version"], back.json()["doc"]["name"]) == (200, 5, "One")
    assert ann.post(f"{path}/versions/3/restore", headers={"If-Match": '"4"'}).status_code == 412
    assert ann.post(f"{path}/versions/3/restore").status_code == 428


def test_while_the_film_is_made_the_draft_stays_as_it_is(house: House, ann: httpx2.Client, path: str) -> None:
    campaign = CampaignId(path.split("/")[4])
    house.run(lambda s: s.database.write(lambda session: campaigns.set_status(session, campaign, CampaignStatus.GENERATING)))
    answer = save(ann, path, {"name": "Late"})
    assert (answer.status_code, answer.json()["code"]) == (409, "campaign_locked")
    assert ann.delete(f"/api/v1/campaigns/{campaign}").json()["code"] == "campaign_locked"
    assert ann.patch(f"/api/v1/campaigns/{campaign}", json={"name": "Renamed"}).json()["name"] == "Renamed"


def test_what_is_still_wrong_is_told_before_anybody_asks_for_a_film(ann: httpx2.Client, path: str) -> None:
    save(ann, path, {"brief": {"seconds": 4000}})
    [error] = ann.get(f"{path}/check").json()["errors"]
    assert (error["path"], error["message"]) == ("brief.seconds", "4000 is too long; a film may last 2 to 600 seconds")
    save(ann, path, {"brief": {"seconds": 20, "product": "A shoe"}}, 2)
    assert ann.get(f"{path}/check").json() == {"is_ready": True, "errors": []}


def test_nobody_else_sees_or_changes_it(house: House, ann: httpx2.Client, bob: httpx2.Client, path: str) -> None:
    save(ann, path, {"name": "Mine"})
    asked = [
        bob.get(path),
        save(bob, path, {"name": "Bob's"}, 2),
        bob.get(f"{path}/versions"),
        bob.get(f"{path}/versions/1"),
        bob.get(f"{path}/check"),
        bob.post(f"{path}/versions/1/restore", headers={"If-Match": '"2"'}),
    ]
    assert [answer.status_code for answer in asked] == [404] * len(asked)
    with house.stranger() as nobody:
        assert save(nobody, path, {"name": "Anybody's"}, 2).status_code == 401
    assert ann.get(path).json()["doc"]["name"] == "Mine"
