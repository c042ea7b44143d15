"""Metadata from file names: a template or regular expression, and call ids that stay distinct."""

from __future__ import annotations

import hashlib
import os
import re
import string
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from qc_speech.errors import UsageError
from qc_speech.intake.fields import CALL_ID_BYTES, COLUMNS, cut, safe_call_id
from qc_speech.intake.values import AUDIO_EXTENSIONS, FieldError, shown

_FIELDS = tuple(column for column in COLUMNS if column != "file")
_DIRECTIVES = {
    "%Y": "[0-9]{4}",
    **dict.fromkeys(("%y", "%m", "%d", "%H", "%M", "%S"), "[0-9]{2}"),
    "%j": "[0-9]{3}",
    "%%": "%",
}


@dataclass(frozen=True)
class NamePattern:
    """Reads metadata from a file name without its extension."""

    expression: re.Pattern[str]
    date_format: str | None = None

    def cells(self, stem: str) -> Mapping[str, str] | None:
        """Column -> text, or None when the name does not fit. Raises FieldError on a bad date."""
        match = self.expression.fullmatch(stem)
        if match is None:
            return None
        cells = {column: text for column, text in match.groupdict().items() if text}
        if self.date_format and "started_at" in cells:
            try:
                when = datetime.strptime(cells["started_at"], self.date_format)
            except ValueError:
                raise FieldError(
                    f"the name's date {shown(cells['started_at'])} is none in the form "
                    f"{self.date_format}; correct the name or the pattern"
                ) from None
            cells["started_at"] = when.isoformat()
        return cells


def compile_pattern(pattern: str) -> NamePattern:
    """A template such as {agent_id}_{started_at:%Y%m%d%H%M%S}_{direction}, where {} skips a part,
    or a regular expression with named groups (?P<agent_id>...). Raises UsageError."""
    if "/" in pattern and "(?P<" not in pattern:
        raise _bad(pattern, "holds /, but only the file name is read; leave folders out")
    if f".{pattern.rpartition('.')[2].lower()}" in AUDIO_EXTENSIONS:
        raise _bad(pattern, "ends in an extension, but names are read without; leave it out")
    expression, date_format = pattern, None
    if "(?P<" not in pattern:
        expression, date_format = _template(pattern)
    try:
        compiled = re.compile(expression)
    except (re.error, RecursionError, OverflowError) as error:
        raise _bad(pattern, f"is not a regular expression ({error}); correct it") from None
    unknown = [name for name in compiled.groupindex if name not in _FIELDS]
    if unknown:
        raise _bad(pattern, f"names {unknown[0]}; write one of {', '.join(_FIELDS)}")
    return NamePattern(compiled, date_format)


def _bad(pattern: str, fault: str) -> UsageError:
    return UsageError(f"file name pattern {pattern!r}: {fault}")


def _template(pattern: str) -> tuple[str, str | None]:
    """A template as a regular expression and the format of its date."""
    parts: list[str] = []
    date_format = None
    seen: list[str] = []
    try:
        pieces = list(string.Formatter().parse(pattern))
    except ValueError as error:
        raise _bad(pattern, f"{error}; close every brace") from None
    for literal, name, form, conversion in pieces:
        parts.append(re.escape(literal))
        if name is None:
            continue
        if name == "" and not form and not conversion:
            parts.append(".+?")
            continue
        if name not in _FIELDS:
            raise _bad(pattern, f"names {{{name}}}; write one of {', '.join(_FIELDS)}")
        if name in seen:
            raise _bad(pattern, f"names {{{name}}} twice; write {{}} for a part to skip")
        if conversion or (form and name != "started_at"):
            raise _bad(pattern, f"{{{name}}} takes no format; only started_at does")
        seen.append(name)
        date_format = form or date_format
        parts.append(f"(?P<{name}>{_digits(pattern, form) if form else '.+?'})")
    if not seen:
        raise _bad(pattern, "names no field; write one such as {agent_id}_{started_at:%Y%m%d}")
    return "".join(parts), date_format


def _digits(pattern: str, form: str) -> str:
    """What a date of this format looks like, so that neighbours need no delimiter."""
    found = re.findall(r"%.?|[^%]+", form)
    for part in found:
        if part.startswith("%") and part not in _DIRECTIVES:
            raise _bad(pattern, f"{part} cannot be read; write {' '.join(_DIRECTIVES)}")
    directives = [part for part in found if part.startswith("%") and part != "%%"]
    if len(set(directives)) < len(directives):
        raise _bad(pattern, "names a part of the date twice; keep one")
    if not ({"%Y", "%y"} & set(directives) and ({"%m", "%d"} <= set(directives) or "%j" in found)):
        raise _bad(pattern, "the date needs year, month and day; write such as %Y%m%d%H%M%S")
    return "".join(_DIRECTIVES.get(part, re.escape(part)) for part in found)


@dataclass
class CallIds:
    """The call ids given so far, each with where it was given."""

    taken: dict[str, str] = field(default_factory=dict)

    def claim(self, call_id: str, where: str) -> str | None:
        """Take a call id, or say where it was taken before."""
        if call_id in self.taken:
            return self.taken[call_id]
        self.taken[call_id] = where
        return None

    def derive(self, stem: str, tell_apart: Callable[[], Iterator[str]], where: str) -> str:
        """A call id of a file name; the first keeps the name, namesakes get six digits more.

        tell_apart: texts that differ between namesakes, the best first.
        """
        call_id = safe_call_id(stem)
        if call_id not in self.taken:
            self.taken[call_id] = where
            return call_id
        base = cut(call_id, CALL_ID_BYTES - 7)
        for text in tell_apart():
            candidate = f"{base}-{hashlib.sha256(os.fsencode(text)).hexdigest()[:6]}"
            if candidate not in self.taken:
                self.taken[candidate] = where
                return candidate
        raise AssertionError("tell_apart ended before the names differed")
