"""`reelwright models`: which models there are, what they take and cost, and a card to fill in for one that has none."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from fractions import Fraction
from itertools import pairwise
from typing import Any, TypeVar

from rich.console import Console
from rich.text import Text

from reelwright.bootstrap import Studio, open_studio
from reelwright.cli.exits import Exit
from reelwright.config import read_settings
from reelwright.domain.budget import decimal_usd
from reelwright.domain.card import ModelCard, PromptUnit
from reelwright.domain.generation import Kind, ModelRef, provider_of
from reelwright.errors import InvalidInput
from reelwright.providers import card_toml

T = TypeVar("T")


def list_models(*, kind: str, as_json: bool) -> Exit:
    """`reelwright models`."""
    if kind and kind not in set(Kind):
        msg = f"--kind: {kind!r} is none of {', '.join(Kind)}."
        raise InvalidInput(msg)

    async def look(studio: Studio) -> tuple[list[dict[str, Any]], dict[str, str]]:
        cards = [card for card in studio.catalogue.known if not kind or card.kind is Kind(kind)]
        return [_document(studio, card) for card in cards], studio.catalogue.broken

    items, broken = _look(look)
    if as_json:
        _print_json({"items": items, "broken": broken})
        return Exit.OK
    console = Console(highlight=False, markup=False)
    for each in Kind:
        if some := [item for item in items if item["kind"] == each.value]:
            console.print(f"\n{each.value}s", style="bold underline")
            for item in some:
                console.print(_entry(item), soft_wrap=True)
    for name, reason in broken.items():
        console.print(Text(f"{name} did not load: {reason}", style="red"), soft_wrap=True)
    console.print("\nAll there is to know about one: reelwright models show MODEL", style="dim", soft_wrap=True)
    return Exit.OK


def show_model(model: str, *, as_toml: bool, as_json: bool) -> Exit:
    """`reelwright models show MODEL`."""

    async def look(studio: Studio) -> tuple[ModelCard, bool, dict[str, Any]]:
        card, is_usable = await studio.catalogue.look_up(ModelRef(model))
        return card, is_usable, _document(studio, card)

    card, is_usable, document = _look(look)
    if as_json:
        _print_json({**document, "has_card": is_usable, "toml": card_toml(card)})
    elif as_toml or not is_usable:
        print(card_toml(card) if is_usable else _form(card))
    else:
        _print_card(document)
    return Exit.OK


def _form(card: ModelCard) -> str:
    """A card to be filled in."""
    return "\n".join(
        [
            f"# {card.model} has no card yet, and only you can find out its price. Check also what the vendor does not tell",
            "# (shapes, lengths, prompt_limit), and save this in the data folder, at the end of the file",
            f"# cards/{provider_of(card.model)}.toml.",
            "",
            card_toml(card),
            "# The price, in millionths of a dollar; without one it cannot be used. One line is mostly enough:",
            "# micro_usd = 40_000                            # $0.04 an output",
            "# micro_usd_per_second = 50_000                 # $0.05 a second of output",
            '# micro_usd_by_seconds = { "5" = 300_000 }      # by length, for every one of lengths',
        ]
    )


def _look(question: Callable[[Studio], Awaitable[T]]) -> T:
    async def opened() -> T:
        studio = open_studio(read_settings())
        try:
            return await question(studio)
        finally:
            await studio.close()

    return asyncio.run(opened())


def _document(studio: Studio, card: ModelCard) -> dict[str, Any]:
    """A card as `--json` prints it: seconds and dollars are exact, as text."""
    return {
        "model": card.model,
        "kind": card.kind.value,
        "label": card.label,
        "price": {
            "output_usd": decimal_usd(card.micro_usd),
            "second_usd": decimal_usd(card.micro_usd_per_second),
            "thousand_usd": decimal_usd(card.micro_usd_per_thousand),
            "by_seconds_usd": {str(seconds): decimal_usd(price) for seconds, price in card.micro_usd_by_seconds.items()},
        },
        "price_text": _price(card),
        "shapes": [{"value": shape.value, "size": str(shape.size)} for shape in card.shapes],
        "seconds": [str(length) for length in card.legal_lengths] if card.kind is Kind.CLIP else [],
        "prompt_limit": card.prompt_limit,
        "prompt_unit": card.prompt_unit.value,
        "needs_prompt": card.needs_prompt,
        "first_frame": card.first_frame.value,
        "last_frame": card.last_frame.value,
        "references": card.references,
        "logo": card.logo,
        "audio": card.audio,
        "concurrency": card.concurrency,
        "per_minute": card.per_minute,
        "settings": dict(card.settings),
        "is_paid": card.is_paid,
        "has_key": studio.catalogue.has_key(card),
        "source": card.source,
        "checked_on": card.checked_on,
        "is_offered": studio.catalogue.is_offered(card),
        "retired_on": card.retired_on or None,
        "replaced_by": card.replaced_by,
    }


def _price(card: ModelCard) -> str:
    unit = card.prompt_unit.in_words
    parts = [
        (card.micro_usd, "each"),
        (card.micro_usd_per_second, "a second"),
        *((price, f"for {_plain(seconds)} s") for seconds, price in card.micro_usd_by_seconds.items()),
        (card.micro_usd_per_thousand, f"a thousand {unit}"),
    ]
    return ", ".join(f"{_dollars(price)} {what}" for price, what in parts if price) or "free"


def _dollars(micro: int) -> str:
    """Exact, with cents: `$0.30`, `$0.0035`."""
    whole, _, rest = decimal_usd(micro).partition(".")
    return f"${whole}.{rest:0<2}"


def _plain(seconds: Fraction) -> str:
    return f"{float(seconds):g}"


def _seconds(item: dict[str, Any]) -> str:
    legal = [Fraction(text) for text in item["seconds"]]
    if len(legal) > 1 and all(second - first == 1 for first, second in pairwise(legal)):
        return f"{_plain(legal[0])} to {_plain(legal[-1])}"
    return " or ".join(_plain(length) for length in legal) or "any"


def _entry(item: dict[str, Any]) -> Text:
    """Two lines for one model: its name and facts, then what it is. A name is never broken, so that it can be copied."""
    if not item["is_offered"]:
        return Text(f"{item['model']}: retired on {item['retired_on']}, now {item['replaced_by'] or 'nothing'}", style="dim")
    facts = [item["price_text"]]
    if item["kind"] == Kind.CLIP.value:
        lengths = _seconds(item)
        facts.append(f"{lengths} s" if lengths != "any" else "any length")
    if item["prompt_limit"]:
        facts.append(f"prompt to {item['prompt_limit']:,}")
    if item["is_paid"] and not item["has_key"]:
        facts.append("no key")
    return Text.assemble((item["model"], "bold"), "  ", (" · ".join(facts), "dim"), "\n  ", item["label"])


def _print_card(item: dict[str, Any]) -> None:
    limit = f"{item['prompt_limit']:,} {PromptUnit(item['prompt_unit']).in_words}" if item["prompt_limit"] else "no limit known"
    is_clip = item["kind"] == Kind.CLIP.value
    shapes = ", ".join(shape["value"] for shape in item["shapes"]) or "whatever is asked for"
    gone = f"{item['retired_on']}; then {item['replaced_by'] or 'nothing'} is used in its place" if item["retired_on"] else ""
    lines = {
        "makes": f"a {item['kind']}",
        "offered until": gone,
        "price": item["price_text"],
        "key": "" if not item["is_paid"] else "set" if item["has_key"] else "missing: `reelwright keys` says which",
        "shapes": shapes if item["kind"] != Kind.VOICE.value else "",
        "seconds": _seconds(item) if is_clip else "",
        "prompt": limit if item["needs_prompt"] else f"{limit}; may be empty",
        "first frame" if is_clip else "your picture": item["first_frame"] if item["kind"] != Kind.VOICE.value else "",
        "last frame": item["last_frame"] if is_clip else "",
        "more pictures": f"{item['references']}" if item["references"] else "",
        "sound of its own": "yes" if item["audio"] else "",
        "at once": f"{item['concurrency']}" + (f", {item['per_minute']} a minute" if item["per_minute"] else ""),
        "sent with it": ", ".join(f"{name} = {value}" for name, value in item["settings"].items()),
        "source": item["source"],
        "checked on": item["checked_on"],
    }
    console = Console(highlight=False, markup=False)
    console.print(Text(item["model"], style="bold"), item["label"], soft_wrap=True)
    for name, value in lines.items():
        if value:
            console.print(Text(f"  {name}:", style="dim"), value, soft_wrap=True)


def _print_json(document: object) -> None:
    print(json.dumps(document, ensure_ascii=False, indent=1))
