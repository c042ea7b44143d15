"""Users and roles."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response

from qc_speech.errors import UsageError
from qc_speech.web import people, trail
from qc_speech.web.calls import Id, NotFound
from qc_speech.web.guard import Visit, allowed
from qc_speech.web.pages import page
from qc_speech.web.people import NewUser, User, UserRole
from qc_speech.web.state import state_of

router = APIRouter(include_in_schema=False)
SeeVisit = Annotated[Visit, Depends(allowed("users.see"))]
AdminVisit = Annotated[Visit, Depends(allowed("users.manage"))]
Short = Annotated[str, Form(max_length=255)]
_SAID = ("us_added", "us_changed")


@router.get("/users")
def users(request: Request, visit: SeeVisit, said: str = "") -> Response:
    found = people.all_users(state_of(request).store)
    shown = said if said in _SAID else ""
    return page(request, "users.html", visit, users=found, roles=list(UserRole), said=shown)


@router.post("/users")
def add(
    request: Request,
    visit: AdminVisit,
    name: Short,
    role: Annotated[UserRole, Form()],
    password: Short,
    shown: Short = "",
    agent_id: Short = "",
    teams: Short = "",
) -> Response:
    """The password is one that the user changes when he first enters."""
    store = state_of(request).store
    new = NewUser(name, role, shown, agent_id or None, _teams(teams))
    user = people.add_user(store, new, password, must_change=True)
    trail.record(store, visit.user.name, "user.add", f"user:{user.name}", role=user.role.value)
    return RedirectResponse("/users?said=us_added", 303)


@router.post("/users/{user_id}/place")
def place(
    request: Request,
    visit: AdminVisit,
    user_id: Id,
    role: Annotated[UserRole, Form()],
    agent_id: Short = "",
    teams: Short = "",
) -> Response:
    store, user = state_of(request).store, _other(request, visit, user_id)
    people.set_place(store, user, role, agent_id.strip() or None, _teams(teams))
    trail.record(
        store, visit.user.name, "user.place", f"user:{user.name}",
        role=role.value, teams=list(_teams(teams)),
    )  # fmt: skip
    return RedirectResponse("/users?said=us_changed", 303)


@router.post("/users/{user_id}/password")
def password(request: Request, visit: AdminVisit, user_id: Id, password: Short) -> Response:
    store, user = state_of(request).store, _other(request, visit, user_id)
    people.set_password(store, user, password, must_change=True)
    trail.record(store, visit.user.name, "user.password", f"user:{user.name}")
    return RedirectResponse("/users?said=us_changed", 303)


@router.post("/users/{user_id}/{what}")
def keep_out(request: Request, visit: AdminVisit, user_id: Id, what: str) -> Response:
    if what not in ("disable", "enable"):
        raise NotFound
    store, user = state_of(request).store, _other(request, visit, user_id)
    people.set_disabled(store, user, what == "disable")
    trail.record(store, visit.user.name, f"user.{what}", f"user:{user.name}")
    return RedirectResponse("/users?said=us_changed", 303)


def _other(request: Request, visit: Visit, user_id: Id) -> User:
    """Another user: nobody shuts himself out or raises himself here."""
    user = people.user_by_id(state_of(request).store, user_id)
    if user is None:
        raise NotFound
    if user.id == visit.user.id:
        raise UsageError("this is your own account; another administrator changes it")
    return user


def _teams(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.replace("，", ",").split(",") if part.strip())
