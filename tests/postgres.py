"""A PostgreSQL of the tests' own: Debian's programs, a folder and a socket that end with them."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class NotInstalled(Exception):
    """Why no server can be started here."""


@dataclass
class Cluster:
    """A server on a Unix socket. `new_database` gives the URL of an empty one."""

    programs: Path
    folder: Path
    user: str
    made: int = 0

    def new_database(self, name: str = "") -> str:
        self.made += 1
        name = name or f"qc{self.made}"
        self.sql(f'CREATE DATABASE "{name}" TEMPLATE template0')
        return f"postgresql://{self.user}@/{name}?host={self.folder}"

    def empty(self, database: str, kept: str) -> None:
        """Take the rows of all tables but one: quicker than a new database for each test."""
        self.sql(
            "DO $$ DECLARE names text; BEGIN SELECT string_agg(quote_ident(tablename), ', ') "
            f"INTO names FROM pg_tables WHERE schemaname = 'public' AND tablename <> '{kept}'; "
            "EXECUTE 'TRUNCATE ' || names || ' CASCADE'; END $$",
            database,
        )

    def sql(self, command: str, database: str = "postgres") -> str:
        psql = [str(self.programs / "psql"), "-h", str(self.folder), "-U", self.user]
        done = subprocess.run(
            [*psql, "-XqAt", "-d", database, "-c", command],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        return done.stdout.strip()

    def start(self) -> None:
        # fsync off: what is written survives a killed server, as the system keeps it
        options = f"-c listen_addresses= -k {self.folder} -c fsync=off -c max_connections=60"
        log = str(self.folder / "log")
        self._run(
            "pg_ctl", "-D", str(self.folder / "data"), "-l", log, "-w", "-o", options, "start"
        )

    def stop(self, mode: str = "immediate") -> None:
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-w", "-m", mode, "stop")

    def kill(self) -> None:
        """kill -9 of the whole server, as the system does when memory is out."""
        lines = (self.folder / "data" / "postmaster.pid").read_text().splitlines()
        main = int(lines[0])
        own = subprocess.run(
            ["pgrep", "-P", str(main)], capture_output=True, text=True, check=False
        )
        pids = (main, *map(int, own.stdout.split()))
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, 9)
        while any(Path(f"/proc/{pid}").exists() for pid in pids):  # they hold its shared memory
            time.sleep(0.01)

    def _run(self, program: str, *arguments: str) -> None:
        more: dict[str, Any] = {}
        if os.geteuid() == 0:  # the server refuses to run as root
            account = pwd.getpwnam(self.user)
            more = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        subprocess.run(
            [str(self.programs / program), *arguments],
            check=True, cwd="/", timeout=60,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
            env={**os.environ, "LC_ALL": "C.UTF-8"}, **more,
        )  # fmt: skip


def make_cluster() -> Cluster:
    """Start a server. Raises NotInstalled."""
    if importlib.util.find_spec("psycopg") is None:
        raise NotInstalled("psycopg is not installed: pip install 'qc-speech[postgres]'")
    programs = _programs()
    user = _user()
    folder = Path(tempfile.mkdtemp(prefix="qc-pg-"))  # short: a socket's path has 107 bytes
    if os.geteuid() == 0:
        shutil.chown(folder, user)
    cluster = Cluster(programs, folder, user)
    cluster._run(
        "initdb", "-D", str(folder / "data"), "-U", user, "-A", "trust", "-E", "UTF8", "-N",
        "--locale=C.UTF-8",
    )  # fmt: skip
    cluster.start()
    return cluster


def remove(cluster: Cluster) -> None:
    try:
        cluster.stop()
    except subprocess.CalledProcessError:
        cluster.kill()
    shutil.rmtree(cluster.folder, ignore_errors=True)


def _programs() -> Path:
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in folders:
        if (folder / "initdb").is_file() and (folder / "postgres").is_file():
            return folder
    raise NotInstalled("PostgreSQL is not installed: apt install postgresql")


def _user() -> str:
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid()).pw_name
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    raise NotInstalled("no unprivileged user to run PostgreSQL as: adduser --system postgres")
