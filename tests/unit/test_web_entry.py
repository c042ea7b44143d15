"""Entering the review app, leaving it, and staying out."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

pytest.importorskip("fastapi")

from web_house import PASSWORD, Site, ask, csrf, post, site

from qc_speech.errors import UsageError
from qc_speech.store.sql import utc_now
from qc_speech.store.web_tables import SESSIONS, USERS
from qc_speech.web import people, sessions
from qc_speech.web.entry import local_path
from qc_speech.web.guard import cookie_name
from qc_speech.web.people import User, UserRole
from qc_speech.web.permission import ACTIONS, CallKey, may

COOKIE = cookie_name(True)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return site(tmp_path_factory.mktemp("web"))


def test_no_engine_is_imported() -> None:
    code = (
        "import sys; import qc_speech.web.app; "
        "bad = {'torch', 'ctranslate2', 'faster_whisper', 'pyannote', 'onnxruntime'} "
        "& set(sys.modules); sys.exit(str(bad) if bad else 0)"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr


def test_a_stranger_is_led_to_the_login_and_back(house: Site) -> None:
    client = house.anyone()
    answer = client.get("/account?said=x")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/login?next=%2Faccount%3Fsaid%3Dx"
    assert client.get("/account", headers={"accept": "application/json"}).status_code == 401
    entered = client.post(
        "/login", data={"name": "WANG ", "password": PASSWORD, "next": "/account"}
    )
    assert entered.headers["location"] == "/account"
    assert "王质检" in client.get("/account").text


def test_the_cookie_is_for_this_host_over_tls_and_no_script(house: Site) -> None:
    answer = house.anyone().post("/login", data={"name": "wang", "password": PASSWORD})
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-qc_session=")
    for part in ("HttpOnly", "Secure", "SameSite=lax", "Path=/"):
        assert part in cookie
    assert "Domain" not in cookie


def test_the_store_keeps_no_secret(house: Site) -> None:
    client = house.enter("wang")
    secret = client.cookies[COOKIE]
    raw = (house.out / "qc.sqlite").read_bytes() + (house.out / "qc.sqlite-wal").read_bytes()
    assert secret.encode() not in raw and PASSWORD.encode() not in raw
    with house.store.transaction(write=False) as connection:
        kept = connection.execute(select(USERS.c.password)).scalars().all()
    assert all(one.startswith("$argon2id$") for one in kept)


def test_a_session_given_by_somebody_else_is_not_taken(house: Site) -> None:
    client = house.anyone()
    client.cookies.set(COOKIE, "a-secret-that-an-attacker-knows")
    answer = client.post("/login", data={"name": "wang", "password": PASSWORD})
    assert "a-secret-that-an-attacker-knows" not in answer.headers["set-cookie"]
    attacker = house.anyone()
    attacker.cookies.set(COOKIE, "a-secret-that-an-attacker-knows")
    assert attacker.get("/account").status_code == 303


def test_logging_in_again_ends_the_session_before(house: Site) -> None:
    client = house.enter("wang")
    before = client.cookies[COOKIE]
    client.post("/login", data={"name": "zhao", "password": PASSWORD})
    other = house.anyone()
    other.cookies.set(COOKIE, before)
    assert other.get("/account").status_code == 303


def test_logout_ends_the_session_on_the_server(house: Site) -> None:
    client = house.enter("wang")
    kept = client.cookies[COOKIE]
    assert post(client, "/logout").status_code == 303
    again = house.anyone()
    again.cookies.set(COOKIE, kept)
    assert again.get("/account").status_code == 303


def test_sessions_end_by_themselves(house: Site) -> None:
    for change in (
        {"expires_at": utc_now() - timedelta(seconds=1)},
        {"seen_at": utc_now() - timedelta(hours=3)},
    ):
        client = house.enter("wang")
        key = sessions.secret_hash(client.cookies[COOKIE])
        with house.store.transaction(write=True) as connection:
            connection.execute(
                update(SESSIONS).where(SESSIONS.c.token_hash == key).values(**change)
            )
        assert client.get("/account").status_code == 303


def test_forms_need_the_token_of_their_session(house: Site) -> None:
    client, other = house.enter("wang"), house.enter("zhao")
    assert client.post("/account/tokens", data={"name": "x"}).status_code == 403
    stolen = {"name": "x", "csrf": csrf(other)}
    assert client.post("/account/tokens", data=stolen).status_code == 403
    elsewhere = {"origin": "https://evil.test"}
    mine = {"name": "x", "csrf": csrf(client)}
    assert client.post("/account/tokens", data=mine, headers=elsewhere).status_code == 403
    cross = {"sec-fetch-site": "cross-site"}
    assert client.post("/account/tokens", data=mine, headers=cross).status_code == 403
    assert client.post("/account/tokens", data=mine).status_code == 200


def test_nobody_is_logged_in_by_another_site(house: Site) -> None:
    answer = house.anyone().post(
        "/login",
        data={"name": "wang", "password": PASSWORD},
        headers={"origin": "https://evil.test"},
    )
    assert answer.status_code == 403 and "set-cookie" not in answer.headers


def test_guessing_is_slowed_for_the_guesser_alone(tmp_path: Path) -> None:
    place = site(tmp_path / "out")
    guesser = place.anyone()
    wrong = {"name": "wang", "password": "not the password"}
    answers = [guesser.post("/login", data=wrong).status_code for _ in range(7)]
    assert answers == [401] * 5 + [429] * 2
    right = {"name": "wang", "password": PASSWORD}
    assert guesser.post("/login", data=right).status_code == 429
    assert guesser.post("/login", data={**right, "name": "zhao"}).status_code == 303
    for_wang = sessions.note_try(place.store, place.config, "wang", "10.9.9.9")
    assert for_wang, "another address may still try this name"


def test_one_password_on_many_names_is_slowed_too(tmp_path: Path) -> None:
    place = site(tmp_path / "out", login_tries=1)
    tries = [
        sessions.note_try(place.store, place.config, f"name{n}", "10.1.1.1") for n in range(12)
    ]
    assert tries == [True] * 10 + [False] * 2


def test_an_unknown_name_and_a_wrong_password_look_alike(house: Site) -> None:
    texts = {
        house.anyone()
        .post("/login", data={"name": name, "password": "wrong"})
        .text.replace(name, "")
        for name in ("sun", "nobody-of-that-name")
    }
    assert len(texts) == 1


def test_the_disabled_stay_out_at_once(tmp_path: Path) -> None:
    place = site(tmp_path / "out")
    client = place.enter("sun")
    user = people.find_user(place.store, "sun")
    assert user
    token = sessions.new_token(place.store, user, "t", 1)
    people.set_disabled(place.store, user, True)
    assert client.get("/account").status_code == 303
    assert sessions.token_user(place.store, token) is None
    tried = place.anyone().post("/login", data={"name": "sun", "password": PASSWORD})
    assert tried.status_code == 401


def test_a_password_of_somebody_else_is_changed_first(tmp_path: Path) -> None:
    place = site(tmp_path / "out")
    user = people.find_user(place.store, "wang")
    assert user
    people.set_password(place.store, user, PASSWORD, must_change=True)
    client = place.enter("wang")
    assert client.get("/account").headers["location"] == "/password"
    found = client.get("/password").text
    token = found.split('name="csrf" content="')[1].split('"')[0]
    change = {"csrf": token, "old": PASSWORD, "new": "ganz neues wort", "again": "ganz neues wort"}
    assert client.post("/password", data={**change, "old": "x"}).status_code == 422
    assert (
        client.post("/password", data={**change, "new": "short", "again": "short"}).status_code
        == 422
    )
    assert client.post("/password", data=change).status_code == 303
    assert client.get("/account").status_code == 200


def test_tokens_open_the_api_only_and_end(house: Site) -> None:
    client = house.as_("chen")
    shown = post(client, "/account/tokens", name="nightly", days=30).text
    secret = shown.split('id="secret">')[1].split("<")[0]
    program = house.anyone()
    program.headers["authorization"] = f"Bearer {secret}"
    assert program.get("/account", headers={"accept": "application/json"}).status_code == 401
    user = sessions.token_user(house.store, secret)
    assert user and user.name == "chen"
    token = sessions.tokens_of(house.store, user)[0]
    assert post(house.as_("wang"), f"/account/tokens/{token.id}/revoke").status_code == 404
    assert post(client, f"/account/tokens/{token.id}/revoke").status_code == 303
    assert sessions.token_user(house.store, secret) is None


def test_every_answer_carries_the_headers(house: Site) -> None:
    for path in ("/login", "/nowhere", "/static/web.css", "/account"):
        answer = house.anyone().get(path)
        policy = answer.headers["content-security-policy"]
        assert "unsafe" not in policy and "default-src 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
    assert "no-store" in house.anyone().get("/login").headers["cache-control"]


def test_a_fault_of_ours_tells_nothing_and_is_shielded(house: Site) -> None:
    @house.app.get("/broken")
    def broken() -> None:
        raise RuntimeError("13800138000 said this")

    answer = house.anyone().get("/broken")
    assert answer.status_code == 500 and "13800138000" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_no_template_has_script_or_style_in_it() -> None:
    import qc_speech.web as room

    for path in (Path(room.__file__).parent / "templates").rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert " style=" not in text and "<style" not in text and " on" + "click=" not in text, path
        assert "<script>" not in text, path


def test_too_much_is_refused(house: Site) -> None:
    answer = house.anyone().post("/login", data={"name": "x" * 1_100_000, "password": "y"})
    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("target", "kept"),
    [
        ("/queue?team=a", "/queue?team=a"),
        ("//evil.test", "/"),
        ("https://evil.test", "/"),
        ("/\\evil.test", "/"),
        ("javascript:alert(1)", "/"),
        ("/a\nb", "/"),
        ("", "/"),
    ],
)
def test_after_login_one_stays_on_this_site(target: str, kept: str) -> None:
    assert local_path(target) == kept


def test_the_language_is_switched(house: Site) -> None:
    client = house.anyone()
    assert "登录通话质检" in client.get("/login").text
    client.get("/language/en?next=/login")
    assert "Log in to call quality review" in client.get("/login").text


def test_an_agent_may_reach_his_own_calls_only() -> None:
    lin = User(1, "lin", "", UserRole.AGENT, agent_id="1023")
    for action in ACTIONS:
        assert not may(lin, action, CallKey("c", "2001"))
        assert not may(lin, action, CallKey("c", None))
    assert may(lin, "call.hear", CallKey("c", "1023"))
    assert not may(lin, "call.review", CallKey("c", "1023"))
    nobody = User(2, "x", "", UserRole.AGENT, agent_id=None)
    assert not may(nobody, "call.see", CallKey("c", None))


def test_teams_bound_everybody_else() -> None:
    wang = User(1, "wang", "", UserRole.INSPECTOR, teams=("东区",))
    assert may(wang, "call.review", CallKey("c", "1", "东区"))
    assert not may(wang, "call.see", CallKey("c", "1", "西区"))
    assert not may(wang, "call.see", CallKey("c", "1", None))
    admin = User(1, "root", "", UserRole.ADMIN)
    assert not may(admin, "call.hear", CallKey("c", "1")) and may(admin, "users.manage")


def test_users_are_made_with_care(house: Site) -> None:
    for new, password, said in (
        (people.NewUser("wang", UserRole.INSPECTOR), PASSWORD, "exists"),
        (people.NewUser("a b", UserRole.INSPECTOR), PASSWORD, "letters"),
        (people.NewUser("new1", UserRole.AGENT), PASSWORD, "agent"),
        (people.NewUser("new2", UserRole.INSPECTOR), "short", "characters"),
    ):
        with pytest.raises(UsageError, match=said):
            people.add_user(house.store, new, password)


def test_scripts_ask_with_the_header(house: Site) -> None:
    assert ask(house.as_("wang"), "POST", "/logout").status_code == 303
    house._clients.pop("wang")
