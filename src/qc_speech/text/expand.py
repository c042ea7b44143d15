"""The plain wordings that a template stands for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from qc_speech.text.phonetic import Heard, Pattern, search
from qc_speech.text.template import Choice, Node, Slot, parse

_MOST = 400  # wordings of one template that are weighed against what was heard


def nearest(template: str, heard: str, count: int) -> tuple[str, ...]:
    """The `count` wordings of a template that sound most like what was heard, best first; slots
    are left out. Of templates with very many wordings only the first 400 are compared."""
    said = Heard.of(heard)
    costs = {}
    for words in islice(wordings(template), _MOST):
        match = search(Pattern.of(words), said)
        costs[words] = match.cost / match.length if match else 1.0
    return tuple(sorted(costs, key=lambda words: costs[words])[:count])


def wordings(template: str) -> Iterator[str]:
    """Wordings in plain characters (one may come twice), those without optional words first.
    Raises ValueError when the template is malformed."""
    return _texts(parse(template))


def _texts(nodes: Sequence[Node]) -> Iterator[str]:
    if not nodes:
        yield ""
        return
    first, rest = nodes[0], nodes[1:]
    for head in _heads(first):
        for tail in _texts(rest):
            yield head + tail


def _heads(node: Node) -> Iterator[str]:
    if isinstance(node, Choice):
        for branch in node.branches:
            yield from _texts(branch)
    elif isinstance(node, Slot) or not node.code:
        yield ""
    else:
        yield chr(node.code)
