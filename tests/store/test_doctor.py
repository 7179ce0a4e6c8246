"""The doctor finds a healthy store healthy, and a lying one out."""

from __future__ import annotations

from collections.abc import AsyncIterable, Mapping
from contextlib import suppress
from pathlib import Path

from reelwright.store import ObjectStore, open_store
from reelwright.store.doctor import examine
from reelwright.store.folder import FolderStore
from reelwright.testing.servers import S3


async def test_a_healthy_store_is_found_healthy(store: ObjectStore) -> None:
    findings = await examine(store)

    assert [finding for finding in findings if not finding.ok] == []
    assert len(findings) >= 8
    assert [key async for key in store.keys("")] == []


class Forgetful(FolderStore):
    """Overwrites, publishes what broke, and loses labels: as some servers do that call themselves S3."""

    async def put(
        self,
        key: str,
        chunks: AsyncIterable[bytes],
        *,
        media_type: str,
        metadata: Mapping[str, str],
        size: int | None = None,
    ) -> int:
        await self.delete(key)
        forgotten = dict.fromkeys(metadata, "")
        return await super().put(key, whatever_comes(chunks), media_type=media_type, metadata=forgotten)


async def whatever_comes(chunks: AsyncIterable[bytes]) -> AsyncIterable[bytes]:
    with suppress(Exception):
        async for chunk in chunks:
            yield chunk


async def test_a_store_that_lies_is_found_out(tmp_path: Path) -> None:
    findings = await examine(Forgetful(tmp_path / "store"))

    assert {finding.name for finding in findings if not finding.ok} == {"keeps metadata", "writes once", "all or nothing"}


async def test_a_wrong_key_is_one_clear_finding(s3_server: S3) -> None:
    store = open_store(s3_server.url("doctor"), {**s3_server.environment, "AWS_SECRET_ACCESS_KEY": "wrong"})

    first, *_ = await examine(store)

    assert not first.ok
    assert "check its access key" in first.detail


async def test_encryption_that_was_asked_for_is_looked_at(s3_server: S3) -> None:
    findings = await examine(open_store(s3_server.url("sse", encryption="AES256"), s3_server.environment))

    assert "Objects are encrypted with AES256." in [finding.detail for finding in findings]
