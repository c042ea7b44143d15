"""From a deduction to the decision about it: the agent, and a second inspector."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

pytest.importorskip("fastapi")

from report_calls import call
from web_house import Site, post, site

from qc_speech.model import Outcome, Review
from qc_speech.settling import judge
from qc_speech.setup import load_rules
from qc_speech.store import audit
from qc_speech.store.sql import utc_now
from qc_speech.store.tables import RESULTS
from qc_speech.store.web_tables import APPEALS
from qc_speech.web import people
from qc_speech.web.appeals import cases
from qc_speech.web.site import change_site_settings


@pytest.fixture
def house(tmp_path: Path) -> Site:
    return site(tmp_path / "out", (call("c01", "1023"), call("c03", "2001"), call("c04", None)))


def deduction(house: Site, check: str, call_id: str = "c01") -> str:
    """Its id, as the agent's page writes it into the form."""
    page = house.as_("lin").get(f"/my/calls/{call_id}").text
    return next(
        one
        for one in re.findall(r'name="deduction" value="([^"]+)"', page)
        if one.startswith(check)
    )


def total(house: Site, call_id: str = "c01") -> float:
    with house.store.transaction(write=False) as connection:
        query = select(RESULTS.c.settled_total).where(RESULTS.c.call_id == call_id)
        return float(connection.execute(query).scalar_one())


def appeal(house: Site, check: str = "negative", reason: str = "我说的是别的部门") -> cases.Case:
    form = {"deduction": deduction(house, check), "answer": "appeal", "reason": reason}
    assert post(house.as_("lin"), "/my/calls/c01/answer", **form).status_code == 303
    return cases.cases(house.store, APPEALS.c.check == check)[0]


def test_an_agent_sees_his_own_calls_alone(house: Site) -> None:
    lin = house.as_("lin")
    page = lin.get("/my").text
    assert "/my/calls/c01" in page and "c03" not in page and "c04" not in page
    assert lin.get("/my/calls/c01").status_code == 200
    for other in ("c03", "c04", "nothing", "../c03", "c03%00"):
        assert lin.get(f"/my/calls/{other}").status_code in (400, 404)
        form = {"deduction": "x", "answer": "accept"}
        assert post(lin, f"/my/calls/{other}/answer", **form).status_code in (400, 404)
    for who in ("wang", "chen", "sun", "root"):
        assert house.as_(who).get("/my").status_code == 403


def test_from_the_deduction_to_the_decision(house: Site) -> None:
    before = total(house)
    one = appeal(house)
    assert one.open and one.points == -5
    assert "我说的是别的部门" in house.as_("wang").get(f"/appeals/{one.id}").text
    assert one.id in house.as_("zhao").get("/appeals").text
    decided = post(
        house.as_("zhao"), f"/appeals/{one.id}/decide", decision="overturned", note="确实不是推诿"
    )
    assert decided.status_code == 303
    assert total(house) == before + 5
    (review,) = house.store.reviews("c01")
    assert (review.purpose, review.outcome, review.machine) == (
        "appeal",
        Outcome.PASS,
        Outcome.VIOLATION,
    )
    lin = house.as_("lin")
    assert "1</strong> 项申诉有了结果" in lin.get("/my").text
    shown = lin.get("/my/calls/c01").text
    assert "撤销扣分" in shown and "确实不是推诿" in shown
    assert "项申诉有了结果" not in lin.get("/my").text
    done = [entry.action for entry in audit.entries(house.store)]
    assert "web.deduction.appeal" in done and "web.appeal.overturned" in done
    assert audit.verify(house.store).broken is None


def test_an_upheld_deduction_stays(house: Site) -> None:
    before, one = total(house), appeal(house)
    post(house.as_("zhao"), f"/appeals/{one.id}/decide", decision="upheld", note="听得很清楚")
    assert total(house) == before
    form = {
        "deduction": f"negative.{one.span.start_ms}-{one.span.end_ms}" if one.span else "",
        "answer": "appeal",
        "reason": "再来一次",
    }
    assert post(house.as_("lin"), "/my/calls/c01/answer", **form).status_code == 409


def test_who_gave_the_verdict_does_not_decide(house: Site) -> None:
    one = appeal(house)
    verdict = Review(
        "v1", "c01", "negative", one.span, Outcome.VIOLATION, Outcome.VIOLATION, "wang", utc_now()
    )
    judge(house.store, verdict, load_rules().rulebooks)
    decision = {"decision": "overturned", "note": "x"}
    assert "须由另一位质检员" in house.as_("wang").get(f"/appeals/{one.id}").text
    assert post(house.as_("wang"), f"/appeals/{one.id}/decide", **decision).status_code == 403
    assert post(house.as_("lin"), f"/appeals/{one.id}/decide", **decision).status_code == 403
    assert post(house.as_("zhao"), f"/appeals/{one.id}/decide", **decision).status_code == 303
    assert post(house.as_("chen"), f"/appeals/{one.id}/decide", **decision).status_code == 409


def test_a_decision_needs_words(house: Site) -> None:
    one = appeal(house)
    for note in ("", "   "):
        answer = post(house.as_("zhao"), f"/appeals/{one.id}/decide", decision="upheld", note=note)
        assert answer.status_code == 422
    refused = {"deduction": deduction(house, "negative"), "answer": "appeal", "reason": " "}
    assert post(house.as_("lin"), "/my/calls/c01/answer", **refused).status_code == 422


def test_an_accepted_deduction_may_still_be_appealed_in_time(house: Site) -> None:
    form = {"deduction": deduction(house, "negative"), "answer": "accept"}
    post(house.as_("lin"), "/my/calls/c01/answer", **form)
    assert cases.cases(house.store)[0].answer == "accept"
    assert not cases.open_cases(house.store, people.find_user(house.store, "wang"))  # type: ignore[arg-type]
    assert appeal(house).open and len(cases.cases(house.store)) == 1


def test_after_the_deadline_nothing_is_kept(house: Site) -> None:
    form = {"deduction": deduction(house, "negative"), "answer": "appeal", "reason": "晚了"}
    past = utc_now() - timedelta(days=8)
    with house.store.transaction(write=True) as connection:
        connection.execute(update(RESULTS).values(inspected_at=past))
    answer = post(house.as_("lin"), "/my/calls/c01/answer", **form)
    assert answer.headers["location"].endswith("said=ap_late")
    assert cases.cases(house.store) == ()
    change_site_settings(house.store, appeal_days=30)
    assert appeal(house).open


def test_a_verdict_gives_the_agent_time_anew(house: Site) -> None:
    past = utc_now() - timedelta(days=8)
    with house.store.transaction(write=True) as connection:
        connection.execute(update(RESULTS).values(inspected_at=past))
    assert cases.answer_until(house.store, "c01", 7) < utc_now()
    verdict = Review("v1", "c01", "impatience", None, Outcome.VIOLATION, None, "wang", utc_now())
    judge(house.store, verdict, load_rules().rulebooks)
    assert cases.answer_until(house.store, "c01", 7) > utc_now() + timedelta(days=6)


def test_what_an_agent_writes_is_text(house: Site) -> None:
    one = appeal(house, reason="<script>alert(1)</script>")
    for page in (house.as_("zhao").get("/appeals"), house.as_("zhao").get(f"/appeals/{one.id}")):
        assert "<script>alert" not in page.text and "&lt;script&gt;alert" in page.text


def test_an_inspector_of_another_team_decides_nothing(house: Site) -> None:
    one = appeal(house)
    wang = people.find_user(house.store, "wang")
    assert wang
    people.set_place(house.store, wang, wang.role, None, ["东区"])
    assert house.enter("wang").get(f"/appeals/{one.id}").status_code == 404
    bound = people.find_user(house.store, "wang")
    assert bound and cases.open_cases(house.store, bound) == ()


def test_numbers_are_covered_on_the_agents_page(tmp_path: Path) -> None:
    turns = (("S0", 600, 9000, "您的电话是一三八零零一三八零零零对吗这个不归我管"),)
    from report_calls import finding

    said = finding(at_ms=600, utterance=0, quote="您的电话是一三八零零一三八零零零对吗这个不归我管")
    house = site(tmp_path / "out", (call("c01", "1023", turns=turns, findings=(said,)),))
    page = house.as_("lin").get("/my/calls/c01").text
    assert "一三八零零" not in page and "＊" in page and "不归我管" in page


def test_times_of_the_store_are_shown_as_local_ones() -> None:
    from qc_speech.web.pages import moment

    assert len(moment(datetime(2026, 1, 1, 12))) == 16 and moment(None) == "—"
