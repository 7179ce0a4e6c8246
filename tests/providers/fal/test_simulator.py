"""fal's simulator against the vendor's own client, which is led here by its constants: it can be led in no other way."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager

import fal_client.client
import pytest
from fal_client import Completed, FalClientHTTPError, InProgress, Queued, SyncClient

from fal_vendor import CLIP, FRAME, KEY, Met
from reelwright.testing.simulators.behaviour import Phase, Trouble


@contextmanager
def vendors_client(base: str, key: str = KEY) -> Generator[SyncClient]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fal_client.client, "QUEUE_URL_FORMAT", f"{base}/")
        client = SyncClient(key=key)
        try:
            yield client
        finally:
            client._client.close()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - it has no other way


async def test_what_the_simulator_answers_is_what_the_vendors_client_expects(met: Met) -> None:
    app = FRAME.model.partition(":")[2]

    def use() -> None:
        with vendors_client(met.vendor.base) as client:
            handle = client.submit(app, {"prompt": "A night train.", "image_size": "square_hd"})
            (picture,) = handle.get(interval=0.02)["images"]
            assert picture["content_type"] == "image/png"
            status = handle.status(with_logs=True)
            assert isinstance(status, Completed)
            assert (status.error, status.logs) == (None, [])
            again = client.get_handle(app, handle.request_id)
            assert again.response_url == handle.response_url
            assert client.result(app, handle.request_id)["images"][0]["file_name"] == "output.png"

            met.meet(Phase.FATE, Trouble.INTERNAL, Trouble.MODERATION)
            broken = client.submit(app, {"prompt": "A"})
            with pytest.raises(FalClientHTTPError) as error:
                broken.get(interval=0.02)
            assert (error.value.status_code, error.value.error_type) == (503, "runner_disconnected")
            ended = broken.status()
            assert isinstance(ended, Completed)
            assert ended.error_type == "runner_disconnected"
            with pytest.raises(FalClientHTTPError) as error:
                client.submit(app, {"prompt": "A"}).get(interval=0.02)
            assert error.value.response.json()["detail"][0]["type"] == "content_policy_violation"
            with pytest.raises(FalClientHTTPError) as error:
                client.submit(CLIP.model.partition(":")[2], {"prompt": "A", "duration": "7"}).get(interval=0.02)
            assert {each["type"] for each in error.value.response.json()["detail"]} == {"missing", "one_of"}
        with vendors_client(met.vendor.base, "another:one") as client, pytest.raises(FalClientHTTPError) as error:
            client.submit(app, {"prompt": "A"})
        assert error.value.status_code == 401

    await asyncio.to_thread(use)


async def test_it_waits_runs_and_is_cancelled_as_the_vendors_client_expects(met: Met) -> None:
    app = FRAME.model.partition(":")[2]
    met.vendor.desk.behaviour.concurrency, met.vendor.desk.behaviour.frame_seconds = 1, (5.0, 5.0)

    def use() -> None:
        with vendors_client(met.vendor.base) as client:
            first, second = (client.submit(app, {"prompt": "A"}) for _ in range(2))
            assert isinstance(first.status(), InProgress)
            assert second.status() == Queued(position=0)
            first.cancel()
            done = first.status()
            assert isinstance(done, Completed)
            assert done.error_type == "client_cancelled"
            with pytest.raises(FalClientHTTPError) as error:
                first.cancel()
            assert error.value.response.json() == {"status": "ALREADY_COMPLETED"}

    await asyncio.to_thread(use)


async def test_the_vendors_client_sends_one_submit_up_to_ten_times(met: Met) -> None:
    met.meet(Phase.SUBMIT, *[Trouble.CUT_AFTER] * 3)

    def use() -> None:
        with vendors_client(met.vendor.base) as client:
            client.submit(FRAME.model.partition(":")[2], {"prompt": "A"})

    await asyncio.to_thread(use)
    assert met.submits == 4  # the reason why it is not used
