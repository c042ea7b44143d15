"""`qc-speech rules suggest`: what recurs in stored calls and no rulebook knows, as YAML."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import yaml
from stored_calls import KIND, scored, stored
from typer.testing import CliRunner

from qc_speech.cli.app import app
from qc_speech.model import CallResult, Evidence, Finding, Outcome, Review, Role
from qc_speech.pipeline import Rules
from qc_speech.report.suggestions import suggestion_lines
from qc_speech.rules.rulebook import choose
from qc_speech.rules.suggest import Occurrence, Place, Suggestion, grouped, occurrences
from qc_speech.setup import load_rules
from qc_speech.store import open_store
from qc_speech.text.template import parse

ODD = "辛苦您跑这一趟电话了"  # nothing that the rulebook takes for thanks


def ended(call_id: str, last: str) -> CallResult:
    return scored(call_id, KIND[0], KIND[1], ("a", last))


def verdict(result: CallResult, check: str, outcome: Outcome, machine: Outcome | None) -> Review:
    """A person's verdict on the agent's last words."""
    span = result.call.utterances[-1].span
    return Review(
        f"{result.call_id}-{check}", result.call_id, check, span, outcome, machine, "m",
        datetime(2026, 1, 5),
    )  # fmt: skip


def suggested(result: CallResult, *reviews: Review, rules: Rules | None = None) -> list[Occurrence]:
    rules = rules or load_rules()
    book = choose(rules.rulebooks, result.scenario)
    return list(occurrences(result, reviews, book, rules.lexicons))


def said_by_people(call_id: str, last: str, check: str = "thanks") -> list[Occurrence]:
    result = ended(call_id, last)
    return suggested(result, verdict(result, check, Outcome.PASS, Outcome.VIOLATION))


def test_what_people_took_for_the_phrase_is_suggested_with_its_calls() -> None:
    found = [one for call in "abc" for one in said_by_people(call, ODD)]
    (one,) = grouped(found, least=3)
    assert (one.check, one.words, one.calls, one.how) == ("thanks", ODD, 3, (("person", 3),))
    assert [place.call_id for place in one.examples] == ["a", "b", "c"]
    assert all(place.at_ms > 0 for place in one.examples)
    assert grouped(found, least=4) == ()
    parse(one.words)  # it can be pasted as a wording


def test_a_call_counts_once_and_a_verdict_for_calibration_or_taken_back_not_at_all() -> None:
    twice = said_by_people("a", ODD) + said_by_people("a", ODD)
    assert grouped(twice, least=2) == ()
    result = ended("a", ODD)
    review = verdict(result, "thanks", Outcome.PASS, Outcome.VIOLATION)
    for change in ({"purpose": "calibration"}, {"withdrawn": True}):
        assert suggested(result, Review(**{**review.__dict__, **change})) == []


def test_what_the_rulebook_knows_is_not_suggested() -> None:
    assert said_by_people("a", "感谢您的来电") == []
    assert suggested(scored("a", *KIND)) == []


def test_a_phrase_passed_by_ear_is_suggested_where_its_words_differ() -> None:
    result = ended("a", ODD)
    place = result.call.utterances[-1]
    finding = next(one for one in result.findings if one.check == "thanks")
    passed = Finding(**{
        **finding.__dict__,
        "outcome": Outcome.PASS,
        "evidence": Evidence(place.span, Role.AGENT, place.index, place.text),
    })  # fmt: skip
    (one,) = suggested(CallResult(**{**result.__dict__, "findings": (passed,)}))
    assert (one.words, one.how) == (ODD, "ear")


def test_ways_that_sound_alike_are_one_and_the_commonest_writing_is_shown() -> None:
    found = [Occurrence("thanks", "致谢", words, "ear", Place(call, 5))
             for call, words in (("a", "辛苦您来电了"), ("b", "辛苦您来店了"),
                                 ("c", "辛苦您来电了"), ("d", "祝您一路顺风"))]  # fmt: skip
    (one,) = grouped(found, least=2)
    assert (one.words, one.calls) == ("辛苦您来电了", 3)


def test_names_and_numbers_are_left_out() -> None:
    (one,) = said_by_people("a", "王建国先生辛苦您跑一趟")
    assert "建国" not in one.words and "辛苦您跑一趟" in one.words
    (one,) = said_by_people("a", "一三八零零一三八零零零辛苦您跑一趟")
    assert "三八" not in one.words and "辛苦您跑一趟" in one.words


def test_banned_words_that_people_added_and_took_off() -> None:
    result = ended("a", "你是不是有点那个大病")
    (added,) = suggested(result, verdict(result, "insult", Outcome.VIOLATION, None))
    (off,) = suggested(result, verdict(result, "insult", Outcome.PASS, Outcome.VIOLATION))
    assert (added.how, off.how) == ("added", "innocent")
    read = yaml.safe_load("\n".join(suggestion_lines(grouped([added, off], 1), 1, 1)))
    assert read == {"banned": [{"check": "insult", "words": [added.words]}]} or read == {
        "banned": [{"check": "insult", "misses": [off.words]}]
    }


def test_it_is_yaml_whatever_a_call_is_named() -> None:
    place = Place("a\n- b: {", 61_500)
    one = Suggestion("thanks", "no", "yes", 7, (("ear", 7),), (place,))
    read = yaml.safe_load("\n".join(suggestion_lines([one], 9, 2)))
    part = {"name": "no", "any": ["yes"]}
    assert read == {"phrases": [{"check": "thanks", "parts": [part]}]}
    assert yaml.safe_load("\n".join(suggestion_lines([], 9, 2))) == {}


def test_the_command(tmp_path: Path) -> None:
    results = [ended(call, ODD) for call in "abc"]
    out = stored(tmp_path / "out", *results)
    with open_store(out / "qc.sqlite") as store:
        for result in results:
            store.put_review(verdict(result, "thanks", Outcome.PASS, Outcome.VIOLATION))
    run = CliRunner().invoke(app, ["rules", "suggest", "--on", str(out)])
    assert run.exit_code == 0
    (phrase,) = yaml.safe_load(run.stdout)["phrases"]
    assert phrase == {
        "check": "thanks",
        "parts": [{"name": phrase["parts"][0]["name"], "any": [ODD]}],
    }
    assert "3 calls (by a person 3): a 00:" in run.stdout
    other = CliRunner().invoke(app, ["rules", "suggest", "--on", str(out), "--check", "farewell"])
    assert yaml.safe_load(other.stdout) == {}


def test_wrong_usage_is_one_line(tmp_path: Path) -> None:
    out = stored(tmp_path / "out", ended("a", ODD))
    for arguments, text in (
        (["--on", str(out), "--check", "nonsense"], "check nonsense: no rulebook has it"),
        (["--on", str(tmp_path)], "holds no store"),
        (["--on", str(stored(tmp_path / "empty"))], "holds no call yet"),
    ):
        run = CliRunner().invoke(app, ["rules", "suggest", *arguments])
        assert run.exit_code == 2 and text in run.output
