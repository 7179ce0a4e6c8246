"""People and how they prove who they are: only digests of what they hold."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from reelwright.db.account_tables import TokenRow, UserRow
from reelwright.domain.account import Role, Scope, Token, User
from reelwright.domain.ids import UserId


def _user(row: UserRow) -> User:
    return User(
        id=UserId(row.id),
        email=row.email or "",
        name=row.name,
        role=Role(row.role),
        created_at=row.created_at,
        has_password=row.password is not None,
        disabled_at=row.disabled_at,
    )


def _token(row: TokenRow) -> Token:
    return Token(
        id=row.id,
        user_id=UserId(row.user_id),
        name=row.name,
        ending=row.ending,
        scopes=frozenset(Scope(scope) for scope in row.scopes.split()),
        created_at=row.created_at,
        used_at=row.used_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
    )


def insert(session: Session, user: User, password: str | None = None) -> None:
    """Writes a new person, with the hash of their password where they have one."""
    session.add(
        UserRow(
            id=user.id,
            email=user.email or None,
            name=user.name,
            role=user.role.value,
            password=password,
            created_at=user.created_at,
        )
    )
    session.flush()


def find(session: Session, user: UserId) -> User | None:
    """The person with that id."""
    row = session.get(UserRow, user, populate_existing=True)
    return _user(row) if row else None


def find_by_email(session: Session, email: str) -> User | None:
    """The person with that address, which is in small letters."""
    row = session.scalars(sa.select(UserRow).where(UserRow.email == email)).first()
    return _user(row) if row else None


def everybody(session: Session) -> list[User]:
    """All people, in the order in which they came."""
    return [_user(row) for row in session.scalars(sa.select(UserRow).order_by(UserRow.created_at, UserRow.id))]


def insert_token(session: Session, token: Token, digest: str) -> None:
    """Writes a new token, as the digest by which it is found."""
    session.add(
        TokenRow(
            id=token.id,
            digest=digest,
            ending=token.ending,
            user_id=token.user_id,
            name=token.name,
            scopes=" ".join(sorted(scope.value for scope in token.scopes)),
            created_at=token.created_at,
            expires_at=token.expires_at,
        )
    )
    session.flush()


def tokens(session: Session, user: UserId) -> list[Token]:
    """A person's tokens, newest first."""
    query = sa.select(TokenRow).where(TokenRow.user_id == user).order_by(TokenRow.created_at.desc(), TokenRow.id.desc())
    return [_token(row) for row in session.scalars(query)]


def by_token(session: Session, digest: str) -> tuple[User, Token] | None:
    """The token with that digest, whether it still holds or not, and whose it is."""
    query = sa.select(UserRow, TokenRow).join(TokenRow, TokenRow.user_id == UserRow.id).where(TokenRow.digest == digest)
    found = session.execute(query).first()
    return (_user(found[0]), _token(found[1])) if found else None


def touch_token(session: Session, token: str, at: datetime) -> None:
    """Writes down when the token was last used."""
    session.execute(
        sa.update(TokenRow).where(TokenRow.id == token).values(used_at=at).execution_options(synchronize_session=False)
    )


def revoke_token(session: Session, token: str, user: UserId, at: datetime) -> bool:
    """Ends the person's token; False where there is none that holds."""
    change = (
        sa.update(TokenRow)
        .where(TokenRow.id == token, TokenRow.user_id == user, TokenRow.revoked_at.is_(None))
        .values(revoked_at=at)
        .returning(TokenRow.id)
        .execution_options(synchronize_session=False)
    )
    return session.execute(change).scalar_one_or_none() is not None
