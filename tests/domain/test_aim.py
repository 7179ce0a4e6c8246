"""What a run aims at, what it asks for, and its own progress among that of others."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction

import pytest

from reelwright.domain.aim import WHOLE, Aim, check
from reelwright.domain.event import Event, EventName, Value
from reelwright.domain.generation import Kind, ModelRef, Request
from reelwright.domain.ids import CampaignId, ProductionId, ShotId
from reelwright.domain.production import Models, Production, ProductionState, fold, fold_one
from reelwright.domain.timing import AspectRatio
from reelwright.errors import InvalidInput

AT = datetime(2026, 11, 21, tzinfo=UTC)
CLIP = Request(Kind.CLIP, ModelRef("a:b"), "a lamp at dawn")
MODELS = Models(ModelRef("t:t"), ModelRef("p:f"), ModelRef("p:c"), None)


@pytest.mark.parametrize(
    ("aim", "field"),
    [
        (Aim(kinds=(), makes_film=False), "kinds"),
        (Aim(shots=()), "shots"),
        (Aim(kinds=(), is_fresh=True), "is_fresh"),
        (Aim(note="darker"), "note, prompt"),
        (Aim(kinds=(Kind.CLIP,), note="x" * 2001), "note, prompt"),
        (Aim(seconds=Fraction(0)), "seconds"),
        (Aim(seconds=Fraction(61)), "seconds"),
        (Aim(at_once=-1), "at_once"),
        (Aim(tries=5), "tries"),
    ],
)
def test_what_makes_no_sense_is_refused_by_its_field(aim: Aim, field: str) -> None:
    with pytest.raises(InvalidInput, match=f"^{field}: "):
        check(aim)


@pytest.mark.parametrize(
    "aim", [WHOLE, Aim(kinds=()), Aim(kinds=(Kind.CLIP,), note="darker", makes_film=False, tries=1, at_once=5)]
)
def test_what_makes_sense_is_not(aim: Aim) -> None:
    check(aim)


def test_the_whole_film_asks_for_what_the_shots_say() -> None:
    assert WHOLE.shape(CLIP) == CLIP
    assert not WHOLE.is_beside


def test_a_note_comes_first_and_a_prompt_instead() -> None:
    assert Aim(note="at night").shape(CLIP).prompt == "at night a lamp at dawn"
    assert Aim(prompt="a torch").shape(CLIP).prompt == "a torch"
    assert Aim(prompt="a torch", note="at night").shape(CLIP).prompt == "at night a torch"


def test_length_is_for_clips_and_shape_for_whatever_is_seen() -> None:
    aim = Aim(ratio=AspectRatio.PORTRAIT, seconds=Fraction(7))
    frame, voice = replace(CLIP, kind=Kind.FRAME, seconds=Fraction(0)), replace(CLIP, kind=Kind.VOICE)
    assert (aim.shape(CLIP).seconds, aim.shape(CLIP).size) == (7, AspectRatio.PORTRAIT.size)
    assert (aim.shape(frame).seconds, aim.shape(frame).size) == (0, AspectRatio.PORTRAIT.size)
    assert aim.shape(voice) == voice


def events(*named: tuple[EventName, dict[str, Value]]) -> list[Event]:
    return [Event(CampaignId("c"), number, name, AT, facts) for number, (name, facts) in enumerate(named, 1)]


def test_a_run_beside_the_film_has_its_own_progress_and_leaves_the_films_alone() -> None:
    film = Production(ProductionId("film"), CampaignId("c"), ProductionState.RUNNING, MODELS, AT)
    aim = Aim(kinds=(Kind.CLIP,), shots=(ShotId("shot-01"),), makes_film=False)
    retake = replace(film, id=ProductionId("retake"), aim=aim)
    clip: dict[str, Value] = {"take": "take_1", "shot": "shot-01", "kind": "clip", "number": 1}
    told = events(
        (EventName.PRODUCTION_STARTED, {"production": "film", "kinds": "frame clip"}),
        (EventName.CONCEPT_SELECTED, {"index": 0, "title": "One"}),
        (EventName.STORYBOARD_WRITTEN, {"shots": "shot-01", "titles": "Dawn"}),
        (EventName.PRODUCTION_STARTED, {"production": "retake", "kinds": "clip", "shots": "shot-01", "is_beside": True}),
        (EventName.TAKE_PLANNED, {**clip, "production": "retake"}),
        (EventName.TAKE_KEPT, {**clip, "production": "film", "charged_micro_usd": 5}),
        (EventName.TAKE_FAILED, {**clip, "production": "retake", "reason": "moderation", "charged_micro_usd": 2}),
        (EventName.PRODUCTION_FAILED, {"production": "retake", "reason": "shot-01: moderation"}),
        (EventName.FILM_STARTED, {"film": "f", "production": "film"}),
    )
    whole, own, beside = fold(told), fold_one(told, film), fold_one(told, retake)
    assert (whole.stage, whole.state, whole.charged_micro_usd) == ("render", ProductionState.RUNNING, 7)
    assert whole.shots["shot-01"].states == {Kind.CLIP: "kept"}
    assert (own.stage, own.charged_micro_usd, own.shots["shot-01"].title) == ("render", 5, "Dawn")
    assert (beside.stage, beside.state, beside.charged_micro_usd) == ("ended", ProductionState.FAILED, 2)
    assert (beside.shots["shot-01"].states, beside.shots["shot-01"].reason) == ({Kind.CLIP: "failed"}, "moderation")
    assert beside.error == "shot-01: moderation"
