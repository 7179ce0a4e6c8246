"""Who comes in, by which door, and what of it somebody else could use."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime

import pytest
import sqlalchemy as sa
from argon2 import PasswordHasher

from doors import CHEAP, OTHER, PHRASE, Doors, both_doors, doors
from reelwright.db import accounts
from reelwright.db.account_tables import LinkRow, SessionRow, TokenRow, UserRow
from reelwright.db.engine import Session
from reelwright.domain.account import Purpose, Role, Scope
from reelwright.errors import Conflict, Forbidden, InvalidInput, NotFound, NotSignedIn, TooManyTries
from reelwright.services.passwords import check_password
from reelwright.services.sessions import IDLE, LONGEST, Visitor

__all__ = ["both_doors", "doors"]


async def test_a_password_opens_and_a_cookie_says_who_came(both_doors: Doors) -> None:
    ann = await both_doors.person("ann")
    entry = await both_doors.enter("ANN", device="Firefox")
    caller = await both_doors.sessions.by_cookie(entry.secret)
    assert caller is not None
    assert caller.user.id == ann.id
    assert caller.scopes == Role.MEMBER.scopes
    assert "Firefox" in [each.device for each in await both_doors.sessions.of(ann.id)]


async def test_an_unknown_address_is_answered_and_costs_as_a_wrong_password_does(doors: Doors) -> None:
    await doors.person("ann")
    answers: list[str] = []
    for name in ("ann", "nobody"):
        before = doors.passwords.compared
        with pytest.raises(NotSignedIn) as refused:
            await doors.enter(name, OTHER)
        answers.append(refused.value.message)
        assert doors.passwords.compared == before + 1
    assert answers[0] == answers[1]


async def test_who_has_no_password_or_is_disabled_is_refused_in_the_same_words(doors: Doors) -> None:
    await doors.accounts.add("new@example.com")
    gone = await doors.person("gone")
    await doors.accounts.change(gone.id, is_disabled=True)
    for name, password in (("new", ""), ("new", PHRASE), ("gone", PHRASE)):
        with pytest.raises(NotSignedIn, match=r"^The address or the password is wrong\.$"):
            await doors.enter(name, password)


async def test_guessing_gets_slower_and_the_right_password_waits_as_well(doors: Doors) -> None:
    await doors.person("ann")
    for _ in range(5):
        with pytest.raises(NotSignedIn):
            await doors.enter("ann", OTHER)
    doors.clock.turn(milliseconds=100)
    with pytest.raises(TooManyTries) as early:
        await doors.enter("ann", client="192.0.2.7")
    assert 0 < early.value.retry_after <= 1
    doors.clock.turn(seconds=1)
    with pytest.raises(NotSignedIn):
        await doors.enter("ann", OTHER)
    doors.clock.turn(seconds=1)
    with pytest.raises(TooManyTries) as later:
        await doors.enter("ann")
    assert later.value.retry_after > early.value.retry_after
    doors.clock.turn(seconds=1)
    await doors.enter("ann")
    with pytest.raises(NotSignedIn):  # whoever knew the password begins anew
        await doors.enter("ann", OTHER)


async def test_what_no_keyboard_writes_is_nobodys(both_doors: Doors) -> None:
    odd = "a\x00\u202e"
    with pytest.raises(NotSignedIn):
        await both_doors.enter(odd, odd)
    for ask in (both_doors.accounts.get(odd), both_doors.accounts.revoke_token(odd, None)):
        with pytest.raises(NotFound):
            await ask
    with pytest.raises(NotFound):
        await both_doors.sessions.end((await both_doors.accounts.owner()).id, odd)
    with pytest.raises(InvalidInput):
        await both_doors.accounts.add(f"{odd}@example.com")


async def test_a_thousand_guesses_at_once_are_no_better_than_in_a_row(both_doors: Doors) -> None:
    await both_doors.person("ann")
    before = both_doors.passwords.compared
    ended = await asyncio.gather(*(both_doors.enter("ann", f"{OTHER} {number}") for number in range(40)), return_exceptions=True)
    assert both_doors.passwords.compared - before <= 5
    assert sum(isinstance(each, TooManyTries) for each in ended) >= 35


async def test_one_client_that_tries_many_addresses_is_slowed_down(doors: Doors) -> None:
    for number in range(20):
        with pytest.raises(NotSignedIn):
            await doors.enter(f"guess-{number}", client="2001:db8::1")
    with pytest.raises(TooManyTries):  # another address of the same machine
        await doors.enter("one-more", client="2001:db8::2")
    with pytest.raises(NotSignedIn):
        await doors.enter("one-more", client="2001:db8:1::1")


async def test_the_session_that_a_browser_came_with_ends_when_it_signs_in(doors: Doors) -> None:
    await doors.person("ann")
    await doors.person("eve")
    planted = await doors.enter("eve")
    entry = await doors.enter("ann", session=planted.secret)
    assert entry.secret != planted.secret
    assert await doors.sessions.by_cookie(planted.secret) is None
    made_up = await doors.enter("ann", session="chosen by somebody else")
    assert await doors.sessions.by_cookie("chosen by somebody else") is None
    assert await doors.sessions.by_cookie(made_up.secret) is not None


async def test_a_session_slides_and_ends_for_good(doors: Doors) -> None:
    ann = await doors.person("ann")
    entry = await doors.enter("ann")
    for _ in range(5):
        doors.clock.turn(days=25)
        assert await doors.sessions.by_cookie(entry.secret) is not None
    doors.clock.turn(days=29)
    assert await doors.sessions.by_cookie(entry.secret) is not None
    doors.clock.turn(days=29)
    assert doors.clock.now - await begun(doors, ann.id) > LONGEST
    assert await doors.sessions.by_cookie(entry.secret) is None
    entry = await doors.enter("ann")
    doors.clock.now += IDLE
    assert await doors.sessions.by_cookie(entry.secret) is None
    assert await doors.sessions.of(ann.id) == []


async def begun(doors: Doors, user: str) -> datetime:
    """When the person's youngest session began."""

    def look(session: Session) -> datetime:
        return max(session.scalars(sa.select(SessionRow.created_at).where(SessionRow.user_id == user)))

    return await doors.database.read(look)


async def test_a_link_works_once_even_when_it_is_followed_twice_at_once(both_doors: Doors) -> None:
    user = await both_doors.accounts.add("ann@example.com")
    key = (await both_doors.links.invite(user.id)).partition("key=")[2]
    ended = await asyncio.gather(
        both_doors.sign_in.by_link(key, PHRASE, Visitor()),
        both_doors.sign_in.by_link(key, OTHER, Visitor()),
        return_exceptions=True,
    )
    assert sum(isinstance(each, NotFound) for each in ended) == 1
    assert (await both_doors.accounts.get(user.id)).has_password
    with pytest.raises(NotFound):
        await both_doors.sign_in.by_link(key, PHRASE, Visitor())


async def test_a_link_ends_with_its_time_with_its_person_and_with_another_password(doors: Doors) -> None:
    ann = await doors.person("ann")
    old, newer, newest = [(await doors.links.invite(ann.id)).partition("key=")[2] for _ in range(3)]
    await doors.sign_in.by_link(newer, OTHER, Visitor())
    for key in (old, newest):
        with pytest.raises(NotFound):
            await doors.links.person_of(key, Purpose.PASSWORD)
    late = (await doors.links.invite(ann.id)).partition("key=")[2]
    doors.clock.turn(days=7)
    with pytest.raises(NotFound):
        await doors.links.person_of(late, Purpose.PASSWORD)
    gone = (await doors.links.invite(ann.id)).partition("key=")[2]
    await doors.accounts.change(ann.id, is_disabled=True)
    with pytest.raises(NotFound):
        await doors.sign_in.by_link(gone, PHRASE, Visitor())
    with pytest.raises(Conflict):
        await doors.links.invite(ann.id)


async def test_a_password_link_is_no_set_up_link(doors: Doors) -> None:
    ann = await doors.accounts.add("ann@example.com")
    key = (await doors.links.invite(ann.id)).partition("key=")[2]
    with pytest.raises(NotFound):
        await doors.sign_in.set_up(key, None, email="eve@example.com", name="Eve", password=PHRASE, visitor=Visitor())


async def test_another_password_ends_every_session_and_needs_the_current_one(doors: Doors) -> None:
    ann = await doors.person("ann")
    stolen, mine = await doors.enter("ann"), await doors.enter("ann")
    with pytest.raises(Forbidden):
        await doors.sign_in.change_password(ann.id, OTHER, OTHER, Visitor(session=mine.secret))
    entry = await doors.sign_in.change_password(ann.id, PHRASE, OTHER, Visitor(session=mine.secret))
    assert await doors.sessions.by_cookie(stolen.secret) is None
    assert await doors.sessions.by_cookie(mine.secret) is None
    assert await doors.sessions.by_cookie(entry.secret) is not None
    await doors.enter("ann", OTHER)
    with pytest.raises(NotSignedIn):
        await doors.enter("ann")


async def test_the_current_password_cannot_be_guessed_in_a_stolen_session(doors: Doors) -> None:
    ann = await doors.person("ann")
    for number in range(5):
        with pytest.raises(Forbidden):
            await doors.sign_in.change_password(ann.id, f"guess {number}", OTHER, Visitor())
    with pytest.raises(TooManyTries):
        await doors.sign_in.change_password(ann.id, PHRASE, OTHER, Visitor())


async def test_a_new_studio_is_set_up_once(both_doors: Doors) -> None:
    first, second = await both_doors.links.welcome(), await both_doors.links.welcome()
    assert first is not None
    assert second is not None
    visitor, wanted = Visitor(), {"email": "Own@Example.com", "name": "", "password": PHRASE}
    entry = await both_doors.sign_in.set_up(first.partition("key=")[2], None, **wanted, visitor=visitor)
    assert (entry.user.email, entry.user.name, entry.user.role) == ("own@example.com", "Owner", Role.OWNER)
    assert await both_doors.links.welcome() is None
    for key in (first, second):
        with pytest.raises(NotFound):
            await both_doors.sign_in.set_up(key.partition("key=")[2], None, **wanted, visitor=visitor)
    with pytest.raises(Forbidden):
        await both_doors.sign_in.set_up("", None, **wanted, visitor=visitor)


async def test_nobody_needs_a_word_until_somebody_can_sign_in(doors: Doors) -> None:
    await doors.accounts.owner()
    entry = await doors.sign_in.without_ceremony(Visitor())
    assert entry is not None
    caller = await doors.sessions.by_cookie(entry.secret)
    assert caller is not None
    await doors.person("ann")
    assert await doors.sign_in.without_ceremony(Visitor()) is None
    assert await doors.links.welcome() is not None  # the owner themselves still cannot
    with pytest.raises(Conflict):
        await doors.sign_in.set_up("", caller, email="ann@example.com", name="", password=PHRASE, visitor=Visitor())
    after = await doors.sign_in.set_up("", caller, email="own@example.com", name="Own", password=PHRASE, visitor=Visitor())
    assert await doors.sessions.by_cookie(entry.secret) is None
    again = await doors.sessions.by_cookie(after.secret)
    with pytest.raises(Forbidden):
        await doors.sign_in.set_up("", again, email="own@example.com", name="Own", password=OTHER, visitor=Visitor())


async def test_a_disabled_person_is_out_at_once(doors: Doors) -> None:
    ann = await doors.person("ann")
    entry = await doors.enter("ann")
    _, text = await doors.accounts.create_token(ann.id, "films")
    await doors.accounts.change(ann.id, is_disabled=True)
    assert await doors.sessions.by_cookie(entry.secret) is None
    assert await doors.accounts.by_token(text) is None
    with pytest.raises(NotSignedIn):
        await doors.sign_in.enter(ann, Visitor())
    with pytest.raises(Conflict):
        await doors.accounts.create_token(ann.id, "more")
    await doors.accounts.change(ann.id, is_disabled=False)
    assert await doors.sessions.by_cookie(entry.secret) is None
    assert await doors.accounts.by_token(text) is None
    await doors.enter("ann")


async def test_the_last_owner_stays_one_whoever_asks_at_the_same_time(both_doors: Doors) -> None:
    own = await both_doors.accounts.owner()
    ann = await both_doors.person("ann", Role.OWNER)
    ended = await asyncio.gather(
        both_doors.accounts.change(own.id, is_disabled=True),
        both_doors.accounts.change(ann.id, role=Role.MEMBER),
        return_exceptions=True,
    )
    assert sum(isinstance(each, Conflict) for each in ended) == 1
    left = [each for each in await both_doors.accounts.everybody() if each.role is Role.OWNER and not each.disabled_at]
    assert len(left) == 1


async def test_a_token_does_no_more_than_its_maker_and_lives_no_longer(doors: Doors) -> None:
    ann = await doors.person("ann")
    doors.clock.turn(days=1)
    ends = doors.clock.now
    doors.clock.turn(days=-1)
    _, narrow = await doors.accounts.create_token(ann.id, "narrow", scopes=[Scope.READ, Scope.WRITE], expires_at=ends)
    caller = await doors.accounts.by_token(narrow)
    assert caller is not None
    with pytest.raises(Forbidden, match="produce"):
        await doors.accounts.create_token(ann.id, "wide", scopes=[Scope.READ, Scope.PRODUCE], by=caller)
    child, text = await doors.accounts.create_token(ann.id, "child", by=caller)
    assert child.scopes == {Scope.READ, Scope.WRITE}
    assert child.expires_at == ends
    await doors.accounts.change(ann.id, role=Role.VIEWER)
    after = await doors.accounts.by_token(text)
    assert after is not None
    assert after.scopes == {Scope.READ}
    doors.clock.now = ends
    assert await doors.accounts.by_token(text) is None


async def test_a_token_takes_along_what_was_made_with_it(doors: Doors) -> None:
    ann = await doors.person("ann")
    leaked, text = await doors.accounts.create_token(ann.id, "leaked")
    _, apart = await doors.accounts.create_token(ann.id, "apart")
    texts = [text]
    for name in ("child", "grandchild"):
        caller = await doors.accounts.by_token(texts[-1])
        _, made = await doors.accounts.create_token(ann.id, name, by=caller)
        texts.append(made)
    await doors.accounts.revoke_token(leaked.id, ann.id)
    assert [await doors.accounts.by_token(each) for each in texts] == [None] * 3
    assert await doors.accounts.by_token(apart) is not None


async def test_a_hash_of_other_parameters_is_renewed_at_the_next_sign_in(doors: Doors) -> None:
    ann = await doors.person("ann")
    older = PasswordHasher(time_cost=2, memory_cost=1024, parallelism=1).hash(PHRASE)
    await doors.database.write(lambda session: accounts.set_password(session, ann.id, older))
    await doors.enter("ann")
    kept = await doors.database.read(lambda session: accounts.password_of(session, ann.id))
    assert kept is not None
    assert kept != older
    assert not CHEAP.check_needs_rehash(kept)
    await doors.enter("ann")


async def test_only_hashes_and_digests_are_kept(doors: Doors) -> None:
    ann = await doors.person("ann")
    entry = await doors.enter("ann")
    _, text = await doors.accounts.create_token(ann.id, "films")
    key = (await doors.links.invite(ann.id)).partition("key=")[2]
    with pytest.raises(NotSignedIn):
        await doors.enter("typed in the wrong field")

    def everything(session: Session) -> str:
        return json.dumps(
            [
                [str(value) for value in row]
                for table in (UserRow, SessionRow, TokenRow, LinkRow)
                for row in session.execute(sa.select(table.__table__))
            ]
        ) + str(session.execute(sa.text("SELECT subject FROM reel_attempts")).all())

    stored = await doors.database.read(everything)
    assert "$argon2id$" in stored
    for secret in (PHRASE, entry.secret, text, key, "wrong field"):
        assert secret not in stored


@pytest.mark.parametrize("password", ["", "short", "aaaaaaaaaaaaaaaa", "ann@example.com", "x" * 300])
def test_what_others_would_guess_first_is_no_password(password: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        check_password(password, known="ann@example.com")
    assert not password or password not in refused.value.message
