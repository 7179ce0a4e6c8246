"""Writing on request: concepts and storyboards, before there is any production. Asked for once, paid once, whatever dies."""

from __future__ import annotations

import structlog
from dbos import DBOS, DBOSConfiguredInstance, error

from reelwright.errors import ReelwrightError
from reelwright.services.texts import TextOrder, Texts

_log = structlog.get_logger()

CONFIG_NAME = "studio"
CLASS_NAME = "WritingWorkflows"
WRITE = "text.write"


@DBOS.dbos_class(CLASS_NAME)
class WritingWorkflows(DBOSConfiguredInstance):
    """The one instance of a process, given its services at each start."""

    def __init__(self) -> None:
        super().__init__(CONFIG_NAME)

    def serve(self, texts: Texts) -> None:
        """Says which services the steps call from now on."""
        self._texts = texts

    @DBOS.workflow(name=WRITE, max_recovery_attempts=None)
    async def write(self, text: str, order: TextOrder) -> None:
        """Writes what was asked for into the draft, or says why not."""
        try:
            await self._write(text, order)
        except ReelwrightError as problem:
            await self._fail(text, order, problem.message)
        except error.DBOSException:
            raise
        except Exception as problem:  # noqa: BLE001 - the outermost edge: whatever breaks, it ends and says so
            _log.exception("writing.broke", text=text)
            await self._fail(text, order, f"Something unexpected happened ({type(problem).__name__}); see the log.")

    @DBOS.step(name="text.write_it")
    async def _write(self, text: str, order: TextOrder) -> None:
        await self._texts.write(text, order)

    @DBOS.step(name="text.fail")
    async def _fail(self, text: str, order: TextOrder, reason: str) -> None:
        await self._texts.fail(text, order, reason)


WRITING = WritingWorkflows()
