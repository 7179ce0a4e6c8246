"""Hooks: what is told to whom, how often, signed by what, and what nobody can make us call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy.orm import Session
from standardwebhooks import Webhook, WebhookVerificationError

from doors import Clock
from hearing import Ear, hearing
from reelwright.db import campaigns, events, hooks
from reelwright.db.engine import Database
from reelwright.domain.brief import Brief
from reelwright.domain.campaign import Campaign, CampaignStatus, Document
from reelwright.domain.event import EventName
from reelwright.domain.hook import TOLD, WAITS, Delivery, DeliveryState
from reelwright.domain.ids import CampaignId, UserId
from reelwright.errors import AddressRefused, Conflict, InvalidInput, NotFound
from reelwright.net import Net
from reelwright.services.accounts import Accounts
from reelwright.services.couriers import Couriers
from reelwright.services.hooks import MOST, Hooks
from reelwright.services.keys import Keys
from reelwright.services.sealing import Safe

ANN, BOB = UserId("ann"), UserId("bob")
KEPT, DONE = EventName.TAKE_KEPT, EventName.PRODUCTION_COMPLETED


@dataclass
class Desk:
    """Hooks and couriers on a database, with a campaign of each person's, and a clock that a test turns."""

    database: Database
    clock: Clock
    net: Net
    safe: Safe
    hooks: Hooks
    couriers: Couriers

    async def happens(self, name: EventName = KEPT, whose: UserId = ANN, **facts: str) -> None:
        await self.database.write(lambda session: events.append(session, CampaignId(f"of-{whose}"), name, self.clock(), **facts))

    async def tell(self) -> None:
        """What a leader does at each look."""
        await self.couriers.collect()
        await self.couriers.send()

    async def told(self, hook: str) -> list[Delivery]:
        """What there is to tell the hook, oldest first."""
        return (await self.hooks.deliveries(hook))[::-1]

    def other(self) -> Couriers:
        """Those of another process on the same database."""
        return Couriers(self.database, self.safe, self.net, now=self.clock, new_id=lambda prefix: f"{prefix}_x{next(_others):05}")


_others = count()


@asynccontextmanager
async def opened(url: str, home: Path) -> AsyncGenerator[Desk]:
    ids, clock = count(), Clock(datetime.now(UTC))

    def new_id(prefix: str) -> str:
        return f"{prefix}_{next(ids):026}"

    database = Database(url)
    database.migrate()
    net, safe = Net(allow_private={"127.0.0.1"}), Safe(home, "")
    for user in (ANN, BOB):
        document = Document(Brief("A cup that keeps tea warm", "Cup"))
        campaign = Campaign(CampaignId(f"of-{user}"), user, CampaignStatus.DRAFT, 1, document, clock())
        database.write_now(lambda session, each=campaign: campaigns.insert(session, each))
    made = Hooks(database, safe, net, now=clock, new_id=new_id)
    try:
        yield Desk(database, clock, net, safe, made, Couriers(database, safe, net, now=clock, new_id=new_id))
    finally:
        await net.aclose()
        database.close()


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with opened(f"sqlite:///{tmp_path}/hooks.db", tmp_path) as made:
        yield made


@pytest.fixture
async def both_desks(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with opened(database_url, tmp_path) as made:
        yield made


@pytest.fixture
async def big_desk(postgres_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with opened(postgres_url, tmp_path) as made:
        yield made


@pytest.fixture
def ear() -> Iterator[Ear]:
    with hearing() as listening:
        yield listening


async def test_what_happens_is_told_once_signed_and_logged(both_desks: Desk, ear: Ear) -> None:
    await both_desks.happens(facts="before")
    hook, secret = await both_desks.hooks.create(ANN, ear.url)
    await both_desks.happens(take="take_1")
    await both_desks.happens(whose=BOB)
    await both_desks.happens(EventName.TAKE_PROGRESSED)
    await both_desks.happens(DONE, production="production_1")
    await both_desks.tell()
    await both_desks.tell()
    assert sorted(ear.names) == ["production.completed", "take.kept"]
    kept = next(each for each in ear.heard if each.body["type"] == "take.kept")
    assert Webhook(secret).verify(kept.content, kept.headers) == kept.body
    assert kept.body["data"] == {"campaign": "of-ann", "number": 2, "take": "take_1"}
    assert kept.headers["content-type"] == "application/json"
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(kept.content.replace(b"take_1", b"take_2"), kept.headers)
    log = await both_desks.told(hook.id)
    assert [(each.name, each.state, each.status, each.tries) for each in log] == [
        ("take.kept", DeliveryState.DELIVERED, 204, 1),
        ("production.completed", DeliveryState.DELIVERED, 204, 1),
    ]
    assert kept.id == log[0].id


async def test_a_hook_hears_only_of_what_it_wants(desk: Desk, ear: Ear) -> None:
    await desk.hooks.create(ANN, ear.url, [DONE])
    for name in TOLD:
        await desk.happens(name)
    await desk.tell()
    assert ear.names == [DONE.value]
    with pytest.raises(InvalidInput, match=r"take\.progressed"):
        await desk.hooks.create(ANN, ear.url, [EventName.TAKE_PROGRESSED])


async def test_two_who_read_at_once_write_each_event_once(both_desks: Desk, ear: Ear) -> None:
    hook, _ = await both_desks.hooks.create(ANN, ear.url)
    for _ in range(20):
        await both_desks.happens()
    await asyncio.gather(both_desks.couriers.collect(), *(both_desks.other().collect() for _ in range(3)))
    serials = [each.serial for each in await both_desks.told(hook.id)]
    assert len(serials) == len(set(serials)) == 20


async def test_an_event_that_is_committed_late_is_told_too(big_desk: Desk, ear: Ear) -> None:
    """On SQLite one transaction writes at a time, so there is none."""
    await big_desk.hooks.create(ANN, ear.url)
    await big_desk.hooks.create(BOB, ear.url)
    with big_desk.database.connect() as connection, Session(connection) as late:
        events.append(late, CampaignId("of-bob"), KEPT, big_desk.clock(), who="late")
        late.flush()
        await big_desk.happens(who="early")
        await big_desk.tell()
        late.commit()
    await big_desk.tell()
    assert sorted(each.body["data"]["who"] for each in ear.heard) == ["early", "late"]


async def test_what_fails_is_sent_again_under_the_same_id_and_given_up_in_the_end(desk: Desk, ear: Ear) -> None:
    hook, _ = await desk.hooks.create(ANN, ear.url)
    await desk.happens()
    ear.status = 500
    for number, wait in enumerate(WAITS, 1):
        await desk.tell()
        await desk.tell()
        assert len(ear.heard) == number
        [delivery] = await desk.told(hook.id)
        assert (delivery.state, delivery.status, delivery.trouble) == (DeliveryState.WAITING, 500, "Answered HTTP 500.")
        assert delivery.next_at is not None
        assert wait <= delivery.next_at - desk.clock() <= 1.1 * wait
        desk.clock.now = delivery.next_at
    await desk.tell()
    [delivery] = await desk.told(hook.id)
    assert (delivery.state, delivery.tries) == (DeliveryState.GIVEN_UP, 8)
    assert delivery.trouble == "Given up after 8 tries. Answered HTTP 500."
    assert {each.id for each in ear.heard} == {delivery.id}
    assert len({each.headers["webhook-timestamp"] for each in ear.heard}) == 8
    assert (await desk.hooks.get(hook.id)).disabled_at is None
    ear.status = 200
    again = await desk.hooks.redeliver(hook.id, delivery.id)
    await desk.tell()
    assert ear.heard[-1].id == again.id
    assert (await desk.told(hook.id))[0].state is DeliveryState.DELIVERED


async def test_an_address_may_ask_to_wait_longer(desk: Desk, ear: Ear) -> None:
    hook, _ = await desk.hooks.create(ANN, ear.url)
    await desk.happens()
    ear.status, ear.headers = 429, {"Retry-After": "600"}
    await desk.tell()
    [delivery] = await desk.told(hook.id)
    assert delivery.next_at is not None
    assert delivery.next_at - desk.clock() >= timedelta(minutes=10)


async def test_a_hook_at_which_nothing_arrives_for_days_is_disabled(both_desks: Desk, ear: Ear) -> None:
    hook, _ = await both_desks.hooks.create(ANN, ear.url)
    ear.status = 503
    for _ in range(5):
        await both_desks.happens()
        for wait in (timedelta(0), *WAITS):
            both_desks.clock.now += 1.2 * wait
            await both_desks.tell()
    found = await both_desks.hooks.get(hook.id)
    assert found.disabled_at is not None
    log = await both_desks.told(hook.id)
    assert {each.state for each in log} == {DeliveryState.GIVEN_UP}
    heard = len(ear.heard)
    await both_desks.happens()
    await both_desks.tell()
    assert len(ear.heard) == heard
    ear.status = 200
    await both_desks.hooks.change(hook.id, is_active=True)
    await both_desks.tell()
    assert len(ear.heard) == heard, "what happened meanwhile is not told"
    await both_desks.happens()
    await both_desks.tell()
    assert len(ear.heard) == heard + 1


async def test_an_address_that_is_gone_is_believed(desk: Desk, ear: Ear) -> None:
    hook, _ = await desk.hooks.create(ANN, ear.url)
    await desk.happens()
    await desk.happens()
    ear.status = 410
    await desk.tell()
    assert (await desk.hooks.get(hook.id)).disabled_at is not None
    assert {each.state for each in await desk.told(hook.id)} == {DeliveryState.GIVEN_UP}
    with pytest.raises(Conflict):
        await desk.hooks.test(hook.id)


async def test_a_redirect_is_not_followed(desk: Desk, ear: Ear) -> None:
    hook, _ = await desk.hooks.create(ANN, ear.url)
    await desk.happens()
    ear.status, ear.headers = 307, {"Location": f"{ear.url}/elsewhere"}
    await desk.tell()
    [delivery] = await desk.told(hook.id)
    assert (len(ear.heard), delivery.trouble) == (1, "Answered HTTP 307. A redirect is not followed.")


PRIVATE = [
    "http://hooks.example/",
    "ftp://hooks.example/",
    "https://user:password@hooks.example/",
    "https://10.0.0.1/",
    "https://192.168.1.1/",
    "https://169.254.169.254/latest/meta-data",
    "https://[::1]/",
    "https://[::ffff:10.0.0.1]/",
    "https://[fd00::1]/",
    "https://0.0.0.0/",
    "/hook",
    "https://",
    "",
]


@pytest.mark.parametrize("url", PRIVATE)
async def test_a_private_address_is_refused_at_once(desk: Desk, ear: Ear, url: str) -> None:
    with pytest.raises(AddressRefused):
        await desk.hooks.create(ANN, url)
    hook, _ = await desk.hooks.create(ANN, ear.url)
    with pytest.raises(AddressRefused):
        await desk.hooks.change(hook.id, url=url)


@pytest.mark.parametrize("host", ["localhost", "2130706433", "127.1", "0x7f.1"])
async def test_a_name_that_leads_inside_is_refused_at_the_socket_and_does_not_say_where(desk: Desk, ear: Ear, host: str) -> None:
    """Whatever a name led to when it was looked at: what counts is where it leads when it is dialled (DNS rebinding)."""
    hook, _ = await desk.hooks.create(ANN, f"https://{host}:{ear.port}/hook")
    await desk.happens()
    await desk.tell()
    [delivery] = await desk.told(hook.id)
    assert (delivery.status, ear.heard) == (None, [])
    assert "127.0.0.1" not in delivery.trouble


async def test_a_slow_hook_holds_up_no_other(desk: Desk, ear: Ear) -> None:
    slow, _ = await desk.hooks.create(ANN, "http://127.0.0.1:9/hook")
    quick, _ = await desk.hooks.create(ANN, ear.url)
    for _ in range(10):
        await desk.happens()
    for _ in range(4):
        await desk.tell()
    assert {each.state for each in await desk.told(quick.id)} == {DeliveryState.DELIVERED}
    assert {each.state for each in await desk.told(slow.id)} == {DeliveryState.WAITING}
    assert "could not be reached" in (await desk.told(slow.id))[0].trouble


async def test_the_secret_before_signs_for_a_day_beside_a_new_one(desk: Desk, ear: Ear) -> None:
    hook, first = await desk.hooks.create(ANN, ear.url)
    second = await desk.hooks.renew_secret(hook.id)
    await desk.happens()
    await desk.tell()
    for secret in (first, second):
        Webhook(secret).verify(ear.heard[-1].content, ear.heard[-1].headers)
    desk.clock.turn(days=1)
    await desk.happens()
    await desk.tell()
    assert len(ear.heard[-1].headers["webhook-signature"].split()) == 1
    third = await desk.hooks.renew_secret(hook.id)
    assert len({first, second, third}) == 3
    kept = await desk.database.read(lambda session: hooks.sealed(session, hook.id))
    assert not any(secret.removeprefix("whsec_") in kept for secret in (first, second, third))


async def test_a_new_secret_key_of_the_studio_seals_the_hooks_too(both_desks: Desk, ear: Ear) -> None:
    hook, secret = await both_desks.hooks.create(ANN, ear.url)
    before = await both_desks.database.read(lambda session: hooks.sealed(session, hook.id))
    keys = Keys(both_desks.database, both_desks.safe, {}, now=both_desks.clock)
    await keys.rotate()
    keys.close()
    assert await both_desks.database.read(lambda session: hooks.sealed(session, hook.id)) != before
    await both_desks.happens()
    await both_desks.tell()
    clocked = ear.heard[0]
    Webhook(secret).verify(clocked.content, clocked.headers)


async def test_a_secret_that_does_not_open_is_told_and_nothing_is_sent_unsigned(desk: Desk, ear: Ear, tmp_path: Path) -> None:
    hook, _ = await desk.hooks.create(ANN, ear.url)
    (tmp_path / "secret.key").unlink()
    await desk.happens()
    await desk.tell()
    [delivery] = await desk.told(hook.id)
    assert (ear.heard, delivery.tries) == ([], 1)
    assert "secret key" in delivery.trouble


async def test_a_disabled_persons_hooks_hear_nothing(desk: Desk, ear: Ear) -> None:
    accounts = Accounts(desk.database, now=desk.clock, new_id=lambda prefix: f"{prefix}_1")
    gone = await accounts.add("gone@example.com")
    hook, _ = await desk.hooks.create(gone.id, ear.url)
    await desk.hooks.test(hook.id)
    await accounts.change(gone.id, is_disabled=True)
    await desk.tell()
    assert ear.heard == []


async def test_a_hook_that_is_removed_takes_its_log_along(desk: Desk, ear: Ear) -> None:
    hook, _ = await desk.hooks.create(ANN, ear.url)
    await desk.happens()
    await desk.couriers.collect()
    await desk.hooks.remove(hook.id)
    await desk.tell()
    assert ear.heard == []
    with pytest.raises(NotFound):
        await desk.hooks.deliveries(hook.id)


async def test_nobody_has_hooks_without_number(desk: Desk, ear: Ear) -> None:
    for _ in range(MOST):
        await desk.hooks.create(ANN, ear.url)
    with pytest.raises(Conflict):
        await desk.hooks.create(ANN, ear.url)
    await desk.hooks.create(BOB, ear.url)
