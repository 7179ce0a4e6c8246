"""The published contract: frames, as older clients send them."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from older import all_rows, elsewhere, play, token_of
from reelwright.domain.generation import Kind
from reelwright.domain.ids import CampaignId
from samples import picture
from serving import House, served


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    home = tmp_path_factory.mktemp("contract")
    with served(home, works=False, settings={"workers": 1, "allow_private_hosts": "127.0.0.1"}) as made:
        yield made


def test_frames_are_uploaded_while_they_are_drawn_and_saved_and_listed(house: House, tmp_path: Path) -> None:
    user, token = house.person("ann"), token_of(house, "ann")
    with elsewhere({"/gone.png?signature=0123456789": (410, {}, b"")}) as origin:
        told = play("frames", house.origin, token, user, tmp_path, gone=f"{origin}/gone.png?signature=0123456789")
    campaign = CampaignId(told["requestId"])
    taken = sorted(house.run(lambda studio: studio.takes.of_campaign(campaign)), key=lambda take: take.shot_id)
    assert [(take.shot_id, take.kind, take.charged_micro_usd) for take in taken] == [
        (f"shot-0{number}", Kind.FRAME, 0) for number in (1, 2, 3)
    ]
    assert [f"{house.origin}/media/{take.asset_id}" for take in taken] == told["urls"]
    rows = all_rows(house)
    assert ";base64," not in rows
    assert "signature=" not in rows


def test_nobody_gets_at_the_frames_of_somebody_else(ann: httpx2.Client, bob: httpx2.Client) -> None:
    sent = {"frames": [{"id": 1, "description": "Ann's"}], "sessionId": "session_of_ann"}
    assert ann.post("/api/save_frames", json=sent).json()["success"] is True
    for answer in (
        bob.post("/api/save_frames", json=sent),
        bob.get("/api/frames?sessionId=session_of_ann"),
        bob.post("/api/process_s3_video_workflow", json={"action": "list_frames", "sessionId": "session_of_ann"}),
        bob.post("/api/process_s3_video_workflow", json={"action": "generate_videos", "sessionId": "session_of_ann"}),
        bob.get("/api/campaigns/session_of_ann"),
        bob.get("/api/campaigns/session_of_ann/scenes"),
        bob.post("/api/campaigns/session_of_ann/generate"),
        bob.put("/api/campaigns/session_of_ann"),
        bob.request("DELETE", "/api/campaigns/session_of_ann"),
        bob.post("/api/campaigns/session_of_ann/restore"),
        bob.patch("/api/campaigns/session_of_ann", json={"currentStep": 2}, headers={"If-Match": '"2"'}),
    ):
        assert (answer.status_code, answer.json()["success"]) == (404, False), answer.request.url
    assert bob.get("/api/frames").json() == {"frames": [], "sessionId": None}


def test_an_owner_asks_for_somebody_by_naming_them(house: House, owner: httpx2.Client, ann: httpx2.Client) -> None:
    user = house.person("ann")
    made = owner.post("/api/save_frames", json={"frames": [{"id": 1}], "userId": user, "sessionId": "for_ann"})
    assert made.json()["success"] is True
    assert ann.get("/api/frames?sessionId=for_ann").json()["frames"][0]["id"] == 1
    assert owner.get("/api/frames?sessionId=for_ann").status_code == 404
    assert owner.get(f"/api/frames?sessionId=for_ann&userId={user}").status_code == 200
    assert owner.get("/api/frames?userId=nobody").status_code == 404


def test_every_refusal_is_in_the_contracts_form(house: House, ann: httpx2.Client) -> None:
    with house.stranger() as stranger:
        refused = stranger.post("/api/save_frames", json={"frames": []})
        assert (refused.status_code, refused.json()["success"]) == (401, False)
        assert stranger.get("/api/v1/campaigns").headers["content-type"] == "application/problem+json"
    broken = ann.post("/api/save_frames", content=b"{", headers={"Content-Type": "application/json"})
    assert (broken.status_code, set(broken.json())) == (422, {"success", "error"})
    huge = ann.put("/api/campaigns/c1", content=b"x" * (2 << 20))
    assert (huge.status_code, huge.json()["success"]) == (413, False)
    assert broken.headers["x-content-type-options"] == "nosniff"


def test_a_picture_that_the_storage_does_not_take_is_shown_all_the_same(house: House, ann: httpx2.Client) -> None:
    storage = house.studio.settings.home / "storage"
    content = picture(77)
    sent = {"imageData": f"data:image/png;base64,{base64.b64encode(content).decode()}", "frameId": 9}
    away = storage.with_name("away")
    storage.rename(away)
    storage.write_bytes(b"")  # nothing can be made below a file
    try:
        answer = ann.post("/api/upload_image_s3", json=sent)
        assert (answer.status_code, answer.json()["warning"][:11]) == (202, "The storage")
        assert ann.get(answer.json()["imageUrl"]).content == content
    finally:
        storage.unlink()
        away.rename(storage)
    user = house.person("ann")
    assert answer.json()["key"].startswith(f"{user}/campaign_")
