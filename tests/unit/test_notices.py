"""The morning summary: what is in it, how each receiver wants it, and what if one fails."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socketserver
import threading
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from typer.testing import CliRunner

from qc_speech.cli.app import app
from qc_speech.errors import UsageError
from qc_speech.notices.message import Message, is_trouble, message_of
from qc_speech.notices.send import NoticeError, deliver
from qc_speech.notices.spec import NotifySpec, value_of
from qc_speech.notices.telling import check, tell

SUMMARY = {
    "schema": "qc-speech/batch/1", "name": "nightly", "started_at": "2026-06-01T22:00:00",
    "ended_at": "2026-06-02T05:58:10", "done": 1234, "kept": 5, "quarantined": 3, "critical": 7,
    "review": 88, "waiting": 0, "sound_seconds": 360000.0, "ended_by": "done",
    "critical_calls": ["c17", "c18"], "reasons": {"x/13800002571.wav: damaged": 1},
    "faults": ["bucket calls/13800002571: does not answer"],
}  # fmt: skip


@dataclass
class Receiver:
    """A server that answers as it is told, and keeps what it was sent."""

    answers: list[tuple[int, bytes]] = field(default_factory=list)
    seen: list[tuple[str, dict[str, Any], dict[str, str]]] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    kept = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept.seen.append((self.path, json.loads(body), dict(self.headers)))
            code, said = kept.answers.pop(0) if kept.answers else (200, b'{"errcode": 0}')
            self.send_response(code)
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    kept.url = f"http://127.0.0.1:{server.server_address[1]}/hook?key=top-secret"
    yield kept
    server.shutdown()
    server.server_close()


def spec(kind: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, **more: Any) -> NotifySpec:
    monkeypatch.setenv("TEST_URL", receiver.url)
    return NotifySpec(kind=kind, address="env:TEST_URL", **more)


def test_figures_and_no_personal_data() -> None:
    message = message_of(SUMMARY, NotifySpec(link="https://qc.example"), (42, "ab" * 32))
    assert "nightly" in message.title and "已完成" in message.title
    for part in ("1234", "100.0 小时", "严重违规 7", "复核 88", "https://qc.example", "42:abab"):
        assert part in message.text
    everything = message.title + message.text + json.dumps(dict(message.figures))
    assert "13800002571" not in everything and "c17" not in everything
    assert "c17" in message_of(SUMMARY, NotifySpec(call_ids=True)).text
    english = message_of(SUMMARY, NotifySpec(language="en"))
    assert "1234 calls done" in english.text and english.title.endswith("done")


def test_a_template_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "t.txt"
    path.write_text("标题 {{ name }}\n{{ done }} 通\n", encoding="utf-8")
    message = message_of(SUMMARY, NotifySpec(template=str(path)))
    assert (message.title, message.text) == ("标题 nightly", "1234 通")
    path.write_text("{{ name", encoding="utf-8")
    with pytest.raises(UsageError, match="template"):
        message_of(SUMMARY, NotifySpec(template=str(path)))
    path.write_text("{{ name.__class__.__mro__ }}", encoding="utf-8")
    with pytest.raises(UsageError):
        message_of(SUMMARY, NotifySpec(template=str(path)))


def test_wecom_and_a_plain_webhook(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    assert tell((spec("wecom", receiver, monkeypatch),), SUMMARY) == []
    _, body, _ = receiver.seen[0]
    assert body["msgtype"] == "markdown" and "1234" in body["markdown"]["content"]
    monkeypatch.setenv("TEST_SECRET", "s3")
    hook = spec("webhook", receiver, monkeypatch, secret="env:TEST_SECRET")
    assert tell((hook,), SUMMARY) == []
    _, body, headers = receiver.seen[1]
    assert body["schema"] == "qc-speech/notice/1" and body["figures"]["critical"] == 7
    raw = json.dumps(body, ensure_ascii=False).encode()
    wanted = hmac.new(b"s3", raw, hashlib.sha256).hexdigest()
    assert headers["X-Qc-Speech-Signature"] == f"sha256={wanted}"


def test_dingtalk_signs_its_address(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_SECRET", "SEC1")
    deliver(spec("dingtalk", receiver, monkeypatch, secret="env:TEST_SECRET"), MESSAGE)
    path, body, _ = receiver.seen[0]
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(path).query)
    text = f"{query['timestamp'][0]}\nSEC1".encode()
    wanted = base64.b64encode(hmac.new(b"SEC1", text, hashlib.sha256).digest()).decode()
    assert query["sign"] == [wanted] and query["key"] == ["top-secret"]
    assert body["markdown"]["title"] == "title"


def test_feishu_signs_its_body(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_SECRET", "SEC1")
    receiver.answers = [(200, b'{"code": 0, "msg": "success"}')]
    deliver(spec("feishu", receiver, monkeypatch, secret="env:TEST_SECRET"), MESSAGE)
    _, body, _ = receiver.seen[0]
    key = f"{body['timestamp']}\nSEC1".encode()
    assert body["sign"] == base64.b64encode(hmac.new(key, b"", hashlib.sha256).digest()).decode()
    assert body["content"]["text"].startswith("title")


MESSAGE = Message("title", "text", {})


def test_a_busy_server_is_tried_again(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    receiver.answers = [(503, b""), (429, b""), (200, b'{"errcode": 45009}')]
    pauses: list[float] = []
    deliver(spec("wecom", receiver, monkeypatch), MESSAGE, pauses.append)
    assert len(receiver.seen) == 4 and pauses == [2.0, 4.0, 8.0]


@pytest.mark.parametrize(
    ("answer", "tries"),
    [((404, b""), 1), ((200, b'{"errcode": 93000}'), 1), ((200, b"<html>"), 1), ((500, b""), 2)],
)
def test_what_fails_is_said_without_the_key(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, answer: tuple[int, bytes], tries: int
) -> None:
    receiver.answers = [answer] * 5
    with pytest.raises(NoticeError) as said:
        deliver(spec("wecom", receiver, monkeypatch, tries=2), MESSAGE, lambda _: None)
    assert len(receiver.seen) == tries
    assert "secret" not in str(said.value) and "127.0.0.1" not in str(said.value)


def test_one_that_fails_keeps_no_other(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    receiver.answers = [(404, b"")]
    both = (spec("wecom", receiver, monkeypatch), spec("wecom", receiver, monkeypatch))
    failed = tell(both, SUMMARY)
    assert len(failed) == 1 and failed[0].startswith("[[notify]] number 1")
    assert len(receiver.seen) == 2


def test_only_in_trouble(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    quiet = {**SUMMARY, "faults": [], "quarantined": 0, "critical": 0}
    assert not is_trouble(quiet) and is_trouble(SUMMARY)
    tell((spec("wecom", receiver, monkeypatch, when="trouble"),), quiet)
    assert receiver.seen == []


def test_keys_stand_in_the_environment_or_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "k").write_text("https://x/?key=1\n")
    assert value_of(f"file:{tmp_path / 'k'}", "address") == "https://x/?key=1"
    with pytest.raises(UsageError, match="does not belong here") as said:
        value_of("https://x/?key=1", "address")
    assert "key=1" not in str(said.value)
    monkeypatch.delenv("NO_SUCH", raising=False)
    with pytest.raises(UsageError, match="NO_SUCH"):
        check((NotifySpec(address="env:NO_SUCH"),))


class Mail(socketserver.StreamRequestHandler):
    """As much of SMTP as a client needs."""

    letters: ClassVar[list[str]] = []
    refuse = 0

    def handle(self) -> None:
        self.wfile.write(b"220 test\r\n")
        lines: list[str] | None = None
        for raw in self.rfile:
            line = raw.decode().rstrip("\r\n")
            if lines is not None:
                if line == ".":
                    Mail.letters.append("\n".join(lines))
                    lines = None
                    self.wfile.write(b"250 kept\r\n")
                else:
                    lines.append(line)
            elif line.upper().startswith("DATA"):
                lines = []
                self.wfile.write(b"354 go on\r\n")
            elif line.upper().startswith("MAIL") and Mail.refuse:
                Mail.refuse -= 1
                self.wfile.write(b"451 later\r\n")
            elif line.upper().startswith("QUIT"):
                self.wfile.write(b"221 bye\r\n")
                return
            else:
                self.wfile.write(b"250 ok\r\n")


def test_email(monkeypatch: pytest.MonkeyPatch) -> None:
    Mail.letters.clear()
    Mail.refuse = 1
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Mail) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"smtp://127.0.0.1:{server.server_address[1]}"
        one = NotifySpec(kind="email", address=address, sender="qc@x.test", to="a@x.test, b@x.test")
        deliver(one, Message("日报", "完成 3 通", {}), lambda _: None)
        monkeypatch.setenv("TEST_MAIL", "user:password")
        with pytest.raises(NoticeError, match="not sent in clear"):
            deliver(replace(one, secret="env:TEST_MAIL"), MESSAGE)
        server.shutdown()
    (letter,) = Mail.letters
    assert "To: a@x.test, b@x.test" in letter
    assert letter.endswith("完成 3 通")


def test_the_command(tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_URL", receiver.url)
    out = tmp_path / "out"
    (out / "batches").mkdir(parents=True)
    summary = json.dumps(SUMMARY)
    (out / "batches" / "night-20260601T220000.json").write_text(summary)
    profile = tmp_path / "night.toml"
    profile.write_text(
        f'out = "{out}"\n[[source]]\npath = "in"\n[[notify]]\nkind = "wecom"\n'
        'address = "env:TEST_URL"\n'
    )
    run = CliRunner()
    said = run.invoke(app, ["notify", "--profile", str(profile), "--show"])
    assert said.exit_code == 0 and "1234" in said.output and receiver.seen == []
    assert run.invoke(app, ["notify", "--profile", str(profile)]).exit_code == 0
    assert run.invoke(app, ["notify", "--profile", str(profile), "--test"]).exit_code == 0
    assert "测试" in receiver.seen[1][1]["markdown"]["content"]
    profile.write_text(profile.read_text() + 'nope = "x"\n')
    said = run.invoke(app, ["notify", "--profile", str(profile)])
    assert said.exit_code == 2 and f"{profile}:7: unknown setting nope" in said.output
