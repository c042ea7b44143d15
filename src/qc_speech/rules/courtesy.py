"""Polite words: how often the agent says 您好, 请, 谢谢, 对不起 in a minute of talk."""

from __future__ import annotations

from pathlib import Path

import pydantic

from qc_speech.model import Outcome, Role
from qc_speech.rules.kind import Context, Draft, Kind, Params
from qc_speech.rules.required import hearing_of
from qc_speech.rules.verdict import by_agent, not_applicable, passed, uncertain
from qc_speech.rules.yamlfile import load_yaml
from qc_speech.text.normalize import normalize
from qc_speech.text.phonetic import syllables


class PoliteWords(pydantic.BaseModel):
    """lexicons/courtesy.yaml. A word of two or more characters counts as it sounds, one of a
    single character only as it is written; `innocent` words hold it without being polite."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    words: tuple[str, ...] = pydantic.Field(min_length=1)
    innocent: tuple[str, ...] = ()

    def count(self, text: str) -> int:
        """How many polite words a text holds, none inside another."""
        plain = normalize(text)
        for word in self.innocent:
            plain = plain.replace(word, "。" * len(word))
        sounds = [f" {name} " for name in syllables(plain)]
        total = 0
        for word in sorted(self.words, key=len, reverse=True):
            wanted = [f" {name} " for name in syllables(word)]
            at = 0
            while at + len(word) <= len(plain):
                piece = plain[at : at + len(word)]
                by_ear = len(word) > 1 and sounds[at : at + len(word)] == wanted
                if piece == word or (by_ear and "。" not in piece):
                    total += 1
                    plain = plain[:at] + "。" * len(word) + plain[at + len(word) :]
                    sounds[at : at + len(word)] = ["。"] * len(word)
                    at += len(word)
                else:
                    at += 1
        return total


class PoliteParams(Params):
    """Times per minute of the agent's own talk. A shorter talk says nothing."""

    min_per_minute: float = pydantic.Field(default=2.0, gt=0)
    doubt_per_minute: float = pydantic.Field(default=2.5, gt=0)
    least_seconds: float = pydantic.Field(default=20, gt=0)
    min_hearing: float = pydantic.Field(default=0.6, ge=0, le=1)  # heard worse: a person decides


def load_polite_words(path: Path) -> PoliteWords:
    return load_yaml(path, PoliteWords)


def _polite_words(ctx: Context, params: PoliteParams) -> tuple[Draft, ...]:
    said = ctx.call.by_role(Role.AGENT)
    party = ctx.measures.party(Role.AGENT)
    talk_ms = party.speech_ms if party else sum(u.span.duration_ms for u in said)
    if talk_ms < params.least_seconds * 1000:
        return not_applicable(
            f"坐席只说了 {talk_ms / 1000:.0f} 秒，不足 {params.least_seconds:.0f} 秒，不计频次"
        )
    count = sum(ctx.lexicons.polite.count(utterance.text) for utterance in said)
    rate = count / (talk_ms / 60_000)
    limit = f"下限 {params.min_per_minute:g} 次"
    reason = f"礼貌用语 {count} 次，每分钟（坐席讲话）{rate:.1f} 次，{limit}"
    if rate >= params.doubt_per_minute:
        return passed(reason)
    if rate >= params.min_per_minute:
        return passed(reason, 0.6)
    if hearing_of(ctx.matcher.turns) < params.min_hearing:
        return uncertain(reason + "；坐席的话听不清，可能漏听")
    missing = 1 - rate / params.min_per_minute
    return (Draft(Outcome.VIOLATION, round(min(0.9, 0.6 + 0.4 * missing), 3), reason),)


KINDS: tuple[Kind, ...] = (Kind("polite_words", PoliteParams, by_agent(_polite_words)),)
