"""Parts of a studio, opened without the rest: for commands that mend it, run beside it, or come before it."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from reelwright.bootstrap import check_sqlite, new_id, now, open_database
from reelwright.config import Settings
from reelwright.db.engine import Database
from reelwright.net.logs import set_up_logs
from reelwright.services.accounts import Accounts
from reelwright.services.data_folder import make_home
from reelwright.services.keys import Keys
from reelwright.services.links import Links
from reelwright.services.restores import Restores
from reelwright.store import open_store
from reelwright.workflows.engine import migrate_log


@contextmanager
def only_keys(settings: Settings) -> Generator[Keys]:
    """The vendors' keys without the rest of the studio, so that they can be set anew where those in the database do not open.

    Raises:
        ConfigurationError: as for `open_studio`.
    """
    with ExitStack() as undo:
        yield open_database(settings, undo)[1]


@dataclass(frozen=True)
class People:
    """Who may use a studio, without the rest of it."""

    accounts: Accounts
    links: Links
    public_url: str


@contextmanager
def only_people(settings: Settings) -> Generator[People]:
    """The people of a studio, also beside a process that serves it.

    Raises:
        ConfigurationError: as for `open_studio`.
    """
    with ExitStack() as undo:
        database, _ = open_database(settings, undo)
        accounts = Accounts(database, now=now, new_id=new_id)
        yield People(accounts, Links(database, accounts, now=now), settings.public_url)


@contextmanager
def only_restores(settings: Settings) -> Generator[Restores]:
    """What puts a backup into a place where there is no studio yet.

    Raises:
        ConfigurationError: as for `open_studio`.
    """
    check_sqlite()
    make_home(settings.home)
    set_up_logs(settings.home)
    database = Database(settings.database)
    try:
        database.ping()
        database.migrate()
        migrate_log(database)
        yield Restores(database, open_store(settings.storage, os.environ), home=settings.home, has_key=bool(settings.secret_key))
    finally:
        database.close()
