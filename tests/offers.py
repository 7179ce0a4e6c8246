"""A simulated vendor whose models have limits, and what a person and a writer do about prompts that exceed them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from reelwright.db import campaigns
from reelwright.db.engine import Session
from reelwright.domain.campaign import Document
from reelwright.domain.card import PromptUnit
from reelwright.domain.generation import Kind
from reelwright.domain.storyboard import Storyboard
from reelwright.domain.take import TakeState
from reelwright.ports import Written
from reelwright.writers.template import TemplateWriter
from staging import Run

CARDS = """
[[card]]
model = "simkey:frame"
kind = "frame"
label = "Pictures"
shapes = { "16:9" = "1280x720", "9:16" = "720x1280" }
first_frame = "no"
micro_usd = 100_000
poll_every = "0.05"
is_idempotent = true

[[card]]
model = "simkey:clip"
kind = "clip"
label = "Clips"
shapes = { "1280:720" = "1280x720", "960:960" = "960x960" }
shortest = 2
longest = 4
prompt_limit = LIMIT
prompt_unit = "utf16"
first_frame = "must"
micro_usd_per_second = 50_000
poll_every = "0.05"
is_idempotent = true

[[card]]
model = "simkey:gone"
kind = "clip"
label = "Clips of old"
retired_on = "2026-06-10"
replaced_by = "simkey:clip"
"""
LONG = "A brass lamp glows on the table. The camera pushes in. " * 4
PRICE = 40_000


@pytest.fixture
def offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Makes the simulated vendor's models those of `CARDS`, with that limit for a clip's prompt (0 is none)."""
    folder = tmp_path / "cards-of-vendors"
    folder.mkdir()
    monkeypatch.setenv("SIMULATED_CARDS", str(folder))

    def offer(limit: int) -> None:
        (folder / "simkey.toml").write_text(CARDS.replace("LIMIT", str(limit)), encoding="utf-8")

    return offer


class Paid(TemplateWriter):
    """A writer that is paid for every prompt, and answers when it may."""

    def __init__(self, answer: str = "A lamp glows.") -> None:
        self.answer = answer
        self.asked: list[str] = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    def refine_quote(self, prompt: str) -> int:
        return 2 * PRICE

    async def refine(self, prompt: str, limit: int, unit: PromptUnit) -> Written[str]:
        self.asked.append(prompt)
        await self.may_answer.wait()
        return Written(f"{self.answer} {len(self.asked)}", self.model, charged_micro_usd=PRICE)


async def document(run: Run) -> Document:
    return (await run.studio.campaigns.get(run.campaign)).document


async def edit(run: Run, change: Callable[[Document], Document]) -> None:
    """What a person does who edits the campaign."""

    def save(session: Session) -> None:
        campaign = campaigns.get(session, run.campaign, for_change=True)
        campaigns.save(session, run.campaign, change(campaign.document), campaign.version)

    await run.studio.database.write(save)


def with_motion(*prompts: str) -> Callable[[Document], Document]:
    """A document whose shots show nothing but move like this."""

    def change(old: Document) -> Document:
        assert old.storyboard is not None
        shots = tuple(
            replace(shot, text="", motion_prompt=text) for shot, text in zip(old.storyboard.shots, prompts, strict=True)
        )
        return replace(old, storyboard=Storyboard(shots))

    return change


async def framed(run: Run) -> None:
    """Every shot has its frame."""
    for shot in range(1, len(run.shots) + 1):
        assert (await run.make(await run.ask(Kind.FRAME, shot))).state is TakeState.KEPT
