"""What every test may ask for: real databases, real stores, a source that misbehaves, and clients for them.

Servers start only when a test asks, once per worker, and vanish with it.
"""

from __future__ import annotations

import gc
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from databases import migrate, put_sqlite
from reelwright.net import Net
from reelwright.net.download import Patience
from reelwright.store import ObjectStore, open_store
from reelwright.testing.servers import S3, Postgres, postgres, s3
from reelwright.testing.source import FaultySource

# Asserts of the suite that ships tell what they compared, as those of tests do.
pytest.register_assert_rewrite(*(f"reelwright.testing.{name}" for name in ("abilities", "contract", "counterpart")))


def pytest_collection_finish() -> None:
    """What was loaded until now stays: looking through it for garbage again and again would take an eighth of the whole run."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """One PostgreSQL for the whole run."""
    with postgres() as server:
        yield server


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3]:
    """One SeaweedFS for the whole run."""
    with s3() as server:
        yield server


@pytest.fixture(scope="session")
def _postgres_template(postgres_server: Postgres) -> sql.Identifier:
    """A PostgreSQL database with all tables and no row, to be copied."""
    with psycopg.connect(postgres_server.url(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE migrated")
    migrate(postgres_server.url("migrated"))
    return sql.Identifier("migrated")


@pytest.fixture
def postgres_url(postgres_server: Postgres, _postgres_template: sql.Identifier) -> Iterator[str]:
    """A PostgreSQL database of this test's own, with all tables and no row."""
    name = f"test_{uuid4().hex}"
    with psycopg.connect(postgres_server.url(), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), _postgres_template))
        yield postgres_server.url(name)
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def s3_url(s3_server: S3, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty folder of a real bucket, with encryption asked for; the keys are in the environment."""
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    return s3_server.url(f"tests/{uuid4().hex}", encryption="AES256")


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of each kind, with all tables and no row."""
    if request.param == "sqlite":
        put_sqlite(tmp_path / "reelwright.db")
        return f"sqlite:///{tmp_path}/reelwright.db"
    return request.getfixturevalue("postgres_url")


@pytest.fixture(params=["folder", "memory", "s3"])
def storage_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty store of each kind, as a setting."""
    match request.param:
        case "folder":
            return (tmp_path / "store").as_uri()
        case "memory":
            return "memory:"
        case _:
            return request.getfixturevalue("s3_url")


@pytest.fixture
async def store(storage_url: str) -> AsyncIterator[ObjectStore]:
    """An empty store of each kind."""
    made = open_store(storage_url, dict(os.environ))
    yield made
    await made.aclose()


@pytest.fixture
async def net() -> AsyncIterator[Net]:
    """A client that may reach public addresses only, and does not wait long."""
    made = Net(patience=Patience(backoff=0.01, stall=1))
    yield made
    await made.aclose()


@pytest.fixture
async def source() -> AsyncIterator[FaultySource]:
    """A source on this machine that misbehaves on command."""
    async with FaultySource() as made:
        yield made
