"""Takes: rows that move through their states by compare-and-swap, so that no two lives of a process both win."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from reelwright.db.documents import dump, load
from reelwright.db.tables import UNENDED, AssetRow, CampaignRow, ProductionRow, SelectionRow, TakeRow
from reelwright.domain.generation import Failure, Kind, Request, provider_of
from reelwright.domain.ids import AssetId, CampaignId, IntentKey, JobId, ProductionId, ShotId, TakeId
from reelwright.domain.production import ProductionState
from reelwright.domain.take import AT_PROVIDER, Take, TakeState
from reelwright.errors import NotFound

_PAID_FOR = (TakeState.SUBMITTED.value, TakeState.STORING.value)
_AT_WORK = (TakeState.SUBMITTING.value, *_PAID_FOR)


def _take(row: TakeRow) -> Take:
    return Take(
        id=TakeId(row.id),
        campaign_id=CampaignId(row.campaign_id),
        production_id=ProductionId(row.production_id),
        shot_id=ShotId(row.shot_id),
        kind=Kind(row.kind),
        number=row.number,
        request=load(Request, row.request),
        intent=IntentKey(row.intent),
        state=TakeState(row.state),
        quote_micro_usd=row.quote_micro_usd,
        created_at=row.created_at,
        submitting_at=row.submitting_at,
        job_id=JobId(row.job_id) if row.job_id else None,
        asset_id=AssetId(row.asset_id) if row.asset_id else None,
        charged_micro_usd=row.charged_micro_usd,
        account=row.account,
        is_left=row.is_left,
        failure=load(Failure, row.failure) if row.failure else None,
    )


def insert(session: Session, take: Take) -> None:
    """Writes a new take with its intent."""
    session.add(
        TakeRow(
            id=take.id,
            campaign_id=take.campaign_id,
            production_id=take.production_id,
            shot_id=take.shot_id,
            kind=take.kind.value,
            number=take.number,
            request=dump(take.request),
            digest=take.request.digest,
            intent=take.intent,
            provider=provider_of(take.request.model),
            account=take.account,
            state=take.state.value,
            quote_micro_usd=take.quote_micro_usd,
            charged_micro_usd=0,
            created_at=take.created_at,
            submitting_at=take.submitting_at,
            job_id=take.job_id,
            asset_id=take.asset_id,
            is_left=take.is_left,
        )
    )
    session.flush()


def get(session: Session, take: TakeId) -> Take:
    """The take as it stands now.

    Raises:
        NotFound: there is none.
    """
    row = session.get(TakeRow, take, populate_existing=True)
    if row is None:
        msg = f"There is no take {take!r}."
        raise NotFound(msg)
    return _take(row)


def by_intent(session: Session, intent: IntentKey) -> Take | None:
    """The take of that intent, when it was ever written."""
    row = session.scalars(sa.select(TakeRow).where(TakeRow.intent == intent)).first()
    return _take(row) if row else None


def of_campaign(session: Session, campaign: CampaignId) -> list[Take]:
    """All takes, oldest first."""
    query = sa.select(TakeRow).where(TakeRow.campaign_id == campaign).order_by(TakeRow.created_at, TakeRow.id)
    return [_take(row) for row in session.scalars(query)]


def standing(session: Session, campaign: CampaignId, shot: ShotId, request: Request) -> Take | None:
    """The take that already answers exactly this request: kept, else on its way, else about to be sent, else in doubt."""
    order = (
        TakeState.KEPT,
        TakeState.STORING,
        TakeState.SUBMITTED,
        TakeState.SUBMITTING,
        TakeState.PLANNED,
        TakeState.IN_DOUBT,
    )
    is_running = sa.exists().where(
        ProductionRow.id == TakeRow.production_id, ProductionRow.state == ProductionState.RUNNING.value
    )
    query = (
        sa.select(TakeRow)
        .where(
            TakeRow.campaign_id == campaign,
            TakeRow.shot_id == shot,
            TakeRow.kind == request.kind.value,
            TakeRow.digest == request.digest,
            TakeRow.state.in_([state.value for state in order]),
            # What nobody is about to send need not ever be sent.
            sa.or_(TakeRow.state != TakeState.PLANNED.value, is_running),
        )
        .order_by(TakeRow.number.desc())
    )
    found = [_take(row) for row in session.scalars(query)]
    return min(found, key=lambda take: order.index(take.state), default=None)


def hand_over(session: Session, take: TakeId, production: ProductionId) -> None:
    """Makes the take another production's: it is no longer touched by what becomes of the one that asked for it first."""
    change = sa.update(TakeRow).where(TakeRow.id == take).values(production_id=production, is_left=False)
    session.execute(change.execution_options(synchronize_session=False))


def leave(session: Session, take: TakeId) -> bool:
    """Writes down that its production waits for the take no longer; False when that is known, or it has ended."""
    change = (
        sa.update(TakeRow)
        .where(TakeRow.id == take, TakeRow.is_left.is_(False), TakeRow.state.in_(_PAID_FOR))
        .values(is_left=True)
        .returning(TakeRow.id)
        .execution_options(synchronize_session=False)
    )
    return session.execute(change).scalar_one_or_none() is not None


def planned(session: Session, production: ProductionId) -> list[Take]:
    """The production's takes of which nothing was sent yet."""
    query = sa.select(TakeRow).where(TakeRow.production_id == production, TakeRow.state == TakeState.PLANNED.value)
    return [_take(row) for row in session.scalars(query)]


def shots_under_way(session: Session, production: ProductionId) -> frozenset[ShotId]:
    """The shots of the production that have a take which has not ended, and which it waits for."""
    query = sa.select(TakeRow.shot_id).where(
        TakeRow.production_id == production, sa.text(f"reel_takes.{UNENDED}"), TakeRow.is_left.is_(False)
    )
    return frozenset(ShotId(each) for each in session.scalars(query))


def next_number(session: Session, campaign: CampaignId, shot: ShotId, kind: Kind) -> int:
    """The number of the next take. Locks the campaign, so that two asking at once get two numbers."""
    session.execute(sa.select(CampaignRow.id).where(CampaignRow.id == campaign).with_for_update())
    query = sa.select(sa.func.coalesce(sa.func.max(TakeRow.number), 0)).where(
        TakeRow.campaign_id == campaign, TakeRow.shot_id == shot, TakeRow.kind == kind.value
    )
    return session.execute(query).scalar_one() + 1


def move(session: Session, take: TakeId, origin: TakeState, target: TakeState, **columns: Any) -> bool:
    """Moves the take from one state to another; False when it is not in `origin`, and then nothing changes."""
    change = (
        sa.update(TakeRow)
        .where(TakeRow.id == take, TakeRow.state == origin.value)
        .values(state=target.value, **columns)
        .returning(TakeRow.id)
        .execution_options(synchronize_session=False)
    )
    return session.execute(change).scalar_one_or_none() is not None


def set_quote(session: Session, take: TakeId, micro_usd: int) -> None:
    """Writes down that the provider names another price than its card."""
    change = sa.update(TakeRow).where(TakeRow.id == take).values(quote_micro_usd=micro_usd)
    session.execute(change.execution_options(synchronize_session=False))


def lock_account(session: Session, provider: str, account: str) -> None:
    """Nobody else counts or changes what the account has at the provider until this transaction ends.

    On PostgreSQL by an advisory lock; on SQLite a transaction that writes is alone anyway.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(sa.text("SELECT pg_advisory_xact_lock(hashtext(:account))"), {"account": f"{provider} {account}"})


def at_provider(session: Session, provider: str, account: str, models: Sequence[str], since: datetime) -> int:
    """How many takes of these models that were sent since then occupy a place of the account now, over all processes."""
    query = sa.select(sa.func.count()).where(
        TakeRow.provider == provider,
        TakeRow.account == account,
        TakeRow.state.in_([state.value for state in AT_PROVIDER]),
        TakeRow.submitting_at > since,
        TakeRow.request["model"].as_string().in_(models),
    )
    return session.execute(query).scalar_one()


def submitted_since(session: Session, provider: str, account: str, since: datetime) -> int:
    """How many takes the account has submitted since then, over all processes; those that the provider put off count, too."""
    query = sa.select(sa.func.count()).where(
        TakeRow.provider == provider, TakeRow.account == account, TakeRow.submitting_at > since
    )
    return session.execute(query).scalar_one()


def of_job(session: Session, provider: str, job: JobId) -> Take | None:
    """The take that has this job of the provider's, when we know the job."""
    query = sa.select(TakeRow).where(TakeRow.provider == provider, TakeRow.job_id == job).limit(1)
    row = session.scalars(query).first()
    return _take(row) if row else None


def of_jobs(session: Session, jobs: Sequence[JobId]) -> Take | None:
    """The newest take that has one of these jobs, whoever the provider is."""
    query = sa.select(TakeRow).where(TakeRow.job_id.in_(jobs)).order_by(TakeRow.created_at.desc()).limit(1)
    row = session.scalars(query).first()
    return _take(row) if row else None


def without_receipt(session: Session, provider: str, since: datetime, until: datetime) -> list[Take]:
    """Takes that were sent in between and of whose jobs we know nothing: on their way, or in doubt. Oldest first."""
    query = (
        sa.select(TakeRow)
        .where(
            TakeRow.provider == provider,
            TakeRow.submitting_at.between(since, until),
            TakeRow.state.in_([TakeState.SUBMITTING.value, TakeState.IN_DOUBT.value]),
        )
        .order_by(TakeRow.submitting_at)
    )
    return [_take(row) for row in session.scalars(query)]


def unattended(session: Session) -> list[TakeId]:
    """Takes that have not ended and that no production waits for (any more), oldest first."""
    is_over = sa.exists().where(ProductionRow.id == TakeRow.production_id, ProductionRow.ended_at.is_not(None))
    query = (
        sa.select(TakeRow.id)
        .where(sa.text(f"reel_takes.{UNENDED}"), sa.or_(TakeRow.is_left, is_over))
        .order_by(TakeRow.created_at, TakeRow.id)
    )
    return [TakeId(each) for each in session.scalars(query)]


def unsettled(session: Session) -> list[Take]:
    """The takes of all campaigns that were sent, or are being sent, and have not ended, oldest first."""
    query = (
        sa.select(TakeRow)
        .where(sa.text(f"reel_takes.{UNENDED}"), TakeRow.state != TakeState.PLANNED.value)
        .order_by(TakeRow.created_at, TakeRow.id)
    )
    return [_take(row) for row in session.scalars(query)]


def in_doubt(session: Session, campaign: CampaignId | None = None) -> list[Take]:
    """The takes that a person must decide about, of one campaign or of all, oldest first."""
    query = sa.select(TakeRow).where(TakeRow.state == TakeState.IN_DOUBT.value)
    if campaign is not None:
        query = query.where(TakeRow.campaign_id == campaign)
    return [_take(row) for row in session.scalars(query.order_by(TakeRow.created_at, TakeRow.id))]


def newest(session: Session, limit: int) -> list[Take]:
    """The newest takes of all campaigns, newest first."""
    query = sa.select(TakeRow).order_by(TakeRow.created_at.desc(), TakeRow.id.desc()).limit(limit)
    return [_take(row) for row in session.scalars(query)]


def page(
    session: Session,
    *,
    campaign: CampaignId | None,
    shot: ShotId | None,
    kind: Kind | None,
    state: TakeState | None,
    before: str,
    limit: int,
) -> list[Take]:
    """Takes that fit, newest first, after the one with the id `before`.

    Raises:
        NotFound: there is no take `before`.
    """
    query = sa.select(TakeRow)
    wanted = ((TakeRow.campaign_id, campaign), (TakeRow.shot_id, shot), (TakeRow.kind, kind), (TakeRow.state, state))
    for column, value in wanted:
        if value is not None:
            query = query.where(column == str(value))
    if before:
        edge = get(session, TakeId(before))
        query = query.where(sa.tuple_(TakeRow.created_at, TakeRow.id) < sa.tuple_(edge.created_at, edge.id))
    return [_take(row) for row in session.scalars(query.order_by(TakeRow.created_at.desc(), TakeRow.id.desc()).limit(limit))]


def count_unsettled(session: Session, campaign: CampaignId) -> int:
    """How many takes of a campaign were sent, or are being sent, and have not ended."""
    query = sa.select(sa.func.count()).where(
        TakeRow.campaign_id == campaign,
        TakeRow.state.in_(_AT_WORK),
    )
    return session.execute(query).scalar_one()


def select(session: Session, take: Take, *, only_if_none: bool = False, is_chosen: bool = False) -> None:
    """Chooses the take for its shot; with `only_if_none` an earlier choice stands. A person's gives way to a person's only."""
    key = {"campaign_id": take.campaign_id, "shot_id": take.shot_id, "kind": take.kind.value}
    row = session.get(SelectionRow, tuple(key.values()))
    if row is None:
        session.add(SelectionRow(**key, take_id=take.id, is_chosen=is_chosen))
    elif is_chosen or not (only_if_none or row.is_chosen):
        row.take_id, row.is_chosen = take.id, is_chosen
    session.flush()


def chosen(session: Session, campaign: CampaignId) -> dict[tuple[ShotId, Kind], Take]:
    """The takes that a person has chosen, by shot and kind."""
    query = (
        sa.select(TakeRow)
        .join(SelectionRow, SelectionRow.take_id == TakeRow.id)
        .where(SelectionRow.campaign_id == campaign, SelectionRow.is_chosen)
    )
    takes = [_take(row) for row in session.scalars(query)]
    return {(take.shot_id, take.kind): take for take in takes}


def selected(session: Session, campaign: CampaignId) -> dict[tuple[ShotId, Kind], Take]:
    """The chosen takes by shot and kind."""
    query = sa.select(TakeRow).join(SelectionRow, SelectionRow.take_id == TakeRow.id).where(SelectionRow.campaign_id == campaign)
    takes = [_take(row) for row in session.scalars(query)]
    return {(take.shot_id, take.kind): take for take in takes}


def without_asset(session: Session) -> list[Take]:
    """Takes that are kept, and whose asset is not there."""
    is_there = sa.exists().where(AssetRow.id == TakeRow.asset_id, AssetRow.is_ready.is_(True))
    query = sa.select(TakeRow).where(TakeRow.state == TakeState.KEPT.value, ~is_there).order_by(TakeRow.created_at, TakeRow.id)
    return [_take(row) for row in session.scalars(query)]
