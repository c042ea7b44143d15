"""Turn-taking beyond single overlaps: words, bleed, tones, hanging up, causes of silence, rates."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from speech_toys import LEXICONS, LONG, Said, Toy, audio_of, call_of

from qc_speech.measures import crosstalk, frames, measure
from qc_speech.measures.floor_words import echoes
from qc_speech.measures.tones import ring_back
from qc_speech.model import FloorMeasures, Overlap, Role
from qc_speech.ports import SAMPLE_RATE_HZ, Audio

TOKENS, WORDS = LEXICONS.backchannels, LEXICONS.floor
BROKEN = "我上个月在你们那里办的业务到现在也没有人给我们"


def floor_of(toy: Toy, audio: Audio | None = None) -> FloorMeasures:
    floor = measure(call_of(toy), audio, LEXICONS).floor
    assert floor is not None
    return floor


def agent_came_in(*said: Said, stereo: bool = True) -> list[Overlap]:
    toy = Toy(said, stereo=stereo)
    found = measure(call_of(toy), None, LEXICONS).overlaps
    return [overlap for overlap in found if overlap.second is Role.AGENT]


@pytest.mark.parametrize(
    ("text", "listens"),
    [
        ("嗯嗯，您说", True),
        ("对对对，是的。", True),
        ("您接着说，我听着呢", True),
        ("队队队", True),  # written with other characters of the same sound
        ("那您的电话是多少", False),
        ("行了行了", False),  # made of listener's words, yet it takes the floor
        ("", False),
    ],
)
def test_what_a_listener_says(text: str, listens: bool) -> None:
    assert TOKENS.is_backchannel(text) is listens


@pytest.mark.parametrize(
    ("text", "cuts"),
    [
        ("行了行了您说重点", True),
        ("您了行了系统上写着", True),  # one syllable misheard
        ("请您稍等一下我帮您查", False),
        ("好的好的我马上给您办", False),
        ("我这边给您登记完了之后您再等一下就行了", False),  # not at the head
    ],
)
def test_words_that_take_the_floor(text: str, cuts: bool) -> None:
    assert TOKENS.cuts_in(text) is cuts


@pytest.mark.parametrize(
    ("text", "finished"),
    [
        ("这样可以吗", 1),
        ("你们到底管不管?", 1),
        ("什么事情都不给", -1),
        ("我想问一下那个", -1),
        ("", 0),
    ],
)
def test_how_finished_a_sentence_sounds(text: str, finished: int) -> None:
    assert np.sign(WORDS.completeness(text)) == finished


def test_echo_is_by_ear() -> None:
    assert echoes("三栋五零二", "我住三洞五零二") == 1
    assert echoes("马上给您处理", "我住三栋五零二") < 0.5


def test_repeating_what_is_dictated_is_listening() -> None:
    said = (
        Said("c", 1, 7, "我的地址是阳光花园三栋五零二室就在超市后面"),
        Said("a", 5, 6.3, "三栋五零二"),
    )
    assert [(o.kind, o.form) for o in agent_came_in(*said)] == [("backchannel", "repetition")]


def test_a_cooperative_finish_is_no_interruption() -> None:
    said = (
        Said("c", 1, 5, "我那个柜子是在右手边的第三第三"),
        Said("a", 4.6, 5.8, "第三列是吧"),
        Said("c", 6, 8, "对对第三列"),
        Said("a", 8.5, 11),
    )
    assert [(o.kind, o.form) for o in agent_came_in(*said)] == [("overlap", "completion")]


def test_a_token_that_opens_the_next_turn() -> None:
    said = (Said("c", 1, 5), Said("a", 4.5, 8, "好的好的那我这边给您登记一下请您报一下地址"))
    assert [(o.kind, o.form) for o in agent_came_in(*said)] == [("backchannel", "opening")]
    early = (Said("c", 1, 5), Said("a", 3.6, 7.1, "好的好的那我这边给您登记一下请您报一下地址"))
    assert [o.kind for o in agent_came_in(*early)] == ["interruption"]


@pytest.mark.parametrize("stereo", [True, False])
def test_the_end_of_a_finished_sentence_may_be_touched(stereo: bool) -> None:
    def kind(text: str) -> str:
        (found,) = agent_came_in(
            Said("c", 1, 5, text), Said("a", 4.65, 8, "那您的电话号码是多少"), stereo=stereo
        )
        return found.kind

    assert kind("请问这个业务要怎么办理啊") == "overlap"
    assert kind(BROKEN) == "interruption"


@pytest.mark.parametrize(
    ("end", "form"), [(4.5, "simple"), (5.2, "talk_over"), (12.0, "butting_in")]
)
def test_forms_of_interruption(end: float, form: str) -> None:
    (found,) = agent_came_in(Said("c", 1, end, BROKEN), Said("a", 4, 8, "那您的电话号码是多少"))
    assert (found.kind, found.form) == ("interruption", form)


@pytest.mark.parametrize("leak_db", [-10.0, -16.0])
def test_loud_bleed_is_nobodys_turn(leak_db: float) -> None:
    """A detector that takes the leak for a voice gives the agent the customer's whole turn."""
    real = (Said("a", 1, 3), Said("c", 3.5, 9), Said("a", 9.5, 12))
    audio = audio_of(Toy(real), leak_db=leak_db)
    phantom = Toy((*real, Said("a", 3.9, 8.8)))
    found = measure(call_of(phantom), audio, LEXICONS).overlaps
    assert [overlap for overlap in found if overlap.second is Role.AGENT] == []
    both = Toy((*real[:2], Said("a", 5, 8), real[2]))
    heard = measure(call_of(both), audio_of(both, leak_db=leak_db), LEXICONS).overlaps
    assert [overlap.kind for overlap in heard] == ["interruption"]


def out_of_step(audio: Audio, shift_ms: int) -> Audio:
    """The customer's channel written late by so much."""
    shift = shift_ms * SAMPLE_RATE_HZ // 1000
    agent, customer = audio.samples
    late = np.concatenate([np.zeros(shift, np.float32), customer])[: len(customer)]
    return replace(audio, samples=np.stack([agent, late]))


@pytest.mark.parametrize("shift_ms", [0, 120, 350])
def test_channels_out_of_step_are_put_right(shift_ms: int) -> None:
    true = (Said("a", 1, 4), Said("c", 4.3, 8), Said("a", 8.2, 11), Said("c", 11.5, 15))
    audio = out_of_step(audio_of(Toy(true), leak_db=-30), shift_ms)
    late = tuple(
        replace(s, start=s.start + shift_ms / 1000, end=s.end + shift_ms / 1000)
        if s.who == "c"
        else s
        for s in true
    )
    toy = Toy(late, seconds=16.2)
    measured = measure(call_of(toy), audio, LEXICONS)
    assert measured.floor is not None
    assert measured.floor.channel_skew_ms == pytest.approx(-shift_ms, abs=12)
    assert measured.overlaps == ()


def test_without_bleed_nobody_can_tell() -> None:
    toy = Toy((Said("a", 1, 4), Said("c", 4.3, 8), Said("a", 8.2, 11), Said("c", 11.5, 15)))
    audio = audio_of(toy)
    sound = frames.listen(call_of(toy), audio)
    roles = (Role.AGENT, Role.CUSTOMER)
    assert crosstalk.bleed_lag_ms(call_of(toy), call_of(toy).turns, roles, sound) is None


def tone(seconds: float, level_db: float = -20.0) -> np.ndarray:
    t = np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    return np.asarray(10 ** (level_db / 20) * np.sin(2 * np.pi * 450 * t), dtype=np.float32)


def with_tones(audio: Audio, starts: list[float], seconds: float) -> Audio:
    samples = audio.samples.copy()
    for start in starts:
        at = round(start * SAMPLE_RATE_HZ)
        sound = tone(seconds)[: max(0, samples.shape[1] - at)]
        samples[:, at : at + len(sound)] += sound
    return replace(audio, samples=samples)


@pytest.mark.parametrize("rings", [0, 1, 4])
def test_rings_are_counted(rings: int) -> None:
    toy = Toy((Said("a", 23, 26), Said("c", 26.5, 29)), stereo=False)
    audio = with_tones(audio_of(toy), [1.0 + 5 * i for i in range(rings)], 1.0)
    floor = floor_of(toy, audio)
    assert floor.rings == rings
    if rings > 1:
        assert floor.ring_ms == pytest.approx(1000 + 5000 * (rings - 1), abs=150)


def test_speech_rings_no_bell() -> None:
    toy = Toy((Said("a", 1, 6), Said("c", 7, 12)), stereo=False)
    assert ring_back(audio_of(toy, swing=0.0).samples) == ()


LAST = (Said("a", 0.5, 3), Said("c", 3.5, 6, "那我知道是怎么回事"))


@pytest.mark.parametrize(
    ("said", "seconds", "by", "evidence"),
    [
        (LAST, 6.2, Role.AGENT, "cut_at_once"),
        (LAST, 7.5, None, "not_shown"),
        ((LAST[0], replace(LAST[1], text="不跟你说了我挂了")), 6.2, Role.CUSTOMER, "said_so"),
        ((*LAST, Said("a", 6.4, 8)), 8.1, Role.CUSTOMER, "cut_at_once"),
    ],
)
def test_who_hangs_up(
    said: tuple[Said, ...], seconds: float, by: Role | None, evidence: str
) -> None:
    toy = Toy(said, seconds=seconds)
    end = floor_of(toy, audio_of(toy)).hang_up
    assert (end.by, end.evidence) == (by, evidence)


def test_a_line_that_loses_its_noise_was_left() -> None:
    toy = Toy(LAST, seconds=7.0)
    audio = audio_of(toy)
    samples = audio.samples.copy()
    samples[1, round(6.1 * SAMPLE_RATE_HZ) :] = 0
    end = floor_of(toy, replace(audio, samples=samples)).hang_up
    assert (end.by, end.evidence) == (Role.CUSTOMER, "line_dropped")


def test_a_busy_tone_says_the_far_end_is_gone() -> None:
    toy = Toy(LAST, seconds=9.0, stereo=False)
    audio = with_tones(audio_of(toy), [6.6, 7.3, 8.0], 0.35)
    end = floor_of(toy, audio).hang_up
    assert (end.by, end.evidence) == (Role.CUSTOMER, "busy_tone")


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        (
            (Said("a", 1, 4, "请您稍等我查一下"), Said("c", 4.3, 5, "好"), Said("a", 17, 19)),
            "agent_search",
        ),
        ((Said("a", 1, 3), Said("c", 3.5, 6, LONG), Said("a", 17, 19)), "agent_silent"),
        ((Said("a", 1, 4, "您的订单号是多少"), Said("c", 17, 19, "找到了")), "customer_thinks"),
        ((Said("a", 1, 4, "您的订单号是多少"), Said("c", 17, 19, "喂还在吗")), "agent_silent"),
        (
            (Said("a", 1, 2), Said("c", 3, 5, "你等一下我找找"), Said("c", 17, 19)),
            "customer_search",
        ),
        (
            (Said("a", 1, 2), Said("c", 3, 5, "你帮我查一下"), Said("c", 17, 19)),
            "agent_silent",
        ),
        ((Said("a", 1, 4, "短信已经发给您"), Said("c", 17, 19, "收到了")), "unknown"),
    ],
)
def test_why_nobody_speaks(said: tuple[Said, ...], cause: str) -> None:
    (silence,) = measure(call_of(Toy(said)), None, LEXICONS).silences
    assert silence.cause == cause


def test_a_dead_line_and_music() -> None:
    toy = Toy((Said("a", 1, 4), Said("c", 5, 8), Said("a", 20, 22)), seconds=26, stereo=False)
    audio = audio_of(toy)
    dead = audio.samples.copy()
    dead[:, round(8.1 * SAMPLE_RATE_HZ) : round(19.9 * SAMPLE_RATE_HZ)] = 0
    causes = [
        silence.cause
        for silence in measure(call_of(toy), replace(audio, samples=dead), LEXICONS).silences
    ]
    assert causes == ["line_dead", "edge"]
    music = audio.samples.copy()
    music[:, round(8.1 * SAMPLE_RATE_HZ) : round(19.9 * SAMPLE_RATE_HZ)] += tone(11.8, -30)
    (first, _) = measure(call_of(toy), replace(audio, samples=music), LEXICONS).silences
    assert (first.cause, first.quiet) == ("hold_music", False)


def test_a_recording_without_line_noise_has_no_dead_line() -> None:
    toy = Toy((Said("a", 1, 4), Said("c", 5, 8), Said("a", 20, 22)), stereo=False)
    found = measure(call_of(toy), audio_of(toy, noise_db=-200), LEXICONS).silences
    assert [silence.cause for silence in found] == ["agent_silent"]


def test_latencies_shares_and_rates() -> None:
    said = (
        Said("a", 0, 10),
        Said("c", 10.2, 30),
        Said("a", 20, 20.6, "嗯嗯"),  # listening is no turn
        Said("a", 31, 40),
        Said("c", 39, 60, BROKEN + LONG),
        Said("a", 62, 70),
    )
    floor = floor_of(Toy(said, stereo=False))
    agent, customer = floor.party(Role.AGENT), floor.party(Role.CUSTOMER)
    assert agent is not None and customer is not None
    assert (agent.response.count, agent.response.median_ms) == (2, 1500)
    assert agent.response.longest_ms == 2000
    assert customer.response.median_ms == -400  # half of 200 and -1000
    assert (customer.interruptions, agent.interruptions, agent.backchannels) == (1, 0, 1)
    assert customer.interruptions_per_minute == pytest.approx(60 / 66.8, abs=0.01)
    assert floor.agent_share == pytest.approx(27.6 / 68.4, abs=0.01)
    assert floor.longest_silence_ms == 2000


def test_a_peak_of_noise_is_no_last_word() -> None:
    toy = Toy((Said("a", 1, 4), Said("c", 5, 8)), stereo=False, seconds=9.2)
    audio = audio_of(toy)
    samples = audio.samples.copy()
    samples[0, -120:] += 0.02  # a click in the last block, 15 dB over the noise
    tail = measure(call_of(toy), replace(audio, samples=samples), LEXICONS).tail_ms
    assert tail == pytest.approx(1200, abs=60)


def test_a_click_or_noise_taken_for_a_voice_breaks_no_silence() -> None:
    said = (Said("a", 1, 4), Said("c", 5, 8), Said("a", 20, 22))
    toy = Toy(said, stereo=False)
    audio = audio_of(toy)
    false = Toy((*said, Said("c", 12, 12.3, ""), Said("a", 15, 16.5, "")), stereo=False)
    found = measure(call_of(false), audio, LEXICONS).silences
    assert [silence.span.duration_ms for silence in found] == [12_000]
    voiced = Toy((*said, Said("c", 15, 16.5, "")), stereo=False)
    found = measure(call_of(voiced), audio_of(voiced), LEXICONS).silences
    assert [silence.span.duration_ms for silence in found] == [7000, 3500]


@pytest.mark.parametrize(("length", "sure"), [(1.6, False), (3.0, True)])
def test_a_short_talk_over_in_a_mixed_channel_is_a_question(length: float, sure: bool) -> None:
    said = (Said("c", 1, 9), Said("a", 4, 4 + length, "那您的电话号码是多少"))
    (found,) = agent_came_in(*said, stereo=False)
    assert (found.kind, found.form) == ("interruption", "butting_in")
    assert (found.confidence >= 0.6) is sure
