"""Who is still signed in: asked for many at once, by those who keep a connection open for long."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from reelwright.db.account_tables import SessionRow, TokenRow, UserRow


def ended(session: Session, tokens: Collection[str], sessions: Collection[str], at: datetime) -> frozenset[str]:
    """Those of the tokens and sessions that do not hold (any more): revoked, over, or of somebody who may not come in."""
    holding = (
        sa.select(TokenRow.id)
        .join(UserRow, UserRow.id == TokenRow.user_id)
        .where(
            TokenRow.id.in_(tokens),
            TokenRow.revoked_at.is_(None),
            sa.or_(TokenRow.expires_at.is_(None), TokenRow.expires_at > at),
            UserRow.disabled_at.is_(None),
        )
    )
    open_ones = (
        sa.select(SessionRow.id)
        .join(UserRow, UserRow.id == SessionRow.user_id)
        .where(SessionRow.id.in_(sessions), SessionRow.expires_at > at, UserRow.disabled_at.is_(None))
    )
    living = {*session.scalars(holding), *session.scalars(open_ones)}
    return frozenset({*tokens, *sessions} - living)
