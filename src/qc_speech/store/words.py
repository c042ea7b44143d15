"""The index of what was said, kept in step with the results it is made from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    cast,
    delete,
    insert,
    literal,
    literal_column,
    or_,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import TSQUERY

from qc_speech import vault
from qc_speech.model import CallResult
from qc_speech.store.tables import RESULTS
from qc_speech.store.web_tables import CALL_WORDS
from qc_speech.text.searching import Wanted, tokens

MOST_FOUND = 5000  # calls that one search gives back, the newest
_AT_ONCE = 100


def words_of(result: CallResult) -> str:
    """What is indexed of a call: nothing under a configured key, for an index cannot be sealed."""
    if vault.configured():
        return ""
    return tokens(utterance.text for utterance in result.call.utterances)


def put_words(connection: Connection, call_id: str, words: str) -> None:
    """Index a call anew, in the transaction that stores it."""
    connection.execute(delete(CALL_WORDS).where(CALL_WORDS.c.call_id == call_id))
    connection.execute(insert(CALL_WORDS), [{"call_id": call_id, "words": words}])


def unindexed(limit: int | None = _AT_ONCE, call_id: str | None = None) -> Select[Any]:
    """Calls of a store that is older than the index; or whether one is such a call."""
    there = select(CALL_WORDS.c.n).where(CALL_WORDS.c.call_id == RESULTS.c.call_id)
    query = select(RESULTS.c.call_id).where(~there.exists()).limit(limit)
    return query if call_id is None else query.where(RESULTS.c.call_id == call_id)


def calls_with(parts: Sequence[Sequence[Wanted]], dialect: str) -> Select[Any]:
    """Ids of the newest calls in which all parts of a query were said."""
    query = select(CALL_WORDS.c.call_id)
    if dialect == "sqlite":
        newest = text(
            "SELECT rowid FROM call_words_fts WHERE call_words_fts MATCH :asked "
            f"ORDER BY rowid DESC LIMIT {MOST_FOUND}"
        )
        return query.where(CALL_WORDS.c.n.in_(newest.bindparams(asked=_fts(parts))))
    found = query.where(and_(*(or_(*map(_postgres, readings)) for readings in parts)))
    return found.order_by(CALL_WORDS.c.n.desc()).limit(MOST_FOUND)


def _fts(parts: Sequence[Sequence[Wanted]]) -> str:
    """A query in the language of SQLite's FTS5. Tokens hold no quotes (text/searching)."""
    return " AND ".join(
        "("
        + " OR ".join(
            f'"{" ".join(run.tokens)}"' + (" *" if run.open_end else "") for run in readings
        )
        + ")"
        for readings in parts
    )


def _postgres(run: Wanted) -> ColumnElement[bool]:
    """The index finds calls with all tokens; the text itself tells whether they follow."""
    vector: ColumnElement[Any] = literal_column("array_to_tsvector(string_to_array(words, ' '))")
    quoted = [f"'{token}'" + (":*" if run.open_end else "") for token in run.tokens]
    asked = cast(literal(" & ".join(quoted)), TSQUERY)
    found: ColumnElement[bool] = vector.op("@@")(asked)
    if len(run.tokens) == 1:
        return found
    said = literal(" ") + CALL_WORDS.c.words
    return and_(found, said.contains(" " + " ".join(run.tokens), autoescape=True))
