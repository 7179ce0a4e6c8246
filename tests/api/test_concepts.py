"""Concepts and storyboards on request, over HTTP: written into the draft, beside what a person has made."""

from __future__ import annotations

import time
from typing import Any

import httpx2

from reelwright.domain.account import Scope
from serving import House

ALL = "/api/v1/campaigns"


def begun(client: httpx2.Client, **draft: Any) -> str:
    wish = {
        "draft": {"name": "Ember", "brief": {"product": "A lamp that wakes you with light", "shots": 2, "seconds": 4}, **draft}
    }
    return client.post(ALL, json=wish).json()["id"]


def ask(client: httpx2.Client, campaign: str, what: str, **wish: Any) -> dict[str, Any]:
    """Asks, waits until it is written, and gives the draft."""
    answer = client.post(f"{ALL}/{campaign}/{what}", json=wish)
    assert answer.status_code == 202, answer.text
    assert answer.json()["events"].startswith(f"/api/v1/events?campaign={campaign}&after=")
    for _ in range(600):
        if not client.get(f"{ALL}/{campaign}").json()["writing"]:
            break
        time.sleep(0.05)
    return client.get(f"{ALL}/{campaign}/draft").json()


def save(client: httpx2.Client, campaign: str, patch: dict[str, Any], version: int) -> dict[str, Any]:
    answer = client.patch(f"{ALL}/{campaign}/draft", json=patch, headers={"If-Match": f'"{version}"'})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_step_by_step_to_a_storyboard(ann: httpx2.Client) -> None:
    campaign = begun(
        ann, concepts={"mine": {"order": "0005", "title": "My own idea", "logline": "A lamp dreams."}}, concept="mine"
    )
    draft = ask(ann, campaign, "concepts", count=2, note="quiet")
    assert list(draft["doc"]["concepts"]) == ["mine", "concept-01", "concept-02"]
    assert draft["doc"]["concept"] == "mine"
    again = ask(ann, campaign, "concepts", count=2)
    titles = [entry["title"] for entry in again["doc"]["concepts"].values()]
    assert len(set(titles)) == 5
    board = ask(ann, campaign, "storyboard")
    assert list(board["doc"]["shots"]) == ["shot-01", "shot-02"]
    assert ann.get(f"{ALL}/{campaign}/draft/check").json()["is_ready"]
    found = ann.get(f"{ALL}/{campaign}").json()
    assert [shot["title"] for shot in found["shots"]] == [shot["title"] for shot in board["doc"]["shots"].values()]

    kept = save(ann, campaign, {"shots": {"shot-01": {"text": "My own words"}}}, board["version"])
    refused = ann.post(f"{ALL}/{campaign}/storyboard")
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    other = ask(ann, campaign, "storyboard", replaces=True, note="Begin with the rain")
    assert list(other["doc"]["shots"]) == ["shot-03", "shot-04"]
    old = ann.get(f"{ALL}/{campaign}/draft/versions/{kept['version']}").json()
    assert old["doc"]["shots"]["shot-01"]["text"] == "My own words"


def test_what_is_missing_is_told_at_once(ann: httpx2.Client) -> None:
    empty = ann.post(ALL, json={}).json()["id"]
    answer = ann.post(f"{ALL}/{empty}/concepts", json={})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_draft")
    assert [error["path"] for error in answer.json()["errors"]] == ["brief.product"]
    campaign = begun(ann)
    answer = ann.post(f"{ALL}/{campaign}/storyboard", json={})
    assert [error["path"] for error in answer.json()["errors"]] == ["concept"]
    unknown = begun(ann, writer="nobody:model")
    assert [error["path"] for error in ann.post(f"{ALL}/{unknown}/concepts").json()["errors"]] == ["writer"]
    for wish in ({"count": 0}, {"count": 7}, {"note": "x" * 1001}, {"count": "many"}):
        assert ann.post(f"{ALL}/{campaign}/concepts", json=wish).status_code == 422


def test_it_is_ones_own_and_needs_leave_to_pay(house: House, ann: httpx2.Client, bob: httpx2.Client) -> None:
    campaign = begun(ann)
    for what in ("concepts", "storyboard"):
        assert bob.post(f"{ALL}/{campaign}/{what}", json={}).status_code == 404
        with house.client("ann", Scope.READ, Scope.WRITE) as writer:
            assert writer.post(f"{ALL}/{campaign}/{what}", json={}).status_code == 403
