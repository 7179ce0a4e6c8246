"""A request becomes the input of any model, by the model's own form."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from reelwright.domain.generation import Kind, ModelRef, Request
from reelwright.domain.ids import IntentKey
from reelwright.domain.timing import Size
from reelwright.errors import InputRefused, NotSubmitted
from reelwright.media.workers import Workers
from reelwright.ports import Workshop
from reelwright.providers.replicate import provider
from reelwright.testing.simulators import replicate as simulated
from reelwright.testing.simulators.forms import wrongs
from replicate_vendor import CLIP, FRAME, LARGE, SEEDLESS, SMALL, Met, Pictures, is_legal


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (FRAME, {"aspect_ratio": "16:9", "output_format": "png", "megapixels": "1", "num_outputs": 1}),
        (replace(FRAME, shape="", size=Size(1584, 672)), {"aspect_ratio": "21:9"}),
        (replace(FRAME, shape="", size=Size(768, 1280)), {"aspect_ratio": "9:16"}),
        (CLIP, {"duration": 5, "aspect_ratio": "16:9", "resolution": "720p"}),
        (replace(SEEDLESS, seconds=Fraction(10)), {"duration": 10}),
        (replace(FRAME, model=ModelRef("replicate:stability-ai/sdxl")), {"width": 1280, "height": 720}),
    ],
)
async def test_a_request_fills_the_models_own_form(met: Met, request_: Request, expected: dict[str, Any]) -> None:
    await met.submit(request_)

    assert met.input["prompt"] == request_.prompt
    assert met.input.items() >= expected.items()


async def test_an_official_model_is_asked_for_by_name_and_another_one_by_its_version(met: Met) -> None:
    version = simulated.version_of("stability-ai/sdxl")
    for reference in ("replicate:stability-ai/sdxl", f"replicate:stability-ai/sdxl:{version}"):
        await met.submit(replace(FRAME, model=ModelRef(reference), shape=""))
    await met.submit(FRAME)

    assert [each.path for each in met.posts] == [
        *["/v1/predictions"] * 2,
        "/v1/models/black-forest-labs/flux-schnell/predictions",
    ]
    assert [each.body.get("version") for each in met.posts] == [version, version, None]
    assert met.input


async def test_a_small_picture_travels_inside_and_a_large_one_is_uploaded(met: Met) -> None:
    await met.submit(replace(CLIP, picture=SMALL))
    assert met.input["image"].startswith("data:image/png;base64,")
    await met.submit(replace(CLIP, picture=LARGE))
    assert met.input["image"].startswith(f"{met.vendor.base}/v1/files/")
    await met.submit(replace(FRAME, model=ModelRef("replicate:bytedance/seedream-4"), picture=LARGE))
    assert len(met.input["image_input"]) == 1

    assert met.vendor.desk.counts()["uploads"] == 2
    assert {len(content) for content in met.vendor.files.values()} == {len(await Pictures().read(LARGE))}


async def test_first_and_last_frame_go_where_the_model_wants_them(met: Met, tmp_path: Path) -> None:
    card = """
        [[card]]
        model = "replicate:kwaivgi/kling-v2.1"
        kind = "clip"
        label = "mine"
        lengths = [5, 10]
        settings = { mode = "pro", negative_prompt = "{shape}" }
    """
    (tmp_path / "own.toml").write_text(card)
    wanted = Request(Kind.CLIP, ModelRef("replicate:kwaivgi/kling-v2.1"), "On.", picture=SMALL, last_picture=SMALL, shape="wide")
    await met.submit(wanted)
    assert {"start_image", "end_image"} <= set(met.input)
    assert "mode" not in met.input
    mine = provider(Workshop(tmp_path, met.environment, Workers(1).run, cards=tmp_path / "own.toml"))
    await mine.submit(wanted, intent=IntentKey("one"), attachments=Pictures())
    await mine.aclose()

    assert met.input["mode"] == "pro"
    assert met.input["negative_prompt"] == "wide"


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (replace(CLIP, model=ModelRef("replicate:somebody/lip-sync")), "face_video, voice"),
        (replace(CLIP, model=ModelRef("replicate:kwaivgi/kling-v2.1")), "start_image"),
        (replace(FRAME, picture=SMALL), "takes no picture"),
        (replace(CLIP, picture=SMALL, last_picture=SMALL), "takes no last frame"),
        (replace(SEEDLESS, seconds=Fraction(7)), "5, 10"),
        (replace(CLIP, seconds=Fraction(31)), "from 2 to 30"),
        (replace(CLIP, seconds=Fraction(5, 2)), "whole seconds"),
        (replace(FRAME, model=ModelRef("replicate:nobody/nothing")), "has no model nobody/nothing"),
        (replace(FRAME, model=ModelRef("replicate:stability-ai/sdxl:0badc0de")), "has no model"),
        (replace(FRAME, model=ModelRef("replicate:sdxl")), "owner/name"),
    ],
)
async def test_what_cannot_work_is_refused_before_anything_is_sent(met: Met, request_: Request, words: str) -> None:
    with pytest.raises(InputRefused, match=words):
        await met.submit(request_)

    assert met.posts == []


@pytest.mark.parametrize("model", sorted(simulated.MODELS))
def test_the_simulator_refuses_what_the_schema_refuses(model: str) -> None:
    forms = simulated.MODELS[model]["schemas"]
    good = {"prompt": "A", **dict.fromkeys(forms["Input"].get("required", []), "https://a/b")}
    for changes in (
        *(
            {},
            {"prompt": 7},
            {"prompt": None},
            {"aspect_ratio": "2:7"},
            {"num_outputs": 9},
            {"num_outputs": 1.5},
            {"duration": 99},
        ),
        *({"duration": 5}, {"image_input": "one"}, {"image_input": ["https://a"] * 11}, {"image_input": [1]}, {"start_image": 1}),
        *({"seed": True}, {"seed": None}, {"prompt_strength": 1}, {"prompt_strength": "1"}, {"nobody": "knows"}),
    ):
        value = {**good, **changes}
        assert bool(wrongs(forms["Input"], value, forms)) is not is_legal(model, value), value
    assert {each.type for each in wrongs(forms["Input"], {}, forms)} <= {"required"}


class CalledOff(Pictures):
    """Attachments of a request that somebody calls off while its picture is uploaded."""

    async def confirm(self) -> None:
        msg = "It was called off."
        raise NotSubmitted(msg)


async def test_what_was_called_off_during_an_upload_is_not_asked_for(met: Met) -> None:
    with pytest.raises(NotSubmitted, match="called off"):
        await met.studio.submit(replace(CLIP, picture=LARGE), intent=IntentKey("one"), attachments=CalledOff())
    assert len(met.vendor.files) == 1
    assert met.posts == []
