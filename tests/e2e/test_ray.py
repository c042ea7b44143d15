"""A batch on a Ray cluster of several nodes: a node is lost, the driver is killed, a recording
kills its worker. After each, every recording is done once or quarantined with a reason."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command_line import rows, wait_until
from nightly_runs import Batch, accounted

ray = pytest.importorskip("ray", reason="the extra `ray` is not installed")

COMMAND = (sys.executable, str(Path(__file__).with_name("ray_cli.py")))
NODES, _LONG_S = 3, 280


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A head that does no work, and nodes with a core each; made once, for it takes long."""
    os.environ.update(
        RAY_USAGE_STATS_ENABLED="0",
        RAY_enable_worker_prestart="false",
        RAY_prestart_worker_first_driver="0",
        RAY_raylet_start_wait_time_s="120",  # other tests may hold the cores
    )
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    for _ in range(NODES):
        made.add_node(num_cpus=1)
    made.wait_for_nodes()
    yield made
    made.shutdown()


def batch(place: Path) -> Batch:
    return Batch(place, top='ray = "auto"\nray_cpus = 1\nray_gpus = 0\n', command=COMMAND)


def names(count: int) -> set[str]:
    return {f"c{n}.wav" for n in range(count)}


def test_a_lost_node_costs_nothing(tmp_path: Path, cluster: Any) -> None:
    night = batch(tmp_path)
    night.record(24)
    driver = night.start(TEST_RAY=cluster.address, SCRIPTED_SLEEP="0.4")
    wait_until(lambda: night.ended() >= 4, _LONG_S)
    assert night.ended() < 24
    cluster.remove_node(next(iter(cluster.worker_nodes)), allow_graceful=False)  # kill -9
    assert driver.wait(_LONG_S) == 0
    accounted(night, names(24))
    assert night.states() == {"done": 24}
    crashes = rows(night.out, "SELECT sum(crashes), sum(attempts) FROM queue")
    assert crashes == [(0, 0)]  # no recording is blamed for the node


def test_a_killed_driver_goes_on_and_poison_is_blamed(tmp_path: Path, cluster: Any) -> None:
    night = batch(tmp_path)
    night.record(11)
    night.record(1, seconds=3.0, first=11)  # kills whoever tells its speakers apart
    env = {"TEST_RAY": cluster.address, "SCRIPTED_POISON": "SIGKILL"}
    driver = night.start(SCRIPTED_SLEEP="0.4", **env)
    wait_until(lambda: night.ended() >= 3, _LONG_S)
    driver.kill()
    driver.wait()
    done = night.ended()
    assert 3 <= done < 11
    again = night.run(**env)
    assert again.code == 1, again.err
    accounted(night, names(12))
    assert night.states() == {"done": 11, "quarantined": 1}
    assert "took its process along in 2 tries" in night.quarantined()["c11.wav"]
    heard = rows(night.out, "SELECT count(*) FROM stages WHERE stage = 'transcript'")
    assert heard == [(11,)]
