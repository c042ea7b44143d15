"""Ids become file names that every file system takes, and differ where the ids differ."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qc_speech.report.names import Names, safe_name

FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,99}\Z")
wild = st.one_of(
    st.text(max_size=200),
    st.sampled_from(
        ["", ".", "..", "../../etc/passwd", "a/b", "a\\b", "CON", "nul", "a\n", "张三"]
    ),
)


@pytest.mark.parametrize("identifier", ["d01", "1023", "CALL_2026-01-15", "a" * 80])
def test_a_plain_id_stays(identifier: str) -> None:
    assert safe_name(identifier) == identifier


@given(wild)
def test_any_id_is_a_file_name(identifier: str) -> None:
    name = safe_name(identifier)
    assert FILE_NAME.match(name), name
    assert name.lower() not in ("con", "nul", "prn", "aux")


@given(st.lists(wild, unique=True, max_size=20))
def test_ids_that_differ_keep_different_files_whatever_the_case(ids: list[str]) -> None:
    names = Names()
    made = [names.of(identifier).lower() for identifier in ids]
    assert len(set(made)) == len(ids)
    assert [names.of(identifier).lower() for identifier in ids] == made


def test_two_ids_that_differ_in_case_only() -> None:
    names = Names()
    assert names.of("abc").lower() != names.of("ABC").lower()
