"""The review app on a port of this machine, for a real browser: started in this process, with two
calls that were really inspected and their recordings."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from web_house import PASSWORD, Site, site

from qc_speech.codec import from_json
from qc_speech.model import CallResult
from qc_speech.publish import remember_source

ROOT = Path(__file__).resolve().parents[2]
INSPECTED = ROOT / "tests" / "data" / "inspected"
RECORDINGS = ROOT / "examples" / "calls"
AXE = Path(__file__).parent / "axe" / "axe.min.js"


def inspected(call_id: str) -> CallResult:
    return from_json(
        CallResult, json.loads((INSPECTED / f"{call_id}.json").read_text(encoding="utf-8"))
    )


@dataclass
class Live:
    """A running app. `house` is the same app for requests without a browser."""

    house: Site
    address: str

    def enter(self, page: Any, name: str) -> None:
        """Log in by the form."""
        page.goto(f"{self.address}/login", wait_until="commit")
        page.fill("[name=name]", name)
        page.fill("[name=password]", PASSWORD)
        page.click("main button")
        page.wait_for_url(lambda url: "/login" not in url, wait_until="commit")


def with_sound(folder: Path, results: Sequence[CallResult] = ()) -> Site:
    """A site with the inspected calls, or with others."""
    calls = results or (inspected("d01"), inspected("d05"))
    house = site(folder, calls, secure_cookies=False)
    for result in calls:
        source = RECORDINGS / result.call.recording.source_name
        if source.is_file():
            remember_source(house.store, result, source)
    return house


@contextmanager
def running(house: Site) -> Iterator[Live]:
    import uvicorn

    server = uvicorn.Server(uvicorn.Config(house.app, port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 90
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.05)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield Live(house, f"http://127.0.0.1:{port}")
    server.should_exit = True
    thread.join(10)


def serious(page: Any) -> list[str]:
    """What axe-core finds serious or critical on a page. Run by the browser's own debugger: the
    page's policy lets no script in from elsewhere."""
    session = page.context.new_cdp_session(page)
    source = AXE.read_text(encoding="utf-8")
    session.send("Runtime.evaluate", {"expression": source})
    answer = session.send(
        "Runtime.evaluate",
        {"expression": "axe.run(document, {resultTypes: ['violations']})"
                       ".then(r => JSON.stringify(r.violations))",
         "awaitPromise": True, "returnByValue": True},
    )  # fmt: skip
    found = json.loads(answer["result"]["value"])
    return [
        f"{one['id']}: {one['nodes'][0]['html'][:160]} {one['nodes'][0]['failureSummary']}"
        for one in found
        if one["impact"] in ("serious", "critical")
    ]
