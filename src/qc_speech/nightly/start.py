"""Puts a batch together: folder, store, lock, models, rules, plan; and publishes what it did."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from qc_speech import store_place
from qc_speech.errors import ModelError, StoreError, UsageError
from qc_speech.nightly import machine as machines
from qc_speech.nightly.archive import Archive
from qc_speech.nightly.crew import Crew
from qc_speech.nightly.lock import only_one
from qc_speech.nightly.night import Night, Plan, Watcher, archive_manifests, nobody
from qc_speech.nightly.profile import Profile, source_name
from qc_speech.nightly.summary import Summary
from qc_speech.nightly.worker import Orders
from qc_speech.settings import Settings
from qc_speech.store import Queue, SqlStore, open_store


@dataclass(frozen=True)
class Wishes:
    """What the command line asks for besides the profile."""

    retry_quarantined: bool = False
    say: Callable[[str], None] = lambda line: None  # one line for a person


def run_batch(profile: Profile, watcher: Watcher = nobody, wishes: Wishes | None = None) -> Summary:
    """One batch from beginning to end. Raises UsageError, StoreError, ModelError, RulebookError,
    lock.BusyError; KeyboardInterrupt is a summary that was stopped."""
    from qc_speech.engines import registry
    from qc_speech.rules.rulebook import choose
    from qc_speech.setup import RuleKeeper

    wishes = wishes or Wishes()
    out = profile.out_path
    _make_folder(out)
    keeper = RuleKeeper(copies=out / "rules")
    rules = keeper.current()
    if profile.rulebook:
        choose(rules.rulebooks, profile.rulebook)
    with open_store(store_of(profile)) as store:
        waiting = _waiter(profile, wishes)
        with only_one(profile.name, out, store, waiting):
            registry.require_models(profile.settings)
            if profile.verify_models:
                verify_models(profile.settings)
            if wishes.retry_quarantined:
                Queue(store).requeue(profile.name)
            plan = plan_of(profile)
            orders = _orders(profile, plan, keeper.keep())
            night = Night(profile, store, orders, plan, watcher, crew=_cluster(profile, orders))
            if keeper.problem:
                night.summary.fault(f"{keeper.problem}; the last good rules were used")
            summary = night.run()
            _close(profile, store, summary, orders.archive.day)
    return summary


def store_of(profile: Profile) -> str | Path:
    return store_place.store_of(profile.out_path, profile.store)


def plan_of(profile: Profile) -> Plan:
    """Processes by the profile, or by the machine where it leaves that open. A cluster's members
    each do whole recordings, as many as there is room for."""
    from qc_speech.engines import registry

    if profile.ray:
        return Plan(profile.workers or 16, 0, float("inf"))
    gpus = registry.gpus(profile.settings)
    machine = machines.this_machine(gpus)
    recognizers = gpus if profile.recognizers < 0 else profile.recognizers
    workers = profile.workers
    if not workers and recognizers:
        workers = machines.preparers_for(machine)
    elif not workers:
        workers = machines.workers_for(machine, registry.recognizer_bytes(profile.settings))
    limit = profile.worker_memory_gb * 2**30
    limit = limit or machines.memory_limit(machine, workers + recognizers)
    return Plan(workers, recognizers, limit)


def verify_models(settings: Settings) -> None:
    """Hash all files of the models that are needed. Raises ModelError: a damaged model would cost
    every recording its result."""
    from qc_speech.engines import registry
    from qc_speech.models.state import explain, verify

    for model in registry.required_models(settings):
        if os.sep in model:  # a local folder: nobody published hashes of it
            continue
        bad = next((one for one in verify(model) if one.state != "ok"), None)
        if bad is not None:
            raise ModelError(f"model {model}: {explain(bad)}; run: qc-speech models fetch {model}")


def _cluster(profile: Profile, orders: Orders) -> Callable[[], Crew] | None:
    if not profile.ray:
        return None
    from qc_speech.nightly.ray_crew import on_cluster

    return on_cluster(profile, orders)


def _orders(profile: Profile, plan: Plan, rules: Path) -> Orders:
    endpoints = {
        source_name(source, number): source.endpoint
        for number, source in enumerate(profile.sources)
    }
    day = f"{datetime.now():%Y-%m-%d}"
    return Orders(
        out=profile.out_path,
        store=str(store_of(profile)),
        settings=profile.settings,
        rules=rules,
        rulebook=profile.rulebook or None,
        processes=plan.workers + plan.recognizers,
        recognizers=plan.recognizers,
        spool=(profile.out_path / f".spool-{profile.name}").absolute(),
        archive=Archive(profile.archive, profile.archive_mode == "move", day, endpoints),
        endpoints=endpoints,
    )


def _waiter(profile: Profile, wishes: Wishes) -> Callable[[], bool] | None:
    """Waits for another batch of this name, until the deadline at most."""
    if profile.when_busy == "leave":
        return None
    from qc_speech.nightly.deadline import Deadline, next_time

    deadline = Deadline(next_time(profile.until, datetime.now()))
    said: list[bool] = []

    def wait() -> bool:
        if not said:
            wishes.say(f"another batch {profile.name} runs; waiting for its end")
            said.append(True)
        return not deadline.passed()

    return wait


def _close(profile: Profile, store: SqlStore, summary: Summary, day: str) -> None:
    """Pages and summary. A batch that was stopped writes no pages: it is to end at once."""
    from qc_speech.publish import publish

    with _disk_faults(profile.out_path):
        archive_manifests(profile, day)
        if profile.report and summary.ended_by != "stopped":
            publish(profile.out_path, store)
        summary.write(profile.out_path)


@contextlib.contextmanager
def _disk_faults(where: Path) -> Iterator[None]:
    from qc_speech.batch import disk_fault

    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(where)
        raise disk_fault(error) from None


def _make_folder(out: Path) -> None:
    try:
        out.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = out / f".write-test-{os.getpid()}"
        try:
            probe.write_bytes(b"x")
        finally:
            probe.unlink(missing_ok=True)
    except FileExistsError:
        raise UsageError(f"{out}: is a file; name a folder as out") from None
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise StoreError(f"{out}: the disk is full; free some space and run again") from None
        raise UsageError(
            f"{out}: cannot be written ({error.strerror}); check permissions or name another out"
        ) from None
