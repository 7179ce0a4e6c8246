"""`models`: what there is, what it takes and costs, and a card to fill in for a model that has none."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from cli.conftest import LAMP, SMALL, CommandLine, one_sentence


def test_every_model_is_listed_with_its_price_and_whether_its_key_is_there(cli: CommandLine) -> None:
    ended = cli.run("models", RUNWAYML_API_SECRET="key_" + "0" * 128, LUMAAI_API_KEY="")
    assert ended.code == 0
    told = ended.out.splitlines()
    lines = {line.split()[0].rstrip(":"): line for line in told if ":" in line.split(" ")[0]}
    assert lines["runway:gen4_turbo"] == "runway:gen4_turbo  $0.05 a second · 2 to 10 s · prompt to 1,000"
    assert told[told.index(lines["runway:gen4_turbo"]) + 1].strip().startswith("Gen-4 Turbo")
    assert lines["luma:ray-2"].endswith("no key")
    assert lines["runway:gen3a_turbo"] == "runway:gen3a_turbo: retired on 2026-06-10, now runway:gen4_turbo"
    assert "free" in lines["animatic:cards"]
    assert "did not load" not in ended.out


def test_programs_get_every_fact(cli: CommandLine) -> None:
    document = cli.run("models", "--kind", "clip", "--json").document
    assert document["broken"] == {}
    models = {item["model"]: item for item in document["items"]}
    assert {item["kind"] for item in models.values()} == {"clip"}
    turbo = models["runway:gen4_turbo"]
    assert turbo["price"] == {"output_usd": "0", "second_usd": "0.05", "thousand_usd": "0", "by_seconds_usd": {}}
    assert {"value": "1280:720", "size": "1280x720"} in turbo["shapes"]
    assert (turbo["seconds"][0], turbo["seconds"][-1]) == ("2", "10")
    assert (turbo["prompt_limit"], turbo["prompt_unit"], turbo["first_frame"]) == (1000, "utf16", "must")
    assert (turbo["is_offered"], turbo["retired_on"], turbo["replaced_by"]) == (True, None, None)
    old = models["runway:gen3a_turbo"]
    assert (old["is_offered"], old["retired_on"], old["replaced_by"]) == (False, "2026-06-10", "runway:gen4_turbo")
    assert models["animatic:camera"]["has_key"]
    ended = cli.run("models", "--kind", "film")
    assert (ended.code, one_sentence(ended.err)) == (2, "--kind: 'film' is none of frame, clip, voice.")


def test_one_model_is_shown_in_full_and_its_card_can_be_kept_and_changed(cli: CommandLine) -> None:
    shown = cli.run("models", "show", "runway:gen4_turbo").out
    for fact in ("price: $0.05 a second", "seconds: 2 to 10", "prompt: 1,000 UTF-16 units", "first frame: must", "1280:720"):
        assert fact in shown
    card = cli.run("models", "show", "runway:gen4_turbo", "--toml").out
    own = cli.home / "cards" / "runway.toml"
    own.parent.mkdir()
    own.write_text(card.replace("micro_usd_per_second = 50_000", "micro_usd_per_second = 40_000"))
    assert "price: $0.04 a second" in cli.run("models", "show", "runway:gen4_turbo").out
    own.write_text(card.replace("[[card]]", "[[cards]]"))
    ended = cli.run("models")
    assert "runway did not load: ConfigurationError: The model cards of runway" in ended.out
    refused = cli.run("make", LAMP, *SMALL, "--video", "runway:gen4_turbo", "--cap", "1", "--yes")
    assert refused.code == 2
    assert "runway did not load" in one_sentence(refused.err)


def test_a_model_that_is_not_there_is_answered_with_the_nearest(cli: CommandLine) -> None:
    ended = cli.run("models", "show", "runway:gen4-turbo")
    assert ended.code == 5
    assert "did you mean runway:gen4_turbo" in one_sentence(ended.err)
    ended = cli.run("make", LAMP, *SMALL, "--video", "runway:gen4-turbo")
    assert ended.code == 2
    assert "on offer: runway:gen4_turbo" in one_sentence(ended.err)


@pytest.fixture
def replicate(cli: CommandLine) -> Iterator[dict[str, str]]:
    """Replicate, simulated by a process of its own; the variables that lead to it."""
    process = cli.start("simulate", "replicate", "--json")
    assert process.stdout is not None
    yield json.loads(process.stdout.readline())["environment"]
    process.terminate()
    process.communicate(timeout=20)


def test_a_model_without_a_card_cannot_be_paid_until_a_person_has_found_out_its_price(
    cli: CommandLine, replicate: dict[str, str]
) -> None:
    model = "replicate:kwaivgi/kling-v2.1"
    make = ("make", LAMP, *SMALL, "--video", model, "--cap", "1")
    refused = one_sentence(cli.run(*make, **replicate).err)
    assert refused.startswith(f"video: {model!r} has no model card, so nobody knows its price: `reelwright models show {model}`")
    form = cli.run("models", "show", model, **replicate)
    assert form.code == 0
    assert "lengths = [5, 10]" in form.out
    assert cli.run("models", "show", model, "--json", **replicate).document["has_card"] is False
    own = cli.home / "cards" / "replicate.toml"
    own.parent.mkdir()
    own.write_text(form.out)
    assert "has a card without a price" in one_sentence(cli.run(*make, **replicate).err)
    own.write_text(f"{form.out}micro_usd_per_second = 50_000\n")
    # Two shots of a second each, made in five.
    assert "costs about $0.50" in one_sentence(cli.run(*make, **replicate).err)
    unknown = cli.run("models", "show", "replicate:owner/nothing", **replicate)
    assert unknown.code == 2
    assert "no model owner/nothing" in one_sentence(unknown.err)


def test_help_of_models_starts_nothing(cli: CommandLine) -> None:
    for arguments in (("models",), ("models", "show")):
        ended = cli.run(*arguments, "--help")
        assert ended.code == 0
        assert f"Usage: reelwright {' '.join(arguments)}" in ended.out
    assert not cli.home.exists()
