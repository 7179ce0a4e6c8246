"""The doors of a studio without the rest of it: real rows, a clock that a test turns, and hashes that cost little."""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from reelwright.db.engine import Database
from reelwright.domain.account import Role, User
from reelwright.services.accounts import Accounts
from reelwright.services.attempts import Attempts
from reelwright.services.links import Links
from reelwright.services.passwords import Passwords
from reelwright.services.sessions import Sessions, Visitor
from reelwright.services.sign_in import Entry, SignIn

CHEAP = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1)
PHRASE = "four words in a row"
OTHER = "another four words in a row"


@dataclass
class Clock:
    """A clock that a test turns."""

    now: datetime = datetime(2026, 11, 21, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def turn(self, **by: float) -> None:
        self.now += timedelta(**by)


class CountedPasswords(Passwords):
    """Real ones that say how often one was compared."""

    compared = 0

    async def matches(self, password: str, kept: str | None) -> bool:
        self.compared += 1
        return await super().matches(password, kept)


@dataclass
class Doors:
    """The services that let people in."""

    database: Database
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        ids = count()

        def new_id(prefix: str) -> str:
            return f"{prefix}_{next(ids):026}"

        self.accounts = Accounts(self.database, now=self.clock, new_id=new_id)
        self.links = Links(self.database, self.accounts, now=self.clock)
        self.passwords = CountedPasswords(CHEAP)
        self.attempts = Attempts(self.database, now=self.clock)
        self.sessions = Sessions(self.database, now=self.clock, new_id=new_id)
        self.sign_in = SignIn(self.database, self.passwords, self.attempts, self.sessions, self.links, now=self.clock)

    async def person(self, name: str, role: Role = Role.MEMBER, password: str = PHRASE) -> User:
        """Somebody who has chosen a password."""
        user = await self.accounts.add(f"{name}@example.com", role=role)
        key = (await self.links.invite(user.id)).partition("key=")[2]
        return (await self.sign_in.by_link(key, password, Visitor())).user

    async def enter(self, name: str, password: str = PHRASE, **visitor: str) -> Entry:
        """Signs in."""
        return await self.sign_in.by_password(f"{name}@example.com", password, Visitor(**visitor))

    def close(self) -> None:
        self.passwords.close()
        self.database.close()


@pytest.fixture
async def doors(tmp_path: Path) -> AsyncIterator[Doors]:
    """The doors of a new studio."""
    with opened(f"sqlite:///{tmp_path}/doors.db") as made:
        yield made


@pytest.fixture
async def both_doors(database_url: str) -> AsyncIterator[Doors]:
    """The same on each kind of database, for what happens at once."""
    with opened(database_url) as made:
        yield made


@contextmanager
def opened(url: str) -> Generator[Doors]:
    database = Database(url)
    database.migrate()
    made = Doors(database)
    try:
        yield made
    finally:
        made.close()
