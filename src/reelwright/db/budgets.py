"""The ledger: append-only, every line under a key of its own, so that no movement of money can be written twice.

All movements of one subject (a take, a call for a text) belong to one month: that in which its first one was written, in UTC.
What is held in November and charged in December is November's, because November's budget allowed it. So no month's sum grows by
something that its own cap did not see, and what a month holds is never less than nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

import sqlalchemy as sa
from sqlalchemy.orm import Session

from reelwright.db import campaigns
from reelwright.db.tables import BudgetRow, CampaignRow, LedgerRow, SumRow, TakeRow
from reelwright.domain.budget import WARN_PERCENT, Balance, Budget, Entry, EntryKind, month_of
from reelwright.domain.generation import Kind, ModelRef
from reelwright.domain.ids import CampaignId, JobId, ShotId
from reelwright.errors import NotFound

_MONTH = "month"
"""The scope of the one budget that is not a campaign's."""
_ORDER = {kind.value: place for place, kind in enumerate(EntryKind)}


def balance(session: Session, campaign: CampaignId) -> Balance:
    """What is held and what was charged. A reserve counts until its release is written."""
    cap = session.execute(sa.select(CampaignRow.cap_micro_usd).where(CampaignRow.id == campaign)).scalar_one()
    return _balance(session, SumRow.campaign_id == campaign, cap)


def _balance(session: Session, which: sa.ColumnElement[bool], cap: int | None) -> Balance:
    held, charged = (sa.func.coalesce(sa.func.sum(each), 0) for each in (SumRow.held, SumRow.charged))
    query = sa.select(held.label("held"), charged.label("charged")).where(which)
    sums = session.execute(query).one()
    return Balance(cap, reserved=int(sums.held), charged=int(sums.charged))


def of_campaign(session: Session, campaign: CampaignId) -> Budget:
    """The campaign's cap, what of it is used, and when that is to be warned of."""
    row = session.get(BudgetRow, _scope(campaign), populate_existing=True)
    return _budget(balance(session, campaign), row, "")


def of_month(session: Session, month: str) -> Budget:
    """The same for a month, over all campaigns. Its cap is None where no month has a budget."""
    row = session.get(BudgetRow, _MONTH, populate_existing=True)
    return _budget(_balance(session, SumRow.month == month, row.cap_micro_usd if row else None), row, month)


def _budget(balance: Balance, row: BudgetRow | None, month: str) -> Budget:
    return Budget(balance, row.warn_percent if row else WARN_PERCENT, row.warned if row else "", month)


def _scope(campaign: CampaignId | None) -> str:
    return _MONTH if campaign is None else f"campaign/{campaign}"


def lock_month(session: Session) -> bool:
    """Whether months have a budget. Then nobody else can use it until this transaction ends; without one nobody waits."""
    query = sa.select(BudgetRow.scope).where(BudgetRow.scope == _MONTH, BudgetRow.cap_micro_usd.is_not(None))
    return session.execute(query.with_for_update()).scalar_one_or_none() is not None


def set_month_cap(session: Session, cap_micro_usd: int | None) -> None:
    """Changes what every month may cost; None lets only the campaigns' own caps hold."""
    _row(session, None).cap_micro_usd = cap_micro_usd
    session.flush()


def set_warning(session: Session, campaign: CampaignId | None, percent: int) -> None:
    """Changes how much is used when a person is warned: of the campaign's cap, or with None of the month's."""
    _row(session, campaign).warn_percent = percent
    session.flush()


def set_warned(session: Session, campaign: CampaignId | None, warning: str) -> None:
    """Writes down that the person was told."""
    _row(session, campaign).warned = warning
    session.flush()


def _row(session: Session, campaign: CampaignId | None) -> BudgetRow:
    scope = _scope(campaign)
    row = session.get(BudgetRow, scope, populate_existing=True)
    if row is None:
        row = BudgetRow(scope=scope, cap_micro_usd=None, warn_percent=WARN_PERCENT, warned="")
        session.add(row)
    return row


def write(
    session: Session,
    campaign: CampaignId,
    subject: str,
    kind: EntryKind,
    micro_usd: int,
    at: datetime,
    note: str = "",
    *,
    model: ModelRef | None = None,
    step: str = "",
) -> None:
    """Writes one line and adds it up; nothing when the amount is 0, because what is free needs no ledger.

    Nobody else writes of the campaign's money until the transaction ends.

    Args:
        session: the transaction.
        campaign: whose money it is.
        subject: the take, or the call for a text.
        kind: which way the money moves.
        micro_usd: how much.
        at: now.
        note: why, for people.
        model: who is paid; as in the subject's first line where it is left out.
        step: what tells it from another line of this kind for the same subject.
    """
    if not micro_usd:
        return
    session.execute(sa.select(CampaignRow.id).where(CampaignRow.id == campaign).with_for_update())
    first = session.execute(sa.select(LedgerRow.month, LedgerRow.model).where(LedgerRow.subject == subject).limit(1)).first()
    month = first.month if first else month_of(at)
    session.add(
        LedgerRow(
            key="/".join(filter(None, (subject, kind.value, step))),
            campaign_id=campaign,
            subject=subject,
            kind=kind.value,
            micro_usd=micro_usd,
            model=model or (first.model if first else ""),
            month=month,
            note=note,
            at=at,
        )
    )
    session.flush()
    _add_up(session, campaign, month, kind, micro_usd)


def _add_up(session: Session, campaign: CampaignId, month: str, kind: EntryKind, micro_usd: int) -> None:
    held = {EntryKind.RESERVE: micro_usd, EntryKind.RELEASE: -micro_usd, EntryKind.CHARGE: 0}[kind]
    charged = micro_usd if kind is EntryKind.CHARGE else 0
    change = (
        sa.update(SumRow)
        .where(SumRow.month == month, SumRow.campaign_id == campaign)
        .values(held=SumRow.held + held, charged=SumRow.charged + charged)
        .returning(SumRow.month)
        .execution_options(synchronize_session=False)
    )
    if session.execute(change).scalar_one_or_none() is None:
        session.add(SumRow(month=month, campaign_id=campaign, held=held, charged=charged))
        session.flush()


def wrong_sums(session: Session) -> list[tuple[CampaignId, str]]:
    """The campaigns, with the months, whose sums are not what their lines add up to: there are none, or somebody edited them."""
    kinds = {EntryKind.RESERVE.value: LedgerRow.micro_usd, EntryKind.RELEASE.value: -LedgerRow.micro_usd}
    lines = sa.select(
        LedgerRow.campaign_id,
        LedgerRow.month,
        sa.case(kinds, value=LedgerRow.kind, else_=0).label("held"),
        sa.case({EntryKind.CHARGE.value: LedgerRow.micro_usd}, value=LedgerRow.kind, else_=0).label("charged"),
    )
    # What was added up, taken away from the lines, leaves nothing.
    sums = sa.select(SumRow.campaign_id, SumRow.month, -SumRow.held, -SumRow.charged)
    both = lines.union_all(sums).subquery()
    query = (
        sa.select(both.c.campaign_id, both.c.month)
        .group_by(both.c.campaign_id, both.c.month)
        .having(sa.or_(sa.func.sum(both.c.held) != 0, sa.func.sum(both.c.charged) != 0))
        .order_by(both.c.campaign_id, both.c.month)
    )
    return [(CampaignId(campaign), month) for campaign, month in session.execute(query)]


def mend_sum(session: Session, campaign: CampaignId, month: str) -> None:
    """Makes the sum what its lines add up to."""
    campaigns.get(session, campaign, for_change=True)
    lines = sa.select(LedgerRow.kind, LedgerRow.micro_usd).where(LedgerRow.campaign_id == campaign, LedgerRow.month == month)
    session.execute(sa.delete(SumRow).where(SumRow.month == month, SumRow.campaign_id == campaign))
    for kind, micro_usd in session.execute(lines).all():
        _add_up(session, campaign, month, EntryKind(kind), int(micro_usd))


def held(session: Session, subject: str) -> int:
    """What is still held for a subject."""
    kinds = {EntryKind.RESERVE.value: LedgerRow.micro_usd, EntryKind.RELEASE.value: -LedgerRow.micro_usd}
    amount = sa.case(kinds, value=LedgerRow.kind, else_=0)
    query = sa.select(sa.func.coalesce(sa.func.sum(amount), 0)).where(LedgerRow.subject == subject)
    return int(session.execute(query).scalar_one())


def top_up(session: Session, campaign: CampaignId, subject: str, to_micro_usd: int, at: datetime) -> int:
    """Raises what is held for a subject to an amount, and returns by how much; does nothing once it is settled.

    Whoever calls it has paid already, so no cap can refuse it: a cap that it exceeds covers nothing more.
    """
    campaigns.get(session, campaign, for_change=True)
    lock_month(session)
    missing = to_micro_usd - held(session, subject)
    if missing <= 0 or _is_settled(session, subject):
        return 0
    note = "its receipt says that it may cost more"
    write(session, campaign, subject, EntryKind.RESERVE, missing, at, note, step=str(to_micro_usd))
    return missing


def _is_settled(session: Session, subject: str) -> bool:
    ends = sa.select(LedgerRow.key).where(LedgerRow.subject == subject, LedgerRow.kind != EntryKind.RESERVE.value)
    return session.execute(ends.limit(1)).scalar_one_or_none() is not None


def settle(
    session: Session,
    campaign: CampaignId,
    subject: str,
    charged: int,
    at: datetime,
    note: str = "",
    *,
    model: ModelRef | None = None,
) -> None:
    """Gives back all that is still held and writes what it really cost. `note` says why it costs that.

    `model` is needed where nothing was held: for what somebody else has asked for.
    """
    write(session, campaign, subject, EntryKind.RELEASE, held(session, subject), at, "paid below" if charged else note)
    write(session, campaign, subject, EntryKind.CHARGE, charged, at, note, model=model)


def open_reserves(session: Session, campaign: CampaignId, subject: str) -> list[tuple[str, int]]:
    """Calls below `subject` whose reserve was neither charged nor released, with the amount: their answer was lost."""
    released = sa.select(LedgerRow.subject).where(LedgerRow.campaign_id == campaign, LedgerRow.kind == EntryKind.RELEASE.value)
    query = (
        sa.select(LedgerRow.subject, sa.func.sum(LedgerRow.micro_usd))
        .where(
            LedgerRow.campaign_id == campaign,
            LedgerRow.subject.startswith(f"{subject}/", autoescape=True),
            LedgerRow.kind == EntryKind.RESERVE.value,
            LedgerRow.subject.not_in(released),
        )
        .group_by(LedgerRow.subject)
        .order_by(LedgerRow.subject)
    )
    return [(call, int(amount)) for call, amount in session.execute(query)]


def count(session: Session, campaign: CampaignId, subject: str) -> int:
    """How many calls below `subject` ever held money."""
    query = sa.select(sa.func.count(sa.distinct(LedgerRow.subject))).where(
        LedgerRow.campaign_id == campaign,
        LedgerRow.subject.startswith(f"{subject}/", autoescape=True),
        LedgerRow.kind == EntryKind.RESERVE.value,
    )
    return session.execute(query).scalar_one()


def entries(session: Session, campaign: CampaignId | None = None) -> list[Entry]:
    """Every movement of a campaign, or of all, oldest first, with the take that it was for."""
    found = [entry for _, entry in _read(session, _with_takes(campaign).order_by(LedgerRow.at, LedgerRow.subject))]
    # Lines of one moment in the order in which money moves: held, given back, charged.
    return sorted(found, key=lambda entry: (entry.at, entry.subject, _ORDER[entry.kind]))


def page(session: Session, campaign: CampaignId | None, *, before: str, limit: int) -> list[tuple[str, Entry]]:
    """As `entries`, newest first, after the line with the key `before`; each with its key.

    Raises:
        NotFound: there is no line `before`.
    """
    query = _with_takes(campaign)
    if before:
        edge = session.get(LedgerRow, before)
        if edge is None or campaign not in {None, edge.campaign_id}:
            msg = f"There is no line {before!r} in this ledger."
            raise NotFound(msg)
        query = query.where(sa.tuple_(LedgerRow.at, LedgerRow.key) < sa.tuple_(edge.at, edge.key))
    return _read(session, query.order_by(LedgerRow.at.desc(), LedgerRow.key.desc()).limit(limit))


_Lines: TypeAlias = "sa.Select[LedgerRow, str, str, int, str | None]"


def _with_takes(campaign: CampaignId | None) -> _Lines:
    query = sa.select(LedgerRow, TakeRow.shot_id, TakeRow.kind, TakeRow.number, TakeRow.job_id)
    query = query.outerjoin(TakeRow, TakeRow.id == LedgerRow.subject)
    return query if campaign is None else query.where(LedgerRow.campaign_id == campaign)


def _read(session: Session, query: _Lines) -> list[tuple[str, Entry]]:
    return [
        (
            row.key,
            Entry(
                campaign_id=CampaignId(row.campaign_id),
                subject=row.subject,
                kind=EntryKind(row.kind),
                micro_usd=row.micro_usd,
                at=row.at,
                month=row.month,
                model=ModelRef(row.model),
                note=row.note,
                shot=ShotId(shot) if shot else None,
                makes=Kind(kind) if kind else None,
                number=number or 0,
                job=JobId(job) if job else None,
            ),
        )
        for row, shot, kind, number, job in session.execute(query)
    ]


@dataclass(frozen=True)
class Share:
    """What one model was paid, and may yet be, in one month of one campaign."""

    campaign_id: CampaignId
    campaign: str
    """The campaign's name."""
    month: str
    model: ModelRef
    reserved: int
    charged: int


def shares(session: Session) -> list[Share]:
    """All money there is, in parts that add up: by campaign (oldest first), month and model."""
    amounts = {kind: sa.func.sum(sa.case((LedgerRow.kind == kind.value, LedgerRow.micro_usd), else_=0)) for kind in EntryKind}
    reserved = amounts[EntryKind.RESERVE] - amounts[EntryKind.RELEASE]
    name = CampaignRow.document["brief"]["name"].as_string()
    query = (
        sa.select(CampaignRow.id, name, LedgerRow.month, LedgerRow.model, reserved, amounts[EntryKind.CHARGE])
        .join(CampaignRow, CampaignRow.id == LedgerRow.campaign_id)
        .group_by(CampaignRow.id, LedgerRow.month, LedgerRow.model)
        .order_by(CampaignRow.created_at, CampaignRow.id, LedgerRow.month, LedgerRow.model)
    )
    return [
        Share(CampaignId(campaign), str(name), month, ModelRef(model), int(held), int(charged))
        for campaign, name, month, model, held, charged in session.execute(query)
    ]
