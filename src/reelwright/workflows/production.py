"""The workflows: a production, its shots, their takes, its film.

Durable names are written out, so a refactoring cannot orphan a run. Every shot and every take is a workflow of its
own: branches that are gathered inside one workflow would swap their recorded results when it is replayed. A clip starts
as soon as its own frame is kept, whatever the other shots do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

import structlog
from dbos import DBOS, DBOSConfiguredInstance, SetWorkflowID, WorkflowHandleAsync, error

from reelwright.domain.generation import Kind
from reelwright.domain.ids import FilmId, ProductionId, ShotId, TakeId
from reelwright.domain.production import told_reasons
from reelwright.errors import ReelwrightError
from reelwright.services.concepts import Concepts
from reelwright.services.films import Films
from reelwright.services.harvests import Harvests
from reelwright.services.patience import rest_before
from reelwright.services.productions import Productions
from reelwright.services.shots import Shots
from reelwright.services.storyboards import Storyboards
from reelwright.services.submits import Submits
from reelwright.services.takes import Takes
from reelwright.services.texts import Texts
from reelwright.services.turns import Turns
from reelwright.services.upkeep import Upkeep

_log = structlog.get_logger()

CONFIG_NAME = "studio"
PRODUCE = "production.run"
CLASS_NAME = "Workflows"
_LOOKS = 50
"""So often a second the productions that an earlier process left look whether their shots have ended, and those whether their
takes have: the engine does not tell them, and a thousand looking every second would take a core. What this process starts is told
at once."""


class Task(TypedDict):
    """What a run has to do, as the log holds it."""

    shots: list[ShotId] | None
    makes_film: bool
    at_once: int
    tries: int


@dataclass(frozen=True)
class Services:
    """What the workflows call."""

    concepts: Concepts
    storyboards: Storyboards
    productions: Productions
    shots: Shots
    takes: Takes
    submits: Submits
    harvests: Harvests
    films: Films
    upkeep: Upkeep
    texts: Texts
    turns: Turns


@DBOS.dbos_class(CLASS_NAME)
class Workflows(DBOSConfiguredInstance):
    """The one instance of a process: the engine finds it by name, so it is made once and given its services at each start."""

    def __init__(self) -> None:
        super().__init__(CONFIG_NAME)

    def serve(self, services: Services, inherited: int) -> None:
        """Says which services the steps call from now on, and how many productions an earlier process left unfinished."""
        self._services = services
        self._look = max(1.0, inherited / _LOOKS)

    @DBOS.workflow(name=PRODUCE, max_recovery_attempts=None)
    async def produce(self, production: str) -> str:
        """Brief to film, or what else it aims at. Always ends with the production completed, failed or cancelled.

        Returns the film, or nothing.
        """
        try:
            return await self._produce(production)
        except ReelwrightError as problem:
            await self._fail(production, problem.message)
        except error.DBOSException:
            raise
        except Exception as problem:  # noqa: BLE001 - the outermost edge: whatever breaks, the production ends and says so
            _log.exception("production.broke", production=production)
            await self._fail(production, f"Something unexpected happened ({type(problem).__name__}); see the log.")
        return ""

    async def _produce(self, production: str) -> str:
        task = await self._task(production)
        shots = task["shots"]
        if shots is None:
            await self._write_concepts(production)
            await self._select_concept(production)
            shots = await self._write_storyboard(production)
        handles: list[WorkflowHandleAsync[str]] = []
        for shot in shots:
            with SetWorkflowID(f"{production}/{shot}"):
                how = (task["at_once"], task["tries"])
                handles.append(await DBOS.start_workflow_async(self.shoot, production, shot, *how))
        reasons = [await handle.get_result(polling_interval_sec=self._look) for handle in handles]
        failed: dict[str, str] = {shot: reason for shot, reason in zip(shots, reasons, strict=True) if reason}
        if failed:
            await self._fail(production, told_reasons(failed))
            return ""
        if not task["makes_film"]:
            await self._complete(production)
            return ""
        film = await self._cut(production)
        with SetWorkflowID(film):
            await self.render(production, film)
        return film

    @DBOS.workflow(name="shot.shoot", max_recovery_attempts=None)
    async def shoot(self, production: str, shot: str, at_once: int, tries: int) -> str:
        """A frame, then the clip that starts from it; the voice beside them. Returns why it failed, or nothing."""
        # Waiting is no step: nothing of it has to be known again after a crash.
        async with self._services.turns.taken(ProductionId(production), ShotId(shot), at_once):
            return await self._shoot(production, shot, tries)

    async def _shoot(self, production: str, shot: str, tries: int) -> str:
        try:
            kinds = await self._kinds(production, shot)
        except ReelwrightError as problem:
            await self._fail_shot(production, shot, problem.message)
            return problem.message
        voice = None
        if Kind.VOICE.value in kinds:
            with SetWorkflowID(f"{production}/{shot}/voice"):
                voice = await DBOS.start_workflow_async(self.take, production, shot, Kind.VOICE.value, tries)
        reason = ""
        for kind in (kind.value for kind in (Kind.FRAME, Kind.CLIP) if kind.value in kinds):
            with SetWorkflowID(f"{production}/{shot}/{kind}"):
                take = await DBOS.start_workflow_async(self.take, production, shot, kind, tries)
            reason = await take.get_result(polling_interval_sec=self._look)
            if reason:
                break
        if voice is not None:
            # A film without a scratch voice is still a film: its loss is told, and does not stop the shot.
            mute = await voice.get_result(polling_interval_sec=self._look)
            if mute and kinds == [Kind.VOICE.value]:
                reason = mute
            elif mute:
                await self._tell_mute(production, shot, mute)
        if reason:
            await self._fail_shot(production, shot, reason)
        return reason

    @DBOS.workflow(name="take.make", max_recovery_attempts=None)
    async def take(self, production: str, shot: str, kind: str, tries: int) -> str:
        """Asks for takes until one is kept, or neither trying nor waiting can help. Returns why none was kept, or nothing.

        Interruptions are no tries, neither here nor for the engine (`max_recovery_attempts`): a production that was killed often
        is not a broken one.
        """
        reason = ""
        for number in range(1, tries + 1):
            if number > 1:
                await self._rest(number)
            try:
                take = await self._ask(production, shot, kind, number)
            except ReelwrightError as problem:
                return problem.message
            await self._submit(take)
            if waits_no_longer := await self._harvest(take):
                return waits_no_longer
            reason, is_retryable = await self._outcome(take)
            if not is_retryable:
                break
        return reason

    @DBOS.workflow(name="film.render", max_recovery_attempts=None)
    async def render(self, production: str, film: str) -> None:
        """Renders the cut list and completes the production."""
        await self._render(film)
        await self._complete(production)

    @DBOS.step(name="production.task")
    async def _task(self, production: str) -> Task:
        task = await self._services.productions.task(ProductionId(production))
        return Task(
            shots=None if task.shots is None else list(task.shots),
            makes_film=task.aim.makes_film,
            at_once=task.aim.at_once,
            tries=task.aim.tries,
        )

    @DBOS.step(name="concepts.write")
    async def _write_concepts(self, production: str) -> None:
        await self._services.concepts.write(ProductionId(production))

    @DBOS.step(name="concept.select")
    async def _select_concept(self, production: str) -> None:
        await self._services.concepts.select(ProductionId(production))

    @DBOS.step(name="storyboard.write")
    async def _write_storyboard(self, production: str) -> list[ShotId]:
        return await self._services.storyboards.write(ProductionId(production))

    @DBOS.step(name="shot.kinds")
    async def _kinds(self, production: str, shot: str) -> list[str]:
        return [kind.value for kind in await self._services.shots.kinds(ProductionId(production), ShotId(shot))]

    @DBOS.step(name="shot.fail")
    async def _fail_shot(self, production: str, shot: str, reason: str) -> None:
        await self._services.shots.fail(ProductionId(production), ShotId(shot), reason)

    @DBOS.step(name="shot.tell_mute")
    async def _tell_mute(self, production: str, shot: str, reason: str) -> None:
        await self._services.shots.tell_mute(ProductionId(production), ShotId(shot), reason)

    @DBOS.step(name="take.ask")
    async def _ask(self, production: str, shot: str, kind: str, number: int) -> TakeId:
        return await self._services.shots.ask(ProductionId(production), ShotId(shot), Kind(kind), number)

    @DBOS.step(name="take.submit")
    async def _submit(self, take: TakeId) -> None:
        await self._services.submits.submit(take)

    @DBOS.step(name="take.harvest")
    async def _harvest(self, take: TakeId) -> str:
        return await self._services.harvests.harvest(take)

    @DBOS.step(name="take.rest")
    async def _rest(self, number: int) -> None:
        await rest_before(number)

    @DBOS.step(name="take.outcome")
    async def _outcome(self, take: TakeId) -> tuple[str, bool]:
        return await self._services.takes.outcome(take)

    @DBOS.step(name="film.cut")
    async def _cut(self, production: str) -> FilmId:
        return await self._services.films.cut(ProductionId(production))

    @DBOS.step(name="film.render_cut")
    async def _render(self, film: str) -> None:
        await self._services.films.render(FilmId(film))

    @DBOS.step(name="production.complete")
    async def _complete(self, production: str) -> None:
        await self._services.productions.complete(ProductionId(production))

    @DBOS.step(name="production.fail")
    async def _fail(self, production: str, reason: str) -> None:
        await self._services.productions.fail(ProductionId(production), reason)


WORKFLOWS = Workflows()
