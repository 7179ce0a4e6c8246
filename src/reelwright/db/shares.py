"""Share links, found by what nobody can guess."""

from __future__ import annotations

from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from reelwright.db.account_tables import ShareRow, UserRow
from reelwright.db.tables import CampaignRow
from reelwright.domain.ids import CampaignId, FilmId, UserId
from reelwright.domain.share import Share
from reelwright.errors import NotFound


class Found(NamedTuple):
    """A link, with what only the studio knows of it."""

    share: Share
    password: str | None
    """The hash."""
    owner: UserId
    name: str
    """The campaign's."""


def _share(row: ShareRow) -> Share:
    return Share(
        id=row.id,
        secret=row.secret,
        campaign_id=CampaignId(row.campaign_id),
        film_id=FilmId(row.film_id) if row.film_id else None,
        has_password=row.password is not None,
        can_download=row.can_download,
        views=row.views,
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
    )


def insert(session: Session, share: Share, password: str | None) -> None:
    """Writes a new link, with the hash of its password where it has one."""
    session.add(
        ShareRow(
            id=share.id,
            secret=share.secret,
            campaign_id=share.campaign_id,
            film_id=share.film_id,
            password=password,
            can_download=share.can_download,
            views=0,
            created_at=share.created_at,
            expires_at=share.expires_at,
            revoked_at=None,
        )
    )
    session.flush()


def get(session: Session, share: str) -> Share:
    """The link with that id.

    Raises:
        NotFound: there is none.
    """
    row = session.get(ShareRow, share, populate_existing=True)
    if row is None:
        msg = f"There is no share link {share!r}."
        raise NotFound(msg)
    return _share(row)


def page(session: Session, user: UserId, campaign: CampaignId | None, *, before: str, limit: int) -> list[Share]:
    """The links to the user's campaigns, or to that one of them, newest first, from behind the one with the id `before`."""
    query = sa.select(ShareRow).join(CampaignRow, CampaignRow.id == ShareRow.campaign_id).where(CampaignRow.user_id == user)
    if campaign is not None:
        query = query.where(ShareRow.campaign_id == campaign)
    if before:
        edge = get(session, before)
        query = query.where(sa.tuple_(ShareRow.created_at, ShareRow.id) < sa.tuple_(edge.created_at, edge.id))
    rows = session.scalars(query.order_by(ShareRow.created_at.desc(), ShareRow.id.desc()).limit(limit))
    return [_share(row) for row in rows]


def by_secret(session: Session, secret: str) -> Found | None:
    """The link with that secret, whether it holds or not; None where its campaign is in the trash, or its person disabled."""
    query = (
        sa.select(ShareRow, CampaignRow.user_id, CampaignRow.name)
        .join(CampaignRow, CampaignRow.id == ShareRow.campaign_id)
        .join(UserRow, UserRow.id == CampaignRow.user_id, isouter=True)  # a studio without accounts has no row of its owner
        .where(ShareRow.secret == secret, CampaignRow.trashed_at.is_(None), UserRow.disabled_at.is_(None))
    )
    row = session.execute(query).first()
    return Found(_share(row[0]), row[0].password, UserId(row[1]), row[2]) if row else None


def change(session: Session, share: str, **values: object) -> None:
    """Writes new values of a link's `expires_at`, `password`, `can_download` or `revoked_at`."""
    session.execute(sa.update(ShareRow).where(ShareRow.id == share).values(**values).execution_options(synchronize_session=False))


def count_view(session: Session, share: str) -> None:
    """Its page was opened once more."""
    change(session, share, views=ShareRow.views + 1)
