"""The input of a model, out of its card's `settings`: each is a field of the model, by its own name, with what goes into it.

The value is JSON once the parts of the request are put in: `duration = "{seconds}"` is a number, `duration = '"{seconds}"'` a
text, `image_size = '{"width": {width}, "height": {height}}'` an object. What is no JSON is a text: `resolution = "720p"`,
`duration = "{seconds}s"`. Words, pictures and shapes go in as they are; a field that waits for one that is not there is left out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TypeAlias

from pydantic import JsonValue

from reelwright.domain.generation import Kind, Request
from reelwright.domain.ids import AssetId
from reelwright.domain.timing import Size
from reelwright.errors import InputRefused

Values: TypeAlias = dict[str, JsonValue]

PROMPT = "{prompt}"
"""Stands in the settings of a card for the field that wants the words."""
_FIRST, _LAST, _SHAPE = "{first_frame}", "{last_frame}", "{shape}"


def fill(request: Request, settings: Mapping[str, str], pictures: Mapping[AssetId, str], *, size: Size) -> Values:
    """The input for a request.

    Args:
        request: what is asked.
        settings: of the model's card. A prompt that they do not place goes into `prompt`.
        pictures: the URLs of the assets that the request names.
        size: the pixels of the planned shape.

    Raises:
        InputRefused: there is a picture, and no field for it.
    """
    whole: dict[str, str] = {
        PROMPT: request.prompt,
        _SHAPE: request.shape,
        _FIRST: pictures[request.picture] if request.picture else "",
        _LAST: pictures[request.last_picture] if request.last_picture else "",
    }
    what = "first frame" if request.kind is Kind.CLIP else "picture"
    for part, name in ((_FIRST, what), (_LAST, "last frame")):
        if whole[part] and part not in settings.values():
            message = f"{request.model} takes no {name}: the `settings` of its card have no field for one."
            raise InputRefused(message)
    numbers = {"{seconds}": f"{float(request.seconds):g}", "{width}": str(size.width), "{height}": str(size.height)}
    values: Values = {} if PROMPT in settings.values() else {"prompt": request.prompt}
    for name, text in settings.items():
        if text not in whole:
            values[name] = _read(text, numbers)
        elif whole[text]:
            values[name] = whole[text]
    return values


def _read(text: str, numbers: Mapping[str, str]) -> JsonValue:
    for part, number in numbers.items():
        text = text.replace(part, number)
    try:
        return json.loads(text)
    except ValueError:
        return text
