"""A language model behind an OpenAI-compatible address on the site's own network.

Only what `rules/meaning` made is sent, to this address and nowhere else: no proxy, no redirect,
and no address outside the site. Failures are JudgeErrors; after a few in a row it is not asked
again in this run, so that a server that is down costs seconds and not a night.
"""

from __future__ import annotations

import ipaddress
import json
import socket
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from http.client import HTTPException
from pathlib import Path
from typing import Any

from qc_speech.errors import JudgeError, UsageError
from qc_speech.settings import Settings

_MOST_BYTES = 1 << 20  # of a reply
_MOST_TOKENS = 600
_GIVE_UP_AFTER = 3  # failures in a row


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


class LanguageModel:
    """Port `Judge`. `budget`: questions that may be asked; 0: no limit."""

    def __init__(
        self,
        address: str,
        model: str,
        *,
        key: str = "",
        timeout_s: float = 30.0,
        budget: int = 0,
        covered: tuple[str, ...] = (),
        covered_from: float = 0.5,
    ) -> None:
        self._url = f"{address.rstrip('/')}/chat/completions"
        self._host, self._port = _place(address)
        self._model, self._key = model, key
        self._timeout_s, self._budget = timeout_s, budget
        self.covered, self.covered_from = frozenset(covered), covered_from
        self._asked = self._failed = 0
        self._lock = threading.Lock()
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect)

    @property
    def stamp(self) -> str:
        return f"language_model {self._model}"

    def ask(self, messages: Sequence[tuple[str, str]]) -> str:
        """The text of the model's reply. Raises JudgeError."""
        self._count()
        try:
            reply = self._post(messages)
        except JudgeError:
            with self._lock:
                self._failed += 1
            raise
        with self._lock:
            self._failed = 0
        return reply

    def _count(self) -> None:
        with self._lock:
            if self._failed >= _GIVE_UP_AFTER:
                raise JudgeError(f"{self._host}: failed {self._failed} times; not asked again")
            if self._budget and self._asked >= self._budget:
                raise JudgeError(f"the budget of {self._budget} questions is spent")
            self._asked += 1

    def _post(self, messages: Sequence[tuple[str, str]]) -> str:
        self._check_place()
        body = {
            "model": self._model,
            "messages": [{"role": role, "content": text} for role, text in messages],
            "temperature": 0,
            "max_tokens": _MOST_TOKENS,
            "response_format": {"type": "json_object"},
            "stream": False,
        }
        headers = {"Content-Type": "application/json"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        request = urllib.request.Request(self._url, json.dumps(body).encode(), headers)
        try:
            with self._opener.open(request, timeout=self._timeout_s) as response:
                raw = response.read(_MOST_BYTES + 1)
            if len(raw) > _MOST_BYTES:
                raise JudgeError(f"{self._host}: the reply is longer than {_MOST_BYTES} bytes")
            content = json.loads(raw)["choices"][0]["message"]["content"]
        except urllib.error.HTTPError as error:
            raise JudgeError(f"{self._host}: answers with status {error.code}") from None
        except (OSError, HTTPException) as error:
            kind = type(getattr(error, "reason", error)).__name__
            raise JudgeError(f"{self._host}: cannot be asked ({kind})") from None
        except (ValueError, LookupError, TypeError):
            raise JudgeError(f"{self._host}: the reply is no chat completion") from None
        if not isinstance(content, str):
            raise JudgeError(f"{self._host}: the reply holds no text")
        return content

    def _check_place(self) -> None:
        """What is said in calls must not leave the site: refuse an address of the open network."""
        try:
            found = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        except OSError:
            raise JudgeError(f"{self._host}: is not known on this network") from None
        if any(ipaddress.ip_address(str(one[4][0]).partition("%")[0]).is_global for one in found):
            raise JudgeError(f"{self._host}: is outside the site's network; nothing was sent")


def _place(address: str) -> tuple[str, int]:
    """Host and port. Raises UsageError."""
    try:
        parts = urllib.parse.urlsplit(address)
        port = parts.port
    except ValueError:
        parts, port = urllib.parse.urlsplit(""), None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
        raise UsageError(
            "setting meaning_address: is no address; write one like http://10.0.0.5:8000/v1"
        )
    if parts.username or parts.password:
        raise UsageError("setting meaning_address: holds a password; use meaning_key_file")
    return parts.hostname, port or (443 if parts.scheme == "https" else 80)


def language_model(settings: Settings, workers: int = 1) -> LanguageModel | None:
    """The model of the settings; None: not configured. Raises UsageError."""
    if not settings.meaning_address:
        return None
    if not settings.meaning_model:
        raise UsageError("setting meaning_model: is empty; name the model at meaning_address")
    if settings.meaning_timeout_s < 1 or settings.meaning_budget < 0:
        raise UsageError(
            "settings meaning_timeout_s, meaning_budget: at least 1 second, 0 questions"
        )
    covered = settings.mask_kinds.split(",") if settings.meaning_mask == "on" else ()
    return LanguageModel(
        settings.meaning_address,
        settings.meaning_model,
        key=_key(settings.meaning_key_file),
        timeout_s=settings.meaning_timeout_s,
        budget=-(-settings.meaning_budget // max(1, workers)),
        covered=tuple(kind.strip() for kind in covered if kind.strip()),
        covered_from=settings.mask_confidence,
    )


def _key(path: str) -> str:
    if not path:
        return ""
    try:
        key = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        raise UsageError(f"setting meaning_key_file: {path} cannot be read") from None
    if not key.isascii() or not key.isprintable() or not key:
        raise UsageError(f"setting meaning_key_file: {path} holds no key in its only line")
    return key
