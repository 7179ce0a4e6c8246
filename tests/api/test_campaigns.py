"""Campaigns over HTTP: begun in every way, listed, found, copied, thrown away and taken back."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx2
import pytest

from reelwright.bootstrap import Studio
from reelwright.domain.account import Scope
from reelwright.domain.generation import ModelRef
from reelwright.domain.ids import CampaignId
from reelwright.domain.production import Models
from serving import House

ALL = "/api/v1/campaigns"


def made(client: httpx2.Client, **wish: Any) -> dict[str, Any]:
    answer = client.post(ALL, json=wish)
    assert answer.status_code == 201, answer.text
    return answer.json()


def draft_of(client: httpx2.Client, campaign: str) -> dict[str, Any]:
    return client.get(f"{ALL}/{campaign}/draft").json()["doc"]


def test_a_film_from_one_sentence_is_a_whole_draft(ann: httpx2.Client) -> None:
    campaign = made(ann, sentence="A 20 second vertical film about Ember, a lamp that wakes you with light")
    assert (campaign["name"], campaign["status"], campaign["version"]) == ("Ember", "draft", 1)
    doc = draft_of(ann, campaign["id"])
    assert (doc["brief"]["seconds"], doc["brief"]["ratio"]) == ("20", "9:16")
    assert ann.get(f"{ALL}/{campaign['id']}/draft/check").json()["is_ready"]


def test_a_brief_is_checked_and_a_draft_is_not(ann: httpx2.Client) -> None:
    brief = {"product": "A trail shoe", "name": "Ridge", "seconds": 20, "tone": "dry", "cap": 5, "providers": {"video": "a:b"}}
    doc = draft_of(ann, made(ann, brief=brief)["id"])
    assert doc["brief"] == {"product": "A trail shoe", "name": "Ridge", "seconds": 20}
    assert (doc["audience"], doc["motion"], doc["cap"]) == ({"tone": "dry"}, {"video": "a:b"}, 5)
    wrong = ann.post(ALL, json={"brief": {"product": "A shoe", "seconds": 4000}})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "invalid_brief")
    assert "seconds" in wrong.json()["detail"]
    doc = {"step": 3, "brief": {"seconds": "soon"}, "name": "Half"}
    assert draft_of(ann, made(ann, draft=doc)["id"]) == doc
    assert ann.post(ALL, json={"brief": {}, "sentence": "x"}).status_code == 422
    assert draft_of(ann, made(ann)["id"]) == {"step": 1}


def test_an_id_of_ones_own_makes_one_campaign_and_somebody_elses_tells_nothing(ann: httpx2.Client, bob: httpx2.Client) -> None:
    wanted = f"req_{uuid4().hex}"
    assert made(ann, id=wanted, name="Once")["id"] == wanted
    again = ann.post(ALL, json={"id": wanted, "name": "Twice"})
    assert (again.status_code, again.json()["name"]) == (200, "Once")
    assert ann.put(f"{ALL}/{wanted}").status_code == 200
    for answer in (bob.post(ALL, json={"id": wanted}), bob.put(f"{ALL}/{wanted}")):
        assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
        assert wanted not in answer.text
    new = ann.put(f"{ALL}/{uuid4().hex}")
    assert (new.status_code, new.headers["location"]) == (201, f"{ALL}/{new.json()['id']}")
    assert ann.put(f"{ALL}/a b").status_code == 422
    assert ann.post(ALL, json={"id": "../up"}).status_code == 422


def test_lists_page_by_key_filter_sort_and_count(house: House) -> None:
    with house.client("lister") as lister:
        ids = [made(lister, name=f"Film {number}")["id"] for number in range(5)]
        lister.patch(f"{ALL}/{ids[1]}", json={"name": "Changed last"})
        for sort, order in (("newest", ids[::-1]), ("changed", [ids[1], ids[4], ids[3], ids[2], ids[0]])):
            seen: list[str] = []
            cursor: str | None = ""
            while cursor is not None:
                page = lister.get(ALL, params={"sort": sort, "limit": 2, "cursor": cursor}).json()
                seen += [each["id"] for each in page["items"]]
                cursor = page["next_cursor"]
            assert seen == order
        assert lister.get(ALL, params={"status": "failed"}).json() == {"items": [], "next_cursor": None}
        assert len(lister.get(ALL, params={"status": "draft"}).json()["items"]) == 5
        counts = lister.get(f"{ALL}/counts").json()
        assert counts == {"draft": 5, "generating": 0, "completed": 0, "failed": 0, "counted_to": 1000}
        for cursor in ("soon", "12", "12-", "-x", "9" * 30 + "-x"):
            assert lister.get(ALL, params={"cursor": cursor}).status_code == 422
        assert lister.get(ALL, params={"status": "gone"}).status_code == 422


def test_everything_about_one_campaign(ann: httpx2.Client) -> None:
    campaign = made(ann, sentence="A film about Ember, a lamp")["id"]
    found = ann.get(f"{ALL}/{campaign}").json()
    assert (found["name"], found["production"], found["progress"]["stage"]) == ("Ember", None, "waiting")
    assert found["money"] == {"cap_usd": None, "reserved_usd": "0", "charged_usd": "0"}


def test_a_campaign_that_is_in_production_says_how_far_it_is(house: House) -> None:
    with house.client("maker") as maker:
        campaign = CampaignId(made(maker, sentence="A film about Ember, a lamp", name="First")["id"])
        models = Models(*(ModelRef(model) for model in ("template:plain", "animatic:cards", "animatic:camera")), voice=None)

        async def begin(studio: Studio) -> None:
            await studio.productions.start(campaign, models)
            await studio.productions.cancel(campaign)

        house.run(begin)
        found = maker.get(f"{ALL}/{campaign}").json()
        assert (found["production"]["state"], found["status"]) == ("cancelled", "failed")
        assert found["production"]["models"] == {"voice": None, "text": models.text, "image": models.frame, "video": models.clip}
        [line] = maker.get(ALL, params={"status": "failed"}).json()["items"]
        assert (line["id"], line["charged_usd"], line["pictures"]) == (campaign, "0", [])


def test_a_copy_has_the_same_draft_and_a_life_of_its_own(ann: httpx2.Client) -> None:
    campaign = made(ann, sentence="A film about Ember, a lamp", name="First")
    copy = ann.post(f"{ALL}/{campaign['id']}/duplicate", json={"id": f"copy_{uuid4().hex}"})
    assert (copy.status_code, copy.json()["name"]) == (201, "First (copy)")
    again = ann.post(f"{ALL}/{campaign['id']}/duplicate", json={"id": copy.json()["id"]})
    assert (again.status_code, again.json()["id"]) == (200, copy.json()["id"])
    assert draft_of(ann, copy.json()["id"]) == draft_of(ann, campaign["id"]) | {"name": "First (copy)"}
    ann.patch(f"{ALL}/{copy.json()['id']}", json={"name": "Second"})
    assert draft_of(ann, campaign["id"])["name"] == "First"


def test_the_trash_hides_and_gives_back(house: House) -> None:
    with house.client("tidy") as tidy:
        first, second = made(tidy, name="First film")["id"], made(tidy, name="Second film")["id"]
        assert tidy.delete(f"{ALL}/{first}").status_code == 204
        assert tidy.delete(f"{ALL}/{first}").status_code == 204
        assert [each["id"] for each in tidy.get(ALL).json()["items"]] == [second]
        assert tidy.get("/api/v1/search", params={"q": "film"}).json()["campaigns"][0]["id"] == second
        assert tidy.get(f"{ALL}/{first}/draft").status_code == 200
        tidy.delete(f"{ALL}/{second}")
        page = tidy.get("/api/v1/trash", params={"limit": 1}).json()
        rest = tidy.get("/api/v1/trash", params={"limit": 1, "cursor": page["next_cursor"]}).json()
        assert [each["id"] for each in page["items"] + rest["items"]] == [second, first]
        assert rest["next_cursor"] is None
        assert tidy.post(f"{ALL}/{first}/restore").status_code == 204
        assert tidy.post(f"{ALL}/{first}/restore").status_code == 204
        assert [each["id"] for each in tidy.get(ALL).json()["items"]] == [first]


def test_the_search_finds_names_and_what_briefs_say(house: House) -> None:
    with house.client("seeker") as seeker:
        shoe = made(seeker, brief={"product": "A TRAIL shoe for wet rock", "name": "Ridge"})["id"]
        lamp = made(seeker, draft={"name": "100%_Ember", "brief": {"product": "Eine Straßenlampe"}})["id"]
        made(seeker, name="Something else")
        for text, ids in (
            ("trail", [shoe]),
            ("rock ridge", [shoe]),
            ("STRASSE", [lamp]),
            ("%_", [lamp]),
            ("_r", []),
            ("trail lamp", []),
        ):
            found = seeker.get("/api/v1/search", params={"q": text}).json()["campaigns"]
            assert [each["id"] for each in found] == ids, text
        assert seeker.get("/api/v1/search", params={"q": ""}).status_code == 422
        assert seeker.get("/api/v1/search", params={"q": " "}).json() == {"campaigns": []}


def test_nobody_elses_campaign_is_there(ann: httpx2.Client, bob: httpx2.Client) -> None:
    campaign = made(ann, name="Secret lamp")["id"]
    asked = [
        bob.get(f"{ALL}/{campaign}"),
        bob.patch(f"{ALL}/{campaign}", json={"name": "Bob's"}),
        bob.delete(f"{ALL}/{campaign}"),
        bob.post(f"{ALL}/{campaign}/restore"),
        bob.post(f"{ALL}/{campaign}/duplicate", json={}),
    ]
    assert [answer.status_code for answer in asked] == [404] * len(asked)
    assert bob.get("/api/v1/search", params={"q": "secret"}).json() == {"campaigns": []}
    assert campaign not in bob.get(ALL).text


@pytest.mark.parametrize("scope", [Scope.READ])
def test_who_may_only_read_changes_nothing(house: House, ann: httpx2.Client, scope: Scope) -> None:
    campaign = made(ann, name="Mine")["id"]
    with house.client("ann", scope) as reader:
        assert reader.get(f"{ALL}/{campaign}").status_code == 200
        assert reader.post(ALL, json={}).status_code == 403
        assert reader.delete(f"{ALL}/{campaign}").status_code == 403
