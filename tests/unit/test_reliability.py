"""The reliability diagram: dots where the counts say, on a picture that stands alone."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from qc_speech.errors import QcError
from qc_speech.evaluate.counts import Bin
from qc_speech.evaluate.reliability import diagram, save_diagram

SVG = "{http://www.w3.org/2000/svg}"
BINS = (
    Bin(),
    Bin(utterances=2, characters=100, right=40, confidence_milli=50_000),
    Bin(utterances=9, characters=400, right=360, confidence_milli=360_000),
)


def test_a_dot_stands_at_confidence_and_share_right_and_grows_with_characters() -> None:
    few, many = ET.fromstring(diagram(BINS)).findall(f"{SVG}circle")
    width = float(many.attrib["cx"]) - float(few.attrib["cx"])
    height = float(few.attrib["cy"]) - float(many.attrib["cy"])
    assert width == pytest.approx(0.4 * 360, abs=0.3)  # 0.5 -> 0.9
    assert height == pytest.approx(0.5 * 360, abs=0.3)  # 0.4 -> 0.9
    assert float(many.attrib["r"]) > float(few.attrib["r"])
    assert "confidence 0.90, right 0.90" in "".join(many.itertext())


def test_without_utterances_there_are_axes_and_no_dots() -> None:
    assert ET.fromstring(diagram((Bin(), Bin()))).findall(f"{SVG}circle") == []


def test_it_is_written_whole_or_a_line_says_why_not(tmp_path: Path) -> None:
    assert save_diagram(BINS, tmp_path).read_text(encoding="utf-8") == diagram(BINS)
    with pytest.raises(QcError, match="cannot be written"):
        save_diagram(BINS, tmp_path / "nowhere")
    assert [path.name for path in tmp_path.iterdir()] == ["reliability.svg"]
