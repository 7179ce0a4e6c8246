"""The promises of `Provider`, held by every provider there is: the built-in ones, a plug-in, and each vendor on its simulator."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ClassVar

from reelwright.domain.generation import Kind
from reelwright.testing.abilities import (
    DiscoveringContract,
    FindableContract,
    HintingContract,
    ListedContract,
    RecallingContract,
)
from reelwright.testing.contract import KeyedContract, PaidContract, ProviderContract
from reelwright.testing.counterpart import Counterpart
from reelwright.testing.simulators.behaviour import Behaviour, Phase, Trouble
from reelwright.testing.simulators.serving import serving
from staging import VendorThread


class BuiltIn(ProviderContract):
    """A provider that works on this machine: there is nobody else to count, so each record that it keeps is a job."""

    @asynccontextmanager
    async def serving(self, folder: Path) -> AsyncGenerator[Counterpart]:
        records = folder.parent / "provider" / "jobs"
        yield Counterpart({}, submits=lambda: len(list(records.glob("*.json"))))


class TestAnimatic(BuiltIn, FindableContract):
    entry_point = "animatic"
    kinds = (Kind.FRAME, Kind.CLIP)


class TestEspeak(BuiltIn, FindableContract):
    entry_point = "espeak"
    kinds = (Kind.VOICE,)


class PlugIn(PaidContract, KeyedContract, HintingContract):
    """Somebody else's package, on a vendor that counts in memory.

    It does not translate answers that it does not understand: tests/services shows that the studio lives with that.
    """

    kinds = (Kind.FRAME, Kind.CLIP)
    key_names = ("SIMULATED_KEY",)
    troubles: ClassVar[Mapping[Phase, Sequence[Trouble]]] = {
        Phase.SUBMIT: (Trouble.CUT_AFTER, Trouble.THROTTLE, Trouble.UNAVAILABLE),
        Phase.FATE: (Trouble.INTERNAL,),
        Phase.POLL: (Trouble.THROTTLE, Trouble.UNAVAILABLE),
    }
    knobs: ClassVar[Mapping[tuple[Phase, Trouble], dict[str, object]]] = {
        (Phase.SUBMIT, Trouble.CUT_AFTER): {"drop_answers": 1},
        (Phase.SUBMIT, Trouble.THROTTLE): {"refuse_with": [429]},
        (Phase.SUBMIT, Trouble.UNAVAILABLE): {"refuse_with": [503]},
        (Phase.FATE, Trouble.INTERNAL): {"fail_jobs": 1},
        (Phase.POLL, Trouble.THROTTLE): {"refuse_polls_with": [429]},
        (Phase.POLL, Trouble.UNAVAILABLE): {"refuse_polls_with": [503]},
    }

    @asynccontextmanager
    async def serving(self, folder: Path) -> AsyncGenerator[Counterpart]:
        vendor = VendorThread(folder)
        vendor.turn(keys=["simulated-key"])

        def charged() -> int:
            """By its list of prices: 10 cents a picture, 5 cents a second; what failed is free."""
            paid = [job.order for job in vendor.state.jobs.values() if not job.fails]
            return sum(100_000 if order.kind == "frame" else int(float(order.seconds) * 50_000) for order in paid)

        yield Counterpart(
            {"SIMULATED_URL": vendor.url, "SIMULATED_KEY": "simulated-key"},
            submits=lambda: sum(vendor.submits.values()),
            charged=charged,
            meet=lambda phase, trouble: vendor.turn(**self.knobs[phase, trouble]),
        )
        vendor.close()


class TestAPlugInWithKeys(PlugIn):
    entry_point = "simkey"


class TestAPlugInWithASearch(PlugIn, FindableContract):
    entry_point = "simlist"


class TestAPlugInWithAList(PlugIn, ListedContract):
    entry_point = "simshelf"


class TestAPlugInWithNeither(PlugIn):
    entry_point = "simblind"


class OnSimulator(PaidContract, KeyedContract):
    """A vendor's adapter, on the simulator of that name."""

    @asynccontextmanager
    async def serving(self, folder: Path) -> AsyncGenerator[Counterpart]:
        name = self.entry_point
        quick = Behaviour(frame_seconds=(0.02, 0.05), clip_seconds=(0.02, 0.05), voice_seconds=(0.02, 0.05))
        async with serving([name], folder, behaviours={name: quick}) as service:
            vendor = service[name]
            quick.key = service.environment[self.key_names[0]]
            yield Counterpart(
                service.environment,
                submits=lambda: len(vendor.desk.all()),
                charged=lambda: vendor.ledger()["charged_micro_usd"],
                meet=lambda phase, trouble: quick.script.setdefault(phase, []).append(trouble),
            )


class TestRunway(OnSimulator):
    entry_point = "runway"
    kinds = (Kind.FRAME, Kind.CLIP)
    key_names = ("RUNWAYML_API_SECRET",)


class TestLuma(OnSimulator, FindableContract, ListedContract):
    entry_point = "luma"
    kinds = (Kind.FRAME, Kind.CLIP)
    key_names = ("LUMAAI_API_KEY",)


class TestLumaAgents(OnSimulator):
    entry_point = "luma-agents"
    kinds = (Kind.FRAME, Kind.CLIP)
    key_names = ("LUMA_AGENTS_API_KEY",)


class TestReplicate(OnSimulator, FindableContract, ListedContract, HintingContract, DiscoveringContract):
    entry_point = "replicate"
    kinds = (Kind.FRAME, Kind.CLIP)
    key_names = ("REPLICATE_API_TOKEN",)


class TestFal(OnSimulator, ListedContract, HintingContract):
    entry_point = "fal"
    kinds = (Kind.FRAME, Kind.CLIP)
    key_names = ("FAL_KEY",)


class TestOpenAI(OnSimulator, RecallingContract, ListedContract, HintingContract):
    entry_point = "openai"
    kinds = (Kind.FRAME, Kind.VOICE)
    key_names = ("OPENAI_API_KEY",)


class TestGoogle(OnSimulator, RecallingContract):
    entry_point = "google"
    kinds = (Kind.FRAME, Kind.CLIP)
    key_names = ("GOOGLE_API_KEY", "GEMINI_API_KEY")


class TestElevenLabs(OnSimulator, FindableContract, ListedContract):
    entry_point = "elevenlabs"
    kinds = (Kind.VOICE,)
    key_names = ("ELEVENLABS_API_KEY",)
