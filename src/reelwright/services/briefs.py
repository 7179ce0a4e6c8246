"""Reading a brief: a file or a sentence becomes something that can be made, before anything is stored or paid."""

from __future__ import annotations

import asyncio
import json
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import NoReturn, cast

from reelwright.domain.brief import SECONDS_ALLOWED, SHORTEST_SHOT, SHOTS_ALLOWED, Brief
from reelwright.domain.languages import detect_language
from reelwright.domain.timing import FRAME_RATE, frame_count
from reelwright.errors import InvalidBrief, InvalidMedia, RenderError
from reelwright.media.front import verify
from reelwright.media.sniff import HEAD_BYTES, sniff
from reelwright.media.workers import Workers
from reelwright.services.brief_fields import SAME_FIELD, BriefFields, ProviderFields, check_fields
from reelwright.services.brief_sentence import name_from, read_sentence

MOST_FILE_BYTES = 1 << 20
MOST_PICTURE_BYTES = 32 << 20
MOST_SENTENCE = 2000
_SHOT_SECONDS = 5
"""How long a shot is where only the length or only the number of shots was said."""


@dataclass(frozen=True)
class Providers:
    """Who makes what, as `provider:model`; empty means the built-in one."""

    text: str = ""
    image: str = ""
    video: str = ""
    voice: str = ""


@dataclass(frozen=True)
class BriefOrder:
    """A brief together with what is needed to carry it out. Its pictures are still files: nothing is stored yet."""

    brief: Brief
    pictures: tuple[Path, ...] = ()
    logo: Path | None = None
    providers: Providers = Providers()
    cap_micro_usd: int | None = None
    """The most that the production may cost; None when nobody said."""


def read_brief(source: str | Path, overrides: Mapping[str, object]) -> BriefOrder:
    """The order out of a TOML or JSON file, or out of a sentence.

    Args:
        source: a path, or a sentence that is none.
        overrides: fields that win over the source, under their names in a brief file; `text`, `image`, `video` and
            `voice` mean the `[providers]` table, None means "not said". Their paths are relative to the current folder.

    Raises:
        InvalidBrief: one sentence that names the field and what is allowed.
    """
    path = _path_of(source)
    folder = path.parent if path else Path.cwd()
    written = _read_file(path) if path else _read_words(str(source))
    fields = check_fields(_merged(written, overrides))
    return BriefOrder(
        brief_of(fields),
        pictures=tuple(folder / picture for picture in fields.pictures),
        logo=folder / fields.logo if fields.logo else None,
        providers=Providers(**fields.providers.model_dump()),
        cap_micro_usd=fields.cap,
    )


def brief_of(fields: BriefFields) -> Brief:
    """The brief that checked fields say, without its pictures: a name, a language or a length that nobody said is found."""
    seconds, shots = _length(fields)
    texts = f"{fields.product} {fields.message} {fields.call_to_action}"
    return Brief(
        product=fields.product,
        name=fields.name or name_from(fields.product),
        goal=fields.goal,
        message=fields.message,
        call_to_action=fields.call_to_action,
        audience=fields.audience,
        market=fields.market,
        language=fields.language or detect_language(texts),
        platform=fields.platform,
        tone=fields.tone,
        do_words=tuple(fields.do_words),
        dont_words=tuple(fields.dont_words),
        colours=tuple(fields.colours),
        ratio=fields.ratio,
        seconds=seconds,
        shots=shots,
        style=fields.style,
        mood=fields.mood,
        captions=fields.captions,
        is_voiced=fields.voice_over,
        has_music=fields.music,
    )


async def read_picture(workers: Workers, path: Path, field: str) -> tuple[bytes, str]:
    """The picture's bytes as they are and its media type; a worker has decoded it whole.

    Args:
        workers: who decode, because a picture may be made to break its decoder.
        path: the file.
        field: how the brief calls it, such as `pictures[2]` or `logo`, for the message.

    Raises:
        InvalidBrief: no such file, too large, or not a picture that decodes.
    """
    content = await asyncio.to_thread(_read_bytes, path, field, MOST_PICTURE_BYTES, "a picture")
    if b"<svg" in content[:HEAD_BYTES].lower() and sniff(content[:HEAD_BYTES]) is None:
        _refuse(field, f"{path.name} is an SVG drawing; export it as PNG, because a film is made of pixels")
    try:
        return content, (await workers.run(verify, str(path), "image")).media_type
    except (InvalidMedia, RenderError) as error:
        _refuse(field, f"{path.name}: {str(error)[:1].lower()}{str(error)[1:].rstrip('.')}")


def _refuse(field: str, reason: str) -> NoReturn:
    msg = f"{field}: {reason}."
    raise InvalidBrief(msg)


def _path_of(source: str | Path) -> Path | None:
    """The path that is meant, or None for a sentence."""
    if isinstance(source, Path):
        return source
    looks = source.lower().endswith((".toml", ".json")) or (" " not in source.strip() and "/" in source)
    try:
        return Path(source) if looks or (source.strip() and Path(source).exists()) else None
    except (OSError, ValueError):  # too long for a file name, or a character that none may have
        return None


def _read_words(sentence: str) -> dict[str, object]:
    if not sentence.strip():
        _refuse("product", "is missing; say in a sentence or two what the film is about")
    if len(sentence) > MOST_SENTENCE:
        _refuse("product", f"has {len(sentence):,} characters; at most {MOST_SENTENCE:,} are allowed")
    return read_sentence(sentence)


def _read_bytes(path: Path, field: str, most: int, what: str) -> bytes:
    """At most `most` bytes of a plain file; a directory, a device or a missing file is named."""
    content, reason = b"", ""
    try:
        kind = path.stat().st_mode
        if stat.S_ISDIR(kind):
            reason = "is a folder"
        elif not stat.S_ISREG(kind):
            reason = "is not a plain file"
        else:
            with path.open("rb") as file:
                content = file.read(most + 1)
    except FileNotFoundError:
        _refuse(field, f"there is no file {path}")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        _refuse(field, f"{path} cannot be read ({reason})")
    if reason:
        _refuse(field, f"{path} {reason}; name {what}")
    if not content:
        _refuse(field, f"{path} is empty")
    if len(content) > most:
        _refuse(field, f"{path} has more than {most >> 20} MiB, which is the most that {what} may have")
    return content


def _read_file(path: Path) -> dict[str, object]:
    content = _read_bytes(path, "brief", MOST_FILE_BYTES, "a brief file")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        _refuse("brief", f"{path} is not text in UTF-8 (line {line}); save it as UTF-8")
    is_json = path.suffix.lower() == ".json" or text.lstrip().startswith("{")
    try:
        written = cast("object", json.loads(text) if is_json else tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        _refuse("brief", f"{path} is not TOML: {str(error)[:1].lower()}{str(error)[1:]}")
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        _refuse("brief", f"{path} is not JSON: {error.msg[:1].lower()}{error.msg[1:]} (at {where})")
    except RecursionError:
        _refuse("brief", f"{path} is nested too deeply")
    except ValueError:
        _refuse("brief", f"{path} holds a number with thousands of digits")
    if not isinstance(written, dict):
        _refuse("brief", f"{path} must hold one object with the fields of a brief")
    return {str(name): value for name, value in cast("dict[str, object]", written).items()}


def _merged(written: Mapping[str, object], overrides: Mapping[str, object]) -> dict[str, object]:
    """One set of fields."""
    merged = {_field_name(name): value for name, value in written.items()}
    providers: dict[str, object] = {}
    for name, value in overrides.items():
        if value is None:
            continue
        if name in ProviderFields.model_fields:
            providers[name] = value
        else:
            merged[_field_name(name)] = _from_here(value) if name in {"pictures", "logo"} else _plain(value)
    if providers:
        table = merged.get("providers", {})
        merged["providers"] = {**cast("dict[str, object]", table), **providers} if isinstance(table, dict) else table
    return merged


def _field_name(name: str) -> str:
    plain = name.strip().lower().replace("-", "_")
    return plain if plain in BriefFields.model_fields else SAME_FIELD.get(plain, name)


def _plain(value: object) -> object:
    """Tuples and paths, as a command line gives them, in the form that a file has them."""
    if isinstance(value, tuple | list | frozenset | set):
        return [_plain(entry) for entry in cast("tuple[object, ...]", value)]
    return str(value) if isinstance(value, Path) else value


def _from_here(value: object) -> object:
    """Paths that were typed, absolute."""
    if isinstance(value, tuple | list):
        return [_from_here(entry) for entry in cast("tuple[object, ...]", value)]
    return str(Path.cwd() / value) if isinstance(value, str | Path) else value


def _length(fields: BriefFields) -> tuple[Fraction, int]:
    """Seconds in whole frames, and shots; where only one was said the other follows from it."""
    standard = Brief(product=fields.product, name="")
    low, high = SECONDS_ALLOWED
    seconds, shots = fields.seconds, fields.shots
    if seconds is None:
        seconds = standard.seconds if shots is None else min(max(Fraction(shots * _SHOT_SECONDS), low), high)
        seconds = max(seconds, Fraction(shots or 1) * SHORTEST_SHOT)
    if shots is None:
        shots = min(max(round(seconds / _SHOT_SECONDS), SHOTS_ALLOWED.start), SHOTS_ALLOWED.stop - 1)
    return Fraction(frame_count(seconds)) / FRAME_RATE, shots
