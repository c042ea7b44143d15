"""What was heard, written as it was meant: homophones put right in a transcript. Pure.

Times, speakers and confidences stay; a chunk that changes keeps its first reading among its
alternatives, so that whoever matches by ear sees both.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from pathlib import Path

import pydantic

from qc_speech.model import Alternative, Chunk, Metadata
from qc_speech.rules.yamlfile import load_yaml
from qc_speech.text.homophones import Channel, Corrector, Heard, is_han
from qc_speech.text.language import LanguageModel, load_language_model
from qc_speech.text.normalize import normalize

_UNKNOWN = 0.5  # confidence of a word that has none
_NAME_WEIGHT = 8.0  # a site's own names are said far more often there than in the corpus


class QueueNames(pydantic.BaseModel):
    """Names that are said in one queue."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    queue: str
    names: tuple[str, ...]


class NamesFile(pydantic.BaseModel):
    """lexicons/names.yaml: company, product and agent names, for all calls and by queue."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    names: tuple[str, ...] = ()
    queues: tuple[QueueNames, ...] = ()

    def of(self, metadata: Metadata) -> tuple[str, ...]:
        """The names to expect in a call: of the site, of its queue, and the agent's own."""
        found = list(self.names)
        for entry in self.queues:
            if entry.queue == metadata.queue:
                found.extend(entry.names)
        if metadata.agent_name:
            found.append(metadata.agent_name)
        return tuple(dict.fromkeys(found))


@dataclass(frozen=True)
class Speller:
    """Makes a corrector for the names of a call; those of one queue share it."""

    folder: Path
    names: NamesFile
    channel: Channel

    def correct(self, chunks: Sequence[Chunk], metadata: Metadata) -> tuple[Chunk, ...]:
        """The chunks with homophones put right; those in another language stay."""
        corrector = self._corrector(self.names.of(metadata))
        return tuple(
            corrected(chunk, corrector) if chunk.language == "zh" else chunk for chunk in chunks
        )

    @functools.cached_property
    def _model(self) -> LanguageModel:
        return load_language_model(self.folder)

    @functools.lru_cache(maxsize=16)  # noqa: B019 - one speller per process
    def _corrector(self, names: tuple[str, ...]) -> Corrector:
        if not names:
            return Corrector(self._model, self.channel)
        model = self._model.copy()
        model.add(names, _NAME_WEIGHT)
        return Corrector(model, self.channel, tuple(normalize(name) for name in names))


class HearingFile(pydantic.BaseModel):
    """lexicons/hearing.yaml: how the recognizer errs, learned from labelled calls."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    channel: Channel


def load_speller(lexicons: Path) -> Speller:
    """From lexicons/corpus, names.yaml and hearing.yaml. Raises RulebookError. The language model
    itself is counted when the first call needs it."""
    names = load_yaml(lexicons / "names.yaml", NamesFile)
    hearing = load_yaml(lexicons / "hearing.yaml", HearingFile)
    return Speller(lexicons / "corpus", names, hearing.channel)


def corrected(chunk: Chunk, corrector: Corrector) -> Chunk:
    """One chunk, utterance by utterance (stretches between punctuation marks)."""
    others = iter(_other_readings(chunk))
    heard = [
        Heard(char, _UNKNOWN if word.confidence is None else word.confidence, next(others))
        for word in chunk.words
        for char in word.text
    ]
    written = iter(_written(heard, corrector))
    texts = ["".join(next(written) for _ in word.text) for word in chunk.words]
    words = tuple(replace(word, text=text) for word, text in zip(chunk.words, texts))
    if words == chunk.words:
        return chunk
    first = Alternative(chunk.text, chunk.score)
    rest = tuple(other for other in chunk.alternatives if other.text != "".join(texts))
    return replace(chunk, words=words, alternatives=(first, *rest))


def _written(heard: Sequence[Heard], corrector: Corrector) -> list[str]:
    """One character for each heard; what is no Chinese character stays as it was written."""
    written: list[str] = []
    utterance: list[Heard] = []
    for item in (*heard, None):
        if item is not None and re.match(r"\w", item.char):
            utterance.append(item)
            continue
        spoken = [replace(said, char=normalize(said.char)[:1] or said.char) for said in utterance]
        right = corrector.correct(spoken)
        written.extend(new if is_han(old.char) else old.char for new, old in zip(right, utterance))
        written.extend([item.char] if item is not None else [])
        utterance = []
    return written


def _other_readings(chunk: Chunk) -> list[tuple[str, ...]]:
    """For each character of the chunk, what other readings have in its place."""
    text = chunk.text
    found: list[dict[str, None]] = [{} for _ in text]
    for other in chunk.alternatives:
        matcher = SequenceMatcher(None, text, other.text, autojunk=False)
        for kind, start, end, low, high in matcher.get_opcodes():
            if kind == "replace" and end - start == high - low:
                for place, char in zip(range(start, end), other.text[low:high]):
                    found[place][char] = None
    return [tuple(chars) for chars in found]
