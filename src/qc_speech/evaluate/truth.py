"""What a correct inspection of a labelled call must find, read from its labels.

Kept apart from the rulebooks on purpose: the yardstick must not move with what it measures.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import Enum

from qc_speech.evaluate.files import LabelledCall

_SURVEY = ("survey_resolved", "survey_attitude", "survey_charged", "survey_score")
_SCOPE = {
    "inbound_service": ("verify_identity", "anything_else", "thanks"),
    "complaint": ("verify_identity", "apology", "anything_else", "thanks"),
    "repair_hotline": (
        "verify_identity",
        "ask_address",
        "ask_phone",
        "readback",
        "followup_promise",
        "thanks",
    ),
    "callback_survey": ("time_ok", *_SURVEY, "thanks"),
    "outbound_sales": ("time_ok", "purpose"),
    "switchboard": (),
}
_CONDITIONAL = ("late_apology", "festival", "hold_request")
_DETECTION_ONLY = ("hold_thanks", "ask_need", "empathy", "solution")
_CODES = {
    "identity_missing": ("verify_identity",),
    "hold_notice_missing": ("hold_request",),
    "complaint_apology_missing": ("apology",),
    "survey_item_missing": _SURVEY,
}
PHRASES = tuple(
    dict.fromkeys(("greeting", "self_id", "farewell", *(c for row in _SCOPE.values() for c in row)))
)
_LONG_RING_SECONDS = 12
_HOLD_MS = 10_000

GROUPS: dict[str, tuple[str, ...]] = {
    "phrase": (*PHRASES, *_CONDITIONAL),
    "banned": (
        *("profanity", "insult", "impatience", "negative", "discrimination"),
        *("mockery", "threat", "disclosure", "argument"),
    ),
    "interruption": ("agent_interrupts",),
    "pace": ("too_fast", "too_slow"),
    "language": ("not_mandarin",),
    "delivery_timing": ("shouting", "dead_air", "early_hangup"),
}
_GROUP_OF = {check: group for group, checks in GROUPS.items() for check in checks}


class Scope(str, Enum):
    """How a check is judged in a call."""

    IN = "in"  # in both senses (phrases) or as a violation (all others)
    OUTSIDE = "outside"  # not asked for: only a violation or an uncertain outcome counts
    DETECTION = "detection"  # tagged but never labelled as missing: only whether it was heard


@dataclass(frozen=True)
class Truth:
    check: str
    group: str
    scope: Scope
    violated: bool

    @property
    def phrase(self) -> bool:
        return self.group == "phrase"


def checks_of(code: str) -> tuple[str, ...]:
    """The checks that a violation code of the labels stands for."""
    if code in _CODES:
        return _CODES[code]
    return (code.removesuffix("_missing"),)


def group_of(check: str) -> str:
    """The check's group; a check that the scripts' list does not know is in "unlisted"."""
    return _GROUP_OF.get(check, "unlisted")


def truths(label: LabelledCall) -> tuple[Truth, ...]:
    """Every check that the labels decide for this call, by name once."""
    scope = _phrases_in_scope(label)
    listed = {check for code in label.violations for check in checks_of(code)}
    named = listed | {check for code in label.clean for check in checks_of(code)}
    result = []
    for check in GROUPS["phrase"]:
        inside = check in scope
        violated = inside and check not in label.said
        result.append(Truth(check, "phrase", Scope.IN if inside else Scope.OUTSIDE, violated))
    for check in _DETECTION_ONLY:
        if check in label.said:
            result.append(Truth(check, "phrase", Scope.DETECTION, False))
    done = {truth.check for truth in result}
    others = [c for group, checks in GROUPS.items() if group != "phrase" for c in checks]
    for check in (*others, *sorted(named - done - set(others))):
        result.append(Truth(check, group_of(check), Scope.IN, check in listed))
    return tuple(result)


def conflicts(label: LabelledCall) -> tuple[str, ...]:
    """Where tags and codes of one label contradict each other, as lines for the labeller."""
    lines = []
    decided = {t.check: t for t in truths(label) if t.phrase and t.scope is not Scope.DETECTION}
    for code in label.violations:
        checks = checks_of(code)
        if code.endswith("_missing") and not any(
            c in decided and decided[c].violated for c in checks
        ):
            lines.append(f"{label.call_id}: {code} is listed, yet a turn is tagged as saying it")
    for code in label.clean:
        if any(c in decided and decided[c].violated for c in checks_of(code)):
            lines.append(f"{label.call_id}: {code} is called clean, yet no turn is tagged")
        elif code in label.violations:
            lines.append(f"{label.call_id}: {code} is called clean and a violation")
    return tuple(lines)


def longest_silence_ms(label: LabelledCall) -> int:
    """The longest stretch between turns in which nobody speaks."""
    longest, end = 0, None
    for turn in sorted(label.turns, key=lambda t: t.span):
        if end is not None:
            longest = max(longest, turn.span.start_ms - end)
        end = max(end or 0, turn.span.end_ms)
    return longest


def _phrases_in_scope(label: LabelledCall) -> frozenset[str]:
    scope = {"greeting", "farewell", *_SCOPE[label.scenario]}
    if label.scenario != "switchboard":
        scope.add("self_id")
    if label.direction == "inbound" and label.ring_seconds > _LONG_RING_SECONDS:
        scope.add("late_apology")
    if _is_festival(label.day):
        scope.add("festival")
    if longest_silence_ms(label) > _HOLD_MS and "hold_request" in label.said:
        scope.add("hold_request")
    for code in label.violations:  # what is labelled as missing was asked for
        checks = checks_of(code)
        if len(checks) == 1 and checks[0] in GROUPS["phrase"]:
            scope.update(checks)
    return frozenset(scope)


def _is_festival(day: date) -> bool:
    """元旦, 春节 (day 1 to 3), 劳动节 (1 to 3 May), 中秋节, 国庆节 (1 to 3 October)."""
    if (day.month, day.day) == (1, 1) or (day.month in (5, 10) and day.day <= 3):
        return True
    import holidays  # knows the lunar calendar

    names = holidays.country_holidays("CN", years=day.year, observed=False, language="zh_CN")
    spring = min((d for d, name in names.items() if "春节" in name), default=None)
    if spring is not None and 0 <= (day - spring).days < 3:
        return True
    return "中秋节" in str(names.get(day, ""))
