"""Repairs: bytes that were kept and are lost or damaged, found again where they still are, and proven before they go back."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, suppress

import structlog

from reelwright.db import assets, takes
from reelwright.db.engine import Database
from reelwright.domain.asset import Asset, AssetKind
from reelwright.errors import ContentMismatch, NotFound, ProviderError, ReelwrightError, UrlExpired
from reelwright.net import Net
from reelwright.ports import Guarded
from reelwright.services.assets import Assets
from reelwright.services.catalogue import Catalogue
from reelwright.services.patience import free_answer
from reelwright.services.spool import Spool
from reelwright.store.objects import ObjectStore

_log = structlog.get_logger()


class Repairs:
    """Mends one asset at a time. Whoever calls it holds the guard alone."""

    def __init__(
        self, database: Database, store: ObjectStore, spool: Spool, kept: Assets, catalogue: Catalogue, net: Net
    ) -> None:
        self._database = database
        self._store = store
        self._spool = spool
        self._assets = kept
        self._catalogue = catalogue
        self._net = net

    async def mend(self, asset: Asset) -> str:
        """Puts the bytes back, and says where they were found; empty where they are nowhere. Nothing is paid for it.

        A thumbnail is given up instead: it is made again when somebody asks for it.
        """
        if asset.kind is AssetKind.THUMBNAIL:
            await self._database.write(lambda session: assets.give_up(session, asset.id))
            await self._store.delete(asset.key)
            await self._database.write(lambda session: assets.forget_attempt(session, asset.id))
            return "made again"
        sources: tuple[tuple[str, Callable[[Asset], AsyncGenerator[bytes]]], ...] = (
            ("storage", self._of_store),
            ("spool", self._of_spool),
            ("another asset", self._of_twin),
            ("provider", self._of_provider),
        )
        for name, source in sources:
            try:
                await self._put_back(asset, source(asset))
            except ReelwrightError as error:
                _log.info("repair.not_there", asset=asset.id, source=name, reason=error.message)
            else:
                return name
        return ""

    async def _put_back(self, asset: Asset, chunks: AsyncGenerator[bytes]) -> None:
        async with aclosing(chunks), self._spool.received(_checked(asset, chunks), asset.bytes) as upload:
            # What lies there is damaged or of another length: it is found out, removed and replaced.
            await self._assets.store_file(asset, upload.path)
        if asset.is_spooled:
            await self._database.write(lambda session: assets.set_landed(session, asset.id))
            self._spool.remove(asset.key)

    async def _of_store(self, asset: Asset) -> AsyncGenerator[bytes]:
        """What should be in the spool may have moved already."""
        if not asset.is_spooled:
            return
        async for chunk in self._store.read(asset.key):
            yield chunk

    async def _of_spool(self, asset: Asset) -> AsyncGenerator[bytes]:
        async with aclosing((await self._spool.open(asset.key)).chunks) as chunks:
            async for chunk in chunks:
                yield chunk

    async def _of_twin(self, asset: Asset) -> AsyncGenerator[bytes]:
        for twin in await self._database.read(lambda session: assets.of_same_bytes(session, asset)):
            with suppress(ReelwrightError):
                if await self._is_whole(twin):
                    async with aclosing((await self._assets.open(twin)).chunks) as chunks:
                        async for chunk in chunks:
                            yield chunk
                    return

    async def _is_whole(self, twin: Asset) -> bool:
        digest = hashlib.sha256()
        async with aclosing((await self._assets.open(twin)).chunks) as chunks:
            async for chunk in chunks:
                digest.update(chunk)
        return digest.hexdigest() == twin.sha256

    async def _of_provider(self, asset: Asset) -> AsyncGenerator[bytes]:
        """The job's output, fetched again through a fresh address; asking costs nothing."""
        if asset.take_id is None:
            return
        take_id = asset.take_id
        take = await self._database.read(lambda session: takes.get(session, take_id))
        if take.job_id is None:
            return
        provider, job_id = self._catalogue.provider(take.request.model), take.job_id

        async def fresh() -> str:
            try:
                job = await free_answer(provider.poll(job_id))
            except ProviderError as error:
                msg = f"The provider does not give it any more: {error.message}"
                raise UrlExpired(msg) from error
            if not job.outputs:
                msg = "The provider has nothing to show for its job any more."
                raise UrlExpired(msg)
            return job.outputs[0].url

        refresh: Callable[[], Awaitable[str]] = fresh
        download = self._net.download(
            await fresh(),
            refresh=refresh,
            headers=provider.permission if isinstance(provider, Guarded) else None,
            limit=asset.bytes,
            trusted_origins=lambda: provider.trusted_origins,
        )
        async with download:
            async for chunk in download:
                yield chunk


async def _checked(asset: Asset, chunks: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """The bytes, if in the end they are those that were kept."""
    digest = hashlib.sha256()
    count = 0
    async for chunk in chunks:
        digest.update(chunk)
        count += len(chunk)
        yield chunk
    if not count:
        msg = f"Asset {asset.id} is not there."
        raise NotFound(msg)
    if digest.hexdigest() != asset.sha256:
        msg = f"Other bytes than those of asset {asset.id} are there."
        raise ContentMismatch(msg)
