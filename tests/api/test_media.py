"""`/media/{asset}` as players, browsers and strangers ask for it: byte by byte, over a real socket."""

from __future__ import annotations

import hashlib
import io
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from PIL import Image

from reelwright.bootstrap import Studio
from reelwright.domain.asset import AssetKind
from reelwright.domain.ids import AssetId
from reelwright.services.sources import Purpose
from samples import campaign_of, clip, picture
from serving import House

PLAIN = picture(7, (300, 200))


@dataclass(frozen=True)
class Kept:
    """An asset that somebody has sent."""

    id: str
    content: bytes
    campaign: str

    @property
    def url(self) -> str:
        return f"/media/{self.id}"


def send(client: httpx2.Client, campaign: str, content: bytes, name: str = "") -> Kept:
    answer = client.post(f"/api/v1/campaigns/{campaign}/assets", content=content, params={"name": name} if name else {})
    assert answer.status_code == 201, answer.text
    return Kept(answer.json()["id"], content, campaign)


@pytest.fixture(scope="module")
def kept(house: House, ann: httpx2.Client) -> Kept:
    return send(ann, campaign_of(house, "ann"), PLAIN)


def test_the_bytes_come_back_with_everything_that_lets_them_be_kept(ann: httpx2.Client, kept: Kept) -> None:
    answer = ann.get(kept.url)
    assert answer.status_code == 200
    assert answer.content == kept.content
    assert answer.headers["etag"] == f'"{hashlib.sha256(kept.content).hexdigest()}"'
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["content-length"] == str(len(kept.content))
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-disposition"].startswith("inline; ")


@pytest.mark.parametrize(
    ("wanted", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-99", 0, 100),
        ("bytes=100-", 100, None),
        ("bytes=-1", -1, None),
        ("bytes=-100", -100, None),
        ("bytes=-99999999999999999999999", 0, None),
        ("bytes=5-99999999999999999999999", 5, None),
        ("bytes = 7 - 9", 7, 10),
    ],
)
def test_one_range_is_answered_alone(ann: httpx2.Client, kept: Kept, wanted: str, start: int, end: int | None) -> None:
    answer = ann.get(kept.url, headers={"Range": wanted})
    part = kept.content[start:end]
    first = start if start >= 0 else len(kept.content) + start
    assert answer.status_code == 206
    assert answer.content == part
    assert answer.headers["content-range"] == f"bytes {first}-{first + len(part) - 1}/{len(kept.content)}"
    assert answer.headers["content-length"] == str(len(part))


def test_every_byte_is_where_it_should_be(ann: httpx2.Client, kept: Kept) -> None:
    for start in range(0, len(kept.content), 4999):
        answer = ann.get(kept.url, headers={"Range": f"bytes={start}-{start + 4998}"})
        assert answer.content == kept.content[start : start + 4999]


@pytest.mark.parametrize("wanted", ["bytes=0-1,5-6", "bytes=9-3", "bytes=", "bytes=a-b", "pages=1-2", "bytes=1", "bytes=--1"])
def test_what_is_no_single_range_is_answered_with_the_whole(ann: httpx2.Client, kept: Kept, wanted: str) -> None:
    answer = ann.get(kept.url, headers={"Range": wanted})
    assert (answer.status_code, answer.content) == (200, kept.content)


@pytest.mark.parametrize("wanted", [f"bytes={len(PLAIN)}-", "bytes=99999999999999999999999-", "bytes=-0"])
def test_a_range_behind_the_end_is_told_how_long_it_is(ann: httpx2.Client, kept: Kept, wanted: str) -> None:
    answer = ann.get(kept.url, headers={"Range": wanted})
    assert (answer.status_code, answer.headers["content-range"]) == (416, f"bytes */{len(kept.content)}")


def test_who_has_it_already_is_told_so(ann: httpx2.Client, kept: Kept) -> None:
    tag = ann.head(kept.url).headers["etag"]
    for known in (tag, f'"other", W/{tag}', "*"):
        answer = ann.get(kept.url, headers={"If-None-Match": known, "Range": "bytes=0-9"})
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag)
    assert ann.get(kept.url, headers={"If-None-Match": '"other"'}).status_code == 200


def test_a_range_of_other_bytes_than_the_client_has_is_answered_with_the_whole(ann: httpx2.Client, kept: Kept) -> None:
    tag = ann.head(kept.url).headers["etag"]
    for condition, status in [(tag, 206), ('"other"', 200), (f"W/{tag}", 200), ("Sat, 21 Nov 2026 12:00:00 GMT", 200)]:
        answer = ann.get(kept.url, headers={"Range": "bytes=0-9", "If-Range": condition})
        assert answer.status_code == status, condition


def test_a_head_says_the_same_without_the_bytes(ann: httpx2.Client, kept: Kept) -> None:
    whole, head = ann.get(kept.url), ann.head(kept.url, headers={"Range": "bytes=0-9"})
    assert (head.status_code, head.content) == (200, b"")
    for name in ("content-length", "content-type", "etag", "accept-ranges", "cache-control", "content-disposition"):
        assert head.headers[name] == whole.headers[name]


def test_a_download_has_a_name_that_does_no_harm(house: House, ann: httpx2.Client) -> None:
    wicked = '../../Ünïcode "quoted"\r\nX: y\u202e.html'
    kept = send(ann, campaign_of(house, "ann"), picture(8), wicked)
    how = ann.get(kept.url, params={"download": "1"}).headers["content-disposition"]
    assert how.startswith("attachment; filename=\"_n_code _quoted_X_ y.png\"; filename*=UTF-8''%C3%9Cn%C3%AFcode")
    assert how.endswith(".png")


def test_nobody_else_has_it(ann: httpx2.Client, bob: httpx2.Client, owner: httpx2.Client, house: House, kept: Kept) -> None:
    with house.stranger() as nobody:
        assert nobody.get(kept.url).status_code == 401
    for other in (bob, owner):
        for path in (kept.url, f"{kept.url}/thumbnail", f"/api/v1/assets/{kept.id}"):
            answer = other.get(path)
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), path
        assert other.head(kept.url).status_code == 404
        assert other.get(kept.url, headers={"If-None-Match": "*"}).status_code == 404
        assert other.delete(f"/api/v1/assets/{kept.id}").status_code == 404
        assert other.post(f"/api/v1/assets/{kept.id}/restore").status_code == 404
        assert other.post(f"/api/v1/campaigns/{kept.campaign}/assets", content=picture(99)).status_code == 404
    assert ann.get(kept.url).status_code == 200


def stored(house: House, asset: str) -> Path:
    row = house.run(lambda studio: studio.assets.get(AssetId(asset)))
    path = house.studio.store.local_path(row.key)
    assert path is not None
    return path


def test_a_damaged_or_lost_object_is_a_problem_and_no_cut_answer(house: House, ann: httpx2.Client) -> None:
    kept = send(ann, campaign_of(house, "ann"), picture(9))
    path = stored(house, kept.id)
    path.write_bytes(kept.content[:-100])
    for answer in (ann.get(kept.url), ann.get(kept.url, headers={"Range": "bytes=0-9"})):
        assert (answer.status_code, answer.json()["code"]) == (503, "storage")
        assert "damaged in storage" in answer.json()["detail"]
    path.unlink()
    assert "missing in storage" in ann.get(kept.url).json()["detail"]
    assert ann.head(kept.url).status_code == 503


@pytest.mark.parametrize(("wanted", "media_type"), [("avif", "image/avif"), ("webp", "image/webp")])
def test_a_thumbnail_is_made_once_and_kept_for_ever(ann: httpx2.Client, kept: Kept, wanted: str, media_type: str) -> None:
    first, again = (ann.get(f"{kept.url}/thumbnail", params={"w": 320, "format": wanted}) for _ in range(2))
    assert first.status_code == 200
    assert first.headers["content-type"] == media_type
    assert first.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert (first.headers["etag"], first.content) == (again.headers["etag"], again.content)
    with Image.open(io.BytesIO(first.content)) as still:
        assert still.size == (300, 200), "it is never made larger than it is"
    assert ann.get(f"/api/v1/assets/{kept.id}").json()["thumbhash"]
    listed = ann.get("/api/v1/assets", params={"kind": "thumbnail", "campaign": kept.campaign}).json()["items"]
    assert len([each for each in listed if each["media_type"] == media_type]) == 1
    assert ann.get(f"/media/{listed[0]['id']}/thumbnail").status_code == 404


def test_a_thumbnail_is_of_the_kind_that_the_browser_takes(house: House, ann: httpx2.Client) -> None:
    kept = send(ann, campaign_of(house, "ann"), clip(1))
    modern = ann.get(f"{kept.url}/thumbnail", headers={"Accept": "image/avif,image/webp,*/*"})
    older = ann.get(f"{kept.url}/thumbnail", headers={"Accept": "image/webp,*/*"})
    assert (modern.headers["content-type"], older.headers["content-type"]) == ("image/avif", "image/webp")
    assert "Accept" in modern.headers["vary"]


@pytest.mark.parametrize("asked", [{"w": 321}, {"w": 100_000}, {"w": "x"}, {"format": "png"}])
def test_no_other_width_or_format_is_made(ann: httpx2.Client, kept: Kept, asked: dict[str, object]) -> None:
    assert ann.get(f"{kept.url}/thumbnail", params={key: str(value) for key, value in asked.items()}).status_code == 422


def test_a_thumbnail_that_is_lost_is_made_again(house: House, ann: httpx2.Client) -> None:
    kept = send(ann, campaign_of(house, "ann"), picture(10))
    first = ann.get(f"{kept.url}/thumbnail")
    [still] = ann.get("/api/v1/assets", params={"kind": "thumbnail", "campaign": kept.campaign}).json()["items"]
    stored(house, still["id"]).unlink()
    again = ann.get(f"{kept.url}/thumbnail")
    assert (again.status_code, again.content) == (200, first.content)


def test_many_who_ask_at_once_get_the_one_thumbnail_that_is_made(house: House, ann: httpx2.Client) -> None:
    kept = send(ann, campaign_of(house, "ann"), picture(11))
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ann.get, [f"{kept.url}/thumbnail?w=640"] * 8))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    asked = {"kind": "thumbnail", "campaign": kept.campaign}
    assert len(ann.get("/api/v1/assets", params=asked).json()["items"]) == 1


def test_a_still_of_a_film_is_made_from_its_poster(house: House, ann: httpx2.Client) -> None:
    campaign, user = campaign_of(house, "ann"), house.person("ann")
    poster = io.BytesIO()
    Image.new("RGB", (640, 384), "red").save(poster, "PNG")

    async def keep(studio: Studio) -> str:
        of_film = {"film": "film_x"}
        film = Purpose(user, campaign, AssetKind.FILM, "film-01-film", "film_x/film", of_film)
        beside = Purpose(user, campaign, AssetKind.POSTER, "film-01-poster", "film_x/poster", of_film)
        await studio.assets.adopt(await studio.assets.keep_bytes(poster.getvalue(), beside))
        return (await studio.assets.adopt(await studio.assets.keep_bytes(clip(2), film))).id

    still = ann.get(f"/media/{house.run(keep)}/thumbnail?format=webp")
    with Image.open(io.BytesIO(still.content)) as shown:
        assert shown.size == (320, 192)
        assert shown.convert("RGB").getpixel((160, 96)) == pytest.approx((254, 0, 0), abs=6)


def test_a_text_is_never_shown_in_a_page_of_ours(house: House, ann: httpx2.Client) -> None:
    campaign, user = campaign_of(house, "ann"), house.person("ann")
    wicked = b"WEBVTT\n\n00:00.000 --> 00:01.000\n<script>alert(1)</script>\n"

    async def keep(studio: Studio) -> str:
        purpose = Purpose(user, campaign, AssetKind.CAPTIONS, "film-01-vtt", "film_y/vtt", {})
        return (await studio.assets.adopt(await studio.assets.keep_bytes(wicked, purpose, "text/vtt"))).id

    asset = house.run(keep)
    answer = ann.get(f"/media/{asset}")
    assert answer.content == wicked
    assert answer.headers["content-type"] == "text/vtt"
    assert answer.headers["content-disposition"].startswith("attachment; ")
    assert "sandbox" in answer.headers["content-security-policy"]
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert ann.get(f"/media/{asset}/thumbnail").status_code == 404
