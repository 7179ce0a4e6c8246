"""A vendor that answers with the picture: a studio that died after the answer finds the picture, and does not pay again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reelwright.db import takes
from reelwright.domain.budget import Balance
from reelwright.domain.generation import ModelRef
from reelwright.domain.ids import TakeId
from reelwright.domain.production import Models
from reelwright.domain.take import TakeState
from reelwright.ports import Provider
from reelwright.testing.simulators.serving import Service, serving
from staging import DOLLAR, TEXT, Run, Stage

MINI = ModelRef("openai:gpt-image-1-mini")


@dataclass
class Bought:
    """A take that is being submitted to OpenAI by a process that dies."""

    service: Service
    run: Run
    provider: Provider
    take: TakeId

    @property
    def charged(self) -> int:
        return int(self.service["openai"].ledger()["charged_micro_usd"])

    @property
    def submits(self) -> int:
        return len(self.service["openai"].desk.all())


@pytest.fixture
async def bought(stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bought]:
    folder = tmp_path / "simulated"
    folder.mkdir()
    async with serving(["openai"], folder) as service:
        for name, value in service.environment.items():
            monkeypatch.setenv(name, value)
        studio = stage.open()
        campaign = await stage.campaign(studio)
        production = await studio.productions.start(campaign, Models(TEXT, MINI, ModelRef("animatic:camera"), None))
        steps = studio.engine.services
        await steps.concepts.write(production)
        await steps.concepts.select(production)
        run = Run(studio, campaign, production, await steps.storyboards.write(production))
        take, provider = await run.ask(), studio.catalogue.provider(MINI)
        await studio.database.write(
            lambda session: takes.move(
                session,
                take,
                TakeState.PLANNED,
                TakeState.SUBMITTING,
                submitting_at=datetime.now(UTC),
                account=provider.account,
            )
        )
        yield Bought(service, run, provider, take)


async def test_an_answer_that_was_written_down_is_the_takes_own(bought: Bought) -> None:
    row = await bought.run.take(bought.take)
    job = await bought.provider.submit(row.request, intent=row.intent, attachments=bought.run.studio.assets)
    take = await bought.run.make(bought.take)
    assert (take.state, take.job_id) == (TakeState.KEPT, job.id)
    assert bought.submits == 1
    assert await bought.run.studio.budgets.balance(bought.run.campaign) == Balance(20 * DOLLAR, charged=bought.charged)


async def test_an_answer_that_never_came_is_in_doubt_and_nothing_is_asked_again(bought: Bought) -> None:
    assert (await bought.run.make(bought.take)).state is TakeState.IN_DOUBT
    assert bought.submits == 0


async def test_a_take_that_nobody_disturbs_is_paid_by_its_tokens(bought: Bought) -> None:
    await bought.run.studio.database.write(
        lambda session: takes.move(session, bought.take, TakeState.SUBMITTING, TakeState.PLANNED)
    )
    assert (await bought.run.make(bought.take)).state is TakeState.KEPT
    assert bought.submits == 1
    assert await bought.run.studio.budgets.balance(bought.run.campaign) == Balance(20 * DOLLAR, charged=bought.charged)
