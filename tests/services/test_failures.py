"""A refusal is named, costs nothing, and comes with what the person can do."""

from __future__ import annotations

import pytest

from reelwright.domain.budget import Balance
from reelwright.domain.event import EventName
from reelwright.domain.generation import Failure, FailureKind
from reelwright.domain.take import TakeState
from reelwright.errors import ProviderError
from reelwright.services.failures import Fault, advised, fault_of, refused, told
from staging import DOLLAR, Stage

REFUSALS = [
    (401, FailureKind.KEY, Fault.ACCOUNT, "reelwright keys set"),
    (402, FailureKind.CREDITS, Fault.ACCOUNT, "top it up"),
    (422, FailureKind.INPUT, Fault.REQUEST, "choose another model"),
    (451, FailureKind.MODERATION, Fault.REQUEST, "in other words"),
    (409, FailureKind.UNKNOWN, Fault.UNKNOWN, ""),
]


@pytest.mark.parametrize(("status", "kind", "fault", "advice"), REFUSALS)
async def test_a_refused_submit_ends_the_take_unpaid_and_says_what_to_do(
    stage: Stage, status: int, kind: FailureKind, fault: Fault, advice: str
) -> None:
    run = await stage.begin()
    stage.vendor.turn(refuse_with=[status])
    take = await run.make(await run.ask())
    assert take.state is TakeState.FAILED
    assert take.failure is not None
    assert (take.failure.kind, fault_of(kind)) == (kind, fault)
    assert advice in take.failure.advice
    assert not take.failure.is_charged
    assert await run.steps.takes.outcome(take.id) == (told(take.failure), False)
    assert stage.vendor.submits == {}
    assert await run.studio.budgets.balance(run.campaign) == Balance(20 * DOLLAR)
    [event] = await run.events(EventName.TAKE_FAILED)
    assert (event.facts["failure"], event.facts["advice"]) == (kind.value, take.failure.advice)


async def test_every_failure_has_somebody_to_blame_and_the_vendors_own_advice_wins(stage: Stage) -> None:
    run = await stage.begin()
    take = await run.take(await run.ask())
    for kind in FailureKind:
        assert fault_of(kind) in Fault
        assert advised(Failure("no", kind=kind, advice="Do this."), take).advice == "Do this."
    assert advised(Failure("no", kind=FailureKind.CREDITS), take).advice.endswith(f"`reelwright resume {run.campaign}`.")
    assert told(Failure("It broke.", advice="Wait.")) == "It broke. Wait."
    assert told(Failure("It broke.")) == "It broke."


def test_a_refusal_that_nobody_knows_is_not_tried_again() -> None:
    failure = refused(ProviderError("vendor.example answered HTTP 418: https://vendor.example/x?token=abc"))
    assert (failure.kind, failure.is_retryable, failure.is_charged) == (FailureKind.UNKNOWN, False, False)
    assert "abc" not in failure.reason
