"""Asks a language model the questions of meaning that a rulebook has, and keeps its answers.

Every answer is a stage of the recording: it is asked once for the same words, question and model.
What goes wrong on the way never stops a call: the question stays open, with its reason.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from qc_speech.codec import from_json, to_json
from qc_speech.errors import JudgeError
from qc_speech.model import Call, Judged
from qc_speech.ports import Judge, Store
from qc_speech.privacy.detect import Personal, personal
from qc_speech.rules.inspect import applies
from qc_speech.rules.kind import Context
from qc_speech.rules.meaning import (
    MOST_CHARACTERS,
    VERSION,
    MeaningParams,
    key_of,
    lines_of,
    messages,
    read_answer,
)
from qc_speech.rules.rulebook import Rulebook

STAGE = "meaning"


def with_judgements(ctx: Context, book: Rulebook, judge: Judge, store: Store) -> Call:
    """The call with the answers to all questions of the rulebook that could be had."""
    call = ctx.call
    found = {one.key: one for one in call.judged}
    hidden: Sequence[Personal] | None = None
    for check in book.checks:
        if not isinstance(check.params, MeaningParams) or not applies(ctx, check):
            continue
        key = key_of(call, check.params)
        kept = store.stage(call.recording.id, STAGE, _stage_key(key, judge))
        if kept is not None:
            found[key] = from_json(Judged, kept)
            continue
        if hidden is None:
            hidden = _hidden(call, judge)
        answer = _asked(call, check.params, judge, hidden)
        if answer is not None:
            found[key] = answer
            store.put_stage(call.recording.id, STAGE, _stage_key(key, judge), to_json(answer))
    return replace(call, judged=tuple(found.values()))


def _stage_key(key: str, judge: Judge) -> str:
    parts = "\0".join((VERSION, key, judge.stamp, ",".join(sorted(judge.covered))))
    return hashlib.sha256(parts.encode()).hexdigest()[:24]


def _hidden(call: Call, judge: Judge) -> tuple[Personal, ...]:
    if not judge.covered:
        return ()
    return tuple(
        one
        for one in personal(call)
        if one.kind in judge.covered and one.confidence >= judge.covered_from
    )


def _asked(
    call: Call, params: MeaningParams, judge: Judge, hidden: Sequence[Personal]
) -> Judged | None:
    """The answer, or None where none could be had: nothing is kept then, and the next run or
    `score` asks again."""
    lines = lines_of(call, params, hidden)
    if not lines:
        return None
    key = key_of(call, params)
    if sum(len(line.text) for line in lines) > MOST_CHARACTERS:
        return Judged(key, None, 0.0, (), "", "通话太长，请在规则里用 first 或 last 限定范围")
    try:
        reply = judge.ask(messages(params, lines))
    except JudgeError:
        return None
    return read_answer(reply, key, params, lines)
