"""The ledger: append-only, every line under a key of its own, so that no movement of money can be written twice."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from reelwright.db.tables import CampaignRow, LedgerRow
from reelwright.domain.budget import Balance, EntryKind
from reelwright.domain.ids import CampaignId


def balance(session: Session, campaign: CampaignId) -> Balance:
    """What is held and what was charged. A reserve counts until its release is written."""
    query = (
        sa.select(LedgerRow.kind, sa.func.coalesce(sa.func.sum(LedgerRow.micro_usd), 0))
        .where(LedgerRow.campaign_id == campaign)
        .group_by(LedgerRow.kind)
    )
    sums = {kind: int(total) for kind, total in session.execute(query)}
    cap = session.execute(sa.select(CampaignRow.cap_micro_usd).where(CampaignRow.id == campaign)).scalar_one()
    held = sums.get(EntryKind.RESERVE, 0) - sums.get(EntryKind.RELEASE, 0)
    return Balance(cap, reserved=held, charged=sums.get(EntryKind.CHARGE, 0))


def write(
    session: Session,
    campaign: CampaignId,
    subject: str,
    kind: EntryKind,
    micro_usd: int,
    at: datetime,
    note: str = "",
) -> None:
    """Writes one line; nothing when the amount is 0, because what is free needs no ledger."""
    if micro_usd:
        session.add(
            LedgerRow(
                key=f"{subject}/{kind.value}",
                campaign_id=campaign,
                subject=subject,
                kind=kind.value,
                micro_usd=micro_usd,
                note=note,
                at=at,
            )
        )
        session.flush()


def settle(session: Session, campaign: CampaignId, subject: str, reserved: int, charged: int, at: datetime) -> None:
    """Gives the reserve back and writes what it really cost."""
    write(session, campaign, subject, EntryKind.RELEASE, reserved, at)
    write(session, campaign, subject, EntryKind.CHARGE, charged, at)


def open_reserves(session: Session, campaign: CampaignId, subject: str) -> list[tuple[str, int]]:
    """Calls below `subject` whose reserve was neither charged nor released, with the amount: their answer was lost."""
    released = sa.select(LedgerRow.subject).where(LedgerRow.campaign_id == campaign, LedgerRow.kind == EntryKind.RELEASE.value)
    query = sa.select(LedgerRow.subject, LedgerRow.micro_usd).where(
        LedgerRow.campaign_id == campaign,
        LedgerRow.subject.startswith(f"{subject}/", autoescape=True),
        LedgerRow.kind == EntryKind.RESERVE.value,
        LedgerRow.subject.not_in(released),
    )
    return [(call, amount) for call, amount in session.execute(query)]


def count(session: Session, campaign: CampaignId, subject: str) -> int:
    """How many calls below `subject` were ever paid for or held money."""
    query = sa.select(sa.func.count()).where(
        LedgerRow.campaign_id == campaign,
        LedgerRow.subject.startswith(f"{subject}/", autoescape=True),
        LedgerRow.kind == EntryKind.RESERVE.value,
    )
    return session.execute(query).scalar_one()
