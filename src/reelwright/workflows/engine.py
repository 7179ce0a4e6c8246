"""The engine: DBOS with what it lacks for us.

One process at a time works on a database (the leader). Leadership is a lock that the kernel or the database server gives back
when the process dies, however it dies; the next leader recovers what is pending. Starting a production is a row in the queue that
is written in the transaction of the production's own row, by any process.
"""

from __future__ import annotations

import asyncio
import logging
import weakref
from collections.abc import Coroutine, Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import Context, ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar

from dbos import DBOS, DBOSClient, DBOSConfig, EnqueueOptions

from reelwright.db.engine import Database, Session
from reelwright.domain.ids import ProductionId
from reelwright.workflows.codec import LogCodec
from reelwright.workflows.production import CLASS_NAME, CONFIG_NAME, PRODUCE, WORKFLOWS, Services
from reelwright.workflows.upkeep import UPKEEP
from reelwright.workflows.writing import CLASS_NAME as WRITING_CLASS
from reelwright.workflows.writing import CONFIG_NAME as WRITING_CONFIG
from reelwright.workflows.writing import WRITE, WRITING

T = TypeVar("T")

_APP = "reelwright"
_VERSION = "engine-1"
"""Pinned: the default, a hash of the source, would strand every pending production at each upgrade. Changes of the order of steps
go through `DBOS.patch`."""
_EXECUTOR = "local"
_QUEUE = "productions"
_LOOK = 0.1
"""Seconds between two looks into the queue: what a production waits at most before it starts."""
_LAST_ANSWERS = 60.0
"""Seconds that stopping waits for answers to requests that may have been paid; a second Ctrl-C does not."""
_spared = weakref.WeakSet[asyncio.Task[Any]]()
_is_spared = ContextVar("spared", default=False)
_THREADS = 32
"""Unset, a thousand workflows would make hundreds of threads."""


class Queue:
    """Hands productions to whichever process leads. Needs no running engine."""

    def __init__(self, database: Database) -> None:
        self._engine = database.engine_for_log()
        self._client: DBOSClient | None = None

    async def open(self) -> None:
        """Writes the queue itself down. Before the engine starts: a queue that it meets later waits a second to be noticed."""
        await self._get_client().register_queue_async(_QUEUE, polling_interval_sec=_LOOK)

    def enqueue(self, session: Session, production: ProductionId) -> None:
        """Enqueues the run, when the caller's transaction commits. The run's id makes doing it twice harmless."""
        self._put(session, (PRODUCE, CLASS_NAME, CONFIG_NAME), production, production)

    def enqueue_text(self, session: Session, text: str, order: Mapping[str, object]) -> None:
        """Enqueues the writing of a text, in the same way."""
        self._put(session, (WRITE, WRITING_CLASS, WRITING_CONFIG), text, text, dict(order))

    def _put(self, session: Session, workflow: tuple[str, str, str], key: str, *arguments: object) -> None:
        name, owner, instance = workflow
        options: EnqueueOptions = {
            "workflow_name": name,
            "queue_name": _QUEUE,
            "workflow_id": key,
            "app_version": _VERSION,
            "class_name": owner,
            "instance_name": instance,
        }
        self._get_client().enqueue_in_transaction(session, options, *arguments)

    def _get_client(self) -> DBOSClient:
        if self._client is None:
            self._client = DBOSClient(system_database_engine=self._engine, serializer=LogCodec(), application_name=_APP)
        return self._client

    def close(self) -> None:
        """Gives connections back."""
        if self._client is not None:
            self._client.destroy()
        self._engine.dispose()


def migrate_log(database: Database) -> None:
    """Brings the durable log's own tables up to date."""
    DBOS.migrate(database.url.set(drivername=database.url.get_backend_name()).render_as_string(hide_password=False))


@dataclass
class Engine:
    """Runs workflows on the event loop on which it was started. Only the leader may start one, and opens the queue first."""

    database: Database
    services: Services

    async def start(self) -> None:
        """Launches, and goes on with everything that an earlier process left unfinished."""
        self._log_engine = self.database.engine_for_log()
        config = DBOSConfig(
            name=_APP,
            executor_id=_EXECUTOR,
            application_version=_VERSION,
            system_database_engine=self._log_engine,
            serializer=LogCodec(),
            max_executor_threads=_THREADS,
            log_level="WARNING",
            # Nobody waits for its notifications; stopping the engine waits for one of these intervals.
            notification_listener_polling_interval_sec=0.1,
            run_migrations=False,
        )
        DBOS(config=config)
        _log_with_the_rest()
        WORKFLOWS.serve(self.services, inherited=len(await self.services.productions.active()))
        UPKEEP.serve(self.services.upkeep)
        WRITING.serve(self.services.texts)
        self._before = asyncio.all_tasks()
        DBOS.launch()
        self._looking = asyncio.create_task(UPKEEP.look())

    async def stop(self) -> None:
        """Stops at once. What is unfinished stays pending and goes on with the next leader."""
        # A workflow whose task is cancelled records nothing; one that went on would meet a closed database and record a failure.
        paying = self.services.submits.paying
        kept = self._before | paying.keys() | set(_spared) | {asyncio.current_task()}
        others = [task for task in asyncio.all_tasks() if task not in kept]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_ANSWERS):
                while paying:  # what takes a place goes on to send
                    await asyncio.wait(set(paying))
        DBOS.destroy(workflow_completion_timeout_sec=0)
        self._log_engine.dispose()
        # DBOS made its own pool the loop's, and has shut it down.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor())


def spare_from_here() -> None:
    """The tasks that the running one starts from now on, and those that these start, live on when the engine stops."""
    _is_spared.set(True)
    asyncio.get_running_loop().set_task_factory(_make_task)


def _make_task(
    loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, T] | Generator[Any, None, T], **options: Any
) -> asyncio.Task[T]:
    task = asyncio.Task(work, loop=loop, **options)
    context: Context | None = options.get("context")
    if context.get(_is_spared, False) if context is not None else _is_spared.get():
        _spared.add(task)
    return task


def _log_with_the_rest() -> None:
    """DBOS brings a handler that writes to the terminal; its lines belong into the log."""
    logger = logging.getLogger("dbos")
    for handler in logger.handlers[:]:
        logger.removeHandler(handler)
    logger.propagate = True
