"""What a provider must hold that can do more than it has to: a part of the contract for each protocol beside `Provider`."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from reelwright.domain.generation import Kind, ModelRef
from reelwright.domain.ids import JobId
from reelwright.errors import InvalidInput, NotFound
from reelwright.ports import Discovering, Findable, Found, Hinting, Listed, Recalling
from reelwright.testing.contract import SETTLE, ProviderContract
from reelwright.testing.counterpart import Meeting, new_intent


class FindableContract(ProviderContract):
    """For providers that find a job whose answer was lost."""

    async def test_it_finds_exactly_the_job(self, met: Meeting, kind: Kind) -> None:
        """Among others, by another process; none that was never made, and not an older one of the same words."""
        since = datetime.now(UTC) - SETTLE
        asked = [
            (replace(request := self.request(met.provider, kind), prompt=f"{request.prompt} {word}"), new_intent())
            for word in ("One.", "Two.", "Three.")
        ]
        made = [await met.submit(request, intent) for request, intent in asked]
        finder = met.open()
        assert isinstance(finder, Findable)
        found = [await finder.find(request, intent=intent, since=since) for request, intent in asked]
        assert [job.id if job else None for job in found] == [job.id for job in made]
        never = replace(request, prompt=f"{request.prompt} Never.")
        assert await finder.find(never, intent=new_intent(), since=since) is None
        later = datetime.now(UTC) + timedelta(minutes=1)
        assert await finder.find(asked[0][0], intent=new_intent(), since=later) is None


class RecallingContract(ProviderContract):
    """For providers that write down what their vendor answered with."""

    async def test_it_recalls_what_was_answered(self, met: Meeting) -> None:
        """In the next process; of some kind at least, and never something else."""
        recalled: list[JobId] = []
        for kind in self.kinds:
            request, intent = self.request(met.provider, kind), new_intent()
            made = await met.submit(request, intent)
            next_one = met.open()
            assert isinstance(next_one, Recalling)
            if (job := await next_one.recall(request, intent=intent)) is not None:
                assert job.id == made.id
                recalled.append(job.id)
            assert await next_one.recall(request, intent=new_intent()) is None
        assert recalled


class ListedContract(ProviderContract):
    """For providers that list their jobs."""

    async def test_it_lists_its_jobs_newest_first(self, met: Meeting) -> None:
        """Those that it was asked about, and no older ones. Some vendors list a job only once it has ended."""
        since, made = datetime.now(UTC) - SETTLE, list[JobId]()
        for kind in self.kinds:
            made.append((await met.ended(await met.submit(self.request(met.provider, kind)))).id)
        assert isinstance(met.provider, Listed)
        listed: list[Found] = [found async for found in met.provider.jobs(since)]
        assert {found.job.id for found in listed} == set(made)
        assert all(later.at >= earlier.at for later, earlier in pairwise(listed))
        for found in listed:
            request = self.request(met.provider, self.kinds[made.index(found.job.id)])
            assert found.kind is request.kind
            assert found.prompt in {"", request.prompt}
        assert [found async for found in met.provider.jobs(datetime.now(UTC) + timedelta(minutes=1))] == []


class HintingContract(ProviderContract):
    """For providers that their vendor calls."""

    @pytest.mark.parametrize("body", [b"", b"{}", b'{"id": "a-job"}', b"\xff"])
    async def test_a_call_that_nobody_signed_is_refused(self, met: Meeting, body: bytes) -> None:
        """Anybody can call."""
        assert isinstance(met.provider, Hinting)
        with pytest.raises(InvalidInput):
            await met.provider.hint({"content-type": "application/json"}, body)


class DiscoveringContract(ProviderContract):
    """For providers that look models up."""

    async def test_a_model_that_the_vendor_does_not_have_is_not_found(self, met: Meeting) -> None:
        """Rather than asked for."""
        assert isinstance(met.provider, Discovering)
        with pytest.raises(NotFound):
            await met.provider.discover(ModelRef(f"{met.provider.name}:nobody/no-such-model"))
