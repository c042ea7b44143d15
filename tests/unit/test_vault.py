"""Keys come from environment or file; what is sealed opens with any of them, and with no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from qc_speech import vault
from qc_speech.errors import UsageError


def test_without_a_key_nothing_is_sealed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(vault.KEY, raising=False)
    monkeypatch.delenv(vault.KEY_FILE, raising=False)
    assert vault.configured() is None
    with pytest.raises(UsageError, match="QC_SPEECH_KEY_FILE"):
        vault.needed()


def test_keys_can_be_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = vault.new_key(), vault.new_key()
    file = tmp_path / "key"
    file.write_text(f"{old}\n")
    monkeypatch.setenv(vault.KEY_FILE, str(file))
    token = vault.needed().seal("幺三八".encode())
    assert vault.is_sealed(token) and "幺三八".encode() not in token
    file.write_text(f"{new}\n{old}\n")
    assert vault.needed().open(token).decode() == "幺三八"
    file.write_text(f"{new}\n")
    with pytest.raises(UsageError, match="another key"):
        vault.needed().open(token)


def test_what_was_changed_does_not_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(vault.KEY, vault.new_key())
    token = bytearray(vault.needed().seal(b"text"))
    token[-10] = ord("A") if token[-10] != ord("A") else ord("B")
    with pytest.raises(UsageError):
        vault.needed().open(bytes(token))


def test_a_bad_key_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(vault.KEY, "almost-a-secret")
    with pytest.raises(UsageError, match="not a Fernet key") as said:
        vault.configured()
    assert "almost" not in str(said.value)
