"""The review queue: what is in it, in which order, for whom; and who works on what."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert, update

pytest.importorskip("fastapi")

from report_calls import FINDINGS, call
from web_house import Site, ask, post, site

from qc_speech.model import CallResult
from qc_speech.store.sql import utc_now
from qc_speech.store.tables import RESULTS
from qc_speech.store.web_tables import ASSIGNMENTS, CALL_WORDS, SAMPLES
from qc_speech.web import people, work
from qc_speech.web.queue.catch_up import catch_up
from qc_speech.web.queue.filters import Cursor, Filters, read_cursor, read_filters, written
from qc_speech.web.queue.select import queue_page

CLEAN = tuple(f for f in FINDINGS if f.points == 0 and f.outcome.value == "pass")


def many() -> tuple[CallResult, ...]:
    return (
        call("flagged1", "1023", started_at=datetime(2026, 3, 1, 9)),
        call("flagged2", "2001", started_at=datetime(2026, 3, 2, 9)),
        call("clean1", "1023", findings=CLEAN, started_at=datetime(2026, 3, 3, 9)),
        call("clean2", "2001", findings=CLEAN, started_at=None),
    )


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return site(tmp_path_factory.mktemp("queue"), many())


@pytest.fixture
def house(built: Site) -> Site:
    """The same site with nothing assigned; flagged2 is the riskier call, clean1 in the sample."""
    with built.store.transaction(write=True) as connection:
        connection.execute(ASSIGNMENTS.delete())
        connection.execute(SAMPLES.delete())
        row = {"call_id": "clean1", "week": "2026-W10", "drawn_at": utc_now()}
        connection.execute(insert(SAMPLES), [row])
        connection.execute(update(RESULTS).values(team="东区"))
        for name, team, risk in (("flagged1", "东区", 2.0), ("flagged2", "西区", 5.0)):
            change = update(RESULTS).where(RESULTS.c.call_id == name)
            connection.execute(change.values(team=team, risk=risk))
    return built


def user(house: Site, name: str) -> people.User:
    found = people.find_user(house.store, name)
    assert found
    return found


def ids(house: Site, who: str = "wang", **filters: Any) -> list[str]:
    return [
        one.call_id for one in queue_page(house.store, user(house, who), Filters(**filters)).calls
    ]


def test_what_is_flagged_or_drawn_waits_the_riskiest_first(house: Site) -> None:
    assert ids(house) == ["flagged2", "flagged1", "clean1"]
    assert ids(house, source="flagged") == ["flagged2", "flagged1"]
    assert ids(house, source="sample") == ["clean1"]
    assert ids(house, source="all", order="newest") == ["clean1", "flagged2", "flagged1", "clean2"]


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"agent": "1023"}, ["flagged1", "clean1"]),
        ({"team": "西区"}, ["flagged2"]),
        ({"scenario": "complaint"}, []),
        ({"check": "negative"}, ["flagged2", "flagged1"]),
        ({"check": "negative", "outcome": "pass"}, []),
        ({"check": "greeting", "outcome": "pass"}, ["flagged2", "flagged1", "clean1"]),
        ({"outcome": "uncertain"}, ["flagged2", "flagged1"]),
        ({"confidence": 0.5}, []),
        ({"score": 90.0}, ["flagged2", "flagged1"]),
        ({"first": datetime(2026, 3, 2).date()}, ["flagged2", "clean1"]),
        ({"last": datetime(2026, 3, 2).date()}, ["flagged2", "flagged1"]),
        ({"q": "暖气"}, ["flagged2", "flagged1", "clean1"]),
        ({"q": "nuanqi 十四度"}, ["flagged2", "flagged1", "clean1"]),
        ({"q": "冷气"}, []),
        ({"q": "flagged1"}, ["flagged1"]),
        ({"q": "，"}, []),
    ],
)
def test_filters(house: Site, filters: dict[str, Any], found: list[str]) -> None:
    assert ids(house, **filters) == found


def test_pages_go_on_where_they_ended(house: Site) -> None:
    for order in ("risk", "newest", "lowest"):
        whole = ids(house, source="all", order=order)
        assert sorted(whole) == sorted(["flagged1", "flagged2", "clean1", "clean2"])
        pages, after = [], None
        while True:
            filters = Filters(source="all", order=order, after=after)
            found = queue_page(house.store, user(house, "wang"), filters, size=1)
            pages += [one.call_id for one in found.calls]
            after = found.after
            if after is None:
                break
        assert pages == whole, order


def test_what_is_said_anew_is_found_anew(house: Site) -> None:
    other = call("flagged1", "1023", turns=(("S0", 0, 900, "再见"),))
    house.store.put_result(other)
    try:
        assert "flagged1" not in ids(house, q="暖气") and "flagged1" in ids(house, q="zaijian")
    finally:
        house.store.put_result(many()[0])
    assert "flagged1" in ids(house, q="暖气")


def test_an_older_store_is_indexed_while_it_serves(house: Site) -> None:
    with house.store.transaction(write=True) as connection:
        connection.execute(CALL_WORDS.delete().where(CALL_WORDS.c.call_id != "flagged2"))
    assert ids(house, q="暖气") == ["flagged2"]
    assert catch_up(house.store) == 3 and catch_up(house.store) == 0
    assert ids(house, q="暖气") == ["flagged2", "flagged1", "clean1"]


def test_an_inspector_sees_his_teams_only(house: Site) -> None:
    wang = user(house, "wang")
    bound = people.User(wang.id, "wang", "", wang.role, teams=("西区",))
    found = queue_page(house.store, bound, Filters(source="all")).calls
    assert [one.call_id for one in found] == ["flagged2"]
    assert work.take(house.store, bound, ["flagged1", "flagged2"]) == 1


def test_taking_gives_way_to_who_was_first(house: Site) -> None:
    wang, zhao = house.as_("wang"), house.as_("zhao")
    assert ask(wang, "POST", "/queue/take", {"calls": ["flagged1"]}).json() == {"changed": 1}
    assert ask(zhao, "POST", "/queue/take", {"calls": ["flagged1"]}).json() == {"changed": 0}
    assert ids(house, state="mine") == ["flagged1"]
    assert ids(house, "zhao", state="free") == ["flagged2", "clean1"]
    assert ask(zhao, "POST", "/queue/done", {"calls": ["flagged1"]}).json() == {"changed": 0}
    assert ask(wang, "POST", "/queue/release", {"calls": ["flagged1"]}).json() == {"changed": 1}
    assert ids(house, state="mine") == []


def test_a_supervisor_gives_calls_out_with_a_date(house: Site) -> None:
    zhao = user(house, "zhao").id
    body = {"calls": ["flagged1", "flagged2", "no such call"], "user": zhao, "days": 2}
    assert ask(house.as_("wang"), "POST", "/queue/assign", body).status_code == 403
    assert ask(house.as_("chen"), "POST", "/queue/assign", body).json() == {"changed": 2}
    assert ids(house, "zhao", state="mine") == ["flagged2", "flagged1"]
    past = {"due_at": utc_now() - timedelta(hours=1)}
    with house.store.transaction(write=True) as connection:
        connection.execute(
            update(ASSIGNMENTS).where(ASSIGNMENTS.c.call_id == "flagged1").values(**past)
        )
    assert ids(house, state="due") == ["flagged1"]
    agent = {"calls": ["flagged1"], "user": user(house, "lin").id}
    assert ask(house.as_("chen"), "POST", "/queue/assign", agent).status_code == 422


def test_what_is_done_leaves_and_comes_back(house: Site) -> None:
    wang = house.as_("wang")
    assert ask(wang, "POST", "/queue/done", {"calls": ["flagged2"]}).json() == {"changed": 1}
    assert ids(house) == ["flagged1", "clean1"]
    assert ids(house, state="done") == ["flagged2"]
    assert ask(wang, "POST", "/queue/undone", {"calls": ["flagged2"]}).json() == {"changed": 1}
    assert ids(house) == ["flagged2", "flagged1", "clean1"]


def test_an_open_call_is_held_until_it_is_let_go(house: Site) -> None:
    wang, zhao = house.as_("wang"), house.as_("zhao")
    assert ask(wang, "POST", "/calls/flagged1/lock").json() == {"held": True, "by": ""}
    assert ask(wang, "POST", "/calls/flagged1/lock").json()["held"]
    assert ask(zhao, "POST", "/calls/flagged1/lock").json() == {"held": False, "by": "王质检"}
    assert "王质检" in zhao.get("/queue").text
    opened = zhao.get("/queue/next?current=flagged2").headers["location"]
    assert opened.startswith("/calls/clean1")
    ask(wang, "POST", "/calls/flagged1/unlock")
    assert ask(zhao, "POST", "/calls/flagged1/lock").json()["held"]
    with house.store.transaction(write=True) as connection:
        connection.execute(update(ASSIGNMENTS).values(locked_until=utc_now() - timedelta(1)))
    assert ask(wang, "POST", "/calls/flagged1/lock").json()["held"], "a lock runs out"
    assert ask(wang, "POST", "/calls/nothing/lock").status_code == 404


def test_the_queue_is_for_inspectors(house: Site) -> None:
    for who in ("lin", "sun", "root"):
        assert house.as_(who).get("/queue").status_code == 403
        answer = ask(house.as_(who), "POST", "/queue/take", {"calls": ["flagged1"]})
        assert answer.status_code == 403


def test_the_page_shows_the_calls_in_both_languages(house: Site) -> None:
    client = house.enter("wang")
    text = client.get("/queue").text
    shown = re.findall(r'class="call" href="/calls/([^?"]+)', text)
    assert shown == ["flagged2", "flagged1", "clean1"]
    assert "复核队列" in text and "不归我管" not in text
    client.get("/language/en")
    assert "Review queue" in client.get("/queue").text
    assert client.get("/queue?source=nonsense&after=***&score=many&first=x").status_code == 200


def test_views_are_kept_shared_and_dropped(house: Site) -> None:
    wang, zhao = house.as_("wang"), house.as_("zhao")
    post(wang, "/queue/views", name="<b>暖气</b>", query="q=暖气&evil=1&source=all", shared="true")
    text = zhao.get("/queue").text
    assert "&lt;b&gt;暖气&lt;/b&gt;" in text and "<b>暖气" not in text and "evil" not in text
    (view,) = work.views_of(house.store, user(house, "zhao"))
    assert post(zhao, f"/queue/views/{view.id}/drop").status_code == 404
    assert post(wang, f"/queue/views/{view.id}/drop").status_code == 303
    assert work.views_of(house.store, user(house, "wang")) == ()


_FILTERS = st.builds(
    Filters,
    source=st.sampled_from(["both", "all"]),
    q=st.text(alphabet="暖气 a&=%'\"", max_size=8).map(str.strip),
    agent=st.text(alphabet="0123号/?", max_size=6),
    score=st.none() | st.floats(0, 100),
    first=st.none() | st.dates(),
    after=st.none() | st.builds(Cursor, st.none() | st.floats(0, 1e6) | st.text(), st.text()),
)


@given(_FILTERS)
def test_an_address_says_the_same_filters(filters: Filters) -> None:
    from urllib.parse import parse_qsl

    assert read_filters(dict(parse_qsl(filters.query()))) == filters


@given(st.text(max_size=40))
def test_any_cursor_can_be_sent(text: str) -> None:
    cursor = read_cursor(text)
    assert cursor is None or read_cursor(written(cursor)) == cursor
