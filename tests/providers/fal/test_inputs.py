"""A card's `settings` say how a request becomes a model's input."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from fal_vendor import BROKEN, CLIP, FRAME, LARGE, SMALL, Met, Pictures, is_legal
from reelwright.domain.card import Takes
from reelwright.domain.generation import Kind, ModelRef, Request
from reelwright.domain.ids import IntentKey
from reelwright.domain.timing import Size
from reelwright.errors import InputRefused, NotSubmitted
from reelwright.providers.fal import provider
from reelwright.providers.fal.inputs import fill
from reelwright.testing.simulators import fal as simulated
from reelwright.testing.simulators.forms import wrongs


async def test_every_card_fills_its_models_form_and_costs_what_it_says(met: Met) -> None:
    assert {card.model.partition(":")[2] for card in met.studio.cards()} == set(simulated.MODELS)
    for card in met.studio.cards():
        before = met.vendor.ledger()["charged_micro_usd"]
        request = Request(
            *(card.kind, card.model, "The train rolls on."),
            seconds=card.lengths[-1] if card.lengths else Fraction(5),
            picture=SMALL if card.first_frame is Takes.MUST else None,
            last_picture=SMALL if card.last_frame is Takes.MAY else None,
            shape=card.shapes[-1].value if card.shapes else "",
        )
        job = await met.ended(await met.submit(request))
        assert met.input["prompt"] == request.prompt
        assert len(job.outputs) == 1
        assert met.vendor.ledger()["charged_micro_usd"] - before == card.quote(request.seconds)


async def test_pictures_travel_inside_and_large_ones_as_jpeg(met: Met) -> None:
    await met.submit(replace(CLIP, picture=LARGE, last_picture=SMALL))

    assert met.input["image_url"].startswith("data:image/jpeg;base64,")
    assert met.input["tail_image_url"].startswith("data:image/png;base64,")
    assert met.input["duration"] == "5"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{seconds}", 5),
        ('"{seconds}"', "5"),
        ("{seconds}s", "5s"),
        ("false", False),
        ("720p", "720p"),
        ("[1, 2]", [1, 2]),
        ('{"width": {width}, "height": {height}}', {"width": 1280, "height": 720}),
        ("{shape}", "16:9"),
        ("{prompt}", '{"seconds": {seconds}}'),
    ],
)
def test_a_setting_is_json_where_it_can_be_and_words_stay_words(text: str, expected: Any) -> None:
    request = replace(CLIP, prompt='{"seconds": {seconds}}', shape="16:9", picture=None)
    assert fill(request, {"field": text}, {}, size=Size(1280, 720))["field"] == expected


def test_what_is_not_there_leaves_its_field_out_and_a_prompt_goes_where_it_is_wanted() -> None:
    request = replace(CLIP, picture=None)
    assert fill(request, {"image_url": "{first_frame}", "ratio": "{shape}"}, {}, size=Size(1, 1)) == {"prompt": request.prompt}
    assert fill(request, {"text": "{prompt}"}, {}, size=Size(1, 1)) == {"text": request.prompt}


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (replace(FRAME, picture=SMALL), "takes no picture"),
        (replace(CLIP, model=ModelRef("fal:fal-ai/veo3.1/fast/image-to-video"), last_picture=SMALL), "takes no last frame"),
        (replace(FRAME, model=ModelRef("fal:fal-ai/unknown")), "There is no card"),
        (replace(FRAME, kind=Kind.VOICE), "There is no card"),
        (replace(CLIP, picture=BROKEN), "cannot be sent"),
    ],
)
async def test_what_cannot_work_is_refused_before_anything_is_sent(met: Met, request_: Request, words: str) -> None:
    with pytest.raises((InputRefused, NotSubmitted), match=words):
        await met.submit(request_)

    assert met.posts == []


async def test_a_model_that_fal_does_not_have_is_refused(met: Met, tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text('[[card]]\nmodel = "fal:nobody/nothing"\nkind = "frame"\nlabel = "mine"\n')
    mine = provider(met.workshop)
    wanted = Request(Kind.FRAME, ModelRef("fal:nobody/nothing"), "A")
    with pytest.raises(InputRefused, match="not found"):
        await mine.submit(wanted, intent=IntentKey("one"), attachments=Pictures())
    await mine.aclose()

    assert met.submits == 0


@pytest.mark.parametrize("model", sorted(simulated.MODELS))
def test_the_simulated_models_refuse_what_their_schema_refuses(model: str) -> None:
    form = simulated.MODELS[model]["Input"]
    good = {"prompt": "A", **dict.fromkeys(set(form["required"]) - {"prompt"}, "https://a/b")}
    for changes in (
        *({}, {"prompt": 7}, {"prompt": ""}, {"prompt": "A" * 3000}, {"duration": 5}, {"duration": "6"}, {"image_size": "huge"}),
        *({"num_images": 9}, {"num_images": True}, {"generate_audio": "no"}, {"cfg_scale": 1}, {"cfg_scale": 2}, {"else": 1}),
    ):
        value = {**good, **changes}
        assert bool(wrongs(form, value, {})) is not is_legal(model, value), value
