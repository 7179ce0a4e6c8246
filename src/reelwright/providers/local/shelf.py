"""The shelf: what a vendor answered with at once, safe on disk before anybody is told that the job exists.

Some vendors answer a submit with the picture or the sound itself and keep nothing. From then on nobody else has what was paid
for, so the shelf plays the part of the vendor: it gives the job an id, is polled, and hands the output out by URLs that expire. A
submit whose answer never reached the shelf is in doubt, and stays so.

Everything hangs on one rename: a note with all facts is written first, then the content under its final name. Where there is
content the job exists, whatever was running when the power went; where there is none it does not.

Nothing is thrown away before it went out to its last byte at least once. The content is kept for a week after that, because
whoever fetched it may come back; the note stays for a year, so that the vendor's own list can be matched with what we know.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
import shutil
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import structlog
from pydantic import BaseModel, TypeAdapter, ValidationError

from reelwright.domain.generation import Failure, FailureKind, Job, JobState, Kind, Output, Request
from reelwright.domain.ids import JobId
from reelwright.errors import InDoubt, JobUnknown, NotSubmitted, ProviderError, Throttled
from reelwright.files import write
from reelwright.ports import Found
from reelwright.providers.local.answered import Answered, MadeNothing
from reelwright.providers.local.outputs import Outputs
from reelwright.providers.local.room import Room

_CONTENT_KEPT = timedelta(days=7)
"""After the content last went out whole."""
_NOTE_KEPT = timedelta(days=365)
_PART_KEPT = timedelta(hours=1)
"""A half-written file that is older belongs to a process that died."""
_SWEEP_EVERY = timedelta(days=1)
_FREE_BYTES = 256 << 20
"""Room on disk without which nothing is bought."""
_WRITE_TRIES = 60
_WRITE_PAUSE = 5.0
"""Seconds between two tries to write what has been paid for: a full disk may be emptied."""
_ENDINGS = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/webp": "webp",
    "audio/mpeg": "mp3",
    "audio/wav": "wav",
    "video/mp4": "mp4",
}
_TYPES = {ending: media_type for media_type, ending in _ENDINGS.items()}
_OTHER = "bin"
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{32}")

_log = structlog.get_logger(__name__)


class _Note(BaseModel):
    """The facts about a job on the shelf."""

    version: int = 1
    digest: str = ""
    """Of the request, or empty for what did not come from one."""
    model: str = ""
    kind: Kind | None = None
    prompt: str = ""
    at: datetime
    ending: str = ""
    size: int = 0
    sha256: str = ""
    vendor_id: str = ""
    name: str = ""
    """The job's id, where it has one already."""
    charged_micro_usd: int | None = None
    failure: Failure | None = None
    sent_at: datetime | None = None
    """When the content last went out whole."""


_NOTE = TypeAdapter(_Note)


class Shelf:
    """The outputs of one provider that nobody else keeps. A key stands for one job for ever."""

    def __init__(self, name: str, folder: Path) -> None:
        """Starts nothing yet.

        Args:
            name: the provider's name.
            folder: its own folder; the shelf lies below it.
        """
        self._name = name
        self._folder = folder / "shelf"
        self._outputs = Outputs(self._folder, _TYPES, on_sent=self._sent)
        self._room = Room(name, enter=self._enter, leave=self._outputs.aclose)
        self._id = ""
        self._swept_at = datetime.min.replace(tzinfo=UTC)

    @property
    def trusted_origins(self) -> frozenset[str]:
        """Its own loopback server, once that has handed out a URL."""
        return frozenset({self._outputs.origin} - {""})

    def owns(self, job: JobId) -> bool:
        """Whether the job's id is one of a shelf, this one or that of another machine."""
        return job.startswith(f"{self._name}-shelf-")

    async def submitted(self, key: str, request: Request, ask: Callable[[], Awaitable[Answered]]) -> Job:
        """The job of a vendor that answers with the output. `ask` is called once, or not at all where the key has a job already.

        Raises:
            NotSubmitted: there is no room on disk; nothing was asked.
            ProviderError: the key stands for another request, or what `ask` raises.
            InDoubt: the vendor gave no clear answer, or the answer could not be written.
        """
        known = await self.find(key, request)
        if known is not None:
            return known
        await self._room.ask(self._has_room())
        try:
            answered = await ask()
        except MadeNothing as error:
            if error.is_busy:
                raise Throttled(error.message, error.retry_after) from error
            return await self.failed(key, request, error)
        return await self.put(key, request, answered)

    async def put(self, key: str, request: Request | None, answered: Answered, *, name: JobId | None = None) -> Job:
        """Writes down what was paid for. What already lies under the key stays.

        Args:
            key: what it can be found by.
            request: what was asked for, where it was asked from here.
            answered: what came.
            name: the job's id, where it has one already: it stays the only one.

        Raises:
            InDoubt: it cannot be written, also after minutes.
        """
        reason = ""
        for left in reversed(range(_WRITE_TRIES)):
            try:
                if self._room.is_closed:  # it was paid for all the same
                    job = await asyncio.to_thread(self._keep, key, request, answered, name)
                    return Job(name or job, JobState.RUNNING)
                return await self._room.ask(self._put(key, request, answered, name))
            except (NotSubmitted, OSError) as error:
                reason = str(error)
                _log.error("shelf.not_written", provider=self._name, reason=reason, tries_left=left)
                await asyncio.sleep(_WRITE_PAUSE if left else 0)
        msg = f"{self._name} has made it, and it was lost, because it could not be written: {reason}"
        raise InDoubt(msg)

    async def failed(self, key: str, request: Request, error: MadeNothing) -> Job:
        """Writes down that the vendor failed."""
        charged = error.charged_micro_usd
        failure = Failure(
            error.message,
            is_retryable=True,
            is_charged=charged > 0,
            kind=FailureKind.INTERNAL,
            advice="Try again" + ("." if charged else ": this attempt is not charged."),
        )
        return await self._room.ask(self._fail(key, request, failure, charged))

    async def poll(self, job: JobId) -> Job:
        """The job, with a fresh URL.

        Raises:
            NotSubmitted: it lies on the shelf of another data folder.
            JobUnknown: it was thrown away.
        """
        return await self._room.ask(self._look(job))

    async def find(self, key: str, request: Request | None = None) -> Job | None:
        """The job that the key stands for.

        Raises:
            ProviderError: it stands for another request.
        """
        return await self._room.ask(self._find(key, request))

    async def jobs(self, since: datetime) -> list[Found]:
        """What was kept at or after `since` and is still there, newest first."""
        return await self._room.ask(self._listed(since))

    async def by_vendor_id(self) -> dict[str, JobId]:
        """Which of the vendor's ids are known here, also of jobs whose content has been thrown away."""
        return await self._room.ask(self._vendor_ids())

    async def aclose(self) -> None:
        """Stops the server."""
        await self._room.aclose()

    # -- in the room ------------------------------------------------------------------------------------------------------

    def _enter(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        name = self._folder / "id"
        if not name.exists():
            write(name, secrets.token_hex(4).encode())
        self._id = name.read_text(encoding="ascii")
        self._sweep()

    def _sweep(self) -> None:
        now = datetime.now(UTC)
        self._swept_at = now
        for part in self._folder.glob("*.part"):
            if part.stat().st_mtime < (now - _PART_KEPT).timestamp():
                part.unlink(missing_ok=True)
        for file in self._folder.glob("*.json"):
            note = self._read(JobId(file.stem))
            if note is None:
                continue
            done_at = note.sent_at if note.failure is None else note.at
            if done_at is not None and done_at < now - _CONTENT_KEPT:
                self._content(JobId(file.stem), note).unlink(missing_ok=True)
            if done_at is not None and done_at < now - _NOTE_KEPT:
                file.unlink(missing_ok=True)

    async def _has_room(self) -> None:
        if datetime.now(UTC) - self._swept_at > _SWEEP_EVERY:
            self._sweep()
        free = shutil.disk_usage(self._folder).free
        if free < _FREE_BYTES:
            msg = f"The disk is nearly full ({free >> 20} MiB left): nothing is bought from {self._name} that could not be kept."
            raise NotSubmitted(msg)

    async def _put(self, key: str, request: Request | None, answered: Answered, name: JobId | None) -> Job:
        return await self._look(self._keep(key, request, answered, name))

    def _keep(self, key: str, request: Request | None, answered: Answered, name: JobId | None) -> JobId:
        if (known := self._known(key)) is not None:
            return known
        job = self._new_id(key)
        note = _Note(
            **_facts(request),
            ending=_ENDINGS.get(answered.media_type, _OTHER),
            size=len(answered.content),
            sha256=hashlib.sha256(answered.content).hexdigest(),
            vendor_id=answered.vendor_id,
            name=name or "",
            charged_micro_usd=answered.charged_micro_usd,
        )
        self._save(job, note)
        write(self._content(job, note), answered.content)
        return job

    async def _fail(self, key: str, request: Request, failure: Failure, charged: int) -> Job:
        known = self._known(key)
        if known is None:
            known = self._new_id(key)
            self._save(known, _Note(**_facts(request), charged_micro_usd=charged, failure=failure))
        return await self._look(known)

    async def _find(self, key: str, request: Request | None) -> Job | None:
        job = self._known(key)
        note = None if job is None else self._read(job)
        if job is None or note is None:
            return None
        if request is not None and note.digest != request.digest:
            msg = "This intent was used for another request already."
            raise ProviderError(msg)
        return await self._look(job)

    async def _look(self, job: JobId) -> Job:
        note = self._read(job) if self._is_an_id(job) else None
        if note is None and self.owns(job) and not job.startswith(self._prefix):
            msg = (
                f"What {self._name} made lies in another data folder: use that one, or copy its folder `providers` into this one."
            )
            raise NotSubmitted(msg)
        if note is None or not self._is_there(job, note):
            msg = f"{self._name} has no job {job} (any more)."
            raise JobUnknown(msg)
        told = JobId(note.name) or job
        if note.failure is not None:
            return Job(told, JobState.FAILED, failure=note.failure, charged_micro_usd=note.charged_micro_usd)
        url = await self._outputs.url(self._content(job, note).name)
        output = Output(url, _TYPES.get(note.ending, "application/octet-stream"), note.size, note.sha256)
        return Job(told, JobState.SUCCEEDED, Fraction(1), (output,), charged_micro_usd=note.charged_micro_usd)

    async def _listed(self, since: datetime) -> list[Found]:
        notes = {JobId(file.stem): self._read(JobId(file.stem)) for file in self._folder.glob("*.json")}
        return [
            Found(await self._look(job), note.model.partition(":")[2], note.kind, note.prompt, note.at)
            for job, note in sorted(notes.items(), key=lambda item: item[1].at if item[1] else since, reverse=True)
            if note is not None and note.kind is not None and note.at >= since and self._is_there(job, note)
        ]

    async def _vendor_ids(self) -> dict[str, JobId]:
        notes = {JobId(file.stem): self._read(JobId(file.stem)) for file in self._folder.glob("*.json")}
        return {note.vendor_id: JobId(note.name) or job for job, note in notes.items() if note is not None and note.vendor_id}

    def _sent(self, name: str) -> None:
        job = JobId(name.rpartition(".")[0])
        note = self._read(job)
        if note is None:
            return
        try:
            self._save(job, note.model_copy(update={"sent_at": datetime.now(UTC)}))
        except OSError as error:
            _log.warning("shelf.not_noted", job=job, reason=error.strerror)  # then it is only kept for longer

    def _known(self, key: str) -> JobId | None:
        """The job that the key stands for, on whatever machine it was made: one whose content came home counts for ever."""
        for file in self._folder.glob(f"{self._name}-shelf-*-{_digest(key)}.json"):
            job = JobId(file.stem)
            note = self._read(job)
            if note is not None and (note.sent_at is not None or self._is_there(job, note)):
                return job
        return None

    def _is_there(self, job: JobId, note: _Note) -> bool:
        return note.failure is not None or self._content(job, note).exists()

    def _content(self, job: JobId, note: _Note) -> Path:
        return self._folder / f"{job}.{note.ending or _OTHER}"

    @property
    def _prefix(self) -> str:
        return f"{self._name}-shelf-{self._id}-"

    def _new_id(self, key: str) -> JobId:
        return JobId(f"{self._prefix}{_digest(key)}")

    def _is_an_id(self, job: JobId) -> bool:
        return self.owns(job) and _ID.fullmatch(job.removeprefix(f"{self._name}-shelf-")) is not None

    def _read(self, job: JobId) -> _Note | None:
        try:
            return _NOTE.validate_json((self._folder / f"{job}.json").read_bytes())
        except (FileNotFoundError, ValidationError, ValueError):
            return None

    def _save(self, job: JobId, note: _Note) -> None:
        write(self._folder / f"{job}.json", _NOTE.dump_json(note))


def _facts(request: Request | None) -> dict[str, Any]:
    """What a note says of the request."""
    told = {"digest": request.digest, "model": request.model, "kind": request.kind, "prompt": request.prompt} if request else {}
    return {"at": datetime.now(UTC), **told}


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:32]
