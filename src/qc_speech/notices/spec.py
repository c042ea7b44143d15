"""One [[notify]] of a profile: who is told, by what, and when. Secrets are named, never written."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qc_speech.errors import UsageError

KINDS = ("wecom", "dingtalk", "feishu", "webhook", "email")


def _setting(default: Any, help_text: str, *choices: str) -> Any:
    return field(default=default, metadata={"help": help_text, "choices": choices})


@dataclass(frozen=True)
class NotifySpec:
    """`address` and `secret` name where the value is: env:NAME or file:PATH."""

    kind: str = _setting("webhook", "wecom, dingtalk, feishu, webhook or email", *KINDS)
    address: str = _setting(
        "", "the robot's or webhook's URL as env:NAME or file:PATH; email: smtp(s)://HOST:PORT"
    )
    secret: str = _setting(
        "", "signing secret, or the mail account's USER:PASSWORD, as env:NAME or file:PATH"
    )
    when: str = _setting("always", "always, or trouble: faults, quarantine, critical calls",
                         "always", "trouble")  # fmt: skip
    language: str = _setting("zh", "language of the template", "zh", "en")
    template: str = _setting(
        "", "a template file of your own (Jinja2, the first line is the title)"
    )
    link: str = _setting("", "address of the review app or report, shown in the summary")
    call_ids: bool = _setting(False, "true: name calls with critical violations")
    sender: str = _setting("", "email: From")
    to: str = _setting("", "email: To, separated by commas")
    tries: int = _setting(4, "how often it is tried, with growing pauses")


def value_of(named: str, what: str) -> str:
    """The value behind env:NAME or file:PATH; "" for "". Raises UsageError without showing it."""
    if not named:
        return ""
    kind, _, name = named.partition(":")
    if kind == "env" and name:
        value = os.environ.get(name, "").strip()
        if not value:
            raise UsageError(f"notify: {what}: the environment has no {name}")
        return value
    if kind == "file" and name:
        try:
            value = Path(name).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "not text"
            raise UsageError(f"notify: {what}: {name}: cannot be read ({reason})") from None
        if not value:
            raise UsageError(f"notify: {what}: {name}: is empty")
        return value
    if what == "address" and named.startswith(("smtp://", "smtps://")):
        return named
    raise UsageError(
        f"notify: {what}: write env:NAME or file:PATH; it holds a key and does not belong here"
    )
