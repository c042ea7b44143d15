"""Word lists of what an agent must not say: schema, loading, and what is innocent."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pydantic

from qc_speech.errors import RulebookError
from qc_speech.model import Severity
from qc_speech.rules.banned_index import BannedIndex
from qc_speech.rules.banned_pattern import Wording, check_pattern, expand
from qc_speech.rules.banned_text import GAP, Said, as_sounds
from qc_speech.rules.yamlfile import load_yaml

LISTS = (
    "profanity",
    "insult",
    "discrimination",
    "impatience",
    "mockery",
    "negative",
    "threat",
    "side_talk",
)
Texts = tuple[str, ...]
Alone = Literal["start", "end", "both"]
# Spellings of fewer syllables sound like too much; an entry may ask for less than its group.
LEAST_SOUNDS_ENTRY, LEAST_SOUNDS_GROUP = 3, 5


class _Schema(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)


class Traits(_Schema):
    """What may be given for a whole group or for one entry; an entry's word counts."""

    tier: Severity | None = None
    sound: bool | None = None  # also found where other characters of its sound were written
    doubt: bool | None = None  # alone it is never more than a case for a person
    alone: Alone | None = None  # a clause must start before it, end after it, or both
    gap: int | None = pydantic.Field(default=None, ge=1, le=20)  # width of "…" in characters
    offer: bool | None = None  # excused by an offer of help in the same utterance
    negated: bool | None = None  # excused by a denial right before it (不是说您…)
    not_before: Texts = ()  # these words right before it make it innocent
    not_after: Texts = ()  # these words right after it make it innocent
    within: Texts = ()  # innocent words it is a part of
    not_with: Texts = ()  # these words anywhere in the utterance make it innocent
    not_sound: Texts = ()  # innocent words of the same sound
    region: str | None = None
    note: str | None = None

    @pydantic.field_validator("not_before", "not_after", "within", "not_with")
    @classmethod
    def _patterns(cls, value: Texts) -> Texts:
        return tuple(check_pattern("".join(text.split())) for text in value)


class Entry(Traits):
    """One pattern. `hit` must be found with it, `miss` must pass the whole list."""

    say: str
    hit: Texts = ()
    miss: Texts = ()

    @pydantic.model_validator(mode="before")
    @classmethod
    def _short(cls, value: object) -> object:
        if isinstance(value, str):
            return {"say": value}
        if isinstance(value, dict):
            return {k: (v,) if k in ("hit", "miss") and isinstance(v, str) else v
                    for k, v in value.items()}  # fmt: skip
        return value

    @pydantic.field_validator("say")
    @classmethod
    def _pattern(cls, value: str) -> str:
        return check_pattern("".join(value.split()))  # long patterns run over several lines


class Group(Traits):
    name: str
    words: tuple[Entry, ...] = pydantic.Field(min_length=1)
    misses: Texts = ()  # innocent sentences that no entry of the list may hit


class WordFile(_Schema):
    """One file of lexicons/banned."""

    version: int
    check: str
    groups: tuple[Group, ...] = pydantic.Field(min_length=1)
    misses: Texts = ()


class FrameFile(_Schema):
    """frames.yaml: contexts in which a forbidden word is none of the agent's own."""

    version: int
    quote_before: Texts
    quote_after: Texts
    denial_before: Texts
    offer: Texts
    confirm: Texts


class DisclosureFile(_Schema):
    """disclosure.yaml: whose data, what data, and what is no disclosure."""

    version: int
    leaders: Texts
    others: Texts
    third_person: Texts
    secret: Texts
    private: Texts
    phone: Texts
    public: Texts
    refused: Texts = ()
    own: Texts
    codes: Texts
    name_is: Texts
    address_is: Texts
    address_marks: Texts
    hits: Texts = ()
    misses: Texts = ()


class RamblingFile(_Schema):
    """rambling.yaml: when a repetition is wanted, and what is repeated by custom."""

    version: int
    asked: Texts
    custom: Texts
    hits: tuple[Texts, ...] = ()
    misses: tuple[Texts, ...] = ()


@dataclass(frozen=True)
class Banned:
    """An entry with its group's traits, ready to be judged."""

    say: str
    group: str
    tier: Severity
    least_sounds: int  # syllables from which it is found by sound; 0: never
    doubt: bool
    alone: Alone | None
    gap: int
    offer: bool
    negated: bool
    before: Wording
    after: Wording
    within: Wording
    presence: Wording
    not_sound: frozenset[str]
    hit: Texts
    miss: Texts

    def innocent(self, said: Said, start: int, end: int) -> bool:
        """Whether the words around [start, end) take the meaning away."""
        text = said.text
        if self.alone in ("start", "both") and not said.opens(start):
            return True
        if self.alone in ("end", "both") and not said.closes(end):
            return True
        # A single character says little over a comma: it belongs to another clause.
        least = 2 if start in said.marks else 1
        if _longest(self.before.find(text[max(0, start - 12) : start])) >= least:
            return True
        least = 2 if end in said.marks else 1
        if _longest(self.after.find(text[end : end + 16])) >= least:
            return True
        return self.presence.within(text) or self.within.covers(text, start, end)

    def sounds_innocent(self, written: str) -> bool:
        """Whether words heard as `written` are a known innocent phrase of the same sound."""
        return as_sounds(written) in self.not_sound


def _longest(spans: Iterator[tuple[int, int]]) -> int:
    return max((end - start for start, end in spans), default=0)


@dataclass(frozen=True)
class Place:
    """Where the words of an entry stand."""

    start: int
    end: int
    entry: Banned


@dataclass(frozen=True)
class WordList:
    """The entries of one check with their indexes."""

    check: str
    path: Path
    entries: tuple[Banned, ...]
    misses: Texts


@dataclass(frozen=True)
class Frames:
    """The contexts of frames.yaml, ready to be looked for."""

    quote_before: Wording
    quote_after: Wording
    denial_before: Wording
    offer: Wording
    confirm: Wording


@dataclass(frozen=True)
class BannedLexicon:
    """All of lexicons/banned."""

    lists: Mapping[str, WordList]
    frames: Frames
    disclosure: DisclosureFile
    rambling: RamblingFile

    @functools.cached_property
    def index(self) -> BannedIndex:
        return BannedIndex({name: words.entries for name, words in self.lists.items()})

    def places(self, words: WordList, said: Said) -> Iterator[Place]:
        """Every place where an entry stands as it is spelled, innocent ones left out."""
        for start, end, number in self.index.spelled(said.text).get(words.check, ()):
            entry = words.entries[number]
            if not entry.innocent(said, start, end):
                yield Place(start, end, entry)


def load_banned(folder: Path) -> BannedLexicon:
    """Read lexicons/banned. Raises RulebookError with file, line and cure."""
    lists = {name: _load_list(folder / f"{name}.yaml", name) for name in LISTS}
    frames = load_yaml(folder / "frames.yaml", FrameFile)
    return BannedLexicon(
        lists,
        Frames(
            Wording(frames.quote_before, "{}.{0,8}$"),
            Wording(frames.quote_after, "^.{0,5}?{}"),
            Wording(frames.denial_before, "{}$"),
            Wording(frames.offer),
            Wording(frames.confirm),
        ),
        load_yaml(folder / "disclosure.yaml", DisclosureFile),
        load_yaml(folder / "rambling.yaml", RamblingFile),
    )


def _load_list(path: Path, name: str) -> WordList:
    data = load_yaml(path, WordFile)
    if data.check != name:
        raise RulebookError(
            f"{path}:1: check: {data.check} stands in the file of {name}; rename it"
        )
    entries = tuple(_merge(group, entry) for group in data.groups for entry in group.words)
    misses = data.misses + tuple(text for group in data.groups for text in group.misses)
    return WordList(name, path, entries, misses)


def _merge(group: Group, entry: Entry) -> Banned:
    """The entry's own traits, else its group's; lists of contexts add up."""

    def flag(own: bool | None, of_group: bool | None, default: bool) -> bool:
        return own if own is not None else of_group if of_group is not None else default

    return Banned(
        say=entry.say,
        group=group.name,
        tier=entry.tier or group.tier or Severity.MAJOR,
        least_sounds=_least_sounds(group, entry),
        doubt=flag(entry.doubt, group.doubt, False),
        alone=entry.alone or group.alone,
        gap=entry.gap or group.gap or 6,
        offer=flag(entry.offer, group.offer, False),
        negated=flag(entry.negated, group.negated, True),
        before=Wording(entry.not_before + group.not_before, "{}$"),
        after=Wording(entry.not_after + group.not_after, "^{}"),
        within=Wording(entry.within + group.within),
        presence=Wording(entry.not_with + group.not_with),
        not_sound=frozenset(map(as_sounds, entry.not_sound + group.not_sound)),
        hit=entry.hit or _own_examples(entry.say),
        miss=entry.miss,
    )


def _least_sounds(group: Group, entry: Entry) -> int:
    if entry.sound is not None:
        return LEAST_SOUNDS_ENTRY if entry.sound else 0
    return LEAST_SOUNDS_GROUP if group.sound else 0


def _own_examples(say: str) -> Texts:
    """Entries without a gap are their own examples."""
    return () if GAP in say else ("".join(next(expand(say))),)
