"""Conditions on how it sounds: silence, speaking rate, interruption, volume, tone."""

from __future__ import annotations

from typing import Literal

import pydantic

from qc_speech import model
from qc_speech.model import Role, Utterance, UtteranceMeasures
from qc_speech.rules.conditions.answer import Answer, Place, Truth, found, unknown, within
from qc_speech.rules.conditions.operator import Operator, ordered
from qc_speech.rules.conditions.scene import Scene, Stretch
from qc_speech.rules.conditions.talk import party

Party = Literal["agent", "customer"]
Cause = Literal[
    "agent_search", "agent_silent", "customer_search", "customer_thinks", "hold_music", "sound",
    "line_dead", "unknown",
]  # fmt: skip
_SILENCE_MARGIN_S = 0.3  # turns end this exactly
_LOUD_MARGIN_DB = 0.7
_TONE_MARGIN = 0.2
_RATE_MARGIN = 0.03  # of the limit
_LEAST_SILENCE_S = 2.0  # shorter ones are not measured


class Silence(Operator):
    """Nobody speaks for more than `over_seconds`; `after` and `before` say whose words end and
    begin it. `position`: between two utterances (middle), before the first word (start), after the
    last (end), or any. One in which something sounds (music) is unknown unless `music: true` or
    its `cause` is asked for (docs/turn-taking.md)."""

    over_seconds: float = pydantic.Field(ge=_LEAST_SILENCE_S)
    under_seconds: float | None = pydantic.Field(default=None, gt=0)
    after: Party | None = None
    before: Party | None = None
    position: Literal["middle", "start", "end", "any"] = "middle"
    music: bool = False
    cause: tuple[Cause, ...] = ()  # empty: any

    @pydantic.model_validator(mode="after")
    def _limits(self) -> Silence:
        ordered(self.over_seconds, self.under_seconds, ("over_seconds", "under_seconds"))
        if (self.position == "start" and self.after) or (self.position == "end" and self.before):
            raise ValueError("nobody speaks on that side of such a silence; remove after or before")
        return self

    def answer(self, scene: Scene, where: Stretch, absence_costs: bool) -> Answer:
        places: list[Place] = []
        longest = 0.0
        for silence in scene.ctx.measures.silences:
            if not where.span.start_ms <= silence.span.start_ms < max(where.span.end_ms, 1):
                continue
            if not self._placed(silence.after, silence.before):
                continue
            if not self._between(silence):
                continue
            length = silence.span.duration_ms / 1000
            longest = max(longest, length)
            truth = within(length, self.over_seconds, self.under_seconds, _SILENCE_MARGIN_S)
            if truth is not Truth.FALSE:
                audible = silence.quiet or self.music or bool(self.cause)
                sure = truth is Truth.TRUE and audible
                confidence = 0.92 if sure else 0.5
                places.append(Place(silence.span, silence.after, None, "", confidence, sure))
        said = f"最长静音 {longest:.1f} 秒，界限 {self.over_seconds:g} 秒"
        return found(places, said)

    def _between(self, silence: model.Silence) -> bool:
        """Whether the wanted parties are on its sides and it has a wanted cause."""
        return (
            (not self.after or silence.after is Role(self.after))
            and (not self.before or silence.before is Role(self.before))
            and (not self.cause or silence.cause in self.cause)
        )

    def _placed(self, after: Role | None, before: Role | None) -> bool:
        position = "start" if after is None else "end" if before is None else "middle"
        return self.position in ("any", position)


class Rate(Operator):
    """Characters per minute of an utterance (of at least `min_characters`) or of a party in the
    whole call. What cannot be measured is unknown."""

    over_per_minute: float | None = pydantic.Field(default=None, gt=0)
    under_per_minute: float | None = pydantic.Field(default=None, gt=0)
    of: Literal["utterance", "call"] = "utterance"
    min_characters: int = pydantic.Field(default=15, ge=4)

    @pydantic.model_validator(mode="after")
    def _limits(self) -> Rate:
        names = ("over_per_minute", "under_per_minute")
        ordered(self.over_per_minute, self.under_per_minute, names)
        return self

    def answer(self, scene: Scene, where: Stretch, absence_costs: bool) -> Answer:
        if self.of == "call":
            return self._of_call(scene, where)
        units = [
            (unit, m.characters_per_minute)
            for unit, m in _measured(scene, where)
            if m.characters >= self.min_characters and m.characters_per_minute is not None
        ]
        if not units:
            return unknown(f"没有可测语速的话（{self.min_characters} 字以上）")
        places = [
            scene.place(unit, 0.9 if truth is Truth.TRUE else 0.5, sure=truth is Truth.TRUE)
            for unit, rate in units
            if (truth := self._judge(rate)) is not Truth.FALSE
        ]
        low, high = min(rate for _, rate in units), max(rate for _, rate in units)
        return found(places, f"语速每分钟 {low:.0f} 至 {high:.0f} 字，{self._limit()}")

    def _of_call(self, scene: Scene, where: Stretch) -> Answer:
        role = where.role or Role.AGENT
        measured = scene.ctx.measures.party(role)
        if measured is None or measured.characters_per_minute is None:
            return unknown(f"{party(role)}的语速测不出来")
        rate = measured.characters_per_minute
        why = f"{party(role)}全程语速每分钟 {rate:.0f} 字，{self._limit()}"
        return Answer(self._judge(rate), 0.9, (), why)

    def _judge(self, rate: float) -> Truth:
        limit = self.over_per_minute or self.under_per_minute or 0.0
        return within(rate, self.over_per_minute, self.under_per_minute, _RATE_MARGIN * limit)

    def _limit(self) -> str:
        over = f"高于 {self.over_per_minute:.0f}" if self.over_per_minute else ""
        under = f"低于 {self.under_per_minute:.0f}" if self.under_per_minute else ""
        return "条件：" + "且".join(part for part in (over, under) if part)


class Interruption(Operator):
    """A party comes in while the other speaks. `min_seconds` both speak, after the other had talked
    for `delay_seconds`; `talk_seconds` the one who came in went on. `kind: any` counts every
    overlap, a listener's 嗯 too. `over_per_minute`: so many in a minute of both parties' talk, over
    the whole call."""

    by: Party = "agent"
    min_seconds: float = pydantic.Field(default=0.0, ge=0)
    delay_seconds: float = pydantic.Field(default=0.0, ge=0)
    talk_seconds: float = pydantic.Field(default=0.0, ge=0)
    kind: Literal["interruption", "any"] = "interruption"
    at_least: int = pydantic.Field(default=1, ge=1)
    over_per_minute: float | None = pydantic.Field(default=None, gt=0)

    @pydantic.model_validator(mode="after")
    def _whole_call(self) -> Interruption:
        single = self.min_seconds or self.delay_seconds or self.talk_seconds or self.at_least > 1
        if self.over_per_minute is not None and (single or self.kind == "any"):
            raise ValueError("over_per_minute is of all interruptions of the call; only `by` fits")
        return self

    def answer(self, scene: Scene, where: Stretch, absence_costs: bool) -> Answer:
        if self.over_per_minute is not None:
            return self._per_minute(scene, self.over_per_minute)
        places: list[Place] = []
        for overlap in scene.ctx.measures.overlaps:
            inside = where.span.start_ms <= overlap.span.start_ms < where.span.end_ms
            if not inside or overlap.second is not Role(self.by):
                continue
            if overlap.span.duration_ms < self.min_seconds * 1000:
                continue
            if self.talk_seconds and overlap.talk_ms < self.talk_seconds * 1000:
                continue
            if self._talked(scene, overlap.first, overlap.span.start_ms) < self.delay_seconds:
                continue
            confidence = 0.9
            if self.kind == "interruption":
                own = overlap.kind == "interruption"
                clash = 1 - overlap.confidence if overlap.kind == "overlap" else 0.0
                confidence = overlap.confidence if own else clash
            if confidence >= 0.4:
                role, sure = overlap.second, confidence >= 0.6
                places.append(Place(overlap.span, role, None, "", confidence, sure))
        title = party(Role(self.by))
        return found(places, f"{title}插话 {len(places)} 次", needed=self.at_least)

    def _per_minute(self, scene: Scene, limit: float) -> Answer:
        title = party(Role(self.by))
        floor = scene.ctx.measures.floor
        measured = floor.party(Role(self.by)) if floor else None
        if measured is None or measured.interruptions_per_minute is None:
            return unknown(f"讲话太少，{title}每分钟插话次数测不出来")
        rate, count = measured.interruptions_per_minute, measured.interruptions
        why = f"{title}插话 {count} 次，每分钟 {rate:.1f} 次，界限 {limit:g} 次"
        return Answer(within(rate, limit, None), 0.8, (), why)

    def _talked(self, scene: Scene, role: Role, at_ms: int) -> float:
        """Seconds for which a party had been talking at a time."""
        starts = [
            turn.span.start_ms
            for turn in scene.ctx.call.role_turns(role)
            if turn.span.start_ms <= at_ms < turn.span.end_ms
        ]
        return (at_ms - min(starts)) / 1000 if starts else 0.0


class Volume(Operator):
    """How loud an utterance is: above this party's own normal level, or in dBFS (which depends on
    the line)."""

    above_normal_db: float | None = pydantic.Field(default=None, gt=0)
    over_dbfs: float | None = pydantic.Field(default=None, le=0)
    under_dbfs: float | None = pydantic.Field(default=None, le=0)
    min_characters: int = pydantic.Field(default=4, ge=1)

    @pydantic.model_validator(mode="after")
    def _limits(self) -> Volume:
        if self.above_normal_db is None:
            ordered(self.over_dbfs, self.under_dbfs, ("above_normal_db, over_dbfs", "under_dbfs"))
        elif self.over_dbfs is not None or self.under_dbfs is not None:
            raise ValueError("above_normal_db stands alone; use another condition for dBFS")
        return self

    def answer(self, scene: Scene, where: Stretch, absence_costs: bool) -> Answer:
        own = self.above_normal_db is not None
        units = [
            (unit, level)
            for unit, m in _measured(scene, where)
            if m.characters >= self.min_characters
            and (level := m.above_normal_db if own else m.loudness_dbfs) is not None
        ]
        if not units:
            return unknown("没有可测音量的话")
        over = self.above_normal_db if own else self.over_dbfs
        places = [
            scene.place(unit, 0.85 if truth is Truth.TRUE else 0.5, sure=truth is Truth.TRUE)
            for unit, level in units
            if (truth := within(level, over, self.under_dbfs, _LOUD_MARGIN_DB)) is not Truth.FALSE
        ]
        levels = [level for _, level in units]
        scale = "比平常高" if own else "音量"
        return found(places, f"{scale} {min(levels):.1f} 至 {max(levels):.1f} 分贝")


class Tone(Operator):
    """How lively a party's voice is over the call: the spread of its pitch in semitones (a flat
    voice is below about 1, a lively one above about 3)."""

    PLACED = False

    under_semitones: float | None = pydantic.Field(default=None, gt=0)
    over_semitones: float | None = pydantic.Field(default=None, gt=0)

    @pydantic.model_validator(mode="after")
    def _limits(self) -> Tone:
        ordered(self.over_semitones, self.under_semitones, ("over_semitones", "under_semitones"))
        return self

    def answer(self, scene: Scene, where: Stretch, absence_costs: bool) -> Answer:
        role = where.role or Role.AGENT
        measured = scene.ctx.measures.party(role)
        spread = None if measured is None else measured.pitch_spread_semitones
        if spread is None:
            return unknown(f"{party(role)}的音高起伏测不出来")
        truth = within(spread, self.over_semitones, self.under_semitones, _TONE_MARGIN)
        return Answer(truth, 0.7, (), f"{party(role)}音高起伏 {spread:.1f} 个半音")


def _measured(scene: Scene, where: Stretch) -> list[tuple[Utterance, UtteranceMeasures]]:
    by_index = {m.index: m for m in scene.ctx.measures.utterances}
    return [(u, by_index[u.index]) for u in scene.utterances(where) if u.index in by_index]
