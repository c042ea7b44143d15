"""Files from a hub over HTTP: Hugging Face (or a mirror of it) and ModelScope."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from qc_speech.models.card import Source

TIMEOUT_S = 30.0  # for an answer, and between two blocks of one
_BLOCK = 1 << 18
_MAX_LISTING = 16 * 1024 * 1024
_ENDPOINTS = {
    "huggingface": ("HF_ENDPOINT", "https://huggingface.co"),
    "modelscope": ("MODELSCOPE_ENDPOINT", "https://modelscope.cn"),
}


class SourceError(Exception):
    """Why one source did not serve, in a few words; the next source is tried."""


@dataclass(frozen=True)
class Claim:
    """What a hub says of one of its files: bytes, and a hash (SHA-256, or git's blob id)."""

    size: int | None = None
    sha256: str | None = None
    git_blob: str | None = None


def claims(source: Source, names: tuple[str, ...]) -> dict[str, Claim]:
    """What the hub itself publishes of its files. Raises SourceError when a hash is missing."""
    listed = _modelscope_files(source) if source.kind == "modelscope" else _hub_files(source)
    for name in names:
        if name not in listed:
            raise SourceError(f"{source.repo} holds no {name}")
        if not (listed[name].sha256 or listed[name].git_blob):
            raise SourceError(f"the hub publishes no hash for {name}; a file nobody vouches for")
    return {name: listed[name] for name in names}


def download(
    source: Source, name: str, target: Path, limit: int | None, step: Callable[[int], None]
) -> None:
    """Write one file of the source to `target`, refusing more than `limit` bytes.

    Raises SourceError; OSError only for the disk.
    """
    quoted = urllib.parse.quote(name)
    revision = urllib.parse.quote(source.revision, safe="")
    if source.kind == "modelscope":
        query = urllib.parse.urlencode({"Revision": source.revision, "FilePath": name})
        url = f"{_endpoint(source)}/api/v1/models/{source.repo}/repo?{query}"
    else:
        url = f"{_endpoint(source)}/{source.repo}/resolve/{revision}/{quoted}"
    with _open(url, source, name) as answer, target.open("wb") as sink:
        declared = answer.headers.get("Content-Length")
        done = 0
        for block in _blocks(answer, name):
            done += len(block)
            if limit is not None and done > limit:
                raise SourceError(f"{name} is longer than the {limit} bytes it should have")
            sink.write(block)
            step(len(block))
        if declared is not None and declared.isdigit() and done < int(declared):
            raise SourceError(f"{name} broke off after {done} of {declared} bytes; try again")


def _hub_files(source: Source) -> dict[str, Claim]:
    revision = urllib.parse.quote(source.revision, safe="")
    path = f"/api/models/{source.repo}/tree/{revision}?recursive=true"
    listing = _json(_endpoint(source) + path, source)
    found = {}
    for entry in listing if isinstance(listing, list) else []:
        if isinstance(entry, dict) and entry.get("type", "file") == "file":
            lfs = entry.get("lfs")
            lfs = lfs if isinstance(lfs, dict) else {}
            found[str(entry.get("path"))] = Claim(
                _size(lfs.get("size", entry.get("size"))),
                _hex(lfs.get("oid"), 64),
                None if lfs else _hex(entry.get("oid"), 40),
            )
    return found


def _modelscope_files(source: Source) -> dict[str, Claim]:
    query = urllib.parse.urlencode({"Revision": source.revision, "Recursive": "true"})
    path = f"/api/v1/models/{source.repo}/repo/files?{query}"
    listing = _json(_endpoint(source) + path, source)
    data = listing.get("Data") if isinstance(listing, dict) else None
    files = data.get("Files") if isinstance(data, dict) else None
    return {
        str(entry.get("Path")): Claim(_size(entry.get("Size")), _hex(entry.get("Sha256"), 64))
        for entry in files or ()
        if isinstance(entry, dict) and entry.get("Type") != "tree"
    }


def _json(url: str, source: Source) -> Any:
    with _open(url, source, "the list of files") as answer:
        text = b""
        for block in _blocks(answer, "the list of files"):
            text += block
            if len(text) > _MAX_LISTING:
                raise SourceError("the list of files is too long to be one")
    try:
        return json.loads(text)
    except ValueError:
        raise SourceError("the list of files is not JSON; check the endpoint") from None


def _size(value: Any) -> int | None:
    return value if isinstance(value, int) and value >= 0 else None


def _hex(value: Any, digits: int) -> str | None:
    text = str(value).lower().removeprefix("sha256:")
    return text if re.fullmatch(rf"[0-9a-f]{{{digits}}}", text) else None


def _endpoint(source: Source) -> str:
    variable, default = _ENDPOINTS[source.kind]
    endpoint = (os.environ.get(variable) or default).rstrip("/")
    if urllib.parse.urlsplit(endpoint).scheme not in ("http", "https"):
        raise SourceError(f"{variable} must start with http:// or https://")
    return endpoint


def token() -> str | None:
    """The hub token: HF_TOKEN, else the file HF_TOKEN_PATH or the hub client's own token file."""
    if value := os.environ.get("HF_TOKEN", "").strip():
        return value
    home = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface")
    path = Path(os.environ.get("HF_TOKEN_PATH") or home / "token")
    try:
        return path.read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError):
        return None


def _authorization(source: Source) -> str | None:
    if not source.needs_token:
        return None
    value = token()
    if value is None:
        raise SourceError(
            f"needs a token: accept the terms of {source.repo}, then set HF_TOKEN to your token"
        )
    if not value.isascii() or not value.isprintable():
        raise SourceError("the token holds characters a token cannot have; check HF_TOKEN")
    parts = urllib.parse.urlsplit(_endpoint(source))
    if parts.scheme != "https" and parts.hostname not in ("127.0.0.1", "localhost", "::1"):
        raise SourceError("a token is not sent without encryption; use an https:// endpoint")
    return f"Bearer {value}"


class _SameOrigin(urllib.request.HTTPRedirectHandler):
    """Follows redirects; the token goes along only to the very server it was meant for."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        request = super().redirect_request(req, fp, code, msg, headers, newurl)
        kept = req.unredirected_hdrs.get("Authorization")
        if request is not None and kept and _origin(req.full_url) == _origin(request.full_url):
            request.add_unredirected_header("Authorization", kept)
        return request


def _origin(url: str) -> tuple[str, str]:
    parts = urllib.parse.urlsplit(url)
    return parts.scheme, parts.netloc


@contextlib.contextmanager
def _open(url: str, source: Source, what: str) -> Iterator[http.client.HTTPResponse]:
    request = urllib.request.Request(url, headers={"User-Agent": "qc-speech"})
    if authorization := _authorization(source):
        # Unredirected: urllib would carry a plain header to whatever server a redirect names.
        request.add_unredirected_header("Authorization", authorization)
    opener = urllib.request.build_opener(_SameOrigin)
    try:
        answer = opener.open(request, timeout=TIMEOUT_S)
    except urllib.error.HTTPError as error:
        error.close()
        raise SourceError(_refusal(error.code, source, what)) from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise SourceError(_fault(error, what)) from None
    with answer:
        yield answer


def _blocks(answer: http.client.HTTPResponse, what: str) -> Iterator[bytes]:
    while True:
        try:
            block = answer.read(_BLOCK)
        except (OSError, http.client.HTTPException) as error:
            raise SourceError(_fault(error, what)) from None
        if not block:
            return
        yield block


def _refusal(code: int, source: Source, what: str) -> str:
    if code in (401, 403):
        if source.needs_token:
            return (
                f"access to {source.repo} refused ({code}): accept its terms on the hub with the "
                "account of your token, and check HF_TOKEN"
            )
        return f"access to {source.repo} refused ({code})"
    if code == 404:
        return f"{what} not found in {source.repo} at {source.revision} (404)"
    return f"the server answered {code} for {what}; try again later"


def _fault(error: Exception, what: str) -> str:
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, TimeoutError):
        return f"no answer for {what} within {TIMEOUT_S:g} s; check the network or the endpoint"
    if isinstance(cause, http.client.IncompleteRead):
        return f"{what} broke off; try again"
    if isinstance(cause, ssl.SSLError):
        return "the server's certificate is not trusted; check the endpoint or the system's clock"
    if isinstance(cause, ConnectionError):
        return f"the connection for {what} was refused or broke off"
    return f"the server cannot be reached for {what}; check the network, proxy or endpoint"
