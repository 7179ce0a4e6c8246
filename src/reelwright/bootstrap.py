"""The only file that wires: settings in, a studio out."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog
from ulid import ULID

from reelwright.config import Settings
from reelwright.db.engine import Database
from reelwright.db.guard import Guard
from reelwright.db.leadership import Leadership
from reelwright.domain.account import Role
from reelwright.domain.production import Production
from reelwright.errors import ConfigurationError
from reelwright.media.workers import Workers
from reelwright.net import Net
from reelwright.net.logs import set_up_logs
from reelwright.services.accounts import Accounts
from reelwright.services.assets import Assets
from reelwright.services.attempts import Attempts
from reelwright.services.backups import Backups
from reelwright.services.bells import Bells
from reelwright.services.briefs import Providers
from reelwright.services.budgets import Budgets
from reelwright.services.campaigns import Campaigns
from reelwright.services.catalogue import Catalogue
from reelwright.services.concepts import Concepts
from reelwright.services.couriers import Couriers
from reelwright.services.dashboard import Dashboard
from reelwright.services.data_folder import WORK, check_restored, clear_work, make_home
from reelwright.services.doubts import Doubts
from reelwright.services.drafts import Drafts
from reelwright.services.events import Events
from reelwright.services.films import Films
from reelwright.services.findings import Reconciliation
from reelwright.services.harvests import Harvests
from reelwright.services.hints import Hints
from reelwright.services.hooks import Hooks
from reelwright.services.identities import Identities
from reelwright.services.keys import Keys
from reelwright.services.landings import Landings
from reelwright.services.lanes import Lanes
from reelwright.services.ledger import Ledger
from reelwright.services.library import Library
from reelwright.services.links import Links
from reelwright.services.older_clients import Ground, OlderClients, open_older_clients
from reelwright.services.openid import Issuer
from reelwright.services.orders import Orders
from reelwright.services.own_takes import OwnTakes
from reelwright.services.passwords import Passwords
from reelwright.services.plans import Plans
from reelwright.services.plugins import Plugins
from reelwright.services.productions import Productions
from reelwright.services.purges import Purges
from reelwright.services.quotes import Quotes
from reelwright.services.repairs import Repairs
from reelwright.services.retention import Retention
from reelwright.services.rounds import Rounds
from reelwright.services.sealing import Safe
from reelwright.services.selections import Selections
from reelwright.services.sessions import Sessions
from reelwright.services.shares import Shares
from reelwright.services.shots import Shots
from reelwright.services.sign_in import SignIn
from reelwright.services.spool import Spool
from reelwright.services.standing import Standings
from reelwright.services.storyboards import Storyboards
from reelwright.services.submits import Submits
from reelwright.services.takes import Takes
from reelwright.services.texts import Texts
from reelwright.services.thumbnails import Thumbnails
from reelwright.services.turns import Turns
from reelwright.services.upkeep import Upkeep
from reelwright.services.uploads import Uploads
from reelwright.services.verify import Verification
from reelwright.store import ObjectStore, open_store
from reelwright.workflows.engine import Engine, Queue, migrate_log
from reelwright.workflows.production import Services

_log = structlog.get_logger()


def now() -> datetime:
    """This moment, in UTC."""
    return datetime.now(UTC)


def new_id(prefix: str) -> str:
    """`prefix_` and 26 characters that sort by time."""
    return f"{prefix}_{str(ULID()).lower()}"


@dataclass
class Studio:
    """A data folder, opened: its services, and the engine while this process leads."""

    settings: Settings
    database: Database
    store: ObjectStore
    net: Net
    workers: Workers
    lookers: Workers
    """One process that looks at what people send, and makes thumbnails: nobody waits for a render."""
    catalogue: Catalogue
    accounts: Accounts
    links: Links
    passwords: Passwords
    attempts: Attempts
    sessions: Sessions
    sign_in: SignIn
    identities: Identities
    shares: Shares
    hooks: Hooks
    couriers: Couriers
    assets: Assets
    library: Library
    thumbnails: Thumbnails
    landings: Landings
    uploads: Uploads
    campaigns: Campaigns
    drafts: Drafts
    dashboard: Dashboard
    texts: Texts
    productions: Productions
    films: Films
    takes: Takes
    doubts: Doubts
    upkeep: Upkeep
    reconciliation: Reconciliation
    hints: Hints
    standing: Standings
    budgets: Budgets
    quotes: Quotes
    orders: Orders
    own_takes: OwnTakes
    older: OlderClients
    """What the routes of the older contract ask for."""
    selections: Selections
    events: Events
    ledger: Ledger
    guard: Guard
    verification: Verification
    purges: Purges
    backups: Backups
    retention: Retention
    rounds: Rounds
    keys: Keys
    queue: Queue
    leadership: Leadership
    engine: Engine

    is_leading: bool = False

    @property
    def defaults(self) -> Providers:
        """Who makes what unless a brief or a flag says otherwise."""
        return _defaults(self.settings)

    async def lead(self) -> bool:
        """Starts the engine, when no other process leads. Answers whether this one leads now.

        To be asked again and again: a leader whom the database server has dropped stops, because another may lead by now.
        """
        self.database.waits_for_server = True
        if self.is_leading:
            if await asyncio.to_thread(self.leadership.is_held):
                return True
            _log.warning("leadership.lost")
            self.is_leading = self.database.waits_for_room = False
            await self.engine.stop()
            self.leadership.give()
        if not self.leadership.take():
            return False
        self.database.waits_for_room = True
        await self._sweep()
        await self.queue.open()
        await self.engine.start()
        # The engine ends with everything that was begun after it, and so with this.
        self._going_round = asyncio.create_task(self.rounds.watch())
        self.is_leading = True
        return True

    async def _sweep(self) -> None:
        """Removes what a killed leader left half done. Nobody else can be at work on any of it now."""
        # A bucket may be shared with other studios; a folder knows which of its uploads are still running.
        is_folder = self.store.local_path("any") is not None
        await self.store.sweep(timedelta(0) if is_folder else timedelta(days=1))
        await self.assets.sweep()
        clear_work(self.settings.home)

    async def unfinished(self) -> list[Production]:
        """The productions that have not ended."""
        return await self.productions.active()

    async def close(self) -> None:
        """Stops at once and gives everything back. What is unfinished goes on with the next leader."""
        self.events.close()
        if self.is_leading:
            await self.engine.stop()
        self.passwords.close()
        await self.catalogue.aclose()
        await self.workers.aclose()
        await self.lookers.aclose()
        await self.net.aclose()
        await self.store.aclose()
        self.queue.close()
        self.leadership.give()
        self.keys.close()
        self.database.close()


def open_studio(settings: Settings) -> Studio:
    """Opens a data folder, and makes it where there is none. Migrations run by themselves.

    Raises:
        ConfigurationError: a setting is wrong, or the folder cannot be used.
    """
    with ExitStack() as undo:
        database, keys = open_database(settings, undo)
        keys.check()
        migrate_log(database)
        studio = _wire(settings, database, keys)
        undo.pop_all()  # whoever gets the studio closes it
    return studio


def _wire(settings: Settings, database: Database, keys: Keys) -> Studio:
    store = open_store(settings.storage, os.environ)
    allowed = [host.strip() for host in settings.allow_private_hosts.split(",") if host.strip()]
    net = Net(allow_private="*" in allowed or frozenset(allowed))
    workers = Workers(settings.process_count)
    catalogue = Plugins(settings.home, settings.public_url, keys.environment, workers, now).load()
    lookers, spool = Workers(1), Spool(settings.home / "spool")
    assets = Assets(database, store, net, workers, spool, lookers, folder=settings.home / WORK, now=now, new_id=new_id)
    queue = Queue(database)
    budgets = Budgets(database, now=now)
    takes = Takes(database, catalogue, now=now, new_id=new_id)
    lanes, bells = Lanes(), Bells()
    submits = Submits(database, catalogue, assets, lanes, now=now)
    harvests = Harvests(database, catalogue, assets, lanes, bells, now=now)
    upkeep = Upkeep(database, submits, harvests)
    productions = Productions(database, catalogue, enqueue=queue.enqueue, now=now, new_id=new_id)
    plans = Plans(database, catalogue, budgets, now=now)
    quotes = Quotes(database, catalogue, productions, plans)
    films = Films(database, assets, workers, folder=settings.home / WORK, now=now, new_id=new_id)
    storyboards = Storyboards(database, catalogue, budgets, workers, now=now)
    texts = Texts(
        database, catalogue, budgets, storyboards, default=settings.text, enqueue=queue.enqueue_text, now=now, new_id=new_id
    )
    services = Services(
        concepts=Concepts(database, catalogue, budgets, now=now),
        storyboards=storyboards,
        productions=productions,
        shots=Shots(database, plans, takes, now=now),
        takes=takes,
        submits=submits,
        harvests=harvests,
        films=films,
        upkeep=upkeep,
        texts=texts,
        turns=Turns(database),
    )
    guard = Guard(database)
    verification = Verification(database, store, spool, Repairs(database, store, spool, assets, catalogue, net), guard, now=now)
    purges = Purges(database, store, spool, guard, now=now)
    retention = Retention(database, days=settings.draft_days, warning_days=settings.draft_warning_days, now=now)
    accounts, passwords, attempts = Accounts(database, now=now, new_id=new_id), Passwords(), Attempts(database, now=now)
    links, sessions = Links(database, accounts, now=now), Sessions(database, now=now, new_id=new_id)
    safe = Safe(settings.home, settings.secret_key)
    campaigns, drafts = Campaigns(database, assets, workers, now=now, new_id=new_id), Drafts(database, now=now)
    orders = Orders(database, catalogue, productions, quotes, defaults=_defaults(settings), now=now)
    own_takes = OwnTakes(database, now=now, new_id=new_id)
    older = open_older_clients(
        Ground(database, store, accounts, catalogue, net, assets, spool, workers, settings.home / WORK, now, new_id),
        campaigns,
        drafts,
        own_takes,
        orders,
        productions,
        takes,
        upload_limit=settings.upload_limit << 20,
        cap_usd=settings.contract_cap,
    )
    return Studio(
        settings=settings,
        database=database,
        store=store,
        net=net,
        workers=workers,
        lookers=lookers,
        catalogue=catalogue,
        accounts=accounts,
        links=links,
        passwords=passwords,
        attempts=attempts,
        sessions=sessions,
        sign_in=SignIn(database, passwords, attempts, sessions, links, now=now),
        identities=Identities(database, accounts, net, _issuer(settings), now=now, new_id=new_id),
        shares=Shares(database, passwords, attempts, now=now, new_id=new_id),
        hooks=Hooks(database, safe, net, now=now, new_id=new_id),
        couriers=Couriers(database, safe, net, now=now, new_id=new_id),
        assets=assets,
        library=Library(database, now=now),
        thumbnails=Thumbnails(database, assets, lookers, folder=settings.home / WORK),
        landings=Landings(database, assets, spool),
        uploads=Uploads(database, store, assets, limit=settings.upload_limit << 20, now=now, new_id=new_id),
        campaigns=campaigns,
        drafts=drafts,
        dashboard=Dashboard(database),
        texts=texts,
        productions=productions,
        films=films,
        takes=takes,
        doubts=Doubts(database, catalogue, productions, now=now),
        upkeep=upkeep,
        reconciliation=Reconciliation(database, catalogue, now=now, new_id=new_id),
        hints=Hints(catalogue, bells),
        standing=Standings(database),
        budgets=budgets,
        quotes=quotes,
        orders=orders,
        own_takes=own_takes,
        older=older,
        selections=Selections(database, now=now),
        events=Events(database, now=now),
        ledger=Ledger(database),
        guard=guard,
        verification=verification,
        purges=purges,
        backups=Backups(database, store, assets, guard, home=settings.home, now=now),
        retention=retention,
        rounds=Rounds({verification.answer: 0.0, purges.go_on: 60.0, retention.keep: 3600.0, orders.forget_tickets: 3600.0}),
        keys=keys,
        queue=queue,
        leadership=Leadership(database),
        engine=Engine(database, services),
    )


def _defaults(settings: Settings) -> Providers:
    return Providers(text=settings.text, image=settings.image, video=settings.video, voice=settings.voice)


def _issuer(settings: Settings) -> Issuer | None:
    """Who else vouches for people, where the settings name somebody."""
    if not settings.oidc_issuer:
        return None
    if not settings.oidc_client_id:
        msg = "REELWRIGHT_OIDC_CLIENT_ID is missing: the issuer has to know which studio asks."
        raise ConfigurationError(msg)
    return Issuer(
        url=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_client_secret,
        name=settings.oidc_name,
        domains=frozenset(domain.strip().lower() for domain in settings.oidc_domains.split(",") if domain.strip()),
        role=Role(settings.oidc_role),
    )


def open_database(settings: Settings, undo: ExitStack) -> tuple[Database, Keys]:
    """The database and the keys; `undo` closes them.

    Raises:
        ConfigurationError: as for `open_studio`.
    """
    check_sqlite()
    check_restored(settings.home)
    make_home(settings.home)
    set_up_logs(settings.home)
    database = Database(settings.database)
    undo.callback(database.close)
    database.ping()
    database.migrate()
    keys = Keys(database, Safe(settings.home, settings.secret_key), os.environ, now=now)
    undo.callback(keys.close)
    return database, keys


def check_sqlite() -> None:
    """Lets pass a SQLite that the durable log can work with.

    Raises:
        ConfigurationError: it is too old.
    """
    # The durable log's clock on SQLite needs unixepoch('subsec') from Python 3.12 on, which SQLite has since 3.42.
    if sys.version_info >= (3, 12) and sqlite3.sqlite_version_info < (3, 42):
        msg = (
            f"This Python {sys.version_info.major}.{sys.version_info.minor} comes with SQLite {sqlite3.sqlite_version}; "
            "from Python 3.12 on 3.42 or newer is needed. Use Python 3.11, or a newer build."
        )
        raise ConfigurationError(msg)
