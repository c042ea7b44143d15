"""What can be known of a cluster without one: how much fits, which store will do, who is blamed."""

from __future__ import annotations

from typing import Any

import pytest

from qc_speech.errors import UsageError
from qc_speech.model import Metadata
from qc_speech.nightly.crew import Task
from qc_speech.nightly.ray_crew import RayCrew, Slot, check_store, room
from qc_speech.store.queue import Found, Item


def node(cpus: float, gpus: float = 0, alive: bool = True, host: str = "a") -> dict[str, Any]:
    resources = {"CPU": cpus, **({"GPU": gpus} if gpus else {})}
    return {"Alive": alive, "Resources": resources, "NodeManagerHostname": host}


@pytest.mark.parametrize(
    ("slot", "fits"),
    [
        (Slot(0, 2), 4 + 8),  # cores alone
        (Slot(0.5, 2), 2 + 4),  # two to a GPU
        (Slot(0.3, 1), 3 + 6),  # a GPU is not shared by parts of actors
        (Slot(1, 2), 1 + 2),
        (Slot(2, 2), 0 + 1),
        (Slot(0.5, 16), 0 + 1),  # cores are the limit
    ],
)
def test_how_many_actors_fit(slot: Slot, fits: int) -> None:
    nodes = [node(0), node(8, 1), node(16, 2), node(64, 8, alive=False)]
    assert room(nodes, slot) == fits


class Ray:
    def __init__(self, *nodes: dict[str, Any]) -> None:
        self._nodes = nodes

    def nodes(self) -> tuple[dict[str, Any], ...]:
        return self._nodes


def test_sqlite_is_refused_over_several_machines() -> None:
    one, two = Ray(node(1), node(1)), Ray(node(1), node(1, host="b"))
    check_store(one, "/out/qc.sqlite")
    check_store(two, "postgresql://u@h/n")
    with pytest.raises(UsageError, match="SQLite is a file of one"):
        check_store(two, "/out/qc.sqlite")
    check_store(Ray(node(1), node(1, alive=False, host="b")), "/out/qc.sqlite")


def test_what_is_lost_again_and_again_is_blamed() -> None:
    crew = RayCrew.__new__(RayCrew)
    crew._losses = {}
    found = Found("/in/a.wav", "1:2", "/in/a.wav", "a.wav", "s", Metadata("a"))
    task = Task("whole", (Item("ab", found, "a", None, 0, 0),))
    first, second, third = (crew._lost(task) for _ in range(3))
    assert first.lost and second.lost and not first.death
    assert third.death == "its node went away 3 times" and not third.lost
