"""Who came in while the other spoke, and whether it was an interruption or a listener's "mm".

Terms. A *gap* or an *overlap* lies between two parties' talk (Sacks, Schegloff & Jefferson 1974;
Heldner & Edlund 2010). Interruptions by outcome as in Ferguson (1977) and Beattie (1981): *simple*
(the other stops), *butting-in* (he keeps the floor), *silent* (no simultaneous speech; see
`silent.py`); here also *talk_over* (both go on to the end of their sentences). Overlaps that are
nobody's fault: *terminal* (the last syllables of a finished sentence: most overlaps are shorter
than half a second, Levinson & Torreira 2015), *start_up* (both begin at once), *resumption* (who
was cut off goes on), *completion* (a cooperative finish), *listener* (the first only listened
aloud). A listener's signals by Clancy et al. (1996): *token* (嗯, 对, 好的), *repetition*, *short*
(unclear and brief, the speaker goes on), *opening* (a token that opens the next turn).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from qc_speech.measures.crosstalk import is_bleed
from qc_speech.measures.floor_words import BackchannelLexicon, FloorLexicon, echoes, is_repetition
from qc_speech.measures.frames import Sound
from qc_speech.measures.talk import Sides, Talk, middle, sides
from qc_speech.model import Call, Overlap, Role, Span
from qc_speech.text.normalize import normalize

TOGETHER_MS = 200  # both start within this: a start-up, nobody holds the floor yet
_EDGE_MS = {True: 80, False: 150}  # how exact a turn's edge is: own channel, mixed channel
_SHORT_MS = 1200  # a listener's signal is not longer
_LISTENER_MS = 1800  # ... unless it is nothing but listener's words
_INSIDE_MS = 2000
_UNSURE = 0.55  # a person decides
_UNHEARD = 2  # so few characters heard say nothing of what was said
_SLIP_MS = 950  # too short to take the floor, whatever was said
AGAIN_MS = 1500  # the floor is taken up again within this
_DROP_MS = 100  # shorter overlaps are the edges of turns (120 ms is heard as one: Heldner 2011)
# Overlap at which a clash is as likely an untimely start as a smooth change; in a mixed channel the
# diarizer finds most overlaps some 80 ms shorter than they are (true turns of d01-d28).
_EVEN_MS = {True: 350, False: 325}
_SLOPE_MS = {True: 70.0, False: 110.0}
_EARLY_MS = 900  # this long before the end of a sentence its end excuses nothing
_YIELD_MS = 800  # who stops within this of the other's start gave way
_WORD_MS = 100  # how exact a word's edge is
_SYLLABLE_MS = 250  # a token's syllable lasts no longer
_OPENING_MS = 600  # a token this near to the end of the other's talk opens a turn
_PAUSE_MS = 200  # a pause that ends a stretch of talk (Heldner & Edlund 2010)
_SENTENCE = {True: 1.2, False: 0.8}  # weight of the words; in a mixed channel they are less sure


@dataclass(frozen=True)
class Judge:
    """Judges the overlaps of one call: the words' evidence and how exact its edges are."""

    sides: Sides
    tokens: BackchannelLexicon
    words: FloorLexicon
    own_channels: bool

    def overlap(self, span: Span, holder: Talk, comer: Talk) -> Overlap:
        clash = _Clash(span, holder, comer, self)
        kind, form, confidence = clash.kind()
        took = comer.span.end_ms > holder.span.end_ms
        gave_way = took and holder.span.end_ms - comer.span.start_ms <= _YIELD_MS
        if kind == "interruption":
            form = "simple" if gave_way else "talk_over" if took else "butting_in"
        return Overlap(
            span, holder.role, comer.role, kind, round(confidence, 3),
            gave_way and kind == "interruption", comer.span.duration_ms, form,
        )  # fmt: skip


def overlaps(
    call: Call, tokens: BackchannelLexicon, words: FloorLexicon, sound: Sound | None
) -> tuple[Overlap, ...]:
    """Every stretch in which one party came in while the other was speaking, judged.

    The call's turns have sharpened ends where there are any (see `frames.sharpen`).
    """
    both = sides(call, call.turns)
    judge = Judge(both, tokens, words, call.recording.channels == 2)
    found: list[Overlap] = []
    for first, second in ((Role.AGENT, Role.CUSTOMER), (Role.CUSTOMER, Role.AGENT)):
        for holder in both.of(first):
            for comer in both.of(second):
                if not holder.span.start_ms < comer.span.start_ms < holder.span.end_ms:
                    continue
                span = holder.span & comer.span
                if span is None or span.duration_ms < _DROP_MS:
                    continue
                if sound is not None and is_bleed(call, span, first, second, sound):
                    continue
                found.append(judge.overlap(span, holder, comer))
    return tuple(sorted(found, key=lambda overlap: overlap.span))


@dataclass(frozen=True)
class _Clash:
    """One party comes in while the other speaks."""

    span: Span
    holder: Talk
    comer: Talk
    judge: Judge

    def kind(self) -> tuple[str, str, float]:
        """Kind, form and confidence, the surest reading first."""
        listening = None if self.cutting else self._listening()
        return listening or self._nobodys_fault() or self._collision()

    @property
    def cutting(self) -> bool:
        return self.judge.tokens.cuts_in(self.comer.text)

    def _listening(self) -> tuple[str, str, float] | None:
        talk = self.comer.span.duration_ms
        if talk > _LISTENER_MS:
            return self._opening()
        text, again = self.comer.text, self._goes_on()
        if self.judge.tokens.is_backchannel(text):
            return "backchannel", "token", 0.95 if talk <= _SHORT_MS else 0.85
        if self._completes():
            return "overlap", "completion", 0.75
        if is_repetition(text, self._before()):
            return "backchannel", "repetition", 0.75
        if self._together():
            return None
        if talk <= _SHORT_MS and (again or self.comer.span.end_ms <= self.holder.span.end_ms):
            return "backchannel", "short", 0.8
        if talk <= _SLIP_MS or (talk <= _SHORT_MS and len(normalize(text)) <= _UNHEARD):
            return "backchannel", "short", 0.65
        return self._opening()

    def _opening(self) -> tuple[str, str, float] | None:
        """Only the token at the head of the comer's turn fell into the other's talk, and that at
        the end of a sentence or with a pause behind it: he listened, then took his turn."""
        end = self._token_end()
        if end is None or self.span.end_ms - end > _WORD_MS:
            return None
        following = next((w.span.start_ms for w in self.comer.words if middle(w) > end), None)
        pause = 0 if following is None else following - end
        near = self.span.duration_ms <= _OPENING_MS and self._finished() > 0
        paused = self.span.duration_ms <= 2 * _OPENING_MS and pause >= _PAUSE_MS
        return ("backchannel", "opening", 0.75) if near or paused else None

    def _token_end(self) -> int | None:
        """Where the tokens at the head of the comer's talk end; None without such."""
        plain = normalize(self.comer.text)
        count = left = self.judge.tokens.leading(plain)
        for word in self.comer.words if count else ():
            left -= max(1, len(normalize(word.text)))
            if left <= 0:
                longest = self.comer.span.start_ms + count * _SYLLABLE_MS
                return min(word.span.end_ms if left == 0 else middle(word), longest)
        return None

    def _before(self) -> str:
        """The holder's last words before the other came in."""
        start = self.comer.span.start_ms
        return self.holder.said(Span(max(0, start - 6000), start + 300))

    def _completes(self) -> bool:
        """A cooperative finish: the same words as the holder's next ones, or taken up by him."""
        start = self.comer.span.start_ms
        later = self.judge.sides.next_of(self.holder.role, self.comer.span.end_ms - 100)
        after = self.holder.said(Span(start - 200, max(start, self.holder.span.end_ms)))
        following = later.text if later and self._soon(later) else ""
        if (
            len(normalize(self.comer.text)) >= 2
            and echoes(self.comer.text, (after + following)[:24]) >= 0.7
        ):
            return True
        unfinished = self.judge.words.completeness(self.holder.said(Span(0, start))) <= 0
        return unfinished and bool(following) and self.judge.words.accepted(following)

    def _soon(self, later: Talk) -> bool:
        return later.span.start_ms - self.comer.span.end_ms <= AGAIN_MS

    def _nobodys_fault(self) -> tuple[str, str, float] | None:
        if self._together():
            return "overlap", "start_up", 0.8
        if self.holder.span.duration_ms <= _SHORT_MS and self.judge.tokens.is_backchannel(
            self.holder.text
        ):
            return "overlap", "listener", 0.85
        if self._takes_back():
            return "overlap", "resumption", 0.7
        return None

    def _together(self) -> bool:
        """Both begin at a pause: nobody held the floor."""
        slack = TOGETHER_MS + _EDGE_MS[self.judge.own_channels]
        start = self.comer.span.start_ms
        return start - self.holder.begun_ms(start) < slack

    def _collision(self) -> tuple[str, str, float]:
        """An interruption, or a start a little too early where the other was ending anyway."""
        own = self.judge.own_channels
        length = self.span.duration_ms
        token = None if self.cutting else self._token_end()
        if token is not None:  # a token at the head takes the floor a little less
            length -= max(0, min(token, self.span.end_ms) - self.span.start_ms) // 3
        odds = (length - _EVEN_MS[own]) / _SLOPE_MS[own]
        odds -= _SENTENCE[own] * self._finished()
        if self._goes_on():
            odds += 0.5
        if self.cutting:
            odds += 1.0
        if self.comer.span.duration_ms <= _SHORT_MS:
            odds -= 0.6
        probability = 1 / (1 + math.exp(-max(-6.0, min(6.0, odds))))
        if self._unheard_listener() and not self.cutting:
            probability = min(probability, _UNSURE)
        if probability >= 0.5:
            return "interruption", "", min(probability, 0.97)
        return "overlap", "terminal", min(1 - probability, 0.97)

    def _unheard_listener(self) -> bool:
        """A short talk inside the other's in a mixed channel: its words are hardly ever heard
        right, and a long "I see, I see" looks the same."""
        inside = self.comer.span.end_ms <= self.holder.span.end_ms
        return not self.judge.own_channels and inside and self.comer.span.duration_ms <= _INSIDE_MS

    def _finished(self) -> float:
        """How finished the holder's sentence was where he stopped (-1..1), less the earlier the
        other came in: long before its end a sentence is unfinished whatever its last word."""
        left = self.holder.span.end_ms - self.comer.span.start_ms
        share = max(0.0, min(1.0, (_EARLY_MS - left) / 500))
        return share * self.judge.words.completeness(self.holder.text)

    def _goes_on(self) -> bool:
        """The holder talks through, or takes the floor up again before the comer speaks again."""
        end = self.comer.span.end_ms
        if self.holder.span.end_ms - end >= 250:
            return True
        following = self.judge.sides.next_of(self.holder.role, end - 99)
        own = self.judge.sides.next_of(self.comer.role, end + 1)
        return (
            following is not None
            and following.span.start_ms - end <= AGAIN_MS
            and (own is None or following.span.start_ms < own.span.start_ms)
        )

    def _takes_back(self) -> bool:
        """The comer was speaking when the holder came in, and only goes on."""
        holder, comer = self.holder.span, self.comer.span
        return any(
            earlier.span.start_ms < holder.start_ms < earlier.span.end_ms
            and comer.start_ms - earlier.span.end_ms <= AGAIN_MS
            and holder.end_ms - earlier.span.end_ms <= 3 * AGAIN_MS
            for earlier in self.judge.sides.of(self.comer.role)
            if earlier.span.end_ms <= comer.start_ms
        )
