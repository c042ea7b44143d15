"""The page that tells how well each check does, by people's verdicts."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from sqlalchemy import case, func, select

from qc_speech.evaluate.judged import judged
from qc_speech.evaluate.verdicts import CheckQuality, Share, quality
from qc_speech.reviews import CALIBRATION, WHOLE_CALL
from qc_speech.store.sql import SqlStore
from qc_speech.store.tables import REVIEWS
from qc_speech.web.guard import Visit, allowed
from qc_speech.web.pages import language_of, page
from qc_speech.web.state import state_of
from qc_speech.web.texts import text

router = APIRouter(tags=["quality"])
QualityVisit = Annotated[Visit, Depends(allowed("quality.see"))]


@router.get("/quality", include_in_schema=False)
def quality_page(request: Request, visit: QualityVisit) -> Response:
    store = state_of(request).store
    language = language_of(request, visit)
    rows = quality(judged(store))
    whole, sampled = _heard_whole(store)
    return page(
        request,
        "quality.html",
        visit,
        rows=rows,
        whole=text("quality_whole", language).format(whole, sampled),
        thresholds={row.check: _threshold(row, language) for row in rows},
    )


@router.get("/api/quality")
def quality_of_checks(request: Request, visit: QualityVisit) -> list[dict[str, Any]]:
    """Precision and recall of each check by people's verdicts, with 95 % intervals and counts."""
    return [
        {
            "check": row.check,
            "precision": _share(row.precision),
            "sample_precision": _share(row.sample_precision),
            "recall": _share(row.recall),
            "uncertain": {"violation": row.tried.yes, "none": row.tried.no},
            "suggested_confidence": row.threshold.confidence if row.threshold else None,
        }
        for row in quality(judged(state_of(request).store))
    ]


def _share(share: Share | None) -> dict[str, float] | None:
    if share is None:
        return None
    return {
        "value": round(share.value, 4),
        "low": round(share.low, 4),
        "high": round(share.high, 4),
        "part": share.part,
        "whole": share.whole,
    }


def _threshold(row: CheckQuality, language: str) -> str | None:
    found = row.threshold
    if found is None:
        return None
    return text("quality_threshold_text", language).format(
        f"{found.confidence:.2f}", f"{found.precision.value:.0%}", found.kept, found.of
    )


def _heard_whole(store: SqlStore) -> tuple[int, int]:
    """Calls that somebody heard whole, and how many of them were sampled."""
    sampled = case((REVIEWS.c.purpose == "sample", REVIEWS.c.call_id))
    query = select(func.count(REVIEWS.c.call_id.distinct()), func.count(sampled.distinct())).where(
        REVIEWS.c.check == WHOLE_CALL, ~REVIEWS.c.withdrawn, REVIEWS.c.purpose != CALIBRATION
    )
    with store.transaction(write=False) as connection:
        whole, of_sample = connection.execute(query).one()
    return whole, of_sample
