"""Replicate's simulator against the vendor's own SDK."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import pytest
from pydantic.v1 import ValidationError as SdkValidationError
from replicate.exceptions import ReplicateError

from reelwright.testing.simulators.behaviour import Phase, Trouble
from replicate_vendor import CLIP, FRAME, Met, vendors_sdk


async def test_what_the_simulator_answers_is_what_the_vendors_sdk_expects(met: Met) -> None:
    met.meet(Phase.FATE, Trouble.MODERATION)
    jobs = [await met.submit(FRAME), await met.submit(CLIP, "two")]
    for job in jobs:
        await met.ended(job)

    def use() -> None:
        with vendors_sdk(met.vendor.base) as client:
            failed, good = (client.predictions.get(job.id) for job in jobs)
            assert (failed.status, good.status) == ("failed", "succeeded")
            assert "E005" in (failed.error or "")
            assert {each.id for each in client.predictions.list()} == {job.id for job in jobs}
            model: Any = client.models.get("alibaba/wan-3")
            assert "Input" in model.latest_version.openapi_schema["components"]["schemas"]
            assert client.files.create(io.BytesIO(b"x"), filename="x.png").size == 1
            assert client.webhooks.default.secret().key == met.vendor.secret
            created = client.models.predictions.create("alibaba/wan-3", {"prompt": "A"})
            assert created.status in {"starting", "processing"}
            assert client.predictions.cancel(created.id).status == "canceled"
            with pytest.raises(ReplicateError, match="Input validation failed"):
                client.models.predictions.create("alibaba/wan-3", {"prompt": "A", "duration": 99})
        with vendors_sdk(met.vendor.base, "r8_wrong") as client, pytest.raises(ReplicateError) as refused:
            client.predictions.list()
        assert (refused.value.status, refused.value.title) == (401, "Unauthenticated")

    await asyncio.to_thread(use)
    met.meet(Phase.FATE, Trouble.ABORTED)
    aborted = await met.ended(await met.submit(FRAME, "three"))

    def look() -> None:
        with vendors_sdk(met.vendor.base) as client:
            client.predictions.get(aborted.id)

    with pytest.raises(SdkValidationError):  # one of the reasons why this SDK is not used
        await asyncio.to_thread(look)
