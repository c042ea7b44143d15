"""Who is logged in: secrets in cookies and tokens, their hashes in the store."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, insert, select, update

from qc_speech.store.sql import SqlStore, utc_now
from qc_speech.store.web_tables import API_TOKENS, LOGIN_FAILURES, SESSIONS, USERS
from qc_speech.web.config import WebConfig
from qc_speech.web.people import User, user_of

TOKEN_PREFIX = "qcs_"
_SEEN_STEP = timedelta(minutes=5)  # how often a session's last sight is written
_BY_ADDRESS = 10  # an address may fail this many times as often as a name from one address


@dataclass(frozen=True)
class ApiToken:
    """A program's key, without its secret."""

    id: int
    name: str
    created_at: datetime
    expires_at: datetime | None
    used_at: datetime | None


def secret_hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def csrf_of(secret: str) -> str:
    """The token that forms of this session carry: nobody can tell the secret from it."""
    return hmac.new(secret.encode(), b"csrf", hashlib.sha256).hexdigest()


def open_session(store: SqlStore, user: User, config: WebConfig) -> str:
    """A new session's secret. Old, ended sessions are cleared away."""
    secret, now = secrets.token_urlsafe(32), utc_now()
    row = {
        "token_hash": secret_hash(secret),
        "user_id": user.id,
        "created_at": now,
        "seen_at": now,
        "expires_at": now + timedelta(hours=config.session_hours),
    }
    with store.transaction(write=True) as connection:
        connection.execute(delete(SESSIONS).where(SESSIONS.c.expires_at < now))
        connection.execute(insert(SESSIONS), [row])
        connection.execute(update(USERS).where(USERS.c.id == user.id).values(last_login_at=now))
    return secret


def close_session(store: SqlStore, secret: str) -> None:
    with store.transaction(write=True) as connection:
        connection.execute(delete(SESSIONS).where(SESSIONS.c.token_hash == secret_hash(secret)))


def session_user(store: SqlStore, secret: str, config: WebConfig) -> User | None:
    """Whose session this is, if it is alive."""
    key, now = secret_hash(secret), utc_now()
    query = (
        select(USERS, SESSIONS.c.seen_at, SESSIONS.c.expires_at)
        .join(SESSIONS, SESSIONS.c.user_id == USERS.c.id)
        .where(SESSIONS.c.token_hash == key)
    )
    with store.transaction(write=False) as connection:
        row = connection.execute(query).first()
    if row is None or row.disabled or row.expires_at < now:
        return None
    if now - row.seen_at > timedelta(minutes=config.idle_minutes):
        return None
    if now - row.seen_at > _SEEN_STEP:
        with store.transaction(write=True) as connection:
            connection.execute(
                update(SESSIONS).where(SESSIONS.c.token_hash == key).values(seen_at=now)
            )
    return user_of(row)


def new_token(store: SqlStore, user: User, name: str, days: int | None) -> str:
    """A new API token of a user: shown once, here."""
    secret, now = TOKEN_PREFIX + secrets.token_urlsafe(32), utc_now()
    row = {
        "user_id": user.id,
        "name": name.strip()[:200] or "token",
        "token_hash": secret_hash(secret),
        "created_at": now,
        "expires_at": now + timedelta(days=days) if days else None,
    }
    with store.transaction(write=True) as connection:
        connection.execute(insert(API_TOKENS), [row])
    return secret


def tokens_of(store: SqlStore, user: User) -> tuple[ApiToken, ...]:
    query = (
        select(API_TOKENS)
        .where(API_TOKENS.c.user_id == user.id, API_TOKENS.c.revoked_at.is_(None))
        .order_by(API_TOKENS.c.id)
    )
    with store.transaction(write=False) as connection:
        return tuple(
            ApiToken(row.id, row.name, row.created_at, row.expires_at, row.used_at)
            for row in connection.execute(query)
        )


def revoke_token(store: SqlStore, user: User, token_id: int) -> bool:
    """End a token of this user; False: he has none such."""
    mine = (API_TOKENS.c.id == token_id) & (API_TOKENS.c.user_id == user.id)
    with store.transaction(write=True) as connection:
        change = update(API_TOKENS).where(mine).values(revoked_at=utc_now())
        return connection.execute(change).rowcount > 0


def token_user(store: SqlStore, secret: str) -> User | None:
    """Whose API token this is, if it is alive."""
    if not secret.startswith(TOKEN_PREFIX):
        return None
    now = utc_now()
    query = (
        select(USERS, API_TOKENS.c.id.label("token_id"), API_TOKENS.c.used_at)
        .join(API_TOKENS, API_TOKENS.c.user_id == USERS.c.id)
        .where(
            API_TOKENS.c.token_hash == secret_hash(secret),
            API_TOKENS.c.revoked_at.is_(None),
            (API_TOKENS.c.expires_at.is_(None)) | (API_TOKENS.c.expires_at > now),
        )
    )
    with store.transaction(write=False) as connection:
        row = connection.execute(query).first()
    if row is None or row.disabled or row.must_change:
        return None
    if row.used_at is None or now - row.used_at > _SEEN_STEP:
        with store.transaction(write=True) as connection:
            connection.execute(
                update(API_TOKENS).where(API_TOKENS.c.id == row.token_id).values(used_at=now)
            )
    return user_of(row)


def note_try(store: SqlStore, config: WebConfig, name: str, address: str) -> bool:
    """Count a try to log in before the password is looked at; False: too many failed lately.

    A name is held back from one address only, so that nobody can lock somebody else out; an
    address is held back for all names, so that it cannot try one password on many.
    """
    now = utc_now()
    since = now - timedelta(minutes=config.login_window_minutes)
    limits = {
        _pair_key(name, address): config.login_tries,
        f"from {address}"[:300]: config.login_tries * _BY_ADDRESS,
    }
    with store.transaction(write=True) as connection:
        connection.execute(delete(LOGIN_FAILURES).where(LOGIN_FAILURES.c.at < since))
        for key, limit in limits.items():
            counted = select(func.count()).where(LOGIN_FAILURES.c.key == key)
            if connection.execute(counted).scalar_one() >= limit:
                return False
        connection.execute(insert(LOGIN_FAILURES), [{"key": key, "at": now} for key in limits])
    return True


def forget_tries(store: SqlStore, name: str, address: str) -> None:
    """After the right password: the tries of this name from this address no longer count."""
    with store.transaction(write=True) as connection:
        key = _pair_key(name, address)
        connection.execute(delete(LOGIN_FAILURES).where(LOGIN_FAILURES.c.key == key))


def _pair_key(name: str, address: str) -> str:
    return f"{secret_hash(name.strip().lower())[:32]} from {address}"[:300]
