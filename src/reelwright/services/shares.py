"""Share links: a film for whoever has the link, without an account, and nothing else of the campaign."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from reelwright.db import assets, campaigns, films, shares
from reelwright.db.engine import Database, Session
from reelwright.db.fence import unfenced
from reelwright.domain.asset import Asset
from reelwright.domain.brief import CaptionMode
from reelwright.domain.film import Film
from reelwright.domain.ids import AssetId, CampaignId, FilmId, UserId
from reelwright.domain.share import Share
from reelwright.errors import Forbidden, InvalidInput, NotFound
from reelwright.services.attempts import Attempts, Try, network_of
from reelwright.services.passwords import Passwords, check_password

PROVED = timedelta(days=1)
"""So long the password need not be typed again."""
LONGEST = timedelta(days=3650)
_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")
_PROOF = re.compile(r"[0-9]{1,12}\.[0-9a-f]{64}")
_SHOWN = ("film", "poster", "vtt")
"""What the page itself needs."""
_DOWNLOADS = (*_SHOWN, "srt", "sheet")
_log = structlog.get_logger()


@dataclass(frozen=True)
class Wish:
    """What a new link is to be, or what of one is to be changed."""

    film: FilmId | None = None
    """None for the newest one, whichever that is."""
    password: str = ""
    can_download: bool = False
    expires_at: datetime | None = None


@dataclass(frozen=True)
class Shown:
    """What a link shows."""

    share: Share
    owner: UserId
    name: str
    film: Film | None
    """None while there is none yet."""
    is_locked: bool = False
    """It wants its password first; until then nothing of the rest is told."""

    @property
    def assets(self) -> dict[str, AssetId]:
        """What may be fetched through it: of this film only, and no more than it allows."""
        if self.film is None or self.is_locked:
            return {}
        names = _DOWNLOADS if self.share.can_download else _SHOWN
        return {name: asset for name, asset in self.film.assets.items() if name in names}

    @property
    def captions(self) -> AssetId | None:
        """The captions that a player shows; None where the picture has them already, or there are none."""
        if self.film is None or self.film.cut_list.captions is not CaptionMode.SOFT:
            return None
        return self.assets.get("vtt")


class Shares:
    """Makes links, changes them, and shows what they lead to."""

    def __init__(
        self,
        database: Database,
        passwords: Passwords,
        attempts: Attempts,
        *,
        now: Callable[[], datetime],
        new_id: Callable[[str], str],
    ) -> None:
        self._database = database
        self._passwords = passwords
        self._attempts = attempts
        self._now = now
        self._new_id = new_id

    async def create(self, campaign: CampaignId, wish: Wish) -> Share:
        """A new link to one film of the campaign, or to its newest.

        Raises:
            NotFound: there is no such campaign, or it has no such film.
            InvalidInput: the password is too weak, or the link would end before it begins.
        """
        self._check(wish)
        kept = await self._hashed(wish.password)

        def write(session: Session) -> Share:
            campaigns.get(session, campaign)
            if wish.film is not None and films.get(session, wish.film).campaign_id != campaign:
                msg = f"The campaign has no film {wish.film!r}."
                raise NotFound(msg)
            share = Share(
                id=self._new_id("share"),
                secret=secrets.token_urlsafe(32),
                campaign_id=campaign,
                film_id=wish.film,
                has_password=kept is not None,
                can_download=wish.can_download,
                views=0,
                created_at=self._now(),
                expires_at=wish.expires_at,
            )
            shares.insert(session, share, kept)
            return share

        return await self._database.write(write)

    async def page(self, user: UserId, campaign: CampaignId | None = None, *, before: str = "", limit: int = 50) -> list[Share]:
        """The links to the user's campaigns, or to one of them, newest first; ended ones too.

        Raises:
            NotFound: there is no such campaign, or no link `before`.
        """

        def look(session: Session) -> list[Share]:
            if campaign is not None:
                campaigns.get(session, campaign)
            return shares.page(session, user, campaign, before=before, limit=limit)

        return await self._database.read(look)

    async def get(self, share: str) -> Share:
        """The link.

        Raises:
            NotFound: there is none.
        """
        return await self._database.read(lambda session: shares.get(session, share))

    async def change(self, share: str, wish: Wish, fields: frozenset[str]) -> Share:
        """Changes those of `expires_at`, `password` and `can_download` that are in `fields`; an empty password takes it away.

        Raises:
            NotFound: there is no such link.
            InvalidInput: as for `create`.
        """
        await self.get(share)
        values: dict[str, object] = {}
        if "can_download" in fields:
            values["can_download"] = wish.can_download
        if "expires_at" in fields:
            self._check(Wish(expires_at=wish.expires_at))
            values["expires_at"] = wish.expires_at
        if "password" in fields:
            self._check(Wish(password=wish.password))
            values["password"] = await self._hashed(wish.password)

        def write(session: Session) -> Share:
            shares.get(session, share)
            if values:
                shares.change(session, share, **values)
            return shares.get(session, share)

        return await self._database.write(write)

    async def revoke(self, share: str) -> None:
        """Ends the link for good; once more changes nothing.

        Raises:
            NotFound: there is no such link.
        """

        def write(session: Session) -> None:
            if shares.get(session, share).revoked_at is None:
                shares.change(session, share, revoked_at=self._now())

        await self._database.write(write)

    async def open(self, secret: str, proof: str = "", *, is_view: bool = False) -> Shown:
        """What the link shows, to anybody.

        Args:
            secret: the last part of the link.
            proof: what `unlock` gave for the password.
            is_view: whether that is counted, where the film is shown.

        Raises:
            NotFound: it shows nothing (any more); it does not say why.
        """

        def look(session: Session) -> Shown:
            return self._shown(session, secret, proof)[0]

        with unfenced():  # whoever has the link sees the film, whoever they are
            shown = await self._database.read(look)
            if is_view and shown.film is not None and not shown.is_locked:
                await self._database.write(lambda session: shares.count_view(session, shown.share.id))
        return shown

    async def unlock(self, secret: str, password: str, client: str) -> str:
        """The proof that whoever asks knows the password. It ends with the password, and after a day.

        Args:
            secret: the last part of the link.
            password: what was typed.
            client: the address that it comes from.

        Raises:
            NotFound: the link shows nothing.
            Forbidden: it is another password.
            TooManyTries: for this link, or by this client.
        """
        with unfenced():
            shown, kept = await self._database.read(lambda session: self._shown(session, secret, ""))
            if kept is None:
                return ""
            by_link = Try(f"share/{shown.share.id}", free=10)
            by_client = Try(f"share-client/{network_of(client)}", free=20, longest=timedelta(minutes=15))
            await self._attempts.count(by_link, by_client)
            if not await self._passwords.matches(password, kept):
                _log.info("share.refused", share=shown.share.id, client=client)
                msg = "That is not the password of this link."
                raise Forbidden(msg)
            await self._attempts.forget(by_link.subject)
            await self._attempts.take_back(by_client.subject)
        until = int((self._now() + PROVED).timestamp())
        return f"{until}.{_signature(kept, shown.share.id, until)}"

    async def media(self, secret: str, proof: str, asset: str) -> tuple[Asset, Shown]:
        """An asset of the film that the link shows.

        Raises:
            NotFound: the link shows nothing, wants its password first, or the asset is not one of this film's.
        """

        def look(session: Session) -> tuple[Asset, Shown]:
            shown, _ = self._shown(session, secret, proof)
            known = next((each for each in shown.assets.values() if each == asset), None)
            found = assets.get(session, known) if known else None
            if found is None or found.trashed_at:
                raise _nothing()
            return found, shown

        with unfenced():
            return await self._database.read(look)

    def _shown(self, session: Session, secret: str, proof: str) -> tuple[Shown, str | None]:
        """What the link shows, and the hash of its password."""
        found = shares.by_secret(session, secret) if _SECRET.fullmatch(secret) else None
        if found is None or not found.share.holds(self._now()):
            raise _nothing()
        if found.password is not None and not self._is_proof(proof, found.password, found.share.id):
            return Shown(found.share, found.owner, "", None, is_locked=True), found.password
        return Shown(found.share, found.owner, found.name, _film_of(session, found.share)), found.password

    def _is_proof(self, proof: str, kept: str, share: str) -> bool:
        if not _PROOF.fullmatch(proof):
            return False
        until, _, signature = proof.partition(".")
        is_right = hmac.compare_digest(signature, _signature(kept, share, int(until)))
        return is_right and self._now().timestamp() < int(until)

    def _check(self, wish: Wish) -> None:
        if wish.password:
            check_password(wish.password)
        at = self._now()
        if wish.expires_at is not None and not at < wish.expires_at <= at + LONGEST:
            msg = f"expires_at: a link ends in the future, and within {LONGEST.days // 365} years; null for never."
            raise InvalidInput(msg)

    async def _hashed(self, password: str) -> str | None:
        return await self._passwords.hash(password) if password else None


def _film_of(session: Session, share: Share) -> Film | None:
    """The film that it shows, when it is rendered and not in the trash.

    Raises:
        NotFound: the one film that it was made for was thrown away.
    """
    if share.film_id is not None:
        film = films.get(session, share.film_id)
        if film.assets and not _is_there(session, film):
            raise _nothing()
        return film if film.assets else None
    ready = [film for film in films.of_campaign(session, share.campaign_id) if film.assets]
    return next((film for film in reversed(ready) if _is_there(session, film)), None)


def _is_there(session: Session, film: Film) -> bool:
    return "film" in film.assets and assets.get(session, film.assets["film"]).trashed_at is None


def _signature(kept: str, share: str, until: int) -> str:
    """Nobody makes it who does not know the hash, and with another password it is another one."""
    return hmac.new(kept.encode(), f"{share}.{until}".encode(), hashlib.sha256).hexdigest()


def _nothing() -> NotFound:
    return NotFound("This link shows nothing, or not any more. Ask for a new one where you got it.")
