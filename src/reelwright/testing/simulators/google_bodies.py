"""What is asked of the simulated Google, held against the SDK's own types and the documented limits, and what it costs."""

from __future__ import annotations

import base64
import io
import math
import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, cast

from google.genai import types
from google.genai.interactions import CreateModelInteraction
from PIL import Image
from pydantic import ValidationError

from reelwright.domain.generation import Kind
from reelwright.domain.timing import Size
from reelwright.testing.simulators.desk import Order

_FEW_BYTES = 20 << 20
SIZES = {
    "1:1": Size(1024, 1024),
    "2:3": Size(848, 1264),
    "3:2": Size(1264, 848),
    "3:4": Size(896, 1200),
    "4:3": Size(1200, 896),
    "4:5": Size(928, 1152),
    "5:4": Size(1152, 928),
    "9:16": Size(768, 1376),
    "16:9": Size(1376, 768),
    "21:9": Size(1584, 672),
}
TOKENS_OF_SIZES = {"1K": 1120, "2K": 1680, "4K": 2520}
TOKENS_OF_A_PICTURE = 1120
"""That somebody starts from."""
THOUGHT = 300
"""Tokens."""
_CLIP_SIZES = {"16:9": Size(1280, 720), "9:16": Size(720, 1280)}
_TOKENS_OF_A_SECOND = {"360p": 1900, "720p": 5714, "1080p": 8571, "4k": 17_142}
_TASKS = {"text_to_video", "image_to_video", "reference_to_video"}
_LENGTHS = range(3, 11)


@dataclass(frozen=True)
class Prices:
    """Micro-dollars a token."""

    read: Fraction
    text: Fraction
    output: Fraction


PICTURES = {
    "gemini-3.1-flash-image": Prices(Fraction("0.5"), Fraction(3), Fraction(60)),
    "gemini-3-pro-image": Prices(Fraction(2), Fraction(12), Fraction(120)),
    "gemini-nano-banana-2.1": Prices(Fraction("1.5"), Fraction("7.5"), Fraction(30)),
    "gemini-3.1-flash-lite-image": Prices(Fraction("0.25"), Fraction("1.5"), Fraction(30)),
}
_CLIPS = {"gemini-omni-1.1-flash": Prices(Fraction("1.5"), Fraction(9), Fraction("17.5"))}


def read_body(body: Any) -> tuple[list[types.Part], types.ImageConfig]:
    """The parts and the wishes of a request, by the SDK's own types; what they do not know is refused.

    Raises:
        ValueError: it is not as it should be.
    """
    if unknown := body.keys() - {"contents", "generationConfig", "safetySettings", "systemInstruction", "tools"}:
        msg = f"Invalid JSON payload received. Unknown name: {', '.join(unknown)}."
        raise ValueError(msg)
    try:
        contents = [types.Content.model_validate(each) for each in body["contents"]]
        config = types.GenerateContentConfig.model_validate(body.get("generationConfig", {}))
    except ValidationError as error:
        msg = f"Invalid JSON payload received. {error.errors(include_url=False, include_input=False)}"
        raise ValueError(msg) from error
    if [each.value if isinstance(each, types.Modality) else each for each in config.response_modalities or []] != ["IMAGE"]:
        raise ValueError("This simulator draws pictures alone: response_modalities must be IMAGE.")
    image = config.image_config or types.ImageConfig()
    return [part for content in contents for part in content.parts or []], image


def without_bytes(body: Any) -> Any:
    """For the ledger."""
    if isinstance(body, dict):
        fields = cast("dict[str, Any]", body)
        return {name: "..." if name == "data" else without_bytes(value) for name, value in fields.items()}
    return [without_bytes(each) for each in cast("list[Any]", body)] if isinstance(body, list) else body


def wrong_pictures(pictures: list[bytes]) -> str:
    """Why the pictures are not taken; nothing where they are."""
    if sum(map(len, pictures)) > _FEW_BYTES * 3 // 4:
        return "Request payload size exceeds the limit: 20971520 bytes."
    for content in pictures:
        try:
            with Image.open(io.BytesIO(content)) as picture:
                picture.verify()
        except (OSError, SyntaxError):
            return "Unable to process input image."
    return ""


def order_of(body: Any) -> Order:
    """What an interaction asks for.

    Raises:
        ValueError: it cannot be made so.
    """
    try:
        asked = CreateModelInteraction.model_validate(body)
    except ValidationError as error:
        raise ValueError(str(error.errors(include_url=False, include_input=False))) from error
    form, model = body["response_format"], str(asked.model)
    length = re.fullmatch(r"(\d+)s", form.get("duration", "8s"))
    task = body.get("generation_config", {}).get("video_config", {}).get("task", "text_to_video")
    if unknown := body.keys() - set(CreateModelInteraction.model_fields):
        raise ValueError(f"Unknown name: {', '.join(unknown)}.")
    if unknown := form.keys() - {"type", "aspect_ratio", "duration", "delivery", "resolution"}:
        raise ValueError(f"Unknown name at 'response_format': {', '.join(unknown)}.")
    if model not in _CLIPS or not body.get("background") or body.get("store") is False:
        raise ValueError("This simulator films with Omni, in the background, with `store`.")
    if length is None or int(length[1]) not in _LENGTHS or task not in _TASKS:
        raise ValueError("Invalid duration or task.")
    if form.get("aspect_ratio", "16:9") not in _CLIP_SIZES or form.get("resolution", "720p") not in _TOKENS_OF_A_SECOND:
        raise ValueError("Invalid aspect_ratio or resolution.")
    blocks = [block for step in body["input"] for block in (step["content"] if step["type"] == "user_input" else [step])]
    pictures = [base64.b64decode(each["data"], validate=True) for each in blocks if each["type"] == "image"]
    words = " ".join(each["text"] for each in blocks if each["type"] == "text")
    if wrong := wrong_pictures(pictures):
        raise ValueError(wrong)
    if (task == "image_to_video") != bool(pictures) or not words:
        raise ValueError("The task does not fit the input.")
    seconds, prices = int(length[1]), _CLIPS[model]
    read = math.ceil(len(words.encode()) / 4) + TOKENS_OF_A_PICTURE * len(pictures)
    made = seconds * _TOKENS_OF_A_SECOND[form.get("resolution", "720p")]
    cost = math.ceil(read * prices.read + THOUGHT * prices.text + made * prices.output)
    told = {**without_bytes(body), "_read": read, "_made": made}
    return Order(Kind.CLIP, model, words, cost, _CLIP_SIZES[form.get("aspect_ratio", "16:9")], seconds, told)
