"""The published contract: clips of frames by a simulated Runway, paid once, and films of the clips."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import httpx2
import pytest

from older import Runway, generate, play, save_frames, served_with_runway, token_of
from reelwright.domain.account import Scope
from reelwright.domain.asset import Asset
from reelwright.domain.ids import AssetId, CampaignId
from reelwright.media.facts import Probe
from reelwright.media.probe import probe
from reelwright.testing.simulators.behaviour import Phase, Trouble
from serving import House


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[House, Runway]]:
    with served_with_runway(tmp_path_factory.mktemp("contract")) as made:
        yield made


@pytest.fixture(scope="module")
def house(both: tuple[House, Runway]) -> House:
    return both[0]


@pytest.fixture(scope="module")
def runway(both: tuple[House, Runway]) -> Runway:
    return both[1]


def asset_at(house: House, url: str) -> Asset:
    """What stands behind an address of ours."""
    identity = AssetId(url.rpartition("/")[2])
    return house.run(lambda studio: studio.assets.get(identity))


def file_at(house: House, url: str) -> Probe:
    """The same, decoded from end to end."""
    return probe(str(house.studio.settings.home / "storage" / asset_at(house, url).key))


def test_frames_become_clips_and_a_film_and_each_clip_is_paid_once(house: House, runway: Runway, tmp_path: Path) -> None:
    user, token = house.person("ann"), token_of(house, "ann")
    told = play("workflow", house.origin, token, user, tmp_path, sessionId="req_1734567890123_ab12cd34e")
    assert len(runway.jobs) == 2
    clips = [file_at(house, url) for url in told["urls"]]
    assert [(clip.size, clip.seconds) for clip in clips] == [((150, 90), 5)] * 2  # the simulated one makes an eighth of 1280:720
    film, webm = file_at(house, told["film"]), file_at(house, told["webm"])
    assert (film.codec, film.size, film.seconds) == ("h264", (150, 90), 10)
    assert (webm.media_type, webm.codec, webm.rate, webm.size) == ("video/webm", "vp9", 12, (150, 90))
    assert abs((webm.seconds or 0) - 10) < Fraction(1, 10)
    campaign = CampaignId("req_1734567890123_ab12cd34e")
    films = house.run(lambda studio: studio.films.of_campaign(campaign))
    filed = {told["urls"][0], told["film"], told["webm"], told["movie"]}
    assert {f"{house.origin}/media/{each.assets['film']}" for each in films} == filed
    found = house.run(lambda studio: studio.campaigns.get(campaign))
    assert (found.cap_micro_usd, found.status.value) == (100_000_000, "draft")


def test_a_clip_that_fails_is_named_and_only_it_is_asked_for_again(ann: httpx2.Client, runway: Runway) -> None:
    save_frames(ann, "session_failing", 2)
    before = len(runway.jobs)
    runway.meet(Phase.FATE, Trouble.MODERATION)
    first = generate(ann, "session_failing", batchSize=1, maxRetries=0)
    assert (first["success"], first["data"]["completedCount"], first["data"]["failedCount"]) == (True, 1, 1)
    assert first["data"]["failures"][0]["frameId"] in {1, 2}
    assert first["data"]["failures"][0]["error"]
    again = generate(ann, "session_failing", batchSize=1, maxRetries=0)
    assert (again["data"]["completedCount"], again["data"]["failures"]) == (2, [])
    assert len(runway.jobs) - before == 3


def test_who_may_not_pay_starts_nothing(house: House, ann: httpx2.Client, runway: Runway) -> None:
    save_frames(ann, "session_unpaid", 1)
    before = len(runway.jobs)
    with house.client("ann", Scope.READ, Scope.WRITE) as client:
        wish = {"action": "generate_videos", "sessionId": "session_unpaid"}
        answer = client.post("/api/process_s3_video_workflow", json=wish)
        assert (answer.status_code, answer.json()["success"]) == (403, False)
    ann.put("/api/v1/campaigns/session_unpaid/budget", json={"cap_usd": "0.10"})
    refused = ann.post("/api/process_s3_video_workflow", json={"action": "generate_videos", "sessionId": "session_unpaid"})
    assert (refused.status_code, "cap" in refused.json()["error"]) == (402, True)
    assert len(runway.jobs) == before
