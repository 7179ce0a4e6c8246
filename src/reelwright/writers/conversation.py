"""The talk with a language model through pydantic-ai: structured answers, asked again while they cannot be used."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import TypeVar

import structlog
from genai_prices import Usage, calc_price
from pydantic import BaseModel
from pydantic_ai import Agent, ModelRetry, NativeOutput, ToolOutput
from pydantic_ai.exceptions import (
    AgentRunError,
    ModelAPIError,
    ModelAuthenticationError,
    ModelConnectionError,
    ModelHTTPError,
    ModelNotFoundError,
    ModelOverloadedError,
    ModelQuotaExceededError,
    ModelRateLimitError,
    ModelRequestTimeout,
    ModelTimeoutError,
    UnexpectedModelBehavior,
)
from pydantic_ai.models import Model
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.google import GoogleModel
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.google import GoogleProvider
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.settings import ModelSettings
from pydantic_ai.usage import RunUsage, UsageLimits

from reelwright.domain.brief import Brief
from reelwright.domain.card import PromptUnit
from reelwright.domain.concept import Concept
from reelwright.domain.generation import ModelRef
from reelwright.domain.storyboard import Storyboard
from reelwright.errors import ConfigurationError, NotSubmitted, ProviderError, Throttled
from reelwright.ports import Written
from reelwright.writers.drafts import (
    BoardDraft,
    ConceptDrafts,
    board_of,
    concepts_of,
    fault_in_board,
    fault_in_concepts,
)
from reelwright.writers.endpoint import Endpoint
from reelwright.writers.fallback import PaidInVain
from reelwright.writers.prompting import concepts_prompt, instructions, refine_prompt, storyboard_prompt
from reelwright.writers.refining import INSTRUCTIONS, RefinedDraft, fault_in_refined

log = structlog.get_logger(__name__)

REASKED = 3
"""How often an answer that cannot be used is asked for again."""
_QUESTION_TOKENS = 8_000
"""A long brief, the rules, the schema and what was wrong with the answer before."""
_REFINE_TOKENS = 1_500
"""The same for a prompt in fewer words, beside the prompt itself, which has no more tokens than bytes."""
_DEAREST = (Decimal(15), Decimal(75))
"""Dollars for a million tokens in and out where no price is known: as dear as any model that a film would ask.
Source: genai-prices 0.2.3, 2026-11."""

D = TypeVar("D", bound=BaseModel)


@dataclass(frozen=True)
class _Room:
    """How many tokens answers may have, thinking included."""

    answer: int
    all_answers: int
    """After so many nothing more is asked: what a call can cost stays within the quote."""


_FILM = _Room(16_000, 24_000)
"""Sixty shots take about 9,000."""
_PROMPT = _Room(3_000, 3_000)
"""A prompt takes a few hundred."""


class LanguageModelWriter:
    """Writes through a language model. Each call opens and closes its own connections, so any event loop may use it."""

    def __init__(self, endpoint: Endpoint, *, answer_seconds: float) -> None:
        """Asks nobody yet.

        Args:
            endpoint: whom to ask.
            answer_seconds: how long one answer may take.
        """
        self._endpoint = endpoint
        self._seconds = answer_seconds

    @property
    def model(self) -> ModelRef:
        """The model that writes."""
        return self._endpoint.ref

    @property
    def quote_micro_usd(self) -> int:
        """The most that one call can cost: every question asked again, every answer as long as it may be.

        A usual call costs a tenth of it or less. Nothing on a server of one's own; where the price of a model is not known,
        that of the dearest.
        """
        return self._most(_QUESTION_TOKENS, _FILM)

    def refine_quote(self, prompt: str) -> int:
        """The most that one call for this prompt can cost: as for the other texts."""
        return self._most(_REFINE_TOKENS + PromptUnit.BYTES.measure(prompt), _PROMPT)

    def _most(self, question: int, room: _Room) -> int:
        questions = question * (REASKED + 1) + room.all_answers  # what was said before is sent again
        return self._price(questions, room.all_answers + room.answer)

    async def concepts(self, brief: Brief, count: int) -> Written[tuple[Concept, ...]]:
        """Concepts by the model."""
        drafts, charge = await self._ask(
            ConceptDrafts,
            instructions(brief),
            concepts_prompt(brief, count),
            lambda found: fault_in_concepts(found, brief, count),
        )
        return Written(concepts_of(drafts), self.model, charged_micro_usd=charge)

    async def storyboard(self, brief: Brief, concept: Concept) -> Written[Storyboard]:
        """Shots by the model; their lengths are brought to whole frames here."""
        draft, charge = await self._ask(
            BoardDraft, instructions(brief), storyboard_prompt(brief, concept), lambda found: fault_in_board(found, brief)
        )
        return Written(board_of(draft, brief), self.model, charged_micro_usd=charge)

    async def refine(self, prompt: str, limit: int, unit: PromptUnit) -> Written[str]:
        """The prompt in fewer words, by the model; asked again while it is still too long."""
        draft, charge = await self._ask(
            RefinedDraft,
            INSTRUCTIONS,
            refine_prompt(prompt, limit, unit),
            lambda found: fault_in_refined(found, limit, unit),
            _PROMPT,
        )
        return Written(draft.text, self.model, charged_micro_usd=charge)

    async def _ask(self, form: type[D], rules: str, prompt: str, fault: Callable[[D], str], room: _Room = _FILM) -> tuple[D, int]:
        """The answer, and what it and those before it cost in micro-dollars."""
        usage = RunUsage()
        model = _model(self._endpoint)
        output = ToolOutput(form) if self._endpoint.vendor == "anthropic" else NativeOutput(form)
        agent = Agent(model, output_type=output, instructions=rules, retries=REASKED)

        @agent.output_validator
        def check(answer: D) -> D:
            if told := fault(answer):
                log.info("text.asked_again", model=self.model, reason=told)
                raise ModelRetry(told)
            return answer

        try:
            async with asyncio.timeout(self._seconds * (REASKED + 1)), model:
                done = await agent.run(
                    prompt,
                    usage=usage,
                    usage_limits=UsageLimits(output_tokens_limit=room.all_answers),
                    model_settings=ModelSettings(timeout=self._seconds, max_retries=0, max_tokens=room.answer),
                )
        except (AgentRunError, TimeoutError) as error:
            charge = self._charge(usage)
            if isinstance(error, ModelTimeoutError | ModelRequestTimeout | TimeoutError):
                # The answer that nobody waited for may have been written, and is paid then.
                charge += self._price(_QUESTION_TOKENS, room.answer)
            told = self._told(error, charge)
            # Whatever ended it, answers before that were paid.
            raise (_in_vain(told.message, charge) if charge and isinstance(told, ProviderError) else told) from error
        charge = self._charge(usage)
        log.info("text.written", model=self.model, tokens=usage.input_tokens + usage.output_tokens, micro_usd=charge)
        return done.output, charge

    def _charge(self, usage: RunUsage) -> int:
        return self._price(usage.input_tokens, usage.output_tokens)

    def _price(self, tokens_in: int, tokens_out: int) -> int:
        """In micro-dollars, rounded up once; discounts for cached tokens are not counted on."""
        if self._endpoint.is_local:
            return 0
        try:
            usage = Usage(input_tokens=tokens_in, output_tokens=tokens_out)
            dollars = calc_price(usage, self._endpoint.model, provider_id=self._endpoint.vendor).total_price
        except LookupError:
            dollars = (tokens_in * _DEAREST[0] + tokens_out * _DEAREST[1]) / 1_000_000
        return int((dollars * 1_000_000).to_integral_value(rounding=ROUND_CEILING))

    def _told(self, error: Exception, charge: int) -> Exception:
        """One of our own errors for whatever went wrong; never with a key, a prompt or an address in it."""
        match error:
            case ModelAuthenticationError():
                return ConfigurationError(
                    f"{self._endpoint.key_setting} was refused by {self._endpoint.vendor}; set a key that is valid."
                )
            case ModelQuotaExceededError():
                return ProviderError(f"The account at {self._endpoint.vendor} has no credit left.")
            case ModelRateLimitError() | ModelOverloadedError():
                return Throttled(f"{self._endpoint.vendor} asks to wait before {self._endpoint.model} writes again.")
            case ModelConnectionError(phase="connect" | "pool") if not isinstance(error, ModelTimeoutError):
                return NotSubmitted(f"{self._endpoint.vendor} could not be reached.")
            case ModelTimeoutError() | ModelRequestTimeout() | TimeoutError():
                return _in_vain(f"It did not answer within {self._seconds:g} seconds.", charge)
            case ModelNotFoundError():
                return ProviderError(f"{self._endpoint.vendor} has no model {self._endpoint.model!r}.")
            case ModelHTTPError(status_code=status):
                return _in_vain(f"It answered with status {status}.", charge)
            case ModelAPIError():
                return _in_vain("The connection broke while it answered.", charge)
            case UnexpectedModelBehavior():
                return _in_vain(f"Its answers could not be used, also after asking {REASKED} times again.", charge)
            case _:
                return _in_vain("It went beyond what one text may cost.", charge)


def _in_vain(reason: str, charge: int) -> PaidInVain:
    error = PaidInVain(reason)
    error.charged_micro_usd = charge
    return error


def _model(endpoint: Endpoint) -> Model:
    """The vendor's model, with connections that close when it is left."""
    url = endpoint.base_url or None
    match endpoint.vendor:
        case "anthropic":
            return AnthropicModel(endpoint.model, provider=AnthropicProvider(api_key=endpoint.key, base_url=url))
        case "google":
            return GoogleModel(endpoint.model, provider=GoogleProvider(api_key=endpoint.key, base_url=url))
        case _:
            # Local servers want no key, but the library wants one.
            provider = OpenAIProvider(api_key=endpoint.key or "none", base_url=url or "https://api.openai.com/v1")
            return OpenAIChatModel(endpoint.model, provider=provider)
