"""Takes over HTTP: a person's own picture, and what a person decides about takes in doubt."""

from __future__ import annotations

import io
from collections.abc import Iterator

import httpx2
import pytest
from PIL import Image

from producing import MODELS, campaign_of, ended, key, served_with_vendor, start, until
from reelwright.bootstrap import Studio
from reelwright.domain.asset import AssetKind
from reelwright.domain.ids import AssetId, CampaignId, UserId
from reelwright.services.assets import Purpose
from serving import House
from staging import VendorThread

BLIND = {**MODELS, "image": "simblind:frame"}


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[House, VendorThread]]:
    with served_with_vendor(tmp_path_factory.mktemp("takes")) as made:
        yield made


@pytest.fixture(scope="module")
def house(both: tuple[House, VendorThread]) -> House:
    return both[0]


@pytest.fixture(scope="module")
def vendor(both: tuple[House, VendorThread]) -> VendorThread:
    return both[1]


def picture_of(house: House, user: UserId, campaign: str) -> AssetId:
    """A picture that the person has sent."""
    content = io.BytesIO()
    Image.new("RGB", (96, 96), "teal").save(content, "PNG")

    async def keep(studio: Studio) -> AssetId:
        purpose = Purpose(user, CampaignId(campaign), AssetKind.UPLOAD, "own", f"own/{campaign}", {})
        return (await studio.assets.adopt(await studio.assets.keep_bytes(content.getvalue(), purpose))).id

    return house.run(keep)


def test_ones_own_picture_is_used_and_no_frame_is_paid_for_it(house: House, ann: httpx2.Client, bob: httpx2.Client) -> None:
    campaign = campaign_of(house, "ann", shots=1)
    picture = picture_of(house, house.person("ann"), campaign)
    path, own = f"/api/v1/campaigns/{campaign}/shots/shot-01/takes/own", {"kind": "frame", "asset_id": picture}
    assert ann.post(path, json=own).status_code == 409  # there is no storyboard yet
    written = start(ann, campaign, aim={"kinds": ["frame"], "film": False})
    assert ended(ann, written["id"])["state"] == "completed"
    assert ann.get(f"/api/v1/campaigns/{campaign}").json()["status"] == "draft"

    taken = ann.post(path, json=own)
    assert taken.status_code == 201, taken.text
    take = taken.json()
    assert (take["provider"], take["model"], take["state"], take["charged_usd"]) == ("upload", "upload:picture", "kept", "0")
    assert (take["number"], take["is_chosen"], take["asset"]) == (2, True, picture)
    assert ann.post(path, json=own).json() == take
    assert ann.post(path, json={**own, "kind": "clip"}).status_code == 422
    assert ann.post(path.replace("shot-01", "shot-09"), json=own).status_code == 404
    assert bob.post(path, json=own).status_code == 404
    strange = campaign_of(house, "bob", shots=1)
    assert ended(bob, start(bob, strange, aim={"kinds": ["frame"], "film": False})["id"])["state"] == "completed"
    theirs = bob.post(path.replace(campaign, strange), json=own)
    assert (theirs.status_code, theirs.json()["code"]) == (404, "not_found")  # another's picture

    film = ended(ann, start(ann, campaign)["id"])
    assert (film["state"], film["progress"]["charged_usd"]) == ("completed", "0.1")  # the clip of two seconds
    frames = ann.get(f"/api/v1/campaigns/{campaign}/takes?kind=frame").json()["items"]
    assert [(each["number"], each["is_selected"]) for each in frames] == [(2, True), (1, False)]
    listed = ann.get(f"/api/v1/campaigns/{campaign}/productions").json()["items"]
    assert [each["is_beside"] for each in listed] == [False, True]


def test_takes_are_listed_page_by_page(ann: httpx2.Client, house: House) -> None:
    campaign = campaign_of(house, "ann", shots=3)
    ended(ann, start(ann, campaign, aim={"kinds": ["frame"], "film": False})["id"])
    found: list[str] = []
    cursor = ""
    while cursor is not None:
        page = ann.get(f"/api/v1/campaigns/{campaign}/takes?limit=2&cursor={cursor}").json()
        found += [each["id"] for each in page["items"]]
        cursor = page["next_cursor"]
    assert found == [each["id"] for each in ann.get(f"/api/v1/campaigns/{campaign}/takes").json()["items"]]
    assert len(found) == 3
    assert ann.get(f"/api/v1/campaigns/{campaign}/takes?shot=shot-02").json()["items"][0]["shot"] == "shot-02"
    assert ann.get(f"/api/v1/campaigns/{campaign}/takes?state=failed").json()["items"] == []
    assert ann.get(f"/api/v1/campaigns/{campaign}/takes?cursor=nothing").status_code == 404
    assert found[0] in [each["id"] for each in ann.get("/api/v1/takes").json()["items"]]


def doubtful(ann: httpx2.Client, house: House, vendor: VendorThread) -> dict[str, str]:
    """A frame of which nobody knows whether its request arrived, asked for beside the film."""
    campaign = campaign_of(house, "ann", shots=1)
    vendor.turn(drop_answers=1)
    run = start(ann, campaign, models=BLIND, aim={"kinds": ["frame"], "film": False})
    assert ended(ann, run["id"])["state"] == "failed"
    (take,) = ann.get(f"/api/v1/campaigns/{campaign}/takes?state=in_doubt").json()["items"]
    return take


def test_a_take_in_doubt_is_adopted_by_the_job_that_it_has(
    ann: httpx2.Client, bob: httpx2.Client, house: House, vendor: VendorThread
) -> None:
    take = doubtful(ann, house, vendor)
    path = f"/api/v1/takes/{take['id']}"
    wrong = ann.post(f"{path}/adopt", json={"job": "job-99999"})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "invalid_input")
    (job,) = [job.id for job in vendor.state.jobs.values() if job.order.prompt == take["prompt"]][-1:]
    assert bob.post(f"{path}/adopt", json={"job": job}).status_code == 404
    adopted = ann.post(f"{path}/adopt", json={"job": job})
    assert adopted.json()["state"] == "submitted", adopted.text
    until(lambda: ann.get(path).json()["state"] == "kept")
    assert ann.post(f"{path}/adopt", json={"job": job}).status_code == 409


def test_a_take_in_doubt_that_never_arrived_is_asked_for_again_and_only_that(
    ann: httpx2.Client, house: House, vendor: VendorThread
) -> None:
    take = doubtful(ann, house, vendor)
    path = f"/api/v1/takes/{take['id']}/retake"
    assert ann.get(path).json() == {
        "what": "frame of shot-01, asked for again",
        "model": "simblind:frame",
        "count": 1,
        "usd": "0.1",
    }
    dear = ann.post(path, json={"max_usd": "0.09"})
    assert (dear.status_code, dear.json()["code"]) == (402, "budget_exceeded")
    again = ann.post(path, json={"max_usd": "0.10"}, headers=key())
    assert again.status_code == 202, again.text
    assert (again.json()["aim"]["kinds"], again.json()["aim"]["shots"], again.json()["is_beside"]) == (
        ["frame"],
        ["shot-01"],
        True,
    )
    assert ended(ann, again.json()["id"])["state"] == "completed"
    states = [each["state"] for each in ann.get(f"/api/v1/campaigns/{take['campaign']}/takes").json()["items"]]
    assert states == ["kept", "failed"]


def test_a_clip_of_ones_own_makes_a_film_for_nothing(ann: httpx2.Client, house: House, vendor: VendorThread) -> None:
    first, second = campaign_of(house, "ann", shots=1), campaign_of(house, "ann", shots=1)
    assert ended(ann, start(ann, first)["id"])["state"] == "completed"
    (clip,) = ann.get(f"/api/v1/campaigns/{first}/takes?kind=clip").json()["items"]
    written = start(ann, second, aim={"kinds": ["voice"], "film": False})  # nobody speaks: only the text is written
    assert ended(ann, written["id"])["state"] == "completed"
    own = ann.post(f"/api/v1/campaigns/{second}/shots/shot-01/takes/own", json={"kind": "clip", "asset_id": clip["asset"]})
    assert own.json()["model"] == "upload:clip", own.text
    before = len(vendor.submits)
    plan = ann.post(f"/api/v1/campaigns/{second}/plan", json={"models": MODELS}).json()
    assert (plan["usd"], [take["kind"] for take in plan["takes"]]) == ("0", ["clip"])
    film = ended(ann, start(ann, second)["id"])
    assert (film["state"], film["progress"]["charged_usd"]) == ("completed", "0")
    assert len(vendor.submits) == before
    shown = ann.get(f"/api/v1/campaigns/{second}/films").json()["items"][0]
    assert shown["is_ready"] is True
