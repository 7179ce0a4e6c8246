"""What crosses the durable log comes back as it was, and what must not cross it does not."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import pytest

from reelwright import errors
from reelwright.errors import ReelwrightError, Throttled
from reelwright.workflows.codec import LogCodec


def kinds_of(error: type[ReelwrightError]) -> Iterator[type[ReelwrightError]]:
    yield error
    for child in error.__subclasses__():
        yield from kinds_of(child)


OURS = sorted({kind for kind in kinds_of(ReelwrightError) if kind.__module__ == errors.__name__}, key=lambda kind: kind.code)


@pytest.mark.parametrize(
    "value", [None, True, 7, "ü", ["production_1", "shot-01"], {"shots": ["a", "b"], "reason": ""}, [["", False], 1.5]]
)
def test_plain_values_come_back_as_they_were(value: object) -> None:
    codec = LogCodec()
    assert codec.deserialize(codec.serialize(value)) == value


def test_a_call_gets_its_arguments_back_as_a_tuple() -> None:
    codec = LogCodec()
    call = {"args": ("production_1", 2), "kwargs": {"kind": "clip"}}
    assert codec.deserialize(codec.serialize(call)) == call


@pytest.mark.parametrize("kind", OURS, ids=lambda kind: kind.__name__)
def test_every_error_of_ours_comes_back_as_itself(kind: type[ReelwrightError]) -> None:
    codec = LogCodec()
    back = codec.deserialize(codec.serialize(kind("A sentence: “ü” {} \\.")))
    assert type(back) is kind
    assert (back.message, back.code, back.retryable) == ("A sentence: “ü” {} \\.", kind.code, kind.retryable)


def test_how_long_a_vendor_asks_to_wait_is_not_forgotten() -> None:
    codec = LogCodec()
    throttled = Throttled("Slow down.", 12.5)
    for back in (codec.deserialize(codec.serialize(throttled)), pickle.loads(pickle.dumps(throttled)), copy.copy(throttled)):  # noqa: S301
        assert type(back) is Throttled
        assert (back.message, back.retry_after) == ("Slow down.", 12.5)


def test_what_an_error_knows_that_is_not_plain_stays_out_of_the_log() -> None:
    error = ReelwrightError("No.")
    vars(error)["cause"] = Something()  # as a plug-in's error may
    back = LogCodec().deserialize(LogCodec().serialize(error))
    assert vars(back) == {"message": "No."}


def test_no_two_errors_share_a_code() -> None:
    assert len({kind.code for kind in OURS}) == len(OURS)


def test_somebody_elses_error_comes_back_as_words() -> None:
    codec = LogCodec()
    back = codec.deserialize(codec.serialize(ZeroDivisionError("by zero")))
    assert type(back) is ReelwrightError
    assert back.message == "ZeroDivisionError: by zero"


def test_an_error_of_a_newer_version_comes_back_as_words() -> None:
    back = LogCodec().deserialize(json.dumps({"$": "Error.1", "code": "not_known_here", "message": "New."}))
    assert type(back) is ReelwrightError
    assert back.message == "New."


@dataclass
class Something:
    value: int = 1


@pytest.mark.parametrize("value", [Something(), Fraction(1, 3), Path("x"), b"bytes", {1, 2}, complex(1, 2)], ids=repr)
def test_objects_are_refused(value: object) -> None:
    with pytest.raises(TypeError, match="must not cross the durable log"):
        LogCodec().serialize({"args": [value], "kwargs": {}})
