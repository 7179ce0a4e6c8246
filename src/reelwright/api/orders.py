"""What requests for runs say, whichever route they take: who makes it, what it may cost, the key under which it is done once."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from fractions import Fraction
from typing import Annotated

from fastapi import Depends, Header, Request
from pydantic import BaseModel, ConfigDict, Field

from reelwright.api.callers import CallerHere
from reelwright.domain.aim import LONGEST_NOTE, MOST_AT_ONCE, MOST_TRIES, TRIES, Aim
from reelwright.domain.budget import MICRO, decimal_usd
from reelwright.domain.generation import Kind
from reelwright.domain.ids import ShotId
from reelwright.domain.production import Models
from reelwright.domain.timing import AspectRatio
from reelwright.errors import InvalidInput
from reelwright.services.briefs import Providers
from reelwright.services.productions import QuoteLine
from reelwright.services.tickets import Ticket

Usd = Annotated[str, Field(pattern=r"^\d{1,7}(\.\d{1,6})?$", examples=["5.00"])]
"""Dollars, as an exact decimal number in a string."""
Text = Annotated[str, Field(max_length=LONGEST_NOTE)]
Model = Annotated[str, Field(max_length=200, examples=["animatic:camera"])]
ShotName = Annotated[str, Field(min_length=1, max_length=64, examples=["shot-01"])]


class ModelChoice(BaseModel):
    """Who makes what, as `provider:model`. For what is left empty that is who the draft names, or else the studio's settings."""

    model_config = ConfigDict(extra="forbid")

    text: Model = Field(default="", description="Who writes.")
    image: Model = Field(default="", description="Who draws frames.")
    video: Model = Field(default="", description="Who makes clips.")
    voice: Model = Field(default="", description="Who speaks; `none` for nobody.")

    def providers(self) -> Providers:
        """As services know them."""
        return Providers(**self.model_dump())


class UsedModels(BaseModel):
    """Who makes what, settled."""

    text: str = Field(examples=["template:plain"])
    image: str = Field(examples=["animatic:cards"])
    video: str = Field(examples=["animatic:camera"])
    voice: str | None = Field(description="Null for nobody.", examples=["espeak:scratch"])


class AimFields(BaseModel):
    """What a run is to make. All left out: the whole film."""

    model_config = ConfigDict(extra="forbid")

    kinds: list[Kind] = Field(
        default=list(Kind),
        max_length=len(Kind),
        description="The takes that every shot is to have; an empty list only cuts and renders what there is.",
    )
    shots: list[ShotName] | None = Field(
        default=None, max_length=60, description="Which shots; all of them where it is left out."
    )
    film: bool = Field(
        default=True,
        description="Whether it ends in a film. What does not runs beside the campaign's run and leaves its status alone.",
    )
    fresh: bool = Field(default=False, description="New takes are asked for, and paid, although equal ones are kept; those stay.")
    select: bool = Field(default=True, description="Whether what is kept is used from then on; else only where nothing else is.")
    note: Text = Field(default="", description="What is to be different, beside what the shot says; for one kind at a time.")
    prompt: Text = Field(default="", description="What is asked instead of what the shot says; for one kind at a time.")
    ratio: AspectRatio | None = Field(default=None, description="The shape of frames and clips, where that is not the film's.")
    seconds: float | None = Field(
        default=None, gt=0, le=60, description="How long clips are to be, where not as long as their shots."
    )
    at_once: int = Field(
        default=0, ge=0, le=MOST_AT_ONCE, description="Shots that are worked on at the same time at most; 0: any."
    )
    tries: int = Field(
        default=TRIES, ge=1, le=MOST_TRIES, description="How often a take is tried that failed for a passing reason."
    )

    def aim(self) -> Aim:
        """As services know it."""
        return Aim(
            kinds=tuple(kind for kind in Kind if kind in self.kinds),
            shots=None if self.shots is None else tuple(ShotId(shot) for shot in dict.fromkeys(self.shots)),
            makes_film=self.film,
            is_fresh=self.fresh,
            selects=self.select,
            note=self.note.strip(),
            prompt=self.prompt.strip(),
            ratio=self.ratio,
            seconds=None if self.seconds is None else Fraction(str(self.seconds)),
            at_once=self.at_once,
            tries=self.tries,
        )


class Line(BaseModel):
    """One line of a price."""

    what: str = Field(examples=["clips"])
    model: str = Field(examples=["runway:gen4_turbo"])
    count: int
    usd: str = Field(description="For all of them together, at most and without retries.", examples=["1.5"])


def aim_fields(aim: Aim) -> AimFields:
    """As it is shown."""
    return AimFields(
        kinds=list(aim.kinds),
        shots=None if aim.shots is None else list(aim.shots),
        film=aim.makes_film,
        fresh=aim.is_fresh,
        select=aim.selects,
        note=aim.note,
        prompt=aim.prompt,
        ratio=aim.ratio,
        seconds=None if aim.seconds is None else float(aim.seconds),
        at_once=aim.at_once,
        tries=aim.tries,
    )


def used_models(models: Models) -> UsedModels:
    """As they are shown."""
    return UsedModels(text=models.text, image=models.frame, video=models.clip, voice=models.voice)


def priced(line: QuoteLine) -> Line:
    """As it is shown."""
    return Line(what=line.what, model=line.model, count=line.count, usd=decimal_usd(line.micro_usd))


def micro(amount: str | None) -> int | None:
    """Micro-dollars of what was said."""
    return None if amount is None else int(Decimal(amount) * MICRO)


async def _ticket(
    request: Request,
    caller: CallerHere,
    key: Annotated[
        str,
        Header(
            alias="Idempotency-Key",
            min_length=1,
            max_length=200,
            description="A new one of your own for every wish, such as a UUID. What is asked twice under one key is done once.",
        ),
    ],
) -> Ticket:
    asked = f"{request.method} {request.url.path}\0{request.headers.get('if-match', '')}\0".encode() + await request.body()
    return Ticket(caller.user.id, key, hashlib.sha256(asked).hexdigest())


def _version(
    if_match: Annotated[str, Header(max_length=100, description="The `ETag` of the draft that was reviewed.")] = "",
) -> int | None:
    tag = if_match.strip()
    if tag in {"", "*"}:
        return None
    number = tag.removeprefix("W/").strip('"')
    if not (number.isascii() and number.isdigit() and len(number) < 16):  # noqa: PLR2004 - what a column holds
        msg = f"If-Match: {tag[:40]} is not the ETag of a draft."
        raise InvalidInput(msg)
    return int(number)


TicketHere = Annotated[Ticket, Depends(_ticket)]
VersionHere = Annotated[int | None, Depends(_version)]
