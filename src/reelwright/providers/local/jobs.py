"""Jobs that are written down, outlive the process, and hand out URLs that expire.

A provider that works on this machine behaves like a vendor on the other side of the world, so that the paid path is the tested
path: a submit is written down before it is answered, jobs go on in the background and after a restart, outputs lie at signed URLs
on a loopback server, and all is forgotten after two days.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Protocol, TypeAlias

from pydantic import BaseModel, TypeAdapter, ValidationError

from reelwright.domain.generation import Failure, Job, JobState, Kind, Output, Request
from reelwright.domain.ids import IntentKey, JobId
from reelwright.errors import JobUnknown, ProviderError, ReelwrightError, RenderError
from reelwright.files import write
from reelwright.ports import Attachments
from reelwright.providers.local.attached import attached
from reelwright.providers.local.outputs import Outputs
from reelwright.providers.local.room import Room

_KEPT = timedelta(hours=48)


class Made(Protocol):
    """The facts about a finished file."""

    @property
    def size(self) -> int:
        """Bytes."""
        ...

    @property
    def sha256(self) -> str:
        """In hex."""
        ...


@dataclass(frozen=True)
class Work:
    """One job as its maker sees it."""

    request: Request
    picture: Path | None
    """The request's picture as a file."""
    logo: Path | None
    target: Path
    """Where the output has to be written, whole or not at all."""
    on_progress: Callable[[float], None]
    """Takes 0 to 1, from any thread."""


Maker: TypeAlias = Callable[[Work], Awaitable[Made]]


@dataclass(frozen=True)
class Format:
    """How an output is called and served."""

    ending: str
    media_type: str


class _Record(BaseModel):
    """What is written down about a job: enough to start it again, and to tell how it ended."""

    version: int = 1
    intent: str
    digest: str
    submitted: datetime
    request: Request
    state: JobState = JobState.RUNNING
    size: int = 0
    sha256: str = ""
    failure: Failure | None = None


_RECORD = TypeAdapter(_Record)


class LocalJobs:
    """The jobs of one built-in provider. Free; the same intent is the same job."""

    def __init__(self, name: str, folder: Path, formats: Mapping[Kind, Format], make: Maker) -> None:
        """Starts nothing yet: the thread, the server and the sweep come with the first job.

        Args:
            name: the provider's name.
            folder: its own folder.
            formats: what its outputs are, by kind.
            make: makes one output; what it raises of our own errors is told as the job's failure.
        """
        self._name = name
        self._folder = folder
        self._formats = dict(formats)
        self._make = make
        self._jobs = folder / "jobs"
        self._made = folder / "outputs"
        self._tasks: dict[JobId, asyncio.Task[None]] = {}
        self._progress: dict[JobId, Fraction] = {}
        self._outputs = Outputs(self._made, {form.ending: form.media_type for form in formats.values()})
        self._room = Room(name, enter=self._enter, leave=self._leave)

    @property
    def trusted_origins(self) -> frozenset[str]:
        """Its own loopback server, once that has handed out a URL."""
        return frozenset({self._outputs.origin} - {""})

    async def submit(self, request: Request, *, intent: IntentKey, attachments: Attachments) -> Job:
        """Writes the job down and starts it; the same intent is the same job.

        Raises:
            NotSubmitted: a picture could not be read, or the folder could not be written; nothing was started.
            ProviderError: the intent was used for another request.
        """
        picture = await attached(attachments, request.picture, "picture")
        logo = await attached(attachments, request.logo, "logo")
        return await self._room.ask(self._accept(request, intent, picture, logo))

    async def poll(self, job: JobId) -> Job:
        """Where the job stands. A job that a stopped process left unfinished starts again.

        Raises:
            JobUnknown: there is no such job (any more).
        """
        return await self._room.ask(self._look(job))

    async def cancel(self, job: JobId) -> None:
        """Stops the work and removes what was half made; does nothing when it has ended or was never known."""
        await self._room.ask(self._stop(job))

    async def find(self, request: Request, *, intent: IntentKey, since: datetime) -> Job | None:
        """The job that this intent made, by its record."""
        return await self._room.ask(self._recall(request, intent, since))

    async def aclose(self) -> None:
        """Stops work and server. Unfinished jobs start again when they are next asked for."""
        await self._room.aclose()

    def _enter(self) -> None:
        self._jobs.mkdir(parents=True, exist_ok=True)
        self._made.mkdir(exist_ok=True)
        self._sweep()

    async def _leave(self) -> None:
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._outputs.aclose()

    def _sweep(self) -> None:
        """Forgets ended jobs of two days ago, and what a killed process left half written."""
        for part in self._folder.glob("*/*.part"):
            part.unlink(missing_ok=True)
        oldest = datetime.now(UTC) - _KEPT
        for file in self._jobs.glob("*.json"):
            record = self._read(JobId(file.stem))
            if record is not None and (record.state is JobState.RUNNING or record.submitted > oldest):
                continue
            for leftover in (*self._jobs.glob(f"{file.stem}.*"), *self._made.glob(f"{file.stem}.*")):
                leftover.unlink(missing_ok=True)

    async def _accept(self, request: Request, intent: IntentKey, picture: bytes | None, logo: bytes | None) -> Job:
        job = self._job_id(intent)
        record = self._read(job)
        if record is None:
            for ending, data in (("picture", picture), ("logo", logo)):
                if data is not None:
                    write(self._jobs / f"{job}.{ending}", data)
            record = _Record(intent=intent, digest=request.digest, submitted=datetime.now(UTC), request=request)
            self._save(job, record)
        elif record.digest != request.digest:
            msg = "This intent was used for another request already."
            raise ProviderError(msg)
        return await self._look(job)

    async def _look(self, job: JobId) -> Job:
        record = self._read(job)
        if record is None:
            msg = f"The provider {self._name} has no job {job}: it forgets them after {_KEPT.total_seconds() / 3600:.0f} hours."
            raise JobUnknown(msg)
        match record.state:
            case JobState.RUNNING:
                if job not in self._tasks:
                    self._tasks[job] = asyncio.create_task(self._work(job, record))
                return Job(job, JobState.RUNNING, progress=self._progress.get(job, Fraction(0)))
            case JobState.FAILED:
                return Job(job, JobState.FAILED, failure=record.failure, charged_micro_usd=0)
            case JobState.SUCCEEDED:
                form = self._formats[record.request.kind]
                url = await self._outputs.url(f"{job}.{form.ending}")
                output = Output(url, form.media_type, record.size, record.sha256)
                return Job(job, JobState.SUCCEEDED, Fraction(1), (output,), charged_micro_usd=0)

    async def _work(self, job: JobId, record: _Record) -> None:
        request = record.request
        target = self._made / f"{job}.{self._formats[request.kind].ending}"
        files = [path if (path := self._jobs / f"{job}.{ending}").exists() else None for ending in ("picture", "logo")]

        def on_progress(fraction: float) -> None:
            self._progress[job] = Fraction(fraction).limit_denominator(1000)

        try:
            made = await self._make(Work(request, files[0], files[1], target, on_progress))
            ended = {"state": JobState.SUCCEEDED, "size": made.size, "sha256": made.sha256}
        except (ReelwrightError, OSError) as error:
            # A dead worker or a full disk says nothing about the request; a picture that cannot be read stays so.
            is_retryable = isinstance(error, RenderError | OSError) or error.retryable
            ended = {"state": JobState.FAILED, "failure": Failure(str(error), is_retryable=is_retryable)}
        finally:
            self._tasks.pop(job, None)
            self._progress.pop(job, None)
        self._save(job, record.model_copy(update=ended))
        for ending in ("picture", "logo"):
            (self._jobs / f"{job}.{ending}").unlink(missing_ok=True)

    async def _stop(self, job: JobId) -> None:
        record = self._read(job)
        if record is None or record.state is not JobState.RUNNING:
            return
        if task := self._tasks.get(job):
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            record = self._read(job) or record
            if record.state is not JobState.RUNNING:
                return
        self._save(job, record.model_copy(update={"state": JobState.FAILED, "failure": Failure("It was cancelled.")}))
        for file in (*self._jobs.glob(f"{job}.*"), *self._made.glob(f"{job}.*")):
            if file.suffix != ".json":
                file.unlink(missing_ok=True)

    async def _recall(self, request: Request, intent: IntentKey, since: datetime) -> Job | None:
        job = self._job_id(intent)
        record = self._read(job)
        if record is None or record.digest != request.digest or record.submitted < since:
            return None
        return await self._look(job)

    def _job_id(self, intent: IntentKey) -> JobId:
        return JobId(f"{self._name}_{hashlib.sha256(intent.encode()).hexdigest()[:32]}")

    def _read(self, job: JobId) -> _Record | None:
        try:
            return _RECORD.validate_json((self._jobs / f"{job}.json").read_bytes())
        except (FileNotFoundError, ValidationError, ValueError):
            return None

    def _save(self, job: JobId, record: _Record) -> None:
        write(self._jobs / f"{job}.json", _RECORD.dump_json(record))
