"""Films: one row a production, so that cutting twice is cutting once."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy.orm import Session

from reelwright.db.documents import dump, load
from reelwright.db.tables import CampaignRow, FilmRow
from reelwright.domain.film import CutList, Film
from reelwright.domain.ids import AssetId, CampaignId, FilmId, ProductionId
from reelwright.errors import NotFound


def _film(row: FilmRow) -> Film:
    return Film(
        id=FilmId(row.id),
        campaign_id=CampaignId(row.campaign_id),
        production_id=ProductionId(row.production_id),
        number=row.number,
        cut_list=load(CutList, row.cut_list),
        assets={name: AssetId(asset) for name, asset in row.assets.items()},
        report=row.report,
        created_at=row.created_at,
    )


def insert(session: Session, film: Film) -> None:
    """Writes a new film."""
    session.add(
        FilmRow(
            id=film.id,
            campaign_id=film.campaign_id,
            production_id=film.production_id,
            number=film.number,
            cut_list=dump(film.cut_list),
            assets={},
            report={},
            created_at=film.created_at,
        )
    )
    session.flush()


def get(session: Session, film: FilmId) -> Film:
    """The film.

    Raises:
        NotFound: there is none.
    """
    row = session.get(FilmRow, film, populate_existing=True)
    if row is None:
        msg = f"There is no film {film!r}."
        raise NotFound(msg)
    return _film(row)


def of_production(session: Session, production: ProductionId) -> Film | None:
    """The film of a run, when it was cut."""
    row = session.scalars(sa.select(FilmRow).where(FilmRow.production_id == production)).first()
    return _film(row) if row else None


def of_campaign(session: Session, campaign: CampaignId) -> list[Film]:
    """All films, oldest first."""
    query = sa.select(FilmRow).where(FilmRow.campaign_id == campaign).order_by(FilmRow.number)
    return [_film(row) for row in session.scalars(query)]


def next_number(session: Session, campaign: CampaignId) -> int:
    """The number of the next film. Locks the campaign."""
    session.execute(sa.select(CampaignRow.id).where(CampaignRow.id == campaign).with_for_update())
    query = sa.select(sa.func.coalesce(sa.func.max(FilmRow.number), 0)).where(FilmRow.campaign_id == campaign)
    return session.execute(query).scalar_one() + 1


def finish(session: Session, film: FilmId, assets: Mapping[str, AssetId], report: Mapping[str, float]) -> bool:
    """Writes down what was rendered; False when that was done before."""
    row = session.get(FilmRow, film, populate_existing=True, with_for_update=True)
    if row is None or row.assets:
        return False
    row.assets, row.report = dict(assets), dict(report)
    session.flush()
    return True
