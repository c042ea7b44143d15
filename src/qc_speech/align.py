"""Words + turns -> utterances with a speaker. Pure.

Stereo: the channel is the speaker, a turn decides where an utterance begins and ends.
Mono: the exclusive turn a word lies in decides who said it; overlapping turns stay for measures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from qc_speech.model import Alternative, Chunk, Diarization, Role, Span, Turn, Utterance, Word

JOIN_GAP_MS = 900  # a pause inside one turn at talk
_PAD_MS = 160


def speech_pieces(turns: Sequence[Turn], duration_ms: int) -> tuple[Span, ...]:
    """What the recognizer should hear of a mixed channel: the exclusive turns, each with a little
    air that never reaches into another speaker's turn."""
    ordered = sorted(turns, key=lambda turn: turn.span)
    pieces: list[Span] = []
    for i, turn in enumerate(ordered):
        low = ordered[i - 1].span.end_ms if i else 0
        high = ordered[i + 1].span.start_ms if i + 1 < len(ordered) else duration_ms
        start = max(turn.span.start_ms - _PAD_MS, (low + turn.span.start_ms) // 2, 0)
        end = min(turn.span.end_ms + _PAD_MS, max(turn.span.end_ms, (high + turn.span.end_ms) // 2))
        start = min(start, turn.span.start_ms)
        if end - start >= 120:
            pieces.append(Span(start, min(end, duration_ms)))
    return tuple(pieces)


def pieces_by_speaker(
    turns: Sequence[Turn], duration_ms: int
) -> tuple[tuple[str, tuple[Span, ...]], ...]:
    """The pieces to hear, speaker by speaker: one voice at a time is heard better than two in turn
    (mono character error 32.8 % against 35.6 % with the true turns of d01-d28)."""
    found: dict[str, list[Span]] = {}
    for piece in speech_pieces(turns, duration_ms):
        owner = max(turns, key=lambda turn: turn.span.overlap_ms(piece))
        found.setdefault(owner.speaker, []).append(piece)
    return tuple((speaker, tuple(found[speaker])) for speaker in sorted(found))


def utterances(chunks: Sequence[Chunk], diarization: Diarization) -> tuple[Utterance, ...]:
    """Utterances in order of start; roles are still unknown."""
    found: list[Utterance] = []
    for speaker in sorted({turn.speaker for turn in diarization.turns}):
        found.extend(_of_speaker(speaker, chunks, diarization))
    found.sort(key=lambda utterance: utterance.span)
    return tuple(replace(utterance, index=i) for i, utterance in enumerate(found))


def _of_speaker(speaker: str, chunks: Sequence[Chunk], diarization: Diarization) -> list[Utterance]:
    words: list[tuple[Word, Chunk]] = []
    own = sorted(t.span for t in diarization.exclusive if t.speaker == speaker)
    for chunk in chunks:
        if chunk.channel is not None:
            if f"ch{chunk.channel}" == speaker:
                words.extend((word, chunk) for word in chunk.words)
        else:
            words.extend(
                (word, chunk)
                for word in chunk.words
                if _owner(word, chunk, diarization.exclusive) == speaker
            )
    groups: list[list[tuple[Word, Chunk]]] = []
    others = sorted(t.span for t in diarization.exclusive if t.speaker != speaker)
    for word, chunk in sorted(words, key=lambda item: item[0].span):
        if groups and _continues(groups[-1][-1][0], word, others):
            groups[-1].append((word, chunk))
        else:
            groups.append([(word, chunk)])
    return [_utterance(speaker, group, own) for group in groups]


def _owner(word: Word, chunk: Chunk, turns: Sequence[Turn]) -> str:
    """Whose exclusive turn a word lies in. Pieces were cut at turns, so the piece decides first:
    word times inside a window are less exact than the cut."""
    piece = max(turns, key=lambda turn: turn.span.overlap_ms(chunk.span), default=None)
    if piece and piece.span.overlap_ms(chunk.span) >= 0.6 * chunk.span.duration_ms:
        return piece.speaker
    middle = (word.span.start_ms + word.span.end_ms) // 2

    def away(turn: Turn) -> int:
        return max(turn.span.start_ms - middle, middle - turn.span.end_ms, 0)

    nearest = min(turns, key=away, default=None)
    return nearest.speaker if nearest else ""


def _continues(last: Word, word: Word, others: Sequence[Span]) -> bool:
    gap = word.span.start_ms - last.span.end_ms
    if gap > JOIN_GAP_MS:
        return False
    between = Span(last.span.end_ms, max(last.span.end_ms, word.span.start_ms))
    # A short word of the other party inside the pause (a backchannel) does not end the turn.
    return not any(
        other.overlap_ms(between) > 0.5 * max(1, other.duration_ms) and other.duration_ms > 700
        for other in others
    )


def _utterance(speaker: str, group: list[tuple[Word, Chunk]], own: Sequence[Span]) -> Utterance:
    words = tuple(word for word, _ in group)
    span = Span(words[0].span.start_ms, max(word.span.end_ms for word in words))
    touching = [turn for turn in own if turn.overlap_ms(span) > 0.5 * turn.duration_ms]
    if touching:
        # Voice activity knows the edges of speech better than attention does.
        start = (
            min(touching[0].start_ms, span.start_ms)
            if touching[0].start_ms > span.start_ms - 700
            else span.start_ms
        )
        span = Span(
            touching[0].start_ms if abs(touching[0].start_ms - span.start_ms) < 700 else start,
            max(span.start_ms + 1, touching[-1].end_ms)
            if abs(touching[-1].end_ms - span.end_ms) < 700
            else span.end_ms,
        )
    chunks = list(dict.fromkeys(chunk for _, chunk in group))
    return Utterance(
        index=0,
        span=span,
        speaker=speaker,
        role=Role.UNKNOWN,
        words=words,
        language=_main_language(group),
        language_confidence=min(chunk.language_confidence for chunk in chunks),
        confidence=_confidence(group),
        alternatives=_alternatives(chunks, words),
    )


def _main_language(group: list[tuple[Word, Chunk]]) -> str:
    counts: dict[str, int] = {}
    for word, chunk in group:
        counts[chunk.language] = counts.get(chunk.language, 0) + word.span.duration_ms
    return max(counts, key=lambda language: counts[language])


def _confidence(group: list[tuple[Word, Chunk]]) -> float:
    """Mean word confidence by characters; a chunk that stayed bad is worth little."""
    total = weight = 0.0
    for word, chunk in group:
        size = max(1, len(word.text))
        value = 0.5 if word.confidence is None else word.confidence
        total += size * (min(value, 0.2) if chunk.doubtful else value)
        weight += size
    return round(total / weight, 4) if weight else 0.0


def _alternatives(chunks: list[Chunk], words: tuple[Word, ...]) -> tuple[Alternative, ...]:
    """Other readings of the utterance: those of each chunk that lies wholly in it, in place."""
    span = Span(words[0].span.start_ms, max(word.span.end_ms for word in words))
    inside = [chunk for chunk in chunks if chunk.words and span.overlap_ms(chunk.span)]
    most = max((len(chunk.alternatives) for chunk in inside), default=0)
    found: dict[str, float] = {}
    for rank in range(most):
        text, score = "", 0.0
        for chunk in inside:
            if rank < len(chunk.alternatives):
                text += chunk.alternatives[rank].text
                score = chunk.alternatives[rank].score
            else:
                text += chunk.text
        found.setdefault(text, score)
    best = "".join(word.text for word in words)
    return tuple(Alternative(text, score) for text, score in found.items() if text != best)
