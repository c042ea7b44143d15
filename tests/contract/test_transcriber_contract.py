"""What every transcriber must do. The default recognizer runs it too (marker `models`)."""

from __future__ import annotations

import itertools
import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from qc_speech import audio
from qc_speech.engines.channels import speech_spans
from qc_speech.engines.scripted import Line, ScriptedDiarizer, ScriptedTranscriber
from qc_speech.engines.sherpa import SherpaOnnx
from qc_speech.engines.whisper import FasterWhisper
from qc_speech.model import Chunk, Metadata, Span, Stamp
from qc_speech.ports import SAMPLE_RATE_HZ, Listener, Passage, Samples, Transcriber
from qc_speech.text.normalize import normalize, simplify

TESTS = Path(__file__).parents[1]
MODEL = TESTS.parent / "models" / "whisper-base"
READ = "延长各类设施使用年限"
_REPEATED = re.compile(r"(.{2,12}?)\1{2,}")


def load(path: Path) -> Samples:
    return np.asarray(audio.load(path, Metadata(path.stem)).samples[0])


SOUND = load(TESTS / "data" / "aishell_2.wav")
LENGTH_MS = len(SOUND) * 1000 // SAMPLE_RATE_HZ
SPEECH = speech_spans(SOUND)


@dataclass(frozen=True)
class Case:
    """An engine and how much of what is read it must hear."""

    engine: Transcriber
    least_right: float


def scripted() -> Case:
    line = Line(Span(SPEECH[0].start_ms, SPEECH[-1].end_ms), READ)
    lines = (line, *(Line(line.span, READ, channel=channel) for channel in (0, 1)))
    return Case(ScriptedTranscriber(lines), 1.0)


def faster_whisper() -> Case:
    if not (MODEL / "model.bin").is_file():
        pytest.skip("the default models are not fetched")
    return Case(FasterWhisper(MODEL, threads=2), 0.6)


class Recorded:
    """Answers every stretch as SenseVoice answered the whole sentence: tokens and their times."""

    def create_stream(self) -> Any:
        stream = SimpleNamespace()

        def accept_waveform(rate: int, samples: Samples) -> None:
            step = len(samples) / rate / (len(READ) + 1)
            times = [round(step * place, 2) for place in range(len(READ))]
            stream.result = SimpleNamespace(tokens=list(READ), timestamps=times, lang="<|zh|>")

        stream.accept_waveform = accept_waveform
        return stream

    def decode_streams(self, streams: list[Any]) -> None: ...


def sherpa() -> Case:
    engine: Any = SherpaOnnx.__new__(SherpaOnnx)
    engine.batch, engine._recognizer = 8, Recorded()
    engine._stamp = Stamp("sherpa-onnx", "1", "sense-voice", '{"kind": "sense-voice"}')
    return Case(engine, 1.0)


@pytest.fixture(
    scope="module",
    params=[scripted, sherpa, pytest.param(faster_whisper, marks=pytest.mark.models)],
)
def case(request: pytest.FixtureRequest) -> Case:
    build: Callable[[], Case] = request.param
    return build()


def check(chunks: tuple[Chunk, ...], spans: tuple[Span, ...], channel: int | None) -> None:
    """Everything that holds of any answer to a question about these stretches."""
    places = [chunk.span for chunk in chunks]
    assert places == sorted(places)
    for chunk in chunks:
        assert chunk.channel == channel
        assert any(chunk.span & span == chunk.span for span in spans)
        assert 0.0 <= chunk.language_confidence <= 1.0 and 0.0 <= chunk.no_speech <= 1.0
        assert chunk.score <= 0.0
        starts = [word.span.start_ms for word in chunk.words]
        assert starts == sorted(starts)
        for word in chunk.words:
            assert word.text.strip() and "\ufffd" not in word.text
            assert word.text == simplify(word.text)
            assert (
                chunk.span.start_ms <= word.span.start_ms <= word.span.end_ms <= chunk.span.end_ms
            )
            assert word.confidence is None or 0.0 <= word.confidence <= 1.0
        for other in chunk.alternatives:
            assert other.text and other.text != chunk.text and other.score <= 0.0
    assert all(one.end_ms <= other.start_ms for one, other in itertools.pairwise(places))


def hear(
    engine: Transcriber, samples: Samples, spans: tuple[Span, ...], channel: int | None = None
) -> tuple[Chunk, ...]:
    (chunks,) = engine.transcribe((Passage(samples, spans, channel),))
    return chunks


def text_of(chunks: tuple[Chunk, ...]) -> str:
    return normalize("".join(chunk.text for chunk in chunks))


def right_share(heard: str, wanted: str) -> float:
    from rapidfuzz.distance import Levenshtein

    return 1 - Levenshtein.distance(heard, wanted) / len(wanted)


def test_what_is_read_is_heard_in_order_of_time(case: Case) -> None:
    chunks = hear(case.engine, SOUND, SPEECH)
    check(chunks, SPEECH, None)
    assert right_share(text_of(chunks), READ) >= case.least_right


def test_the_same_question_has_the_same_answer(case: Case) -> None:
    assert hear(case.engine, SOUND, SPEECH, 0) == hear(case.engine, SOUND, SPEECH, 0)


@pytest.mark.parametrize("channel", [None, 0, 1])
def test_chunks_bear_the_channel_that_was_asked_for(case: Case, channel: int | None) -> None:
    chunks = hear(case.engine, SOUND, SPEECH, channel)
    check(chunks, SPEECH, channel)
    assert chunks


def test_only_what_is_asked_for_is_heard(case: Case) -> None:
    spans = (Span(LENGTH_MS // 2, LENGTH_MS - 100), Span(200, LENGTH_MS // 2))
    chunks = hear(case.engine, SOUND, spans)
    check(chunks, spans, None)
    assert [chunk.span for chunk in chunks] == sorted(spans)


def test_many_passages_are_answered_each_in_its_place(case: Case) -> None:
    """As when a batch hears several calls at once: the answers do not mix."""
    asked = (
        Passage(SOUND, SPEECH, 0),
        Passage(np.zeros(SAMPLE_RATE_HZ, np.float32), (), 1),
        Passage(SOUND, SPEECH, 1),
    )
    first, nothing, second = case.engine.transcribe(asked)
    assert nothing == ()
    for chunks, channel in ((first, 0), (second, 1)):
        check(chunks, SPEECH, channel)
        assert right_share(text_of(chunks), READ) >= case.least_right
    assert case.engine.transcribe(()) == ()


def test_no_stretches_no_chunks(case: Case) -> None:
    assert hear(case.engine, SOUND, ()) == ()
    assert hear(case.engine, np.zeros(0, np.float32), ()) == ()


def test_a_very_short_stretch_does_not_crash(case: Case) -> None:
    spans = (Span(1000, 1020), Span(1500, 1620))
    check(hear(case.engine, SOUND, spans), spans, None)


def test_the_stamp_is_stable_and_canonical(case: Case) -> None:
    stamp = case.engine.stamp
    assert stamp == case.engine.stamp
    assert stamp.engine and stamp.version and stamp.model
    assert (
        json.dumps(json.loads(stamp.options), sort_keys=True, ensure_ascii=False) == stamp.options
    )


def tone(*hertz: float, seconds: float) -> Samples:
    t = np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    return np.asarray(sum(0.2 * np.sin(2 * np.pi * f * t) for f in hertz), np.float32)


def pause(seconds: float) -> Samples:
    return np.zeros(round(seconds * SAMPLE_RATE_HZ), np.float32)


def dialled(number: str) -> Samples:
    rows, columns = (697, 770, 852, 941), (1209, 1336, 1477)
    keys = {key: (rows[i // 3], columns[i % 3]) for i, key in enumerate("123456789*0#")}
    return np.concatenate(
        [part for key in number for part in (tone(*keys[key], seconds=0.12), pause(0.1))]
    )


def no_speech() -> Iterator[tuple[str, Samples]]:
    noise = np.random.default_rng(5).standard_normal(8 * SAMPLE_RATE_HZ).astype(np.float32)
    yield "silence", pause(8)
    yield "white noise", 0.05 * noise
    yield "loud white noise", 0.3 * noise
    yield "ring tone", np.concatenate([tone(450, seconds=1), pause(4)] * 3)
    yield "busy tone", np.concatenate([tone(450, seconds=0.35), pause(0.35)] * 10)
    yield "dialling", dialled("13800001234#")


@pytest.mark.parametrize("sound", [pytest.param(sound, id=name) for name, sound in no_speech()])
def test_what_is_no_speech_gives_no_words(case: Case, sound: Samples) -> None:
    assert text_of(hear(case.engine, sound, speech_spans(sound))) == ""


def test_tones_before_speech_add_no_words(case: Case) -> None:
    """Ringing before the answer, as in an outgoing call; the script knows nothing of the shift."""
    sound = np.concatenate([tone(450, seconds=1), pause(2), tone(450, seconds=1), pause(1), SOUND])
    chunks = hear(case.engine, sound, speech_spans(sound))
    heard = text_of(chunks)
    assert len(heard) <= len(READ) + 2
    if not isinstance(case.engine, ScriptedTranscriber):
        assert right_share(heard, READ) >= case.least_right
        assert min(w.span.start_ms for c in chunks for w in c.words) >= 4_500


@pytest.mark.models
def test_a_sentence_that_goes_round_in_circles_ends_in_time() -> None:
    """Unbounded, the base model repeats itself on this sentence until its 30 s window is full."""
    engine = faster_whisper().engine
    other = load(TESTS / "e2e" / "diarizer_data" / "two_voices.wav")[: len(SOUND)]

    def seconds(sound: Samples) -> float:
        start = time.perf_counter()
        hear(engine, sound, (Span(0, LENGTH_MS),))
        return time.perf_counter() - start

    seconds(other)  # the first call makes ready
    usual = min(seconds(other) for _ in range(2))
    # The wait is bounded by the passes a bad stretch may cost, whatever the machine.
    assert min(seconds(SOUND) for _ in range(2)) < 4 * usual
    (chunk,) = hear(engine, SOUND, (Span(0, LENGTH_MS),))
    heard = normalize(chunk.text)
    assert not _REPEATED.search(heard)
    assert len(heard) <= 2 * len(READ)
    assert right_share(heard, READ) >= 0.6


class Circles:
    """A decoder that says one phrase over and over for as long as it is let."""

    def __init__(self, model: Any, phrase: list[int]) -> None:
        self._model, self._phrase = model, phrase
        self.lengths: list[int] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def generate(self, _: Any, prompts: list[list[int]], **options: Any) -> list[Any]:
        length = options["max_length"] - len(prompts[0])
        self.lengths.append(length)
        tokens = (self._phrase * length)[:length]
        ways = options["num_hypotheses"]
        answer = SimpleNamespace(
            sequences_ids=[tokens] * ways, scores=[-0.1] * ways, no_speech_prob=0.0
        )
        return [answer] * len(prompts)


@pytest.mark.models
def test_a_decoder_gone_round_in_circles_is_cut_short_and_doubted() -> None:
    engine: Any = faster_whisper().engine
    phrase = engine._whisper.hf_tokenizer.encode("使用年限", add_special_tokens=False).ids
    circles = Circles(engine._whisper.model, phrase)
    engine._whisper.model = circles
    (chunk,) = hear(engine, SOUND, (Span(0, LENGTH_MS),))
    assert chunk.doubtful, "a person must not be judged by it"
    assert len(circles.lengths) <= 6
    assert max(circles.lengths) <= 20 * LENGTH_MS / 1000 + 20  # tokens; a window may hold 448


def test_a_scripted_call_is_cut_where_it_is_asked() -> None:
    lines = (Line(Span(0, 2000), "您好请讲"), Line(Span(2000, 4000), "我家不热", "S1"))
    sound = np.zeros(4 * SAMPLE_RATE_HZ, np.float32)
    engine = ScriptedTranscriber(lines)
    first, second = hear(engine, sound, (Span(0, 1000), Span(1000, 3000)))
    assert (first.text, second.text) == ("您好", "请讲我家")
    assert hear(engine, sound, (Span(0, 4000),), 1)[0].words == ()
    assert engine.stamp.engine == "scripted"
    assert engine.stamp == ScriptedTranscriber(reversed(lines)).stamp
    assert engine.stamp != ScriptedTranscriber(lines[:1]).stamp


def test_a_scripted_diarizer_gives_its_turns() -> None:
    lines = (Line(Span(500, 2500), "您好请讲"), Line(Span(2000, 4000), "我家不热", "S1"),
             Line(Span(2100, 2300), "嗯", "S0"))  # fmt: skip
    engine = ScriptedDiarizer(lines)
    found = engine.diarize(np.zeros(3 * SAMPLE_RATE_HZ, np.float32), "r")
    assert [(t.span.start_ms, t.span.end_ms, t.speaker) for t in found.turns] == [
        (500, 2500, "S0"), (2000, 3000, "S1"), (2100, 2300, "S0"),
    ]  # fmt: skip
    assert [(t.span.start_ms, t.span.end_ms, t.speaker) for t in found.exclusive] == [
        (500, 2500, "S0"), (2500, 3000, "S1"),
    ]  # fmt: skip
    assert found.stamp == engine.stamp and found.stamp.engine == "scripted"
    assert engine.diarize(np.zeros(0, np.float32), "r").turns == ()


@pytest.mark.models
def test_the_default_recognizer_tells_how_well_words_fit_the_sound() -> None:
    engine = faster_whisper().engine
    assert isinstance(engine, Listener)
    others = ("延长各类设施试用年限", "感谢您的来电祝您生活愉快", "请问您还有其他问题吗")
    ((said, *false), (again,)) = engine.log_likelihoods(
        [(SOUND, (READ, *others)), (SOUND[: len(SOUND) // 2], (READ,))]
    )
    assert said > max(false[1:]) + 20  # quite other words
    assert said > again  # half of the sound does not hold all of the words
    assert all(value <= 0 for value in (said, *false, again))


def test_others_need_not_be_asked() -> None:
    assert not isinstance(scripted().engine, Listener)
