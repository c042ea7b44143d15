"""Is this machine fit to inspect calls? One result per thing looked at, each with its cure."""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import os
import platform
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from qc_speech.errors import QcError
from qc_speech.models import load_manifest, require
from qc_speech.resources import data_dir, model_files_dir

_PYTHONS = ((3, 10), (3, 13))
_PACKAGES = (  # distribution, module
    ("faster-whisper", "faster_whisper"),
    ("ctranslate2", "ctranslate2"),
    ("torch", "torch"),
    ("pyannote.audio", "pyannote.audio"),
    ("av", "av"),
    ("soundfile", "soundfile"),
    ("numpy", "numpy"),
    ("pydantic", "pydantic"),
    ("PyYAML", "yaml"),
    ("SQLAlchemy", "sqlalchemy"),
    ("jieba", "jieba"),
    ("opencc", "opencc"),
    ("pypinyin", "pypinyin"),
    ("rapidfuzz", "rapidfuzz"),
    ("Jinja2", "jinja2"),
    ("typer", "typer"),
    ("rich", "rich"),
)
_DECODERS = (  # what call recorders write, and the decoder that reads it
    ("PCM", "pcm_s16le"),
    ("A-law", "pcm_alaw"),
    ("mu-law", "pcm_mulaw"),
    ("GSM", "gsm"),
    ("WAV49 GSM", "gsm_ms"),
    ("MP3", "mp3float"),
    ("FLAC", "flac"),
    ("Opus", "opus"),
    ("AAC", "aac"),
    ("AMR", "amrnb"),
)
_MEMORY_NEEDED = 3 * 1024**3
_DISK_FAIL, _DISK_WARN = 200 * 10**6, 2 * 10**9
_MIN_SQLITE = (3, 35, 0)


@dataclass(frozen=True)
class CheckResult:
    """One thing looked at. `state`: ok | warn | fail; `cure` is empty when all is well."""

    name: str
    state: str
    found: str
    cure: str = ""


def examine(out: Path = Path()) -> tuple[CheckResult, ...]:
    """Look at this machine; `out` is the folder results are to be written to. Never raises."""
    checks: tuple[tuple[str, Callable[[], CheckResult]], ...] = (
        ("Python", _python),
        ("packages", _packages),
        ("processor", _processor),
        ("memory", _memory),
        ("GPU", _gpu),
        ("audio formats", _audio),
        ("models", _models),
        ("lexicons", _lexicons),
        ("disk space", lambda: _disk(out)),
        ("database", lambda: _database(out)),
        ("write permission", lambda: _writable(out)),
    )
    results = []
    for name, check in checks:
        try:
            results.append(check())
        except Exception as error:  # a broken library must not hide the other results
            what = f"{type(error).__name__}: {error}".splitlines()[0][:160]
            cure = "reinstall qc-speech and its packages"
            results.append(CheckResult(name, "fail", what, cure))
    return tuple(results)


def _python() -> CheckResult:
    found = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    if _PYTHONS[0] <= sys.version_info[:2] <= _PYTHONS[1]:
        return CheckResult("Python", "ok", found)
    return CheckResult("Python", "fail", found, "use Python 3.10 to 3.13")


def _packages() -> CheckResult:
    versions, missing = [], []
    for distribution, module in _PACKAGES:
        try:
            present = importlib.util.find_spec(module) is not None
        except ImportError:
            present = False
        if not present:
            missing.append(distribution)
            continue
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions.append(f"{distribution} {importlib.metadata.version(distribution)}")
    if missing:
        cure = "pip install " + " ".join(missing)
        return CheckResult("packages", "fail", "missing: " + ", ".join(missing), cure)
    return CheckResult("packages", "ok", ", ".join(versions))


def _processor() -> CheckResult:
    affinity = getattr(os, "sched_getaffinity", None)
    usable = len(affinity(0)) if affinity else os.cpu_count() or 1
    found = f"{usable} of {os.cpu_count()} cores usable"
    if usable >= 2:
        return CheckResult("processor", "ok", found)
    return CheckResult("processor", "warn", found, "give at least 2 cores; 1 will be slow")


def _memory() -> CheckResult:
    total, free = _memory_bytes()
    if total is None:
        return CheckResult("memory", "ok", "this system does not tell")
    found = f"{total / 2**30:.1f} GiB" + (f", {free / 2**30:.1f} GiB free" if free else "")
    if total >= _MEMORY_NEEDED:
        return CheckResult("memory", "ok", found)
    return CheckResult("memory", "warn", found, "give 3 GiB or more, or run one worker only")


def _memory_bytes() -> tuple[int | None, int | None]:
    total: int | None = None
    free: int | None = None
    with contextlib.suppress(OSError, ValueError, AttributeError):
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                free = int(line.split()[1]) * 1024
    with contextlib.suppress(OSError, ValueError):  # a container may have less
        limit = int(Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii"))
        total = min(total or limit, limit)
        free = min(free, total) if free is not None else None
    return total, free


def _gpu() -> CheckResult:
    import ctranslate2

    usable = int(ctranslate2.get_cuda_device_count())
    cards = _nvidia_cards()
    if usable:
        found = f"{usable} CUDA device(s)" + (f": {'; '.join(cards)}" if cards else "")
        return CheckResult("GPU", "ok", found)
    if cards:
        found = f"{'; '.join(cards)}, but CUDA does not see it"
        cure = "check the driver and CUDA_VISIBLE_DEVICES; the CPU is used meanwhile"
        return CheckResult("GPU", "warn", found, cure)
    return CheckResult("GPU", "ok", "none; the CPU is used")


def _nvidia_cards() -> list[str]:
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return []
    fields = "name,memory.total,driver_version"
    command = [tool, f"--query-gpu={fields}", "--format=csv,noheader"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=15, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    cards = []
    for line in answer.stdout.splitlines():
        parts = [part.strip() for part in line.split(",")]
        if len(parts) == 3:
            cards.append(f"{parts[0]}, {parts[1]}, driver {parts[2]}")
    return cards


def _audio() -> CheckResult:
    import av

    missing = [name for name, decoder in _DECODERS if not _decodes(av, decoder)]
    found = f"PyAV {av.__version__}: " + ", ".join(
        name for name, _ in _DECODERS if name not in missing
    )
    if not missing:
        return CheckResult("audio formats", "ok", found)
    cure = "pip install --force-reinstall av (its wheel brings FFmpeg with every decoder)"
    state = "fail" if "PCM" in missing else "warn"
    return CheckResult("audio formats", state, f"no decoder for {', '.join(missing)}", cure)


def _decodes(av: object, decoder: str) -> bool:
    if decoder not in av.codecs_available:  # type: ignore[attr-defined]
        return False
    try:
        return bool(av.codec.Codec(decoder, "r").is_decoder)  # type: ignore[attr-defined]
    except ValueError:
        return False


def _models() -> CheckResult:
    ready, faults = [], []
    for card in load_manifest():
        if not card.default:
            continue
        try:
            require(card.id)
            ready.append(card.id)
        except QcError as error:
            faults.append(str(error).partition("; run:")[0])
    if faults:
        return CheckResult("models", "fail", "; ".join(faults), "qc-speech models fetch")
    return CheckResult("models", "ok", f"{', '.join(ready)} in {model_files_dir()}")


def _lexicons() -> CheckResult:
    folder = data_dir("lexicons")
    books = sum(1 for pattern in ("*.yaml", "*.yml") for _ in folder.rglob(pattern))
    if books:
        return CheckResult("lexicons", "ok", f"{books} YAML files in {folder}")
    what = "holds no YAML file" if folder.is_dir() else "is missing"
    cure = "set QC_SPEECH_LEXICONS to the folder with the rulebooks, or reinstall qc-speech"
    return CheckResult("lexicons", "fail", f"{folder} {what}", cure)


def _disk(out: Path) -> CheckResult:
    place = _existing(out)
    free = shutil.disk_usage(place).free
    found = f"{free / 1e9:.1f} GB free at {place}"
    if free >= _DISK_WARN:
        return CheckResult("disk space", "ok", found)
    state = "warn" if free >= _DISK_FAIL else "fail"
    return CheckResult("disk space", state, found, "make room there or choose another --out")


def _database(out: Path) -> CheckResult:
    version = sqlite3.sqlite_version
    if sqlite3.sqlite_version_info < _MIN_SQLITE:
        return CheckResult("database", "fail", f"SQLite {version}", "use SQLite 3.35 or newer")
    place = _existing(out)
    if not os.access(place, os.W_OK):
        place = Path(tempfile.gettempdir())
    with tempfile.TemporaryDirectory(prefix=".qc-speech-doctor-", dir=place) as folder:
        try:
            journal = _try_database(Path(folder) / "probe.db")
        except sqlite3.Error as error:
            cure = "put OUT on a local disk, and use a Python whose SQLite has JSON1"
            return CheckResult("database", "fail", f"SQLite {version}: {error}", cure)
    found = f"SQLite {version}, journal {journal}, JSON"
    if journal == "wal":
        return CheckResult("database", "ok", found)
    cure = "put OUT on a local disk: this file system cannot share a database between processes"
    return CheckResult("database", "warn", found, cure)


def _try_database(path: Path) -> str:
    """Make a database with what the store needs; its journal mode. Raises sqlite3.Error."""
    with contextlib.closing(sqlite3.connect(path)) as probe, probe:
        journal = str(probe.execute("PRAGMA journal_mode=WAL").fetchone()[0])
        probe.execute("CREATE TABLE probe (value TEXT)")
        probe.execute("INSERT INTO probe SELECT json_extract('{\"a\": 1}', '$.a')")
    return journal


def _writable(out: Path) -> CheckResult:
    place = _existing(out)
    try:
        with tempfile.NamedTemporaryFile(prefix=".qc-speech-doctor-", dir=place) as probe:
            probe.write(b"ok")
            probe.flush()
    except OSError as error:
        cure = "choose another --out or change the folder's permissions"
        return CheckResult("write permission", "fail", f"{place}: {error.strerror}", cure)
    return CheckResult("write permission", "ok", f"{place} can be written")


def _existing(path: Path) -> Path:
    """The folder itself, or the nearest folder above it that exists."""
    path = path.absolute()
    while not path.is_dir() and path != path.parent:
        path = path.parent
    return path
