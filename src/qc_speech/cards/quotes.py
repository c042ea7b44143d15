"""Adds the words that were said to what a card shows. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from qc_speech.cards.agent import AgentCard
from qc_speech.cards.lines import Clip
from qc_speech.cards.weekly import WeeklyReport

Texts = Mapping[tuple[str, int], tuple[str, str]]  # (call, place of the finding): quote, reason


def wanted(card: AgentCard | WeeklyReport, limit: int) -> tuple[tuple[str, int], ...]:
    """The findings whose words a card shows: those of its clips and of the newest `limit`
    violations (the others are read on the call's page)."""
    return tuple(dict.fromkeys((clip.call_id, clip.n) for clip in _clips(card, limit)))


def _clips(card: AgentCard | WeeklyReport, limit: int) -> Iterable[Clip]:
    if isinstance(card, WeeklyReport):
        return (clip for new in card.new for clip in new.clips)
    of_work = (clip for point in card.work_on for clip in point.clips)
    return (*of_work, *(one.clip for one in card.violations[:limit]))


def with_quotes(card: AgentCard, texts: Texts) -> AgentCard:
    """The card with quotes and reasons where they are known."""
    return replace(
        card,
        work_on=tuple(
            replace(point, clips=tuple(_quoted(clip, texts) for clip in point.clips))
            for point in card.work_on
        ),
        violations=tuple(replace(one, clip=_quoted(one.clip, texts)) for one in card.violations),
    )


def with_clips(report: WeeklyReport, texts: Texts) -> WeeklyReport:
    return replace(
        report,
        new=tuple(
            replace(new, clips=tuple(_quoted(clip, texts) for clip in new.clips))
            for new in report.new
        ),
    )


def _quoted(clip: Clip, texts: Texts) -> Clip:
    quote, reason = texts.get((clip.call_id, clip.n), ("", ""))
    return replace(clip, quote=quote, reason=reason) if quote or reason else clip
