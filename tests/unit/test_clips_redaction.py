"""Personal data out of clips, checked by hearing them again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import yaml
from clip_calls import chunks_of, found, made, sound_of

from qc_speech.clips import redaction, rendering
from qc_speech.clips.files import shown
from qc_speech.clips.guard import DOUBT, Secret, secrets
from qc_speech.clips.values import Hidden, Recipe
from qc_speech.model import CallResult, Chunk, Role, Span, Word
from qc_speech.text.normalize import normalize

RESULT = made()
PHONE = RESULT.call.utterances[3]
WHOLE = Span(0, RESULT.call.recording.duration_ms)


def said_in(result: CallResult, recipe: Recipe = Recipe()) -> str:
    hidden = redaction.stretches(secrets(result, recipe), WHOLE)
    return "".join(line.text for line in redaction.lines(result.call, WHOLE, hidden, recipe, ()))


def test_a_number_is_hidden_with_a_margin_and_masked_in_the_text() -> None:
    (one,) = redaction.stretches(secrets(RESULT, Recipe()), WHOLE)
    assert "phone" in one.why
    assert one.span.start_ms <= PHONE.words[0].span.start_ms - 200
    assert one.span.end_ms >= PHONE.words[-1].span.end_ms
    text = said_in(RESULT)
    assert "八零" not in text and "二五七" not in text
    assert "实在抱歉" in text and "请您留一个联系电话" in text


def test_masks_have_names() -> None:
    assert shown("我姓［name］，［phone+doubt］。") == "我姓［姓名］，［电话、已消音］。"


def test_nothing_of_a_hidden_stretch_is_in_the_sound() -> None:
    audio = sound_of(RESULT, noise=0.0)
    clip = rendering.render(RESULT, audio, PHONE.span, Role.CUSTOMER, Recipe(0, 0))
    (hidden,) = clip.report.hidden
    part = clip.samples[0, hidden.span.start_ms * 16 + 400 : hidden.span.end_ms * 16 - 400]
    if hidden.how == "mute":
        assert not part.any()
    else:  # a beep alone: one line in the spectrum
        power = np.abs(np.fft.rfft(part)) ** 2
        hertz = np.fft.rfftfreq(len(part), 1 / 16_000)
        assert power[np.abs(hertz - 1000) < 30].sum() > 0.999 * power.sum()
    assert clip.report.rounds == 0 and "not_heard_again" in clip.report.notes


def test_an_answer_that_was_heard_badly_is_muted_whole() -> None:
    result = made(
        "bad",
        ("a", "请问您的联系电话是多少？"),
        ("c", "要散吧灵灵有其腰啊"),
        ("a", "好的，谢谢您。"),
    )
    result = made("bad", *_lines(result), findings=(found(result, "ask_phone", 0),))
    text = said_in(result)
    assert "腰啊" not in text and "谢谢" in text


def _lines(result: CallResult) -> tuple[tuple[str, str], ...]:
    return tuple(
        ("a" if one.role is Role.AGENT else "c", one.text) for one in result.call.utterances
    )


def test_what_is_read_back_goes_to_the_end() -> None:
    result = made(
        "back",
        ("a", "请问您的电话和地址？"),
        ("c", "幺三八零零零零二五七幺，住柳荫小区七号楼。"),
        ("a", "跟您核对一下，柳应小去七好楼，电话幺三八零零零零二五七幺，对吗？"),
        ("c", "对的，没错，你们什么时候能来啊？"),
    )
    text = said_in(result)
    assert "跟您核对一下" in text and "柳应" not in text and "七好楼" not in text
    assert "什么时候能来" in text, "a confirmation holds nothing"


def test_a_surname_that_was_misheard_before_a_title() -> None:
    text = said_in(made("title", ("a", "好的要女士，马上给您派人。"), ("c", "谢谢你们了")))
    assert "要女" not in text and "马上给您派人" in text


def test_the_agents_own_name_stays_unless_the_library_is_shared() -> None:
    lines = (("a", "您好，我是林晓，工号一零二三，很高兴为您服务。"), ("c", "你好我要报修"))
    result = made("own", *lines, agent_name="林晓")
    result = made("own", *lines, agent_name="林晓", findings=(found(result, "self_id", 0),))
    assert "林晓" in said_in(result)
    assert "林晓" not in said_in(result, Recipe(agent_too=True))
    assert "一零二三" not in said_in(result, Recipe(agent_too=True))


class Ear:
    """A recognizer that hears everything that is not silent."""

    def __init__(self, result: CallResult, mishears: Sequence[Span] = ()) -> None:
        self.result, self.asked, self.deaf = result, [], list(mishears)

    def __call__(self, silent: Sequence[Span]) -> tuple[Chunk, ...]:
        self.asked.append(tuple(silent))
        return chunks_of(self.result, tuple(silent))


def test_a_clean_clip_is_heard_once() -> None:
    ear = Ear(RESULT)
    done = redaction.check(RESULT.call, WHOLE, secrets(RESULT, Recipe()), ear)
    assert done.clean and done.rounds == 1


def test_what_is_still_heard_hides_more_until_nothing_is() -> None:
    """The first hearing missed the number, or its times were off: the second one hears it."""
    off = Secret(Span(PHONE.span.start_ms + 900, PHONE.span.end_ms + 900), "phone", "")
    ear = Ear(RESULT)
    done = redaction.check(RESULT.call, WHOLE, (off,), ear)
    assert done.clean and done.rounds == 2
    (last,) = redaction.stretches(done.hidden, WHOLE)
    assert last.span.start_ms <= PHONE.span.start_ms and last.span.end_ms >= PHONE.span.end_ms
    assert DOUBT in last.why and last.how == "mute"


def test_what_stays_in_doubt_is_never_called_clean() -> None:
    def stubborn(silent: Sequence[Span]) -> tuple[Chunk, ...]:
        return chunks_of(RESULT)  # as if nothing had been hidden

    done = redaction.check(RESULT.call, WHOLE, secrets(RESULT, Recipe()), stubborn)
    assert not done.clean and done.rounds == redaction.ROUNDS


def test_a_name_that_sounds_like_the_hidden_one_is_heard() -> None:
    result = made(
        "n", ("a", "请问孩子叫什么名字？"), ("c", "叫林小满。"), ("a", "好的林晓曼是吗记下了。")
    )
    (name, *_) = [s for s in secrets(result, Recipe()) if s.kind == "name"]
    assert normalize(name.words) == "林小满"
    done = redaction.check(result.call, WHOLE, (name,), Ear(result))
    hidden = redaction.stretches(done.hidden, WHOLE)
    again = result.call.utterances[2].words[2].span
    assert done.clean and any(one.span.overlap_ms(again) == again.duration_ms for one in hidden)


def test_digits_that_are_nobodys_do_not_count() -> None:
    result = made("j", ("a", "您好，大龙供暖一零二三号为您服务。"), ("c", "你好我要报修暖气"))
    done = redaction.check(result.call, WHOLE, secrets(result, Recipe()), Ear(result))
    assert done.clean and done.rounds == 1
    assert "一零二三" in said_in(result)


def test_a_hidden_word_is_not_written_even_if_only_half_of_it_is_hidden() -> None:
    word = PHONE.words[0]
    half = Hidden(Span(word.span.start_ms + 100, word.span.end_ms + 5000), "phone", "beep")
    lines = redaction.lines(RESULT.call, WHOLE, (half,), Recipe(), ())
    assert word.text not in "".join(line.text for line in lines if line.masked)
    assert isinstance(word, Word)


def test_the_labels_of_personal_data_name_words_of_their_turns() -> None:
    """The labelled list that the tests with real models use is in step with itself."""
    rows = yaml.safe_load((Path(__file__).parents[1] / "data/personal.yaml").read_text("utf-8"))
    assert len(rows) > 50 and {row[2] for row in rows} == {"name", "phone", "address", "number"}
    assert all(isinstance(row[1], int) and len(row) == 4 for row in rows)


@pytest.mark.parametrize("stereo", [True, False])
def test_a_clip_is_heard_again_through_the_transcriber(stereo: bool) -> None:
    """The ports' own seam: passages go to a Transcriber, by channel where there are two."""
    result = made("port", stereo=stereo)
    seen: list[int | None] = []

    class Scripted:
        stamp = None

        def transcribe(self, passages: Sequence[object]) -> tuple[tuple[Chunk, ...], ...]:
            seen.extend(p.channel for p in passages)  # type: ignore[attr-defined]
            return tuple(() for _ in passages)

    hearing = rendering.Hearing(Scripted, lambda row: (Span(0, len(row) // 16),))  # type: ignore[arg-type]
    audio = sound_of(result)
    clip = rendering.render(result, audio, PHONE.span, Role.CUSTOMER, Recipe(1, 1), hearing)
    assert clip.report.clean and clip.report.rounds == 1
    assert seen == ([0, 1] if stereo else [None])
