"""Which recordings are run, with which metadata, and what is told of the rest."""

from __future__ import annotations

import os
import tempfile
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qc_speech.errors import ManifestError, UsageError
from qc_speech.intake import Intake, gather
from qc_speech.intake.fields import parse_call_id
from qc_speech.intake.manifest import inside
from qc_speech.intake.values import FieldError
from qc_speech.model import Metadata


def make(folder: Path, *names: str) -> None:
    """Files, each with bytes of its own."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode("utf-8", "surrogateescape"))


def manifest(folder: Path, text: str, name: str = "manifest.csv", encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


def found(intake: Intake, folder: Path) -> list[tuple[str, str, int | None]]:
    return [
        (str(s.path.relative_to(folder)), s.metadata.call_id, s.manifest_line)
        for s in intake.sources
    ]


def told(intake: Intake, folder: Path) -> dict[str, str]:
    for problem in intake.problems:
        assert (problem.where + problem.message).isprintable()
    assert len({p.where for p in intake.problems}) == len(intake.problems)
    return {p.where.removeprefix(f"{folder}/"): p.message for p in intake.problems}


# --- folders and files -------------------------------------------------------------------------


def test_a_folder_without_manifest(tmp_path: Path) -> None:
    make(
        tmp_path, "b.wav", "a.MP3", "sub/c.flac", ".hidden.wav", ".git/d.wav", "notes.txt", "noext"
    )
    intake = gather([tmp_path])
    assert found(intake, tmp_path) == [
        ("a.MP3", "a", None),
        ("b.wav", "b", None),
        ("sub/c.flac", "c", None),
    ]
    assert intake.sources[0].metadata == Metadata("a")
    assert intake.problems == intake.notes == ()


def test_files_are_taken_as_given(tmp_path: Path) -> None:
    make(tmp_path, "a.wav", "b.strange", ".c.wav", "m.csv")
    names = ["b.strange", "a.wav", ".c.wav", "a.wav", "no.wav", "m.csv"]
    intake = gather([tmp_path / name for name in names])
    assert found(intake, tmp_path) == [
        (".c.wav", "_c", None),
        ("a.wav", "a", None),
        ("b.strange", "b", None),
    ]
    problems = told(intake, tmp_path)
    assert "no such file" in problems["no.wav"]
    assert "--manifest" in problems["m.csv"]


def test_a_folder_with_nothing_to_run(tmp_path: Path) -> None:
    make(tmp_path, "readme.txt")
    assert "holds no recordings" in told(gather([tmp_path]), tmp_path.parent)[tmp_path.name]
    with pytest.raises(UsageError, match="nothing to run"):
        gather([])


def test_paths_that_are_neither(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    paths = [tmp_path / "pipe.wav", tmp_path / ("x" * 300), Path("a\0b"), Path("a\nb.wav")]
    intake = gather(paths)
    assert intake.sources == ()
    assert len(told(intake, tmp_path)) == 4


def test_link_loops_and_twice_named_recordings(tmp_path: Path) -> None:
    make(tmp_path, "a/x.wav", "a/b/y.wav")
    (tmp_path / "a/b/up").symlink_to(tmp_path / "a")
    (tmp_path / "a/z.wav").symlink_to(tmp_path / "a/x.wav")
    (tmp_path / "a/gone.wav").symlink_to(tmp_path / "nowhere.wav")
    intake = gather([tmp_path, tmp_path / "a", tmp_path / "a/x.wav"])
    assert [s.path.name for s in intake.sources] == ["y.wav", "x.wav"]
    assert intake.problems == ()


def test_links_to_folders_are_followed(tmp_path: Path) -> None:
    make(tmp_path, "far/x.wav", "near/a.wav")
    manifest(tmp_path / "far", "file,agent_id\nx.wav,7\n")
    (tmp_path / "near/link").symlink_to(tmp_path / "far")
    intake = gather([tmp_path / "near"])
    assert [(s.path.name, s.metadata.agent_id) for s in intake.sources] == [
        ("x.wav", "7"),
        ("a.wav", None),
    ]


def test_skipped_folders(tmp_path: Path) -> None:
    make(tmp_path, "a.wav", "out/clips/b.wav")
    intake = gather([tmp_path], skip=[tmp_path / "out", tmp_path / "none"])
    assert found(intake, tmp_path) == [("a.wav", "a", None)]


def test_namesakes_in_folders(tmp_path: Path) -> None:
    make(tmp_path, "x.wav", "x.mp3", "a/x.wav", "b/x.wav")
    ids = [s.metadata.call_id for s in gather([tmp_path]).sources]
    assert len(set(ids)) == 4 and "x" in ids and all(i.startswith("x") for i in ids)
    assert ids == [s.metadata.call_id for s in gather([tmp_path]).sources]
    two = gather([tmp_path / "a", tmp_path / "b", tmp_path / "x.wav"]).sources
    assert len({s.metadata.call_id for s in two}) == 3


hostile = st.text(
    st.characters(blacklist_characters="/\0", blacklist_categories=("Cs",)), min_size=1, max_size=40
)


@given(stems=st.sets(hostile, min_size=1, max_size=6))
@settings(max_examples=40, deadline=None)
def test_hostile_names(stems: set[str]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = [stem for stem in sorted(stems) if not stem.startswith(".")]
        make(folder, *(f"{stem}.wav" for stem in made))
        sources = gather([folder]).sources
        ids = [source.metadata.call_id for source in sources]
        assert len(sources) == len(made) == len(set(ids))
        assert all(parse_call_id(call_id) == call_id for call_id in ids)


def test_names_that_are_not_utf8(tmp_path: Path) -> None:
    for raw in (b"\xd5\xc5.wav", b"\xc0\xee.wav"):
        (tmp_path / os.fsdecode(raw)).write_bytes(raw)
    sources = gather([tmp_path]).sources
    assert len({source.metadata.call_id for source in sources}) == 2
    assert all(source.metadata.call_id.isprintable() for source in sources)
    gone = gather([tmp_path / os.fsdecode(b"\xd5.wav")]).problems[0]
    gone.where.encode()


# --- manifests ---------------------------------------------------------------------------------

FULL = """file,call_id,agent_id,agent_name,started_at,scenario,direction,ring_seconds,channels,\
agent_channel,queue,customer_id
b.wav,c-1,0012,王芳,2026-01-05 09:03,complaint,out,13.5,2,右,q,k
"""


def test_a_manifest_beside_the_recordings(tmp_path: Path) -> None:
    make(tmp_path, "a.wav", "b.wav", "sub/c.wav")
    manifest(tmp_path, FULL)
    intake = gather([tmp_path])
    assert found(intake, tmp_path) == [
        ("b.wav", "c-1", 2),
        ("a.wav", "a", None),
        ("sub/c.wav", "c", None),
    ]
    when = datetime(2026, 1, 5, 9, 3)
    assert intake.sources[0].metadata == Metadata(
        "c-1", "0012", "王芳", when, "complaint", "outbound", 13_500, "stereo", 1, "q", "k"
    )
    assert intake.problems == intake.notes == ()


def test_bad_lines_are_told_and_the_others_run(tmp_path: Path) -> None:
    make(tmp_path, *(f"{name}.wav" for name in "abcdefghijk"), "folder/x.wav", "ok.wav")
    manifest(
        tmp_path,
        "file,call_id,started_at,scenario,ring_seconds\n"
        "a.wav,one,2026-01-05,,\n"
        "missing.wav,two,,,\n"
        "b.wav,one,,,\n"
        "c.wav,,31.12.2026,,\n"
        "d.wav,,,sales,\n"
        "e.wav,,,,soon\n"
        "f.wav,a/b,,,\n"
        "a.wav,other,,,\n"
        ",lost,,,\n"
        "folder,,,,\n"
        "../../etc/passwd,,,,\n"
        "/etc/passwd,,,,\n"
        "C:\\calls\\g.wav,,,,\n"
        'g.wav,"x,,\n'
        "h.wav,x,y,complaint,-1\n"
        "i.wav,,,,,,too,many\n"
        "\n"
        "ok.wav,two,,,\n",
    )
    intake = gather([tmp_path])
    assert [one for one in found(intake, tmp_path) if one[2]] == [
        ("a.wav", "one", 2),
        ("ok.wav", "two", 19),
    ]
    # What a bad line names is not run under its file name instead.
    assert [name for name, _, line in found(intake, tmp_path) if line is None] == [
        "folder/x.wav",
        "j.wav",
        "k.wav",
    ]
    problems = told(intake, tmp_path)
    cures = {
        3: "no such file",
        4: "manifest.csv:2",
        5: "is not a date",
        6: "inbound_service",
        7: "not a number",
        8: "holds /",
        9: "same file as",
        10: "file is empty",
        11: "is a folder",
        12: "outside",
        13: "outside",
        14: "outside",
        15: "quotes",
        16: "negative",
        17: "8 cells under 5 columns",
    }
    assert set(problems) == {f"manifest.csv:{line}" for line in cures}
    for line, words in cures.items():
        assert words in problems[f"manifest.csv:{line}"], line
    assert "is not a date" in problems["manifest.csv:16"]


def test_written_call_ids_come_before_derived_ones(tmp_path: Path) -> None:
    make(tmp_path, "a.wav", "b.wav", "c.wav")
    manifest(tmp_path, "file,call_id\na.wav,\nb.wav,a\n")
    intake = gather([tmp_path])
    ids = {s.path.name: s.metadata.call_id for s in intake.sources}
    assert ids["b.wav"] == "a" and ids["c.wav"] == "c"
    assert ids["a.wav"].startswith("a-") and intake.problems == ()


def test_the_gbk_manifest_of_a_spreadsheet(tmp_path: Path) -> None:
    make(tmp_path, "录音/张三.wav", "李四.mp3")
    text = (
        "文件,通话编号,工号,坐席姓名,开始时间,场景,方向,振铃秒数,声道,坐席声道,队列,客户编号,备注\r\n"
        "录音\\张三.wav,通话1,0012,张三,2026/1/5 9:03,complaint,呼入,5,双声道,左,供暖,,a\r\n"
        '李四.mp3,,3306,"李,四",2026/1/5 9:10:05,outbound_sales,呼出,,单声道,,,,\r\n,,,,,,,,\r\n'
    )
    manifest(tmp_path, text, encoding="gbk")
    intake = gather([tmp_path])
    assert found(intake, tmp_path) == [("录音/张三.wav", "通话1", 2), ("李四.mp3", "李四", 3)]
    first, second = (source.metadata for source in intake.sources)
    assert (first.direction, first.agent_channel, first.ring_ms) == ("inbound", 0, 5000)
    assert (second.agent_name, second.channels, second.queue) == ("李,四", "mono", None)
    assert intake.problems == ()
    assert [note.message for note in intake.notes] == [
        "nobody reads the columns '备注'; they are ignored"
    ]


def test_file_names_composed_another_way(tmp_path: Path) -> None:
    make(tmp_path, "e\u0301.wav")
    manifest(tmp_path, "file\n\u00e9.wav\n")
    intake = gather([tmp_path])
    assert [s.metadata.call_id for s in intake.sources] == ["\u00e9"]


def test_a_manifest_given_alone_or_with_its_folder(tmp_path: Path) -> None:
    make(tmp_path, "a.wav", "b.wav", "deep/c.wav")
    manifest(tmp_path, "file,agent_id\na.wav,wrong\n")
    path = manifest(tmp_path, "file,agent_id\n./b.wav,7\ndeep/c.wav,8\nx.wav,9\n", "other.csv")
    alone = gather([], path)
    assert found(alone, tmp_path) == [("b.wav", "b", 2), ("deep/c.wav", "c", 3)]
    assert set(told(alone, tmp_path)) == {"other.csv:4"}
    both = gather([tmp_path], path)
    assert found(both, tmp_path)[2:] == [("a.wav", "a", None)]
    assert both.sources[2].metadata.agent_id is None  # the one given replaces the one beside
    part = gather([tmp_path / "deep"], path)
    assert found(part, tmp_path) == [("deep/c.wav", "c", 3)]
    assert part.problems == ()
    one = gather([tmp_path / "b.wav"], path)
    assert found(one, tmp_path) == [("b.wav", "b", 2)]
    assert one.problems == ()


def test_absolute_paths_inside_the_folder_are_allowed(tmp_path: Path) -> None:
    make(tmp_path, "a.wav")
    manifest(tmp_path, f"file\n{tmp_path}/a.wav\n")
    assert found(gather([tmp_path]), tmp_path) == [("a.wav", "a", 2)]


def test_single_files_use_their_lines_only(tmp_path: Path) -> None:
    make(tmp_path, "a.wav", "b.wav", "c.wav")
    manifest(tmp_path, "file,agent_id,started_at\na.wav,7,\nb.wav,8,bad\ngone.wav,,bad\n")
    intake = gather([tmp_path / "c.wav", tmp_path / "a.wav"])
    assert [(s.path.name, s.metadata.agent_id, s.manifest_line) for s in intake.sources] == [
        ("a.wav", "7", 2),
        ("c.wav", None, None),
    ]
    assert intake.problems == ()
    bad = gather([tmp_path / "b.wav"])
    assert bad.sources == () and set(told(bad, tmp_path)) == {"manifest.csv:3"}


def test_call_ids_do_not_depend_on_the_choice_of_files(tmp_path: Path) -> None:
    make(tmp_path, "a/x.wav", "b/x.wav")
    manifest(tmp_path, "file\na/x.wav\nb/x.wav\n")
    path = tmp_path / "manifest.csv"
    everything = {s.path: s.metadata.call_id for s in gather([tmp_path]).sources}
    (single,) = gather([tmp_path / "b/x.wav"], path).sources
    assert single.metadata.call_id == everything[tmp_path / "b/x.wav"]


def test_every_folder_may_have_its_own_manifest(tmp_path: Path) -> None:
    make(tmp_path, "mon/a.wav", "tue/b.wav", "tue/c.wav")
    manifest(tmp_path / "mon", "file,agent_id\na.wav,1\n")
    manifest(tmp_path / "tue", "file,call_id\nb.wav,b\nc.wav,b\n")
    intake = gather([tmp_path])
    assert found(intake, tmp_path) == [("mon/a.wav", "a", 2), ("tue/b.wav", "b", 2)]
    assert set(told(intake, tmp_path)) == {"tue/manifest.csv:3"}


@pytest.mark.parametrize(
    ("data", "words"), [(b"", "empty"), (b"agent\n1\n", "no column file"), (b"\0\1", "not a text")]
)
def test_a_manifest_that_is_none(tmp_path: Path, data: bytes, words: str) -> None:
    make(tmp_path, "a.wav")
    (tmp_path / "manifest.csv").write_bytes(data)
    for paths in ([tmp_path], [tmp_path / "a.wav"]):
        with pytest.raises(ManifestError, match=words) as caught:
            gather(paths)
        assert str(tmp_path / "manifest.csv") in str(caught.value)


def test_a_manifest_that_is_not_there(tmp_path: Path) -> None:
    for path in (tmp_path / "no.csv", tmp_path, Path("a\0b")):
        with pytest.raises(ManifestError):
            gather([], path)


def test_a_manifest_with_a_header_only(tmp_path: Path) -> None:
    make(tmp_path, "a.wav")
    manifest(tmp_path, "file,agent_id\n")
    intake = gather([tmp_path])
    assert found(intake, tmp_path) == [("a.wav", "a", None)]
    assert "no lines" in intake.notes[0].message


def test_custom_scenarios(tmp_path: Path) -> None:
    make(tmp_path, "a.wav")
    manifest(tmp_path, "file,scenario\na.wav,loans\n")
    assert gather([tmp_path]).sources == ()
    assert gather([tmp_path], scenarios=["loans"]).sources[0].metadata.scenario == "loans"


# --- file names --------------------------------------------------------------------------------


def test_metadata_of_names(tmp_path: Path) -> None:
    make(tmp_path, "1023_20260105090300_in.wav", "7_20261305090300_in.wav", "odd.wav", "m.wav")
    manifest(tmp_path, "file,agent_id\nm.wav,9\n")
    intake = gather([tmp_path], None, "{agent_id}_{started_at:%Y%m%d%H%M%S}_{direction}")
    assert [s.metadata for s in intake.sources] == [
        Metadata("m", "9"),
        Metadata(
            "1023_20260105090300_in",
            "1023",
            None,
            datetime(2026, 1, 5, 9, 3),
            direction="inbound",
        ),
        Metadata("odd"),
    ]
    assert "20261305090300" in told(intake, tmp_path)["7_20261305090300_in.wav"]
    assert "1 names do not fit" in intake.notes[0].message


def test_call_ids_of_names(tmp_path: Path) -> None:
    make(tmp_path, "1-x.wav", "2-x.wav", "3-...wav")
    intake = gather([tmp_path], None, "{agent_id}-{call_id}")
    assert [(s.metadata.agent_id, s.metadata.call_id) for s in intake.sources] == [("1", "x")]
    problems = told(intake, tmp_path)
    assert "is used before" in problems["2-x.wav"] and ".." in problems["3-...wav"]


def test_a_bad_pattern_stops_at_once(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="write one of"):
        gather([tmp_path / "none"], None, "{agnet_id}")


# --- no way out --------------------------------------------------------------------------------

parts = st.lists(st.sampled_from(["..", ".", "a", "b.wav", "", "C:", "~", "data"]), max_size=7)


@given(parts=parts, mark=st.sampled_from(["/", "\\", "//"]), start=st.sampled_from(["", "/", "\\"]))
def test_no_cell_leads_out_of_the_folder(parts: list[str], mark: str, start: str) -> None:
    try:
        name = inside(start + mark.join(parts), "/data/a")
    except FieldError:
        return
    full = os.path.normpath(f"/data/a/{name}")
    assert full.startswith("/data/a/") and not name.startswith("/")
