"""What the waveform and the transcript of a call show, small enough for an hour's call. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from qc_speech.model import Call, CallResult, Role, Utterance
from qc_speech.privacy.detect import Personal
from qc_speech.report.labels import label

LOW_WORD = 0.5  # below this a word is shown as badly heard
MASK_FROM = 0.5  # personal data found less surely is shown
_MASK = "＊"
_CHANNEL = re.compile(r"ch([01])")
_LANES = (Role.AGENT, Role.CUSTOMER, Role.OTHER, Role.UNKNOWN)


def picture(result: CallResult) -> dict[str, Any]:
    """Turns, silences and overlaps in milliseconds, and the lanes they are drawn in. Holds no
    spoken words."""
    call, measures = result.call, result.measures
    turns = [(t.span, t.speaker, call.roles.of(t.speaker)) for t in call.turns]
    if not turns:
        turns = [(u.span, u.speaker, u.role) for u in call.utterances]
    return {
        "duration": call.recording.duration_ms,
        "turns": [[span.start_ms, span.end_ms, role.value] for span, _, role in turns],
        "silences": [[s.span.start_ms, s.span.end_ms, s.cause] for s in measures.silences],
        "overlaps": [[o.span.start_ms, o.span.end_ms, o.kind] for o in measures.overlaps],
        "lanes": _lanes(call, {(speaker, role) for _, speaker, role in turns}),
        "split": _split(call),
    }


def _channel(speaker: str) -> int | None:
    found = _CHANNEL.match(speaker)
    return int(found[1]) if found else None


def _lanes(call: Call, voices: set[tuple[str, Role]]) -> list[dict[str, Any]]:
    """One lane a role: agent and customer always, others where they speak. `channel`: whose sound
    is drawn (null: all); `masked`: only within the lane's turns, since the channel holds others
    too."""
    stereo = call.recording.channels == 2
    channels: dict[Role, int | None] = {}
    for speaker, role in sorted(voices):
        channels.setdefault(role, _channel(speaker) if stereo else None)
    shown = [role for role in _LANES if role in channels or role in (Role.AGENT, Role.CUSTOMER)]
    used = [channels.get(role) for role in shown]
    return [
        {
            "role": role.value,
            "name": label("roles", role.value),
            "channel": channel,
            "masked": channel is None or used.count(channel) > 1,
        }
        for role, channel in zip(shown, used)
    ]


def _split(call: Call) -> dict[str, int] | None:
    """The channels of agent and customer in the file; None: both are in one."""
    if call.recording.channels != 2:
        return None
    found = {call.roles.of(speaker): _channel(speaker) for speaker, _ in call.roles.roles}
    agent, customer = found.get(Role.AGENT), found.get(Role.CUSTOMER)
    if agent is None or customer is None or agent == customer:
        return None
    return {"agent": agent, "customer": customer}


def transcript(
    utterances: Sequence[Utterance], hidden: Mapping[int, Sequence[Personal]]
) -> list[list[Any]]:
    """[index, start, end, role, speaker, confidence, language, text, words] a line, in order of
    time; words are flat: start, end, length in UTF-16 units, 1 if badly heard. `hidden`: what to
    mask, by utterance."""
    lines = []
    for one in sorted(utterances, key=lambda u: (u.span, u.index)):
        text = masked(one.text, hidden.get(one.index, ()))
        flat: list[int] = []
        at = 0
        for word in one.words:
            shown = text[at : at + len(word.text)]
            at += len(word.text)
            low = word.confidence is not None and word.confidence < LOW_WORD
            flat += [word.span.start_ms, word.span.end_ms, _units(shown), int(low)]
        lines.append(
            [one.index, one.span.start_ms, one.span.end_ms, one.role.value, one.speaker,
             round(one.confidence, 3), one.language, text, flat]
        )  # fmt: skip
    return lines


def _units(text: str) -> int:
    """The length of a text as a browser counts it."""
    return len(text) + sum(ord(sign) > 0xFFFF for sign in text)


def masked(text: str, hidden: Iterable[Personal]) -> str:
    """The text with personal data as marks, one for each character: places stay where they are."""
    signs = list(text)
    for one in hidden:
        for place in range(one.start, min(one.end, len(signs))):
            signs[place] = _MASK
    return "".join(signs)


def by_utterance(found: Iterable[Personal]) -> dict[int, list[Personal]]:
    """What is surely enough personal data, by the utterance it is said in."""
    result: dict[int, list[Personal]] = {}
    for one in found:
        if one.confidence >= MASK_FROM:
            result.setdefault(one.utterance, []).append(one)
    return result
