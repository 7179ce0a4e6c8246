"""The OpenAI adapter on the simulated OpenAI: what it sends, what it makes of the answers, and that it pays once."""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import json
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from functools import partial
from pathlib import Path
from uuid import uuid4

import aiohttp
import pytest
from aiohttp import web
from openai.types import ImagesResponse
from openai.types.audio.speech_create_params import SpeechCreateParams
from openai.types.image_generate_params import ImageGenerateParamsNonStreaming
from PIL import Image

from reelwright.domain.brief import Brief
from reelwright.domain.generation import FailureKind, Job, JobState, Kind, ModelRef
from reelwright.domain.ids import IntentKey
from reelwright.errors import (
    CreditsUsedUp,
    InDoubt,
    InputRefused,
    InvalidInput,
    KeyRefused,
    Moderated,
    NotSubmitted,
    ProviderError,
    Throttled,
)
from reelwright.ports import Findable, Hinting, Listed, Recalling
from reelwright.providers.openai import OpenAI, provider
from reelwright.testing.simulators import openai as simulated
from reelwright.testing.simulators.behaviour import Phase, Trouble
from reelwright.testing.simulators.typed import problems
from reelwright.writers.language_model import openai as writer
from visits import AWAY, BROKEN, GIF, LOST, SMALL, Visit, drawn, told, visiting

SUNBURST, FIRST, MINI = "openai:gpt-image-2.6-sunburst", "openai:gpt-image-1.5", "openai:gpt-image-1-mini"
VOICE, OLD_VOICE = "openai:gpt-4o-mini-tts", "openai:tts-1"
SECRET = "whsec_" + base64.b64encode(b"a secret of twenty-four b").decode()


@pytest.fixture
async def openai(tmp_path: Path) -> AsyncIterator[Visit]:
    async with visiting("openai", provider, tmp_path) as visit:
        yield visit


async def fetched(job: Job) -> bytes:
    async with aiohttp.ClientSession() as session, session.get(job.outputs[0].url) as answer:
        return await answer.read()


# -- what is sent, and what comes back -------------------------------------------------------------------------------------


async def test_a_picture_is_drawn_and_its_tokens_are_paid(openai: Visit) -> None:
    job = await openai.submit(SUNBURST, shape="1584x672")
    sent = openai.sent()[-1]
    assert sent.path == "/v1/images/generations"
    assert sent.body == {
        "model": "gpt-image-2.6-sunburst",
        "prompt": "A train on a bridge.",
        "size": "1584x672",
        "n": 1,
        "output_format": "png",
        "quality": "high",
        "background": "opaque",
    }
    assert problems(sent.body, ImageGenerateParamsNonStreaming) == []
    answer = ImagesResponse.model_validate(sent.answered)
    assert answer.usage is not None
    assert job.charged_micro_usd == answer.usage.input_tokens * 5 + answer.usage.output_tokens * 30 == openai.charged
    with Image.open(io.BytesIO(await fetched(job))) as picture:
        assert picture.width / picture.height == pytest.approx(1584 / 672, rel=0.02)


async def test_your_picture_and_the_logo_travel_as_files(openai: Visit) -> None:
    job = await openai.submit(FIRST, picture=SMALL, logo=SMALL)
    sent = openai.sent()[-1]
    [ledger] = openai.vendor.ledger()["jobs"]
    assert sent.path == "/v1/images/edits"
    small = len(drawn((320, 180), "PNG"))
    assert ledger["body"].pop("image[]") == [
        {"filename": "picture.png", "bytes": small},
        {"filename": "logo.png", "bytes": small},
    ]
    assert problems(ledger["body"], ImageGenerateParamsNonStreaming) == []
    assert ledger["prompt"].endswith("The brand's logo is in picture 2: put it where the words ask for it.")
    assert job.charged_micro_usd == openai.charged
    assert openai.charged > 2 * 1500 * 8


async def test_a_picture_of_another_kind_goes_as_a_jpeg(openai: Visit) -> None:
    await openai.submit(MINI, picture=GIF)
    [ledger] = openai.vendor.ledger()["jobs"]
    [file] = ledger["body"]["image[]"]
    assert file["filename"] == "picture.jpeg"


@pytest.mark.parametrize(("asset", "error"), [(BROKEN, InputRefused), (LOST, InputRefused), (AWAY, NotSubmitted)])
async def test_a_picture_that_cannot_be_sent_costs_nothing(openai: Visit, asset: str, error: type[ProviderError]) -> None:
    with pytest.raises(error):
        await openai.submit(SUNBURST, picture=asset)
    assert openai.sent() == []


async def test_a_voice_comes_in_pieces_that_tell_its_tokens(openai: Visit) -> None:
    job = await openai.submit(VOICE, prompt="Good coffee takes ten minutes.")
    sent = openai.sent()[-1]
    assert sent.path == "/v1/audio/speech"
    assert sent.body == {
        "model": "gpt-4o-mini-tts",
        "input": "Good coffee takes ten minutes.",
        "voice": "marin",
        "response_format": "mp3",
        "stream_format": "sse",
    }
    assert problems(sent.body, SpeechCreateParams) == []
    assert job.outputs[0].media_type == "audio/mpeg"
    assert job.charged_micro_usd == openai.charged == 8 * Fraction("0.6") // 1 + 1 + 42 * 12


@pytest.mark.parametrize(
    "instead",
    [
        {"usage": None},
        {"usage": {}},
        {"usage": {"input_tokens": 8}},
        {"usage": {"output_tokens": 504}},
        {"usage": {"input_tokens": 8, "output_tokens": 0}},
        {"usage": {"input_tokens": None, "output_tokens": "many"}},
        {"usage": "504 tokens", "audio": None},
    ],
)
async def test_a_voice_whose_tokens_are_not_told_is_kept_at_its_cards_price(openai: Visit, instead: dict[str, object]) -> None:
    assert isinstance(openai.vendor, simulated.OpenAI)
    openai.vendor.instead = instead
    job = await openai.submit(VOICE, prompt="Good coffee takes ten minutes.")
    assert job.state is JobState.SUCCEEDED
    assert job.charged_micro_usd is None


async def test_an_older_voice_is_paid_by_the_character(openai: Visit) -> None:
    words = "Good coffee takes ten minutes."
    job = await openai.submit(OLD_VOICE, prompt=words)
    assert "stream_format" not in openai.body
    assert job.charged_micro_usd is None
    assert openai.card(OLD_VOICE).quote(Fraction(0), words) == openai.charged == 15 * len(words)


async def test_your_own_card_says_what_is_sent(openai: Visit, tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(
        '[[card]]\nmodel = "openai:gpt-image-2"\nkind = "frame"\nlabel = "mine"\nshapes = { "1280x720" = "1280x720" }\n'
        'micro_usd = 5000\nsettings = { quality = "low", moderation = "low" }\n'
    )
    studio = provider(replace(openai.workshop, cards=own))
    request = replace(openai.request(SUNBURST), model=ModelRef("openai:gpt-image-2"))
    job = await studio.submit(request, intent=IntentKey("one"), attachments=openai.album)
    assert (openai.body["quality"], openai.body["moderation"]) == ("low", "low")
    assert job.charged_micro_usd is None  # the card does not say what a token costs, so its own price holds
    await studio.aclose()


# -- paid once -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", [SUNBURST, VOICE])
@pytest.mark.parametrize(
    ("trouble", "error", "accepted"),
    [
        (Trouble.THROTTLE, Throttled, 0),
        (Trouble.UNAVAILABLE, Throttled, 0),
        (Trouble.BAD_GATEWAY, InDoubt, 0),
        (Trouble.BAD_GATEWAY_AFTER, InDoubt, 1),
        (Trouble.CUT_BEFORE, InDoubt, 0),
        (Trouble.CUT_AFTER, InDoubt, 1),
        (Trouble.GARBLED, InDoubt, 1),
    ],
)
async def test_whatever_happens_it_is_one_post(
    openai: Visit, model: str, trouble: Trouble, error: type[ProviderError], accepted: int
) -> None:
    openai.meet(Phase.SUBMIT, trouble)
    with pytest.raises(error):
        await openai.submit(model)
    assert len(openai.sent()) == 1
    assert openai.submits == accepted


async def test_an_answer_that_takes_too_long_is_in_doubt_and_is_one_post(tmp_path: Path) -> None:
    async with visiting("openai", partial(OpenAI, patience=1.5), tmp_path, answer_delay=60) as visit:
        with pytest.raises(InDoubt):
            await visit.submit(SUNBURST)
        assert visit.submits == 1


async def test_a_voice_that_ends_in_the_middle_is_in_doubt(openai: Visit) -> None:
    async def speak(_: web.Request) -> web.Response:
        event = {"type": "speech.audio.delta", "audio": base64.b64encode(b"ID3 and so on").decode()}
        return web.Response(text=f"data: {json.dumps(event)}\n\n", content_type="text/event-stream")

    app = web.Application()
    app.add_routes([web.post("/audio/speech", speak)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    openai.environment["OPENAI_BASE_URL"] = f"http://127.0.0.1:{runner.addresses[0][1]}"
    with pytest.raises(InDoubt, match="ends in the middle"):
        await openai.submit(VOICE)
    await runner.cleanup()


async def test_the_same_intent_asks_nothing_again_also_after_a_restart(openai: Visit) -> None:
    request, intent = openai.request(SUNBURST), IntentKey("one")
    job = await openai.provider.submit(request, intent=intent, attachments=openai.album)
    again = openai.make(openai.workshop)
    assert isinstance(again, Recalling)
    assert not isinstance(again, Findable)
    recalled = await again.recall(request, intent=intent)
    assert recalled is not None
    assert (recalled.id, recalled.charged_micro_usd) == (job.id, job.charged_micro_usd)
    assert (await again.submit(request, intent=intent, attachments=openai.album)).id == job.id
    assert await again.recall(request, intent=IntentKey("two")) is None
    assert openai.submits == 1
    await again.aclose()


async def test_what_it_has_is_listed(openai: Visit) -> None:
    since = datetime.now(UTC)
    jobs = [await openai.submit(SUNBURST), await openai.submit(VOICE)]
    assert isinstance(openai.provider, Listed)
    found = [each async for each in openai.provider.jobs(since)]
    assert [(each.job.id, each.model, each.kind) for each in found] == [
        (jobs[1].id, "gpt-4o-mini-tts", Kind.VOICE),
        (jobs[0].id, "gpt-image-2.6-sunburst", Kind.FRAME),
    ]


# -- what refusals and failures mean ---------------------------------------------------------------------------------------


async def test_what_its_rules_forbid_is_moderated_and_free(openai: Visit) -> None:
    with pytest.raises(Moderated, match="safety system"):
        await openai.submit(SUNBURST, prompt="A train. [moderated]")
    openai.meet(Phase.FATE, Trouble.MODERATION)
    with pytest.raises(Moderated):
        await openai.submit(VOICE)
    assert openai.charged == 0


async def test_a_server_error_is_a_job_that_failed_for_free(openai: Visit) -> None:
    openai.meet(Phase.FATE, Trouble.INTERNAL)
    job = await openai.submit(SUNBURST)
    assert job.state is JobState.FAILED
    assert job.failure is not None
    assert (job.failure.kind, job.failure.is_retryable, job.charged_micro_usd) == (FailureKind.INTERNAL, True, 0)
    assert (await openai.provider.poll(job.id)).failure == job.failure
    assert told(openai.sent()) == {500: 1}


async def test_an_empty_account_is_no_reason_to_try_again(tmp_path: Path) -> None:
    async with visiting("openai", provider, tmp_path, credits_micro_usd=1000) as visit:
        with pytest.raises(CreditsUsedUp, match="quota") as caught:
            await visit.submit(SUNBURST)
        assert not caught.value.retryable
        assert told(visit.sent()) == {429: 1}
        assert visit.submits == 0


async def test_a_rate_limit_says_how_long(openai: Visit) -> None:
    openai.meet(Phase.SUBMIT, Trouble.THROTTLE)
    with pytest.raises(Throttled) as caught:
        await openai.submit(SUNBURST)
    assert caught.value.retry_after == 1


async def test_a_bad_key_is_refused_and_a_good_one_is_used_at_once(tmp_path: Path) -> None:
    async with visiting("openai", provider, tmp_path, key="sk-proj-good-0123456789") as visit:
        first = visit.provider.account
        visit.environment["OPENAI_API_KEY"] = "sk-proj-bad-0123456789"
        assert visit.provider.account not in {"", first}
        with pytest.raises(KeyRefused, match="API key"):
            await visit.submit(SUNBURST)
        visit.environment["OPENAI_API_KEY"] = ""
        with pytest.raises(KeyRefused, match="OPENAI_API_KEY"):
            await visit.submit(SUNBURST)
        assert visit.provider.cards()
        visit.environment["OPENAI_API_KEY"] = "sk-proj-good-0123456789"
        assert (await visit.submit(SUNBURST)).state is JobState.SUCCEEDED


@pytest.mark.parametrize(
    ("model", "changes", "words"),
    [
        (FIRST, {"shape": "1280x720"}, "Invalid size"),
        (SUNBURST, {"shape": "1281x720"}, "Invalid size"),
        (SUNBURST, {"prompt": "x" * 32_001}, "too long"),
        ("openai:dall-e-3", {}, "does not exist"),
        (VOICE, {"prompt": "x" * 4097}, "characters"),
    ],
)
async def test_what_it_does_not_take_is_refused_with_its_words(
    openai: Visit, model: str, changes: dict[str, str], words: str
) -> None:
    with pytest.raises(InputRefused, match=words):
        await openai.submit(model, **changes)
    assert openai.submits == 0


async def test_it_makes_what_its_cards_say_and_nothing_else(openai: Visit) -> None:
    request = openai.request(SUNBURST)
    for wrong in (replace(request, model=ModelRef("openai:gpt-image-9")), replace(request, kind=Kind.CLIP)):
        with pytest.raises(InputRefused, match="OpenAI makes no"):
            await openai.provider.submit(wrong, intent=IntentKey("one"), attachments=openai.album)
    assert openai.sent() == []


# -- calls ------------------------------------------------------------------------------------------------------------------


def called(kind: str, *, at: float | None = None, secret: str = SECRET) -> tuple[dict[str, str], bytes]:
    """A call as OpenAI signs it."""
    body = json.dumps(
        {"id": "evt_1", "object": "event", "created_at": int(time.time()), "type": kind, "data": {"id": "resp_123"}}
    ).encode()
    name, stamp = f"wh_{uuid4().hex}", str(int(at or time.time()))
    signature = hmac.new(base64.b64decode(secret.removeprefix("whsec_")), f"{name}.{stamp}.".encode() + body, hashlib.sha256)
    headers = {"webhook-id": name, "webhook-timestamp": stamp}
    return headers | {"webhook-signature": f"v1,{base64.b64encode(signature.digest()).decode()}"}, body


async def test_a_call_that_openai_signed_names_its_job(openai: Visit) -> None:
    assert isinstance(openai.provider, Hinting)
    with pytest.raises(InvalidInput, match="OPENAI_WEBHOOK_SECRET"):
        await openai.provider.hint(*called("response.completed"))
    openai.environment["OPENAI_WEBHOOK_SECRET"] = SECRET
    for kind in ("completed", "failed", "cancelled", "incomplete"):
        assert await openai.provider.hint(*called(f"response.{kind}")) == "resp_123"


async def test_any_other_call_is_refused(openai: Visit) -> None:
    assert isinstance(openai.provider, Hinting)
    openai.environment["OPENAI_WEBHOOK_SECRET"] = SECRET
    headers, body = called("response.completed")
    for wrong in (
        called("response.completed", at=time.time() - 3600),
        called("response.completed", secret="whsec_" + base64.b64encode(b"somebody else's secret..").decode()),
        called("batch.completed"),
        (headers, body.replace(b"resp_123", b"resp_124")),
        (dict[str, str](), body),
    ):
        with pytest.raises(InvalidInput):
            await openai.provider.hint(*wrong)


# -- words ------------------------------------------------------------------------------------------------------------------


async def test_the_writers_talk_to_the_same_address_with_the_same_key(openai: Visit) -> None:
    written = await writer(openai.workshop, "gpt-5.4-mini").concepts(
        Brief(name="Orbit", product="A lamp.", message="Wake up.", call_to_action="", seconds=Fraction(6), shots=2), 2
    )
    assert written.writer == "openai:gpt-5.4-mini"
    assert len(written.value) == 2
    assert openai.vendor.desk.counts()["chats"] == 1
