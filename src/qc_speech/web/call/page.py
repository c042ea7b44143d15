"""What the call page is filled with, besides the call itself."""

from __future__ import annotations

from typing import Any

from qc_speech.model import CallResult, Outcome, Role, Severity
from qc_speech.report.callpage import DIMENSIONS
from qc_speech.report.labels import label, tables
from qc_speech.rules.rulebook import Rulebook
from qc_speech.web.texts import texts

HELP = (
    (("Space",), "help_play"),
    (("←", "→"), "help_jump"),
    ((",", "."), "help_word"),
    (("[", "]", "\\"), "help_speed"),
    (("s",), "help_skip"),
    (("1", "2", "3"), "help_party"),
    (("−", "="), "help_zoom"),
    (("p", "n"), "help_step"),
    (("l",), "help_listen"),
    (("c",), "help_confirm"),
    (("x",), "help_overturn"),
    (("v", "o"), "help_decide"),
    (("w",), "help_why"),
    (("m",), "help_miss"),
    (("t",), "help_text"),
    (("r",), "help_role"),
    (("k",), "help_comment"),
    (("z", "u"), "help_undo"),
    (("d",), "help_looked"),
    (("g",), "help_next"),
    (("q",), "help_queue"),
    (("?",), "help_help"),
)


def names(result: CallResult, book: Rulebook | None) -> dict[str, dict[str, tuple[str, str]]]:
    """What people read for every identifier that the page may show: [Chinese, English]."""
    checks = {finding.check for finding in result.findings}
    families = {finding.family for finding in result.findings}
    dimensions = {*DIMENSIONS, *(finding.dimension for finding in result.findings)}
    for check in book.checks if book else ():
        checks.add(check.check)
        families.add(check.family)
        dimensions.add(check.dimension)
    kinds = {
        "checks": checks,
        "families": families,
        "dimensions": dimensions - {""},
        "outcomes": {outcome.value for outcome in Outcome},
        "severities": {severity.value for severity in Severity},
        "roles": {role.value for role in Role},
        "causes": set(tables()["causes"]),
    }
    return {kind: {key: label(kind, key) for key in sorted(keys)} for kind, keys in kinds.items()}


def missable(book: Rulebook | None) -> list[dict[str, Any]]:
    """The checks that a person may add a violation of: those of the call's rulebook."""
    return [
        {"id": check.check, "family": check.family, "points": check.points}
        for check in (book.checks if book else ())
    ]


def script_texts() -> dict[str, tuple[str, str]]:
    return {key[3:]: pair for key, pair in texts().items() if key.startswith("js_")}
