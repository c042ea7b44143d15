"""How well a call was heard: characters, speakers, roles and confidence, as counts."""

from __future__ import annotations

import itertools
import os
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from qc_speech.evaluate.counts import Additive, Bin, RoleCounts, TextErrors, TimeErrors
from qc_speech.evaluate.files import HeardTurn, InspectedCall, LabelledCall, SpokenTurn
from qc_speech.model import Role
from qc_speech.text.normalize import simplify

Turns = Sequence[SpokenTurn | HeardTurn]

BINS = 10
_DIGITS = "零一二三四五六七八九"
_SAME = str.maketrans({"幺": "一", "〇": "零"})


@dataclass(frozen=True)
class Speech(Additive):
    """Of one call or of many. cpCER: speakers by the best match; with roles: by their names."""

    calls: int = 0
    cer: TextErrors = field(default_factory=TextErrors)
    cpcer: TextErrors = field(default_factory=TextErrors)
    role_cpcer: TextErrors = field(default_factory=TextErrors)
    der: TimeErrors = field(default_factory=TimeErrors)
    role_der: TimeErrors = field(default_factory=TimeErrors)
    roles: RoleCounts = field(default_factory=RoleCounts)


@dataclass(frozen=True)
class Aligned:
    """Errors of one alignment and, for each character heard, whether it is right."""

    errors: TextErrors
    right: tuple[bool, ...]


def comparable(text: str) -> str:
    """Simplified script, lower case, each digit as a character (幺 is 一), letters and digits only.

    Stricter than the product's own normalizing: 14 is 一四 here, so a reference 十四 counts as an
    error unless the product writes what was said.
    """
    plain = simplify(unicodedata.normalize("NFKC", text)).lower()
    return "".join(_digit(c) for c in plain if c.isalnum()).translate(_SAME)


def align(reference: str, heard: str) -> Aligned:
    """Character alignment with the fewest errors (both texts already comparable)."""
    import jiwer

    output = jiwer.process_characters(reference, heard)
    right = [False] * len(heard)
    for chunk in output.alignments[0]:
        if chunk.type == "equal":
            for index in range(chunk.hyp_start_idx, chunk.hyp_end_idx):
                right[index] = True
    errors = TextErrors(output.hits, output.substitutions, output.deletions, output.insertions)
    return Aligned(errors, tuple(right))


def measure(label: LabelledCall, result: InspectedCall) -> tuple[Speech, tuple[Bin, ...]]:
    """The call's speech counts and its utterances by confidence."""
    truth = _streams(label.turns)
    heard = _streams(result.turns)
    whole = align(_joined(label.turns), _joined(result.turns)).errors
    matched = _best_match(truth, heard)
    cpcer = sum((aligned.errors for _, aligned in matched), TextErrors())
    by_name = (
        align(truth.get(role, ""), heard.get(role, "")).errors for role in sorted({*truth, *heard})
    )
    der, role_der = _time_errors(label, result)
    speech = Speech(
        1, whole, cpcer, sum(by_name, TextErrors()), der, role_der, _role_counts(label, result)
    )
    return speech, _reliability(result, matched)


def _digit(char: str) -> str:
    value = unicodedata.decimal(char, None)
    return char if value is None else _DIGITS[value]


def _joined(turns: Turns) -> str:
    return "".join(comparable(t.text) for t in _by_time(turns))


def _by_time(turns: Turns) -> list[SpokenTurn | HeardTurn]:
    return sorted(turns, key=lambda turn: turn.span)


def _streams(turns: Turns) -> dict[Role, str]:
    streams: dict[Role, str] = {}
    for turn in _by_time(turns):
        streams[turn.speaker] = streams.get(turn.speaker, "") + comparable(turn.text)
    return streams


def _best_match(
    truth: dict[Role, str], heard: dict[Role, str]
) -> tuple[tuple[Role | None, Aligned], ...]:
    """Speakers matched so that the errors are fewest (cpWER over characters). A speaker without
    a partner is all insertions or all deletions. Yields (heard speaker, alignment)."""
    size = max(len(truth), len(heard))
    left = [*truth.values(), *[""] * (size - len(truth))]
    names: list[Role | None] = [*heard, *[None] * (size - len(heard))]
    right = [heard[name] if name else "" for name in names]
    table = [[align(reference, text) for text in right] for reference in left]

    def errors(order: tuple[int, ...]) -> int:
        return sum(table[row][column].errors.errors for row, column in enumerate(order))

    best = min(itertools.permutations(range(size)), key=errors)  # at most 4 roles: 24 orders
    return tuple((names[column], table[row][column]) for row, column in enumerate(best))


def _reliability(
    result: InspectedCall, matched: tuple[tuple[Role | None, Aligned], ...]
) -> tuple[Bin, ...]:
    bins = [Bin() for _ in range(BINS)]
    for speaker, aligned in matched:
        done = 0
        for turn in sorted(result.turns, key=lambda turn: turn.span):
            if turn.speaker is not speaker:
                continue
            size = len(comparable(turn.text))
            right = sum(aligned.right[done : done + size])
            done += size
            if size and turn.confidence is not None:
                place = min(BINS - 1, int(turn.confidence * BINS + 1e-9))
                milli = round(turn.confidence * 1000) * size
                bins[place] += Bin(1, size, right, milli)
    return tuple(bins)


def _role_counts(label: LabelledCall, result: InspectedCall) -> RoleCounts:
    """By time: agent over agent and customer over customer against the crossed pairs. Unknown if
    the named turns cover less of the labelled speech than those of unknown speakers, or on a tie.
    """
    parties = (Role.AGENT, Role.CUSTOMER)
    straight = crossed = unnamed = 0
    for true in label.turns:
        for heard in result.turns:
            shared = true.span.overlap_ms(heard.span)
            if true.speaker not in parties:
                continue
            if heard.speaker not in parties:
                unnamed += shared if heard.speaker is Role.UNKNOWN else 0
            elif heard.speaker is true.speaker:
                straight += shared
            else:
                crossed += shared
    if straight == crossed or straight + crossed < unnamed:
        return RoleCounts(unknown=1)
    return RoleCounts(right=1) if straight > crossed else RoleCounts(wrong=1)


def _time_errors(label: LabelledCall, result: InspectedCall) -> tuple[TimeErrors, TimeErrors]:
    """Diarization errors without collar and with overlaps: best match, then by role names."""
    os.environ["PYANNOTE_METRICS_ENABLED"] = "0"  # before pyannote is imported: no telemetry
    from pyannote.core import Segment, Timeline
    from pyannote.metrics.diarization import DiarizationErrorRate
    from pyannote.metrics.identification import IdentificationErrorRate

    truth, heard = _annotation(label.turns), _annotation(result.turns)
    turns: list[SpokenTurn | HeardTurn] = [*label.turns, *result.turns]
    ends = [turn.span.end_ms for turn in turns]
    whole = Timeline([Segment(0, max([label.duration_ms, 1, *ends]) / 1000)])
    found = []
    for metric in (DiarizationErrorRate, IdentificationErrorRate):
        parts = metric(collar=0.0, skip_overlap=False)(truth, heard, uem=whole, detailed=True)
        found.append(
            TimeErrors(
                *(
                    round(1000 * parts[name])
                    for name in ("total", "missed detection", "false alarm", "confusion")
                )
            )
        )
    return found[0], found[1]


def _annotation(turns: Turns) -> Any:
    from pyannote.core import Annotation, Segment

    annotation = Annotation()
    for index, turn in enumerate(turns):
        if turn.span.duration_ms:
            segment = Segment(turn.span.start_ms / 1000, turn.span.end_ms / 1000)
            annotation[segment, index] = turn.speaker.value
    return annotation.support()  # a speaker counts once where two of their turns overlap
