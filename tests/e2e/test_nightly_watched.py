"""A batch that is watched and told of, and one whose store is sealed with a key."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from command_line import FAKE_COMMAND, run_it
from nightly_runs import Batch

from qc_speech.vault import new_key


def test_log_metrics_notice_and_key(tmp_path: Path) -> None:
    told: list[dict[str, Any]] = []

    class Robot(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"errcode": 0}')

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Robot)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    top = f'workers = 1\nlog = "json"\nmetrics_file = "{tmp_path}/m.prom"\nverify_models = false\n'
    notify = '[[notify]]\nkind = "wecom"\naddress = "env:TEST_URL"\n'
    batch = Batch(tmp_path, top=top, source=notify)
    batch.record(2)
    (batch.folder / "13800002571.wav").write_bytes(b"no sound")
    url = {"TEST_URL": f"http://127.0.0.1:{server.server_address[1]}/?key=x"}
    assert batch.run(**url).code == 1
    ran = batch.run(**url)  # nothing new: told all the same
    events = [json.loads(line) for line in ran.err.splitlines() if line.startswith("{")]
    assert events[-1]["event"] == "end" and events[-1]["done"] == 0
    assert 'state="done"} 0.0' in (tmp_path / "m.prom").read_text()
    texts = [body["markdown"]["content"] for body in told]
    assert len(texts) == 2 and "完成 2 通" in texts[0] and "隔离 1 通" in texts[0]
    assert "13800002571" not in "".join(texts) + ran.err

    key = tmp_path / "key"
    key.write_text(new_key())
    sealed = {**url, "QC_SPEECH_KEY_FILE": str(key)}
    assert run_it("key", "apply", batch.out, command=FAKE_COMMAND, env=sealed).code == 0
    batch.record(1, first=7)
    assert "done 1, unchanged 0" in batch.run(**sealed).out
    assert "done 0, unchanged 0" in batch.run(**sealed).out  # found again, known under the key
    assert {path.suffix for path in (batch.out / "calls").iterdir()} == {".fernet"}
    server.shutdown()
    server.server_close()
