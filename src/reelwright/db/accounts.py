"""People and how they prove who they are: only digests of what they hold."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from reelwright.db.account_tables import IdentityRow, TokenRow, UserRow
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


def lock(session: Session, user: UserId) -> User | None:
    """The person with that id, whom no other transaction changes before this one ends."""
    row = session.get(UserRow, user, populate_existing=True, with_for_update=True)
    return _user(row) if row else None


def find_by_email(session: Session, email: str) -> User | None:
    """The person with that address, which is in small letters."""
    row = session.scalars(sa.select(UserRow).where(UserRow.email == email)).first()
    return _user(row) if row else None


def password_of(session: Session, user: UserId) -> str | None:
    """The hash of the person's password; None for who has none."""
    return session.execute(sa.select(UserRow.password).where(UserRow.id == user)).scalar_one_or_none()


def set_password(session: Session, user: UserId, password: str) -> None:
    """Keeps the hash of the person's new password."""
    session.execute(
        sa.update(UserRow).where(UserRow.id == user).values(password=password).execution_options(synchronize_session=False)
    )


def renew_hash(session: Session, user: UserId, before: str, after: str) -> None:
    """Keeps another hash of the same password, unless the password was changed meanwhile."""
    session.execute(
        sa.update(UserRow)
        .where(UserRow.id == user, UserRow.password == before)
        .values(password=after)
        .execution_options(synchronize_session=False)
    )


def change(session: Session, user: UserId, **values: object) -> None:
    """Writes new values of a person's `email`, `name`, `role` or `disabled_at`."""
    session.execute(sa.update(UserRow).where(UserRow.id == user).values(**values).execution_options(synchronize_session=False))
    session.flush()


def active_owners(session: Session) -> list[User]:
    """The owners who are not disabled, oldest first. No other transaction changes one of them before this one ends."""
    query = sa.select(UserRow).where(UserRow.role == Role.OWNER.value, UserRow.disabled_at.is_(None))
    return [_user(row) for row in session.scalars(query.order_by(UserRow.created_at, UserRow.id).with_for_update())]


def is_anybody_known(session: Session) -> bool:
    """Whether there is somebody who can sign in: with a password, or through an issuer."""
    with_password = sa.select(UserRow.id).where(UserRow.password.is_not(None)).limit(1)
    return (
        session.execute(with_password).first() is not None or session.execute(sa.select(IdentityRow.subject)).first() is not None
    )


def can_sign_in(session: Session, user: UserId) -> bool:
    """Whether the person has a password, or is known by an issuer."""
    has_identity = sa.select(IdentityRow.subject).where(IdentityRow.person == user).limit(1)
    return password_of(session, user) is not None or session.execute(has_identity).first() is not None


def find_by_identity(session: Session, issuer: str, subject: str) -> User | None:
    """Who that is at that issuer."""
    query = (
        sa.select(UserRow)
        .join(IdentityRow, IdentityRow.person == UserRow.id)
        .where(IdentityRow.issuer == issuer, IdentityRow.subject == subject)
    )
    row = session.scalars(query).first()
    return _user(row) if row else None


def has_identity(session: Session, issuer: str, user: UserId) -> bool:
    """Whether that issuer knows the person already."""
    query = sa.select(IdentityRow.subject).where(IdentityRow.issuer == issuer, IdentityRow.person == user)
    return session.execute(query).first() is not None


def insert_identity(session: Session, issuer: str, subject: str, user: UserId) -> None:
    """Writes down who the person is at an issuer."""
    session.add(IdentityRow(issuer=issuer, subject=subject, person=user))
    session.flush()


def everybody(session: Session) -> list[User]:
    """All people, in the order in which they came."""
    return [_user(row) for row in session.scalars(sa.select(UserRow).order_by(UserRow.created_at, UserRow.id))]


def insert_token(session: Session, token: Token, digest: str, made_by: str = "") -> None:
    """Writes a new token, as the digest by which it is found, and the token that asked for it where one did."""
    session.add(
        TokenRow(
            id=token.id,
            digest=digest,
            ending=token.ending,
            user_id=token.user_id,
            made_by=made_by or None,
            name=token.name,
            scopes=" ".join(sorted(scope.value for scope in token.scopes)),
            created_at=token.created_at,
            expires_at=token.expires_at,
        )
    )
    session.flush()


def tokens(session: Session, user: UserId | None) -> list[Token]:
    """A person's tokens, or everybody's, newest first."""
    query = sa.select(TokenRow).order_by(TokenRow.created_at.desc(), TokenRow.id.desc())
    if user is not None:
        query = query.where(TokenRow.user_id == user)
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


def revoke_token(session: Session, token: str, user: UserId | None, at: datetime) -> bool:
    """Ends the person's token, or anybody's, and every one that was made with it; False where there is none that holds."""
    which = TokenRow.id == token if user is None else sa.and_(TokenRow.id == token, TokenRow.user_id == user)
    ended = made = _revoke(session, which, at)
    while made:
        made = _revoke(session, TokenRow.made_by.in_(made), at)
    return bool(ended)


def _revoke(session: Session, which: sa.ColumnElement[bool], at: datetime) -> list[str]:
    change = sa.update(TokenRow).where(which, TokenRow.revoked_at.is_(None)).values(revoked_at=at).returning(TokenRow.id)
    return list(session.scalars(change.execution_options(synchronize_session=False)))


def revoke_tokens(session: Session, user: UserId, at: datetime) -> None:
    """Ends every token of a person."""
    session.execute(
        sa.update(TokenRow)
        .where(TokenRow.user_id == user, TokenRow.revoked_at.is_(None))
        .values(revoked_at=at)
        .execution_options(synchronize_session=False)
    )


def count_tokens(session: Session, user: UserId, at: datetime) -> int:
    """How many tokens of a person hold."""
    holds = sa.and_(TokenRow.revoked_at.is_(None), sa.or_(TokenRow.expires_at.is_(None), TokenRow.expires_at > at))
    return session.execute(sa.select(sa.func.count(TokenRow.id)).where(TokenRow.user_id == user, holds)).scalar_one()
