"""What every request of one app shares."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import Request

from qc_speech.store.sql import SqlStore
from qc_speech.web.config import WebConfig


@dataclass(frozen=True)
class WebState:
    """Of one app: `app.state.web`."""

    config: WebConfig
    store: SqlStore


def state_of(request: Request) -> WebState:
    state: WebState = request.app.state.web
    return state
