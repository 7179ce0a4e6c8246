"""Long uploads as tus has them: interrupted by everything that can happen, and whole in the end."""

from __future__ import annotations

import base64
import hashlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest
import sqlalchemy as sa

from reelwright.db.account_tables import UploadRow
from reelwright.domain.ids import CampaignId
from samples import campaign_of, clip, picture
from serving import House, served

TUS = {"Tus-Resumable": "1.0.0"}
BYTES = {**TUS, "Content-Type": "application/offset+octet-stream"}


def told(**values: str) -> str:
    return ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in values.items())


def begin(client: httpx2.Client, campaign: str, length: int, **values: str) -> str:
    """The address of a new upload."""
    headers = {**TUS, "Upload-Length": str(length), "Upload-Metadata": told(campaign=campaign, **values)}
    answer = client.post("/api/v1/uploads", headers=headers)
    assert answer.status_code == 201, answer.text
    assert answer.headers["upload-expires"].endswith("GMT")
    return answer.headers["location"]


def patch(client: httpx2.Client, url: str, offset: int, content: bytes, **headers: str) -> httpx2.Response:
    return client.patch(url, content=content, headers={**BYTES, "Upload-Offset": str(offset), **headers})


def offset_of(client: httpx2.Client, url: str) -> int:
    answer = client.head(url, headers=TUS)
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    return int(answer.headers["upload-offset"])


def parts_of(house: House) -> list[Path]:
    return [path for path in (house.studio.settings.home / "storage" / "incoming").rglob("*") if path.is_file()]


@pytest.fixture(scope="module")
def campaign(house: House) -> CampaignId:
    return campaign_of(house, "ann")


def test_a_file_arrives_in_parts_and_becomes_an_asset(house: House, ann: httpx2.Client, campaign: CampaignId) -> None:
    content = clip(40)
    url = begin(ann, campaign, len(content), filename="teaser.mp4", filetype="video/mp4")
    answer = httpx2.Response(0)
    for start in range(0, len(content), 1000):
        assert offset_of(ann, url) == start
        answer = patch(ann, url, start, content[start : start + 1000])
        assert (answer.status_code, answer.headers["upload-offset"]) == (204, str(min(start + 1000, len(content))))
    made = ann.get(f"/api/v1/assets/{answer.headers['reelwright-asset']}").json()
    assert (made["name"], made["sha256"]) == ("teaser.mp4", hashlib.sha256(content).hexdigest())
    assert ann.get(made["url"]).content == content
    assert ann.get(url).json()["asset"] == made["id"]
    assert ann.head(url, headers=TUS).headers["reelwright-asset"] == made["id"]
    assert parts_of(house) == []
    assert patch(ann, url, len(content), b"more").status_code == 409


def test_what_came_before_a_connection_broke_counts(ann: httpx2.Client, campaign: CampaignId, house: House) -> None:
    content = picture(41, (200, 200))
    url = begin(ann, campaign, len(content))
    head = f"PATCH {url} HTTP/1.1\r\nHost: s\r\nAuthorization: {ann.headers['authorization']}\r\nUpload-Offset: 0\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in BYTES.items()) + f"Content-Length: {len(content)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", urlsplit(house.origin).port or 0), timeout=30) as line:
        line.sendall(head.encode() + content[:5000])
        time.sleep(0.2)
    while (known := offset_of(ann, url)) == 0:
        time.sleep(0.05)
    assert 0 < known <= 5000
    answer = patch(ann, url, known, content[known:])
    assert ann.get(f"/media/{answer.headers['reelwright-asset']}").content == content


@pytest.mark.parametrize("name", ["sha1", "sha256"])
def test_a_checksum_is_compared_and_bytes_that_do_not_fit_are_dropped(
    house: House, ann: httpx2.Client, campaign: CampaignId, name: str
) -> None:
    content = picture(42, (90, 90)) if name == "sha1" else picture(43, (90, 90))
    url = begin(ann, campaign, len(content))
    wrong = patch(ann, url, 0, content[:700], **{"Upload-Checksum": f"{name} {base64.b64encode(b'no').decode()}"})
    assert wrong.status_code == 460
    assert offset_of(ann, url) == 0
    assert parts_of(house) == []
    right = base64.b64encode(hashlib.new(name, content).digest()).decode()
    assert patch(ann, url, 0, content, **{"Upload-Checksum": f"{name} {right}"}).headers["reelwright-asset"]


def test_what_is_no_media_is_refused_at_the_end_and_nothing_of_it_stays(
    house: House, ann: httpx2.Client, campaign: CampaignId
) -> None:
    url = begin(ann, campaign, 2000)
    answer = patch(ann, url, 0, b"<html>".ljust(2000))
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_media")
    assert ann.head(url, headers=TUS).status_code == 404
    assert parts_of(house) == []


def test_an_upload_can_be_given_up(house: House, ann: httpx2.Client, campaign: CampaignId) -> None:
    url = begin(ann, campaign, 5000)
    patch(ann, url, 0, bytes(1000))
    assert len(parts_of(house)) == 1
    assert ann.delete(url, headers=TUS).status_code == 204
    assert parts_of(house) == []
    assert ann.delete(url, headers=TUS).status_code == 404


def test_what_nobody_goes_on_with_is_given_up(house: House, ann: httpx2.Client, campaign: CampaignId) -> None:
    url = begin(ann, campaign, 5000)
    patch(ann, url, 0, bytes(1000))
    past = datetime.now(UTC) - timedelta(minutes=1)
    change = sa.update(UploadRow).where(UploadRow.id == url.rpartition("/")[2]).values(expires_at=past)
    house.run(lambda studio: studio.database.write(lambda session: session.execute(change)))
    assert ann.head(url, headers=TUS).status_code == 404
    house.run(lambda studio: studio.uploads.tidy())
    assert parts_of(house) == []


def test_the_protocol_is_kept_to(ann: httpx2.Client, bob: httpx2.Client, campaign: CampaignId) -> None:
    url = begin(ann, campaign, 100)
    described = ann.options("/api/v1/uploads").headers
    assert described["tus-extension"] == "creation,termination,expiration,checksum"
    assert int(described["tus-max-size"]) == 4 << 30
    assert ann.head(url).status_code == 412
    assert patch(ann, url, 7, b"x").status_code == 409
    assert patch(ann, url, 0, b"x", **{"Content-Type": "video/mp4"}).status_code == 415
    assert patch(ann, url, 0, bytes(101)).status_code == 422
    assert offset_of(ann, url) == 0, "of too many bytes none is taken"
    assert ann.patch(url, content=b"x", headers=BYTES).status_code == 422
    metadata = {"Upload-Metadata": told(campaign=campaign)}
    for length, status in [("0", 422), ("x", 422), ("-1", 422), (str((4 << 30) + 1), 413)]:
        assert ann.post("/api/v1/uploads", headers={**TUS, **metadata, "Upload-Length": length}).status_code == status
    assert ann.post("/api/v1/uploads", headers={**TUS, "Upload-Length": "9", "Upload-Metadata": "campaign !"}).status_code == 422
    assert ann.post("/api/v1/uploads", headers={**TUS, "Upload-Length": "9"}).status_code == 422
    assert bob.post("/api/v1/uploads", headers={**TUS, **metadata, "Upload-Length": "9"}).status_code == 404
    assert bob.head(url, headers=TUS).status_code == 404
    assert bob.get(url).status_code == 404
    assert patch(bob, url, 0, b"x").status_code == 404
    assert bob.delete(url, headers=TUS).status_code == 404


SERVER = """
import asyncio, sys
from pathlib import Path
from reelwright.api.server import Address, listen, serve
from reelwright.bootstrap import open_studio
from reelwright.config import Settings

async def main():
    studio = open_studio(Settings(home=Path(sys.argv[1])))
    listening = listen(Address(port=0))
    await serve(studio, listening, asyncio.Event(), ready=lambda: print(listening.getsockname()[1], flush=True))

asyncio.run(main())
"""


class Process:
    """A server in a process of its own, on a data folder that exists."""

    def __init__(self, home: Path, token: str) -> None:
        self._process = subprocess.Popen([sys.executable, "-c", SERVER, str(home)], stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        origin = f"http://127.0.0.1:{self._process.stdout.readline().strip()}"
        self.client = httpx2.Client(base_url=origin, headers={"Authorization": token}, timeout=60)

    def kill(self) -> None:
        """With no chance to tidy up."""
        self.client.close()
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


def test_a_server_that_is_killed_between_and_inside_parts_loses_nothing_that_it_has_acknowledged(tmp_path: Path) -> None:
    with served(tmp_path, works=False) as house:
        campaign = campaign_of(house, "ann")
        with house.client("ann") as ann:
            token = ann.headers["authorization"]
    content = picture(50, (400, 400))
    half = len(content) // 2
    server = Process(tmp_path, token)
    url = begin(server.client, campaign, len(content), filename="big.png")
    assert patch(server.client, url, 0, content[:half]).status_code == 204
    hang(server.client, url, half, content)
    server.kill()
    server = Process(tmp_path, token)
    assert offset_of(server.client, url) == half
    asset = patch(server.client, url, half, content[half:]).headers["reelwright-asset"]
    server.kill()
    server = Process(tmp_path, token)
    try:
        assert server.client.get(url).json()["asset"] == asset
        assert server.client.get(f"/media/{asset}").content == content, "a link plays after a restart"
    finally:
        server.kill()


def hang(client: httpx2.Client, url: str, offset: int, content: bytes) -> None:
    """Begins a part, and leaves the server in the middle of it."""
    line = socket.create_connection((client.base_url.host, client.base_url.port or 0), timeout=30)
    head = f"PATCH {url} HTTP/1.1\r\nHost: s\r\nAuthorization: {client.headers['authorization']}\r\nUpload-Offset: {offset}\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in BYTES.items()) + f"Content-Length: {len(content) - offset}\r\n\r\n"
    line.sendall(head.encode() + content[offset : offset + 20_000])
    time.sleep(0.1)
    line.detach()  # stays open until the process ends


def test_an_upload_that_was_whole_when_the_server_died_is_finished_by_whoever_comes_next(
    house: House, ann: httpx2.Client, campaign: CampaignId
) -> None:
    content = picture(60, (80, 80))
    url = begin(ann, campaign, len(content))
    upload = url.rpartition("/")[2]

    async def chunks() -> AsyncIterator[bytes]:
        yield content

    arrived = house.run(lambda studio: studio.uploads.append(upload, 0, chunks()))
    assert (arrived.is_whole, arrived.asset_id) == (True, None)
    asset = ann.head(url, headers=TUS).headers["reelwright-asset"]
    assert ann.get(f"/media/{asset}").content == content
    assert parts_of(house) == []
