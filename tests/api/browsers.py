"""Browsers: what they send of themselves, and people who sign in with them."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from itertools import count
from typing import Any

import httpx2

from reelwright.domain.account import Role
from reelwright.domain.ids import UserId
from serving import House

PHRASE = "four words in a row"
OTHER = "another four words in a row"
_machines = count(1)


NAVIGATING = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "none"}
"""What a browser says when a person opens a page."""


@contextmanager
def browser(house: House, **headers: str) -> Generator[httpx2.Client]:
    """A browser of its own machine, in which a page of ours is open."""
    machine = f"198.51.100.{next(_machines)}"
    with house.stranger(headers={"Origin": house.origin, "X-Forwarded-For": machine, **headers}) as client:
        yield client


def with_password(house: House, name: str, role: Role = Role.MEMBER, password: str = PHRASE) -> UserId:
    """A person who can sign in."""
    user = house.person(name, role)
    path = house.run(lambda studio: studio.links.invite(user))
    with browser(house) as client:
        answer = client.post("/api/v1/password", json={"key": path.partition("key=")[2], "password": password})
        assert answer.status_code == 200, answer.text
    return user


def sign_in(client: httpx2.Client, name: str, password: str = PHRASE) -> Any:
    """What signing in is answered with."""
    return client.post("/api/v1/session", json={"email": f"{name}@example.com", "password": password})
