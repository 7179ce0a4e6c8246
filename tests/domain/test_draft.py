"""Drafts: merge patches by the book, and documents that become drafts and documents again."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelwright.domain.brief import Brief, CaptionMode
from reelwright.domain.campaign import Document
from reelwright.domain.concept import Concept
from reelwright.domain.draft import (
    Draft,
    absorb,
    decompile,
    depth_of,
    free_ids,
    in_order,
    merge_patch,
    name_of,
    orders_after,
    patch_between,
    step_of,
    with_concepts,
    with_storyboard,
    words_of,
)
from reelwright.domain.ids import AssetId, ShotId
from reelwright.domain.storyboard import Shot, Storyboard

PLAIN = st.one_of(st.booleans(), st.integers(-5, 5), st.text(max_size=3))
VALUES = st.recursive(PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3))
DOCS = st.dictionaries(st.text(max_size=2), VALUES, max_size=4)
PATCHES = st.recursive(st.none() | PLAIN, lambda inner: st.dictionaries(st.text(max_size=2), inner, max_size=3))

BRIEF = Brief(
    product="A lamp that wakes you with light",
    name="Ember",
    colours=("#ff8800",),
    do_words=("calm",),
    pictures=(AssetId("asset_1"),),
    logo=AssetId("asset_2"),
    seconds=Fraction(719, 24),
    captions=CaptionMode.SOFT,
    is_voiced=False,
)
CONCEPTS = (Concept("One", "First", "It goes.", "Warm", ("#112233",)), Concept("Two", "Second", "It went.", "Cold"))
BOARD = Storyboard(
    (
        Shot(ShotId("shot-02"), "Light", "It glows", "A lamp", "slow", "Good morning", Fraction(5)),
        Shot(ShotId("shot-01"), "Dark", "Night", "A room", "still", "", Fraction(61, 24), AssetId("asset_1")),
    )
)


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merge_patches_do_what_their_standard_shows(target: object, patch: object, result: object) -> None:
    assert merge_patch(target, patch) == result  # the table of RFC 7396, appendix A


@given(DOCS, DOCS)
def test_the_difference_between_two_drafts_makes_the_one_of_the_other(old: Draft, new: Draft) -> None:
    assert merge_patch(old, patch_between(old, new)) == new
    assert patch_between(new, new) == {}


@given(DOCS, PATCHES)
def test_the_same_patch_again_changes_nothing_and_touches_neither(doc: Draft, patch: object) -> None:
    before = repr((doc, patch))
    once = merge_patch(doc, patch)
    assert merge_patch(once, patch) == once
    assert repr((doc, patch)) == before


@given(DOCS, st.dictionaries(st.sampled_from("ab"), VALUES), st.dictionaries(st.sampled_from("cd"), VALUES))
def test_patches_of_different_fields_may_come_in_any_order(doc: Draft, mine: Draft, theirs: Draft) -> None:
    assert merge_patch(merge_patch(doc, mine), theirs) == merge_patch(merge_patch(doc, theirs), mine)


def test_depth_counts_objects_and_lists() -> None:
    values: list[object] = [1, {}, {"a": 1}, {"a": [1]}, [[[[]]]], {"a": [], "b": {"c": {}}}]
    assert [depth_of(each) for each in values] == [0, 1, 1, 2, 4, 3]


def test_a_document_becomes_a_draft_that_is_in_its_order() -> None:
    draft = decompile(Document(BRIEF, CONCEPTS, 1, BOARD))
    assert (draft["name"], draft["brief"]["seconds"], draft["sound"]["voice_over"]) == ("Ember", 29.9583, False)
    assert [entry["title"] for _, entry in in_order(draft, "concepts")] == ["One", "Two"]
    assert draft["concept"] == "concept-02"
    assert [key for key, _ in in_order(draft, "shots")] == ["shot-02", "shot-01"]
    assert draft["shots"]["shot-01"]["picture"] == "asset_1"


def test_new_entries_come_last_whatever_the_orders_are() -> None:
    for orders in ([], ["0010"], ["0010", "0015"], ["a0", "a1"], ["9999"], ["0010", "zz"]):
        draft: Draft = {"concepts": {f"c{n}": {"order": order} for n, order in enumerate(orders)}}
        known = sorted(orders)
        added = orders_after(draft, "concepts", 3)
        assert [*known, *added] == sorted([*known, *added])
        assert len(set(added)) == 3


def test_entries_without_an_order_come_behind_the_others() -> None:
    draft: Draft = {"shots": {"b": {"title": "?"}, "a": {"order": "0020"}, "c": {"order": "0010"}, "d": 5}}
    assert [key for key, _ in in_order(draft, "shots")] == ["c", "a", "b", "d"]


def test_ids_are_never_given_twice() -> None:
    assert free_ids("shot", ["shot-01", "shot-07", "other", "shot-x"], 2) == ["shot-08", "shot-09"]
    written = with_storyboard({"shots": {"shot-05": {}}}, BOARD, taken=["shot-05", "shot-02"])
    assert list(written["shots"]) == ["shot-06", "shot-07"]


def test_what_was_written_meanwhile_is_absorbed_and_nothing_beside() -> None:
    before = Document(BRIEF)
    typed: Draft = {**decompile(before), "name": "Half a na", "mine": 1}
    drafted = absorb(typed, before, replace(before, concepts=CONCEPTS))
    assert {name: value for name, value in drafted.items() if name != "concepts"} == typed
    chosen = absorb(drafted, replace(before, concepts=CONCEPTS), replace(before, concepts=CONCEPTS, concept=1))
    assert chosen["concept"] == "concept-02"
    board = absorb(chosen, replace(before, concepts=CONCEPTS, concept=1), Document(BRIEF, CONCEPTS, 1, BOARD))
    assert [key for key, _ in in_order(board, "shots")] == ["shot-02", "shot-01"]
    renamed = absorb(board, before, replace(before, brief=replace(BRIEF, pictures=(AssetId("asset_9"),))))
    assert renamed["brief"] == {**board["brief"], "pictures": ["asset_9"]}


def test_own_concepts_stay_when_others_come() -> None:
    own: Draft = {"concepts": {"concept_mine": {"order": "0005", "title": "Mine"}}, "concept": "concept_mine"}
    both = with_concepts(own, CONCEPTS)
    assert [entry["title"] for _, entry in in_order(both, "concepts")] == ["Mine", "One", "Two"]
    assert both["concept"] == "concept_mine"


def test_a_list_knows_a_name_whatever_was_typed() -> None:
    assert name_of({"name": " Trail\x00 shoe \n"}) == "Trail shoe"
    assert name_of({"name": " ", "brief": {"name": "", "product": "A lamp"}}) == "A lamp"
    assert name_of({"name": 5, "brief": []}) == ""
    assert words_of({"name": "Straße", "brief": {"product": "A LAMP", "message": 3}}) == "strasse a lamp"
    assert [step_of({"step": step}) for step in (1, 7, 0, 8, "2", True)] == [1, 7, 1, 1, 1, 1]
