"""What the durable log holds: readable JSON, never pickle, so that moving or renaming code cannot strand a production.

Plain values stand as they are. Our errors are written as `{"$": "Error.1", "code": ..., "message": ...}`, with the plain ones of
what else they know as `facts`, and come back as themselves; any other error comes back as a `ReelwrightError` that says what it
was.
"""

from __future__ import annotations

import json
from typing import Any, cast

from dbos import Serializer

from reelwright.errors import ReelwrightError
from reelwright.net.redaction import conceal

_PLAIN = (str, int, float)


def _all_errors(root: type[ReelwrightError] = ReelwrightError) -> dict[str, type[ReelwrightError]]:
    found: dict[str, type[ReelwrightError]] = {}
    for child in root.__subclasses__():
        found |= _all_errors(child)
    found[root.code] = root  # last: a plug-in's own kind without a code of its own is its parent
    return found


class LogCodec(Serializer):
    """Versioned JSON for the durable log."""

    def serialize(self, data: Any) -> str:
        """JSON text.

        Raises:
            TypeError: the value is of a kind that must not cross the log.
        """
        return conceal(json.dumps(data, default=_encode, ensure_ascii=False, sort_keys=True))

    def deserialize(self, serialized_data: str) -> Any:
        """What `serialize` was given; tuples come back as lists."""
        return json.loads(serialized_data, object_hook=_decode)

    def name(self) -> str:
        """How the log calls this format."""
        return "reelwright_json_1"


def _encode(value: object) -> object:
    if isinstance(value, ReelwrightError):
        told = {"$": "Error.1", "code": value.code, "message": value.message}
        facts = {name: fact for name, fact in vars(value).items() if name != "message" and isinstance(fact, _PLAIN)}
        return told | {"facts": facts} if facts else told
    if isinstance(value, BaseException):
        return {"$": "Error.1", "code": ReelwrightError.code, "message": f"{type(value).__name__}: {value}"}
    msg = f"{type(value).__name__} must not cross the durable log: pass an id"
    raise TypeError(msg)


def _decode(value: dict[str, Any]) -> object:
    if value.keys() == {"args", "kwargs"}:
        # What DBOS calls a workflow with: it adds to the arguments, so they must be a tuple again.
        return {"args": tuple(value["args"]), "kwargs": value["kwargs"]}
    if value.get("$") != "Error.1":
        return value
    kind = _all_errors().get(cast("str", value["code"]), ReelwrightError)
    error = kind(cast("str", value["message"]))
    vars(error).update(value.get("facts", {}))
    return error
