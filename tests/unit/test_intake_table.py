"""Manifests as programs write them: encodings, delimiters, quotes, headers."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from qc_speech.errors import ManifestError
from qc_speech.intake.fields import COLUMNS
from qc_speech.intake.table import read_table

CHINESE = ",".join(COLUMNS.values())
EXCEL = (
    f"{CHINESE}\r\n"
    "录音/甲.wav,,1023,王芳,2026/1/5 9:03,repair_hotline,呼入,5,双声道,左,"
    "供暖,,vip,2025-12-01,一班\r\n"
    '乙.wav,,3306,"李,雷",2026/1/5 9:10,,呼出,,,,,,,,\r\n'
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gbk", "gb18030"])
def test_encodings(encoding: str) -> None:
    lines = read_table(EXCEL.encode(encoding), "m").lines
    assert [line.number for line in lines] == [2, 3]
    assert lines[0].cells["file"] == "录音/甲.wav"
    assert lines[0].cells["agent_name"] == "王芳"
    assert lines[1].cells["agent_name"] == "李,雷"
    assert set(lines[0].cells) == set(COLUMNS)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_delimiters_and_line_ends(delimiter: str, ending: str) -> None:
    rows = ["file,agent_id,agent_name", "a.wav,1,x", "", ",,", "b.wav,2,y,,"]
    data = ending.join(rows).replace(",", delimiter).encode()
    lines = read_table(data, "m").lines
    assert [(line.number, line.cells["file"], line.fault) for line in lines] == [
        (2, "a.wav", None),
        (5, "b.wav", None),
    ]


def test_excel_separator_line_and_blank_lines_before_the_header() -> None:
    lines = read_table(b"\n sep=;\nfile;queue\na,b.wav;q\n", "m").lines
    assert [(line.number, line.cells["file"]) for line in lines] == [(4, "a,b.wav")]


def test_headers_are_read_generously() -> None:
    table = read_table('File , Agent ID,备注,"","x\ty"\na.wav, 7 ,n,,'.encode(), "m")
    assert table.lines[0].cells == {"file": "a.wav", "agent_id": "7"}
    assert table.ignored == ("'备注'", "'x?y'")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b" \r\n \n", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (b"sep=;", "no header"),
        (b"call_id,agent_id\na,b\n", "no column file"),
        ("文件，工号\n甲.wav，1\n".encode(), "no column file"),
        (b"file,agent_id,file\n", "twice"),
        ("file,文件\n".encode(), "twice"),
        (b"RIFF\x24\x00\x00\x00WAVEfmt ", "not a text file"),
        ("file\na.wav\n".encode("utf-16-le"), "not a text file"),
        (b"file\n\xff\xff\xff", "not a text file"),
    ],
)
def test_what_is_no_manifest(data: bytes, words: str) -> None:
    with pytest.raises(ManifestError, match=words) as caught:
        read_table(data, "dir/m.csv")
    assert str(caught.value).startswith("dir/m.csv: ") and "\n" not in str(caught.value)


def faults(text: str) -> list[tuple[int, str, bool]]:
    lines = read_table(text.encode(), "m").lines
    return [(line.number, line.cells.get("file", ""), bool(line.fault)) for line in lines]


def test_an_unclosed_quote_costs_one_line() -> None:
    assert faults('file,agent_name\na.wav,"x\nb.wav,y\nc.wav,z\n') == [
        (2, "a.wav", True),
        (3, "b.wav", False),
        (4, "c.wav", False),
    ]
    assert faults('file,agent_name\na.wav,"x\nb.wav,"y"\nc.wav,z\n') == [
        (2, "a.wav", True),
        (3, "b.wav", False),
        (4, "c.wav", False),
    ]
    assert faults('file,queue\n"a.wav"x,q\nb.wav,y\n') == [(2, "a.wavx", True), (3, "b.wav", False)]


def test_a_line_break_in_a_column_nobody_reads() -> None:
    text = 'file,备注\na.wav,"first\nsecond"\nb.wav,ok\n'
    assert faults(text) == [(2, "a.wav", False), (4, "b.wav", False)]


def test_a_cell_too_many_is_told() -> None:
    assert faults("file,agent_name,queue\na.wav,Li, Lei,q\nb.wav,x,y\n") == [
        (2, "a.wav", True),
        (3, "b.wav", False),
    ]


cells = st.text(
    st.characters(blacklist_categories=("Cc", "Cs", "Cf", "Zl", "Zp")), max_size=12
).map(str.strip)


@given(
    rows=st.lists(st.tuples(cells.filter(bool), cells, cells), min_size=1, max_size=8),
    delimiter=st.sampled_from(",;\t"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_what_csv_writes_is_read(
    rows: list[tuple[str, str, str]], delimiter: str, encoding: str
) -> None:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter)
    writer.writerow(["file", "agent_name", "queue"])
    writer.writerows(rows)
    lines = read_table(out.getvalue().encode(encoding), "m").lines
    assert [tuple(line.cells.values()) for line in lines] == rows
    assert all(line.fault is None for line in lines)


@given(data=st.binary(max_size=200) | st.binary(max_size=100).map(lambda tail: b"file,a\n" + tail))
@example(b'file\n"')
@example(b"file\n" + b'"' + b"x" * 200_000)
@example(b'file,a\n"' + b"\n" * 50)
def test_no_bytes_crash(data: bytes) -> None:
    try:
        table = read_table(data, "m")
    except ManifestError as error:
        assert str(error).isprintable()
    else:
        assert all(line.fault is None or line.fault.isprintable() for line in table.lines)
