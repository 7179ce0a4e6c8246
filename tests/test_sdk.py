"""The vendors' SDKs over our clients: one request for one call, and the same errors as from our own client."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import openai
import pytest
import runwayml

from fates import FATES
from reelwright.errors import InDoubt, NotSubmitted, ProviderError, ReelwrightError, Throttled
from reelwright.net import Answer
from reelwright.net.sdk import asked, httpx2_client, httpx_client
from reelwright.testing.source import FaultySource

Call = Callable[..., Awaitable[Any]]
STAINLESS, CASTIRON = "runwayml", "openai"


class RunwayThing(runwayml.BaseModel):
    """What the one SDK makes of an answer."""

    id: str


class OpenAIThing(openai.BaseModel):
    """What the other makes of it."""

    id: str


@pytest.fixture
async def source() -> AsyncIterator[FaultySource]:
    async with FaultySource() as served:
        yield served


@pytest.fixture(params=[STAINLESS, CASTIRON])
async def call(request: pytest.FixtureRequest, source: FaultySource) -> AsyncIterator[Call]:
    """A request through a vendor's own SDK, on httpx and on httpx2."""
    settings: dict[str, Any] = {"api_key": "k", "base_url": source.origin, "max_retries": 0, "timeout": 0.5}
    if request.param == STAINLESS:
        http = httpx_client()
        sdk: Any = runwayml.AsyncRunwayML(http_client=http, **settings)
        thing: type = RunwayThing
    else:
        http2 = httpx2_client()
        sdk, thing = openai.AsyncOpenAI(http_client=http2, **settings), OpenAIThing

    async def send(method: str, path: str) -> Any:
        if method == "POST":
            return await asked(sdk.post(path, cast_to=thing, body={"prompt": "a boat"}), pays=True)
        return await asked(sdk.get(path, cast_to=thing), pays=False)

    yield send
    await sdk.close()


@pytest.mark.parametrize(("method", "fault", "query", "error"), FATES)
async def test_a_call_is_one_request_and_its_fate_is_named(
    method: str, fault: str, query: dict[str, str], error: type[ReelwrightError], call: Call, source: FaultySource
) -> None:
    path = source.url(fault, **query).removeprefix(source.origin)

    with pytest.raises(error) as caught:
        await call(method, path)

    assert type(caught.value) is error
    assert sum(source.visits.values()) == 1


async def test_a_good_answer_is_the_sdks_own(call: Call) -> None:
    assert (await call("POST", "/json")).id == "job_1"


async def test_a_vendors_wait_is_told(call: Call, source: FaultySource) -> None:
    with pytest.raises(Throttled) as caught:
        await call("POST", source.url("status", code="429", wait="7").removeprefix(source.origin))

    assert caught.value.retry_after == 7


async def test_nobody_there_is_not_submitted() -> None:
    async with FaultySource() as gone:
        origin = gone.origin
    async with runwayml.AsyncRunwayML(api_key="k", base_url=origin, max_retries=0, http_client=httpx_client()) as sdk:
        with pytest.raises(NotSubmitted):
            await asked(sdk.post("/json", cast_to=RunwayThing, body={}), pays=True)


async def test_what_breaks_before_a_request_leaves_is_not_in_doubt() -> None:
    async def broken() -> None:
        raise TypeError("no such argument")

    with pytest.raises(ProviderError) as caught:
        await asked(broken(), pays=True)

    assert not isinstance(caught.value, InDoubt)


async def test_a_vendor_explains_its_own_refusals(source: FaultySource) -> None:
    def explain(answer: Answer) -> ProviderError | None:
        return Throttled("come again") if answer.status == 400 else None

    settings: dict[str, Any] = {"api_key": "k", "base_url": source.origin, "max_retries": 0}
    async with runwayml.AsyncRunwayML(http_client=httpx_client(explain), **settings) as sdk:
        with pytest.raises(Throttled, match="come again"):
            await asked(sdk.post("/status?code=400", cast_to=RunwayThing, body={}), pays=True)


async def test_a_call_that_breaks_before_it_leaves_costs_nothing_and_says_nothing_about_a_job() -> None:
    async def broken() -> None:
        raise KeyError("model")

    with pytest.raises(ProviderError) as refused:
        await asked(broken(), pays=True)
    assert type(refused.value) is ProviderError
    with pytest.raises(NotSubmitted):
        await asked(broken(), pays=False)
