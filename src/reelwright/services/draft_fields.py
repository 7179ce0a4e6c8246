"""Reading a draft: what a person has typed becomes a document that can be made, or the list of what is wrong with it.

Nothing is refused here that was typed: who saves a draft keeps it in any case, and who makes a film of it needs a document.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from typing import Annotated, Any, TypeVar, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from reelwright.domain.brief import SECONDS_ALLOWED, SHORTEST_SHOT, SHOTS_ALLOWED, Brief
from reelwright.domain.campaign import ID_PATTERN, Document
from reelwright.domain.colours import parse_colour
from reelwright.domain.concept import Concept
from reelwright.domain.draft import MODELS, PLACES, Draft, in_order, section
from reelwright.domain.ids import AssetId, ShotId
from reelwright.domain.storyboard import Shot, Storyboard
from reelwright.domain.timing import FRAME_RATE, frame_count
from reelwright.errors import InvalidDraft
from reelwright.services.brief_fields import BriefFields, read_cap, read_seconds, read_text, told
from reelwright.services.briefs import Providers, brief_of

M = TypeVar("M", bound=BaseModel)
Wrong = tuple[str, str]
"""Where something is wrong, as `shots.shot-02.seconds`, and what is allowed there."""
ON_DEVICE = "local:"
"""What stands for a picture that is still on the device that chose it."""


_NOBODY = Providers()


@dataclass(frozen=True)
class Reading:
    """What a draft says, as far as it can be understood."""

    document: Document | None
    """None where something is wrong."""
    wrong: tuple[Wrong, ...] = ()
    providers: Providers = _NOBODY
    """Who is to make what; empty is whatever the studio would take."""
    cap_micro_usd: int | None = None

    def checked(self) -> Document:
        """The document.

        Raises:
            InvalidDraft: something is wrong.
        """
        if self.document is None:
            path, message = self.wrong[0]
            others = len(self.wrong) - 1
            msg = f"{path}: {message}" + (f" (and {others} more)." if others else ".")
            raise InvalidDraft(msg, self.wrong)
        return self.document


def _shot_seconds(value: object) -> Fraction | None:
    if type(value) is int and SHORTEST_SHOT <= value <= SECONDS_ALLOWED[1]:
        return Fraction(value)  # almost always
    if value is None:
        return None
    exact = (
        Fraction(str(value)) if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < SHORT else None
    )
    seconds = exact if exact is not None else read_seconds(value)
    if not SHORTEST_SHOT <= seconds <= SECONDS_ALLOWED[1]:
        msg = f"a shot may last {SHORTEST_SHOT} to {SECONDS_ALLOWED[1]} seconds"
        raise ValueError(msg)
    return Fraction(frame_count(seconds)) / FRAME_RATE


SHORT = 2
"""Below so many seconds only a shot can be, and no film: the words about films would be wrong."""
_Line = Annotated[str, BeforeValidator(read_text), Field(max_length=500)]
_Prose = Annotated[str, BeforeValidator(read_text), Field(max_length=5000)]


class _ConceptFields(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)

    title: _Line = ""
    logline: _Prose = ""
    treatment: _Prose = ""
    look: _Prose = ""
    palette: list[Annotated[str, BeforeValidator(lambda value: parse_colour(str(value)))]] = Field(
        default_factory=list[str], max_length=8
    )


class _ShotFields(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True, arbitrary_types_allowed=True)

    title: _Line = ""
    text: _Prose = ""
    image_prompt: _Prose = ""
    motion_prompt: _Prose = ""
    narration: _Prose = ""
    seconds: Annotated[Fraction | None, BeforeValidator(_shot_seconds)] = None
    picture: str = ""


def compile_draft(draft: Draft, before: Document) -> Reading:
    """What the draft says.

    Args:
        draft: what was typed.
        before: the document as it was: what no person types is taken from there.
    """
    wrong: list[Wrong] = [(name, "is not an object") for name in _SECTIONS if not isinstance(draft.get(name, {}), dict)]
    fields = _brief_fields(draft, wrong)
    concepts, chosen = _concepts(draft, wrong)
    storyboard = _storyboard(draft, wrong)
    providers = Providers(**fields.providers.model_dump()) if fields else Providers()
    cap = fields.cap if fields else None
    if fields is None or wrong:
        return Reading(None, tuple(wrong), providers, cap)
    document = replace(before, brief=_with_pictures(fields), concepts=concepts, concept=chosen, storyboard=storyboard)
    return Reading(document, (), providers, cap)


_SECTIONS = ("brief", "audience", "concepts", "shots", "motion", "sound")


def brief_from(draft: Draft) -> Reading:
    """As `compile_draft`, of the brief alone: what is needed before anything is written."""
    only = {name: draft[name] for name in ("name", "brief", "audience", "motion", "sound", "writer", "cap") if name in draft}
    return compile_draft(only, Document(Brief("", "")))


def draft_of_fields(fields: Mapping[str, object], name: str = "") -> Draft:
    """A new draft that says what a brief file, or a sentence, says; nothing of it is checked."""
    draft: Draft = {"name": name, "step": 1} if name else {"step": 1}
    for field, value in fields.items():
        given = str(value) if isinstance(value, Fraction) else value
        if field in PLACES:
            draft.setdefault(PLACES[field], {})[field] = given
        elif field == "providers" and isinstance(value, dict):
            _put_models(draft, cast("dict[str, object]", value))
        else:
            draft[field] = given
    return draft


def _put_models(draft: Draft, providers: Mapping[str, object]) -> None:
    for field, model in providers.items():
        *places, last = MODELS.get(field, (field,))
        (draft.setdefault(places[0], {}) if places else draft)[last] = model


def _brief_fields(draft: Draft, wrong: list[Wrong]) -> BriefFields | None:
    values: dict[str, object] = {"product": ""}
    values |= {field: section(draft, place)[field] for field, place in PLACES.items() if _is_said(section(draft, place), field)}
    models: dict[str, object] = {}
    for field, (*places, last) in MODELS.items():
        home = section(draft, places[0]) if places else draft
        if _is_said(home, last):
            models[field] = home[last]
    values |= {"providers": models} if models else {}
    values |= {"cap": draft["cap"]} if _is_said(draft, "cap") else {}
    fields = _parsed(BriefFields, values, "", wrong)
    for field in ("pictures", "logo"):
        found = values.get(field, ())
        for each in cast("Sequence[object]", found) if isinstance(found, list) else (found,):
            _check_picture(each, f"brief.{field}", wrong)
    return fields


def _is_said(values: Mapping[str, Any], field: str) -> bool:
    return values.get(field) not in ("", None)


def _parsed(model: type[M], values: object, path: str, wrong: list[Wrong]) -> M | None:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        for each in error.errors(include_url=False):
            location, message = list(each["loc"]), told(each)
            if not location and ": " in message:  # a rule about several fields names the one that it is told at
                field, _, message = message.partition(": ")
                location = [field]
            wrong.append((_path(path, location), message.rstrip(".")))
    return None


def _path(path: str, location: Sequence[int | str]) -> str:
    """Where it is in the draft; `pictures.0` counts from 0, as programs do."""
    parts = [str(part) for part in location]
    if not path and parts:
        if parts[0] == "providers" and len(parts) > 1:
            parts = [*MODELS[parts[1]], *parts[2:]]
        elif parts[0] in PLACES:
            parts = [PLACES[parts[0]], *parts]
    return ".".join(filter(None, (path, *parts))) or "draft"


def _check_picture(value: object, path: str, wrong: list[Wrong]) -> None:
    if isinstance(value, str) and value.startswith(ON_DEVICE):
        wrong.append((path, "is still on the device that chose it; it will be here as soon as that is online"))


def _with_pictures(fields: BriefFields) -> Brief:
    pictures = tuple(AssetId(each) for each in fields.pictures if each)
    return replace(brief_of(fields), pictures=pictures, logo=AssetId(fields.logo) if fields.logo else None)


def _concepts(draft: Draft, wrong: list[Wrong]) -> tuple[tuple[Concept, ...], int | None]:
    found: list[Concept] = []
    ids: list[str] = []
    for key, entry in in_order(draft, "concepts"):
        fields = _parsed(_ConceptFields, entry, f"concepts.{key}", wrong)
        if fields is not None:
            ids.append(key)
            found.append(Concept(fields.title, fields.logline, fields.treatment, fields.look, tuple(fields.palette)))
    chosen = draft.get("concept")
    if chosen in ("", None):
        return tuple(found), None
    if chosen not in ids:
        wrong.append(("concept", "names a concept that is not among the concepts"))
        return tuple(found), None
    place = ids.index(chosen)
    if not (found[place].title or found[place].logline or found[place].treatment):
        wrong.append((f"concepts.{chosen}", "is empty; say at least its logline, or select another"))
    return tuple(found), place


def _storyboard(draft: Draft, wrong: list[Wrong]) -> Storyboard | None:
    shots = [_shot(key, entry, wrong) for key, entry in in_order(draft, "shots")]
    if not shots:
        return None
    if len(shots) not in SHOTS_ALLOWED:
        wrong.append(("shots", f"{len(shots)} are too many; a film has at most {SHOTS_ALLOWED.stop - 1} shots"))
    storyboard = Storyboard(tuple(shot for shot in shots if shot is not None))
    if storyboard.seconds > SECONDS_ALLOWED[1]:
        wrong.append(("shots", f"together they are longer than {SECONDS_ALLOWED[1]} seconds, which is the most a film may last"))
    return storyboard


def _shot(key: str, entry: Mapping[str, Any], wrong: list[Wrong]) -> Shot | None:
    path = f"shots.{key}"
    if not ID_PATTERN.match(key):
        wrong.append((path, "is no id of a shot: 1 to 64 letters, digits, - and _"))
    fields, faults = _shot_fields(entry)
    wrong += [(f"{path}.{field}", message) for field, message in faults]
    if fields is None:
        return None
    _check_picture(fields.picture, f"{path}.picture", wrong)
    if fields.seconds is None:
        wrong.append((f"{path}.seconds", "is missing; say how long the shot is"))
    if not (fields.image_prompt or fields.text or fields.picture):
        wrong.append((f"{path}.text", "is missing; say what is seen"))
    return Shot(
        id=ShotId(key),
        title=fields.title,
        text=fields.text,
        image_prompt=fields.image_prompt or fields.text,
        motion_prompt=fields.motion_prompt,
        narration=fields.narration,
        seconds=fields.seconds or SHORTEST_SHOT,
        picture=AssetId(fields.picture) if fields.picture else None,
    )


def _shot_fields(entry: Mapping[str, Any]) -> tuple[_ShotFields | None, tuple[Wrong, ...]]:
    """The shot's fields, and what is wrong with them."""
    said = tuple((name, isinstance(value, bool), value) for name, value in entry.items() if value != "")
    try:
        return _shot_fields_of(said)
    except TypeError:  # a list or an object stands in a field
        return _shot_fields_of.__wrapped__(said)


@lru_cache(maxsize=8192)
def _shot_fields_of(said: tuple[tuple[str, bool, Any], ...]) -> tuple[_ShotFields | None, tuple[Wrong, ...]]:
    # Of sixty shots a save changes one: looking at the others anew took most of its time.
    faults: list[Wrong] = []
    fields = _parsed(_ShotFields, {name: value for name, _, value in said}, _HERE, faults)
    return fields, tuple((path.removeprefix(f"{_HERE}."), message) for path, message in faults)


_HERE = "shot"


def pictures_of(document: Document) -> frozenset[AssetId]:
    """Every picture that the document names."""
    brief = document.brief
    shots: Iterable[Shot] = document.storyboard.shots if document.storyboard else ()
    return frozenset(filter(None, (*brief.pictures, brief.logo, *(shot.picture for shot in shots))))


def cap_in(draft: Mapping[str, Any]) -> int | None:
    """The cap that was typed, in micro-dollars; None where none was, or it is no amount."""
    try:
        return read_cap(draft["cap"]) if _is_said(draft, "cap") else None
    except ValueError:
        return None
