"""The call page: what it shows, what it plays, and what people's verdicts do."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

pytest.importorskip("fastapi")

from report_calls import FINDINGS, TURNS, call, finding
from web_house import Site, ask, site

from qc_speech.model import CallResult, Outcome
from qc_speech.pipeline import score
from qc_speech.publish import remember_source
from qc_speech.setup import load_rules
from qc_speech.store.notes import notes
from qc_speech.web import people
from qc_speech.web.call import routes
from qc_speech.web.call.ranges import MOST

RATE = 8000


def priced(call_id: str, agent: str | None = "1023", **more: Any) -> CallResult:
    """A call whose findings and score are those of the rules themselves."""
    made = call(call_id, agent, **more)
    own = replace(made.call.recording, id=hashlib.sha256(call_id.encode()).hexdigest())
    return score(replace(made.call, recording=own), made.measures, load_rules(), None)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Site:
    folder = tmp_path_factory.mktemp("call")
    results = [priced(f"c{n}") for n in range(9)] + [priced("other", "2001"), call("made")]
    return site(folder, results)


def state(house: Site, call_id: str, who: str = "wang") -> dict[str, Any]:
    answer = house.as_(who).get(f"/calls/{call_id}/state", headers={"accept": "application/json"})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def send(house: Site, call_id: str, what: str, who: str = "wang", **body: Any) -> Any:
    body.setdefault("version", state(house, call_id)["version"])
    return ask(house.as_(who), "POST", f"/calls/{call_id}/{what}", body)


def judge(house: Site, call_id: str, one: dict[str, Any], outcome: str, **more: Any) -> Any:
    who = more.pop("who", "wang")
    body = {
        "finding": one["number"], "check": one["check"], "start": one["start"], "end": one["end"],
        "outcome": outcome, **more,
    }  # fmt: skip
    return send(house, call_id, "verdict", who, **body)


def charged(now: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = next(
        one for one in now["findings"] if one["outcome"] == "violation" and one["points"]
    )
    return found


# The page


def page_data(html: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="call-data">(.*?)</script>', html, re.S)
    assert found
    data: dict[str, Any] = json.loads(found[1])
    return data


def test_the_page_holds_state_and_no_inline_script(house: Site) -> None:
    answer = house.as_("wang").get("/calls/c0")
    assert answer.status_code == 200
    data = page_data(answer.text)
    assert data["state"] == state(house, "c0")
    assert data["can"] == {"review": True}
    assert {lane["role"] for lane in data["lanes"]} >= {"agent", "customer"}
    for script in re.findall(r"<script[^>]*>", answer.text):
        assert "src=" in script or 'type="application/json"' in script
    assert not re.search(r'\son\w+="|\sstyle="|javascript:', answer.text)
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    for check in data["state"]["findings"]:
        assert check["check"] in data["names"]["checks"]


def test_the_transcript_is_not_in_the_page(house: Site) -> None:
    html = house.as_("wang").get("/calls/c0").text
    assert TURNS[1][3] not in html  # an hour's call would make it slow
    lines = house.as_("wang").get("/calls/c0/transcript").json()["lines"]
    assert [line[7] for line in lines] == [turn[3] for turn in TURNS]
    for line in lines:
        assert sum(line[8][2::4]) == len(line[7])
        assert line[8][0] == line[1]


def test_a_call_of_nobody_else(house: Site) -> None:
    for path in ("", "/state", "/transcript", "/peaks", "/audio", "/why?check=greeting"):
        assert house.as_("lin").get(f"/calls/other{path}").status_code == 404
        assert house.as_("wang").get(f"/calls/none{path}").status_code == 404
        assert house.as_("root").get(f"/calls/c0{path}").status_code == 404
    assert house.as_("lin").get("/calls/c0").status_code == 200
    assert page_data(house.as_("lin").get("/calls/c0").text)["can"] == {"review": False}


def test_who_may_only_look_changes_nothing(house: Site) -> None:
    before = state(house, "c0")
    one = charged(before)
    for who in ("lin", "sun"):
        assert judge(house, "c0", one, "pass", who=who).status_code == 403
        note = {"kind": "comment", "start": 0, "end": 0, "speaker": None, "value": "x"}
        assert send(house, "c0", "note", who, **note).status_code == 403
        assert send(house, "c0", "looked", who).status_code == 403
    assert state(house, "c0") == before


def test_markup_that_was_spoken_stays_text(tmp_path: Path) -> None:
    evil = "</script><img src=x onerror=alert(1)>"
    made = call("evil", findings=(finding(quote=evil),), turns=(("S0", 0, 900, evil),))
    house = site(tmp_path / "s", [replace(made, findings=(replace(FINDINGS[3], reason=evil),))])
    html = house.as_("wang").get("/calls/evil").text
    assert "<img" not in html
    assert page_data(html)["state"]["findings"][0]["reason"] == evil
    answer = house.as_("wang").get("/calls/evil/transcript")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["lines"][0][7] == evil


def test_personal_data_is_masked_for_those_who_may_not_see_it(tmp_path: Path) -> None:
    number = "13812345678"
    turns = (
        ("S0", 0, 3000, "请问您的联系电话是多少"),
        ("S1", 3000, 9000, f"我的电话是{number}"),
        ("S0", 9000, 15000, f"好的，您的电话是{number}，对吗"),
    )
    quoted = finding("readback", Outcome.PASS, 0, "phrase", 9000, quote=f"您的电话是{number}")
    house = site(tmp_path / "s", [call("p", findings=(quoted,), turns=turns)])
    full = (
        house.as_("wang").get("/calls/p").text + house.as_("wang").get("/calls/p/transcript").text
    )
    masked = (
        house.as_("sun").get("/calls/p").text + house.as_("sun").get("/calls/p/transcript").text
    )
    assert full.count(number) == 3
    assert number not in masked and number[3:] not in masked
    lines = house.as_("sun").get("/calls/p/transcript").json()["lines"]
    assert [len(line[7]) for line in lines] == [len(turn[3]) for turn in turns]
    assert lines[0][7] == turns[0][3]


# Verdicts


def test_a_verdict_moves_the_score_and_says_why(house: Site) -> None:
    before = state(house, "c1")
    one = charged(before)
    answer = judge(house, "c1", one, "pass", note="客户同意了")
    assert answer.status_code == 200
    after = answer.json()
    assert after["score"]["total"] == before["score"]["total"] - one["points"]
    assert after["machine"] == before["machine"]
    judged = after["findings"][one["number"]]
    assert (judged["outcome"], judged["points"], judged["machine"]) == ("pass", 0.0, "violation")
    assert (judged["review"]["by"], judged["review"]["note"]) == ("wang", "客户同意了")
    change = {"check": one["check"], "before": "violation", "after": "pass",
              "points": -one["points"], "by": "wang"}  # fmt: skip
    assert change in after["changes"]
    assert after == state(house, "c1")
    with house.store.transaction(write=False) as connection:
        from sqlalchemy import select

        from qc_speech.store.tables import RESULTS

        row = connection.execute(select(RESULTS).where(RESULTS.c.call_id == "c1")).one()
    assert (row.settled_total, row.total) == (after["score"]["total"], before["score"]["total"])


def test_undo_brings_back_what_was(house: Site) -> None:
    before = state(house, "c2")
    one = charged(before)
    after = judge(house, "c2", one, "pass").json()
    assert after["undo"]["what"][1].endswith(": Passed")
    assert send(house, "c2", "undo", id=after["undo"]["id"], who="zhao").status_code == 409
    back = send(house, "c2", "undo", id=after["undo"]["id"]).json()
    for part in ("score", "findings", "changes", "undo"):
        assert back[part] == before[part]
    again = send(house, "c2", "undo", id=after["undo"]["id"])
    assert again.status_code == 409


def test_two_at_once_the_second_is_refused_and_told_by_whom(house: Site) -> None:
    seen = state(house, "c3")
    one = charged(seen)
    first = judge(house, "c3", one, "pass", version=seen["version"], who="zhao")
    second = judge(house, "c3", one, "violation", version=seen["version"], who="wang")
    assert (first.status_code, second.status_code) == (200, 409)
    body = second.json()
    assert "zhao" in body["detail"] and "没有保存" in body["detail"]
    assert body["state"]["findings"][one["number"]]["outcome"] == "pass"
    assert body["state"]["undo"] is None  # what zhao did is not wang's to undo
    assert len(list(house.store.reviews("c3"))) == 1
    repeated = judge(house, "c3", one, "violation", version=body["state"]["version"], who="wang")
    assert repeated.json()["findings"][one["number"]]["review"]["by"] == "wang"


def test_a_verdict_on_another_finding_than_was_seen_is_refused(house: Site) -> None:
    one = charged(state(house, "c4"))
    assert judge(house, "c4", {**one, "check": "greeting"}, "pass").status_code == 409
    assert judge(house, "c4", {**one, "start": 1, "end": 2}, "pass").status_code == 409
    assert judge(house, "c4", {**one, "number": 10_000}, "pass").status_code == 409
    assert list(house.store.reviews("c4")) == []


@pytest.mark.parametrize(
    "body",
    [
        {}, {"outcome": "perhaps"}, {"finding": -1}, {"start": "now"}, {"extra": 1},
        {"note": "x" * 2001}, {"version": None},
    ],
)  # fmt: skip
def test_what_is_no_verdict(body: dict[str, Any], house: Site) -> None:
    one = charged(state(house, "c4"))
    whole = {"finding": one["number"], "check": one["check"], "start": one["start"],
             "end": one["end"], "outcome": "pass"}  # fmt: skip
    sent = {} if not body else {**whole, "version": "x", **body}
    answer = ask(house.as_("wang"), "POST", "/calls/c4/verdict", sent)
    assert answer.status_code == 422
    assert list(house.store.reviews("c4")) == []


def test_a_miss_costs_points_and_can_be_taken_back(house: Site) -> None:
    before = state(house, "c5")
    line = TURNS[2]
    answer = send(house, "c5", "miss", check="impatience", start=line[1], end=line[2], note="语气")
    after = answer.json()
    assert len(after["findings"]) == len(before["findings"]) + 1
    added = after["findings"][-1]
    assert (added["check"], added["machine"], added["outcome"]) == ("impatience", None, "violation")
    assert added["points"] < 0
    assert after["score"]["total"] == before["score"]["total"] + added["points"]
    assert judge(house, "c5", added, "pass").json()["score"]["total"] == before["score"]["total"]
    for _ in range(2):
        after = send(house, "c5", "undo", id=state(house, "c5")["undo"]["id"]).json()
    assert after["findings"] == before["findings"]
    assert send(house, "c5", "miss", check="nonsense", start=None, end=None).status_code == 422


def test_what_was_heard_is_corrected_beside_it(house: Site) -> None:
    line, speaker = TURNS[1], TURNS[1][0]
    place = {"start": line[1], "end": line[2], "speaker": speaker}
    text = {**place, "kind": "text", "value": "我家暖气不热了"}
    assert send(house, "c6", "note", **text).status_code == 200
    role = {**place, "kind": "role", "value": "other"}
    whole = {"kind": "speaker", "start": None, "end": None, "speaker": "S3", "value": "customer"}
    said = {"kind": "comment", "start": 100, "end": 100, "speaker": None, "value": "再听一遍"}
    for one in (role, whole, said):
        after = send(house, "c6", "note", **one).json()
    assert [note["kind"] for note in after["notes"]] == ["text", "role", "speaker", "comment"]
    lines = house.as_("wang").get("/calls/c6/transcript").json()["lines"]
    assert lines[1][7] == line[3]  # what was heard stays
    back = send(house, "c6", "undo", id=after["undo"]["id"]).json()
    assert [note["kind"] for note in back["notes"]] == ["text", "role", "speaker"]
    assert [note.withdrawn for note in notes(house.store, "c6")] == [False] * 3 + [True]


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "text", "start": 1, "end": 2, "speaker": "S0", "value": "x"},
        {
            "kind": "role",
            "start": TURNS[1][1],
            "end": TURNS[1][2],
            "speaker": "S1",
            "value": "boss",
        },
        {"kind": "speaker", "start": None, "end": None, "speaker": "S9", "value": "agent"},
        {"kind": "comment", "start": None, "end": None, "speaker": None, "value": "x"},
        {"kind": "comment", "start": 5, "end": 4, "speaker": None, "value": "x"},
        {"kind": "comment", "start": 5, "end": 5, "speaker": None, "value": ""},
        {"kind": "shout", "start": 5, "end": 5, "speaker": None, "value": "x"},
    ],
)
def test_what_is_no_note(body: dict[str, Any], house: Site) -> None:
    assert send(house, "c7", "note", **body).status_code == 422
    assert notes(house.store, "c7") == ()


def test_a_note_does_not_make_a_verdict_old_nor_the_other_way(house: Site) -> None:
    seen = state(house, "c8")
    one = charged(seen)
    said = {"kind": "comment", "start": 1, "end": 1, "speaker": None, "value": "一"}
    assert send(house, "c8", "note", "zhao", **said, version=seen["version"]).status_code == 200
    assert judge(house, "c8", one, "pass", version=seen["version"]).status_code == 200
    assert send(house, "c8", "note", **said, version=seen["version"]).status_code == 409


def test_why_shows_what_was_compared(house: Site) -> None:
    answer = house.as_("wang").get("/calls/c0/why?check=greeting&language=en")
    assert answer.status_code == 200
    assert any(line.startswith("Outcome:") for line in answer.json()["lines"])
    assert house.as_("wang").get("/calls/c0/why?check=nonsense").status_code == 422


def test_a_forged_change_is_refused(house: Site) -> None:
    one = charged(state(house, "c7"))
    body = {"version": "x", "finding": one["number"], "check": one["check"], "start": one["start"],
            "end": one["end"], "outcome": "pass"}  # fmt: skip
    client = house.as_("wang")
    assert client.post("/calls/c7/verdict", json=body).status_code == 403
    elsewhere = {"origin": "https://evil.test", "x-csrf-token": "x"}
    assert client.post("/calls/c7/verdict", json=body, headers=elsewhere).status_code == 403


# The recording


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Calls with recordings: WAV that browsers play, A-law that they do not, one that is gone."""
    folder = tmp_path_factory.mktemp("studio")
    house = site(folder / "out", [priced("wav"), priced("alaw"), priced("gone"), priced("../x")])
    noise = np.random.default_rng(1).normal(0, 0.1, (90 * RATE, 2))
    soundfile.write(folder / "one.wav", noise, RATE, subtype="PCM_16")
    soundfile.write(folder / "two.wav", noise, RATE, subtype="ALAW")
    for call_id, name in (("wav", "one.wav"), ("alaw", "two.wav"), ("gone", "three.wav")):
        result = house.store.result(call_id)
        assert result
        remember_source(house.store, result, folder / name)
    return house


def test_a_recording_comes_in_pieces(studio: Site) -> None:
    client, path = studio.as_("wang"), "/calls/wav/audio"
    whole = client.get(path)
    assert whole.status_code == 200 and whole.headers["accept-ranges"] == "bytes"
    assert whole.headers["content-type"] == "audio/wav"
    size = len(whole.content)
    assert size > 2 * MOST
    first = client.get(path, headers={"range": "bytes=0-"})
    assert (first.status_code, len(first.content)) == (206, MOST)
    assert first.headers["content-range"] == f"bytes 0-{MOST - 1}/{size}"
    middle = client.get(path, headers={"range": f"bytes={MOST + 7}-{MOST + 26}"})
    assert middle.content == whole.content[MOST + 7 : MOST + 27]
    assert client.get(path, headers={"range": f"bytes={size}-"}).status_code == 416
    assert client.get(path, headers={"range": "bytes=0-1,3-4"}).status_code == 416
    head = client.head(path, headers={"range": "bytes=0-9"})
    assert (head.status_code, head.headers["content-length"], head.content) == (206, "10", b"")
    old = {"range": "bytes=0-9", "if-range": '"another"'}
    assert client.get(path, headers=old).status_code == 200


def test_what_browsers_do_not_play_is_copied_once(studio: Site) -> None:
    client = studio.as_("wang")
    first = client.get("/calls/alaw/audio", headers={"range": "bytes=0-3"})
    assert first.content == b"fLaC" and first.headers["content-type"] == "audio/flac"
    copy = studio.out / "audio" / "alaw.flac"
    made = copy.stat()
    assert made.st_mode & 0o077 == 0
    client.get("/calls/alaw/audio")
    assert copy.stat().st_mtime_ns == made.st_mtime_ns
    assert soundfile.info(copy).duration == pytest.approx(90)


def test_the_waveform_is_kept(studio: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    first = studio.as_("wang").get("/calls/wav/peaks").json()
    assert first["step_ms"] == 20 and len(first["channels"]) == 2
    monkeypatch.setattr(routes.sound, "peaks_of", lambda _: pytest.fail("worked out twice"))
    assert studio.as_("wang").get("/calls/wav/peaks").json() == first


def test_a_recording_that_is_gone(studio: Site) -> None:
    client = studio.as_("wang")
    assert client.get("/calls/gone/audio").status_code == 404
    assert client.get("/calls/gone/peaks").status_code == 404
    assert "<audio" not in client.get("/calls/gone").text
    assert "<audio" in client.get("/calls/wav").text


def test_no_path_but_the_stores_own(studio: Site) -> None:
    client = studio.as_("wang")
    for path in ("..%2fx", "%2e%2e%2fx", "..%5cx", "....//x", "%2fetc%2fpasswd", "..%00"):
        assert client.get(f"/calls/{path}/audio").status_code in (400, 404, 405)


# What verdicts tell of the machine


def test_accuracy_by_verdicts(house: Site) -> None:
    one = charged(state(house, "c7"))
    assert judge(house, "c7", one, "pass").status_code == 200
    html = house.as_("wang").get("/quality")
    assert html.status_code == 200 and "准确率" in html.text
    assert house.as_("lin").get("/quality").status_code == 403
    rows = {row["check"]: row for row in house.as_("chen").get("/api/quality").json()}
    own = rows[one["check"]]["precision"]
    assert own["whole"] >= 1 and own["low"] <= own["value"] <= own["high"]


def test_a_checked_call_leaves_the_queue_and_comes_back(house: Site) -> None:
    from qc_speech.web.queue.filters import read_filters
    from qc_speech.web.queue.select import queue_page

    def waiting() -> set[str]:
        user = people.find_user(house.store, "wang")
        assert user
        shown = queue_page(house.store, user, read_filters({"source": "all"})).calls
        return {call.call_id for call in shown}

    assert "c8" in waiting()
    after = send(house, "c8", "looked").json()
    assert after["looked"] and "c8" not in waiting()
    back = send(house, "c8", "undo", id=after["undo"]["id"]).json()
    assert not back["looked"] and "c8" in waiting()
    assert 'href="/queue/next?' in house.as_("wang").get("/calls/c8?view=source%3Dall").text


def test_verdicts_on_a_sampled_call_say_so(house: Site) -> None:
    from sqlalchemy import insert

    from qc_speech.store.sql import utc_now
    from qc_speech.store.web_tables import SAMPLES

    with house.store.transaction(write=True) as connection:
        row = {"call_id": "other", "week": "2026-W05", "drawn_at": utc_now()}
        connection.execute(insert(SAMPLES), [row])
    assert judge(house, "other", charged(state(house, "other")), "pass").status_code == 200
    assert [review.purpose for review in house.store.reviews("other")] == ["sample"]
