"""How fast stored calls are scored again, and whether the length of the word lists matters.

    python benchmarks/rules.py OUT [--minutes 6] [--calls 40] [--profile]
    python benchmarks/rules.py OUT --lexicon 100 1000 10000 100000

OUT is the folder of an earlier run. Its calls are joined, those of one scenario one after another,
into calls of the wanted length. Printed are calls per second on one core: to score (the whole
default rulebook of the call's scenario), to read a stored result and to write one back.
`--lexicon` fills the banned words up to so many entries with made-up ones and prints the cost of
the banned words alone.
"""

from __future__ import annotations

import argparse
import cProfile
import itertools
import json
import pstats
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from qc_speech.codec import from_json, to_json
from qc_speech.model import CallResult, Measures, Overlap, Span, Utterance
from qc_speech.pipeline import Rules, rescore
from qc_speech.rules.banned import WordsParams, words_in
from qc_speech.rules.banned_lexicon import LISTS, Banned
from qc_speech.rules.banned_text import plain
from qc_speech.rules.kind import Context
from qc_speech.rules.lexicons import Lexicons
from qc_speech.setup import load_rules
from qc_speech.store import open_store

T = TypeVar("T")
_PAUSE_MS = 1000


def joined(parts: Sequence[CallResult], call_id: str) -> CallResult:
    """One call of several that follow one another."""
    whole, at = parts[0], parts[0].call.recording.duration_ms + _PAUSE_MS
    for part in parts[1:]:
        later = part.call
        first = len(whole.call.utterances)
        speakers = {role: speaker for speaker, role in whole.call.roles.roles}
        names = {s: speakers.get(role, s) for s, role in later.roles.roles}
        call = replace(
            whole.call,
            utterances=whole.call.utterances
            + tuple(_later(one, at, first, names) for one in later.utterances),
            turns=whole.call.turns
            + tuple(
                replace(t, span=_shift(t.span, at), speaker=names.get(t.speaker, t.speaker))
                for t in later.turns
            ),
        )
        whole = replace(whole, call=call, measures=_both(whole.measures, part.measures, at, first))
        at += later.recording.duration_ms + _PAUSE_MS
    metadata = replace(whole.call.recording.metadata, call_id=call_id)
    recording = replace(whole.call.recording, duration_ms=at - _PAUSE_MS, metadata=metadata)
    return replace(whole, call=replace(whole.call, recording=recording))


def _shift(span: Span, by: int) -> Span:
    return Span(span.start_ms + by, span.end_ms + by)


def _later(one: Utterance, by: int, first: int, names: dict[str, str]) -> Utterance:
    words = tuple(replace(word, span=_shift(word.span, by)) for word in one.words)
    return replace(
        one,
        index=one.index + first,
        span=_shift(one.span, by),
        words=words,
        speaker=names.get(one.speaker, one.speaker),
    )


def _both(one: Measures, other: Measures, by: int, first: int) -> Measures:
    def moved(overlaps: Sequence[Overlap]) -> tuple[Overlap, ...]:
        return tuple(replace(o, span=_shift(o.span, by)) for o in overlaps)

    return replace(
        one,
        utterances=one.utterances
        + tuple(replace(u, index=u.index + first) for u in other.utterances),
        silences=one.silences + tuple(replace(s, span=_shift(s.span, by)) for s in other.silences),
        overlaps=one.overlaps + moved(other.overlaps),
        strains=one.strains + tuple(replace(s, span=_shift(s.span, by)) for s in other.strains),
        last_speech_end_ms=None
        if other.last_speech_end_ms is None
        else other.last_speech_end_ms + by,
        tail_ms=other.tail_ms,
    )


def long_calls(results: Sequence[CallResult], minutes: float, number: int) -> list[CallResult]:
    """So many calls of about this length, made of calls of the same scenario in chance order."""
    chance = random.Random(20260101)
    by_scenario: dict[str, list[CallResult]] = {}
    for result in results:
        by_scenario.setdefault(result.scenario, []).append(result)
    scenarios = itertools.cycle(sorted(by_scenario))
    calls = []
    for n in range(number):
        pool, parts, length = by_scenario[next(scenarios)], [], 0.0
        while length < minutes * 60_000:
            parts.append(chance.choice(pool))
            length += parts[-1].call.recording.duration_ms
        calls.append(misheard(joined(parts, f"long{n}"), chance))
    return calls


def misheard(result: CallResult, chance: random.Random) -> CallResult:
    """The call with one word in fifty of it swapped for another word of it, so that no two
    utterances of the calls are the same and nothing is gained by remembering whole texts."""
    spoken = [word.text for one in result.call.utterances for word in one.words]

    def changed(one: Utterance) -> Utterance:
        if not one.words:
            return one
        places = {chance.randrange(len(one.words)) for _ in range(1 + len(one.words) // 50)}
        words = tuple(
            replace(word, text=chance.choice(spoken)) if at in places else word
            for at, word in enumerate(one.words)
        )
        return replace(one, words=words)

    utterances = tuple(changed(one) for one in result.call.utterances)
    return replace(result, call=replace(result.call, utterances=utterances))


def rate(work: Callable[[T], object], items: Sequence[T]) -> float:
    """Items per second of processor time."""
    start = time.process_time()
    for item in items:
        work(item)
    return len(items) / (time.process_time() - start)


def speed(calls: Sequence[CallResult], rules: Rules) -> None:
    first, calls = calls[: len(calls) // 3], calls[len(calls) // 3 :]
    for call in first:  # tables and expressions are made at first use
        rescore(call, rules, None)
    minutes = sum(c.call.recording.duration_ms for c in calls) / len(calls) / 60_000
    characters = sum(len(u.text) for c in calls for u in c.call.utterances) / len(calls)
    print(f"{len(calls)} calls of {minutes:.1f} minutes and {characters:.0f} characters on average")
    print(f"score  {rate(lambda call: rescore(call, rules, None), calls):8.1f} calls/s per core")
    texts = [json.dumps(to_json(call), ensure_ascii=False) for call in calls]
    print(
        f"read   {rate(lambda text: from_json(CallResult, json.loads(text)), texts):8.1f} calls/s"
    )
    print(f"write  {rate(lambda call: json.dumps(to_json(call)), calls):8.1f} calls/s")


def profile(calls: Sequence[CallResult], rules: Rules) -> None:
    first, calls = calls[: len(calls) // 3], calls[len(calls) // 3 :]
    for call in first:
        rescore(call, rules, None)
    profiler = cProfile.Profile(time.process_time)
    profiler.enable()
    for call in calls:
        rescore(call, rules, None)
    profiler.disable()
    stats = pstats.Stats(profiler)
    stats.sort_stats("cumtime").print_stats(60)
    stats.sort_stats("tottime").print_stats(40)


def lexicon_sizes(calls: Sequence[CallResult], sizes: Sequence[int], rules: Rules) -> None:
    """The cost of the banned words with so many entries: real ones first, then made-up ones."""
    real = rules.lexicons.banned
    own = {name: words.entries for name, words in real.lists.items()}
    model = next(e for e in own["insult"] if e.least_sounds)
    said = "".join(u.text for call in calls for u in call.call.utterances)
    characters = sorted(set(plain(said)))
    chance = random.Random(1)
    made = (
        replace(model, say="".join(chance.choice(characters) for _ in range(chance.randint(4, 8))))
        for _ in itertools.count()
    )
    everything = [(name, entry) for name, entries in own.items() for entry in entries]
    chance.shuffle(everything)
    for size in sizes:
        kept: dict[str, list[Banned]] = {name: [] for name in own}
        for name, entry in everything[:size]:
            kept[name].append(entry)
        extra = itertools.islice(
            (one for one in made if plain(one.say) == one.say), max(0, size - len(everything))
        )
        kept["insult"].extend(extra)
        lists = {n: replace(words, entries=tuple(kept[n])) for n, words in real.lists.items()}
        lexicons = replace(rules.lexicons, banned=replace(real, lists=lists))
        _time_banned(calls, lexicons, size)


def _time_banned(calls: Sequence[CallResult], lexicons: Lexicons, size: int) -> None:
    def work(result: CallResult) -> None:
        ctx = Context(result.call, result.measures, result.scenario, lexicons)
        for name in LISTS:
            for _ in words_in(ctx, WordsParams(lexicon=name)):
                pass

    start = time.process_time()
    first, calls = calls[: len(calls) // 3], calls[len(calls) // 3 :]
    for call in first:  # indexes and expressions are made at first use
        work(call)
    built = time.process_time() - start
    print(
        f"{size:7d} entries {1000 / rate(work, calls):7.2f} ms/call (index made in {built:.1f} s)"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, default=6)
    parser.add_argument("--calls", type=int, default=36)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--lexicon", type=int, nargs="+", default=())
    asked = parser.parse_args()
    with open_store(asked.out / "qc.sqlite") as store:
        results = list(store.results())
    calls = long_calls(results, asked.minutes, asked.calls)
    if asked.profile:
        profile(calls, load_rules())
    elif asked.lexicon:
        lexicon_sizes(calls, asked.lexicon, load_rules())
    else:
        speed(calls, load_rules())


if __name__ == "__main__":
    main()
