"""Dashboards, rules, users, the audit log, settings, and calibration."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import select, update

pytest.importorskip("fastapi")

from report_calls import FINDINGS, call
from web_house import PASSWORD, Site, post, site

from qc_speech.setup import load_rules
from qc_speech.store import audit
from qc_speech.store.tables import RESULTS
from qc_speech.store.web_tables import SAMPLES
from qc_speech.web import keeper, people
from qc_speech.web.calibration import rounds as kept
from qc_speech.web.calibration.agreement import agreements, differences
from qc_speech.web.keeper import draw_newest
from qc_speech.web.site import change_site_settings, site_settings
from qc_speech.web.supervise.rules_page import effect_of


@pytest.fixture
def house(tmp_path: Path) -> Site:
    day = datetime(2026, 3, 2, 9)
    agents = ("1023", "1023", "1023", "1023", "2001", "2001", None)
    return site(
        tmp_path / "out",
        [call(f"c{n:02d}", agent, started_at=day) for n, agent in enumerate(agents)],
    )


def user(house: Site, name: str) -> people.User:
    found = people.find_user(house.store, name)
    assert found
    return found


def test_every_page_opens_for_whom_it_is_and_for_no_other(house: Site) -> None:
    pages = {
        "/dashboard": "chen sun",
        "/reports/weekly": "chen sun",
        "/cards/agents/1023": "wang chen sun lin",
        "/rules": "wang chen sun",
        "/rules/repair_hotline": "wang chen sun",
        "/users": "chen root",
        "/audit": "chen root",
        "/settings": "chen root",
        "/calibration": "wang chen",
        "/appeals": "wang chen",
        "/queue": "wang chen",
        "/my": "lin",
        "/account": "wang chen sun lin root",
    }
    for path, may in pages.items():
        for who in ("wang", "chen", "sun", "lin", "root"):
            status = house.as_(who).get(path).status_code
            assert (status == 200) == (who in may.split()), (path, who, status)
    assert house.as_("gao").get("/cards/agents/1023").status_code == 404


def test_cards_show_no_words_to_those_who_may_not_see_them(house: Site) -> None:
    said = "这个不归我管"
    assert said in house.as_("chen").get("/cards/agents/1023?days=365").text
    for who in ("sun", "lin"):
        assert said not in house.as_(who).get("/cards/agents/1023?days=365").text
    assert said not in house.as_("sun").get("/reports/weekly").text


def test_a_supervisor_of_a_team_sees_its_dashboard_alone(house: Site) -> None:
    with house.store.transaction(write=True) as connection:
        connection.execute(update(RESULTS).values(team="东区"))
        connection.execute(update(RESULTS).where(RESULTS.c.agent_id == "2001").values(team="西区"))
    chen = user(house, "chen")
    people.set_place(house.store, chen, chen.role, None, ["西区"])
    client = house.enter("chen")
    text = client.get("/dashboard?team=东区&days=365").text
    assert "西区" in text and "1023" not in text
    assert client.get("/reports/weekly").status_code == 404
    assert client.get("/cards/agents/1023").status_code == 404
    assert client.get("/cards/agents/2001").status_code == 200


def test_users_are_managed_by_administrators_alone(house: Site) -> None:
    new = {"name": "xu", "role": "agent", "agent_id": "77", "password": "erste worte hier"}
    assert post(house.as_("chen"), "/users", **new).status_code == 403
    assert post(house.as_("root"), "/users", **new).status_code == 303
    xu = user(house, "xu")
    assert xu.must_change and xu.agent_id == "77"
    place = {"role": "inspector", "teams": "东区，西区"}
    post(house.as_("root"), f"/users/{xu.id}/place", **place)
    assert user(house, "xu").teams == ("东区", "西区")
    assert post(house.as_("chen"), f"/users/{xu.id}/place", role="admin").status_code == 403
    post(house.as_("root"), f"/users/{xu.id}/disable")
    assert user(house, "xu").disabled
    root = user(house, "root")
    assert post(house.as_("root"), f"/users/{root.id}/disable").status_code == 422
    assert post(house.as_("root"), "/users/99999999999999999999/disable").status_code == 422
    assert post(house.as_("root"), f"/users/{xu.id}/promote").status_code == 404


def test_the_audit_log_is_shown_and_verified(house: Site) -> None:
    client = house.as_("chen")
    text = client.get("/audit").text
    assert "web.login" in text and PASSWORD not in text
    assert "web.login" not in client.get("/audit?action=nothing").text
    assert "日志完整" in post(client, "/audit/verify").text
    with house.store.transaction(write=True) as connection:
        connection.execute(audit.AUDIT.update().where(audit.AUDIT.c.seq == 1).values(who="x"))
    assert "日志已被改动" in post(client, "/audit/verify").text


def test_settings_have_limits(house: Site) -> None:
    form = {"appeal_days": 14, "sample_per_agent": 1}
    assert post(house.as_("chen"), "/settings", **form).status_code == 303
    assert site_settings(house.store).appeal_days == 14
    assert post(house.as_("chen"), "/settings", **{**form, "appeal_days": 0}).status_code == 422
    assert post(house.as_("wang"), "/settings", **form).status_code == 403


def test_the_sample_is_of_every_agent_and_drawn_the_same_again(house: Site) -> None:
    def drawn() -> list[str]:
        with house.store.transaction(write=False) as connection:
            return sorted(connection.execute(select(SAMPLES.c.call_id)).scalars())

    change_site_settings(house.store, sample_per_agent=1)
    assert draw_newest(house.store) == 3
    first = drawn()
    assert draw_newest(house.store) == 0 and drawn() == first
    with house.store.transaction(write=True) as connection:
        connection.execute(SAMPLES.delete())
    draw_newest(house.store)
    assert drawn() == first
    change_site_settings(house.store, sample_per_agent=3)
    assert draw_newest(house.store) == 3 and set(first) < set(drawn())
    change_site_settings(house.store, sample_per_agent=0)
    assert draw_newest(house.store) == 0


def test_a_fault_does_not_end_the_work_beside_the_pages(
    house: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[int] = []

    def broken(*_: object) -> None:
        tried.append(1)
        raise RuntimeError("broken")

    monkeypatch.setattr(keeper, "catch_up", broken)
    monkeypatch.setattr(keeper, "_STEP_S", 0.01)
    stop = keeper.keep(house.store)
    for _ in range(500):
        if len(tried) > 2:
            break
        stop.wait(0.01)
    stop.set()
    assert len(tried) > 2


def test_another_price_is_tried_and_nothing_changes(house: Site) -> None:
    from dataclasses import replace

    book = load_rules().rulebooks["repair_hotline"]
    assert effect_of(house.store, book, book, "negative").moved == ()
    free = tuple(
        replace(c, points=0.0, cap=0.0) if c.check == "negative" else c for c in book.checks
    )
    effect = effect_of(house.store, book, replace(book, checks=free), "negative")
    assert effect.calls == 7 and len(effect.moved) == 7
    assert effect.mean_after > effect.mean_before
    form = {"check": "negative", "points": 0, "cap": 0}
    assert 'id="effect"' in post(house.as_("chen"), "/rules/repair_hotline/try", **form).text
    assert post(house.as_("wang"), "/rules/repair_hotline/try", **form).status_code == 403
    assert (
        post(house.as_("chen"), "/rules/repair_hotline/try", check="x", points=1, cap=1).status_code
        == 404
    )
    assert house.as_("chen").get("/rules/..%2f..%2fetc").status_code == 404


def test_calibration_is_blind_until_it_is_closed(house: Site) -> None:
    chen = house.as_("chen")
    people_ = [user(house, name).id for name in ("wang", "zhao")]
    made = post(chen, "/calibration", name="三月", calls="c00, c01", person=people_)
    place = made.headers["location"]
    assert (
        post(
            house.as_("wang"),
            f"{place}/calls/c00",
            **{"check.negative": "violation", "check.greeting": "pass"},
        ).status_code
        == 303
    )
    assert (
        post(
            house.as_("zhao"),
            f"{place}/calls/c00",
            **{"check.negative": "pass", "check.greeting": "pass"},
        ).status_code
        == 303
    )
    seen = house.as_("zhao").get(f"{place}/calls/c00").text
    assert re.search(r'value="pass" checked', seen) and "不归我管" in seen
    assert 'value="violation" checked' not in seen
    for who in ("wang", "zhao", "chen"):
        assert 'id="agreement"' not in house.as_(who).get(place).text
    assert house.as_("sun").get(place).status_code == 403
    assert post(house.as_("wang"), f"{place}/close").status_code == 403
    before = [one.outcome for one in (house.store.result("c00") or call()).findings]
    post(chen, f"{place}/close")
    text = house.as_("wang").get(place).text
    assert 'id="agreement"' in text and "消极" in text
    assert (
        post(house.as_("wang"), f"{place}/calls/c01", **{"check.negative": "pass"}).status_code
        == 422
    )
    assert [one.outcome for one in (house.store.result("c00") or call()).findings] == before
    with house.store.transaction(write=False) as connection:
        totals = set(connection.execute(select(RESULTS.c.settled_total)).scalars())
    assert totals == {100 + sum(f.points for f in FINDINGS)}, "calibration never counts"
    (one,) = kept.rounds(house.store)
    assert len(kept.ratings(house.store, one)) == 2


def test_a_round_needs_two_who_may_judge_its_calls(house: Site) -> None:
    wang = user(house, "wang").id
    for calls, person in (
        ("c00", [wang]),
        ("nothing", [wang, user(house, "zhao").id]),
        ("", [wang]),
    ):
        answer = post(house.as_("chen"), "/calibration", name="x", calls=calls, person=person)
        assert answer.status_code == 422


def test_alpha_is_that_of_the_worked_example() -> None:
    """Krippendorff 2011, part C: four observers, twelve units, nominal, some missing: 0.743."""
    rows = {
        "A": "1 2 3 3 2 1 4 1 2 . . .", "B": "1 2 3 3 2 2 4 1 2 5 . 3",
        "C": ". 3 3 3 2 3 4 2 2 5 1 .", "D": "1 2 3 3 2 4 4 1 2 5 1 .",
    }  # fmt: skip
    ratings: dict[tuple[str, str], dict[str, str]] = {}
    for person, row in rows.items():
        for unit, value in enumerate(row.split()):
            if value != ".":
                ratings.setdefault((str(unit), "x"), {})[person] = value
    from qc_speech.web.calibration.agreement import _alpha

    assert _alpha([said for said in ratings.values() if len(said) > 1]) == pytest.approx(
        0.743, abs=5e-4
    )


def test_kappa_is_that_of_the_textbooks() -> None:
    """Cohen's by its definition: 20 both yes, 5 and 10 apart, 15 both no: 0.4."""
    pairs = (
        ["violation violation"] * 20
        + ["violation pass"] * 5
        + ["pass violation"] * 10
        + ["pass pass"] * 15
    )
    ratings = {(str(n), "x"): dict(zip(("a", "b"), pair.split())) for n, pair in enumerate(pairs)}
    whole, of_x = agreements(ratings, ["a", "b"])
    assert whole.kappa == of_x.kappa == pytest.approx(0.4) and of_x.kind == "cohen"
    assert of_x.alike == pytest.approx(0.7) and len(differences(ratings)) == 15


def test_fleiss_kappa_of_three() -> None:
    """By hand: two units, three people; P = (1 + 1/3) / 2, Pe = (4/6)^2 + (2/6)^2."""
    ratings = {
        ("1", "x"): {"a": "pass", "b": "pass", "c": "pass"},
        ("2", "x"): {"a": "pass", "b": "violation", "c": "violation"},
    }
    found = agreements(ratings, ["a", "b", "c"])[0]
    chance = (4 / 6) ** 2 + (2 / 6) ** 2
    assert found.kappa == pytest.approx(((1 + 1 / 3) / 2 - chance) / (1 - chance), abs=1e-4)
    alike = agreements({("1", "x"): {"a": "pass", "b": "pass"}}, ["a", "b"])[0]
    assert (alike.alike, alike.alpha, alike.kappa) == (1.0, None, None)
