"""OUT/calls/*.json and OUT/report/ from the store: after a run and after a new scoring."""

from __future__ import annotations

import shutil
from pathlib import Path

from qc_speech import vault
from qc_speech.errors import StoreError
from qc_speech.model import CallResult
from qc_speech.ports import Hook, Store, silent_hook
from qc_speech.report.html import write_report

SOURCE_STAGE = "source"


def remember_source(store: Store, result: CallResult, path: Path) -> None:
    """Where a call's recording lies, so that pages made later find it."""
    store.put_stage(result.call.recording.id, SOURCE_STAGE, result.call_id, {"path": str(path)})


_CLOSED = """<!DOCTYPE html>
<html lang="zh"><meta charset="utf-8"><title>qc-speech</title>
<p>已配置加密密钥，因此不写出可直接阅读的页面。请用 <code>qc-speech web</code> 查看。</p>
<p lang="en">A key is configured: no readable pages are written. Use <code>qc-speech web</code>.</p>
</html>
"""


def _closed_report(out: Path) -> Path:
    index = out / "report" / "index.html"
    try:
        for folder in ("calls", "agents"):
            shutil.rmtree(index.parent / folder, ignore_errors=True)
        index.parent.mkdir(parents=True, exist_ok=True)
        index.write_text(_CLOSED, encoding="utf-8")
    except OSError as error:
        raise StoreError(f"{index}: cannot be written ({error.strerror}); run again") from None
    return index


def publish(out: Path, store: Store, hook: Hook = silent_hook) -> Path:
    """Write the report of all results; returns its index page. Under a configured key no page is
    written that anybody could read: the index says where to look instead."""
    if vault.configured():
        return _closed_report(out)

    def audio_of(result: CallResult) -> Path | None:
        copy = out / "audio" / f"{result.call_id}.flac"
        if copy.is_file():
            return copy
        stored = store.stage(result.call.recording.id, SOURCE_STAGE, result.call_id)
        path = Path(stored["path"]) if stored else None
        return path if path and path.is_file() else None

    try:
        return write_report(
            store.results(), out, failures=store.failures(), audio_of=audio_of, hook=hook
        )
    except OSError as error:
        raise StoreError(
            f"{out / 'report'}: cannot be written ({error.strerror}); results are kept, run again"
        ) from None
