"""A reliability diagram (Niculescu-Mizil & Caruana 2005): confidence against what was right."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path

from qc_speech.errors import QcError
from qc_speech.evaluate.counts import Bin, wilson

_SIDE, _MARGIN = 360, 48
_STYLE = "font-family:sans-serif;font-size:12px;fill:#333"


def diagram(bins: Sequence[Bin]) -> str:
    """An SVG picture: one dot per bin of utterances, its area by their characters, with the 95 %
    interval (Wilson) of the share heard right; on the diagonal a confidence means what it says."""
    side = _SIDE + 2 * _MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}" role="img">',
        "<title>Reliability of utterance confidence</title>",
        '<rect width="100%" height="100%" fill="#fff"/>',
        f'<path d="M{_x(0)} {_y(0)}H{_x(1)}M{_x(0)} {_y(0)}V{_y(1)}" stroke="#333" fill="none"/>',
        f'<path d="M{_x(0)} {_y(0)}L{_x(1)} {_y(1)}" stroke="#999" stroke-dasharray="4"/>',
    ]
    for tick in range(0, 11, 2):
        share = tick / 10
        parts.append(
            f'<text x="{_x(share)}" y="{_y(0) + 18}" text-anchor="middle" style="{_STYLE}">'
            f'{share:.1f}</text><text x="{_x(0) - 8}" y="{_y(share) + 4}" text-anchor="end" '
            f'style="{_STYLE}">{share:.1f}</text>'
        )
    most = max((one.characters for one in bins), default=0) or 1
    for one in bins:
        if not one.characters:
            continue
        mean, right = one.confidence_milli / 1000 / one.characters, one.right / one.characters
        low, high = wilson(one.right, one.characters) or (right, right)
        radius = 3 + 9 * math.sqrt(one.characters / most)
        parts.append(
            f'<path d="M{_x(mean)} {_y(low)}V{_y(high)}" stroke="#1f6feb"/>'
            f'<circle cx="{_x(mean)}" cy="{_y(right)}" r="{radius:.1f}" fill="#1f6feb" '
            f'fill-opacity="0.7"><title>{one.utterances} utterances, {one.characters} characters: '
            f"confidence {mean:.2f}, right {right:.2f}</title></circle>"
        )
    middle = _MARGIN + _SIDE / 2
    parts.append(
        f'<text x="{middle}" y="{_SIDE + 2 * _MARGIN - 8}" text-anchor="middle" style="{_STYLE}">'
        f'confidence of the utterance</text><text x="14" y="{middle}" text-anchor="middle" '
        f'transform="rotate(-90 14 {middle})" style="{_STYLE}">characters heard right</text></svg>'
    )
    return "\n".join(parts) + "\n"


def save_diagram(bins: Sequence[Bin], out: Path) -> Path:
    """Write OUT/reliability.svg whole or not at all. Raises QcError."""
    target = out / "reliability.svg"
    temporary = target.with_name(f".reliability.{os.getpid()}.svg")
    try:
        temporary.write_text(diagram(bins), encoding="utf-8")
        temporary.replace(target)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise QcError(f"{target}: cannot be written ({error.strerror}); check space") from None
    return target


def _x(share: float) -> float:
    return round(_MARGIN + _SIDE * share, 1)


def _y(share: float) -> float:
    return round(_MARGIN + _SIDE * (1 - share), 1)
