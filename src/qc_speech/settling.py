"""Keeps what counts of a call in step with people's verdicts, whoever writes first.

A verdict may come in while its call is being inspected or scored anew. Each writer looks again
after it has written, so the last one to write has seen every verdict that was there.
"""

from __future__ import annotations

from collections.abc import Mapping

from qc_speech.errors import UsageError
from qc_speech.model import CallResult, Review, Settled
from qc_speech.ports import Store
from qc_speech.reviews import settle
from qc_speech.rules.rulebook import Rulebook, choose


def book_of(result: CallResult, books: Mapping[str, Rulebook]) -> Rulebook:
    """The rulebook that a result was made with, as it is today. Raises UsageError."""
    return choose(dict(books), result.rulebook.partition("@")[0])


def keep_result(store: Store, result: CallResult, book: Rulebook) -> None:
    """Store a new result; verdicts that people gave on the call count in it. Raises StoreError."""
    reviews: tuple[Review, ...] | None = None
    while reviews != (found := tuple(store.reviews(result.call_id))):
        reviews = found
        store.put_result(result, settle(result, reviews, book) if reviews else None)


def judge(store: Store, review: Review, books: Mapping[str, Rulebook]) -> Settled:
    """Keep a verdict and let it count at once. Raises StoreError, UsageError (no such call)."""
    if store.result(review.call_id) is None:
        raise UsageError(f"call {review.call_id}: is not in the store; inspect it first")
    store.put_review(review)
    return settle_stored(store, review.call_id, books)


def settle_stored(store: Store, call_id: str, books: Mapping[str, Rulebook]) -> Settled:
    """Let the verdicts on a stored call count. Raises StoreError, UsageError (no such call)."""
    while True:
        result = store.result(call_id)
        if result is None:
            raise UsageError(f"call {call_id}: is not in the store; inspect it first")
        reviews = tuple(store.reviews(call_id))
        settled = settle(result, reviews, book_of(result, books))
        store.put_settled(call_id, settled)
        if tuple(store.reviews(call_id)) == reviews and store.result(call_id) == result:
            return settled
