"""What somebody may do with a call: one table and one function, used by every address."""

from __future__ import annotations

from dataclasses import dataclass

from qc_speech.web.people import User, UserRole

_INSPECTOR, _SUPERVISOR = UserRole.INSPECTOR, UserRole.SUPERVISOR
_TRAINER, _AGENT, _ADMIN = UserRole.TRAINER, UserRole.AGENT, UserRole.ADMIN

# An administrator keeps users and settings and hears no call: nobody needs both.
_MAY: dict[str, frozenset[UserRole]] = {
    "queue.see": frozenset((_INSPECTOR, _SUPERVISOR)),
    "queue.assign": frozenset((_SUPERVISOR,)),  # to others; an inspector takes for himself
    "call.see": frozenset((_INSPECTOR, _SUPERVISOR, _TRAINER, _AGENT)),
    "call.hear": frozenset((_INSPECTOR, _SUPERVISOR, _TRAINER, _AGENT)),
    "call.review": frozenset((_INSPECTOR, _SUPERVISOR)),
    "personal.see": frozenset((_INSPECTOR, _SUPERVISOR)),
    "card.see": frozenset((_INSPECTOR, _SUPERVISOR, _TRAINER, _AGENT)),
    "appeal.file": frozenset((_AGENT,)),
    "appeal.decide": frozenset((_INSPECTOR, _SUPERVISOR)),
    "appeal.see": frozenset((_INSPECTOR, _SUPERVISOR, _AGENT)),
    "calibration.take": frozenset((_INSPECTOR, _SUPERVISOR)),
    "calibration.run": frozenset((_SUPERVISOR,)),
    "dashboard.see": frozenset((_SUPERVISOR, _TRAINER)),
    # Only without personal data, hence the administrator too.
    "clips.use": frozenset((_TRAINER, _SUPERVISOR, _ADMIN)),
    "quality.see": frozenset((_SUPERVISOR, _INSPECTOR)),
    "rules.see": frozenset((_INSPECTOR, _SUPERVISOR, _TRAINER)),
    "rules.try": frozenset((_SUPERVISOR,)),
    "users.manage": frozenset((_ADMIN,)),
    "users.see": frozenset((_ADMIN, _SUPERVISOR)),
    "audit.see": frozenset((_ADMIN, _SUPERVISOR)),
    "settings.change": frozenset((_ADMIN, _SUPERVISOR)),
    "webhooks.manage": frozenset((_ADMIN,)),
    "tokens.have": frozenset(UserRole),
}
ACTIONS = frozenset(_MAY)


@dataclass(frozen=True)
class CallKey:
    """What decides who may reach a call."""

    call_id: str
    agent_id: str | None
    team: str | None = None


def may(user: User, action: str, call: CallKey | None = None) -> bool:
    """Whether this user may do this; with a call: with that call. Raises KeyError for an action
    that is not in the table."""
    if user.disabled or user.role not in _MAY[action]:
        return False
    if call is None:
        return True
    if user.role is UserRole.AGENT:
        return user.agent_id is not None and call.agent_id == user.agent_id
    return not user.teams or call.team in user.teams
