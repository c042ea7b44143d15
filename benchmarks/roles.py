"""Who is the agent: learn the weights of lexicons/roles.yaml, and say how good the guess is.

    python benchmarks/roles.py learn OUT LABELLED [--write lexicons/roles.yaml]
    python benchmarks/roles.py report OUT LABELLED

OUT is the folder of a `qc-speech run` on the labelled calls of LABELLED. Nothing is heard again.

learn: logistic regression over the facts of the speakers (src/qc_speech/roles/evidence.py), with a
Gaussian prior about `scale` times the weights that knowledge expects (`prior:`). How far the
weights may move, the scale and the temperature are chosen by cross-validation, all pieces of a
call in one fold. Pieces: stretches of a call of 2 utterances up to all of it, its beginning cut
off, turns missing, one side alone; all of a call together weigh as much as any other call. Both
what was heard and what was truly said are learned from, so that a better recognizer finds its
weights too. --write puts the numbers into the `weight:` values of the file.

report: with the file as it is, right, wrong and undecided by kind of piece, and a reliability
table. On calls that were learned from the figures flatter; `learn` prints the cross-validated ones.
"""

from __future__ import annotations

import argparse
import itertools
import random
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from qc_speech.evaluate.files import LabelledCall, read_folder, read_label
from qc_speech.model import Metadata, Role, Turn, Utterance, Word
from qc_speech.roles.evidence import Facts, Marks, RoleEvidence, gather, in_company, mark
from qc_speech.roles.guess import posterior
from qc_speech.setup import load_rules
from qc_speech.store import open_store

Floats = npt.NDArray[np.float64]
PARTIES = (Role.AGENT, Role.CUSTOMER)
FOLDS = 7
SPREADS = (0.2, 0.4, 0.6, 1.0, 1.5)  # of a weight about its prior
SCALES = (0.7, 1.0, 1.4)
DRAWS = 4  # of each random kind of piece per call
BINS = (0.0, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)


@dataclass(frozen=True)
class Talk:
    """One call's utterances with their true parties and marks."""

    call_id: str
    direction: str | None
    utterances: tuple[Utterance, ...]
    parties: tuple[Role, ...]
    marks: tuple[Marks, ...]


@dataclass(frozen=True)
class Piece:
    """The facts of each speaker in a part of a call, and who he truly is."""

    call_id: str
    kind: str
    facts: dict[str, Facts]
    truth: dict[str, Role]


def talks(out: Path, labelled: Path) -> list[Talk]:
    """Each call twice: as it was heard, and as it was said."""
    rules = load_rules()
    labels, _ = read_folder(labelled, read_label, "labels")
    with open_store(out / "qc.sqlite", create=False) as store:
        results = [result for result in store.results() if result.call_id in labels]
    found = []
    for result in results:
        label, metadata = labels[result.call_id], result.call.recording.metadata
        for utterances in (result.call.utterances, _said(label)):
            kept = tuple(u for u in utterances if u.text)
            parties = _true_parties(kept, label)
            known = [(u, parties[u.speaker]) for u in kept if u.speaker in parties]
            own = tuple(u for u, _ in known)
            found.append(
                Talk(
                    result.call_id,
                    metadata.direction,
                    own,
                    tuple(role for _, role in known),
                    _marks(own, metadata, rules.lexicons.roles, rules.lexicons.phrases),
                )
            )
    return found


def _said(label: LabelledCall) -> tuple[Utterance, ...]:
    return tuple(
        Utterance(place, turn.span, turn.speaker.value, turn.speaker, (Word(turn.span, turn.text),))
        for place, turn in enumerate(sorted(label.turns, key=lambda turn: turn.span))
        if turn.speaker in PARTIES
    )


def _true_parties(utterances: Sequence[Utterance], label: LabelledCall) -> dict[str, Role]:
    shared: dict[str, dict[Role, int]] = defaultdict(lambda: dict.fromkeys(PARTIES, 0))
    for utterance in utterances:
        for turn in label.turns:
            if turn.speaker in PARTIES:
                shared[utterance.speaker][turn.speaker] += turn.span.overlap_ms(utterance.span)
    return {
        speaker: max(PARTIES, key=lambda role: times[role]) for speaker, times in shared.items()
    }


def _marks(
    utterances: tuple[Utterance, ...], metadata: Metadata, evidence: RoleEvidence, phrases: object
) -> tuple[Marks, ...]:
    return mark(utterances, metadata, evidence, phrases)  # type: ignore[arg-type]


def pieces(talk: Talk, draw: random.Random) -> Iterable[tuple[str, list[int]]]:
    """Parts of a call as they may reach the product: (kind, indexes of utterances)."""
    count = len(talk.utterances)
    every = list(range(count))
    yield "whole", every
    for seconds in (5, 10, 20, 30):
        cut = [i for i in every if talk.utterances[i].span.start_ms >= seconds * 1000]
        yield f"first {seconds} s lost", cut
    for share in (0.3, 0.6):
        for _ in range(DRAWS):
            yield f"{share:.0%} of turns lost", [i for i in every if draw.random() >= share]
    for length in (2, 4, 6):
        for _ in range(DRAWS):
            start = draw.randrange(max(1, count - length + 1))
            yield f"{length} turns only", every[start : start + length]
    for role in PARTIES:
        own = [i for i in every if talk.parties[i] is role]
        yield f"{role.value} alone", own
        for _ in range(DRAWS):
            start = draw.randrange(max(1, len(own) - 2))
            yield f"{role.value} alone, 3 turns", own[start : start + 3]


def made(talk: Talk, evidence: RoleEvidence, seed: int = 1) -> list[Piece]:
    """The pieces of a call in which somebody speaks, with the facts of their speakers."""
    found = []
    for kind, chosen in pieces(talk, random.Random(f"{seed} {talk.call_id}")):
        utterances = [talk.utterances[i] for i in chosen]
        speakers = sorted({utterance.speaker for utterance in utterances})
        truth = {talk.utterances[i].speaker: talk.parties[i] for i in chosen}
        if not speakers or (len(speakers) == 2 and len(set(truth.values())) < 2):
            continue
        facts = {
            s: gather([talk.marks[i] for i in chosen if talk.utterances[i].speaker == s], evidence)
            for s in speakers
        }
        turns = [Turn(utterance.span, utterance.speaker) for utterance in utterances]
        found.append(Piece(talk.call_id, kind, in_company(facts, turns, talk.direction), truth))
    return found


def rows(chosen: Sequence[Piece], names: Sequence[str]) -> Floats:
    """(pieces, facts): what speaks for the truth, so that the log-odds are row @ weights."""
    table = np.zeros((len(chosen), len(names)))
    place = {name: column for column, name in enumerate(names)}
    for row, piece in enumerate(chosen):
        for speaker, facts in piece.facts.items():
            sign = 1.0 if piece.truth[speaker] is Role.AGENT else -1.0
            for name, value in facts.items():
                if name in place:
                    table[row, place[name]] += sign * value
    return table


def shares(chosen: Sequence[Piece]) -> Floats:
    """Weights of the pieces: those of a call add up to 1."""
    count: dict[str, int] = defaultdict(int)
    for piece in chosen:
        count[piece.call_id] += 1
    return np.array([1 / count[piece.call_id] for piece in chosen])


def fit(table: Floats, weigh: Floats, centre: Floats, spread: float) -> Floats:
    """Most probable weights: logistic likelihood, Gaussian prior about `centre`."""

    def loss(weights: Floats) -> tuple[float, Floats]:
        odds = table @ weights
        value = weigh @ np.logaddexp(0, -odds) + ((weights - centre) ** 2).sum() / 2 / spread**2
        slope = -table.T @ (weigh / (1 + np.exp(np.clip(odds, -50, 50))))
        return float(value), slope + (weights - centre) / spread**2

    return np.asarray(minimize(loss, centre, jac=True, method="L-BFGS-B").x)


def log_loss(odds: Floats, weigh: Floats) -> float:
    return float(weigh @ np.logaddexp(0, -odds) / weigh.sum())


def cross_validated(
    chosen: Sequence[Piece], names: Sequence[str], prior: Floats, scale: float, spread: float
) -> Floats:
    """Log-odds of each piece by weights that never saw its call."""
    table, weigh = rows(chosen, names), shares(chosen)
    calls = sorted({piece.call_id for piece in chosen})
    fold = np.array([calls.index(piece.call_id) % FOLDS for piece in chosen])
    odds = np.zeros(len(chosen))
    for number in range(FOLDS):
        learn = fold != number
        weights = fit(table[learn], weigh[learn], scale * prior, spread)
        odds[~learn] = table[~learn] @ weights
    return odds


def temperature_of(odds: Floats, weigh: Floats) -> float:
    """The factor that makes log-odds the most honest (Platt scaling without an offset)."""
    grid = np.geomspace(0.3, 3.0, 70)
    return float(min(grid, key=lambda factor: log_loss(odds * factor, weigh)))


def tempered_loss(chosen: Sequence[Piece], odds: Floats, weigh: Floats) -> tuple[float, float]:
    """Log loss at the best temperature, and its standard error over the calls."""
    losses = np.logaddexp(0, -odds * temperature_of(odds, weigh))
    calls = np.array([piece.call_id for piece in chosen])
    each = np.array([losses[calls == call].mean() for call in sorted(set(calls))])
    return float(each.mean()), float(each.std(ddof=1) / np.sqrt(len(each)))


def chosen_by(losses: dict[tuple[float, float], tuple[float, float]]) -> tuple[float, float]:
    """The (spread, scale) that moves the weights least among those not measurably worse than the
    best (one standard error: Breiman et al. 1984): few calls teach little of single weights."""
    best, error = min(losses.values())
    least = min(spread for (spread, _), (loss, _) in losses.items() if loss <= best + error)
    return min((pair for pair in losses if pair[0] == least), key=lambda pair: losses[pair])


def learn(out: Path, labelled: Path, write: Path | None) -> None:
    evidence = load_rules().lexicons.roles
    chosen = [piece for talk in talks(out, labelled) for piece in made(talk, evidence)]
    start = evidence.weights(prior=True)
    names = list(start)
    prior = np.array([start[name] for name in names])
    weigh = shares(chosen)
    print(f"{len(chosen)} pieces of {len({p.call_id for p in chosen})} calls, {len(names)} facts")
    print("cross-validated log loss (scale of the priors by spread of the weights)")
    losses: dict[tuple[float, float], tuple[float, float]] = {}
    for scale in SCALES:
        for spread in SPREADS:
            odds = cross_validated(chosen, names, prior, scale, spread)
            losses[spread, scale] = tempered_loss(chosen, odds, weigh)
        print(f"  {scale:4.1f}  " + "  ".join(f"{losses[s, scale][0]:.4f}" for s in SPREADS))
    spread, scale = chosen_by(losses)
    odds = cross_validated(chosen, names, prior, scale, spread)
    temperature = temperature_of(odds, weigh)
    print(f"taken: scale {scale}, spread {spread}, temperature {temperature:.2f}")
    print("cross-validated:")
    show(chosen, 1 / (1 + np.exp(-odds * temperature)), evidence)
    if write is not None:
        weights = fit(rows(chosen, names), weigh, scale * prior, spread)
        rewrite(write, dict(zip(names, weights)), temperature)
        print(f"{write}: weights written")


def rewrite(path: Path, weights: Facts, temperature: float) -> None:
    """Put numbers into the `weight:` values, and leave all else of the file as it is."""
    lines = []
    section = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if head := re.match(r"(\w+):", line):
            section = head[1]
        name = _name(line, section)
        if name in weights:
            line = re.sub(r",? weight: [-+.\d]+", "", line)
            line = re.sub(r"(prior: [-+.\d]+)", rf"\1, weight: {weights[name]:.2f}", line, count=1)
        elif section == "temperature":
            line = re.sub(r"[\d.]+", f"{temperature:.2f}", line, count=1)
        lines.append(line)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _name(line: str, section: str) -> str:
    """The fact that a line of the file weighs."""
    if section == "wordings" and (said := re.search(r'say: "([^"]+)"', line)):
        return f"说 {said[1]}"
    if section in ("counted", "first") and (key := re.match(r"  (\S+): \{", line)):
        return key[1] if section == "counted" else f"先开口 {key[1]}"
    return {"talk": "讲话多少", "alone": "只录到一方"}.get(section, "")


def report(out: Path, labelled: Path) -> None:
    evidence = load_rules().lexicons.roles
    chosen = [piece for talk in talks(out, labelled) for piece in made(talk, evidence)]
    weights = evidence.weights()
    chances = np.zeros(len(chosen))
    for row, piece in enumerate(chosen):
        odds = {
            speaker: evidence.temperature
            * sum(weights[name] * value for name, value in facts.items() if name in weights)
            for speaker, facts in piece.facts.items()
        }
        found = posterior(odds, evidence.odd_company)
        chances[row] = sum(chance for roles, chance in found if roles == piece.truth)
    show(chosen, chances, evidence)


def show(chosen: Sequence[Piece], chances: Floats, evidence: RoleEvidence) -> None:
    """`chances`: the probability given to the truth."""
    print(f"{'':28s} {'n':>5s} {'right':>7s} {'wrong':>7s} {'unknown':>7s}")
    kinds: dict[str, list[float]] = defaultdict(list)
    for piece, chance in zip(chosen, chances):
        kinds[piece.kind].append(chance)
    for kind, values in [*kinds.items(), ("all", list(chances))]:
        told = np.array(values)
        right = float(np.mean(told >= evidence.unsure_below))
        wrong = float(np.mean(1 - told >= evidence.unsure_below))
        print(f"{kind:28s} {len(told):5d} {right:7.1%} {wrong:7.1%} {1 - right - wrong:7.1%}")
    print("reliability: said (mean), right, pieces")
    sure = np.maximum(chances, 1 - chances)
    for low, high in itertools.pairwise(BINS):
        inside = (sure >= low) & ((sure < high) | (high == 1.0))
        if inside.any():
            said, right = sure[inside].mean(), (chances[inside] > 0.5).mean()
            print(f"  {low:.2f}-{high:.2f}  {said:6.1%}  {right:6.1%}  {int(inside.sum()):5d}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("what", choices=("learn", "report"))
    parser.add_argument("out", type=Path)
    parser.add_argument("labelled", type=Path)
    parser.add_argument("--write", type=Path, help="roles.yaml whose weights are to be replaced")
    given = parser.parse_args()
    if given.what == "learn":
        learn(given.out, given.labelled, given.write)
    else:
        report(given.out, given.labelled)


if __name__ == "__main__":
    main()
