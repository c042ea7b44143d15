"""A stand-in hub on this machine: the file lists and downloads of Hugging Face and ModelScope."""

from __future__ import annotations

import hashlib
import http.server
import json
import threading
import time
import urllib.parse
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from qc_speech.models import ModelCard, load_manifest

TOKEN = "hf_stand_in_token"


def content_of(name: str) -> bytes:
    return (name * 400).encode()


@dataclass
class StandIn:
    """What the server was asked and how it is told to behave."""

    repo: str = ""
    revision: str = ""
    names: tuple[str, ...] = ()
    asked: list[tuple[str, str | None]] = field(default_factory=list)  # path, Authorization
    faults: dict[str, str] = field(default_factory=dict)  # file name (or "list"): what to do
    gated: bool = False
    elsewhere: str = ""  # files are redirected to this address
    endpoint: str = ""

    def files_asked(self) -> list[str]:
        return [path for path, _ in self.asked if "/resolve/" in path or "FilePath=" in path]


def make_handler(stand_in: StandIn) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            stand_in.asked.append((self.path, self.headers.get("Authorization")))
            parts = urllib.parse.urlsplit(self.path)
            query = dict(urllib.parse.parse_qsl(parts.query))
            if stand_in.gated and self.headers.get("Authorization") != f"Bearer {TOKEN}":
                self._send(401, b"gated")
                return
            repo, revision = stand_in.repo, stand_in.revision
            if parts.path == f"/api/models/{repo}/tree/{revision}":
                self._file("list", json.dumps(self._hub_list()).encode())
            elif parts.path.startswith(f"/{repo}/resolve/{revision}/"):
                name = parts.path.removeprefix(f"/{repo}/resolve/{revision}/")
                self._named(name)
            elif parts.path.startswith("/cdn/"):
                self._named(parts.path.removeprefix("/cdn/"))
            elif parts.path == f"/api/v1/models/{repo}/repo/files":
                self._file("list", json.dumps(self._modelscope_list()).encode())
            elif parts.path == f"/api/v1/models/{repo}/repo" and query["Revision"] == revision:
                self._named(query["FilePath"])
            else:
                self._send(404, b"no such thing")

        def _named(self, name: str) -> None:
            if name not in stand_in.names:
                self._send(404, b"no such file")
            elif stand_in.elsewhere and not self.path.startswith("/cdn/"):
                self.send_response(302)
                self.send_header("Location", f"{stand_in.elsewhere}/cdn/{name}")
                self.send_header("Content-Length", "0")
                self.end_headers()
            else:
                self._file(name, content_of(name))

        def _file(self, name: str, body: bytes) -> None:
            fault = stand_in.faults.get(name, "")
            if fault.isdigit():
                self._send(int(fault), b"trouble")
            elif fault == "hang":
                time.sleep(1.0)
            elif fault == "truncate":
                self._send(200, body[: len(body) // 2], length=len(body))
            elif fault == "wrong":
                self._send(200, body[::-1])
            elif fault == "long":
                self._send(200, body * 3)
            elif fault == "slow":
                time.sleep(0.4)
                self._send(200, body)
            elif fault == "not json":
                self._send(200, b"<html>log in first</html>")
            elif fault == "empty":
                self._send(200, b"[]")
            else:
                self._send(200, body)

        def _send(self, code: int, body: bytes, length: int | None = None) -> None:
            self.send_response(code)
            self.send_header("Content-Length", str(len(body) if length is None else length))
            self.end_headers()
            self.wfile.write(body)

        def _hub_list(self) -> list[dict[str, Any]]:
            listing: list[dict[str, Any]] = [{"type": "directory", "path": "plda", "oid": "0" * 40}]
            for name in stand_in.names:
                body = content_of(name)
                blob = hashlib.sha1(b"blob %d\0" % len(body) + body).hexdigest()
                entry = {"type": "file", "path": name, "size": len(body), "oid": blob}
                if name.endswith(("bin", "npz")):
                    digest = hashlib.sha256(body).hexdigest()
                    entry["lfs"] = {"oid": digest, "size": len(body), "pointerSize": 134}
                listing.append(entry)
            return listing

        def _modelscope_list(self) -> dict[str, Any]:
            files = [
                {
                    "Path": name,
                    "Type": "blob",
                    "Size": len(content_of(name)),
                    "Sha256": hashlib.sha256(content_of(name)).hexdigest(),
                }
                for name in stand_in.names
            ]
            return {"Code": 200, "Data": {"Files": [{"Path": "x", "Type": "tree"}, *files]}}

        def log_message(self, format: str, *args: object) -> None:
            return

    return Handler


def serve(stand_in: StandIn) -> http.server.ThreadingHTTPServer:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), make_handler(stand_in))
    server.daemon_threads = True
    stand_in.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    return server


def shipped(model_id: str) -> ModelCard:
    path = Path(__file__).resolve().parents[2] / "models" / "manifest.yaml"
    return next(card for card in load_manifest(path) if card.id == model_id)


def stand_for(
    stand_in: StandIn, root: Path, model_id: str, source: str, *, pinned: bool = True
) -> ModelCard:
    """Make the shipped model tiny: same id, source, repository and file names."""
    card = shipped(model_id)
    origin = next(entry for entry in card.sources if entry.name == source)
    stand_in.repo, stand_in.revision = origin.repo, origin.revision
    stand_in.names = tuple(file.name for file in origin.files)
    files = [
        {
            "name": name,
            "size": len(content_of(name)) if pinned else None,
            "sha256": hashlib.sha256(content_of(name)).hexdigest() if pinned else None,
        }
        for name in stand_in.names
    ]
    entry = {
        "name": origin.name,
        "kind": origin.kind,
        "repo": origin.repo,
        "revision": origin.revision,
        "needs_token": origin.needs_token,
    }
    model = {
        "id": card.id,
        "title": card.title,
        "kind": card.kind,
        "licence": card.licence,
        "default": card.default,
        "files": files,
        "sources": [entry],
    }
    text = yaml.safe_dump({"schema": "qc-speech/models/1", "models": [model]})
    (root / "manifest.yaml").write_text(text, encoding="utf-8")
    return card


def leftovers(root: Path) -> list[str]:
    return sorted(p.name for p in root.iterdir() if p.name not in ("manifest.yaml", ".locks"))
