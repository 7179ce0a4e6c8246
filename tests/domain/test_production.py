"""Progress is a fold over events."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from reelwright.domain.event import Event, EventName, Value
from reelwright.domain.generation import Kind
from reelwright.domain.ids import CampaignId
from reelwright.domain.production import ProductionState, fold

AT = datetime(2026, 11, 21, tzinfo=UTC)


def events(*named: tuple[EventName, dict[str, Value]]) -> list[Event]:
    return [Event(CampaignId("c"), number, name, AT, facts) for number, (name, facts) in enumerate(named, 1)]


def take(name: EventName, shot: str, kind: str, **facts: Value) -> tuple[EventName, dict[str, Value]]:
    return name, {"take": "take_1", "shot": shot, "kind": kind, "number": 1, **facts}


STORY: list[tuple[EventName, dict[str, Value]]] = [
    (EventName.PRODUCTION_STARTED, {"production": "p", "kinds": "frame clip"}),
    (EventName.CONCEPTS_WRITTEN, {"titles": "One\nTwo"}),
    (EventName.CONCEPT_SELECTED, {"index": 0, "title": "One"}),
    (EventName.STORYBOARD_WRITTEN, {"shots": "shot-01 shot-02", "titles": "Dawn\nDusk"}),
    take(EventName.TAKE_PLANNED, "shot-01", "frame"),
    take(EventName.TAKE_SUBMITTED, "shot-01", "frame"),
    take(EventName.TAKE_PROGRESSED, "shot-01", "frame", fraction=0.4),
    take(EventName.TAKE_STORING, "shot-01", "frame"),
    take(EventName.TAKE_KEPT, "shot-01", "frame", charged_micro_usd=100),
    take(EventName.TAKE_KEPT, "shot-02", "frame", charged_micro_usd=100),
    take(EventName.TAKE_FAILED, "shot-01", "clip", reason="moderation", charged_micro_usd=7),
    take(EventName.TAKE_KEPT, "shot-01", "clip"),
    take(EventName.TAKE_KEPT, "shot-02", "clip"),
    (EventName.FILM_STARTED, {"film": "f"}),
    (EventName.FILM_PROGRESSED, {"film": "f", "fraction": 0.5}),
    (EventName.FILM_COMPLETED, {"film": "f"}),
    (EventName.PRODUCTION_COMPLETED, {"production": "p"}),
]


def test_the_whole_story_ends_completed_at_one() -> None:
    progress = fold(events(*STORY))
    assert progress.state is ProductionState.COMPLETED
    assert progress.fraction == 1.0
    assert [shot.title for shot in progress.shots.values()] == ["Dawn", "Dusk"]
    assert all(shot.states == {Kind.FRAME: "kept", Kind.CLIP: "kept"} for shot in progress.shots.values())
    assert progress.charged_micro_usd == 207


@given(st.integers(0, len(STORY)))
def test_folding_in_two_parts_is_folding_once(cut: int) -> None:
    story = events(*STORY)
    assert fold(story[cut:], fold(story[:cut])) == fold(story)


def test_progress_never_goes_back_while_all_goes_well() -> None:
    well = [entry for entry in STORY if entry[0] is not EventName.TAKE_FAILED]
    fractions = [fold(events(*well[:count])).fraction for count in range(len(well) + 1)]
    assert fractions == sorted(fractions)
    assert fractions[0] == 0.0


def test_a_failed_take_shows_its_reason_until_the_next_one_is_kept() -> None:
    failed = fold(events(*STORY[:11])).shots["shot-01"]
    assert (failed.states[Kind.CLIP], failed.reason) == ("failed", "moderation")
    assert fold(events(*STORY[:12])).shots["shot-01"].reason == ""


def test_what_to_do_about_a_failure_is_shown_with_it() -> None:
    failed = take(EventName.TAKE_FAILED, "shot-01", "frame", reason="no key", advice="Set one.", failure="key")
    shot = fold(events(*STORY[:5], failed)).shots["shot-01"]
    assert (shot.reason, shot.advice) == ("no key", "Set one.")
