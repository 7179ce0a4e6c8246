"""The same commands on PostgreSQL and S3, one setting each; killed there, too."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from crash.harness import CrashingStudio, VendorProcess, frames_of
from reelwright.store import open_store
from reelwright.testing.servers import S3

BRIEF = ("A lamp called Ember that wakes you with a slow sunrise", "--shots", "2", "--seconds", "2", "--ratio", "1:1")
MODELS = ("--voice", "none", "--image", "simlist:frame", "--video", "simlist:clip", "--cap", "20", "--yes")


@pytest.fixture
def vendor() -> Iterator[VendorProcess]:
    with VendorProcess() as process:
        yield process


@pytest.mark.timeout(240)
async def test_a_production_killed_on_postgresql_and_s3_pays_once_and_keeps_everything(
    vendor: VendorProcess, postgres_url: str, s3_url: str, s3_server: S3, tmp_path: Path
) -> None:
    environment = {
        "SIMULATED_URL": vendor.url,
        "REELWRIGHT_DATABASE_URL": postgres_url,
        "REELWRIGHT_STORAGE_URL": s3_url,
        **s3_server.environment,
    }
    studio = CrashingStudio(tmp_path, "elsewhere", (*BRIEF, *MODELS), environment)
    for seconds in (2.0, 2.5, 3.0, 3.5):
        ends = time.monotonic() + seconds
        if not studio.live_until(lambda ends=ends: time.monotonic() > ends):
            break
    document = studio.live()
    assert studio.kills >= 2
    assert document["production"]["state"] == "completed"
    assert len(frames_of(tmp_path / "out" / "film.mp4")) == 48
    submits = vendor.stats()["submits"]
    assert len(submits) == 4
    assert set(submits.values()) == {1}
    with psycopg.connect(postgres_url) as connection:
        rows = connection.execute("SELECT key, bytes, is_ready FROM reel_assets").fetchall()
    store = open_store(s3_url, s3_server.environment)
    try:
        assert {key: (await store.head(key)).size for key, _, _ in rows} == {key: size for key, size, _ in rows}
        stored = store.keys()
        assert {key async for key in stored} == {key for key, _, _ in rows}
    finally:
        await store.aclose()
    assert all(is_ready for _, _, is_ready in rows)
    assert not (tmp_path / "reelwright.sqlite").exists()
    assert not list((tmp_path / "work").iterdir())
