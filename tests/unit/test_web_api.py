"""The API, webhooks, and what an attacker would try."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

pytest.importorskip("fastapi")

from report_calls import call, finding
from web_house import Site, ask, post, site

from qc_speech.model import Outcome, Review
from qc_speech.settling import judge
from qc_speech.setup import load_rules
from qc_speech.store.sql import utc_now
from qc_speech.store.web_tables import WEBHOOK_DELIVERIES
from qc_speech.web import people, sessions
from qc_speech.web.app import ROUTERS
from qc_speech.web.hooks import events
from qc_speech.web.hooks.delivery import announce_calls, send_due

EVIL = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Site:
    turns = (("S0", 600, 9000, "您的电话是一三八零零一三八零零零对吗这个不归我管"),)
    return site(
        tmp_path_factory.mktemp("api"),
        (
            call("c01", "1023", agent_name=EVIL),
            call("c02", "1023", turns=turns, findings=(finding(at_ms=600, utterance=0),)),
            call("c03", "2001"),
            call("c04", None),
            call("a/b ?#号", "1023"),
        ),
    )


def program(house: Site, name: str) -> Any:
    """A program with a token of this user."""
    user = people.find_user(house.store, name)
    assert user
    client = house.anyone()
    client.headers["authorization"] = f"Bearer {sessions.new_token(house.store, user, 't', 1)}"
    client.headers["accept"] = "application/json"
    return client


def test_a_token_does_what_its_user_may(house: Site) -> None:
    wang, lin = program(house, "wang"), program(house, "lin")
    assert wang.get("/api/v1/me").json()["role"] == "inspector"
    found = wang.get("/api/v1/calls?source=all&limit=2").json()
    assert len(found["calls"]) == 2 and found["after"]
    rest = wang.get(f"/api/v1/calls?source=all&after={found['after']}").json()
    ids = [one["call_id"] for one in found["calls"] + rest["calls"]]
    assert len(ids) == len(set(ids)) == 5 and rest["after"] is None
    assert wang.get("/api/v1/calls?after=nonsense").status_code == 422
    assert lin.get("/api/v1/calls").status_code == 403
    assert lin.get("/api/v1/calls/c01").status_code == 200
    for path in ("c03", "c04", "nothing"):
        answer = lin.get(f"/api/v1/calls/{path}")
        assert answer.status_code == 404 and answer.json()["detail"]
    assert house.anyone().get("/api/v1/me").status_code == 401
    assert house.anyone().get("/api/v1/me").headers["www-authenticate"] == "Bearer"


def test_personal_data_is_covered_for_who_may_not_see_it(house: Site) -> None:
    assert "一三八零零" in program(house, "wang").get("/api/v1/calls/c02").text
    for who in ("lin", "sun"):
        text = program(house, who).get("/api/v1/calls/c02").text
        assert "一三八零零" not in text and "＊" in text


def test_an_appeal_by_the_api(house: Site) -> None:
    lin, zhao = program(house, "lin"), program(house, "zhao")
    one = next(
        d for d in lin.get("/api/v1/calls/c01/deductions").json() if d["check"] == "negative"
    )
    given = {"deduction": one["id"], "answer": "appeal", "reason": "不是推诿"}
    assert program(house, "gao").post("/api/v1/calls/c01/answers", json=given).status_code == 404
    assert zhao.post("/api/v1/calls/c01/answers", json=given).status_code == 403
    filed = lin.post("/api/v1/calls/c01/answers", json=given).json()
    assert [one["id"] for one in zhao.get("/api/v1/appeals").json()] == [filed["id"]]
    place = f"/api/v1/appeals/{filed['id']}/decision"
    assert lin.post(place, json={"decision": "overturned", "note": "x"}).status_code == 403
    decided = zhao.post(place, json={"decision": "overturned", "note": "同意"}).json()
    assert decided["decision"] == "overturned" and decided["decided_by"] == "zhao"
    again = program(house, "chen").post(place, json={"decision": "upheld", "note": "x"})
    assert again.status_code == 409
    assert lin.get("/api/v1/appeals").json()[0]["note"] == "同意"


def test_a_call_id_of_any_characters_has_its_address(house: Site) -> None:
    lin = program(house, "lin")
    assert lin.get("/api/v1/calls/a%2Fb%20%3F%23%E5%8F%B7").status_code in (200, 404)
    assert "a%2Fb%20%3F%23%E5%8F%B7" in house.as_("wang").get("/queue?source=all").text


def test_no_address_leads_an_agent_to_another_ones_call(house: Site) -> None:
    """Every address of the app with a call in it, with another agent's call and every method."""
    schema = house.app.openapi()
    paths = set(schema["paths"])
    paths |= {getattr(route, "path", "") for router in ROUTERS for route in router.routes}
    lin, tried = house.as_("lin"), 0
    for path in sorted(path for path in paths if "{call_id}" in path):
        address = path.replace("{call_id}", "c03").replace("{round_id}", "1")
        for method in ("GET", "HEAD", "POST", "PUT", "DELETE"):
            for headers in ({}, {"range": "bytes=0-99"}):
                answer = lin.request(method, address, headers=headers)
                assert answer.status_code in (403, 404, 405, 422), (method, address)
                assert "不归我管" not in answer.text and "暖气" not in answer.text
                tried += 1
    assert tried >= 50


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py", "/static/..%2fapp.py", "/static/%2e%2e/%2e%2e/store/sql.py",
        "/static//etc/passwd", "/static/....//app.py", "/calls/..%2f..%2fetc%2fpasswd/audio",
        "/calls/%2Fetc%2Fpasswd/audio", "/static/web.css%00.png", "/rules/..%2f..%2f..%2fetc",
    ],
)  # fmt: skip
def test_no_path_leads_out_of_the_house(house: Site, path: str) -> None:
    answer = house.as_("wang").get(path)
    assert answer.status_code in (400, 404), answer.status_code
    assert "import" not in answer.text and "root:" not in answer.text


def test_names_and_words_are_text_everywhere(house: Site) -> None:
    for who, path in (
        ("wang", "/queue?source=all"),
        ("chen", "/cards/agents/1023"),
        ("lin", "/my"),
        ("chen", "/dashboard"),
        ("wang", f"/queue?q={EVIL}"),
        ("chen", f"/audit?who={EVIL}"),
        ("chen", f"/dashboard?team={EVIL}"),
        ("wang", f"/calibration/{EVIL}"),
    ):
        text = house.as_(who).get(path).text
        assert "<img src=x" not in text, path


def test_queries_are_not_sql(house: Site) -> None:
    for text in (
        "' OR 1=1 --",
        '" OR "1"="1',
        "*",
        "NEAR(",
        'a" OR words:*',
        "暖气' --",
        "\\",
        "%",
    ):
        answer = house.as_("wang").get("/queue", params={"q": text, "agent": text, "team": text})
        assert answer.status_code == 200
        assert 'class="call"' not in answer.text


def test_scripts_need_the_token_of_the_session(house: Site) -> None:
    client = house.enter("wang")
    body = {"calls": ["c01"]}
    assert client.post("/queue/take", json=body).status_code == 403
    assert client.post("/api/v1/calls/take", json=body).status_code == 403
    assert ask(client, "POST", "/api/v1/calls/take", body).status_code == 200
    plain = client.post(
        "/queue/take", content=json.dumps(body), headers={"content-type": "text/plain"}
    )
    assert plain.status_code == 403


def test_the_api_keeps_its_word(tmp_path: Path) -> None:
    """What schemathesis finds: answers that the schema does not know, 500s, wrong types."""
    schemathesis = pytest.importorskip("schemathesis")
    from hypothesis import HealthCheck, settings

    house = site(tmp_path / "out")
    for name in ("chen", "root", "lin"):
        user = people.find_user(house.store, name)
        assert user
        token = sessions.new_token(house.store, user, "t", 1)
        schema = schemathesis.openapi.from_dict(house.app.openapi())
        schema.app = house.app
        for found in schema.include(path_regex=r"^/api/v1/").get_all_operations():

            @settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
            @_given(found.ok())
            def probe(case: Any) -> None:
                answer = case.call(headers={"authorization": f"Bearer {token}"})  # noqa: B023
                assert answer.status_code < 500, case.as_curl_command()
                case.validate_response(answer, checks=_checks())

            probe()


def _given(operation: Any) -> Any:
    from hypothesis import given

    return given(case=operation.as_strategy())


def _checks() -> list[Any]:
    from schemathesis.specs.openapi import checks

    return [
        checks.status_code_conformance,
        checks.content_type_conformance,
        checks.response_schema_conformance,
    ]


class _Receiver(BaseHTTPRequestHandler):
    """Another program that is told. It fails as often as `fail` says."""

    got: list[tuple[dict[str, str], bytes]]
    fail = 0

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        type(self).got.append(({k.lower(): v for k, v in self.headers.items()}, body))
        failing, type(self).fail = type(self).fail > 0, type(self).fail - 1
        self.send_response(500 if failing else 204)
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[str]:
    _Receiver.got, _Receiver.fail = [], 0
    server = HTTPServer(("127.0.0.1", 0), _Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/hook"
    server.shutdown()
    server.server_close()


def due_now(house: Site) -> None:
    with house.store.transaction(write=True) as connection:
        waiting = WEBHOOK_DELIVERIES.c.next_at.is_not(None)
        past = utc_now() - timedelta(seconds=1)
        connection.execute(update(WEBHOOK_DELIVERIES).where(waiting).values(next_at=past))


def test_others_are_told_of_flagged_and_decided_calls(tmp_path: Path, receiver: str) -> None:
    house = site(tmp_path / "out", (call("old", "1023"),))
    hook, secret = events.add_webhook(house.store, receiver, list(events.EVENTS), "root")
    assert announce_calls(house.store) == 0, "what was there before is no news"
    house.store.put_result(call("new", "1023"))
    clean = call("clean", "1023", findings=())
    house.store.put_result(clean)
    assert announce_calls(house.store) == 1 and announce_calls(house.store) == 0
    _Receiver.fail = 1
    assert send_due(house.store) == 0, "the receiver failed"
    assert send_due(house.store) == 0, "it is not tried again at once"
    due_now(house)
    assert send_due(house.store) == 1
    headers, body = _Receiver.got[-1]
    wanted = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    assert headers["x-qc-signature"] == wanted and headers["x-qc-event"] == "call.flagged"
    told = json.loads(body)
    assert told["data"]["call_id"] == "new" and "暖气" not in body.decode()
    for check in ("impatience",):
        result = house.store.result("new")
        assert result
        spans = [f.evidence.span for f in result.findings if f.check == check and f.evidence]
        verdict = Review(
            "v", "new", check, spans[0], Outcome.PASS, Outcome.UNCERTAIN, "wang", utc_now()
        )
        judge(house.store, verdict, load_rules().rulebooks)
        looked = Review("w", "new", "call", None, Outcome.PASS, None, "wang", utc_now())
        judge(house.store, looked, load_rules().rulebooks)
    announce_calls(house.store)
    send_due(house.store)
    assert json.loads(_Receiver.got[-1][1])["event"] == "call.decided"
    assert events.deliveries(house.store, hook.id)[0].done_at is not None


def test_a_message_that_never_arrives_is_given_up(tmp_path: Path, receiver: str) -> None:
    house = site(tmp_path / "out", (call("c01", "1023"),))
    hook, _ = events.add_webhook(house.store, receiver, ["appeal.filed"], "root")
    assert events.announce(house.store, "appeal.decided", {}) == 0, "not asked for"
    assert events.announce(house.store, "appeal.filed", {"call_id": "c01"}) == 1
    _Receiver.fail = 100
    for _ in range(10):
        due_now(house)
        send_due(house.store)
    (message,) = events.deliveries(house.store, hook.id)
    assert (message.attempts, message.next_at, message.done_at) == (6, None, None)
    assert message.answer == "HTTP 500"


@pytest.mark.parametrize(
    "url", ["ftp://a/b", "file:///etc/passwd", "javascript:1", "https://", "https://u:p@h/x", "x"]
)
def test_a_webhook_goes_to_an_address_of_the_web(house: Site, url: str) -> None:
    root = program(house, "root")
    given = {"url": url, "events": ["call.flagged"]}
    assert root.post("/api/v1/webhooks", json=given).status_code == 422
    assert program(house, "chen").post("/api/v1/webhooks", json=given).status_code == 403


def test_webhooks_are_kept_by_the_administrator(house: Site) -> None:
    root = house.as_("root")
    shown = post(root, "/settings/webhooks", url="https://example.test/h", event=["call.flagged"])
    secret = shown.text.split('id="secret">')[1].split("<")[0]
    assert len(secret) == 64 and secret not in root.get("/settings").text
    hook = events.webhooks(house.store)[-1]
    assert secret not in program(house, "root").get("/api/v1/webhooks").text
    assert program(house, "root").delete(f"/api/v1/webhooks/{hook.id}").status_code == 204
    assert program(house, "root").delete(f"/api/v1/webhooks/{hook.id}").status_code == 404
