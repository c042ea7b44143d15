"""Addresses: a road or an estate with what stands before it, buildings, units and rooms."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from qc_speech.privacy.lexicon import Words
from qc_speech.privacy.view import MARK, View
from qc_speech.text.expression import linear

_GAP = 4  # characters between the parts of one address
_NAME = 5  # characters of a road's or an estate's name at most
_ASKING = ("哪", "几", "月")  # 哪一栋, 几号楼; 五月六号 is a date
_ROOM = "[零一二三四五六七八九十百]"


@dataclass(frozen=True)
class Place:
    """Characters [start, end) of a view."""

    view: int
    start: int
    end: int
    confidence: float


@dataclass(frozen=True)
class _Part:
    kind: str
    start: int
    end: int


def places(views: Sequence[View], words: Words) -> tuple[Place, ...]:
    """All addresses of a call. A road alone is none; an estate or a building alone may be one."""
    found = []
    for at, one in enumerate(views):
        mine = one.utterance.speaker
        asked = next((v.text for v in reversed(views[:at]) if v.utterance.speaker != mine), "")
        was_asked = words.file.says("asks_address", asked[-30:])
        for group in _groups(one.text, words):
            kinds = {part.kind for part in group}
            if kinds == {"house"} or (kinds == {"region"} and not was_asked):
                continue
            alone = 0.6 if was_asked else 0.4 if kinds == {"region"} else 0.5
            sure = 0.9 if len(kinds) > 1 else alone
            end = group[-1].end if group[-1].kind == "region" else _with_room(one.text, group[-1])
            found.append(Place(at, group[0].start, end, sure))
    return tuple(found)


def _groups(text: str, words: Words) -> list[list[_Part]]:
    groups: list[list[_Part]] = []
    for part in sorted(_parts(text, words), key=lambda part: (part.start, part.end)):
        if groups and part.start - groups[-1][-1].end <= _GAP:
            groups[-1].append(part)
        else:
            groups.append([part])
    return groups


def _parts(text: str, words: Words) -> Iterator[_Part]:
    before = linear(f"{words.file.before_place}|{words.file.titles}")
    for kind, pattern in _patterns(words.file.regions, words.file.estates):
        for match in pattern.finditer(text):
            cut = max((m.end() for m in before.finditer(match[1])), default=0)
            name = match[1][cut:] + match[2]
            if cut < len(match[1]) and not linear(f"^{words.file.not_place}$").match(name):
                yield _Part(kind, match.start() + cut, match.end())
    for kind, pattern in (("door", words.file.doors), ("house", words.file.houses)):
        for match in linear(pattern).finditer(text):
            if text[max(0, match.start() - 1) : match.start()] not in _ASKING:
                yield _Part(kind, match.start(), match.end())


@functools.lru_cache(maxsize=8)
def _patterns(regions: str, estates: str) -> tuple[tuple[str, Any], ...]:
    name = rf"(\p{{Han}}{{1,{_NAME}}}?)"
    return (("region", linear(name + regions)), ("estate", linear(name + estates)))


def _with_room(text: str, door: _Part) -> int:
    """A room's digits right behind a building or a unit."""
    room = linear(rf"^{MARK}?{_ROOM}{{2,5}}(?:室|房|号)?").match(text[door.end :])
    return door.end + room.end() if room else door.end
