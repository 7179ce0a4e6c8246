"""The contract of a provider, as tests for pytest: whoever writes an adapter, in whatever package, runs them against it.

```python
from contextlib import asynccontextmanager

from reelwright.domain.generation import Kind
from reelwright.testing.contract import KeyedContract, PaidContract
from reelwright.testing.counterpart import Counterpart


class TestAcme(PaidContract, KeyedContract):
    entry_point = "acme"
    kinds = (Kind.CLIP,)
    key_names = ("ACME_API_KEY",)

    @asynccontextmanager
    async def serving(self, folder):
        async with acme_on_loopback(folder) as acme:
            yield Counterpart(acme.environment, submits=acme.count, charged=acme.charged, meet=acme.meet)
```

`ProviderContract` is for every provider. The others are for what it has to do with: money (`PaidContract`), a key
(`KeyedContract`), and each protocol that it may have beside (in `abilities`). One that was forgotten is named by a test that
fails. Needs the packages pytest and pytest-asyncio, which the studio itself does without.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

import pytest
import pytest_asyncio

from reelwright.domain.generation import FailureKind, Job, JobState, Kind, Request, provider_of
from reelwright.domain.ids import JobId
from reelwright.errors import (
    InDoubt,
    JobUnknown,
    KeyRefused,
    NotSubmitted,
    ProviderError,
    Throttled,
)
from reelwright.ports import Discovering, Findable, Hinting, Listed, Provider, Recalling
from reelwright.testing.counterpart import Counterpart, Meeting, assert_sound, installed, new_intent, request_for
from reelwright.testing.simulators.behaviour import TROUBLES, Phase, Trouble

STRANGER = JobId("a-job-that-nobody-ever-made")
LEAK = 6
"""So many characters of a key in a row give something of it away."""
_FOR_EVER = "9999"
SETTLE = timedelta(seconds=2)
"""What the studio allows for clocks that differ when it asks for a job that it lost."""


@pytest.mark.asyncio
class ProviderContract(ABC):
    """What every provider holds."""

    entry_point: ClassVar[str]
    """Its name in the group `reelwright.providers`."""
    kinds: ClassVar[Sequence[Kind]]
    """What it makes."""

    @abstractmethod
    def serving(self, folder: Path) -> AbstractAsyncContextManager[Counterpart]:
        """The vendor, or what stands in for it, for one test; `folder` is empty and its own."""

    def request(self, provider: Provider, kind: Kind) -> Request:
        """What a test asks for: the first of the models that live longest, unless a subclass knows something better."""
        makers = [card for card in provider.cards() if card.kind is kind]
        assert makers, f"no model of {provider.name} makes a {kind.value}"
        return request_for(max(makers, key=lambda card: card.retired_on or _FOR_EVER))

    @pytest_asyncio.fixture
    async def met(self, tmp_path: Path) -> AsyncIterator[Meeting]:
        """The provider, and its vendor."""
        outputs = tmp_path / "vendor"
        outputs.mkdir()
        async with self.serving(outputs) as vendor, Meeting.opened(installed(self.entry_point), vendor, tmp_path) as meeting:
            yield meeting

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """A test that asks for a `kind` runs for each."""
        if "kind" in metafunc.fixturenames:
            metafunc.parametrize("kind", self.kinds, ids=[kind.value for kind in self.kinds])

    async def test_it_is_held_to_all_that_it_can(self, met: Meeting) -> None:
        """Forgetting a part of the contract is noticed."""
        can = {
            "PaidContract": any(card.is_paid for card in met.provider.cards()),
            "KeyedContract": met.provider.account != "",
            "FindableContract": isinstance(met.provider, Findable),
            "RecallingContract": isinstance(met.provider, Recalling),
            "ListedContract": isinstance(met.provider, Listed),
            "HintingContract": isinstance(met.provider, Hinting),
            "DiscoveringContract": isinstance(met.provider, Discovering),
        }
        held = {part.__name__ for part in type(self).__mro__}
        assert {part for part, applies in can.items() if applies} <= held
        assert {card.kind for card in met.provider.cards()} == set(self.kinds)

    async def test_its_cards_are_sound(self, met: Meeting) -> None:
        """Names, limits and prices make sense, and stay the same."""
        cards = {card.model: card for card in met.provider.cards()}
        assert len(cards) == len(met.provider.cards())
        assert list(cards.values()) == list(met.provider.cards())
        for card in cards.values():
            assert_sound(card, met.provider.name)
            if card.replaced_by is not None and provider_of(card.replaced_by) == met.provider.name:
                assert cards[card.replaced_by].kind is card.kind

    async def test_every_model_on_offer_takes_what_its_card_allows(self, met: Meeting) -> None:
        """A card that promises what the vendor refuses costs a person an evening."""
        for card in met.provider.cards():
            if card.is_offered(datetime.now(UTC).date()):
                before = met.vendor.submits()
                await met.submit(request_for(card))
                assert met.vendor.submits() == before + 1, card.model

    async def test_a_submit_is_one_job_with_an_id(self, met: Meeting, kind: Kind) -> None:
        """And a second wish is a second one."""
        request = self.request(met.provider, kind)
        first = await met.submit(request)
        assert first.id
        assert met.vendor.submits() == 1
        second = await met.submit(replace(request, prompt=f"{request.prompt} Again."))
        assert second.id != first.id
        assert met.vendor.submits() == 2  # noqa: PLR2004 - one and one

    async def test_where_a_model_promises_it_the_same_intent_is_the_same_job(self, met: Meeting, kind: Kind) -> None:
        """`is_idempotent` is what lets the studio send again after a crash."""
        request, intent = self.request(met.provider, kind), new_intent()
        first = await met.submit(request, intent)
        if met.card(request).is_idempotent:
            assert (await met.submit(request, intent)).id == first.id
        assert met.vendor.submits() == 1

    async def test_its_outputs_come_home_and_are_what_was_asked_for(self, met: Meeting, kind: Kind) -> None:
        """They download as the studio downloads, decode to the end, and have the length and the shape."""
        request = self.request(met.provider, kind)
        job = await met.ended(await met.submit(request))
        assert (job.state, job.failure) == (JobState.SUCCEEDED, None)
        await met.assert_kept(request, job)

    async def test_an_ended_job_may_be_asked_for_again_and_again(self, met: Meeting, kind: Kind) -> None:
        """It stays what it was, also for the next process."""
        request = self.request(met.provider, kind)
        job = await met.ended(await met.submit(request))
        for provider in (met.provider, met.provider, met.open()):
            again = await provider.poll(job.id)
            assert (again.id, again.state, len(again.outputs)) == (job.id, JobState.SUCCEEDED, len(job.outputs))
            assert again.charged_micro_usd == job.charged_micro_usd
            await met.assert_kept(request, again, provider)
        assert met.vendor.submits() == 1

    async def test_a_job_that_nobody_made_is_unknown(self, met: Meeting) -> None:
        """Which tells it from one that cannot be reached."""
        with pytest.raises(JobUnknown):
            await met.provider.poll(STRANGER)

    async def test_a_cancel_does_no_harm_at_any_time(self, met: Meeting, kind: Kind) -> None:
        """Twice, and after the end: what was made stays."""
        request = self.request(met.provider, kind)
        cancelled = await met.submit(request)
        await met.provider.cancel(cancelled.id)
        await met.provider.cancel(cancelled.id)
        job = await met.ended(await met.submit(replace(request, prompt=f"{request.prompt} Again.")))
        await met.provider.cancel(job.id)
        await met.provider.cancel(job.id)
        await met.assert_kept(request, await met.provider.poll(job.id))

    async def test_a_picture_that_cannot_be_read_is_not_paid_for(self, met: Meeting, kind: Kind) -> None:
        """Nothing is sent before everything is at hand."""
        request = self.request(met.provider, kind)
        met.pictures.is_broken = True
        if request.picture is not None:
            with pytest.raises(ProviderError) as refused:
                await met.submit(request)
            assert not isinstance(refused.value, InDoubt)
            assert met.vendor.submits() == 0

    async def test_whose_account_it_is_stays_the_same(self, met: Meeting) -> None:
        """What a vendor limits, the studio counts under this name."""
        assert met.provider.account == met.provider.account == met.open().account

    async def test_it_may_be_closed_twice(self, met: Meeting) -> None:
        """And before it was ever used."""
        unused = met.open()
        await unused.aclose()
        await unused.aclose()
        await met.submit(self.request(met.provider, self.kinds[0]))
        await met.provider.aclose()
        await met.provider.aclose()


class PaidContract(ProviderContract):
    """For providers that cost money: what they say about a submit is true, whatever the vendor and the network do."""

    troubles: ClassVar[Mapping[Phase, Sequence[Trouble]]] = TROUBLES
    """What the counterpart can be made to do. Of each phase at least one, and `CUT_AFTER` among those of a submit."""

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """A test that asks for a phase's `trouble` runs for each that the counterpart can make."""
        super().pytest_generate_tests(metafunc)
        for name, phase in (("submits_as", Phase.SUBMIT), ("ends_as", Phase.FATE), ("polls_as", Phase.POLL)):
            if name in metafunc.fixturenames:
                metafunc.parametrize(name, self.troubles[phase], ids=[trouble.value for trouble in self.troubles[phase]])

    async def test_an_answer_can_be_lost_here(self) -> None:
        """A suite that never loses an answer proves nothing about paying once."""
        assert Trouble.CUT_AFTER in self.troubles[Phase.SUBMIT]

    async def test_what_it_says_about_a_submit_is_true(self, met: Meeting, kind: Kind, submits_as: Trouble) -> None:
        """Sent once. Refused means that the vendor has no job; what may be either is in doubt, and found where it can be."""
        request, intent, since = self.request(met.provider, kind), new_intent(), datetime.now(UTC) - SETTLE
        met.vendor.meet(Phase.SUBMIT, submits_as)
        try:
            job: Job | None = await met.submit(request, intent)
            is_in_doubt = False
        except InDoubt:
            job, is_in_doubt = None, True
        except ProviderError:
            job, is_in_doubt = None, False
        made = met.vendor.submits()
        if is_in_doubt and isinstance(met.provider, Recalling):
            job = await met.provider.recall(request, intent=intent)
            assert job is None or made == 1
        if not is_in_doubt:
            assert made == (0 if job is None else 1)
        elif isinstance(met.provider, Findable):
            job = await met.provider.find(request, intent=intent, since=since)
            assert made == (0 if job is None else 1)
        assert made <= 1
        if job is not None:
            assert (await met.ended(job)).state is JobState.SUCCEEDED

    async def test_a_poll_that_goes_wrong_loses_nothing(self, met: Meeting, polls_as: Trouble) -> None:
        """It says that asking again helps, or that the job goes on."""
        job = await met.submit(self.request(met.provider, self.kinds[0]))
        met.vendor.meet(Phase.POLL, polls_as)
        answer = await met.looked(job.id, NotSubmitted, Throttled)
        assert answer is None or answer.state is not JobState.FAILED
        assert (await met.ended(job)).state is JobState.SUCCEEDED
        assert met.vendor.submits() == 1

    async def test_a_job_that_fails_says_why_and_what_it_cost(self, met: Meeting, kind: Kind, ends_as: Trouble) -> None:
        """In words for a person, to the cent by the vendor's own count."""
        request = self.request(met.provider, kind)
        met.vendor.meet(Phase.FATE, ends_as)
        try:
            job = await met.ended(await met.submit(request))
        except ProviderError:
            return  # a vendor that answers with the output itself has no job that could fail
        assert job.state is JobState.FAILED
        assert job.failure is not None
        assert job.failure.reason
        assert "://" not in job.failure.reason
        if ends_as is Trouble.MODERATION:
            assert job.failure.kind is FailureKind.MODERATION
            assert not job.failure.is_retryable
        assert met.settled(request, job) == met.vendor.charged()

    async def test_what_a_job_costs_is_what_the_vendor_takes(self, met: Meeting, kind: Kind) -> None:
        """To the cent; and never more than was told before."""
        request = self.request(met.provider, kind)
        told = (job := await met.submit(request)).estimated_micro_usd
        taken = met.settled(request, await met.ended(job))
        assert taken == met.vendor.charged()
        assert taken <= met.card(request).quote(request.seconds, request.prompt)
        assert told is None or taken <= told

    async def test_a_link_that_has_died_is_made_anew(self, met: Meeting) -> None:
        """By asking for the job again."""
        if Trouble.EXPIRED in self.troubles.get(Phase.DOWNLOAD, ()):
            request = self.request(met.provider, self.kinds[0])
            job = await met.ended(await met.submit(request))
            met.vendor.meet(Phase.DOWNLOAD, Trouble.EXPIRED)
            await met.assert_kept(request, job)

    async def test_a_vendor_that_is_not_there_was_not_paid(self, tmp_path: Path) -> None:
        """And what it has stays what it is."""
        (tmp_path / "vendor").mkdir()
        async with self.serving(tmp_path / "vendor") as vendor:
            environment = dict(vendor.environment)
            async with Meeting.opened(installed(self.entry_point), vendor, tmp_path) as met:
                job = await met.submit(request := self.request(met.provider, self.kinds[0]))
        gone = Counterpart(environment, submits=lambda: 0)
        async with Meeting.opened(installed(self.entry_point), gone, tmp_path) as met:
            with pytest.raises(NotSubmitted):
                await met.submit(request)
            answer = await met.looked(job.id, NotSubmitted)
            assert answer is None or answer.state is not JobState.FAILED


class KeyedContract(ProviderContract):
    """For providers that pay with a key. The counterpart takes the key of its environment and no other."""

    key_names: ClassVar[Sequence[str]]
    """The variables that hold it."""

    def _with_key(self, met: Meeting, key: str) -> None:
        for name in self.key_names:
            if name in met.environment:
                met.environment[name] = key

    @pytest.mark.parametrize("key", ["", "a-wrong-key-0123456789"])
    async def test_without_the_right_key_it_says_so_and_nothing_is_lost(self, met: Meeting, kind: Kind, key: str) -> None:
        """A key that was revoked must not make paid jobs unknown. A good one is used from the next question on."""
        request, right = self.request(met.provider, kind), dict(met.environment)
        job = await met.submit(request)
        self._with_key(met, key)
        with pytest.raises(KeyRefused) as refused:
            await met.submit(replace(request, prompt=f"{request.prompt} Again."))
        assert not key or key not in refused.value.message
        answer = await met.looked(job.id, KeyRefused)
        assert answer is None or answer.state is not JobState.FAILED
        met.environment.update(right)
        assert (await met.ended(job)).state is JobState.SUCCEEDED
        assert met.vendor.submits() == 1

    async def test_the_account_is_that_of_the_key_and_gives_nothing_of_it_away(self, met: Meeting) -> None:
        """It is kept in the database."""
        account = met.provider.account
        keys = [met.environment[name] for name in self.key_names if name in met.environment]
        assert keys
        for key in keys:
            assert not any(key[at : at + LEAK] in account for at in range(len(key) - LEAK + 1))
        self._with_key(met, "another-key-0123456789")
        assert met.provider.account not in {"", account}
        self._with_key(met, "")
        assert met.provider.account == ""
