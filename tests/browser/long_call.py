"""An hour's call, put together from an inspected one said again and again."""

from __future__ import annotations

from dataclasses import replace

from live_site import inspected

from qc_speech.model import CallResult, Finding, Span, Turn, Utterance, Word


def hour(times: int = 44) -> CallResult:
    one = inspected("d01")
    length = one.call.recording.duration_ms
    utterances: list[Utterance] = []
    turns: list[Turn] = []
    findings: list[Finding] = []
    for n in range(times):
        by, first = n * length, len(utterances)
        utterances += [_utterance(u, by, first) for u in one.call.utterances]
        turns += [replace(turn, span=_later(turn.span, by)) for turn in one.call.turns]
        findings += [_finding(finding, by, first) for finding in one.findings if finding.evidence]
    meta = replace(one.call.recording.metadata, call_id="hour")
    recording = replace(one.call.recording, id="0" * 64, duration_ms=length * times, metadata=meta)
    call = replace(one.call, recording=recording, utterances=tuple(utterances), turns=tuple(turns))
    silences = tuple(
        replace(silence, span=_later(silence.span, n * length))
        for n in range(times)
        for silence in one.measures.silences
    )
    measures = replace(one.measures, silences=silences)
    return replace(one, call=call, measures=measures, findings=tuple(findings))


def _later(span: Span, by: int) -> Span:
    return Span(span.start_ms + by, span.end_ms + by)


def _word(word: Word, by: int) -> Word:
    return replace(word, span=_later(word.span, by))


def _utterance(one: Utterance, by: int, first: int) -> Utterance:
    words = tuple(_word(word, by) for word in one.words)
    return replace(one, index=first + one.index, span=_later(one.span, by), words=words)


def _finding(finding: Finding, by: int, first: int) -> Finding:
    place = finding.evidence
    assert place
    number = None if place.utterance is None else first + place.utterance
    return replace(finding, evidence=replace(place, span=_later(place.span, by), utterance=number))
