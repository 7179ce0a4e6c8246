"""Events over HTTP: in order, each once, to whom they belong, and none is missed whatever is cut off."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import httpx2
import pytest

from producing import campaign_of, until
from reelwright.db import events
from reelwright.db.engine import Session
from reelwright.domain.event import EventName
from reelwright.domain.ids import CampaignId
from reelwright.services.events import MOST_STREAMS
from serving import House, served

JSON = {"Accept": "application/json"}


def tell(house: House, campaign: str, *texts: str) -> None:
    """Something happens in the campaign, in one transaction for each."""

    def append(text: str) -> None:
        def write(session: Session) -> None:
            events.append(session, CampaignId(campaign), EventName.NOTICE_GIVEN, datetime.now(UTC), text=text)

        house.studio.database.write_now(write)

    for text in texts:
        append(text)


def blocks(answer: httpx2.Response) -> Iterator[dict[str, str]]:
    """What a browser would make of the stream, comments among it as `comment`."""
    block: dict[str, str] = {}
    for line in answer.iter_lines():
        if not line:
            yield block
            block = {}
            continue
        name, _, value = line.partition(": ")
        block[name.removesuffix(":") or "comment"] = value


def texts(found: list[dict[str, str]]) -> list[str]:
    return [json.loads(block["data"])["facts"].get("text", "") for block in found]


def test_a_campaign_is_heard_from_its_beginning_on_and_as_it_goes(house: House, ann: httpx2.Client) -> None:
    campaign = campaign_of(house, "ann")
    tell(house, campaign, "one")
    with ann.stream("GET", f"/api/v1/events?campaign={campaign}") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert (answer.headers["cache-control"], answer.headers["x-accel-buffering"]) == ("no-store", "no")
        heard = blocks(answer)
        assert next(heard) == {"retry": "1500", "id": "0"}
        created, one = islice(heard, 2)
        assert (created["id"], created["event"]) == ("1", "campaign.created")
        assert json.loads(one["data"])["facts"] == {"text": "one"}
        tell(house, campaign, "two")
        two = next(heard)
        assert (two["id"], two["event"], texts([two])) == ("3", "notice.given", ["two"])
    with ann.stream("GET", f"/api/v1/campaigns/{campaign}/events", headers={"Last-Event-ID": "2"}) as answer:
        assert texts(list(islice(blocks(answer), 1, 2))) == ["two"]


def test_all_campaigns_are_heard_from_now_on_and_nobody_elses(house: House, ann: httpx2.Client) -> None:
    first, second, strange = campaign_of(house, "ann"), campaign_of(house, "ann"), campaign_of(house, "bob")
    with ann.stream("GET", "/api/v1/events") as answer:
        heard = blocks(answer)
        begin = next(heard)
        assert begin["retry"] == "1500"
        tell(house, strange, "not hers")
        tell(house, first, "a")
        tell(house, second, "b")
        found = list(islice(heard, 2))
        assert texts(found) == ["a", "b"]
    later = ann.get(f"/api/v1/events?after={begin['id']}", headers=JSON).json()
    assert [item["facts"]["text"] for item in later["items"]] == ["a", "b"]
    assert later["next"] == found[-1]["id"]
    assert ann.get(f"/api/v1/events?after={later['next']}", headers=JSON).json() == {
        "items": [],
        "next": later["next"],
        "is_reset": False,
    }


def test_a_place_that_is_none_is_refused_and_one_that_never_was_asks_to_read_anew(house: House, ann: httpx2.Client) -> None:
    campaign = campaign_of(house, "ann")
    for place in ("x", "-1", "1.5", "9" * 40, "１"):
        assert ann.get(f"/api/v1/events?campaign={campaign}&after={place}").status_code == 422, place
    for place in ("x", "1", ".", "1.", "1.2.3", "-1.2"):
        assert ann.get(f"/api/v1/events?after={place}").status_code == 422, place
    with ann.stream("GET", f"/api/v1/events?campaign={campaign}&after=99") as answer:
        assert list(islice(blocks(answer), 1, 2)) == [{"id": "1", "event": "reset", "data": "{}"}]
    assert ann.get(f"/api/v1/events?campaign={campaign}&after=99", headers=JSON).json() == {
        "items": [],
        "next": "1",
        "is_reset": True,
    }


def test_a_stream_ends_with_the_token_it_was_opened_with(house: House) -> None:
    user = house.person("cleo")
    token, text = house.run(lambda studio: studio.accounts.create_token(user, "soon gone"))
    with (
        httpx2.Client(base_url=house.origin, headers={"Authorization": f"Bearer {text}"}, timeout=60) as client,
        client.stream("GET", "/api/v1/events") as answer,
    ):
        heard = blocks(answer)
        next(heard)
        house.run(lambda studio: studio.accounts.revoke_token(token.id, user))
        assert list(heard) == []


def test_nobody_opens_more_streams_than_are_allowed(house: House) -> None:
    def listening() -> int:
        return house.studio.events.streams

    before = listening()
    with house.client("dora") as dora, ExitStack() as open_ones:
        heard = [blocks(open_ones.enter_context(dora.stream("GET", "/api/v1/events"))) for _ in range(MOST_STREAMS)]
        for each in heard:
            next(each)
        until(lambda: listening() == before + MOST_STREAMS)
        refused = dora.get("/api/v1/events")
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_tries")
    until(lambda: listening() == before)  # who hangs up gives the place back


@pytest.mark.parametrize("query", ["", "?campaign=nobody"])
def test_a_stranger_hears_nothing(house: House, query: str) -> None:
    with house.stranger() as nobody:
        assert nobody.get(f"/api/v1/events{query}").status_code == 401


def test_a_server_that_stops_ends_its_streams_in_order(tmp_path: Path) -> None:
    with served(tmp_path / "home", works=False) as house:
        client = house.client("ann")
        stream = client.stream("GET", "/api/v1/events")
        heard = blocks(stream.__enter__())
        next(heard)
    # Cut off in the middle of a chunk it would be an error: so it is the end, and whoever listens comes back.
    assert list(heard) == []
    stream.__exit__(None, None, None)
    client.close()
