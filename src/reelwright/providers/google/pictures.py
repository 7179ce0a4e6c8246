"""Pictures of Gemini: the answer is the picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reelwright.domain.card import ModelCard
from reelwright.domain.generation import Kind, Request
from reelwright.errors import InDoubt, Moderated, ProviderError
from reelwright.providers.google.client import Client
from reelwright.providers.kit import Picture
from reelwright.providers.local import Answered, MadeNothing, priced, sent

if TYPE_CHECKING:
    from google.genai.types import GenerateContentResponse

_RULES = frozenset(
    "SAFETY IMAGE_SAFETY PROHIBITED_CONTENT IMAGE_PROHIBITED_CONTENT BLOCKLIST SPII RECITATION IMAGE_RECITATION "
    "MODEL_ARMOR JAILBREAK".split()
)
"""Reasons for which Gemini stops that are its rules. Source: google-genai 2.34, types.FinishReason and BlockedReason."""


async def drawn(client: Client, card: ModelCard, request: Request, pictures: list[Picture]) -> Answered:
    """Asks for a picture, and returns it.

    Raises:
        Moderated: the rules forbid it.
        MadeNothing: there is none, for another reason.
        InDoubt: the answer does not say why there is none.
    """
    from google.genai.types import GenerateContentConfig, ImageConfig, Part

    words = request.prompt
    if request.logo is not None:
        words += f" The brand's logo is in picture {len(pictures)}: put it where the words ask for it."
    parts = [Part.from_text(text=words)]
    parts += [Part.from_bytes(data=picture.content, mime_type=picture.media_type) for picture in pictures]
    image = ImageConfig.model_validate({"aspect_ratio": request.shape or None, **sent(card)})
    answer = await client.ask.models.generate_content(
        model=request.model.partition(":")[2],
        contents=list(parts),
        config=GenerateContentConfig(response_modalities=["IMAGE"], image_config=image),
    )
    charged = _used(answer, card)
    for candidate in answer.candidates or []:
        for part in (candidate.content.parts if candidate.content else None) or []:
            if part.inline_data is not None and part.inline_data.data and not part.thought:
                content = part.inline_data.data
                return Answered.of(Kind.FRAME, content, vendor_id=answer.response_id or "", charged_micro_usd=charged)
    raise _none(answer, charged or 0)


def _none(answer: GenerateContentResponse, charged: int) -> ProviderError:
    """Why there is no picture in the answer."""
    feedback = answer.prompt_feedback
    found = [feedback.block_reason] if feedback and feedback.block_reason else []
    reasons = {reason.value for reason in (*found, *(each.finish_reason for each in answer.candidates or [])) if reason}
    if not answer.candidates and not found:
        msg = "The answer has neither a picture nor a reason."
        return InDoubt(msg)
    told = ", ".join(sorted(reasons)) or "no reason"
    if reasons & _RULES:
        return Moderated(f"Google's rules forbid it ({told}).")
    return MadeNothing(f"Google made no picture ({told}).", charged_micro_usd=charged)


def _used(answer: GenerateContentResponse, card: ModelCard) -> int | None:
    usage = answer.usage_metadata
    if usage is None:
        return None
    made = usage.candidates_token_count or 0
    by_kind = usage.candidates_tokens_details
    pictures = made if not by_kind else sum(each.token_count or 0 for each in by_kind if each.modality == "IMAGE")
    tokens = {
        "usd_in": usage.prompt_token_count or 0,
        "usd_image_out": pictures,
        "usd_text_out": made - pictures + (usage.thoughts_token_count or 0),
    }
    return priced(tokens, card)
