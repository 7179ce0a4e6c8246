"""The library: newest first, page by page, with its trash, and everybody's own."""

from __future__ import annotations

import httpx2

from samples import campaign_of, picture
from serving import House


def send(client: httpx2.Client, campaign: str, seed: int) -> str:
    return client.post(f"/api/v1/campaigns/{campaign}/assets", content=picture(seed)).json()["id"]


def listed(client: httpx2.Client, **asked: str | int) -> list[str]:
    """The ids, over all pages."""
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        answer = client.get("/api/v1/assets", params={"cursor": cursor, **asked})
        assert answer.status_code == 200, answer.text
        found += [each["id"] for each in answer.json()["items"]]
        cursor = answer.json()["next_cursor"]
    return found


def test_the_library_pages_newest_first_and_shows_ones_own(house: House, ann: httpx2.Client, bob: httpx2.Client) -> None:
    one, two = campaign_of(house, "ann"), campaign_of(house, "ann")
    sent = [send(ann, one if number % 2 else two, number) for number in range(5)]
    his = send(bob, campaign_of(house, "bob"), 0)
    assert listed(ann, limit=2) == sent[::-1]
    assert listed(ann, campaign=one) == sent[3::-2]
    assert listed(ann, kind="clip") == []
    assert listed(bob) == [his]
    assert ann.get("/api/v1/assets", params={"cursor": his}).status_code == 404


def test_a_thumbnail_is_not_among_the_originals(house: House, ann: httpx2.Client) -> None:
    campaign = campaign_of(house, "ann")
    asset = send(ann, campaign, 20)
    assert ann.get(f"/media/{asset}/thumbnail").status_code == 200
    assert listed(ann, campaign=campaign) == [asset]


def test_what_is_deleted_lies_in_the_trash_until_it_is_restored(house: House, ann: httpx2.Client) -> None:
    campaign = campaign_of(house, "ann")
    asset = send(ann, campaign, 21)
    first = ann.delete(f"/api/v1/assets/{asset}").json()["trashed_at"]
    assert ann.delete(f"/api/v1/assets/{asset}").json()["trashed_at"] == first, "doing it twice changes nothing"
    assert listed(ann, campaign=campaign) == []
    assert listed(ann, campaign=campaign, trashed="true") == [asset]
    assert ann.get(f"/media/{asset}").content == picture(21), "it still plays there for its owner"
    assert ann.post(f"/api/v1/assets/{asset}/restore").json()["trashed_at"] is None
    assert listed(ann, campaign=campaign) == [asset]


def test_what_belongs_to_a_campaign_in_the_trash_is_not_shown_and_plays(house: House, ann: httpx2.Client) -> None:
    campaign = campaign_of(house, "ann")
    asset = send(ann, campaign, 22)
    assert ann.delete(f"/api/v1/campaigns/{campaign}").is_success
    assert asset not in listed(ann)
    assert ann.get(f"/media/{asset}").content == picture(22)


def test_what_is_not_there_is_not_found(ann: httpx2.Client) -> None:
    for answer in (
        ann.get("/api/v1/assets/asset_none"),
        ann.delete("/api/v1/assets/asset_none"),
        ann.post("/api/v1/assets/asset_none/restore"),
        ann.get("/media/asset_none"),
        ann.get("/media/asset_none/thumbnail"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert ann.get("/media/%00").status_code == 422
