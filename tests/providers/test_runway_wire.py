"""What goes between the Runway adapter and the simulated Runway, held against the SDK's own types and used by the SDK itself."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import pytest
import runwayml
from pydantic import TypeAdapter
from runwayml.types import (
    ImageToVideoCreateResponse,
    OrganizationRetrieveResponse,
    TaskRetrieveResponse,
    image_to_video_create_params,
    text_to_image_create_params,
    text_to_video_create_params,
)
from runwayml.types.task_retrieve_response import Cancelled

from reelwright.domain.generation import Job
from reelwright.domain.timing import AspectRatio
from reelwright.providers.runway import provider
from reelwright.testing.simulators.behaviour import Phase, Trouble
from visits import SMALL, Visit, told, visiting


@pytest.fixture
async def runway(tmp_path: Path) -> AsyncIterator[Visit]:
    async with visiting("runway", provider, tmp_path) as visit:
        yield visit


@pytest.mark.parametrize("ratio", AspectRatio)
async def test_every_shape_of_a_film_has_a_legal_shape(runway: Visit, ratio: AspectRatio) -> None:
    for card in runway.provider.cards():
        assert card.shape_for(ratio.size) in card.shapes


async def test_what_is_old_has_a_living_heir(runway: Visit) -> None:
    cards = {card.model: card for card in runway.provider.cards()}
    old = {name: card for name, card in cards.items() if card.retired_on}
    assert set(old) == {"runway:gen3a_turbo", "runway:veo3", "runway:gen4_aleph"}
    for card in old.values():
        assert card.replaced_by is not None
        assert not cards[card.replaced_by].retired_on


def in_the_sdks_names(value: object) -> object:
    """By the SDK's own rule: `promptText` is `prompt_text`."""
    if isinstance(value, dict):
        fields = cast("dict[str, object]", value)
        return {re.sub("([A-Z])", r"_\1", name).lower(): in_the_sdks_names(item) for name, item in fields.items()}
    return [in_the_sdks_names(item) for item in cast("list[object]", value)] if isinstance(value, list) else value


VARIANTS: dict[tuple[str, str], Any] = {
    ("image_to_video", "gen4_turbo"): image_to_video_create_params.Gen4Turbo,
    ("image_to_video", "gen4.5"): image_to_video_create_params.Gen4_5,
    ("image_to_video", "veo3.1"): image_to_video_create_params.Veo3_1,
    ("image_to_video", "veo3.1_fast"): image_to_video_create_params.Veo3_1Fast,
    ("image_to_video", "seedance2"): image_to_video_create_params.Seedance2,
    ("image_to_video", "gemini_omni_flash"): image_to_video_create_params.GeminiOmniFlash,
    ("text_to_video", "gen4.5"): text_to_video_create_params.Gen4_5,
    ("text_to_video", "veo3.1"): text_to_video_create_params.Veo3_1,
    ("text_to_video", "veo3.1_fast"): text_to_video_create_params.Veo3_1Fast,
    ("text_to_video", "seedance2"): text_to_video_create_params.Seedance2,
    ("text_to_image", "gen4_image"): text_to_image_create_params.Gen4Image,
    ("text_to_image", "gen4_image_turbo"): text_to_image_create_params.Gen4ImageTurbo,
}


async def test_everything_sent_and_answered_is_as_the_sdk_has_it(runway: Visit) -> None:
    jobs: list[Job] = []
    for card in runway.provider.cards():
        if card.retired_on:
            continue
        jobs += [await runway.submit(card.model, picture=SMALL, shape=shape.value, size=shape.size) for shape in card.shapes]
        if card.last_frame == "may":
            jobs.append(await runway.submit(card.model, picture=SMALL, last_picture=SMALL))
        if "text_endpoint" in card.settings:
            jobs.append(await runway.submit(card.model))
    runway.meet(Phase.FATE, Trouble.MODERATION, Trouble.INTERNAL, Trouble.CANCELLED)
    jobs += [await runway.submit("runway:gen4.5") for _ in range(3)]
    for job in jobs:
        await runway.ended(job)
    asked: set[tuple[str, str]] = set()
    for exchange in runway.sent():
        asked.add(key := (exchange.path.rpartition("/")[2], exchange.body["model"]))
        params = TypeAdapter(VARIANTS[key])
        checked: Any = params.validate_python(in_the_sdks_names(exchange.body), strict=True)
        for pictures in (checked.get("prompt_image", ""), checked.get("reference_images", "")):
            assert isinstance(pictures, str) or list(pictures)  # the items are checked as they are asked for
        TypeAdapter(ImageToVideoCreateResponse).validate_json(exchange.answer)
        assert exchange.headers["x-runway-version"] == "2024-11-06"
    assert asked == set(VARIANTS)
    for exchange in runway.sent("GET"):
        TypeAdapter(TaskRetrieveResponse).validate_json(exchange.answer)
    assert told(runway.sent()) == {200: len(jobs)}


async def test_the_simulator_answers_the_sdk_itself(runway: Visit) -> None:
    key, base = runway.environment["RUNWAYML_API_SECRET"], runway.environment["RUNWAYML_BASE_URL"]
    runway.vendor.desk.behaviour.clip_seconds = (30, 30)
    async with runwayml.AsyncRunwayML(api_key=key, base_url=base, max_retries=0) as sdk:
        await sdk.organization.retrieve()
        OrganizationRetrieveResponse.model_validate_json(runway.sent("GET")[-1].answer)
        video: Any = sdk.image_to_video
        good = {"model": "gen4_turbo", "prompt_image": "https://a.example/b.png", "ratio": "1280:720"}
        created = await video.create(**good)
        for change in (
            {"model": "gen4.5", "prompt_text": "A train."},
            {"model": "gen3a_turbo"},
            {"duration": 99},
            {"duration": "5"},
            {"audio": True},
            {"seed": -1},
            {"prompt_text": ""},
            {"prompt_image": "http://a.example/b.png"},
            {"prompt_image": "https://127.0.0.1/b.png"},
            {"prompt_image": "data:image/png;base64,AAAA"},
            {"prompt_image": [{"uri": "https://a.example/b.png", "position": "last"}]},
        ):
            with pytest.raises(runwayml.BadRequestError) as refused:
                await video.create(**{**good, **change})
            body: Any = refused.value.body
            assert body["error"] == "Validation of body failed"
            assert all({"code", "path", "message"} <= issue.keys() for issue in body["issues"]), body
        await sdk.tasks.delete(created.id)
        cancelled = await sdk.tasks.retrieve(created.id)
        assert isinstance(cancelled, Cancelled)
        await sdk.tasks.delete(created.id)
        with pytest.raises(runwayml.NotFoundError):
            await sdk.tasks.retrieve(created.id)
    assert runway.submits == 1


async def test_the_sdk_left_to_itself_would_have_paid_three_times(runway: Visit) -> None:
    runway.meet(Phase.SUBMIT, *[Trouble.BAD_GATEWAY_AFTER] * 3)
    key, base = runway.environment["RUNWAYML_API_SECRET"], runway.environment["RUNWAYML_BASE_URL"]
    async with runwayml.AsyncRunwayML(api_key=key, base_url=base) as sdk:
        with pytest.raises(runwayml.InternalServerError):
            await sdk.text_to_video.create(model="gen4.5", prompt_text="A train.", ratio="1280:720", duration=5)
    assert runway.submits == 3
