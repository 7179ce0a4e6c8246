"""Budgets, quotes and providers over HTTP, and vendors' calls."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx2
import pytest

from producing import MODELS, campaign_of, served_with_vendor, start, until
from reelwright.testing.vendor import signed
from serving import House


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with served_with_vendor(tmp_path_factory.mktemp("budgets"), poll_every="60") as (made, _):
        yield made


def test_a_vendors_call_wakes_whoever_waits_and_money_is_shown_line_by_line(
    house: House, ann: httpx2.Client, owner: httpx2.Client
) -> None:
    campaign = campaign_of(house, "ann", shots=1)
    assert ann.put(f"/api/v1/campaigns/{campaign}/budget", json={"cap_usd": "2.50", "warn_percent": 50}).json() == {
        "month": None,
        "cap_usd": "2.5",
        "reserved_usd": "0",
        "charged_usd": "0",
        "left_usd": "2.5",
        "warn_percent": 50,
    }
    run = start(ann, campaign, cap_usd=None, aim={"kinds": ["frame"], "film": False})
    path = f"/api/v1/campaigns/{campaign}/takes?state=submitted"
    (take,) = until(lambda: ann.get(path).json()["items"])
    held = ann.get(f"/api/v1/campaigns/{campaign}/budget").json()
    assert (held["reserved_usd"], held["left_usd"]) == ("0.1", "2.4")

    body = json.dumps({"id": take["job"], "state": "succeeded"}).encode()
    with house.stranger() as outside:
        assert outside.post("/webhooks/simkey", content=body, headers={"webhook-timestamp": "1"}).status_code == 422
        assert outside.post("/webhooks/nobody", content=body).status_code == 404
        assert outside.post("/webhooks/simkey", content=b"x" * (1 << 21)).status_code == 413
        until(lambda: _is_kept(outside, ann, take["id"], body), 50)  # its next look would be in a minute
    assert ann.get(f"/api/v1/productions/{run['id']}").json()["progress"]["charged_usd"] == "0.1"

    lines = ann.get(f"/api/v1/campaigns/{campaign}/ledger?limit=2").json()
    rest = ann.get(f"/api/v1/campaigns/{campaign}/ledger?limit=2&cursor={lines['next_cursor']}").json()
    kinds = sorted(line["kind"] for line in lines["items"] + rest["items"])
    assert (kinds, rest["next_cursor"]) == (["charge", "release", "reserve"], None)
    assert {line["shot"] for line in lines["items"]} == {"shot-01"}
    assert [line["key"] for line in owner.get("/api/v1/ledger").json()["items"]][:2] == [line["key"] for line in lines["items"]]
    assert owner.get("/api/v1/ledger").json()["items"][0]["shot"] == "shot-01"
    assert ann.get("/api/v1/ledger").status_code == 403


def _is_kept(outside: httpx2.Client, ann: httpx2.Client, take: str, body: bytes) -> bool:
    call = outside.post("/webhooks/simkey", content=body, headers=signed(body))
    assert (call.status_code, call.content) == (204, b"")
    return ann.get(f"/api/v1/takes/{take}").json()["state"] == "kept"


def test_the_month_is_the_owners_and_holds_for_all(house: House, ann: httpx2.Client, owner: httpx2.Client) -> None:
    assert ann.put("/api/v1/budget", json={"cap_usd": "1"}).status_code == 403
    month = owner.put("/api/v1/budget", json={"cap_usd": "0.15", "warn_percent": 70}).json()
    assert (month["cap_usd"], month["warn_percent"], len(month["month"])) == ("0.15", 70, 7)
    try:
        campaign = campaign_of(house, "ann", shots=1)
        refused = ann.post(
            f"/api/v1/campaigns/{campaign}/productions",
            json={"models": MODELS, "cap_usd": "5"},
            headers={"Idempotency-Key": "month"},
        )
        assert refused.status_code == 402
        assert "the studio's budget for" in refused.json()["detail"]
    finally:
        assert owner.put("/api/v1/budget", json={"cap_usd": None}).json()["cap_usd"] is None


def test_what_there_is_and_what_it_costs(house: House, ann: httpx2.Client) -> None:
    providers = {each["name"]: each for each in ann.get("/api/v1/providers").json()["items"]}
    assert providers["animatic"]["is_free"] is True
    assert providers["simkey"]["kinds"] == ["frame", "clip"]
    models = {each["model"]: each for each in ann.get("/api/v1/models?kind=clip").json()["items"]}
    assert models["simkey:clip"]["price"]["second_usd"] == "0.05"
    assert {each["kind"] for each in models.values()} == {"clip"}
    assert ann.get("/api/v1/models/simkey:clip").json() == models["simkey:clip"]
    assert ann.get("/api/v1/models/nobody:nothing").status_code == 404

    campaign = campaign_of(house, "ann", shots=1)
    concepts = ann.post(f"/api/v1/campaigns/{campaign}/plan", json={"what": "concepts", "models": MODELS}).json()
    assert (concepts["usd"], [line["what"] for line in concepts["lines"]]) == ("0", ["concepts"])
