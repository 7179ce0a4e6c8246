"""Who makes what: the brief wins over the settings, and whoever is not there is named with the field."""

from __future__ import annotations

from pathlib import Path

import pytest

from reelwright.bootstrap import Studio
from reelwright.errors import ConfigurationError, InvalidInput, ReelwrightError
from reelwright.services.briefs import Providers, read_brief
from reelwright.services.choice import Choice, choose
from staging import Stage

DEFAULTS = Providers("template:plain", "animatic:cards", "animatic:camera", "espeak:scratch")


def chosen(studio: Studio, asked: Providers = Providers(), defaults: Providers = DEFAULTS, **fields: object) -> Choice:  # noqa: B008
    return choose(read_brief("A lamp", fields).brief, asked, defaults, studio.catalogue)


async def test_what_is_asked_for_wins_over_what_is_set(stage: Stage) -> None:
    studio = stage.open()
    models = chosen(studio, Providers(image="simkey:frame")).models
    assert (models.text, models.frame, models.clip) == ("template:plain", "simkey:frame", "animatic:camera")


async def test_a_film_may_be_silent(stage: Stage) -> None:
    studio = stage.open()
    assert chosen(studio, Providers(voice="none")).models.voice is None
    assert chosen(studio, voice_over=False).models.voice is None


async def test_a_default_voice_that_is_not_installed_makes_a_silent_film_and_a_notice(stage: Stage) -> None:
    defaults = Providers("template:plain", "animatic:cards", "animatic:camera", "gone:voice")
    choice = chosen(stage.open(), defaults=defaults)
    assert choice.models.voice is None
    [notice] = choice.notices
    assert "gone:voice is not installed" in notice


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (Providers(image="simkey:clip"), "image: 'simkey:clip' makes no frame; on offer: "),
        (Providers(video="nobody:clip"), "video: 'nobody:clip' makes no clip; on offer: "),
        (Providers(voice="nobody:voice"), "voice: 'nobody:voice' makes no voice; on offer: "),
        (Providers(text="nobody:text"), "text: 'nobody:text' writes no text"),
    ],
)
async def test_a_model_that_the_brief_names_and_nobody_offers_is_the_briefs_fault(
    stage: Stage, asked: Providers, told: str
) -> None:
    with pytest.raises(InvalidInput, match=told):
        chosen(stage.open(), asked)


async def test_a_model_that_a_setting_names_is_the_settings_fault(stage: Stage) -> None:
    defaults = Providers("template:plain", "nobody:x", "animatic:camera", "none")
    with pytest.raises(ConfigurationError, match=r"^REELWRIGHT_IMAGE: 'nobody:x' makes no frame"):
        chosen(stage.open(), defaults=defaults)


async def test_a_writer_without_its_key_is_no_fault_of_the_brief(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ReelwrightError) as refused:
        chosen(stage.open(), Providers(text="openai:gpt-5.4-mini"))
    assert isinstance(refused.value, ConfigurationError)
    assert "OPENAI_API_KEY" in refused.value.message


async def test_a_model_that_is_gone_is_replaced_and_its_shape_is_told_before_anything_is_paid(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNWAYML_API_SECRET", "key_" + "0" * 128)
    choice = chosen(stage.open(), Providers(video="runway:gen3a_turbo", voice="none"), ratio="1280:768")
    assert choice.models.clip == "runway:gen4_turbo"
    assert choice.notices == (
        "runway:gen3a_turbo is no longer offered since 2026-06-10: runway:gen4_turbo is used.",
        "runway:gen4_turbo does not make 5:3: its clips are 1280:720, and the film shows their middle, "
        "without 6% of the picture at left and right.",
    )


async def test_a_paid_model_without_its_key_is_refused_before_anything_is_made(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RUNWAYML_API_SECRET", raising=False)
    with pytest.raises(ConfigurationError, match=r"^runway:gen4_turbo is paid, and there is no key for it"):
        chosen(stage.open(), Providers(video="runway:gen4_turbo"))


async def test_a_persons_own_card_is_on_offer(stage: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RUNWAYML_API_SECRET", "key_" + "0" * 128)
    folder = tmp_path / "home" / "cards"
    folder.mkdir(parents=True)
    (folder / "runway.toml").write_text(
        '[[card]]\nmodel = "runway:new"\nkind = "clip"\nlabel = "New"\nmicro_usd_per_second = 1\n'
    )
    assert chosen(stage.open(), Providers(video="runway:new")).models.clip == "runway:new"
