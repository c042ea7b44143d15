"""Rulebooks: the default ones, inheritance, and each mistake a supervisor can make."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from rule_toys import FOLDER, lexicons

from qc_speech.errors import QcError, RulebookError, UsageError
from qc_speech.model import Severity
from qc_speech.rules.inspect import all_kinds
from qc_speech.rules.lexicons import load_lexicons
from qc_speech.rules.phrases import load_phrases
from qc_speech.rules.rulebook import DIMENSIONS, SCENARIOS, Rulebook, choose, load_rulebooks

KINDS = all_kinds(lexicons())
CHECK = (
    "{check: thanks, family: phrase, points: 2, severity: minor, "
    "dimension: 服务态度, clause: S1 2.3}"
)
BOOK = f"""name: base
title: 底本
version: "1"
checks:
  - {CHECK}
  - check: farewell
    family: phrase
    points: 3
    cap: 6
    severity: major
    dimension: 服务质量
    clause: S2 4.8
    params: {{pass_from: 0.6}}
"""
CHILD = """name: child
title: 子本
version: "2"
extends: base
scenario: complaint
checks:
  - {check: farewell, points: 5, params: {missing_below: 0.1}}
  - {check: thanks, enabled: false}
"""


def load(folder: Path, **files: str | bytes) -> dict[str, Rulebook]:
    for name, text in files.items():
        (folder / f"{name}.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_rulebooks(folder, KINDS)


def fault(folder: Path, **files: str | bytes) -> tuple[str, int, str]:
    """File, line and text of the one error; it must be one line."""
    with pytest.raises(RulebookError) as caught:
        load(folder, **files)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"{folder}/")
    place, _, text = message.removeprefix(f"{folder}/").partition(": ")
    name, _, line = place.partition(":")
    return name, int(line), text


def test_a_book_and_one_that_extends_it(tmp_path: Path) -> None:
    books = load(tmp_path, base=BOOK, child=CHILD)
    thanks, farewell = books["base"].checks
    assert (thanks.check, thanks.points, thanks.cap) == ("thanks", 2, 2)  # no cap: the points
    assert (farewell.cap, farewell.severity, farewell.dimension) == (6, Severity.MAJOR, "服务质量")
    (own,) = books["child"].checks
    assert (own.points, own.cap, own.severity, own.clause) == (5, 6, Severity.MAJOR, "S2 4.8")
    assert own.params.model_dump()["pass_from"] == 0.6
    assert own.params.model_dump()["missing_below"] == 0.1
    assert (books["base"].scenario, books["child"].scenario) == (None, "complaint")
    assert books["child"].scoring == books["base"].scoring


def test_the_version_changes_with_what_the_book_rests_on(tmp_path: Path) -> None:
    first = load(tmp_path, base=BOOK, child=CHILD)["child"].label
    assert first.startswith("child@2+")
    assert load(tmp_path, base=BOOK, child=CHILD)["child"].label == first
    again = load(tmp_path, base=BOOK.replace("points: 2", "points: 1"), child=CHILD)["child"].label
    assert again != first


@pytest.mark.parametrize(
    ("old", "new", "line", "text"),
    [
        ("title:", "titel:", 2, "titel: unknown name"),
        ("    cap: 6", "    caps: 6", 9, "unknown name"),
        ("check: farewell", "check: farwell", 6, "unknown check farwell"),
        ("check: farewell", "check: bye\n    kind: farwell", 7, "unknown check farwell"),
        ("dimension: 服务质量", "dimension: 服务水平", 11, "unknown dimension"),
        ("cap: 6", "cap: 2", 9, "cap 2 is below points 3"),
        ("points: 3", "points: -3", 8, "greater than or equal to 0"),
        ("points: 3", "points: 300", 8, "less than or equal to 100"),
        ("points: 3", "points: 三", 8, "points"),
        ("    points: 3\n", "", 6, "has no `points`; add it"),
        ("    clause: S2 4.8\n", "", 6, "has no `clause`; add it"),
        ("severity: major", "severity: heavy", 10, "'minor', 'major' or 'critical'"),
        ("family: phrase\n", "family: words\n", 7, "family"),
        ("check: farewell", "check: thanks", 6, "check thanks is listed twice; keep one"),
        ("pass_from", "pass_form", 13, "known parameters: "),
        ("pass_from: 0.6", "pass_from: 6", 13, "less than or equal to 1"),
        ("name: base", "name: Base Book", 1, "name: "),
        ('version: "1"\n', "", 1, "version: is required; add it"),
        ("checks:", "name: again\nchecks:", 4, "name: given twice; keep one"),
        ("checks:", "scoring: {grades: [[A, many]]}\nchecks:", 4, "grades"),
        ("checks:", "checks: {", 4, "check indentation, colons and quotes"),
    ],
)
def test_each_kind_of_mistake(tmp_path: Path, old: str, new: str, line: int, text: str) -> None:
    assert old in BOOK
    name, found, message = fault(tmp_path, base=BOOK.replace(old, new, 1))
    assert (name, text in message) == ("base.yaml", True), message
    assert abs(found - line) <= (1 if "indentation" in text else 0)


def test_a_book_that_extends_none_that_is_there(tmp_path: Path) -> None:
    name, _, message = fault(tmp_path, child=CHILD)
    assert (name, "extends base, which does not exist" in message) == ("child.yaml", True)


def test_books_that_extend_each_other(tmp_path: Path) -> None:
    circle = BOOK.replace("checks:", "extends: child\nchecks:")
    _, _, message = fault(tmp_path, base=circle, child=CHILD)
    assert "extends itself in a circle" in message
    itself = BOOK.replace("checks:", "extends: base\nchecks:")
    (tmp_path / "child.yaml").unlink()
    assert "extends itself in a circle" in fault(tmp_path, base=itself)[2]


def test_two_books_of_one_name(tmp_path: Path) -> None:
    name, _, message = fault(tmp_path, base=BOOK, other=BOOK)
    assert (name, "rulebook base exists twice" in message) == ("other.yaml", True)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "empty"),
        (BOOK.encode("gbk"), "save the file as UTF-8"),
        (b"- 1\n", ""),
        (b"\x00\x01", ""),
    ],
)
def test_a_file_that_is_no_rulebook(tmp_path: Path, data: bytes, text: str) -> None:
    name, line, message = fault(tmp_path, base=data)
    assert (name, text in message) == ("base.yaml", True)
    assert 1 <= line <= 2


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(RulebookError, match="holds no rulebook"):
        load(tmp_path)


def test_an_unknown_name_lists_the_known_ones(tmp_path: Path) -> None:
    books = load(tmp_path, base=BOOK)
    assert choose(books, "base").name == "base"
    with pytest.raises(UsageError, match="one of base"):
        choose(books, "bese")


PHRASE = """phrases:
  - check: greeting
    meaning: 问候
    parts:
      - name: 问候
        any: [您好, "(早|晚)上好"]
        regex: ["^您好"]
    hit: [您好]
    miss: [喂]
"""


@pytest.mark.parametrize(
    ("old", "new", "line", "text"),
    [
        ("(早|晚)上好", "(早|晚上好", 5, "brackets do not match"),
        ("(早|晚)上好", "", 5, "says nothing"),
        ('["^您好"]', '["^[您好"]', 5, "bad regular expression"),
        (
            '        any: [您好, "(早|晚)上好"]\n        regex: ["^您好"]\n',
            "",
            5,
            "needs `any` or `regex`",
        ),
        ("    hit: [您好]\n", "", 2, "hit: is required"),
        ("    meaning: 问候", "    meening: 问候", 3, "unknown name"),
        ("meaning: 问候\n", "meaning: 问候\n    zone: start\n", 4, "zone"),
        ("    hit:", "    parts: []\n    hit:", 8, "parts: given twice"),
    ],
)
def test_a_mistake_in_a_phrase_list(
    tmp_path: Path, old: str, new: str, line: int, text: str
) -> None:
    assert old in PHRASE
    path = tmp_path / "opening.yaml"
    path.write_text(PHRASE.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(RulebookError) as caught:
        load_phrases(tmp_path)
    message = str(caught.value)
    assert "\n" not in message and text in message
    found = int(message.removeprefix(f"{path}:").partition(":")[0])
    assert abs(found - line) <= (1 if "meening" in new else 0)


def test_a_phrase_in_two_files(tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text(PHRASE, encoding="utf-8")
    with pytest.raises(RulebookError, match=r"b\.yaml:1: phrase greeting is defined twice"):
        load_phrases(tmp_path)


def test_a_missing_lexicon_folder_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(QcError) as caught:
        load_lexicons(tmp_path / "nowhere")
    assert str(tmp_path) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "part", ["phrases", "banned", "roles.yaml", "dialect.yaml", "backchannels.yaml", "floor.yaml"]
)
def test_a_lexicon_folder_with_a_part_missing(tmp_path: Path, part: str) -> None:
    folder = tmp_path / "lexicons"
    shutil.copytree(FOLDER, folder)
    gone = folder / part
    if gone.is_dir():
        shutil.rmtree(gone)
    else:
        gone.unlink()
    with pytest.raises(QcError) as caught:
        load_rulebooks(folder / "rulebooks", all_kinds(load_lexicons(folder)))
    assert str(folder) in str(caught.value) and "\n" not in str(caught.value)


# The table of the published result: what is in scope besides what every call is held to.
ALWAYS = {"greeting", "farewell", "late_apology", "festival", "hold_request", "hold_thanks"}
SCOPE = {
    "inbound_service": {"self_id", "verify_identity", "anything_else", "thanks"},
    "complaint": {"self_id", "verify_identity", "apology", "anything_else", "thanks"},
    "repair_hotline": {"self_id", "verify_identity", "ask_address", "ask_phone", "readback",
                       "followup_promise", "thanks"},
    "callback_survey": {"self_id", "time_ok", "survey_resolved", "survey_attitude",
                        "survey_charged", "survey_score", "thanks"},
    "outbound_sales": {"self_id", "time_ok", "purpose"},
    "switchboard": set(),
}  # fmt: skip


@pytest.fixture(scope="module")
def default_books() -> dict[str, Rulebook]:
    return load_rulebooks(FOLDER / "rulebooks", KINDS)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_default_books_hold_to_the_published_scope(
    default_books: dict[str, Rulebook], scenario: str
) -> None:
    book = default_books[scenario]
    assert book.scenario == scenario
    phrases = {check.check for check in book.checks if check.family == "phrase"}
    assert phrases == ALWAYS | SCOPE[scenario]


def test_every_check_of_the_default_books_is_whole(default_books: dict[str, Rulebook]) -> None:
    assert set(SCENARIOS) <= set(default_books)
    for book in default_books.values():
        for check in book.checks:
            assert check.dimension in DIMENSIONS
            assert 0 <= check.points <= check.cap <= 100
            assert check.clause.startswith("S")
        names = [check.check for check in book.checks]
        assert len(names) == len(set(names))
        floors = [floor for _, floor in book.scoring.grades]
        assert floors == sorted(floors, reverse=True) and floors[-1] == 0
