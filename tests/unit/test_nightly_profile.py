"""A profile says everything, and a mistake in it is told with file and line."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from qc_speech.errors import UsageError
from qc_speech.nightly.profile import PriorityRule, Profile, SourceSpec, load_profile
from qc_speech.settings import Settings

EXAMPLE = Path(__file__).resolve().parents[2] / "batch" / "nightly.toml"
SOURCE = '[[source]]\npath = "in"\n'


def profile(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "night.toml"
    path.write_text(text, encoding="utf-8")
    return path


def refused(tmp_path: Path, text: str) -> str:
    with pytest.raises(UsageError) as caught:
        load_profile(profile(tmp_path, text))
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    return message


def test_the_least_profile(tmp_path: Path) -> None:
    found = load_profile(profile(tmp_path, SOURCE))
    assert found == Profile(name="night", sources=(SourceSpec(path="in"),))


def test_the_example_names_every_setting_with_its_default() -> None:
    found = load_profile(EXAMPLE)
    assert found.settings == Settings()
    tables: list[tuple[object, type]] = [
        (found, Profile), (found.sources[0], SourceSpec), (found.priorities[0], PriorityRule),
    ]  # fmt: skip
    text = EXAMPLE.read_text(encoding="utf-8")
    for given, kind in tables:
        for one in fields(kind):
            if "help" in one.metadata:
                assert f"\n{one.name} = " in text, one.name
                free = one.name in ("name", "path", "add", "scenario")
                assert free or getattr(given, one.name) == one.default, one.name


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (f"ordr = 'newest'\n{SOURCE}", 1, "unknown setting ordr; one of name, out"),
        (f"# x\n{SOURCE}settld_seconds = 3\n", 4, "unknown setting settld_seconds"),
        (f"{SOURCE}{SOURCE}markr = 'x'\n", 5, "unknown setting markr"),
        (f"{SOURCE}[settings]\nbeem = 3\n", 4, "unknown setting beem; one of asr_model"),
        (f"{SOURCE}[settings]\nbeam = 'x'\n", 4, "setting beam: 'x' is not a int"),
        (f"{SOURCE}[[priority]]\nad = 3\n", 4, "unknown setting ad"),
        (f"[sorce]\n{SOURCE}", 1, "unknown setting sorce"),
        (f"order = 'best'\n{SOURCE}", 1, "order is 'best'; write newest or oldest or riskiest"),
        (f"workers = 'two'\n{SOURCE}", 1, "workers must be a int"),
        (f"workers = true\n{SOURCE}", 1, "workers must be a int"),
        (f"backoff_seconds = -1\n{SOURCE}", 1, "write a number from 0 on"),
        (f"tries = 0\n{SOURCE}", 1, "tries is 0"),
        (f"until = '6 am'\n{SOURCE}", 1, "until is '6 am'; write HH:MM"),
        (f"name = '../x'\n{SOURCE}", 1, "name may hold letters"),
        ("[source]\npath = 'in'\n", 1, "write [[source]]"),
        ("[[source]]\nkind = 'storage'\npath = 'in'\n", 3, "write s3://BUCKET/PREFIX"),
        ("[[source]]\npath = 's3://b'\n", 2, 'write kind = "storage"'),
        ("[[source]]\npath = 'x'\nname = 'a/b'\n", 3, "give each source its own"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, text: str, line: int, words: str) -> None:
    message = refused(tmp_path, text)
    assert message.startswith(f"{tmp_path / 'night.toml'}:{line}: "), message
    assert words in message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("out = 'x'\n", "names no [[source]]"),
        ("[[source]]\nkind = 'folder'\n", "number 1 has no path"),
        ("out = \n", "not TOML"),
    ],
)
def test_what_is_missing_is_told(tmp_path: Path, text: str, words: str) -> None:
    assert words in refused(tmp_path, text)


def test_no_such_profile(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        load_profile(tmp_path / "none.toml")


def test_the_environment_comes_before_the_profile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = profile(tmp_path, f"{SOURCE}[settings]\nbeam = 3\n")
    assert load_profile(path).settings.beam == 3
    monkeypatch.setenv("QC_SPEECH_BEAM", "2")
    assert load_profile(path).settings.beam == 2
