"""Service files, container and cluster files: as far as they can be checked where nothing runs."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from qc_speech.cli.app import app
from qc_speech.nightly.profile import Profile

ROOT = Path(__file__).resolve().parents[2]
BATCH = ROOT / "batch"


def commands() -> list[str]:
    """Every call of qc-speech in the files of batch/."""
    found = []
    for path in sorted(BATCH.iterdir()):
        if path.suffix == ".md":
            continue
        text = path.read_text(encoding="utf-8").replace("\\\n", " ")
        for line in text.splitlines():
            match = re.search(
                r"(?:ExecStart=|entrypoint: |&& |^\"\$BIN/)[^ ]*qc-speech\"? (.+)", line
            )
            if match and not line.lstrip().startswith("#"):
                found.append(f"{path.name}: {re.split(' >> | &', match[1])[0]}")
    return found


@pytest.mark.parametrize("command", commands())
def test_every_command_is_one(command: str) -> None:
    args = shlex.split(command.partition(": ")[2])
    group: Any = typer.main.get_command(app)
    chosen = group.commands[args[0]]
    chosen.make_context(args[0], args[1:], resilient_parsing=False)


def test_there_are_commands_to_check() -> None:
    files = {command.partition(":")[0] for command in commands()}
    assert files >= {
        "crontab", "kuberay-job.yaml", "qc-speech-nightly.service", "qc-speech-purge.service",
        "slurm.sbatch",
    }  # fmt: skip


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    program = tmp_path / "qc-speech"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    for path in BATCH.glob("qc-speech-*.*"):
        text = path.read_text().replace("/opt/qc-speech/.venv/bin/qc-speech", str(program))
        (tmp_path / path.name).write_text(text)
    units = sorted(str(path) for path in tmp_path.glob("qc-speech-*.*"))
    assert len(units) == 4
    ran = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *units], capture_output=True, text=True
    )
    ours = [line for line in ran.stderr.splitlines() if "qc-speech" in line]
    assert ours == [] and ran.returncode == 0, ran.stderr
    when = subprocess.run(
        ["systemd-analyze", "calendar", "*-*-* 22:30:00"], capture_output=True, text=True
    )
    assert when.returncode == 0


def instructions() -> list[tuple[str, str]]:
    text = (BATCH / "Dockerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [
        (name, rest)
        for line in "\n".join(lines).replace("\\\n", " ").splitlines()
        for name, _, rest in [line.strip().partition(" ")]
    ]


def test_the_container_file() -> None:
    known = {"FROM", "ARG", "ENV", "WORKDIR", "RUN", "COPY", "VOLUME", "USER", "ENTRYPOINT", "CMD"}
    parts = instructions()
    assert {name for name, _ in parts} <= known
    stages: list[str] = []
    ignored = (ROOT / ".dockerignore").read_text().split()
    for name, rest in parts:
        if name == "FROM":
            source, _, stage = rest.partition(" AS ")
            assert source.startswith("python:") or source in stages
            stages.append(stage)
        if name == "COPY":
            *sources, _ = rest.split()
            if sources[0].startswith("--from="):
                assert sources[0].removeprefix("--from=") in stages
                continue
            for source in sources:
                assert (ROOT / source).exists(), f"{source} is not there to be copied"
                assert source not in ignored
    assert {"cpu", "gpu"} <= set(stages)
    assert ("USER", "qc-speech") in parts  # not root
    assert not [rest for name, rest in parts if name in ("ENV", "ARG") and "KEY" in rest]


def test_the_extras_of_the_container_are_extras() -> None:
    import sys

    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (asked,) = [r.partition("=")[2] for n, r in instructions() if n == "ARG" and "EXTRAS" in r]
    assert set(asked.split(",")) <= set(project["optional-dependencies"])


def load(name: str) -> Any:
    return yaml.safe_load((BATCH / name).read_text(encoding="utf-8"))


def test_the_kubernetes_job() -> None:
    job = load("kuberay-job.yaml")
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    cluster = job["spec"]["rayClusterSpec"]
    assert cluster["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    (group,) = cluster["workerGroupSpecs"]
    for pod in (cluster["headGroupSpec"]["template"]["spec"], group["template"]["spec"]):
        (container,) = pod["containers"]
        mounts = {mount["name"] for mount in container["volumeMounts"]}
        assert mounts == {volume["name"] for volume in pod["volumes"]}
        assert pod["securityContext"]["runAsUser"] == 10001
    worker = group["template"]["spec"]["containers"][0]["resources"]
    assert worker["limits"]["nvidia.com/gpu"] == 1
    assert worker["requests"]["memory"] == worker["limits"]["memory"]


def test_the_ray_cluster_file_is_one_for_its_launcher() -> None:
    config = load("ray-cluster.yaml")
    ray = pytest.importorskip("ray", reason="the extra `ray` is not installed")
    import json

    import jsonschema

    schema = Path(ray.__file__).parent / "autoscaler" / "ray-schema.json"
    jsonschema.validate(config, json.loads(schema.read_text()))
    assert "--num-cpus=0" in config["head_start_ray_commands"][-1]


def test_the_slurm_script() -> None:
    path = BATCH / "slurm.sbatch"
    subprocess.run(["bash", "-n", str(path)], check=True)
    asked = re.findall(r"^#SBATCH --([a-z-]+)=?", path.read_text(), re.MULTILINE)
    assert {"nodes", "gpus-per-node", "cpus-per-task", "time", "signal"} <= set(asked)


def test_no_address_of_a_real_host_stands_in_the_files() -> None:
    for path in BATCH.iterdir():
        for address in re.findall(r"\b\d+\.\d+\.\d+\.\d+\b", path.read_text(encoding="utf-8")):
            assert address.startswith(("192.0.2.", "127.0.0.1")), f"{path.name}: {address}"


def test_the_profile_keeps_one_machine_by_default() -> None:
    assert Profile().ray == "" and Profile().metrics_host == "127.0.0.1"
