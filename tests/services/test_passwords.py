"""A flood of sign-ins waits in a line of a certain length, and takes no more than a few threads."""

from __future__ import annotations

import asyncio
import os
import threading

from argon2 import PasswordHasher

from doors import CHEAP, PHRASE
from reelwright.errors import TooManyTries
from reelwright.services.passwords import Passwords


async def test_a_flood_of_sign_ins_takes_half_of_the_cores_and_the_rest_is_asked_to_come_back() -> None:
    passwords = Passwords(PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1))
    asked = [asyncio.create_task(passwords.matches(PHRASE, None)) for _ in range(200)]
    await asyncio.sleep(0)
    threads = [each for each in threading.enumerate() if each.name.startswith("password")]
    ended = await asyncio.gather(*asked, return_exceptions=True)
    passwords.close()
    assert 1 <= len(threads) <= max(1, (os.cpu_count() or 1) // 2)
    assert ended.count(False) == 64
    assert sum(isinstance(each, TooManyTries) for each in ended) == 136


async def test_a_hash_is_argon2id_and_the_same_password_on_another_keyboard_opens() -> None:
    passwords = Passwords(CHEAP)
    kept = await passwords.hash("Zürich und Öl am See")
    assert kept.startswith("$argon2id$")
    assert await passwords.matches("Zu\u0308rich und O\u0308l am See", kept)
    assert not await passwords.matches("Zurich und Ol am See", kept)
    assert not await passwords.matches("", None)
    assert not await passwords.matches(PHRASE, "what was never a hash")
    passwords.close()


async def test_the_usual_cost_is_that_of_the_standard() -> None:
    passwords = Passwords()
    kept = await passwords.hash(PHRASE)
    passwords.close()
    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
