"""The likeliest roles of the speakers of a call, and how likely they are. Pure.

Each speaker's facts add up to log-odds z for being the agent; a role adds z/2 (agent) or -z/2
(customer) to an assignment of roles, habits of calls (one agent, one customer) add their own, and
the posterior of an assignment is the softmax over all of them. With two speakers this is the
logistic function of the difference of their log-odds (Bradley-Terry).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from qc_speech.model import Metadata, Role, RoleGuess, Turn, Utterance
from qc_speech.roles.announcements import MACHINE
from qc_speech.roles.evidence import Facts, RoleEvidence, gather, in_company, mark
from qc_speech.rules.phrases import Phrase
from qc_speech.text.normalize import normalize
from qc_speech.text.template import Corpus, find_in, readable

_MOST_SPEAKERS = 5  # 3^5 assignments; who talks less than these is a bystander
_SHOWN = 4  # facts shown per speaker
_VOICE = "声纹相似"
_CLEAR = 0.8  # a wording that decides alone is heard well, or not at all
# Of a third voice for being a bystander, in log-odds against |z| / 2 of a party: parties talk more.
_NEITHER, _PER_SHARE = 2.0, 10.0
_PARTIES = (Role.AGENT, Role.CUSTOMER)


@dataclass(frozen=True)
class Clues:
    """What else may be known. `likeness`: cosine of each speaker's voice to the agent's
    voiceprint; `usual_channel`: where this site's agents mostly are (0 left, 1 right)."""

    likeness: Mapping[str, float] = field(default_factory=dict)
    usual_channel: int | None = None


@dataclass(frozen=True)
class _Case:
    """One speaker's side: log-odds for the agent by what they rest on, in words."""

    speaker: str
    reasons: tuple[tuple[str, float], ...]

    @property
    def log_odds(self) -> float:
        return sum(value for _, value in self.reasons)

    def __str__(self) -> str:
        # A voice was compared: that is always told, whatever came of it.
        shown = sorted(self.reasons, key=lambda r: (not r[0].startswith(_VOICE), -abs(r[1])))
        shown = shown[:_SHOWN]
        told = "、".join(f"{name} {value:+.1f}" for name, value in shown if abs(value) >= 0.1)
        return f"{self.speaker}: {self.log_odds:+.1f}" + (f"（{told}）" if told else "")


def guess_roles(
    utterances: Sequence[Utterance],
    turns: Sequence[Turn],
    metadata: Metadata,
    evidence: RoleEvidence,
    phrases: Mapping[str, Phrase],
    clues: Clues | None = None,
) -> RoleGuess:
    """Which speaker is which party, with the probability that this is right. Below
    `evidence.unsure_below` a speaker stays UNKNOWN. A machine (`set_apart`) is OTHER."""
    ranked = _by_talk(turns)
    people = [speaker for speaker in ranked if not speaker.endswith(MACHINE)]
    others = tuple((s, Role.OTHER) for s in ranked if s not in people[:_MOST_SPEAKERS])
    if not people:
        return RoleGuess(others, 0.0, ("没有听到讲话",))
    clues = clues or Clues()
    facts = _facts(people[:_MOST_SPEAKERS], utterances, turns, metadata, evidence, phrases)
    known = {s: value for s, value in clues.likeness.items() if s in facts}
    clues = replace(clues, likeness=known)
    cases = [_case(speaker, facts[speaker], metadata, evidence, clues) for speaker in facts]
    odds = {case.speaker: case.log_odds for case in cases}
    shares = {s: math.exp(own.get("讲话多少", 0.0)) for s, own in facts.items()}
    chances = posterior(odds, evidence.odd_company, shares)
    told = tuple(str(case) for case in sorted(cases, key=lambda case: -case.log_odds))
    if metadata.agent_channel is not None and people[0].startswith("ch"):
        guess = _named(chances, metadata.agent_channel, evidence, told)
    else:
        guess = _heard(chances, evidence, told)
    guess = _with_voice_doubt(guess, evidence, clues)
    guess = _with_handover(guess, utterances, evidence)
    return replace(guess, roles=guess.roles + others)


def _by_talk(turns: Sequence[Turn]) -> list[str]:
    """Speakers, the one who talks most first."""
    talk: dict[str, int] = {}
    for turn in turns:
        talk[turn.speaker] = talk.get(turn.speaker, 0) + turn.span.duration_ms
    return sorted(talk, key=lambda speaker: (-talk[speaker], speaker))


def _facts(
    speakers: Sequence[str],
    utterances: Sequence[Utterance],
    turns: Sequence[Turn],
    metadata: Metadata,
    evidence: RoleEvidence,
    phrases: Mapping[str, Phrase],
) -> dict[str, Facts]:
    talk = [utterance for utterance in utterances if utterance.speaker in speakers]
    marks = mark(talk, metadata, evidence, phrases)
    facts = {
        speaker: gather([m for u, m in zip(talk, marks) if u.speaker == speaker], evidence)
        for speaker in speakers
    }
    return in_company(facts, turns, metadata.direction)


def _case(
    speaker: str, facts: Facts, metadata: Metadata, evidence: RoleEvidence, clues: Clues
) -> _Case:
    weights = evidence.weights()
    reasons = [
        (_worded(name), evidence.temperature * weights[name] * value)
        for name, value in facts.items()
        if name in weights
    ]
    voice = evidence.voice.log_odds(clues.likeness)
    if speaker in voice:
        reasons.append((f"{_VOICE} {clues.likeness[speaker]:.2f}", voice[speaker]))
    side, strength = metadata.agent_channel, evidence.named_channel
    if side is None:
        side, strength = clues.usual_channel, evidence.usual_channel
    if side is not None and speaker in ("ch0", "ch1"):
        here = speaker == f"ch{side}"
        reasons.append(("坐席声道" if here else "客户声道", strength / 2 * (1 if here else -1)))
    return _Case(speaker, tuple(reasons))


def _worded(name: str) -> str:
    return f"「{readable(name[2:])}」" if name.startswith("说 ") else name


def posterior(
    log_odds: Mapping[str, float], odd_company: float, shares: Mapping[str, float] | None = None
) -> list[tuple[dict[str, Role], float]]:
    """Every assignment of roles with its probability, the likeliest first. `shares` of the talk
    tell bystanders from parties where there are more than two speakers."""
    speakers = list(log_odds)
    choices = (*_PARTIES, Role.OTHER) if len(speakers) > 2 else _PARTIES
    scored = []
    for roles in itertools.product(choices, repeat=len(speakers)):
        if all(role is Role.OTHER for role in roles):
            continue
        total = 0.0
        for speaker, role in zip(speakers, roles):
            z = log_odds[speaker] / 2
            neither = _NEITHER - _PER_SHARE * (shares or {}).get(speaker, 0.1)
            total += {Role.AGENT: z, Role.CUSTOMER: -z}.get(role, neither)
        if len(speakers) > 1:
            total += odd_company * (
                abs(roles.count(Role.AGENT) - 1) + abs(roles.count(Role.CUSTOMER) - 1)
            )
        scored.append((dict(zip(speakers, roles)), total))
    highest = max(total for _, total in scored)
    weights = [math.exp(total - highest) for _, total in scored]
    found = [(roles, weight / sum(weights)) for (roles, _), weight in zip(scored, weights)]
    return sorted(found, key=lambda item: -item[1])


def _heard(
    chances: list[tuple[dict[str, Role], float]], evidence: RoleEvidence, told: tuple[str, ...]
) -> RoleGuess:
    """Roles from what was heard: each speaker's likeliest, if it is likely enough."""
    roles = dict(chances[0][0])
    sure = {
        speaker: sum(chance for found, chance in chances if found[speaker] is role)
        for speaker, role in roles.items()
    }
    main = _main(roles, sure)
    confidence = min(evidence.at_most, *(sure[s] for s in main))
    if confidence < evidence.unsure_below:
        unsure = {s: Role.UNKNOWN if role in _PARTIES else role for s, role in roles.items()}
        return RoleGuess(tuple(unsure.items()), round(confidence, 4), told)
    for speaker, role in roles.items():
        # A third voice is a bystander unless it is surely more; half an agent is one too many.
        if speaker not in main and role in _PARTIES and sure[speaker] < evidence.unsure_below:
            roles[speaker] = Role.AGENT if role is Role.AGENT else Role.OTHER
    agents = list(roles.values()).count(Role.AGENT)
    doubts: tuple[str, ...] = ()
    if len(roles) == 1:
        told = (*told, "只录到一方")
    elif agents == 0:
        doubts = ("只听到客户一方的话：请确认坐席是否录上",)
    elif agents > 1:
        # Which of them the manifest means is not known, so nobody may be charged for sure.
        confidence /= agents
        doubts = ("似有两位坐席（转接或同事代答）：请确认哪些话是本坐席所说",)
    return RoleGuess(tuple(roles.items()), round(confidence, 4), told, doubts)


def _main(roles: Mapping[str, Role], sure: Mapping[str, float]) -> tuple[str, ...]:
    """The surest agent and the surest customer; where one party is not there, all of the other."""
    found = [[s for s, own in roles.items() if own is role] for role in _PARTIES]
    if not all(found):
        return tuple(s for side in found for s in side)
    return tuple(max(side, key=lambda s: sure[s]) for side in found)


def _named(
    chances: list[tuple[dict[str, Role], float]],
    channel: int,
    evidence: RoleEvidence,
    told: tuple[str, ...],
) -> RoleGuess:
    """Roles as the manifest has them; where what is said speaks strongly against it, with doubt."""
    roles = {
        speaker: Role.AGENT if speaker == f"ch{channel}" else Role.CUSTOMER
        for speaker in chances[0][0]
    }
    agent_is = {s: sum(c for r, c in chances if r[s] is roles[s]) for s in roles}
    chance = min(agent_is.values())
    told = ("录音清单指定坐席声道", *told)
    if chance >= 0.5:
        return RoleGuess(tuple(roles.items()), 1.0, told)
    doubt = "通话内容与清单所写的坐席声道相反：请核对声道"
    return RoleGuess(tuple(roles.items()), round(chance, 4), told, (doubt,))


def _with_voice_doubt(guess: RoleGuess, evidence: RoleEvidence, clues: Clues) -> RoleGuess:
    heard = [clues.likeness[s] for s, r in guess.roles if r is Role.AGENT and s in clues.likeness]
    if not heard or max(heard) >= evidence.voice.strange_below:
        return guess
    doubt = "坐席的声音与登记的声纹不符：请确认是否本人"
    return replace(guess, doubts=(*guess.doubts, doubt))


def _with_handover(
    guess: RoleGuess, utterances: Sequence[Utterance], evidence: RoleEvidence
) -> RoleGuess:
    """Two agents on one channel or taken for one voice: which words are whose is not known."""
    agents = [s for s, role in guess.roles if role is Role.AGENT]
    if len(agents) != 1:
        return guess
    corpus = Corpus([normalize(u.text) for u in utterances if u.speaker == agents[0]])
    transfers, introductions = (
        [place for place, hit in enumerate(find_in(wording, corpus)) if hit.probability > _CLEAR]
        for wording in (evidence.handover.transfer, evidence.handover.introduction)
    )
    if not transfers or not introductions or max(introductions) <= min(transfers):
        return guess
    doubt = "通话似经转接，坐席声道上或有第二位坐席：请确认哪些话是本坐席所说"
    return replace(guess, confidence=round(guess.confidence / 2, 4), doubts=(*guess.doubts, doubt))


def with_roles(utterances: Sequence[Utterance], guess: RoleGuess) -> tuple[Utterance, ...]:
    """The utterances with the roles of their speakers."""
    return tuple(replace(utterance, role=guess.of(utterance.speaker)) for utterance in utterances)
