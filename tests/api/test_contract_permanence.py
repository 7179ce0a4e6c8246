"""The published contract: temporary addresses become permanent ones, and campaigns save themselves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from older import Runway, all_rows, elsewhere, generate, play, save_frames, served_with_runway, token_of
from reelwright.testing.simulators.behaviour import Phase, Trouble
from samples import clip, picture
from serving import House

PLACES: dict[str, tuple[int, dict[str, str], bytes]] = {
    "/clip.mp4?_jwt=secret": (200, {}, clip(1)),
    "/clip.mp4?_jwt=other": (200, {}, clip(1)),
    "/clip.mp4?_jwt=third": (200, {}, clip(1)),
    "/picture.png": (200, {}, picture(1, (320, 180))),
    "/picture.png?_jwt=secret": (200, {}, picture(1, (320, 180))),
    "/gone?_jwt=secret": (410, {}, b""),
    "/page.html": (200, {"Content-Type": "video/mp4"}, b"<!doctype html><title>Sorry</title>" * 50),
    "/empty": (200, {}, b""),
    "/cut.mp4": (200, {}, clip(1)[:-900]),
    "/lying.mp4": (200, {"Content-Type": "video/mp4"}, b"\0\0\0\x18ftypmp42" + b"\0" * 4000),
    "/to-metadata": (302, {"Location": "http://169.254.169.254/latest/meta-data/"}, b""),
    "/to-inside": (302, {"Location": "http://10.0.0.1/x.mp4"}, b""),
}


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


def kept_objects(house: House) -> int:
    """How many assets there are."""
    return len([path for path in (house.studio.settings.home / "storage").rglob("*.*") if ".reelwright" not in path.parts])


def test_what_an_address_shows_is_kept_before_it_expires(
    house: House, runway: Runway, ann: httpx2.Client, tmp_path: Path
) -> None:
    save_frames(ann, "session_home", 1)
    home = generate(ann, "session_home")["data"]["generatedVideoUrls"][0]
    runway.meet(Phase.DOWNLOAD, *[Trouble.EXPIRED] * 20)
    with elsewhere(PLACES) as origin:
        given = {"elsewhere": origin, "ofJob": runway.url_of(runway.jobs[-1]), "home": home}
        play("permanence", house.origin, token_of(house, "ann"), house.person("ann"), tmp_path, **given)
    runway.service["runway"].desk.behaviour.script.pop(Phase.DOWNLOAD)
    rows = all_rows(house)
    assert ";base64," not in rows
    assert "_jwt" not in rows
    assert kept_objects(house) > 0
    for kind in ("generations", "frames"):
        with house.client("bob") as bob:
            assert all(not value for value in bob.get(f"/api/{kind}").json().values())


def test_an_address_of_a_running_job_is_asked_for_anew(runway: Runway, ann: httpx2.Client) -> None:
    save_frames(ann, "session_fresh", 1)
    generate(ann, "session_fresh")
    runway.meet(Phase.DOWNLOAD, Trouble.EXPIRED)
    answer = ann.post("/api/upload-video", json={"videoUrl": runway.url_of(runway.jobs[-1]), "generationId": "another-home"})
    assert answer.status_code == 200, answer.text
    assert ann.get(answer.json()["url"]).content[4:8] == b"ftyp"


def test_campaigns_save_themselves_and_nothing_is_overwritten(house: House, tmp_path: Path) -> None:
    with elsewhere(PLACES) as origin:
        play("autosave", house.origin, token_of(house, "zoe"), house.person("zoe"), tmp_path, elsewhere=origin)
    rows = all_rows(house)
    assert ";base64," not in rows
    assert "_jwt" not in rows
