"""Clips in the review app: who may, what is found and heard, collections, handing out."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

pytest.importorskip("fastapi")

import soundfile
from clip_calls import LINES, found, made, sound_of
from rule_toys import lexicons
from web_house import Site, post, site

from qc_speech import audio as audio_files
from qc_speech.clips import index, library
from qc_speech.clips.guard import secrets
from qc_speech.clips.search import Wanted
from qc_speech.clips.values import Recipe
from qc_speech.model import CallResult
from qc_speech.publish import remember_source
from qc_speech.rules.absence import load_absence
from qc_speech.store import audit
from qc_speech.store.tables import RESULTS

PERSONAL = ("二五七", "零零零零")


def real(folder: Path, name: str) -> tuple[CallResult, Path]:
    """A call with its recording on disk."""
    bare = made(name, *LINES)
    path = folder / f"{name}.wav"
    soundfile.write(path, sound_of(bare).samples.T, 16_000)
    recording = replace(bare.call.recording, id=audio_files.file_id(path))
    result = replace(bare, call=replace(bare.call, recording=recording))
    return replace(result, findings=(found(result, "apology", 2),)), path


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Site:
    folder = tmp_path_factory.mktemp("clips")
    calls = [real(folder, name) for name in ("k1", "k2")]
    built = site(folder / "out", [result for result, _ in calls])
    for result, path in calls:
        remember_source(built.store, result, path)
    with built.store.transaction(write=True) as connection:
        connection.execute(update(RESULTS).where(RESULTS.c.call_id == "k2").values(team="西区"))
    index.refresh(built.store, lexicons(), load_absence())
    return built


def example(house: Site, call_id: str = "k1") -> str:
    wanted = Wanted(checks=("apology",), fold=False)
    (one,) = [e for e in index.find(house.store, wanted) if e.call_id == call_id]
    return one.id


def collected(house: Site, title: str, **fields: Any) -> str:
    answer = post(house.as_("sun"), "/clips/collect", example=example(house), title=title, **fields)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"]).rsplit("/", 1)[1]


@pytest.mark.parametrize(
    ("who", "status"),
    [("sun", 200), ("chen", 200), ("root", 200), ("wang", 403), ("lin", 403)],
)
def test_trainers_supervisors_and_administrators_may(house: Site, who: str, status: int) -> None:
    client = house.as_(who)
    assert client.get("/clips").status_code == status
    assert client.get(f"/clips/sound/{example(house)}.mp3").status_code == status
    assert client.get("/clips/library").status_code == status
    assert ("/clips" in client.get("/account").text) is (status == 200)


def test_a_wording_is_found_without_personal_data(house: Site) -> None:
    page = house.as_("sun").get("/clips", params={"q": "添麻烦"}).text
    assert "给您添麻烦了" in page and "k1" in page
    page = house.as_("sun").get("/clips", params={"q": "幺三八", "speaker": "customer"}).text
    assert not any(words in page for words in PERSONAL)
    english = house.enter("sun")
    english.get("/language/en", params={"next": "/clips"})
    assert "Training clips" in english.get("/clips").text


def test_one_click_hears_it_and_the_log_knows(house: Site) -> None:
    answer = house.as_("sun").get(f"/clips/sound/{example(house)}.mp3", params={"before": 0})
    assert answer.headers["content-type"] == "audio/mpeg" and len(answer.content) > 5000
    entry = next(iter(audit.entries(house.store, newest=1)))
    assert (entry.who, entry.action, entry.object) == ("sun", "web.clips.hear", "call:k1")


def test_an_unknown_example_is_not_found(house: Site) -> None:
    client = house.as_("sun")
    for path in ("/clips/sound/none.mp3", "/clips/kept/none.mp3", "/clips/library/none"):
        assert client.get(path).status_code == 404


def test_who_is_kept_to_a_team_finds_only_its_calls(house: Site) -> None:
    from qc_speech.web import people

    (user,) = [one for one in people.all_users(house.store) if one.name == "sun"]
    west = replace(user, teams=("西区",))
    wanted = Wanted(checks=("apology",), fold=False, teams=west.teams)
    assert [e.call_id for e in index.find(house.store, wanted)] == ["k2"]
    from qc_speech.web.clips.ask import reachable_calls

    assert reachable_calls(house.store, west, ["k1", "k2"]) == {"k2"}


def test_collected_asked_checked_and_handed_out(house: Site) -> None:
    id_ = collected(house, "第一课", disguise_customer="1", before="0", expires="2099-01-01")
    client = house.as_("sun")
    (clip,) = library.clips(house.store, collection=id_)
    assert clip.added_by == "sun" and clip.recipe.before == 0 and clip.recipe.redact
    assert len(clip.recipe.disguise) == 1
    asked = post(
        client, f"/clips/library/{id_}/ask", clip=clip.id, question="哪里好？",
        choices="道歉\n打断", answer="1", explanation="S4 2.3",
    )  # fmt: skip
    assert asked.status_code == 303
    page = client.get(f"/clips/library/{id_}").text
    assert "哪里好？" in page and "待听检" in page
    early = post(client, f"/clips/library/{id_}/export")
    assert early.status_code == 422 and "check" in early.text
    result = house.store.result("k1")
    assert result is not None
    library.mark_checked(house.store, clip.id, secrets(result, Recipe()), clean=True)
    answer = post(client, f"/clips/library/{id_}/export", form="scorm")
    assert answer.status_code == 200 and "attachment" in answer.headers["content-disposition"]
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        names = archive.namelist()
        lesson = archive.read("index.html").decode()
    assert "imsmanifest.xml" in names and "哪里好？" in lesson
    assert not any(words in lesson for words in PERSONAL)
    entry = next(iter(audit.entries(house.store, newest=1)))
    assert (entry.who, entry.action) == ("sun", "clips.export")
    assert client.get(f"/clips/kept/{clip.id}.mp3").status_code == 200
    dropped = post(client, f"/clips/library/{id_}/drop", clip=clip.id)
    assert dropped.status_code == 303
    assert library.collection(house.store, id_).clip_ids == ()


def test_a_lost_recording_is_said_in_one_line(house: Site, tmp_path: Path) -> None:
    id_ = collected(house, "第二课")
    (clip,) = library.clips(house.store, collection=id_)
    result = house.store.result("k1")
    assert result is not None
    kept = house.store.stage(result.call.recording.id, "source", "k1")
    remember_source(house.store, result, tmp_path / "gone.wav")
    answer = house.as_("sun").get(f"/clips/kept/{clip.id}.mp3")
    assert answer.status_code == 422 and "recording is not where it was" in answer.text
    remember_source(house.store, result, Path(kept["path"]))


def test_forms_need_the_token(house: Site) -> None:
    client = house.as_("sun")
    for path in ("/clips/collect", "/clips/refresh"):
        assert client.post(path, data={"title": "x"}).status_code == 403


def test_the_page_needs_no_engine() -> None:
    code = (
        "import sys; import qc_speech.web.clips.routes; "
        "print([m for m in ('torch', 'ctranslate2', 'faster_whisper') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
