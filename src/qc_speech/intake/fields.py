"""Reads the cells of a manifest. Pure; what is not understood is refused, never guessed."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, TypeVar

from qc_speech.intake.values import FieldError, shown

V = TypeVar("V", str, int)

# The columns of a manifest, with the Chinese names that are accepted for them.
COLUMNS: Mapping[str, str] = {
    "file": "文件",
    "call_id": "通话编号",
    "agent_id": "工号",
    "agent_name": "坐席姓名",
    "started_at": "开始时间",
    "scenario": "场景",
    "direction": "方向",
    "ring_seconds": "振铃秒数",
    "channels": "声道",
    "agent_channel": "坐席声道",
    "queue": "队列",
    "customer_id": "客户编号",
    "customer_class": "客户等级",
    "agent_since": "入职日期",
    "team": "班组",
}

CALL_ID_BYTES = 128
_TEXT_CHARACTERS = 256
_HOME = timezone(timedelta(hours=8))  # times without a zone are China's; others are brought to it
_UNSAFE = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp"))

_DIRECTIONS = {
    **dict.fromkeys(("inbound", "in", "incoming", "呼入"), "inbound"),
    **dict.fromkeys(("outbound", "out", "outgoing", "呼出"), "outbound"),
}
_CHANNELS = {
    **dict.fromkeys(("mono", "1", "单声道"), "mono"),
    **dict.fromkeys(("stereo", "2", "双声道", "立体声"), "stereo"),
}
_SIDES = {
    **dict.fromkeys(("left", "0", "左", "左声道"), 0),
    **dict.fromkeys(("right", "1", "右", "右声道"), 1),
}

_DATE_TIME = re.compile(
    r"([0-9]{4})([-/.年])([0-9]{1,2})([-/.月])([0-9]{1,2})日?"
    r"(?:(?:\s*T\s*|\s+|(?<=日))(上午|下午)?\s*([0-9]{1,2})[:时点]([0-9]{1,2})分?"
    r"(?:(?::|(?<=分))([0-9]{1,2})(?:[.,]([0-9]{1,9}))?秒?)?\s*(AM|PM)?"
    r"\s*(Z|[+-][0-9]{2}:?[0-9]{2})?)?",
    re.IGNORECASE,
)
_COMPACT = re.compile(
    r"([0-9]{4})([0-9]{2})([0-9]{2})(?:[T_ -]?([0-9]{2})([0-9]{2})([0-9]{2})?)?", re.IGNORECASE
)


def plain(text: str) -> str:
    """A cell without the marks that spreadsheets and input methods leave (full width, spaces)."""
    return unicodedata.normalize("NFKC", text).strip().strip("\ufeff\u200b").strip()


def parse_when(text: str, column: str = "started_at") -> datetime:
    """A date with or without a time of day, without a zone. Raises FieldError."""
    cell = plain(text)
    try:
        match = _DATE_TIME.fullmatch(cell)
        when = _written(match) if match else _compact(cell)
    except (ValueError, OverflowError):
        when = None
    if when is None or not 1990 <= when.year < 2100:
        raise FieldError(f"{column} {shown(cell)} is not a date; write it like 2026-01-05 09:03:00")
    return when


def _written(match: re.Match[str]) -> datetime | None:
    year, mark, month, mark2, day, cn_half, hour, minute, second, fraction, half, zone = (
        match.groups()
    )
    if mark2 != {"年": "月"}.get(mark, mark):
        return None
    if hour is None:
        return datetime(int(year), int(month), int(day))
    half = {"上午": "AM", "下午": "PM"}.get(cn_half, (half or "").upper())
    hours = _hours(int(hour), half)
    micros = int((fraction or "0")[:6].ljust(6, "0"))
    parts = (int(year), int(month), int(day), hours, int(minute), int(second or 0), micros)
    if not zone:
        return datetime(*parts)
    digits = zone.upper().replace("Z", "+0000").replace(":", "")
    ahead = timedelta(hours=int(digits[1:3]), minutes=int(digits[3:5]))
    offset = timezone(-ahead if digits[0] == "-" else ahead)
    return datetime(*parts, tzinfo=offset).astimezone(_HOME).replace(tzinfo=None)


def _hours(hour: int, half: str) -> int:
    if not half or (half == "PM" and hour > 12):  # 下午 15:03 is said too
        return hour
    if hour > 12:
        raise ValueError("no such hour before noon")
    return hour % 12 + (12 if half == "PM" else 0)


def _compact(cell: str) -> datetime | None:
    match = _COMPACT.fullmatch(cell)
    return datetime(*(int(part) for part in match.groups() if part)) if match else None  # type: ignore[arg-type]


def parse_direction(text: str) -> str:
    """inbound or outbound. Raises FieldError."""
    return _one_of(_DIRECTIONS, text, "direction", "inbound (呼入) or outbound (呼出)")


def parse_channels(text: str) -> str:
    """mono or stereo. Raises FieldError."""
    return _one_of(_CHANNELS, text, "channels", "mono (单声道) or stereo (双声道)")


def parse_side(text: str) -> int:
    """The agent's channel: 0 left, 1 right. Raises FieldError."""
    return _one_of(_SIDES, text, "agent_channel", "left (左, 0) or right (右, 1)")


def _one_of(values: Mapping[str, V], text: str, column: str, choice: str) -> V:
    cell = plain(text)
    try:
        return values[cell.lower()]
    except KeyError:
        raise FieldError(f"{column} {shown(cell)} is unknown; write {choice}") from None


def parse_scenario(text: str, scenarios: Collection[str]) -> str:
    """One of the scenarios. Raises FieldError with their list."""
    cell = plain(text)
    name = re.sub(r"[\s-]+", "_", cell.lower())
    if name not in scenarios:
        raise FieldError(f"scenario {shown(cell)} is unknown; write one of {', '.join(scenarios)}")
    return name


def parse_ring(text: str) -> int:
    """Seconds of ringing, as milliseconds. Raises FieldError."""
    cell = plain(text)
    match = re.fullmatch(r"([+-]?)([0-9]{1,9})(?:\.([0-9]*))?", cell)
    if match is None:
        raise FieldError(f"ring_seconds {shown(cell)} is not a number; write seconds, such as 5.5")
    ms = int(match[2]) * 1000 + int(((match[3] or "") + "000")[:3])
    if match[1] == "-" and ms:
        raise FieldError(f"ring_seconds {shown(cell)} is negative; write 0 or more")
    if ms > 3_600_000:
        raise FieldError(f"ring_seconds {shown(cell)} is over an hour; write seconds")
    return ms


def parse_text(column: str, text: str) -> str:
    """A short text in one line. Raises FieldError (without the text, it may be personal)."""
    cell = unicodedata.normalize("NFC", text).strip()
    if len(cell) > _TEXT_CHARACTERS:
        raise FieldError(f"{column} is longer than {_TEXT_CHARACTERS} characters; shorten it")
    if any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in cell):
        raise FieldError(f"{column} holds a control character or line break; remove it")
    return cell


def parse_call_id(text: str) -> str:
    """A call id that is safe as a file name. Raises FieldError."""
    cell = unicodedata.normalize("NFC", text).strip()
    if not cell:
        raise FieldError("call_id is empty; write one or remove the column")
    if any(unicodedata.category(char) in _UNSAFE for char in cell):
        raise FieldError(f"call_id {shown(cell)} holds a control character; remove it")
    if "/" in cell or "\\" in cell or ".." in cell or cell.startswith("."):
        raise FieldError(f"call_id {shown(cell)} holds / \\ .. or starts with a dot; change it")
    if len(cell.encode()) > CALL_ID_BYTES:
        raise FieldError(f"call_id {shown(cell)} is longer than {CALL_ID_BYTES} bytes; shorten it")
    return cell


def safe_call_id(stem: str) -> str:
    """A call id made from any name: always one that `parse_call_id` takes."""
    name = unicodedata.normalize("NFC", stem)
    name = "".join(
        "_" if char in "/\\" or unicodedata.category(char) in _UNSAFE else char for char in name
    )
    name = cut(re.sub(r"\.{2,}", "_", name.strip()), CALL_ID_BYTES)
    return f"_{name[1:]}" if name.startswith(".") else name or "call"


def cut(name: str, size: int) -> str:
    """The longest beginning of `name` with at most `size` bytes of UTF-8."""
    return name.encode()[:size].decode(errors="ignore").rstrip()


@dataclass(frozen=True)
class Fields:
    """What a line or a file name says: arguments of Metadata, and what is wrong with it."""

    values: Mapping[str, Any]
    faults: tuple[str, ...] = ()


def read_fields(cells: Mapping[str, str], scenarios: Collection[str]) -> Fields:
    """The metadata in `cells` (column -> text, `file` left out). Empty cells are unknown."""
    readers: dict[str, Callable[[str], Any]] = {
        "call_id": parse_call_id,
        "started_at": parse_when,
        "agent_since": lambda text: parse_when(text, "agent_since"),
        "scenario": lambda text: parse_scenario(text, scenarios),
        "direction": parse_direction,
        "ring_seconds": parse_ring,
        "channels": parse_channels,
        "agent_channel": parse_side,
    }
    values: dict[str, Any] = {}
    faults: list[str] = []
    for column, text in cells.items():
        if column == "file" or not plain(text):
            continue
        try:
            reader = readers.get(column)
            value = reader(text) if reader else parse_text(column, text)
        except FieldError as error:
            faults.append(str(error))
        else:
            values["ring_ms" if column == "ring_seconds" else column] = value
    if str(values.get("agent_id", "")).lower() == "unknown":
        del values["agent_id"]
    return Fields(values, tuple(faults))
