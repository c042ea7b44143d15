"""Retention: what is due goes from store and files, the rest stays, and the log tells it."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from stored_calls import scored
from typer.testing import CliRunner

from qc_speech import retention
from qc_speech.batch import write_call
from qc_speech.cli.app import app
from qc_speech.errors import UsageError
from qc_speech.model import CallResult, Outcome, Review
from qc_speech.publish import remember_source
from qc_speech.retention import Keeping
from qc_speech.store import audit, open_store
from qc_speech.text.searching import tokens
from qc_speech.vault import KEY, new_key

NOW = datetime(2026, 6, 1)
LINES = (("a", "您好"), ("c", "我电话是幺三八零零零零二五七幺"), ("a", "感谢您的来电，再见"))


def call(call_id: str, month: int) -> CallResult:
    made = scored(call_id, *LINES)
    meta = replace(made.call.recording.metadata, started_at=datetime(2026, month, 1))
    recording = replace(made.call.recording, id=call_id.ljust(64, "0"), metadata=meta)
    return replace(made, call=replace(made.call, recording=recording))


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Calls of January to May, with audio copies and their recordings."""
    folder = tmp_path / "out"
    (folder / "audio").mkdir(parents=True)
    with open_store(folder / "qc.sqlite") as store:
        for month in range(1, 6):
            one = call(f"m{month}", month)
            store.put_result(one)
            store.put_stage(one.call.recording.id, "transcript", "k", {"text": LINES[1][1]})
            source = tmp_path / f"m{month}.wav"
            source.write_bytes(b"RIFF")
            remember_source(store, one, source)
            (folder / "audio" / f"m{month}.flac").write_bytes(b"fLaC")
            write_call(folder, one)
    return folder


def purge(out: Path, keep: Keeping, now: datetime = NOW) -> retention.Purged:
    with open_store(out / "qc.sqlite") as store:
        return retention.purge(store, out, keep, now)


def everything(out: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file())


def test_all_of_a_call_goes(out: Path) -> None:
    done = purge(out, Keeping(results=70))  # before 23 March
    assert (done.results, done.stuck) == (3, [])
    with open_store(out / "qc.sqlite") as store:
        assert [one.call_id for one in store.results()] == ["m4", "m5"]
        assert store.stage("m1".ljust(64, "0"), "transcript", "k") is None
        entry = next(audit.entries(store, newest=1))
        assert entry.action == "purge results" and entry.detail["calls"] == ["m1", "m2", "m3"]
        assert audit.verify(store).broken is None
    assert sorted(path.name for path in (out / "calls").iterdir()) == ["m4.json", "m5.json"]
    assert sorted(path.name for path in (out / "audio").iterdir()) == ["m4.flac", "m5.flac"]
    assert (out.parent / "m1.wav").exists()  # originals only if asked for
    assert purge(out, Keeping(results=70)).any is False


def test_the_words_go_and_the_scores_stay(out: Path) -> None:
    assert purge(out, Keeping(transcripts=100)).transcripts == 2
    with open_store(out / "qc.sqlite") as store:
        first, last = store.result("m1"), store.result("m5")
        assert first is not None and last is not None
        assert first.score == call("m1", 1).score and first.findings
        assert not any(utterance.text for utterance in first.call.utterances)
        assert any(utterance.text for utterance in last.call.utterances)
        assert store.stage("m1".ljust(64, "0"), "transcript", "k") is None
    assert "零零二五七" not in (out / "calls" / "m1.json").read_text()
    assert purge(out, Keeping(transcripts=100)).any is False


def test_sound_goes_with_the_originals_if_so_set(out: Path) -> None:
    forgotten: list[str] = []
    with open_store(out / "qc.sqlite") as store:
        keep = Keeping(audio=100, originals=True)
        done = retention.purge(store, out, keep, NOW, forget=(forgotten.append,))
    assert (done.audio, done.files) == (2, 4)
    assert forgotten == ["m1".ljust(64, "0"), "m2".ljust(64, "0")]
    assert not (out.parent / "m1.wav").exists() and (out.parent / "m3.wav").exists()
    with open_store(out / "qc.sqlite") as store:
        assert len(list(store.results())) == 5


def test_masking_leaves_no_number_in_any_file(out: Path) -> None:
    assert purge(out, Keeping(mask=0), datetime(2026, 6, 1)).masked == 5
    text = everything(out).decode("utf-8", "replace")
    assert "零零二五七" not in text and "＊＊＊" in text
    with open_store(out / "qc.sqlite") as store:
        one = store.result("m1")
        assert one is not None and "＊" * 11 in one.call.utterances[1].text
        with pytest.raises(UsageError, match="no original was kept"):
            retention.reveal(store, "m1", "lin")


def indexed(out: Path) -> str:
    """All that the index of words holds, and what SQLite keeps of it in its own tables."""
    with sqlite3.connect(out / "qc.sqlite") as connection:
        words = connection.execute("SELECT words FROM call_words").fetchall()
        raw = connection.execute("SELECT block FROM call_words_fts_data").fetchall()
    connection.close()
    return repr(words) + b"".join(block for (block,) in raw).decode("utf-8", "replace")


def test_no_other_table_tells_what_was_masked_or_removed(out: Path) -> None:
    said = tokens(["二五七幺"]).split()
    with open_store(out / "qc.sqlite") as store:
        for month in (1, 5):
            note = "电话是13800002571，已核对"
            store.put_review(review(f"m{month}", note))
        store.put_stage("m1".ljust(64, "0"), "peaks", "peaks/1", [1])
    assert all(token in indexed(out) for token in said)
    purge(out, Keeping(mask=0))
    assert " ".join(said) not in indexed(out) and "13800002571" not in indexed(out)
    with open_store(out / "qc.sqlite") as store:
        notes = {one.call_id: one.note for one in store.reviews()}
        assert notes["m5"] == "电话是＊＊＊＊＊＊＊＊＊＊＊，已核对"
    purge(out, Keeping(transcripts=100, audio=100))
    with open_store(out / "qc.sqlite") as store:
        notes = {one.call_id: one.note for one in store.reviews()}
        assert notes["m1"] == "" and notes["m5"]
        assert store.stage("m1".ljust(64, "0"), "peaks", "peaks/1") is None


def review(call_id: str, note: str) -> Review:
    outcome = Outcome.VIOLATION
    return Review(call_id * 16, call_id, "greeting", None, outcome, None, "lin", NOW, note=note)


def test_a_mask_comes_off_only_with_the_key(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep = Keeping(mask=0, reversible=True)
    with pytest.raises(UsageError, match="QC_SPEECH_KEY_FILE"):
        purge(out, keep)
    monkeypatch.setenv(KEY, new_key())
    assert purge(out, keep).masked == 5
    with open_store(out / "qc.sqlite") as store:
        assert retention.reveal(store, "m1", "lin") == call("m1", 1)
        entry = next(audit.entries(store, newest=1))
        assert (entry.who, entry.action, entry.object) == ("lin", "reveal", "call:m1")
        monkeypatch.setenv(KEY, new_key())
        with pytest.raises(UsageError, match="another key"):
            retention.reveal(store, "m2", "lin")


def test_purging_the_words_purges_the_sealed_original(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY, new_key())
    purge(out, Keeping(mask=0, reversible=True))
    purge(out, Keeping(transcripts=100))
    with open_store(out / "qc.sqlite") as store:
        with pytest.raises(UsageError, match="no original"):
            retention.reveal(store, "m1", "lin")
        assert retention.reveal(store, "m5", "lin") == call("m5", 5)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may remove everything")
def test_files_that_cannot_go_are_tried_again(out: Path) -> None:
    (out / "audio").chmod(0o500)
    try:
        assert purge(out, Keeping(audio=100)).stuck == ["m1", "m2"]
    finally:
        (out / "audio").chmod(0o700)
    assert purge(out, Keeping(audio=100)).audio == 2


def test_the_command(out: Path, tmp_path: Path) -> None:
    config = tmp_path / "s.toml"
    config.write_text("keep_results_days = 1\nmask_after_days = 0\n")
    run = CliRunner()
    said = run.invoke(app, ["purge", str(out), "--config", str(config), "--dry-run"])
    assert said.exit_code == 0 and "would remove: all of 5 calls" in said.output
    said = run.invoke(app, ["purge", str(out), "--config", str(config)])
    assert said.exit_code == 0 and "removed: all of 5 calls" in said.output
    pages = [path for path in (out / "report").rglob("*") if path.is_file()]
    assert pages and not any(stat.S_IMODE(path.stat().st_mode) & 0o077 for path in pages)
    assert run.invoke(app, ["audit", str(out)]).exit_code == 0
    said = run.invoke(app, ["purge", str(out)])
    assert said.exit_code == 2 and "nothing to do" in said.output


def test_under_a_key_nothing_written_is_readable(
    out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = tmp_path / "key"
    run = CliRunner()
    assert run.invoke(app, ["key", "new", str(key)]).exit_code == 0
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    monkeypatch.setenv("QC_SPEECH_KEY_FILE", str(key))
    said = run.invoke(app, ["key", "apply", str(out)])
    assert said.exit_code == 0, said.output
    assert [p.name for p in (out / "calls").iterdir() if p.suffix != ".fernet"] == []
    with open_store(out / "qc.sqlite") as store:
        assert store.result("m1") == call("m1", 1)
        store.put_result(call("m6", 5))
    assert tokens(["电话"]).split()[0] not in indexed(out)
    sealed = out / "calls" / "m1.json.fernet"
    said = run.invoke(app, ["key", "open", str(sealed), str(tmp_path / "m1.json")])
    assert said.exit_code == 0
    assert json.loads((tmp_path / "m1.json").read_text())["call_id"] == "m1"
    first = key.read_text()
    key.write_text(f"{new_key()}\n{first}")
    assert run.invoke(app, ["key", "apply", str(out)]).exit_code == 0
    key.write_text(key.read_text().splitlines()[0])
    with open_store(out / "qc.sqlite") as store:
        assert store.result("m6") == call("m6", 5)
        assert write_call(out, call("m1", 1)) == sealed
    monkeypatch.delenv("QC_SPEECH_KEY_FILE")
    with open_store(out / "qc.sqlite") as store, pytest.raises(UsageError, match="sealed"):
        store.result("m6")
