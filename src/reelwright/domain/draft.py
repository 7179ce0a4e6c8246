"""The draft: what a person has typed of a campaign, complete or not. Plain JSON, because half a word must be kept as well.

Lists are maps by id, and each entry has an `order`, a text: entries stand in the order of these texts. So a move changes one
field, and what two people did to two shots merges by itself. `null` is never a value: in a merge patch it deletes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from fractions import Fraction
from typing import Any, TypeAlias, cast

from reelwright.domain.brief import Brief
from reelwright.domain.campaign import Document
from reelwright.domain.concept import Concept
from reelwright.domain.ids import ShotId
from reelwright.domain.production import Models
from reelwright.domain.storyboard import Shot, Storyboard

Draft: TypeAlias = dict[str, Any]
"""`{"name", "step", "brief", "audience", "concepts", "concept", "shots", "motion", "sound", "writer", "cap"}`, whatever of it
there is, and whatever else a client keeps there."""

MOST_BYTES = 256 << 10
"""What a draft may have as JSON in UTF-8; sixty shots with long texts have about 80 kB."""
MOST_DEPTH = 24
"""How deep its objects and lists may lie in each other."""
FIRST_STEP = 1
LAST_STEP = 7
_SECTIONS = {
    "brief": "product name goal message call_to_action pictures logo ratio seconds shots style mood",
    "audience": "audience market language platform tone do_words dont_words colours",
    "sound": "captions voice_over music",
}
PLACES: Mapping[str, str] = {field: place for place, names in _SECTIONS.items() for field in names.split()}
"""The section in which each field of a brief stands."""
MODELS: Mapping[str, tuple[str, ...]] = {
    "text": ("writer",),
    "image": ("motion", "image"),
    "video": ("motion", "video"),
    "voice": ("sound", "voice"),
}
"""Where a draft says who makes what."""
_MOST_NAME = 200
_MOST_WORDS = 2000
_GAP = 10
"""Between the orders of neighbours, so that there is room for others."""
_DIGITS = 4


def merge_patch(target: object, patch: object) -> object:
    """The target as the merge patch changes it, which touches neither. Source: RFC 7396, section 2 (2026-11-21)."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(cast("dict[str, object]", target)) if isinstance(target, dict) else {}
    for key, value in cast("dict[str, object]", patch).items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


def patch_between(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """The merge patch that makes `new` of `old`; neither has `null` outside of a list."""
    patch: dict[str, Any] = {key: None for key in old if key not in new}
    for key, value in new.items():
        before: object = old.get(key)
        if isinstance(before, dict) and isinstance(value, dict):
            if inner := patch_between(cast("dict[str, Any]", before), cast("dict[str, Any]", value)):
                patch[key] = inner
        elif key not in old or before != value or isinstance(before, bool) is not isinstance(value, bool):
            patch[key] = value
    return patch


def depth_of(value: object) -> int:
    """How deep objects and lists lie in each other; 0 for a plain value."""
    depth, level = 0, [value]
    while outer := [inside for inside in map(_inside, level) if inside is not None]:
        depth += 1
        level = [inner for inside in outer for inner in inside]
    return depth


def _inside(value: object) -> Iterable[object] | None:
    """What lies in it; None for a plain value."""
    if isinstance(value, dict):
        return cast("dict[str, object]", value).values()
    return cast("list[object]", value) if isinstance(value, list) else None


def section(draft: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A part of the draft; empty where there is none, or something else stands in its place."""
    found = draft.get(name)
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def in_order(draft: Mapping[str, Any], name: str) -> list[tuple[str, dict[str, Any]]]:
    """The entries of a list with their ids; those without an order come last."""
    entries = [(key, section(section(draft, name), key)) for key in section(draft, name)]
    return sorted(entries, key=lambda entry: (_order_of(entry[1]), entry[0]))


def _order_of(entry: Mapping[str, Any]) -> str:
    order = entry.get("order")
    return order if isinstance(order, str) and order else "\U0010ffff"


def orders_after(draft: Mapping[str, Any], name: str, count: int) -> list[str]:
    """Orders for so many entries behind those that there are."""
    known = [_order_of(entry) for _, entry in in_order(draft, name)]
    given = [order for order in known if order != _order_of({})]
    head = given[-1][:_DIGITS] if given else "0" * _DIGITS
    if not (head.isascii() and head.isdigit() and len(head) == _DIGITS and int(head) + count * _GAP < 10**_DIGITS):
        return [f"{given[-1]}{place:0{_DIGITS}d}" for place in range(_GAP, (count + 1) * _GAP, _GAP)]
    return [f"{int(head) + place:0{_DIGITS}d}" for place in range(_GAP, (count + 1) * _GAP, _GAP)]


def free_ids(prefix: str, taken: Collection[str], count: int) -> list[str]:
    """So many ids `prefix-01` and on, behind the highest that was ever taken."""
    ends = [each.removeprefix(f"{prefix}-") for each in taken if each.startswith(f"{prefix}-")]
    highest = max((int(end) for end in ends if end.isascii() and end.isdigit() and len(end) <= 6), default=0)  # noqa: PLR2004 - a number
    return [f"{prefix}-{number:02d}" for number in range(highest + 1, highest + count + 1)]


def name_of(draft: Mapping[str, Any]) -> str:
    """What the campaign is called in lists: its name, else the product's, else the first words about it."""
    brief = section(draft, "brief")
    texts = [_plain(said) for said in (draft.get("name"), brief.get("name"), brief.get("product"))]
    return next((text for text in texts if text), "")[:_MOST_NAME].strip()


def words_of(draft: Mapping[str, Any]) -> str:
    """What the campaign can be found by: its name and what its brief says, in small letters."""
    brief = section(draft, "brief")
    said = (draft.get("name"), *(brief.get(field) for field in ("name", "product", "message", "call_to_action", "goal")))
    return " ".join(filter(None, dict.fromkeys(_plain(each).casefold() for each in said)))[:_MOST_WORDS]


def step_of(draft: Mapping[str, Any]) -> int:
    """Where the person was, of the seven steps."""
    step = draft.get("step")
    return int(step) if isinstance(step, int) and FIRST_STEP <= step <= LAST_STEP else FIRST_STEP


def decompile(document: Document) -> Draft:
    """The document as somebody would have typed it."""
    brief = _brief_entries(document.brief)
    draft: Draft = {"name": document.brief.name, "step": FIRST_STEP}
    for field, place in PLACES.items():
        draft.setdefault(place, {})[field] = brief[field]
    for field, value in _model_entries(document.models).items():
        *places, last = MODELS[field]
        (draft.setdefault(places[0], {}) if places else draft)[last] = value
    draft = with_concepts(draft, document.concepts)
    if document.concept is not None and document.concept < len(document.concepts):
        draft["concept"] = in_order(draft, "concepts")[document.concept][0]
    return with_storyboard(draft, document.storyboard) if document.storyboard else draft


def _brief_entries(brief: Brief) -> dict[str, Any]:
    texts = ("product", "name", "goal", "message", "call_to_action", "audience", "market", "language", "platform", "tone")
    return {
        **{field: getattr(brief, field) for field in (*texts, "style", "mood")},
        **{field: list(getattr(brief, field)) for field in ("do_words", "dont_words", "colours", "pictures")},
        "logo": brief.logo or "",
        "ratio": brief.ratio.value,
        "seconds": number_of(brief.seconds),
        "shots": brief.shots,
        "captions": brief.captions.value,
        "voice_over": brief.is_voiced,
        "music": brief.has_music,
    }


def _model_entries(models: Models | None) -> dict[str, str]:
    if models is None:
        return {}
    made: dict[str, str] = {"text": models.text, "image": models.frame, "video": models.clip}
    return {**made, "voice": models.voice} if models.voice else made


def number_of(seconds: Fraction) -> int | float:
    """Seconds as a person types them: exact enough to find the same frame again."""
    return int(seconds) if seconds.denominator == 1 else round(float(seconds), 4)


def concept_entry(concept: Concept, order: str) -> dict[str, Any]:
    """A concept as an entry of the draft."""
    return {
        "order": order,
        "title": concept.title,
        "logline": concept.logline,
        "treatment": concept.treatment,
        "look": concept.look,
        "palette": list(concept.palette),
    }


def shot_entry(shot: Shot, order: str) -> dict[str, Any]:
    """A shot as an entry of the draft."""
    return {
        "order": order,
        "title": shot.title,
        "text": shot.text,
        "image_prompt": shot.image_prompt,
        "motion_prompt": shot.motion_prompt,
        "narration": shot.narration,
        "seconds": number_of(shot.seconds),
        "picture": shot.picture or "",
    }


def with_concepts(draft: Draft, concepts: Iterable[Concept]) -> Draft:
    """The draft with more concepts, behind those that there are."""
    added = tuple(concepts)
    if not added:
        return draft
    known = section(draft, "concepts")
    ids = free_ids("concept", known, len(added))
    orders = orders_after(draft, "concepts", len(added))
    entries = {each: concept_entry(concept, order) for each, concept, order in zip(ids, added, orders, strict=True)}
    return {**draft, "concepts": {**known, **entries}}


def with_storyboard(draft: Draft, storyboard: Storyboard, taken: Collection[str] = ()) -> Draft:
    """The draft with that storyboard instead of its own.

    Args:
        draft: stays as it is.
        storyboard: the shots.
        taken: ids that stand for other shots, of which there may be takes: where there are some, the shots get ids of their own.
    """
    shots = storyboard.shots
    ids = [ShotId(each) for each in free_ids("shot", taken, len(shots))] if taken else [shot.id for shot in shots]
    orders = orders_after({}, "shots", len(shots))
    entries = {each: shot_entry(shot, order) for each, shot, order in zip(ids, shots, orders, strict=True)}
    return {**draft, "shots": entries}


def absorb(draft: Draft, before: Document, after: Document) -> Draft:
    """The draft after something else than a person has changed the document: what it changed, and nothing beside."""
    if before.brief != after.brief:
        old, new = _brief_entries(before.brief), _brief_entries(after.brief)
        for field, place in PLACES.items():
            if old[field] != new[field]:
                draft = {**draft, place: {**section(draft, place), field: new[field]}}
    draft = with_concepts(draft, [concept for concept in after.concepts if concept not in before.concepts])
    if after.concept != before.concept and after.concept is not None:
        chosen = _find_concept(draft, after.concepts[after.concept])
        draft = {**draft, "concept": chosen} if chosen else draft
    if after.storyboard != before.storyboard and after.storyboard is not None:
        draft = with_storyboard(draft, after.storyboard)
    return draft


def _find_concept(draft: Draft, concept: Concept) -> str:
    """The id under which the draft has it; the last one of those that say the same."""
    wanted = (concept.title, concept.logline)
    found = [
        key for key, entry in in_order(draft, "concepts") if (_plain(entry.get("title")), _plain(entry.get("logline"))) == wanted
    ]
    return found[-1] if found else ""


def _plain(value: object) -> str:
    """A text in one line without control characters; nothing of what is no text."""
    if not isinstance(value, str):
        return ""
    return " ".join(value.split() if value.isprintable() else value.translate(_CONTROLS).split())


_CONTROLS = dict.fromkeys([*range(0x20), *range(0x7F, 0xA0)], " ")
