"""Upkeep: the leader looks for paid work that nobody sees to, and gives each take a workflow of its own.

The takes' own rows say what is to be done, so nothing depends on one look: a take that is missed is found at the next one, by
whichever process leads then.
"""

from __future__ import annotations

import asyncio
from uuid import uuid4

import structlog
from dbos import DBOS, DBOSConfiguredInstance, SetWorkflowID, WorkflowStatusString

from reelwright.domain.ids import TakeId
from reelwright.services.upkeep import Upkeep

_log = structlog.get_logger()

CONFIG_NAME = "studio"
_LOOK = 2.0
"""Seconds between two looks."""
_NAME = "take.bring_home"
_PREFIX = "home/"


@DBOS.dbos_class("UpkeepWorkflows")
class UpkeepWorkflows(DBOSConfiguredInstance):
    """The one instance of a process, given its services at each start."""

    def __init__(self) -> None:
        super().__init__(CONFIG_NAME)

    def serve(self, upkeep: Upkeep) -> None:
        """Says which services the steps call from now on."""
        self._upkeep = upkeep
        self._under_way: set[str] = set()
        self._is_remembered = False

    async def look(self) -> None:
        """Looks again and again, at once for the first time, until it is cancelled. After the engine's start."""
        while True:
            try:
                if not self._is_remembered:
                    await self._remember()
                await self._start_all()
            except Exception:  # noqa: BLE001 - the next look may be better, and nobody else brings these takes home
                _log.exception("upkeep.broke")
            await asyncio.sleep(_LOOK)

    async def _remember(self) -> None:
        """What an earlier leader has started goes on by itself."""
        pending = [WorkflowStatusString.PENDING.value, WorkflowStatusString.ENQUEUED.value]
        known = await DBOS.list_workflows_async(name=_NAME, status=pending, load_input=False, load_output=False)
        self._under_way |= {each.workflow_id.removeprefix(_PREFIX).partition("/")[0] for each in known}
        self._is_remembered = True

    async def _start_all(self) -> None:
        for take in await self._upkeep.unattended():
            if take not in self._under_way:
                self._under_way.add(take)
                with SetWorkflowID(f"{_PREFIX}{take}/{uuid4().hex}"):
                    await DBOS.start_workflow_async(self.bring_home, take)

    @DBOS.workflow(name=_NAME, max_recovery_attempts=None)
    async def bring_home(self, take: str) -> None:
        """Waits for one take, until it has ended or a production waits for it again."""
        try:
            await self._see_to(take)
        finally:
            self._under_way.discard(take)

    @DBOS.step(name="take.see_to")
    async def _see_to(self, take: str) -> None:
        await self._upkeep.see_to(TakeId(take))


UPKEEP = UpkeepWorkflows()
