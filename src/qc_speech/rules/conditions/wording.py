"""The ways to say a template, written out."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from qc_speech.text.template import Choice, Node, Slot, parse

_SLOT = "某某"


def samples(template: str, most: int) -> tuple[str, ...]:
    """At most so many of the ways to say a template, normalized; slots as 某某."""
    return tuple(dict.fromkeys(itertools.islice(_ways(parse(template)), most)))


def _ways(nodes: tuple[Node, ...]) -> Iterator[str]:
    if not nodes:
        yield ""
        return
    head, rest = nodes[0], nodes[1:]
    for start in _one(head):
        for end in _ways(rest):
            yield start + end


def _one(node: Node) -> Iterator[str]:
    if isinstance(node, Slot):
        yield _SLOT
    elif isinstance(node, Choice):
        for branch in node.branches:
            yield from _ways(branch)
    else:
        yield chr(node.code) if node.code else ""
