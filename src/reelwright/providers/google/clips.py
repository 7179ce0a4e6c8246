"""Clips of Gemini Omni: interactions in the background."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, cast

from reelwright.domain.card import ModelCard
from reelwright.domain.generation import Failure, FailureKind, Job, JobState, Output, Request
from reelwright.domain.ids import JobId
from reelwright.errors import InputRefused, JobUnknown
from reelwright.net import redact
from reelwright.providers.google.client import Client
from reelwright.providers.google.refusals import is_of_rules
from reelwright.providers.kit import Picture
from reelwright.providers.local import priced, sent

if TYPE_CHECKING:
    from google.genai.interactions import Interaction

_FILE = re.compile(r"files/[A-Za-z0-9_-]+")
_ONE_SHOT = " One continuous, unbroken shot, without scene cuts."
"""Omni cuts its clips into scenes unless it is told not to. Source: ai.google.dev/gemini-api/docs/omni, 2026-09-18."""


async def filmed(client: Client, card: ModelCard, request: Request, pictures: list[Picture]) -> Job:
    """Asks for a clip, and returns the receipt.

    Raises:
        InputRefused: Omni does not make what is asked for; nothing was sent.
    """
    if request.seconds.denominator != 1:
        msg = f"Omni makes clips of whole seconds, not of {float(request.seconds):g}."
        raise InputRefused(msg)
    if request.last_picture is not None and request.picture is None:
        msg = "Omni takes a last frame only together with a first one."
        raise InputRefused(msg)
    roles = "".join(f"<{role}> " for role, _ in zip(("FIRST_FRAME", "LAST_FRAME"), pictures, strict=False))
    content: list[Any] = [{"type": "image", "data": each.base64, "mime_type": each.media_type} for each in pictures]
    content.append({"type": "text", "text": f"{roles}{request.prompt}{_ONE_SHOT}"})
    form = {"type": "video", "aspect_ratio": request.shape, "duration": f"{request.seconds}s", "delivery": "uri", **sent(card)}
    asking: dict[str, Any] = {
        "model": request.model.partition(":")[2],
        "input": content,
        "response_format": form,
        "generation_config": {"video_config": {"task": "image_to_video" if pictures else "text_to_video"}},
        "background": True,
        "store": True,
    }
    interaction = cast("Interaction", await client.ask.interactions.create(**asking))
    if not interaction.id:
        msg = "the answer has no id"
        raise ValueError(msg)
    return Job(JobId(interaction.id), JobState.RUNNING)


async def lying_at(client: Client, uri: str) -> tuple[Output, ...]:
    """The clip, with where it can be fetched; nothing while the file service is not ready.

    Raises:
        JobUnknown: the file service has lost it.
    """
    name = _FILE.search(uri)
    if name is None:
        return (Output(uri),)
    file = await client.ask.files.get(name=name[0])
    if file.state == "FAILED":
        msg = f"Google's file service has lost {name[0]}."
        raise JobUnknown(msg)
    # Of the address only the name is believed: the key goes with it.
    return (Output(f"{client.base}/v1beta/{name[0]}:download?alt=media"),) if file.state == "ACTIVE" else ()


def taken(interaction: Interaction, card: ModelCard) -> int | None:
    """What its tokens cost in micro-dollars, where it tells them."""
    usage = interaction.usage
    if usage is None:
        return None
    made = {str(each.modality).lower(): each.tokens or 0 for each in usage.output_tokens_by_modality or []}
    films = made.get("video", usage.total_output_tokens or 0 if not made else 0)
    tokens = {
        "usd_in": usage.total_input_tokens or 0,
        "usd_video_out": films,
        "usd_text_out": (usage.total_output_tokens or 0) - films + (usage.total_thought_tokens or 0),
    }
    return priced(tokens, card)


def unfinished(job: JobId, interaction: Interaction, charged: int | None) -> Job:
    """An interaction that is not completed. A state that nobody knows is a running one."""
    told = "; ".join(redact(error.message) for error in interaction.errors or [] if error.message)
    match interaction.status:
        case "failed" | "incomplete":
            failure = failed(told or "Google failed, and gives no reason.", is_charged=bool(charged))
        case "cancelled":
            words, advice = "The interaction was cancelled at Google.", "Retake it if you still want it."
            failure = Failure(words, is_retryable=True, is_charged=bool(charged), kind=FailureKind.CANCELLED, advice=advice)
        case "budget_exceeded":
            failure = Failure(told or "The budget at Google is used up.", is_charged=bool(charged), kind=FailureKind.CREDITS)
        case _:
            return Job(job, JobState.RUNNING)
    return Job(job, JobState.FAILED, failure=failure, charged_micro_usd=charged or 0)


def failed(told: str, *, is_charged: bool) -> Failure:
    """A failure in Google's own words."""
    if is_of_rules(told):
        return Failure(told, is_charged=is_charged, kind=FailureKind.MODERATION)
    return Failure(told, is_retryable=True, is_charged=is_charged, kind=FailureKind.INTERNAL)
