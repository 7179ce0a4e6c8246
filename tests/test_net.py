"""Downloads against a source that misbehaves; every address that must not be dialled; requests that are sent at most once."""

from __future__ import annotations

import asyncio
import hashlib

import pytest

from fates import FATES
from reelwright.errors import (
    AddressRefused,
    ContentMismatch,
    DownloadError,
    NotSubmitted,
    ReelwrightError,
    UrlExpired,
)
from reelwright.net import Download, Net, redact
from reelwright.net.download import Patience
from reelwright.net.guard import Reach, is_allowed
from reelwright.testing.source import FaultySource

LIMIT = 16 << 20


async def fetch(download: Download) -> bytes:
    async with download:
        return b"".join([chunk async for chunk in download])


def trusting(net: Net, source: FaultySource, fault: str, **query: str) -> Download:
    return net.download(source.url(fault, **query), limit=LIMIT, trusted_origins=frozenset({source.origin}))


@pytest.mark.parametrize(
    "fault",
    [
        "ok", "ok-without-etag", "redirect", "cut", "cut-without-etag", "cut-and-range-ignored", "cut-and-retagged", "no-length",
        "chunked", "stall", "slow", "busy",
    ],
)  # fmt: skip
async def test_a_download_arrives_whole_in_spite_of(fault: str, net: Net, source: FaultySource) -> None:
    download = trusting(net, source, fault)

    assert await fetch(download) == source.body
    assert download.received == len(source.body)
    assert download.sha256 == hashlib.sha256(source.body).hexdigest()


@pytest.mark.parametrize(
    ("fault", "query", "error"),
    [
        ("cut-and-changed", {}, ContentMismatch),
        ("cut-and-changed-without-etag", {}, ContentMismatch),
        ("cut-and-changed-without-etag", {"range": "yes"}, ContentMismatch),
        ("cut-and-shorter", {}, ContentMismatch),
        ("cut-and-wrong-range", {}, ContentMismatch),
        ("cut-and-expired", {}, UrlExpired),
        ("cut-always", {}, DownloadError),
        ("length-too-long", {}, ContentMismatch),
        ("chunked-and-cut", {}, DownloadError),
        ("silent", {}, DownloadError),
        ("drip", {}, DownloadError),
        ("status", {"code": "401"}, UrlExpired),
        ("status", {"code": "403"}, UrlExpired),
        ("status", {"code": "404"}, UrlExpired),
        ("status", {"code": "410"}, UrlExpired),
        ("status", {"code": "400"}, DownloadError),
        ("status", {"code": "500"}, DownloadError),
        ("redirect-loop", {}, DownloadError),
        ("redirect", {"to": "file:///etc/passwd"}, AddressRefused),
        ("redirect", {"to": "http://169.254.169.254/latest/meta-data/"}, AddressRefused),
        ("redirect", {"to": "https://127.0.0.9/"}, AddressRefused),
        ("encoded", {}, ContentMismatch),
        ("huge", {}, ContentMismatch),
        ("endless", {}, ContentMismatch),
    ],
)
async def test_a_download_fails_clearly_when_it_meets(
    fault: str, query: dict[str, str], error: type[ReelwrightError], source: FaultySource
) -> None:
    net = Net(patience=Patience(attempts=3, backoff=0.01, stall=0.3))
    try:
        with pytest.raises(error) as caught:
            await fetch(trusting(net, source, fault, **query))
        assert type(caught.value) is error
    finally:
        await net.aclose()


async def test_an_expired_url_is_replaced_by_a_fresh_one_and_the_download_goes_on(net: Net, source: FaultySource) -> None:
    asked: list[int] = []

    async def refresh() -> str:
        asked.append(download.received)
        return source.url("ok", fresh="yes")

    download = net.download(
        source.url("cut-and-expired"), refresh=refresh, limit=LIMIT, trusted_origins=frozenset({source.origin})
    )

    assert await fetch(download) == source.body
    assert asked == [len(source.body) // 2]
    assert source.headers_seen[-1]["range"] == f"bytes={len(source.body) // 2}-"


async def test_a_provider_that_was_started_again_elsewhere_is_found_again(net: Net, source: FaultySource) -> None:
    async with FaultySource() as gone:
        url, origins = gone.url("ok"), {gone.origin}

    async def refresh() -> str:
        origins.add(source.origin)
        return source.url("ok")

    download = net.download(url, refresh=refresh, limit=LIMIT, trusted_origins=lambda: frozenset(origins))

    assert await fetch(download) == source.body


async def test_a_fresh_url_that_has_expired_as_well_is_the_end(net: Net, source: FaultySource) -> None:
    async def refresh() -> str:
        return source.url("status", code="403")

    with pytest.raises(UrlExpired):
        await fetch(net.download(await refresh(), refresh=refresh, limit=LIMIT, trusted_origins=frozenset({source.origin})))
    assert sum(source.visits.values()) <= Patience().attempts


async def test_the_length_is_known_before_the_first_byte(net: Net, source: FaultySource) -> None:
    async with trusting(net, source, "ok") as download:
        assert (download.length, download.content_type, download.received) == (len(source.body), "video/mp4", 0)


async def test_headers_stay_with_the_origin_that_they_were_meant_for(net: Net, source: FaultySource) -> None:
    async with FaultySource() as cdn:
        download = net.download(
            source.url("redirect", to=cdn.url("ok")),
            headers={"Authorization": "Bearer for-the-api-only"},
            limit=LIMIT,
            trusted_origins=frozenset({source.origin, cdn.origin}),
        )
        await fetch(download)

        assert source.headers_seen[0]["authorization"] == "Bearer for-the-api-only"
        assert all("authorization" not in headers for headers in cdn.headers_seen)
        assert cdn.headers_seen[0]["accept-encoding"] == "identity"


async def test_a_fresh_url_is_asked_for_with_the_headers_of_its_own_address(net: Net, source: FaultySource) -> None:
    async with FaultySource() as elsewhere:

        async def refresh() -> str:
            return elsewhere.url("ok")

        def permission(url: str) -> dict[str, str]:
            return {"x-key": "for-the-vendor-only"} if url.startswith(source.origin) else {}

        origins = frozenset({source.origin, elsewhere.origin})
        url = source.url("status", code="403")
        await fetch(net.download(url, refresh=refresh, headers=permission, limit=LIMIT, trusted_origins=origins))

        assert source.headers_seen[0]["x-key"] == "for-the-vendor-only"
        assert all("x-key" not in headers for headers in elsewhere.headers_seen)


async def test_a_stranger_cannot_lead_to_a_trusted_origin(source: FaultySource) -> None:
    net = Net(allow_private={"localhost"})
    stranger = source.url("redirect", to=source.url("ok")).replace("127.0.0.1", "localhost", 1)
    try:
        with pytest.raises(AddressRefused):
            await fetch(net.download(stranger, limit=LIMIT, trusted_origins=frozenset({source.origin})))
    finally:
        await net.aclose()


async def test_a_signed_url_is_sent_exactly_as_it_was_given(net: Net, source: FaultySource) -> None:
    url = f"{source.origin}/ok?X-Amz-Credential=a%2Fb%2f&sig=%2B%3d+x&path=%7Efile"
    await fetch(net.download(url, limit=LIMIT, trusted_origins=frozenset({source.origin})))

    assert list(source.visits) == ["/ok?X-Amz-Credential=a%2Fb%2f&sig=%2B%3d+x&path=%7Efile"]


async def test_a_proxy_of_the_environment_is_not_asked(net: Net, source: FaultySource, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    assert await fetch(trusting(net, source, "ok")) == source.body


async def test_a_cancelled_download_ends_at_once(net: Net, source: FaultySource) -> None:
    task = asyncio.create_task(fetch(trusting(net, source, "silent")))
    await asyncio.sleep(0.1)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 60)


async def test_a_reader_that_takes_its_time_is_not_mistaken_for_a_slow_server(source: FaultySource) -> None:
    net = Net(patience=Patience(attempts=2, backoff=0.01, stall=0.2, slowest=1 << 40))
    try:
        async with trusting(net, source, "ok") as download:
            async for _ in download:
                await asyncio.sleep(0.05)
        assert download.resumes == 0
    finally:
        await net.aclose()


def test_one_client_serves_several_event_loops() -> None:
    net = Net()

    async def once() -> bool:
        async with FaultySource() as source:
            try:
                return await fetch(trusting(net, source, "ok")) == source.body
            finally:
                await net.aclose()

    assert asyncio.run(once())
    assert asyncio.run(once())


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/", "https://localhost/", "https://[::1]/", "https://[::ffff:127.0.0.1]/", "https://[::ffff:7f00:1]/",
        "https://[64:ff9b::7f00:1]/", "https://[2002:7f00:1::]/", "https://10.0.0.1/", "https://172.16.0.1/",
        "https://192.168.1.1/", "https://169.254.169.254/latest/meta-data/", "https://100.64.0.1/", "https://0.0.0.0/",
        "https://[fe80::1]/", "https://[fc00::1]/", "https://[fd00:ec2::254]/", "https://224.0.0.1/", "https://240.0.0.1/",
        "https://255.255.255.255/", "http://93.184.216.34/", "file:///etc/passwd", "ftp://example.com/", "gopher://example.com/",
        "https://user:password@93.184.216.34/", "data:video/mp4;base64,AAAA", "https:///nowhere", "/relative", "",
    ],
)  # fmt: skip
async def test_a_url_that_must_not_be_dialled_is_refused(url: str, net: Net) -> None:
    with pytest.raises(AddressRefused):
        await fetch(net.download(url, limit=LIMIT))
    with pytest.raises(AddressRefused):
        await net.request_json("GET", url)


@pytest.mark.parametrize("address", ["169.254.169.254", "fd00:ec2::254", "100.100.100.200", "224.0.0.1", "0.0.0.0", "::"])
def test_where_clouds_hand_out_credentials_stays_closed_even_for_private_hosts(address: str) -> None:
    assert not is_allowed(address, Reach.PRIVATE)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:4700::1111", "::ffff:93.184.216.34", "64:ff9b::5db8:d822"])
def test_public_addresses_are_allowed_however_they_are_written(address: str) -> None:
    assert is_allowed(address, Reach.PUBLIC)


async def test_only_the_named_private_hosts_are_allowed(source: FaultySource) -> None:
    net = Net(allow_private={"localhost"})
    try:
        url = source.url("ok")
        assert await fetch(net.download(url.replace("127.0.0.1", "localhost"), limit=LIMIT)) == source.body
        with pytest.raises(AddressRefused):
            await fetch(net.download(url, limit=LIMIT))
    finally:
        await net.aclose()


async def test_an_answer_is_parsed(net: Net, source: FaultySource) -> None:
    answer = await net.request_json(
        "POST", source.url("json"), body={"prompt": "a boat"}, trusted_origins=frozenset({source.origin})
    )

    assert (answer.status, answer.body) == (200, {"id": "job_1", "state": "running"})
    assert answer.headers["content-type"] == "application/json"


async def test_a_submit_never_rides_on_a_connection_that_may_be_closing(net: Net, source: FaultySource) -> None:
    for _ in range(2):
        await net.request_json("POST", source.url("json"), body={}, trusted_origins=frozenset({source.origin}))

    assert source.connections == 2


@pytest.mark.parametrize(("method", "fault", "query", "error"), FATES)
async def test_a_request_that_may_cost_is_sent_once_and_its_fate_is_named(
    method: str, fault: str, query: dict[str, str], error: type[ReelwrightError], net: Net, source: FaultySource
) -> None:
    with pytest.raises(error) as caught:
        await net.request_json(
            method,
            source.url(fault, **query),
            body={"prompt": "a boat"} if method == "POST" else None,
            timeout_seconds=0.5,
            trusted_origins=frozenset({source.origin}),
        )

    assert type(caught.value) is error
    assert sum(source.visits.values()) == 1 or method == "GET"


async def test_a_request_that_found_nobody_was_not_submitted(net: Net) -> None:
    async with FaultySource() as gone:
        url, origins = gone.url("json"), frozenset({gone.origin})

    with pytest.raises(NotSubmitted):
        await net.request_json("POST", url, body={}, trusted_origins=origins)


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("GET https://cdn.example/clip.mp4?X-Amz-Signature=abcdef failed", "abcdef"),
        ("postgresql://joe:hunter2@db/reelwright", "hunter2"),
        ("Authorization: Bearer abc.def-ghi_jkl", "abc.def"),
        ("{'api_key': 'qwertyuiop'}", "qwertyuiop"),
        ('{"client_secret":"qwertyuiop"}', "qwertyuiop"),
        ("RUNWAYML_API_SECRET=key_0123456789abcdef", "0123456789"),
        ("invalid key sk-proj-0123456789abcdef", "0123456789"),
        ("token r8_0123456789abcdef is wrong", "0123456789"),
        ("AKIAIOSFODNN7EXAMPLE", "IOSFODNN7"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc", "eyJzdWIi"),
        ("data:image/png;base64,iVBORw0KGgoAAAANSUhEUg", "iVBORw0KGgo"),
        ("GET /s/0123456789abcdefghijklmnopqrstuvwxyz-ABCDE_/media/asset_1", "0123456789"),
        ("signed with whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "MfKQ9r8G"),
    ],
)
def test_a_secret_is_taken_out(text: str, secret: str) -> None:
    assert secret not in redact(text)
    assert "…" in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "shot 3, take 2 was stored",
        "https://cdn.example/clip.mp4 answered HTTP 403",
        "the key message: rest well",
        "keyboard: black",
    ],
)
def test_a_text_without_secrets_stays_as_it_is(text: str) -> None:
    assert redact(text) == text
