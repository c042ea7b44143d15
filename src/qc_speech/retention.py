"""How long a call is kept: its sound, what was said, its results; and when it is masked.

Files go first, then the rows together with the entry in the audit log, in one transaction: a purge
that is killed is done again, and nothing is gone that the log does not tell.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from qc_speech import vault
from qc_speech.batch import call_file, sealed_name, write_call
from qc_speech.codec import from_json, to_json
from qc_speech.errors import StoreError, UsageError
from qc_speech.model import CallResult
from qc_speech.ports import Hook, silent_hook
from qc_speech.privacy.detect import KINDS
from qc_speech.privacy.masking import Policy, masked, numbers_covered, stripped
from qc_speech.publish import SOURCE_STAGE
from qc_speech.settings import Settings
from qc_speech.store import audit, retention
from qc_speech.store.retention import AUDIO, MASK, TRANSCRIPT, Old
from qc_speech.store.rows import json_bytes, json_value
from qc_speech.store.sql import SqlStore

if TYPE_CHECKING:
    from sqlalchemy import Connection

_CHUNK = 20  # calls of one transaction and of one entry in the audit log
Forget = Callable[[str], object]  # given a recording's id: removes what else holds its sound


@dataclass(frozen=True)
class Keeping:
    """The policy. Days; 0 keeps for ever, `mask` None never masks."""

    audio: int = 0
    transcripts: int = 0
    results: int = 0
    originals: bool = False
    mask: int | None = None
    policy: Policy = field(default_factory=Policy)
    reversible: bool = False

    @property
    def nothing(self) -> bool:
        return not (self.audio or self.transcripts or self.results) and self.mask is None


@dataclass
class Purged:
    """How many calls lost what, how many files went, and calls whose files would not go."""

    audio: int = 0
    transcripts: int = 0
    results: int = 0
    masked: int = 0
    files: int = 0
    stuck: list[str] = field(default_factory=list)

    @property
    def any(self) -> bool:
        return bool(self.audio or self.transcripts or self.results or self.masked)


def keeping(settings: Settings) -> Keeping:
    """The policy of the settings. Raises UsageError."""
    days = (settings.keep_audio_days, settings.keep_transcripts_days, settings.keep_results_days)
    if min(days) < 0:
        raise UsageError("keep_…_days: a number of days, or 0 to keep for ever")
    kinds = tuple(kind.strip() for kind in settings.mask_kinds.split(",") if kind.strip())
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown:
        raise UsageError(f"mask_kinds: {unknown[0]} is unknown; of {', '.join(KINDS)}")
    if not 0 <= settings.mask_confidence <= 1:
        raise UsageError("mask_confidence: a number from 0 to 1")
    return Keeping(
        *days,
        settings.purge_originals == "on",
        settings.mask_after_days if settings.mask_after_days >= 0 else None,
        Policy(kinds, settings.mask_confidence),
        settings.mask_reversible == "on",
    )


def due_counts(store: SqlStore, keep: Keeping, now: datetime) -> Purged:
    """What `purge` would do, without doing it."""
    found = Purged()
    for what, before in _steps(keep, now):
        setattr(found, _COUNTS[what], retention.due_count(store, what, before))
    return found


_COUNTS = {None: "results", TRANSCRIPT: "transcripts", MASK: "masked", AUDIO: "audio"}


def _steps(keep: Keeping, now: datetime) -> Iterator[tuple[str | None, datetime]]:
    """What is removed, and from calls before when; the most thorough first."""
    ages = ((None, keep.results), (TRANSCRIPT, keep.transcripts), (AUDIO, keep.audio))
    for what, days in ages:
        if days:
            yield what, now - timedelta(days=days)
    if keep.mask is not None:
        yield MASK, now - timedelta(days=keep.mask)


def purge(
    store: SqlStore, out: Path, keep: Keeping, now: datetime, *, who: str = "purge",
    forget: Sequence[Forget] = (), hook: Hook = silent_hook,
) -> Purged:  # fmt: skip
    """Remove what is due. `now` is local time, as calls' times are. Raises StoreError, UsageError
    (a key is needed to keep originals)."""
    if keep.reversible and keep.mask is not None:
        vault.needed()
    retention.delete_securely(store)
    done = Purged()
    task = _Task(store, out, keep, who, tuple(forget), done)
    for what, before in _steps(keep, now):
        after = ""  # once through the calls, however many: what is stuck waits for the next time
        while calls := retention.due(store, what, before, _CHUNK, after):
            task.remove(what, calls)
            after = calls[-1].call_id
            hook("purge", done.results + done.transcripts + done.audio + done.masked, 0)
    if keep.results:
        with store._begin(write=True) as connection:
            retention.drop_failures(connection, now - timedelta(days=keep.results))
    retention.forget_log(store)
    return done


@dataclass
class _Task:
    store: SqlStore
    out: Path
    keep: Keeping
    who: str
    forget: tuple[Forget, ...]
    done: Purged

    def remove(self, what: str | None, calls: Sequence[Old]) -> None:
        """One chunk. Calls whose files could not be removed are left as they are and tried again
        by the next purge."""
        files = {call.call_id: self._files(what, call) for call in calls}
        stuck = [call.call_id for call in calls if not self._unlink(files[call.call_id])]
        whole = [call for call in calls if call.call_id not in stuck]
        if what in (None, AUDIO):
            for call in whole:
                for forget in self.forget:
                    forget(call.recording_id)
        if whole:
            with self.store._begin(write=True) as connection:
                self._rows(connection, what, whole)
                detail = {
                    "calls": [call.call_id for call in whole],
                    "days": self._days(what),
                    "files": sum(len(files[call.call_id]) for call in whole),
                }
                if what == MASK:
                    detail |= {"kinds": list(self.keep.policy.kinds)}
                    detail |= {"reversible": self.keep.reversible}
                name = _COUNTS[what]
                audit.record_in(self.store, connection, self.who, f"purge {name}", name, detail)
        count = _COUNTS[what]
        setattr(self.done, count, getattr(self.done, count) + len(whole))
        self.done.stuck += stuck

    def _days(self, what: str | None) -> int | None:
        return {None: self.keep.results, TRANSCRIPT: self.keep.transcripts,
                AUDIO: self.keep.audio, MASK: self.keep.mask}[what]  # fmt: skip

    def _files(self, what: str | None, call: Old) -> list[Path]:
        published = call_file(self.out, call.call_id)
        audio = self.out / "audio" / f"{call.call_id}.flac"
        found = [audio, sealed_name(audio)] if what in (None, AUDIO) else []
        if what is None:
            found += [published, sealed_name(published)]
        if self.keep.originals and what in (None, AUDIO):
            kept = self.store.stage(call.recording_id, SOURCE_STAGE, call.call_id)
            found += [Path(kept["path"])] if kept else []
        return [path for path in found if path.is_file()]

    def _unlink(self, files: Sequence[Path]) -> bool:
        for path in files:
            try:
                path.unlink(missing_ok=True)
            except OSError:
                return False
            self.done.files += 1
        return True

    def _rows(self, connection: Connection, what: str | None, calls: list[Old]) -> None:
        if what is None:
            retention.drop_calls(connection, calls)
            return
        if what in (TRANSCRIPT, MASK):
            for call, result in retention.results_of(self.store, connection, calls):
                self._cover(connection, what, call, result)
            retention.drop_words(connection, calls)
        if what == MASK:
            retention.change_notes(connection, calls, numbers_covered)
        if what == TRANSCRIPT:
            retention.change_notes(connection, calls, lambda note: "")
            retention.unseal_away(connection, calls)
        if what == AUDIO:
            retention.drop_sound(connection, calls)
        retention.mark_removed(self.store, connection, calls, what)

    def _cover(self, connection: Connection, what: str, call: Old, result: CallResult) -> None:
        if what == MASK and result.call.masked:
            return
        covered = stripped(result) if what == TRANSCRIPT else masked(result, self.keep.policy)
        if what == MASK and self.keep.reversible:
            token = vault.needed().seal(zlib.compress(json_bytes(to_json(result))))
            retention.seal(self.store, connection, result, token)
        published = call_file(self.out, call.call_id)
        if published.exists() or sealed_name(published).exists():
            write_call(self.out, covered)
        retention.put_text(connection, call, covered)


def reveal(store: SqlStore, call_id: str, who: str) -> CallResult:
    """The whole result of a masked call, and an entry in the audit log that it was looked at.
    Raises UsageError where none was kept, or without its key."""
    token = retention.sealed(store, call_id)
    if token is None:
        raise UsageError(
            f"call {call_id}: no original was kept (mask_reversible is off, or purged)"
        )
    opened = vault.needed().open(token)
    try:
        result = from_json(CallResult, json_value(zlib.decompress(opened)))
    except (ValueError, zlib.error):
        raise StoreError(f"call {call_id}: the sealed original cannot be read") from None
    audit.record(store, who, "reveal", f"call:{call_id}")
    return result
