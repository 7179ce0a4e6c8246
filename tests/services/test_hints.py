"""A vendor's call makes us look at once, and does nothing else: however often, however late, whoever it is from."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from reelwright.bootstrap import Studio
from reelwright.domain.ids import JobId
from reelwright.domain.take import TakeState
from reelwright.errors import InvalidInput, NotFound
from reelwright.services.bells import Bell, Bells
from reelwright.testing.vendor import signed
from staging import Run, Stage


@asynccontextmanager
async def listening(studios: list[Studio], heard: list[str]) -> AsyncGenerator[str]:
    """Where the vendor calls; as the server's route will do it."""

    async def hear(request: web.Request) -> web.Response:
        body = await request.read()
        await studios[0].hints.hear("simkey", request.headers, body)
        heard.append(json.loads(body)["state"])
        return web.Response(status=204)

    app = web.Application()
    app.router.add_post("/webhooks/simkey", hear)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/webhooks/simkey"
    finally:
        await runner.cleanup()


def call(job: str) -> bytes:
    return json.dumps({"id": job, "state": "succeeded"}).encode()


async def submitted(run: Run) -> JobId:
    take = await run.ask()
    await run.steps.submits.submit(take)
    job = (await run.take(take)).job_id
    assert job is not None
    return job


async def test_a_job_that_has_ended_is_fetched_as_soon_as_the_vendor_calls(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMULATED_POLL_EVERY", "60")
    studios: list[Studio] = []
    heard: list[str] = []
    stage.vendor.turn(frame_seconds=1, calls=3)
    async with listening(studios, heard) as url:
        monkeypatch.setenv("SIMULATED_CALL_URL", url)
        run = await stage.begin()
        studios.append(run.studio)
        began = time.monotonic()
        take = await run.make(await run.ask())
        assert time.monotonic() - began < 50, "it waited for its next poll"
        assert take.state is TakeState.KEPT
        async with asyncio.timeout(60):
            while len(heard) < 6:
                await asyncio.sleep(0.02)
    # Three times the end, then three times the beginning: what came after the take was kept is passed over.
    assert heard == ["succeeded"] * 3 + ["running"] * 3
    assert sum(stage.vendor.state.polls.values()) <= 4
    assert stage.vendor.submits == {take.intent: 1}


async def test_a_call_alone_changes_nothing(stage: Stage) -> None:
    run = await stage.begin()
    stage.vendor.turn(frame_seconds=30)
    job = await submitted(run)
    told = await run.events()
    for _ in range(3):
        await run.studio.hints.hear("simkey", signed(call(job)), call(job))
    await run.studio.hints.hear("simkey", signed(call("job-of-nobody")), call("job-of-nobody"))
    assert await run.events() == told
    [take] = await run.studio.upkeep.unsettled()
    assert take.state is TakeState.SUBMITTED
    assert not stage.vendor.state.polls


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Webhook-Timestamp": "now", "Webhook-Signature": "0" * 64},
        {**signed(call("job-00001")), "Webhook-Signature": "0" * 64},
        signed(call("job-00002")),
        signed(call("job-00001"), time.time() - 3600),
    ],
    ids=["unsigned", "nonsense", "wrong", "of another call", "old"],
)
async def test_a_call_that_is_not_the_vendors_is_refused(stage: Stage, headers: dict[str, str]) -> None:
    studio = stage.open()
    with pytest.raises(InvalidInput):
        await studio.hints.hear("simkey", headers, call("job-00001"))


async def test_a_signed_call_that_means_nothing_is_refused(stage: Stage) -> None:
    studio = stage.open()
    for body in (b"", b"{}", b"\xff", b"[1]"):
        with pytest.raises(InvalidInput):
            await studio.hints.hear("simkey", signed(body), body)


async def test_only_providers_that_call_are_heard(stage: Stage) -> None:
    studio = stage.open()
    for name in ("nobody", "", "animatic"):
        with pytest.raises(NotFound, match="No calls are taken"):
            await studio.hints.hear(name, signed(b"{}"), b"{}")


async def test_a_bell_that_is_rung_without_end_does_not_make_us_ask_without_end() -> None:
    bells = Bells()
    assert not bells.ring("simkey", JobId("job-1"))

    async def ring(bell: Bell) -> None:
        while True:
            bell.ring()
            await asyncio.sleep(0)

    with bells.hung("simkey", JobId("job-1")) as bell:
        assert bells.ring("simkey", JobId("job-1"))
        assert not bells.ring("simkey", JobId("job-2"))
        ringing = asyncio.create_task(ring(bell))
        began = time.monotonic()
        for _ in range(4):
            await bell.sleep(600)
        ringing.cancel()
    assert time.monotonic() - began >= 4 * 0.19
    assert not bells.ring("simkey", JobId("job-1"))
