"""Choosing who makes what: the brief and the flags win over the settings, and what is built in is the default."""

from __future__ import annotations

from dataclasses import dataclass

from reelwright.domain.brief import Brief
from reelwright.domain.card import ModelCard
from reelwright.domain.generation import Kind, ModelRef, provider_of
from reelwright.domain.planning import told_crop
from reelwright.domain.production import Models
from reelwright.errors import ConfigurationError, InvalidInput
from reelwright.services.brief_fields import SILENT
from reelwright.services.briefs import Providers
from reelwright.services.catalogue import Catalogue


@dataclass(frozen=True)
class Choice:
    """The models of a production, and what the person should know about them."""

    models: Models
    notices: tuple[str, ...] = ()


def choose(brief: Brief, asked: Providers, defaults: Providers, catalogue: Catalogue) -> Choice:
    """Settles every kind on a model that exists.

    A default voice that is not installed makes a silent film and a notice; a voice that was asked for by name must exist.

    Raises:
        InvalidInput: a model that the brief or a flag names is unknown, or makes something else.
        ConfigurationError: so is one of the settings, or a key is missing.
    """
    text = _writer(asked.text, defaults.text, catalogue)
    frame = _maker("image", Kind.FRAME, asked.image, defaults.image, catalogue)
    clip = _maker("video", Kind.CLIP, asked.video, defaults.video, catalogue)
    voice, silence = _voice(brief, asked, defaults, catalogue)
    for card in filter(None, (frame, clip, voice)):
        if not catalogue.has_key(card):
            msg = f"{card.model} is paid, and there is no key for it: `reelwright keys` names it, `reelwright keys set` keeps it."
            raise ConfigurationError(msg)
    wanted = [asked.image or defaults.image, asked.video or defaults.video, *([asked.voice or defaults.voice] if voice else [])]
    notices = [catalogue.told_retirement(ModelRef(model)) for model in wanted]
    notices += [told_crop(card, brief.ratio.size) for card in (frame, clip)]
    models = Models(text, frame.model, clip.model, voice.model if voice else None)
    return Choice(models, tuple(filter(None, (*notices, silence))))


def _writer(asked: str, default: str, catalogue: Catalogue) -> ModelRef:
    model = ModelRef(asked or default)
    try:
        catalogue.writer(model)
    except ConfigurationError as error:
        if provider_of(model) in catalogue.writers:
            raise  # it is known and has no key
        raise _refusal("text", asked, error) from None
    return model


def _maker(field: str, kind: Kind, asked: str, default: str, catalogue: Catalogue) -> ModelCard:
    try:
        return catalogue.card(ModelRef(asked or default), kind)
    except ConfigurationError as error:
        raise _refusal(field, asked, error) from None


def _refusal(field: str, asked: str, error: ConfigurationError) -> InvalidInput | ConfigurationError:
    """The error with the name of the field that is wrong, or of the setting."""
    return (
        InvalidInput(f"{field}: {error.message}") if asked else ConfigurationError(f"REELWRIGHT_{field.upper()}: {error.message}")
    )


def _voice(brief: Brief, asked: Providers, defaults: Providers, catalogue: Catalogue) -> tuple[ModelCard | None, str]:
    """Who speaks, and why nobody does."""
    wanted = asked.voice or defaults.voice
    if not brief.is_voiced or wanted == SILENT:
        return None, ""
    if asked.voice:
        return _maker("voice", Kind.VOICE, asked.voice, "", catalogue), ""
    try:
        return catalogue.card(ModelRef(wanted), Kind.VOICE), ""
    except ConfigurationError:
        return None, f"The film has no voice: {wanted} is not installed (pip install 'reelwright[voice]')."
