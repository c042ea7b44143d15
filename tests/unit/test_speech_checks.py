"""Checks of how it was said, each with a call that breaks it and one that looks like it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from speech_toys import LEXICONS, LONG, Said, Toy, audio_of, call_of, voice

from qc_speech.measures import measure
from qc_speech.model import Metadata, Outcome, Role, Span
from qc_speech.ports import SAMPLE_RATE_HZ
from qc_speech.rules.kind import Context, Draft
from qc_speech.rules.speech import KINDS

BY_NAME = {kind.name: kind for kind in KINDS}
BY_ROLE = [k for k in BY_NAME if k not in ("slow_answer", "long_call")]


class FakeLexicons:
    """Phrases and hostility without the real lexicons."""

    speech = LEXICONS

    def __init__(self, said: dict[str, float] | None = None) -> None:
        self._said = said or {}

    def said(self, ctx: Context, check: str, window: Span) -> float:
        return self._said.get(check, 0.05)

    def hostile(self, text: str) -> float:
        return 0.9 if "胡搅蛮缠" in text else 0.0


def run(
    name: str,
    toy: Toy,
    said: dict[str, float] | None = None,
    sound: bool = True,
    swing: float = 4.0,
    **params: Any,
) -> tuple[Draft, ...]:
    call = call_of(toy)
    measures = measure(call, audio_of(toy, swing=swing) if sound else None, LEXICONS)
    kind = BY_NAME[name]
    lexicons: Any = FakeLexicons(said)
    ctx = Context(call, measures, "inbound_service", lexicons)
    return kind.run(ctx, kind.params(**params))


def outcomes(drafts: tuple[Draft, ...]) -> list[str]:
    return [draft.outcome.value for draft in drafts]


def talk(*rates: float, seconds: float = 6, other: float = 230) -> Toy:
    """Agent turns at the given characters a minute, the customer answering between them."""
    said, clock = [], 0.5
    for rate in rates:
        said.append(Said("a", clock, clock + seconds, "的" * round(rate * seconds / 60)))
        clock += seconds + 0.5
        said.append(Said("c", clock, clock + 2, "的" * round(other / 30)))
        clock += 2.5
    return Toy(tuple(said))


@pytest.mark.parametrize(
    ("rates", "outcome"),
    [
        ((380, 400, 240), "violation"),
        ((330, 335, 335), "violation"),
        ((312, 314, 240), "uncertain"),
        ((295, 298, 290), "pass"),
        ((400, 240, 250), "pass"),  # one burst is no habit
    ],
)
def test_too_fast(rates: tuple[float, ...], outcome: str) -> None:
    drafts = run("too_fast", talk(*rates), sound=False)
    assert outcomes(drafts) == [outcome]
    assert "每分钟" in drafts[0].reason and "300" in drafts[0].reason


@pytest.mark.parametrize(
    ("rates", "outcome"),
    [
        ((115, 120, 125, 110), "violation"),
        ((150, 152, 155), "uncertain"),
        ((190, 200, 210), "pass"),
        ((110, 240, 230, 250), "pass"),
        ((100, 120), "not_applicable"),
    ],
)
def test_too_slow(rates: tuple[float, ...], outcome: str) -> None:
    assert outcomes(run("too_slow", talk(*rates), sound=False)) == [outcome]


def test_slow_in_many_short_turns_is_slow() -> None:
    said = [Said("a", 6 * i, 6 * i + 3, "的" * 6) for i in range(7)]
    assert outcomes(run("too_slow", Toy(tuple(said)), sound=False)) == ["violation"]


def test_the_limit_is_shown_beside_norm_customer_and_own_rate() -> None:
    toy = replace(talk(380, 400, 240), metadata=Metadata("toy", agent_id="1023"))
    (draft,) = run("too_fast", toy, sound=False, usual_per_minute={"1023": 245})
    assert "240 个音节" in draft.reason and "客户每分钟" in draft.reason
    assert "该坐席平常每分钟 245 字" in draft.reason


def test_fast_by_sound_alone_is_a_question() -> None:
    said = tuple(Said("a", 8 * i + 0.5, 8 * i + 7, "听") for i in range(3))
    toy = Toy(said)
    call, audio = call_of(toy), audio_of(toy)
    rows = audio.samples.copy()
    for turn in said:
        start = round(turn.start * SAMPLE_RATE_HZ)
        pulses = 0.07 * voice(turn.end - turn.start, 200, 6.2)
        rows[0, start : start + len(pulses)] = pulses
    measures = measure(call, replace(audio, samples=rows), LEXICONS)
    lexicons: Any = FakeLexicons()
    kind = BY_NAME["too_fast"]
    drafts = kind.run(Context(call, measures, "inbound_service", lexicons), kind.params())
    assert outcomes(drafts) == ["uncertain"] and "按声音" in drafts[0].reason


def test_dictating_numbers_is_not_slow() -> None:
    number = "幺三八零零零零二五七幺"
    said = [Said("a", 10 * i, 10 * i + 7, number) for i in range(4)]
    said += [Said("a", 40 + 7 * i, 46 + 7 * i, LONG) for i in range(3)]
    assert outcomes(run("too_slow", Toy(tuple(said)), sound=False)) == ["pass"]


def test_customer_pace_never_counts() -> None:
    toy = talk(240, 240, 240, other=450)
    assert outcomes(run("too_fast", toy, sound=False)) == ["pass"]


def test_uneven() -> None:
    swinging = talk(380, 140, 390, 150, 385, 145)
    assert outcomes(run("uneven", swinging, sound=False)) == ["violation"]
    assert outcomes(run("uneven", talk(240, 260, 220, 250, 280), sound=False)) == ["pass"]


CUT = (Said("c", 1, 7), Said("a", 6.4, 10), Said("c", 10.5, 13), Said("a", 13.5, 16))


def test_each_interruption_is_one_finding_with_its_place() -> None:
    twice = (*CUT[:3], Said("a", 12.2, 15), Said("c", 15.5, 17))
    drafts = run("agent_interrupts", Toy(twice))
    assert outcomes(drafts) == ["violation", "violation"]
    evidence = drafts[0].evidence
    assert evidence is not None and evidence.speaker is Role.AGENT
    assert evidence.span.start_ms == pytest.approx(6400, abs=60)
    assert evidence.quote and evidence.utterance == 1


def test_protest_raises_the_confidence() -> None:
    plain = run("agent_interrupts", Toy(CUT, stereo=False))[0]
    protest = (*CUT[:2], Said("c", 10.5, 13, "你让我把话说完"), CUT[3])
    assert run("agent_interrupts", Toy(protest, stereo=False))[0].confidence > plain.confidence


BROKEN = "我上个月在你们那里办的业务到现在也没有人给我们"


@pytest.mark.parametrize("stereo", [True, False])
@pytest.mark.parametrize(
    ("text", "after", "outcome"),
    [
        (BROKEN, "我还没说完呢", "violation"),  # broken off, and the customer says so
        (LONG, "我还没说完呢", "uncertain"),  # it sounded finished: a person listens
        (BROKEN, "好的那就这样", "pass"),  # words alone, heard badly at such places, prove nothing
        (LONG, "好的那就这样", "pass"),
    ],
)
def test_interruption_without_overlap(text: str, after: str, outcome: str, stereo: bool) -> None:
    said = (Said("c", 1, 7, text), Said("a", 7.05, 10), Said("c", 10.5, 13, after))
    assert outcomes(run("agent_interrupts", Toy(said, stereo=stereo))) == [outcome]


def test_customer_who_interrupts_and_backchannels_pass() -> None:
    said = (Said("a", 1, 7), Said("c", 6.2, 12), Said("a", 8, 8.8, "嗯嗯"), Said("a", 12.5, 15))
    drafts = run("agent_interrupts", Toy(said))
    assert outcomes(drafts) == ["pass"]
    assert "1 次" in drafts[0].reason


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("要得我晓得了，啥子牌子嘛，咋个莫得人来换", "violation"),
        ("俺这就给您办，俺们公司都这样", "violation"),
        ("侬好，阿拉公司今朝勿上班", "violation"),
        ("唔该你等一下，我哋公司系咪开门", "violation"),
        ("我在一直莫得人，是啥牌子", "violation"),
        ("这个莫得问题", "uncertain"),
        ("这是啥情况咋回事，咱俩看看", "pass"),
        ("阿拉伯客户的巴士和沙子送到了", "pass"),
        ("请您在APP上用WiFi登录VIP账号", "pass"),
    ],
)
def test_dialect(text: str, outcome: str) -> None:
    toy = Toy((Said("a", 1, 5, "您好，请问有什么可以帮您"), Said("a", 6, 11, text)))
    assert outcomes(run("not_mandarin", toy, sound=False)) == [outcome]


def test_sound_alone_needs_several_words() -> None:
    several = (Said("a", 1, 5, "沙子莫犯王你说些沙子吗"), Said("a", 6, 9, "我摸的时间跟你说"))
    assert outcomes(run("not_mandarin", Toy(several), sound=False)) == ["violation"]
    assert outcomes(run("not_mandarin", Toy(several[:1]), sound=False)) == ["pass"]


def test_weak_signs_of_several_turns_add_up() -> None:
    turns = ("你先摸著急哈我看一下", "要的吗我小的了", "那个东西坏秋了吗", "你找那个莫有人吗")
    said = tuple(Said("a", 6 * i, 6 * i + 5, text) for i, text in enumerate(turns))
    (draft,) = run("not_mandarin", Toy(said), sound=False)
    assert draft.outcome is Outcome.VIOLATION and "川渝" in draft.reason
    assert outcomes(run("not_mandarin", Toy(said[:1]), sound=False)) != ["violation"]


def test_the_customers_own_dialect_is_reported_apart() -> None:
    said = (
        Said("c", 1, 5, "啥子哦咋个莫得人来嘛"),
        Said("a", 6, 11, "要得我晓得了屋头有人没得，龟儿子硬是遭不住，没空摆龙门阵"),
    )
    (draft,) = run("not_mandarin", Toy(said), sound=False)
    assert draft.outcome is Outcome.VIOLATION and "客户说的也是这种方言" in draft.reason
    drafts = run("not_mandarin", Toy(said), sound=False, answering_allowed=True)
    assert outcomes(drafts) == ["pass"]


def test_foreign_words_inside_sentences() -> None:
    mixed = "您的 account 已经 suspend 了你要 reset 一下 password 才能用"
    one = Toy((Said("a", 1, 7, mixed), Said("a", 8, 11, LONG)))
    assert outcomes(run("not_mandarin", one, sound=False)) == ["uncertain"]
    habit = Toy((Said("a", 1, 7, mixed), Said("a", 8, 14, mixed)))
    assert outcomes(run("not_mandarin", habit, sound=False)) == ["violation"]


def test_english_turn_and_customers_dialect() -> None:
    english = Said("a", 6, 10, "come on relax everybody answers these questions", language="en")
    toy = Toy((Said("a", 1, 5, "您好"), english, Said("c", 11, 14, "啥子哦咋个莫得人")))
    (draft,) = run("not_mandarin", toy, sound=False)
    assert draft.outcome is Outcome.VIOLATION and "英语" in draft.reason
    assert draft.evidence is not None and draft.evidence.utterance == 1
    customer = Toy((Said("a", 1, 5, "您好"), Said("c", 11, 14, "啥子哦咋个莫得人俺侬")))
    assert outcomes(run("not_mandarin", customer, sound=False)) == ["pass"]


def test_language_flag_against_the_text_is_a_question() -> None:
    toy = Toy((Said("a", 1, 5, LONG, language="en", language_confidence=0.9),))
    assert outcomes(run("not_mandarin", toy, sound=False)) == ["uncertain"]
    empty = Toy((Said("a", 1, 5, "", language="en", language_confidence=0.9),))
    assert outcomes(run("not_mandarin", empty, sound=False)) == ["violation"]


def voices(*levels: float, customer: float = -23) -> Toy:
    said = []
    for i, level in enumerate(levels):
        said.append(Said("a", 6 * i + 0.5, 6 * i + 3, db=level))
        said.append(Said("c", 6 * i + 3.5, 6 * i + 6, db=customer))
    return Toy(tuple(said))


def test_shouting_each_time() -> None:
    drafts = run("shouting", voices(-23, -23, -14, -23, -13))
    assert outcomes(drafts) == ["violation", "violation"]
    assert "分贝" in drafts[0].reason


def test_a_shouting_customer_or_a_lively_agent_is_no_shouting() -> None:
    assert outcomes(run("shouting", voices(-23, -22, -24, -23, customer=-12))) == ["pass"]
    assert outcomes(run("shouting", voices(-24, -21, -23, -20.5, -25))) == ["pass"]
    assert outcomes(run("shouting", voices(-23))) == ["not_applicable"]


def test_argument_needs_heat_over_several_turns() -> None:
    assert outcomes(run("argument", voices(-23, -23, -23, -14, -13, -14))) == ["violation"]
    assert outcomes(run("argument", voices(-23, -23, -23, -14))) == ["pass"]
    assert outcomes(run("argument", voices(-23, -23, -23, -23, customer=-10))) == ["pass"]


def waiting(*said: Said) -> Toy:
    return Toy((Said("a", 0.5, 3), *said))


def test_dead_air() -> None:
    toy = waiting(Said("c", 3.5, 6), Said("a", 18, 20))
    (draft,) = run("dead_air", toy)
    assert draft.outcome is Outcome.VIOLATION and "12.0 秒" in draft.reason
    assert outcomes(run("dead_air", toy, {"hold_request": 0.9})) == ["pass"]
    assert outcomes(run("dead_air", toy, {"hold_request": 0.5})) == ["uncertain"]
    assert outcomes(run("dead_air", waiting(Said("c", 3.5, 6), Said("a", 15, 20)))) == ["pass"]
    assert outcomes(run("dead_air", toy, seconds=15)) == ["pass"]


def test_silence_that_the_customer_makes() -> None:
    looks = waiting(Said("c", 3.5, 6, "等一下我找找卡号"), Said("c", 18, 20))
    assert outcomes(run("dead_air", looks)) == ["pass"]
    asked = Toy((Said("a", 0.5, 3, "请问卡号是多少"), Said("c", 15, 18, "哦找到了")))
    assert outcomes(run("dead_air", asked)) == ["pass"]
    calls = Toy((Said("a", 0.5, 3, "请问卡号是多少"), Said("c", 15, 18, "喂还在吗")))
    assert outcomes(run("dead_air", calls)) == ["violation"]
    told = Toy((Said("a", 0.5, 3, "短信已经发到您手机上"), Said("c", 15, 18, "哦收到")))
    assert outcomes(run("dead_air", told)) == ["uncertain"]
    ends = Toy((Said("a", 12, 15), Said("c", 16, 18)), seconds=40)
    assert outcomes(run("dead_air", ends)) == ["pass"]  # before the first, after the last word


def test_early_hangup() -> None:
    last = (Said("a", 0.5, 3), Said("c", 3.5, 6))
    assert outcomes(run("early_hangup", Toy(last, seconds=6.3))) == ["violation"]
    assert outcomes(run("early_hangup", Toy(last, seconds=7.3))) == ["pass"]
    assert outcomes(run("early_hangup", Toy(last, seconds=6.3), {"farewell": 0.9})) == ["pass"]
    assert outcomes(run("early_hangup", Toy(last, seconds=6.3), {"farewell": 0.5})) == ["uncertain"]
    agent_last = Toy((*last, Said("a", 6.5, 9)), seconds=9.3)
    assert outcomes(run("early_hangup", agent_last)) == ["pass"]


@pytest.mark.parametrize(
    ("direction", "ring_ms", "outcome"),
    [
        ("inbound", 13_000, "violation"),
        ("inbound", 12_000, "pass"),
        ("inbound", None, "not_applicable"),
        ("outbound", 20_000, "not_applicable"),
    ],
)
def test_slow_answer(direction: str, ring_ms: int | None, outcome: str) -> None:
    toy = replace(talk(240), metadata=Metadata("toy", direction=direction, ring_ms=ring_ms))
    assert outcomes(run("slow_answer", toy, sound=False)) == [outcome]


def test_long_call_only_where_there_is_a_limit() -> None:
    toy = Toy((Said("a", 1, 5),), seconds=200)
    assert outcomes(run("long_call", toy, sound=False)) == ["not_applicable"]
    assert outcomes(run("long_call", toy, sound=False, max_seconds=180)) == ["violation"]
    assert outcomes(run("long_call", toy, sound=False, max_seconds=240)) == ["pass"]


def mumbled(own: float, other: float) -> Toy:
    said = (Said("ac"[i % 2], 3 * i, 3 * i + 2.5, confidence=(own, other)[i % 2]) for i in range(8))
    return Toy(tuple(said))


def on_line(toy: Toy, spoil: Callable[[np.ndarray], None]) -> list[str]:
    """Outcome of `unclear` where the agent's channel is spoilt."""
    audio, call = audio_of(toy), call_of(toy)
    rows = audio.samples.copy()
    spoil(rows[0])
    measures = measure(call, replace(audio, samples=rows), LEXICONS)
    lexicons: Any = FakeLexicons()
    kind = BY_NAME["unclear"]
    drafts = kind.run(Context(call, measures, "inbound_service", lexicons), kind.params())
    assert all("线路" in d.reason for d in drafts if d.outcome is Outcome.NOT_APPLICABLE)
    return outcomes(drafts)


def test_a_bad_line_is_not_the_agents_fault() -> None:
    def noisy(row: np.ndarray) -> None:
        row += np.random.default_rng(2).standard_normal(row.size).astype(np.float32) * 0.05

    def clipped(row: np.ndarray) -> None:
        np.clip(row * 40, -1, 1, out=row)

    def broken(row: np.ndarray) -> None:
        for start in range(SAMPLE_RATE_HZ // 2, row.size, SAMPLE_RATE_HZ):
            row[start : start + SAMPLE_RATE_HZ // 10] = 0

    toy = mumbled(0.3, 0.8)
    assert on_line(toy, lambda row: None) == ["uncertain"]
    for spoil in (noisy, clipped, broken):
        assert on_line(toy, spoil) == ["not_applicable"]


def test_unclear_is_only_ever_a_question() -> None:
    assert outcomes(run("unclear", mumbled(0.3, 0.8))) == ["uncertain"]
    assert outcomes(run("unclear", mumbled(0.3, 0.35))) == ["pass"]


@pytest.mark.parametrize("name", ["cold", "vocal_noise", "speakerphone"])
def test_what_cannot_be_measured_says_so(name: str) -> None:
    (draft,) = run(name, talk(240))
    assert draft.outcome is Outcome.NOT_APPLICABLE and "模型" in draft.reason


BAD = (
    *CUT,
    Said("c", 16.3, 17),
    Said("a", 28, 29.5),
    Said("c", 29.6, 29.9),
    Said("a", 30, 33, "啥子咋个莫得", db=-10),
    Said("c", 33.5, 35),
)


@pytest.mark.parametrize("name", BY_ROLE)
def test_nobody_is_charged_when_the_roles_are_unknown(name: str) -> None:
    for toy in (Toy(BAD, seconds=35.2, known=False), Toy(BAD, seconds=35.2, roles_confidence=0.5)):
        assert "violation" not in outcomes(run(name, toy))


@pytest.mark.parametrize(
    "name", ["agent_interrupts", "not_mandarin", "dead_air", "early_hangup", "shouting"]
)
def test_the_same_call_is_charged_when_they_are_known(name: str) -> None:
    assert "violation" in outcomes(run(name, Toy(BAD, seconds=35.2)))


def test_monotone() -> None:
    toy = talk(240, 230, 250)
    assert outcomes(run("monotone", toy, swing=0.0)) == ["violation"]
    assert outcomes(run("monotone", toy, swing=0.9)) == ["uncertain"]
    assert outcomes(run("monotone", toy, swing=4.0)) == ["pass"]
    assert outcomes(run("monotone", toy, sound=False)) == ["not_applicable"]


@pytest.mark.parametrize("name", list(BY_NAME))
def test_a_good_call_has_exactly_one_draft_without_charge(name: str) -> None:
    (draft,) = run(name, talk(240, 230, 250, 245, 235))
    assert draft.outcome in (Outcome.PASS, Outcome.NOT_APPLICABLE)
    assert draft.reason


def test_names_are_unique_and_params_refuse_unknown_names() -> None:
    assert len(BY_NAME) == len(KINDS)
    for kind in KINDS:
        with pytest.raises(ValueError):
            kind.params(no_such_parameter=1)
