"""`qc-speech rules explain`: outcome, and what was compared with what, from a stored call."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from stored_calls import KIND, RUDE, scored, stored
from typer.testing import CliRunner

from qc_speech.cli.app import app
from qc_speech.model import Asked, Span


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stored(
        tmp_path_factory.mktemp("explain") / "out", scored("rude", *RUDE), scored("kind", *KIND)
    )


def explain(out: Path, *arguments: str) -> str:
    ran = CliRunner().invoke(app, ["rules", "explain", str(out), *arguments])
    assert ran.exit_code == 0, ran.output
    return ran.stdout


def test_a_phrase_that_was_said(out: Path) -> None:
    text = explain(out, "kind", "farewell", "--language", "en")
    assert "Outcome: Passed" in text and "wording “再见” / heard “再见”" in text
    assert "clause" in text and "pass_from" in text and "stored outcome" not in text


def test_a_phrase_that_was_not_said(out: Path) -> None:
    text = explain(out, "rude", "farewell")
    assert "结论：违规 · -" in text and "没有听到" in text and "听清程度 0.90" in text


def test_a_banned_word(out: Path) -> None:
    text = explain(out, "rude", "insult")
    assert "结论：违规" in text and "听到「" in text and "滚" in text


def test_a_check_of_measures(out: Path) -> None:
    assert "或本项不比较措辞" in explain(out, "kind", "too_fast")


def test_what_the_audio_answered_and_an_outcome_that_changed(tmp_path: Path) -> None:
    result = scored("c", *RUDE)
    asked = Asked("farewell", "再见", Span(9000, 9500), "再见", -3.0)
    old = replace(result, call=replace(result.call, asked=(asked,)), findings=())
    text = explain(stored(tmp_path, old), "c", "farewell")
    assert (
        "向录音核对「再见」：对数似然比 -3.0（9.0–9.5 秒）" in text and "库中的结论不同：无" in text
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nobody", "farewell"], "call nobody: not in the store"),
        (["kind", "nothing"], "check nothing: not in rulebook inbound_service"),
        (["kind", "farewell", "--language", "fr"], "language fr"),
        (["kind", "farewell", "--rulebook", "nope"], "rulebook nope: not known"),
    ],
)
def test_what_is_not_there(out: Path, arguments: list[str], said: str) -> None:
    ran = CliRunner().invoke(app, ["rules", "explain", str(out), *arguments])
    assert ran.exit_code == 2 and said in ran.stderr and ran.stderr.count("\n") == 1


def test_no_store(tmp_path: Path) -> None:
    ran = CliRunner().invoke(app, ["rules", "explain", str(tmp_path), "a", "b"])
    assert ran.exit_code == 2 and "holds no store" in ran.stderr
    assert not (tmp_path / "qc.sqlite").exists()
