"""Writers that ask a language model: OpenAI, Anthropic, Google, or any server that speaks OpenAI's language.

`OPENAI_BASE_URL` points at another server, such as one on this machine. Keys come from the vendors' own variables, or from the
database under the same names. Where the model fails, the template stands in and says so; where a key is missing or refused, that
is said instead.
"""

from __future__ import annotations

from reelwright.errors import ConfigurationError
from reelwright.ports import Workshop, Writer
from reelwright.writers.endpoint import Endpoint
from reelwright.writers.fallback import with_fallback
from reelwright.writers.template import TemplateWriter

ANSWER_SECONDS = 120.0
"""How long one answer may take."""


def openai(workshop: Workshop, model: str) -> Writer:
    """OpenAI, or the server that `OPENAI_BASE_URL` names.

    Raises:
        ConfigurationError: `OPENAI_API_KEY` is missing, or no model is named.
    """
    return _made(workshop, "openai", model, ("OPENAI_API_KEY",), "OPENAI_BASE_URL", "gpt-5.4-mini")


def anthropic(workshop: Workshop, model: str) -> Writer:
    """Anthropic.

    Raises:
        ConfigurationError: `ANTHROPIC_API_KEY` is missing, or no model is named.
    """
    return _made(workshop, "anthropic", model, ("ANTHROPIC_API_KEY",), "ANTHROPIC_BASE_URL", "claude-sonnet-5-5")


def google(workshop: Workshop, model: str) -> Writer:
    """Google, with a key of its AI Studio.

    Raises:
        ConfigurationError: `GOOGLE_API_KEY` is missing, or no model is named.
    """
    settings = ("GOOGLE_API_KEY", "GEMINI_API_KEY")
    return _made(workshop, "google", model, settings, "GOOGLE_GEMINI_BASE_URL", "gemini-3.8-flash")


def _made(workshop: Workshop, vendor: str, model: str, key_settings: tuple[str, ...], url_setting: str, example: str) -> Writer:
    if not model:
        msg = f"{vendor}: name a model, such as {vendor}:{example}."
        raise ConfigurationError(msg)
    base_url = workshop.environment.get(url_setting, "").strip()
    key = next((found for name in key_settings if (found := workshop.environment.get(name, "").strip())), "")
    endpoint = Endpoint(vendor, model, key, key_settings[0], base_url)
    if not key and not endpoint.is_local:
        name = key_settings[0]
        ways = f"Set it, or run `reelwright keys set {name}`, or write with template:plain."
        msg = f"{name} is not set; {vendor}:{model} needs it. {ways}"
        raise ConfigurationError(msg)
    # The libraries behind it take more than a second to load: only who writes with a model waits for them.
    from reelwright.writers.conversation import LanguageModelWriter  # noqa: PLC0415

    return with_fallback(LanguageModelWriter(endpoint, answer_seconds=ANSWER_SECONDS), TemplateWriter())
