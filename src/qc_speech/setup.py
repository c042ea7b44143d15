"""Puts rules and engines together from settings and data folders, for API, batch and CLI."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from qc_speech.engines import registry
from qc_speech.engines.language_model import language_model
from qc_speech.errors import RulebookError
from qc_speech.pipeline import Engines, Rules
from qc_speech.resources import data_dir
from qc_speech.rules.inspect import all_kinds
from qc_speech.rules.lexicons import load_lexicons
from qc_speech.rules.rulebook import load_rulebooks
from qc_speech.scenario import load_scenario_evidence
from qc_speech.settings import Settings
from qc_speech.spelling import load_speller

_LAST = "last_good"  # names the copy of the last good rules


@functools.lru_cache(maxsize=4)
def load_rules(folder: Path | None = None) -> Rules:
    """All word lists and rulebooks of a lexicons folder; read once. Raises RulebookError."""
    return read_rules(folder or data_dir("lexicons"))


def read_rules(folder: Path) -> Rules:
    """The same, read anew. Raises RulebookError."""
    lexicons = load_lexicons(folder)
    rulebooks = load_rulebooks(folder / "rulebooks", all_kinds(lexicons))
    return Rules(
        lexicons=lexicons,
        rulebooks=rulebooks,
        scenarios=load_scenario_evidence(folder / "scenarios.yaml", rulebooks),
        speller=load_speller(folder),
        digest=_digest(folder),
    )


def make_engines(settings: Settings, workers: int = 1) -> Engines:
    """Makers of the engines; no model is loaded yet."""
    return Engines(
        transcriber=registry.transcriber(settings, workers),
        diarizer=registry.diarizer(settings, workers),
        channel_turns=registry.channel_turns,
        speech_spans=registry.speech_spans,
        stamps=registry.stamps(settings),
        channels_stamp=registry.channels_stamp(),
        voices=registry.voice_encoder(settings) if settings.voiceprints == "on" else None,
        voices_model=registry.VOICES_MODEL,
        ask=settings.ask_audio == "on",
        judge=language_model(settings, workers),
    )


def usual_channel(settings: Settings) -> int | None:
    """Where this site's agents mostly are in two channels: 0 left, 1 right, None: not known."""
    return {"left": 0, "right": 1}.get(settings.usual_agent_channel)


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted((*folder.rglob("*.yaml"), *folder.rglob("*.txt"))):
        digest.update(path.relative_to(folder).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


class RuleKeeper:
    """Rules that stay in force for a job that must not stop.

    `current` reads the folder again when its files changed. While they have a mistake the last good
    rules stay in force and `problem` holds the mistake in one line. `keep` copies the files of the
    rules in force, so that a job which starts after the mistake was made has them too.
    """

    def __init__(self, folder: Path | None = None, copies: Path | None = None) -> None:
        self._folder = folder or data_dir("lexicons")
        self._copies = copies
        self._rules: Rules | None = None
        self._source = self._folder
        self._mark: object = None
        self.problem: str | None = None

    def current(self) -> Rules:
        """The rules in force. Raises RulebookError when there never were good ones."""
        mark = _mark(self._folder)
        if self._rules is not None and mark == self._mark:
            return self._rules
        try:
            rules, source = read_rules(self._folder), self._folder
            self.problem = None
        except RulebookError as error:
            self.problem = str(error)
            rules, source = self._last_good(error)
        self._rules, self._source, self._mark = rules, source, mark
        return rules

    def keep(self) -> Path:
        """The folder of the rules in force: a copy nobody edits, where one can be made."""
        rules = self.current()
        if self._copies is None or self._source.parent == self._copies:
            return self._source
        kept = self._copies / rules.digest
        with contextlib.suppress(OSError):  # a full disk is said by what cannot do without it
            if not kept.is_dir():
                _copy(self._folder, kept)
            if _digest(kept) == rules.digest:
                _write(self._copies / _LAST, rules.digest)
                _forget(self._copies, rules.digest)
                return kept
        return self._source

    def _last_good(self, error: RulebookError) -> tuple[Rules, Path]:
        if self._rules is not None:
            return self._rules, self._source
        if self._copies is not None:
            with contextlib.suppress(OSError, RulebookError):
                kept = self._copies / (self._copies / _LAST).read_text("utf-8").strip()
                rules = read_rules(kept)
                if rules.digest == kept.name:
                    return rules, kept
        raise error


def _mark(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """What changes when any of the files does."""
    found = []
    for path in sorted(folder.rglob("*.yaml")):
        with contextlib.suppress(OSError):
            stat = path.stat()
            found.append((str(path), stat.st_mtime_ns, stat.st_size))
    return tuple(found)


def _copy(folder: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    half = Path(tempfile.mkdtemp(prefix=".half-", dir=to.parent))
    try:
        shutil.copytree(folder, half, dirs_exist_ok=True)
        half.rename(to)
    except OSError:
        shutil.rmtree(half, ignore_errors=True)
        if not to.is_dir():  # else another process was first
            raise


def _write(path: Path, text: str) -> None:
    half = path.with_suffix(f".{os.getpid()}")
    half.write_text(text, "utf-8")
    half.replace(path)


def _forget(copies: Path, digest: str) -> None:
    """All but this copy and the latest other one: a job that still runs may read that."""
    others = sorted(
        (path for path in copies.iterdir() if path.is_dir() and path.name != digest),
        key=lambda path: path.stat().st_mtime_ns,
    )
    for path in others[:-1]:
        shutil.rmtree(path, ignore_errors=True)
