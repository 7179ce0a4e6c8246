"""Verifying and purging over HTTP: by whom, of what, and what is answered."""

from __future__ import annotations

import httpx2

from producing import until
from reelwright.domain.account import Scope
from reelwright.domain.ids import AssetId
from samples import campaign_of, picture
from serving import House


def upload(client: httpx2.Client, campaign: str, seed: int) -> str:
    answer = client.post(f"/api/v1/campaigns/{campaign}/assets", content=picture(seed), headers={"Content-Type": "image/png"})
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def test_only_who_looks_after_the_studio_verifies_it(house: House, ann: httpx2.Client) -> None:
    assert ann.get("/api/v1/verify").status_code == 403
    assert ann.post("/api/v1/verify", json={}).status_code == 403
    with house.client("owner", Scope.READ) as reader:
        assert reader.get("/api/v1/verify").status_code == 403


def test_a_report_is_asked_for_and_made_by_whoever_leads(house: House, ann: httpx2.Client, owner: httpx2.Client) -> None:
    asset = upload(ann, campaign_of(house, "ann"), 1)
    key = house.run(lambda studio: studio.assets.get(AssetId(asset))).key
    house.run(lambda studio: studio.store.delete(key))
    assert owner.get("/api/v1/verify").json()["report"] is None
    answer = owner.post("/api/v1/verify", json={"quick": True})
    assert answer.status_code == 202
    done = until(lambda: found if (found := owner.get("/api/v1/verify").json())["finished_at"] else None)
    assert not done["is_wanted"]
    assert not done["report"]["is_well"]
    [fault] = done["report"]["faults"]
    assert (fault["asset"], fault["trouble"]) == (asset, "missing")
    assert owner.post("/api/v1/verify", json={"deep": True}).status_code == 422


def test_a_person_purges_their_own_trash_and_says_so(house: House, ann: httpx2.Client, bob: httpx2.Client) -> None:
    mine, his = campaign_of(house, "ann"), campaign_of(house, "bob")
    upload(ann, mine, 2)
    kept = upload(bob, his, 3)
    for client, campaign in ((ann, mine), (bob, his)):
        assert client.delete(f"/api/v1/campaigns/{campaign}").is_success
    plan = ann.get("/api/v1/trash/purge").json()
    assert ([each["id"] for each in plan["campaigns"]], plan["bytes"]) == ([mine], len(picture(2)))
    assert ann.delete("/api/v1/trash").status_code == 422
    assert ann.delete("/api/v1/trash", params={"confirm": "yes"}).status_code == 422
    assert ann.delete("/api/v1/trash", params={"confirm": "purge", "campaign": his}).status_code == 404
    done = ann.delete("/api/v1/trash", params={"confirm": "purge"})
    assert (done.status_code, [each["id"] for each in done.json()["campaigns"]]) == (200, [mine])
    assert ann.get("/api/v1/trash").json()["items"] == []
    assert ann.get(f"/api/v1/campaigns/{mine}").status_code == 404
    assert [each["id"] for each in bob.get("/api/v1/trash").json()["items"]] == [his]
    assert bob.get(f"/media/{kept}").content == picture(3)
