"""Users and their passwords, in the store."""

from __future__ import annotations

import functools
import json
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from qc_speech.errors import UsageError
from qc_speech.store.sql import SqlStore, utc_now
from qc_speech.store.web_tables import API_TOKENS, SESSIONS, USERS

if TYPE_CHECKING:
    from argon2 import PasswordHasher

PASSWORD_LENGTH = (10, 200)
_NAME = re.compile(r"[\w.@-]{1,100}\Z")


class UserRole(str, Enum):
    """What somebody does here; `permission.may` says what follows from it."""

    INSPECTOR = "inspector"
    SUPERVISOR = "supervisor"
    TRAINER = "trainer"
    AGENT = "agent"
    ADMIN = "admin"


@dataclass(frozen=True)
class User:
    """Somebody who may enter. `agent_id`: whose calls an agent sees. `teams`: whose calls the
    others see; empty: all."""

    id: int
    name: str
    shown: str
    role: UserRole
    agent_id: str | None = None
    teams: tuple[str, ...] = ()
    language: str = "zh"
    disabled: bool = False
    must_change: bool = False


@dataclass(frozen=True)
class NewUser:
    """What an administrator says of a new user."""

    name: str
    role: UserRole
    shown: str = ""
    agent_id: str | None = None
    teams: tuple[str, ...] = ()


def user_of(row: Any) -> User:
    """A user from a row of USERS."""
    return User(
        id=row.id,
        name=row.name,
        shown=row.shown,
        role=UserRole(row.role),
        agent_id=row.agent_id,
        teams=tuple(json.loads(row.teams)),
        language=row.language,
        disabled=row.disabled,
        must_change=row.must_change,
    )


def add_user(store: SqlStore, new: NewUser, password: str, *, must_change: bool = False) -> User:
    """Make a user. Raises UsageError when the name is taken or something does not fit."""
    name = new.name.strip().lower()
    if not _NAME.match(name):
        raise UsageError(f"user {name[:40]!r}: use letters, digits, and any of . _ - @")
    if new.role is UserRole.AGENT and not (new.agent_id or "").strip():
        raise UsageError(f"user {name}: an agent needs --agent-id, as in the manifest")
    row = {
        "name": name,
        "shown": (new.shown.strip() or name)[:200],
        "password": hashed(password),
        "role": new.role.value,
        "agent_id": new.agent_id.strip() if new.agent_id and new.agent_id.strip() else None,
        "teams": json.dumps(list(new.teams), ensure_ascii=False),
        "language": "zh",
        "disabled": False,
        "must_change": must_change,
        "created_at": utc_now(),
    }
    with store.transaction(write=True) as connection:
        if connection.execute(select(USERS.c.id).where(USERS.c.name == name)).first():
            raise UsageError(f"user {name}: exists already; choose another name")
        try:
            connection.execute(insert(USERS), [row])
        except IntegrityError:  # another process was quicker
            raise UsageError(f"user {name}: exists already; choose another name") from None
        return user_of(connection.execute(select(USERS).where(USERS.c.name == name)).one())


def find_user(store: SqlStore, name: str) -> User | None:
    with store.transaction(write=False) as connection:
        row = connection.execute(select(USERS).where(USERS.c.name == name.strip().lower())).first()
    return user_of(row) if row else None


def user_by_id(store: SqlStore, user_id: int) -> User | None:
    with store.transaction(write=False) as connection:
        row = connection.execute(select(USERS).where(USERS.c.id == user_id)).first()
    return user_of(row) if row else None


def all_users(store: SqlStore, roles: Sequence[UserRole] = ()) -> tuple[User, ...]:
    """Users by name; of some roles only where these are given."""
    query = select(USERS).order_by(USERS.c.name)
    if roles:
        query = query.where(USERS.c.role.in_([role.value for role in roles]))
    with store.transaction(write=False) as connection:
        return tuple(user_of(row) for row in connection.execute(query))


def set_password(store: SqlStore, user: User, password: str, *, must_change: bool = False) -> None:
    """Change a password and end all sessions of that user."""
    change = {"password": hashed(password), "must_change": must_change}
    _change(store, user, change, end_sessions=True)


def set_disabled(store: SqlStore, user: User, disabled: bool) -> None:
    """Keep a user out, or let him in again. Sessions and tokens end."""
    _change(store, user, {"disabled": disabled}, end_sessions=True)


def set_place(
    store: SqlStore, user: User, role: UserRole, agent_id: str | None, teams: Sequence[str]
) -> None:
    """Change what a user does here, and of whom; he has to enter again."""
    if role is UserRole.AGENT and not agent_id:
        raise UsageError(f"user {user.name}: an agent needs an agent id, as in the manifest")
    change = {
        "role": role.value,
        "agent_id": agent_id or None,
        "teams": json.dumps(list(teams), ensure_ascii=False),
    }
    _change(store, user, change, end_sessions=True)


def set_language(store: SqlStore, user: User, language: str) -> None:
    _change(store, user, {"language": language})


def _change(
    store: SqlStore, user: User, change: dict[str, Any], *, end_sessions: bool = False
) -> None:
    with store.transaction(write=True) as connection:
        connection.execute(update(USERS).where(USERS.c.id == user.id).values(**change))
        if end_sessions:
            connection.execute(delete(SESSIONS).where(SESSIONS.c.user_id == user.id))
        if change.get("disabled"):
            connection.execute(delete(API_TOKENS).where(API_TOKENS.c.user_id == user.id))


def count_users(store: SqlStore) -> int:
    with store.transaction(write=False) as connection:
        return connection.execute(select(func.count()).select_from(USERS)).scalar_one()


@functools.lru_cache(maxsize=1)
def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher

    return PasswordHasher()  # argon2id, RFC 9106's second choice: 64 MiB, 3 passes


@functools.lru_cache(maxsize=1)
def _decoy() -> str:
    return _hasher().hash(secrets.token_urlsafe(32))


def hashed(password: str) -> str:
    """The argon2id hash of a password. Raises UsageError when it is too short or too long."""
    least, most = PASSWORD_LENGTH
    if not least <= len(password) <= most:
        raise UsageError(f"the password must have {least} to {most} characters")
    return _hasher().hash(password)


def right_password(store: SqlStore, name: str, password: str) -> User | None:
    """The user with this name and password who may enter, or None. Takes equally long for a name
    that does not exist."""
    from argon2.exceptions import InvalidHashError, VerificationError

    query = select(USERS).where(USERS.c.name == name.strip().lower()[:100])
    with store.transaction(write=False) as connection:
        row = connection.execute(query).first()
    kept = row.password if row and row.password else _decoy()
    try:
        fits = _hasher().verify(kept, password[: PASSWORD_LENGTH[1]])
    except (VerificationError, InvalidHashError):
        return None
    if not fits or row is None or row.password is None or row.disabled:
        return None
    if _hasher().check_needs_rehash(kept):
        _change(store, user_of(row), {"password": _hasher().hash(password)})
    return user_of(row)
