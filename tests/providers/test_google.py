"""The Google adapter on the simulated Google: what it sends, what it makes of the answers, and that it pays once."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
from google.genai.interactions import CreateModelInteraction, Interaction
from google.genai.types import Content, GenerateContentConfig, GenerateContentResponse, Part
from PIL import Image

from reelwright.domain.brief import Brief
from reelwright.domain.generation import FailureKind, Job, JobState, Kind, ModelRef
from reelwright.domain.ids import IntentKey, JobId
from reelwright.errors import (
    CreditsUsedUp,
    InDoubt,
    InputRefused,
    JobUnknown,
    KeyRefused,
    Moderated,
    NotSubmitted,
    ProviderError,
    Throttled,
)
from reelwright.net import Net
from reelwright.ports import Findable, Guarded, Recalling
from reelwright.providers.google import client, provider
from reelwright.testing.simulators.behaviour import Phase, Trouble
from reelwright.testing.simulators.google import Google
from reelwright.writers.language_model import google as writer
from visits import SMALL, Visit, drawn, told, visiting

FLASH, PRO, OMNI = "google:gemini-3.1-flash-image", "google:gemini-3-pro-image", "google:gemini-omni-1.1-flash"


@pytest.fixture
async def google(tmp_path: Path) -> AsyncIterator[Visit]:
    async with visiting("google", provider, tmp_path) as visit:
        yield visit


def vendor_of(visit: Visit) -> Google:
    assert isinstance(visit.vendor, Google)
    return visit.vendor


async def fetched(visit: Visit, job: Job) -> bytes:
    """As the studio fetches it."""
    studio, net = visit.provider, Net()
    assert isinstance(studio, Guarded)
    try:
        url, origins = job.outputs[0].url, studio.trusted_origins
        async with net.download(url, headers=studio.permission, limit=1 << 20, trusted_origins=origins) as download:
            return b"".join([chunk async for chunk in download])
    finally:
        await net.aclose()


# -- pictures --------------------------------------------------------------------------------------------------------------


async def test_a_picture_is_drawn_and_its_tokens_are_paid(google: Visit) -> None:
    job = await google.submit(FLASH, shape="21:9")
    sent = google.sent()[-1]
    assert sent.path == "/v1beta/models/gemini-3.1-flash-image:generateContent"
    assert sent.headers["x-goog-api-key"] == google.environment["GOOGLE_API_KEY"]
    assert sent.body == {
        "contents": [{"parts": [{"text": "A train on a bridge."}], "role": "user"}],
        "generationConfig": {"responseModalities": ["IMAGE"], "imageConfig": {"aspectRatio": "21:9", "imageSize": "1K"}},
    }
    Content.model_validate(sent.body["contents"][0])
    GenerateContentConfig.model_validate(sent.body["generationConfig"])
    answer = GenerateContentResponse.model_validate(sent.answered)
    assert answer.usage_metadata is not None
    assert job.charged_micro_usd == google.charged == 1120 * 60 + 300 * 3 + 3  # five words are 2.5 micro-dollars
    with Image.open(io.BytesIO(await fetched(google, job))) as picture:
        assert picture.width / picture.height == pytest.approx(1584 / 672, rel=0.02)


async def test_your_picture_and_the_logo_travel_inside(google: Visit) -> None:
    await google.submit(PRO, picture=SMALL, logo=SMALL)
    words, first, logo = google.body["contents"][0]["parts"]
    assert words["text"].endswith("The brand's logo is in picture 2: put it where the words ask for it.")
    for part in (first, logo):
        assert Part.model_validate(part) == Part.from_bytes(data=drawn((320, 180), "PNG"), mime_type="image/png")


async def test_a_picture_that_the_rules_forbid_is_moderated_before_and_after(google: Visit) -> None:
    with pytest.raises(Moderated, match="PROHIBITED_CONTENT"):
        await google.submit(FLASH, prompt="A train. [moderated]")
    google.meet(Phase.FATE, Trouble.MODERATION)
    with pytest.raises(Moderated, match="IMAGE_SAFETY"):
        await google.submit(FLASH)
    for sent in google.sent():
        GenerateContentResponse.model_validate(sent.answered)
    assert google.charged == 0


async def test_a_server_error_is_a_picture_that_failed_for_free(google: Visit) -> None:
    google.meet(Phase.FATE, Trouble.INTERNAL)
    job = await google.submit(FLASH)
    assert job.failure is not None
    assert (job.failure.kind, job.failure.is_retryable, job.charged_micro_usd) == (FailureKind.INTERNAL, True, 0)
    assert told(google.sent()) == {500: 1}


async def test_a_picture_of_an_intent_is_asked_for_once_and_recalled(google: Visit) -> None:
    request, intent = google.request(FLASH), IntentKey("one")
    job = await google.provider.submit(request, intent=intent, attachments=google.album)
    again = google.make(google.workshop)
    assert isinstance(again, Recalling)
    assert not isinstance(again, Findable)
    recalled = await again.recall(request, intent=intent)
    assert recalled is not None
    assert recalled.id == job.id
    assert (await again.submit(request, intent=intent, attachments=google.album)).id == job.id
    assert google.submits == 1
    await again.aclose()


# -- clips -----------------------------------------------------------------------------------------------------------------


async def test_a_clip_is_filmed_from_its_first_to_its_last_frame(google: Visit) -> None:
    receipt = await google.submit(OMNI, shape="9:16", seconds=Fraction(4), picture=SMALL, last_picture=SMALL)
    assert receipt == Job(receipt.id, JobState.RUNNING)
    sent = google.sent()[-1]
    assert sent.path == "/v1beta/interactions"
    [step] = sent.body["input"]
    *pictures, words = step["content"]
    assert [each["mime_type"] for each in pictures] == ["image/png", "image/png"]
    assert words["text"] == ("<FIRST_FRAME> <LAST_FRAME> A train on a bridge. One continuous, unbroken shot, without scene cuts.")
    assert {name: value for name, value in sent.body.items() if name != "input"} == {
        "model": "gemini-omni-1.1-flash",
        "background": True,
        "store": True,
        "generation_config": {"video_config": {"task": "image_to_video"}},
        "response_format": {
            "type": "video",
            "aspect_ratio": "9:16",
            "duration": "4s",
            "delivery": "uri",
            "resolution": "720p",
        },
    }
    CreateModelInteraction.model_validate(sent.body)
    Interaction.model_validate(sent.answered)
    job = await google.ended(receipt)
    assert job.id == receipt.id
    assert job.charged_micro_usd == google.charged
    with av.open(io.BytesIO(await fetched(google, job)), "r") as container:
        assert sum(1 for _ in container.decode(video=0)) == 96


async def test_a_clip_without_a_picture_is_filmed_from_words(google: Visit) -> None:
    job = await google.ended(await google.submit(OMNI))
    assert google.body["generation_config"] == {"video_config": {"task": "text_to_video"}}
    assert [each["type"] for each in google.body["input"][0]["content"]] == ["text"]
    assert job.state is JobState.SUCCEEDED


async def test_a_poll_fetches_no_clip_and_the_key_opens_the_vendors_own_address_only(google: Visit) -> None:
    job = await google.ended(await google.submit(OMNI))
    assert not [sent for sent in google.sent("GET") if sent.path.endswith(":download")]
    studio, key = google.provider, google.environment["GOOGLE_API_KEY"]
    assert isinstance(studio, Guarded)
    assert studio.permission(job.outputs[0].url) == {"x-goog-api-key": key}
    for other in ("https://storage.example/clip.mp4", "https://127.0.0.1/v1beta/files/a:download", "http://127.0.0.1:1/"):
        assert studio.permission(other) == {}
    await fetched(google, job)
    [given] = [sent for sent in google.sent("GET") if sent.path.endswith(":download")]
    assert (given.headers["x-goog-api-key"], given.query) == (key, {"alt": "media"})


async def test_of_the_address_that_google_names_only_the_file_is_believed(google: Visit) -> None:
    receipt = await google.submit(OMNI)
    vendor, base = vendor_of(google), google.vendor.base
    vendor.origin = "https://somebody-else.example"
    job = await google.ended(receipt)
    assert job.outputs[0].url.startswith(f"{base}/v1beta/files/")
    vendor.origin = base.removesuffix("/google")


async def test_a_key_that_is_gone_is_said_and_nothing_is_fetched_without_it(google: Visit) -> None:
    job = await google.ended(await google.submit(OMNI))
    google.environment["GOOGLE_API_KEY"] = ""
    with pytest.raises(KeyRefused):
        await fetched(google, job)


async def test_a_clip_that_comes_in_the_answer_is_kept_as_well(google: Visit) -> None:
    vendor_of(google).is_inline = True
    job = await google.ended(await google.submit(OMNI))
    with av.open(io.BytesIO(await fetched(google, job)), "r") as container:
        assert sum(1 for _ in container.decode(video=0)) == 72


async def test_a_clip_runs_until_the_file_service_has_it(google: Visit) -> None:
    vendor_of(google).processing_seconds = 600
    receipt = await google.submit(OMNI)
    await asyncio.sleep(0.2)
    assert (await google.provider.poll(receipt.id)).state is JobState.RUNNING
    vendor_of(google).processing_seconds = 0
    assert (await google.ended(receipt)).state is JobState.SUCCEEDED


async def test_where_the_file_service_sends_us_elsewhere_the_key_stays_here(google: Visit) -> None:
    vendor_of(google).sends_elsewhere = True
    job = await google.ended(await google.submit(OMNI))
    with av.open(io.BytesIO(await fetched(google, job)), "r") as container:
        assert sum(1 for _ in container.decode(video=0)) == 72


@pytest.mark.parametrize(
    ("fate", "kind", "is_retryable"),
    [
        (Trouble.MODERATION, FailureKind.MODERATION, False),
        (Trouble.INTERNAL, FailureKind.INTERNAL, True),
        (Trouble.CANCELLED, FailureKind.CANCELLED, True),
    ],
)
async def test_a_clip_that_fails_says_why(google: Visit, fate: Trouble, kind: FailureKind, is_retryable: bool) -> None:
    google.meet(Phase.FATE, fate)
    job = await google.ended(await google.submit(OMNI))
    Interaction.model_validate(google.sent("GET")[-1].answered)
    assert job.failure is not None
    assert (job.failure.kind, job.failure.is_retryable, job.failure.is_charged) == (kind, is_retryable, False)
    assert job.charged_micro_usd == google.charged == 0


async def test_a_state_that_nobody_knows_is_a_running_one(google: Visit) -> None:
    receipt = await google.submit(OMNI)
    await asyncio.sleep(0.2)
    google.meet(Phase.POLL, Trouble.UNKNOWN_STATE)
    assert (await google.provider.poll(receipt.id)).state is JobState.RUNNING
    assert (await google.provider.poll(receipt.id)).state is JobState.SUCCEEDED


async def test_a_running_clip_can_be_stopped(tmp_path: Path) -> None:
    async with visiting("google", provider, tmp_path, clip_seconds=(30, 30)) as visit:
        receipt = await visit.submit(OMNI)
        await visit.provider.cancel(receipt.id)
        job = await visit.provider.poll(receipt.id)
        assert job.failure is not None
        assert job.failure.kind is FailureKind.CANCELLED
        await visit.provider.cancel(receipt.id)
        await visit.provider.cancel(JobId("v1_unknown"))
        assert [sent.path.rpartition("/")[2] for sent in visit.sent()] == ["interactions", "cancel"]


@pytest.mark.parametrize("job", ["v1_unknown", "../../v1beta/models", "x" * 500])
async def test_a_job_that_nobody_made_is_unknown(google: Visit, job: str) -> None:
    with pytest.raises(JobUnknown):
        await google.provider.poll(JobId(job))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"seconds": Fraction(5, 2)}, "whole seconds"),
        ({"last_picture": SMALL}, "together with a first"),
        ({"seconds": Fraction(11)}, "Invalid duration"),
        ({"shape": "4:3"}, "Invalid aspect_ratio"),
    ],
)
async def test_what_omni_does_not_make_is_refused(google: Visit, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(InputRefused, match=words):
        await google.submit(OMNI, **changes)
    assert google.submits == 0


# -- paid once -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("trouble", "picture_error", "clip_error", "accepted"),
    [
        (Trouble.THROTTLE, Throttled, Throttled, 0),
        # A clip goes on by itself, so of it not even Google's own word that it failed is believed.
        (Trouble.UNAVAILABLE, Throttled, InDoubt, 0),
        (Trouble.BAD_GATEWAY, InDoubt, InDoubt, 0),
        (Trouble.BAD_GATEWAY_AFTER, InDoubt, InDoubt, 1),
        (Trouble.CUT_BEFORE, InDoubt, InDoubt, 0),
        (Trouble.CUT_AFTER, InDoubt, InDoubt, 1),
        (Trouble.GARBLED, InDoubt, InDoubt, 1),
    ],
)
async def test_whatever_happens_it_is_one_post(
    google: Visit, trouble: Trouble, picture_error: type[ProviderError], clip_error: type[ProviderError], accepted: int
) -> None:
    for model, error in ((FLASH, picture_error), (OMNI, clip_error)):
        before, posts = google.submits, len(google.sent())
        google.meet(Phase.SUBMIT, trouble)
        with pytest.raises(error):
            await google.submit(model)
        assert len(google.sent()) == posts + 1
        assert google.submits == before + accepted


async def test_an_answer_that_takes_too_long_is_in_doubt_and_is_one_post(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_SECONDS", 1)
    async with visiting("google", provider, tmp_path, answer_delay=60) as visit:
        for number, model in enumerate((FLASH, OMNI), 1):
            with pytest.raises(InDoubt):
                await visit.submit(model)
            assert visit.submits == number


async def test_polls_that_go_wrong_say_nothing_about_the_job(google: Visit) -> None:
    receipt = await google.submit(OMNI)
    for trouble, error in (
        (Trouble.THROTTLE, Throttled),
        (Trouble.UNAVAILABLE, Throttled),
        (Trouble.BAD_GATEWAY, NotSubmitted),
        (Trouble.CUT_BEFORE, NotSubmitted),
        (Trouble.GARBLED, NotSubmitted),
    ):
        google.meet(Phase.POLL, trouble)
        with pytest.raises(error):
            await google.provider.poll(receipt.id)
    assert (await google.ended(receipt)).state is JobState.SUCCEEDED


# -- what refusals mean ------------------------------------------------------------------------------------------------------


async def test_a_bad_key_is_a_bad_argument_to_google_and_a_refused_key_to_us(tmp_path: Path) -> None:
    async with visiting("google", provider, tmp_path, key="AIza-good-0123456789") as visit:
        visit.environment["GOOGLE_API_KEY"] = "AIza-bad-0123456789"
        for model in (FLASH, OMNI):
            with pytest.raises(KeyRefused, match="not valid"):
                await visit.submit(model)
        assert told(visit.sent()) == {400: 2}
        del visit.environment["GOOGLE_API_KEY"]
        with pytest.raises(KeyRefused, match="GOOGLE_API_KEY"):
            await visit.submit(FLASH)
        visit.environment["GEMINI_API_KEY"] = "AIza-good-0123456789"
        assert (await visit.submit(FLASH)).state is JobState.SUCCEEDED


async def test_a_short_limit_is_waited_for_and_a_used_up_day_is_not(tmp_path: Path) -> None:
    async with visiting("google", provider, tmp_path, credits_micro_usd=100) as visit:
        visit.meet(Phase.SUBMIT, Trouble.THROTTLE)
        with pytest.raises(Throttled) as caught:
            await visit.submit(FLASH)
        assert caught.value.retry_after == 1
        for model in (FLASH, OMNI):
            with pytest.raises(CreditsUsedUp, match="quota"):
                await visit.submit(model)
        assert told(visit.sent()) == {429: 3}


async def test_what_it_does_not_have_is_refused(google: Visit) -> None:
    with pytest.raises(InputRefused, match="not found"):
        await google.submit("google:imagen-4.0-generate-001", shape="16:9")
    request = google.request(FLASH)
    for wrong in (replace(request, model=ModelRef("google:gemini-9")), replace(request, kind=Kind.VOICE)):
        with pytest.raises(InputRefused, match="Google makes no"):
            await google.provider.submit(wrong, intent=IntentKey("one"), attachments=google.album)
    assert google.submits == 0


# -- words --------------------------------------------------------------------------------------------------------------------


async def test_the_writers_talk_to_the_same_address_with_the_same_key(google: Visit) -> None:
    written = await writer(google.workshop, "gemini-3.8-flash").concepts(
        Brief(name="Orbit", product="A lamp.", message="Wake up.", call_to_action="", seconds=Fraction(6), shots=2), 2
    )
    assert written.writer == "google:gemini-3.8-flash"
    assert len(written.value) == 2
    assert google.vendor.desk.counts()["chats"] == 1
