"""The provider that the how-to shows, taken from the page and run against a server that behaves like its vendor."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from fractions import Fraction
from pathlib import Path
from types import ModuleType

import pytest
from aiohttp import web

from reelwright.domain.generation import JobState, Kind, ModelRef, Output, Request
from reelwright.domain.ids import AssetId, IntentKey, JobId
from reelwright.errors import KeyRefused, NotSubmitted
from reelwright.ports import Provider, Workshop

PAGE = Path(__file__).parent.parent.parent / "docs" / "how-to" / "add-a-provider.md"


class NoPictures:
    """Attachments of a request that has none."""

    async def read(self, asset: AssetId) -> bytes:
        raise AssertionError(asset)


class Acme:
    """The vendor: a job is done when it has been looked at twice; the same key is the same job."""

    def __init__(self) -> None:
        self.jobs: dict[str, int] = {}

    async def submit(self, request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == "Bearer secret"
        job = f"job-{request.headers['Idempotency-Key']}"
        self.jobs.setdefault(job, 0)
        return web.json_response({"id": job, "status": "queued"}, status=201)

    async def poll(self, request: web.Request) -> web.Response:
        job = request.match_info["job"]
        self.jobs[job] += 1
        done = {"status": "done", "video": "https://cdn.acme.example/a.mp4"}
        return web.json_response({"id": job, **(done if self.jobs[job] > 1 else {"status": "thinking"})})

    async def cancel(self, request: web.Request) -> web.Response:
        del self.jobs[request.match_info["job"]]
        return web.Response(status=204)


@asynccontextmanager
async def serving(vendor: Acme) -> AsyncGenerator[str]:
    """The vendor on loopback; its base URL."""
    app = web.Application()
    app.add_routes(
        [web.post("/jobs", vendor.submit), web.get("/jobs/{job}", vendor.poll), web.delete("/jobs/{job}", vendor.cancel)]
    )
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def shown_provider(folder: Path, environment: dict[str, str]) -> Provider:
    """What the page's own code makes of that environment."""
    [code] = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    module = ModuleType("reelwright_acme")
    exec(compile(code, str(PAGE), "exec"), module.__dict__)

    async def no_media(*_: object) -> object:
        raise AssertionError

    return module.provider(Workshop(folder=folder, environment=environment, media=no_media))


REQUEST = Request(Kind.CLIP, ModelRef("acme:clip-2"), "a night train", seconds=Fraction(5))


async def test_the_shown_provider_submits_polls_and_cancels(tmp_path: Path) -> None:
    vendor = Acme()
    async with serving(vendor) as base:
        provider = shown_provider(tmp_path, {"ACME_API_KEY": "secret", "ACME_BASE_URL": base})
        await provider.submit(REQUEST, intent=IntentKey("one"), attachments=NoPictures())
        job = await provider.submit(REQUEST, intent=IntentKey("one"), attachments=NoPictures())
        assert (job.id, job.state, len(vendor.jobs)) == (JobId("job-one"), JobState.RUNNING, 1)
        assert (await provider.poll(job.id)).state is JobState.RUNNING
        ended = await provider.poll(job.id)
        assert (ended.state, ended.outputs) == (JobState.SUCCEEDED, (Output("https://cdn.acme.example/a.mp4"),))
        await provider.cancel(job.id)
        assert vendor.jobs == {}
        await provider.aclose()
    assert provider.cards()[0].quote(REQUEST.seconds) == 250_000


async def test_the_shown_provider_knows_when_nothing_was_sent(tmp_path: Path) -> None:
    async with serving(Acme()) as base:
        pass
    provider = shown_provider(tmp_path, {"ACME_API_KEY": "secret", "ACME_BASE_URL": base})
    with pytest.raises(NotSubmitted):
        await provider.submit(REQUEST, intent=IntentKey("one"), attachments=NoPictures())
    await provider.aclose()


async def test_the_shown_provider_asks_for_its_key_by_name(tmp_path: Path) -> None:
    provider = shown_provider(tmp_path, {})
    assert [card.model for card in provider.cards()] == ["acme:clip-2"]
    assert provider.account == ""
    with pytest.raises(KeyRefused, match="ACME_API_KEY"):
        await provider.submit(REQUEST, intent=IntentKey("one"), attachments=NoPictures())
    await provider.aclose()
