"""Settings of the site: how long to answer, how many calls are drawn, who else is told."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response

from qc_speech.web import trail
from qc_speech.web.calls import Id, NotFound
from qc_speech.web.guard import Visit, allowed
from qc_speech.web.hooks import events
from qc_speech.web.keeper import draw_newest
from qc_speech.web.pages import page
from qc_speech.web.permission import may
from qc_speech.web.site import LIMITS, change_site_settings, site_settings
from qc_speech.web.state import state_of

router = APIRouter(include_in_schema=False)
SettingsVisit = Annotated[Visit, Depends(allowed("settings.change"))]
HooksVisit = Annotated[Visit, Depends(allowed("webhooks.manage"))]


@router.get("/settings")
def settings(request: Request, visit: SettingsVisit, said: str = "", drawn: int = 0) -> Response:
    return _page(request, visit, said if said in ("se_saved", "se_drawn") else "", drawn)


@router.post("/settings")
def save(
    request: Request,
    visit: SettingsVisit,
    appeal_days: Annotated[int, Form()],
    sample_per_agent: Annotated[int, Form()],
) -> Response:
    store = state_of(request).store
    change_site_settings(store, appeal_days=appeal_days, sample_per_agent=sample_per_agent)
    trail.record(
        store, visit.user.name, "settings", "site",
        appeal_days=appeal_days, sample_per_agent=sample_per_agent,
    )  # fmt: skip
    return RedirectResponse("/settings?said=se_saved", 303)


@router.post("/settings/draw")
def draw_now(request: Request, visit: SettingsVisit) -> Response:
    """Draw the newest week with calls, and the one before it."""
    store = state_of(request).store
    drawn = draw_newest(store)
    trail.record(store, visit.user.name, "sample.draw", "site", drawn=drawn)
    return RedirectResponse(f"/settings?said=se_drawn&drawn={drawn}", 303)


@router.post("/settings/webhooks")
def add_webhook(
    request: Request,
    visit: HooksVisit,
    url: Annotated[str, Form(max_length=2000)],
    event: Annotated[list[str], Form()],
) -> Response:
    store = state_of(request).store
    hook, secret = events.add_webhook(store, url, event, visit.user.name)
    trail.record(store, visit.user.name, "webhook.add", f"webhook:{hook.id}", events=event)
    return _page(request, visit, "", 0, secret)


@router.post("/settings/webhooks/{webhook_id}/drop")
def drop_webhook(request: Request, visit: HooksVisit, webhook_id: Id) -> Response:
    store = state_of(request).store
    if not events.drop_webhook(store, webhook_id):
        raise NotFound
    trail.record(store, visit.user.name, "webhook.drop", f"webhook:{webhook_id}")
    return RedirectResponse("/settings?said=se_saved", 303)


def _page(
    request: Request, visit: Visit, said: str, drawn: int, secret: str | None = None
) -> Response:
    store = state_of(request).store
    hooks = events.webhooks(store) if may(visit.user, "webhooks.manage") else ()
    sent = {hook.id: events.deliveries(store, hook.id, 1) for hook in hooks}
    return page(
        request, "settings.html", visit,
        site=site_settings(store), limits=LIMITS, said=said, drawn=drawn, secret=secret,
        hooks=hooks, sent=sent, events=events.EVENTS,
    )  # fmt: skip
