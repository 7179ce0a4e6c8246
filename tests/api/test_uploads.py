"""Files that people send, at once: streamed, looked at, kept once, and refused in one sentence where they are no media."""

from __future__ import annotations

import io
import socket
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest
from PIL import Image

from reelwright.domain.ids import CampaignId
from samples import campaign_of, clip, picture
from serving import House, served


@pytest.fixture(scope="module")
def campaign(house: House) -> CampaignId:
    return campaign_of(house, "ann")


def kept_files(house: House) -> list[Path]:
    """All of the store, and what a request may leave in the spool or among the work."""
    home = house.studio.settings.home
    files = [path for path in (home / "storage").rglob("*") if path.is_file() and ".reelwright" not in path.parts]
    return files + list((home / "spool").glob("*")) + list((home / "work").glob("copy-*"))


def test_a_body_becomes_an_asset_that_says_what_it_is(ann: httpx2.Client, campaign: CampaignId) -> None:
    content = clip(1)
    answer = ann.post(f"/api/v1/campaigns/{campaign}/assets", content=content, params={"name": "teaser.mov"})
    assert answer.status_code == 201
    made = answer.json()
    assert made["media_type"] == "video/mp4"
    assert (made["width"], made["height"], made["seconds"], made["bytes"]) == (160, 96, "1/2", len(content))
    assert (made["kind"], made["name"], made["campaign"]) == ("upload", "teaser.mp4", campaign)
    assert (made["is_spooled"], made["is_verified"], made["charged_usd"]) == (False, True, "0")
    assert ann.get(made["url"]).content == content


def test_a_form_is_read_whatever_stands_around_its_file(ann: httpx2.Client, campaign: CampaignId) -> None:
    files = {"file": ("föto.png", picture(21), "image/png")}
    answer = ann.post(f"/api/v1/campaigns/{campaign}/assets", files=files, data={"note": "x" * 5000})
    assert (answer.status_code, answer.json()["name"]) == (201, "föto.png")
    assert ann.get(answer.json()["url"]).content == picture(21)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"--b\r\nContent-Disposition: form-data; name=x\r\n\r\n1\r\n--b--\r\n", "no file in it"),
        (b'--b\r\nContent-Disposition: form-data; name=f; filename="a.png"\r\n\r\n' + picture(1)[:4000], "cut short"),
        (b"no form at all, but long enough to be looked at", "cannot be read"),
        (
            b'--b\r\nContent-Disposition: form-data; name=f; filename="a.png"\r\n\r\n'
            + picture(1)
            + b'\r\n--b\r\nContent-Disposition: form-data; name=g; filename="b.png"\r\n\r\nx\r\n--b--\r\n',
            "more than one file",
        ),
        (b"--b\r\nContent-Disposition: form-data; name=x\r\n\r\n" + b"1" * 70_000 + b"\r\n--b--\r\n", "too long"),
    ],
    ids=["no file", "cut", "none", "two", "long fields"],
)
def test_a_form_that_is_wrong_is_refused(house: House, ann: httpx2.Client, campaign: CampaignId, body: bytes, told: str) -> None:
    before = kept_files(house)
    answer = ann.post(
        f"/api/v1/campaigns/{campaign}/assets", content=body, headers={"Content-Type": "multipart/form-data; boundary=b"}
    )
    assert answer.status_code == 422
    assert told in answer.json()["detail"]
    assert kept_files(house) == before


def test_the_same_bytes_are_the_same_asset_in_one_campaign(house: House, ann: httpx2.Client, bob: httpx2.Client) -> None:
    one, two, his = campaign_of(house, "ann"), campaign_of(house, "ann"), campaign_of(house, "bob")
    first = ann.post(f"/api/v1/campaigns/{one}/assets", content=picture(30))
    again = ann.post(f"/api/v1/campaigns/{one}/assets", files={"file": ("other name.png", picture(30))})
    elsewhere = ann.post(f"/api/v1/campaigns/{two}/assets", content=picture(30))
    of_another = bob.post(f"/api/v1/campaigns/{his}/assets", content=picture(30))
    assert [each.status_code for each in (first, again, elsewhere, of_another)] == [201, 200, 201, 201]
    assert first.json()["id"] == again.json()["id"]
    assert len({each.json()["id"] for each in (first, elsewhere, of_another)}) == 3


def test_what_lay_in_the_trash_comes_out_when_it_is_sent_again(house: House, ann: httpx2.Client) -> None:
    campaign = campaign_of(house, "ann")
    first = ann.post(f"/api/v1/campaigns/{campaign}/assets", content=picture(31)).json()
    assert ann.delete(f"/api/v1/assets/{first['id']}").json()["trashed_at"]
    again = ann.post(f"/api/v1/campaigns/{campaign}/assets", content=picture(31))
    assert (again.status_code, again.json()["id"], again.json()["trashed_at"]) == (200, first["id"], None)


def bomb() -> bytes:
    """A PNG of a few bytes that says it is 30,000 pixels wide and as high."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", 30_000, 30_000, 1, 0, 0, 0, 0)
    packed = zlib.compress(bytes(3751 * 300), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


@pytest.mark.parametrize(
    ("content", "declared", "told"),
    [
        (b"", "image/png", "0 bytes"),
        (SVG, "image/svg+xml", "not a picture"),
        (b"<!doctype html><script>alert(1)</script>", "image/png", "not a picture"),
        (b"PK\x03\x04" + bytes(200), "", "not a picture"),
        (picture(3)[:-500], "image/png", "damaged or was cut short"),
        (clip(3)[:-900], "video/mp4", "damaged or was cut short"),
        (b"\x89PNG\r\n\x1a\n" + SVG, "image/png", "damaged or was cut short"),
        (bomb(), "image/png", "at most 80 megapixels"),
        (picture(3), "image/jpeg", "What is called image/jpeg is image/png"),
        (picture(3), "video/mp4", "What is called video/mp4 is image/png"),
        (picture(3), "text/html", "What is called text/html is image/png"),
    ],
    ids=["nothing", "svg", "page", "zip", "half a picture", "half a clip", "svg in png", "bomb", "jpeg", "clip", "html"],
)
def test_what_is_no_media_is_refused_in_one_sentence_and_nothing_of_it_stays(
    house: House, ann: httpx2.Client, campaign: CampaignId, content: bytes, declared: str, told: str
) -> None:
    before = kept_files(house)
    headers = {"Content-Type": declared} if declared else {}
    answer = ann.post(f"/api/v1/campaigns/{campaign}/assets", content=content, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_media")
    assert told in answer.json()["detail"]
    assert kept_files(house) == before


def test_a_picture_that_is_a_page_as_well_is_served_as_a_picture_only(ann: httpx2.Client, campaign: CampaignId) -> None:
    made = io.BytesIO()
    Image.new("P", (8, 8)).save(made, "GIF", comment=b"<html><script>alert(document.domain)</script></html>")
    answer = ann.post(f"/api/v1/campaigns/{campaign}/assets", content=made.getvalue(), params={"name": "evil.html"})
    played = ann.get(answer.json()["url"], headers={"Accept": "text/html"})
    assert (played.headers["content-type"], played.headers["x-content-type-options"]) == ("image/gif", "nosniff")
    assert played.content == made.getvalue()
    assert 'filename="evil.gif"' in played.headers["content-disposition"]


def test_one_cannot_send_into_what_is_not_there(ann: httpx2.Client) -> None:
    assert ann.post("/api/v1/campaigns/nowhere/assets", content=picture()).status_code == 404


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A studio that takes a mebibyte at most."""
    with served(tmp_path_factory.mktemp("small"), settings={"upload_limit": 1}) as house:
        yield house


def test_what_is_too_large_is_refused_before_it_is_sent(small: House) -> None:
    campaign = campaign_of(small, "ann")
    with small.client("ann") as ann:
        token = ann.headers["authorization"]
    head = (
        f"POST /api/v1/campaigns/{campaign}/assets HTTP/1.1\r\nHost: studio\r\nAuthorization: {token}\r\n"
        "Content-Type: video/mp4\r\nContent-Length: 5000000000\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", urlsplit(small.origin).port or 0), timeout=30) as line:
        line.sendall(head.encode() + clip(1)[:1000])
        answer = ""
        while '"too_large"' not in answer and (more := line.recv(65536)):
            answer += more.decode()
    assert answer.startswith("HTTP/1.1 413")
    assert "at most 1 MiB" in answer


@pytest.mark.parametrize("is_form", [False, True])
def test_what_turns_out_to_be_too_large_is_refused_when_it_does(small: House, is_form: bool) -> None:
    campaign = campaign_of(small, "ann")

    def endless() -> Iterator[bytes]:
        if is_form:
            yield b'--b\r\nContent-Disposition: form-data; name=f; filename="a.png"\r\n\r\n'
        yield picture(1)
        for _ in range(40):
            yield bytes(65536)

    headers = {"Content-Type": "multipart/form-data; boundary=b"} if is_form else {}
    with small.client("ann") as ann:
        answer = ann.post(f"/api/v1/campaigns/{campaign}/assets", content=endless(), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert kept_files(small) == []
