"""Regular expressions of word lists: what they find, and that none goes on without end."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rule_toys import lexicons, within

from qc_speech.text import expression
from qc_speech.text.expression import compiled, is_endless, linear, search

EVIL = ["(啊|啊啊)+(?!好)$", "(?:(?:啊|啊啊)(?!好))+好", "^(啊|啊啊|啊啊啊)*(?!嗯)$"]


@pytest.mark.parametrize("pattern", EVIL)
def test_an_expression_without_end_ends(pattern: str) -> None:
    assert compiled(pattern) is not None
    text = "啊" * 60 + "嗯"
    with within(10):
        started = time.monotonic()
        search(pattern, text)
        assert time.monotonic() - started < 5
        started = time.monotonic()
        search(pattern, text)  # from then on it costs nothing
        assert time.monotonic() - started < 5 * expression.LIMIT_S
    assert is_endless(pattern, (text,))


def test_our_own_expressions_end() -> None:
    for phrase in lexicons().phrases.values():
        for pattern in (*phrase.hint_regex, *(x for part in phrase.parts for x in part.regex)):
            assert not is_endless(pattern, phrase.hit), pattern


def test_both_engines_find_the_same() -> None:
    for text in ("几分钟就好", "您打几分", "几分"):
        found = search("几分(?!钟)", text)
        assert (found is not None) == (text != "几分钟就好")
        assert found is None or found.span() == (text.index("几"), text.index("几") + 2)
    assert search("好+", "你好好的").span() == (1, 3)  # type: ignore[union-attr]


@pytest.mark.parametrize("pattern", ["(a", "[", "a{2,1}", "好" * 3000])
def test_a_bad_expression(pattern: str) -> None:
    with pytest.raises(ValueError, match="regular expression"):
        compiled(pattern)


def test_only_linear_ones_in_rulebooks() -> None:
    with pytest.raises(ValueError, match="no look-around"):
        linear("几分(?!钟)")


@given(
    st.text(alphabet="啊好a(+*?|)[]{}^$.\\", max_size=12), st.text(alphabet="啊好a", max_size=30)
)
def test_any_expression_is_refused_or_ends(pattern: str, text: str) -> None:
    try:
        compiled(pattern)
    except ValueError as error:
        assert "\n" not in str(error)
    else:
        search(pattern, text)
