"""The same commands on PostgreSQL and S3, one setting each; killed there, too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from crash.harness import CrashingStudio, VendorProcess, frames_of, until_killed
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

    def studio_number(number: int) -> CrashingStudio:
        return CrashingStudio(tmp_path / f"{number}", f"elsewhere-{number}", (*BRIEF, *MODELS), environment)

    for studio in until_killed(2, studio_number):
        for _ in range(4):
            before = sum(vendor.stats()["submits"].values())
            if not studio.live_until(lambda before=before: sum(vendor.stats()["submits"].values()) > before):
                break
        document = studio.live()
        assert document["production"]["state"] == "completed"
        assert len(frames_of(studio.home / "out" / "film.mp4")) == 48
        production = document["production"]["id"]
        submits = {name: count for name, count in vendor.stats()["submits"].items() if name.startswith(production)}
        assert len(submits) == 4
        assert set(submits.values()) == {1}
        assert not studio.database.exists()
        assert not list((studio.home / "work").iterdir())
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
