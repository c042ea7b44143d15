"""What is handed out: lesson, playlist, SCORM, vCon; and what may not be."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from clip_calls import LINES, found, made, sound_of
from rule_toys import lexicons

from qc_speech.clips import desk, export, index, library, practice, rendering, scorm
from qc_speech.clips.export import Wish
from qc_speech.clips.files import vtt, write_clip
from qc_speech.clips.guard import secrets
from qc_speech.clips.rendering import Hearing
from qc_speech.clips.search import Wanted
from qc_speech.clips.values import Clip, Collection, Question, Recipe
from qc_speech.clips.vcon import vcon
from qc_speech.errors import UsageError
from qc_speech.model import Outcome, Role, Span
from qc_speech.rules.absence import load_absence
from qc_speech.store import SqlStore, audit, open_store

NOW = datetime(2026, 3, 1, 8)
PERSONAL = ("二五七", "零零零零")
RESULT = made()


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SqlStore]:
    result = replace(RESULT, findings=(found(RESULT, "apology", 2), found(RESULT, "ask_phone", 2)))
    monkeypatch.setattr(desk, "load", lambda _, call_id: (result, sound_of(result)))
    with open_store(tmp_path / "store.db") as opened:
        opened.put_result(result)
        index.refresh(opened, lexicons(), load_absence())
        yield opened


@pytest.fixture
def lesson(store: SqlStore) -> Collection:
    (example,) = index.find(store, Wanted(checks=("apology",)))
    draft = Clip("", "", "", "", "", Role.AGENT, Span(0, 0), Recipe(1, 1), "怎样<道歉>", "听语气")
    clip = library.add(store, example, draft)
    library.mark_checked(store, clip.id, secrets(RESULT, Recipe()), clean=True)
    library.ask(store, Question(clip.id, "做对了什么？", ("道歉", "打断"), 0, "S4 2.3"))
    library.ask(store, Question(clip.id, "你会怎么说？"))
    collection = library.new_collection(store, "第一课", "慢慢听\n再回答", "wu")
    library.put_in(store, collection.id, [clip.id])
    return library.collection(store, collection.id)


def archive(store: SqlStore, lesson: Collection, to: Path, **wish: Any) -> zipfile.ZipFile:
    path = export.export(store, lesson, to, Wish(**{"pdf": False, **wish}), "wu", NOW)
    return zipfile.ZipFile(path)


def test_a_zip_holds_all_of_a_lesson_and_nothing_personal(
    store: SqlStore, lesson: Collection, tmp_path: Path
) -> None:
    with archive(store, lesson, tmp_path / "l.zip") as zipped:
        names = set(zipped.namelist())
        texts = {n: zipped.read(n).decode() for n in names if not n.endswith((".mp3", ".wav"))}
    assert names == {
        "audio/01-怎样-道歉.mp3", "subtitles/01-怎样-道歉.vtt", "index.html", "playlist.m3u8",
        "redaction.json",
    }  # fmt: skip
    page = texts["index.html"]
    assert "怎样&lt;道歉&gt;" in page and "做对了什么？" in page and "［" in page
    for text in texts.values():
        assert not any(words in text for words in PERSONAL)
        assert "http://" not in text and "https://" not in text
    report = json.loads(texts["redaction.json"])["01-怎样-道歉"]
    assert report["clean"] and report["hidden"] and report["hidden"][0]["end"] > 0
    assert texts["playlist.m3u8"].splitlines()[0] == "#EXTM3U"
    assert "audio/01-怎样-道歉.mp3" in texts["playlist.m3u8"].splitlines()


def test_a_folder_is_the_same_as_the_zip(
    store: SqlStore, lesson: Collection, tmp_path: Path
) -> None:
    folder = export.export(
        store, lesson, tmp_path / "f", Wish("folder", "wav", pdf=False), "wu", NOW
    )
    assert (folder / "index.html").is_file() and list((folder / "audio").glob("*.wav"))


def test_who_took_what_out_is_in_the_audit_log(
    store: SqlStore, lesson: Collection, tmp_path: Path
) -> None:
    archive(store, lesson, tmp_path / "l.zip").close()
    (entry,) = export.takeouts(store)
    assert (entry.who, entry.object) == ("wu", f"collection:{lesson.id}")
    assert entry.detail["clips"] == list(lesson.clip_ids) and entry.detail["form"] == "zip"
    assert audit.verify(store).broken is None


def test_a_scorm_package_is_whole(store: SqlStore, lesson: Collection, tmp_path: Path) -> None:
    """Structure by SCORM 1.2, Content Aggregation Model 2.3: every reference leads somewhere, every
    file of the package is listed, ids are unique, one SCO with its launch page."""
    with archive(store, lesson, tmp_path / "s.zip", form="scorm") as zipped:
        names = set(zipped.namelist())
        root = ET.fromstring(zipped.read("imsmanifest.xml"))
    cp, adl = f"{{{scorm.IMSCP}}}", f"{{{scorm.ADLCP}}}"
    assert root.tag == f"{cp}manifest"
    children = [child.tag.removeprefix(cp) for child in root]
    assert children == ["metadata", "organizations", "resources"]
    assert root.findtext(f"{cp}metadata/{cp}schema") == "ADL SCORM"
    assert root.findtext(f"{cp}metadata/{cp}schemaversion") == "1.2"
    organizations = root.find(f"{cp}organizations")
    assert organizations is not None
    (organization,) = organizations
    assert organizations.get("default") == organization.get("identifier")
    assert organization.findtext(f"{cp}title") == "第一课"
    (item,) = organization.findall(f"{cp}item")
    (resource,) = root.findall(f"{cp}resources/{cp}resource")
    assert item.get("identifierref") == resource.get("identifier")
    assert resource.get("type") == "webcontent" and resource.get(f"{adl}scormtype") == "sco"
    assert resource.get("href") == "index.html"
    listed = [file.get("href") for file in resource.findall(f"{cp}file")]
    assert sorted(listed) == sorted(names - {"imsmanifest.xml"})  # type: ignore[type-var]
    ids = [e.get("identifier") for e in root.iter() if e.get("identifier")]
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch(r"[A-Za-z_][\w.-]*", id_ or "") for id_ in ids), "xs:ID"


def test_a_lesson_sheet_is_a_pdf_with_chinese(
    store: SqlStore, lesson: Collection, tmp_path: Path
) -> None:
    pytest.importorskip("weasyprint")
    with archive(store, lesson, tmp_path / "p.zip", pdf=True) as zipped:
        pdf = zipped.read("lesson.pdf")
    assert pdf.startswith(b"%PDF-") and len(pdf) > 5000
    assert b"/Type0" in pdf or b"FontFile" in pdf or b"ObjStm" in pdf


@pytest.mark.parametrize("state", ["waiting", "refused", "expired", "open", "empty"])
def test_what_may_not_be_given_out(
    store: SqlStore, lesson: Collection, tmp_path: Path, state: str
) -> None:
    clip = library.clip(store, lesson.clip_ids[0])
    if state == "waiting":
        library.change(store, replace(clip, recipe=Recipe(2, 2)))
    elif state == "refused":
        library.mark_checked(store, clip.id, (), clean=False)
    elif state == "expired":
        library.change(store, replace(clip, expires=date(2026, 2, 28)))
    elif state == "open":
        library.change(store, replace(clip, recipe=Recipe(redact=False)))
    else:
        library.take_out(store, lesson.id, [clip.id])
    with pytest.raises(UsageError):
        export.export(store, lesson, tmp_path / "x.zip", Wish(pdf=False), "wu", NOW)
    assert not (tmp_path / "x.zip").exists()
    assert list(export.takeouts(store)) == []


def test_subtitles_and_report_beside_a_cut(tmp_path: Path) -> None:
    focus = RESULT.call.utterances[2].span
    clip = rendering.render(RESULT, sound_of(RESULT), focus, Role.AGENT, Recipe(0, 1))
    path = write_clip(clip, tmp_path / "c", "k", "wav")
    assert path.stat().st_mode & 0o077 == 0
    cues = (tmp_path / "c/k.vtt").read_text("utf-8")
    assert cues.startswith("WEBVTT\n") and "<v 坐席>给您添麻烦了，实在抱歉。</v>" in cues
    assert not any(words in cues for words in PERSONAL)
    assert json.loads((tmp_path / "c/k.json").read_text())["may_remain"]["not_heard_again"]
    assert vtt(clip.lines) == cues


# The draft's objects as far as we write them (draft-ietf-vcon-vcon-core, sections 2.2, 4.1 to 4.5).
_DATE = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?([+-]\d\d:\d\d|Z)$"}
_INDEX = {"type": "integer", "minimum": 0}
_INDICES = {"type": "array", "items": {"anyOf": [_INDEX, {"type": "array", "items": _INDEX}]}}
_UUID = {"type": "string", "pattern": "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"}
_HASH = {"type": "string", "pattern": "^sha512-[A-Za-z0-9_-]{86}$"}


def _texts(*names: str) -> dict[str, Any]:
    return {name: {"type": "string"} for name in names}


VCON = {
    "type": "object",
    "required": ["vcon", "uuid", "created_at", "parties"],
    "additionalProperties": False,
    "properties": {
        "vcon": {"const": "0.4.0"},
        "uuid": _UUID,
        "created_at": _DATE,
        "redacted": {
            "type": "object",
            "required": ["uuid", "type"],
            "properties": {"uuid": _UUID, "type": {"type": "string"}},
            "additionalProperties": False,
        },
        "parties": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": _texts("name", "validation", "role"),
                "additionalProperties": False,
            },
        },
        "dialog": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["type", "start", "parties", "mediatype", "body", "encoding"],
                "properties": {
                    "type": {"enum": ["recording", "text", "transfer", "incomplete"]},
                    "start": _DATE,
                    "duration": {"type": "number", "minimum": 0},
                    "parties": {"anyOf": [_INDEX, _INDICES]},
                    "originator": _INDEX,
                    "mediatype": {"enum": ["audio/x-mp3", "audio/x-wav"]},
                    "filename": {"type": "string"},
                    "body": {"type": "string", "pattern": "^[A-Za-z0-9_-]+$"},
                    "encoding": {"const": "base64url"},
                    "content_hash": _HASH,
                },
                "additionalProperties": False,
            },
        },
        "analysis": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["type", "dialog", "vendor", "body", "encoding"],
                "properties": {
                    **_texts("type", "vendor", "product", "schema"),
                    "dialog": {"anyOf": [_INDEX, {"type": "array", "items": _INDEX}]},
                    "mediatype": {"const": "application/json"},
                    "body": {},
                    "encoding": {"const": "json"},
                },
                "additionalProperties": False,
            },
        },
        "attachments": {"type": "array"},
    },
}


@pytest.mark.parametrize("stereo", [True, False])
def test_a_vcon_keeps_to_the_draft(stereo: bool) -> None:
    result = made("v", *LINES, stereo=stereo)
    rendered = rendering.render_call(result, sound_of(result), Recipe())
    made_ = json.loads(json.dumps(vcon(result, rendered, NOW, shared=True), ensure_ascii=False))
    jsonschema.Draft202012Validator(VCON).validate(made_)
    (dialog,) = made_["dialog"]
    assert len(dialog["parties"]) == 2
    body = base64.urlsafe_b64decode(dialog["body"] + "=" * (-len(dialog["body"]) % 4))
    digest = base64.urlsafe_b64encode(hashlib.sha512(body).digest()).rstrip(b"=").decode()
    assert dialog["content_hash"] == f"sha512-{digest}"
    import av

    with av.open(io.BytesIO(body)) as container:
        assert container.streams.audio[0].channels == (2 if stereo else 1)
    text = json.dumps({**made_, "dialog": []}, ensure_ascii=False)
    assert "实在抱歉" in text and not any(words in text for words in PERSONAL)
    assert "1023" not in text, "shared: the agent's id stays out"
    assert made_["uuid"][14] == "8" and made_["uuid"][19] in "89ab"


def test_a_call_in_doubt_is_not_exported(store: SqlStore, tmp_path: Path) -> None:
    from clip_calls import chunks_of

    class Hears:
        def transcribe(self, passages: Any) -> Any:
            return tuple(
                tuple(c for c in chunks_of(RESULT) if c.channel == p.channel) for p in passages
            )

    ear = Hearing(Hears, lambda row: (Span(0, len(row) // 16),))  # type: ignore[arg-type, return-value]
    with pytest.raises(Exception, match="may still be heard"):
        export.export_call(store, "k1", tmp_path / "c.json", Recipe(), ear, "wu", NOW)
    assert not (tmp_path / "c.json").exists()


def _month(name: str, at: datetime, outcome: Outcome) -> Any:
    text = "给您添麻烦了，实在抱歉。" if outcome is Outcome.PASS else "那你找别人去，我不管。"
    bare = made(name, ("c", "你们太慢了"), ("a", text), started_at=at)
    return replace(bare, findings=(found(bare, "apology", 1, outcome),))


def test_the_best_of_a_month_and_who_got_better(tmp_path: Path) -> None:
    calls = [
        _month(
            f"a{n}", datetime(2026, 1 + n // 2, 5 + n), Outcome.VIOLATION if n < 3 else Outcome.PASS
        )
        for n in range(6)
    ]
    with open_store(tmp_path / "s.db") as own:
        for one in calls:
            own.put_result(one)
        index.refresh(own, lexicons(), load_absence())
        best = practice.best(own, ("apology",))
        assert [(b.check, b.month) for b in best] == [
            ("apology", "2026-03"),
            ("apology", "2026-02"),
        ]
        assert practice.best(own, month="2026-01") == ()
        (better,) = practice.improved(own, "1023")
        assert better.shares == (0.0, 1.0) and better.counts == ((0, 3), (3, 3))
        assert better.before.outcome == "violation" and better.after.outcome == "pass"
        assert better.before.started_at < better.after.started_at  # type: ignore[operator]
        assert practice.improved(own, "nobody") == ()
    with pytest.raises(UsageError, match="2026-01"):
        practice._month("Januar")
