"""The manifest: which models there are, from where, and what hash every file must have."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

import pydantic

from qc_speech.errors import ModelError, RulebookError, UsageError
from qc_speech.resources import model_files_dir
from qc_speech.rules.yamlfile import load_yaml

MANIFEST = "manifest.yaml"
_PACKAGE = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class ModelFile:
    """One file of a model. `sha256` and `size` (bytes) are None where the manifest has none."""

    name: str
    sha256: str | None
    size: int | None


@dataclass(frozen=True)
class Source:
    """One place a model can be had from; `files` are what this place holds."""

    name: str
    kind: str  # local | wheels | huggingface | modelscope
    files: tuple[ModelFile, ...]
    repo: str = ""
    revision: str = ""
    needs_token: bool = False
    packages: tuple[str, ...] = ()  # NAME==VERSION
    parts: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = ()  # file: (package, member)s
    python: str | None = None
    platform: str | None = None


@dataclass(frozen=True)
class ModelCard:
    """One model of the manifest."""

    id: str
    title: str
    kind: str  # asr | segmentation | embedding | diarization-pipeline
    licence: str
    default: bool
    files: tuple[ModelFile, ...]
    sources: tuple[Source, ...]

    @property
    def size(self) -> int | None:
        """Bytes of all files, None when the manifest does not say."""
        return total_size(self.files)

    @property
    def pinned(self) -> bool:
        """Every file's SHA-256 is in the manifest (else: trust on first use, then a lock file)."""
        return all(file.sha256 for file in self.files)

    @property
    def needs_token(self) -> bool:
        """No remote source works without a token."""
        remote = [source for source in self.sources if source.kind != "local"]
        return bool(remote) and all(source.needs_token for source in remote)


def total_size(files: tuple[ModelFile, ...]) -> int | None:
    """Bytes of the files together, None when one size is unknown."""
    sizes = [file.size for file in files if file.size is not None]
    return sum(sizes) if len(sizes) == len(files) else None


class _Strict(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)


def _relative(name: str) -> str:
    # A name leads to a path below the model's folder, whoever wrote the manifest.
    path = PurePosixPath(name)
    parts = name.split("/")
    if path.is_absolute() or "\\" in name or ":" in name or not all(p.strip(". ") for p in parts):
        raise ValueError("must be a relative path without '..'")
    return name


_Name = Annotated[str, pydantic.AfterValidator(_relative)]
_Sha256 = Annotated[str, pydantic.StringConstraints(pattern=r"^[0-9a-f]{64}$")]
_Id = Annotated[str, pydantic.StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]*$")]
_Package = Annotated[
    str, pydantic.StringConstraints(pattern=r"^[A-Za-z0-9][\w.-]*==[A-Za-z0-9][\w.+!-]*$")
]


class _File(_Strict):
    name: _Name
    sha256: _Sha256 | None
    size: pydantic.PositiveInt | None


class _Source(_Strict):
    name: _Id
    kind: Literal["local", "wheels", "huggingface", "modelscope"]
    files: tuple[_File, ...] = ()
    repo: Annotated[str, pydantic.StringConstraints(pattern=r"^([\w.-]+/[\w.-]+)?$")] = ""
    revision: str = "main"
    needs_token: bool = False
    packages: tuple[_Package, ...] = ()
    parts: dict[str, tuple[tuple[str, str], ...]] = {}
    python: str | None = None
    platform: str | None = None

    @pydantic.model_validator(mode="after")
    def _complete(self) -> _Source:
        if self.kind in ("huggingface", "modelscope") and not self.repo:
            raise ValueError("a hub source needs repo: OWNER/NAME")
        if self.kind == "wheels" and not (self.packages and self.parts):
            raise ValueError("a wheel source needs packages and parts")
        known = {package.partition("==")[0] for package in self.packages}
        for name, pieces in self.parts.items():
            if not pieces or any(package not in known for package, _ in pieces):
                raise ValueError(f"parts of {name} must name packages of this source")
        return self


class _Card(_Strict):
    id: _Id
    title: str
    kind: Literal["asr", "segmentation", "embedding", "diarization-pipeline"]
    licence: str
    default: bool
    files: Annotated[tuple[_File, ...], pydantic.Field(min_length=1)]
    sources: Annotated[tuple[_Source, ...], pydantic.Field(min_length=1)]


class _Manifest(_Strict):
    schema_name: Literal["qc-speech/models/1"] = pydantic.Field(alias="schema")
    models: tuple[_Card, ...]

    @pydantic.model_validator(mode="after")
    def _unique(self) -> _Manifest:
        ids = [card.id for card in self.models]
        for card in self.models:
            names = [source.name for source in card.sources]
            if len(set(names)) < len(names):
                raise ValueError(f"{card.id}: two sources bear the same name")
        if len(set(ids)) < len(ids):
            raise ValueError("two models bear the same id")
        return self


def manifest_path() -> Path:
    """QC_SPEECH_MODELS/manifest.yaml where it exists, else the manifest shipped with the code."""
    override = os.environ.get("QC_SPEECH_MODELS")
    if override and (Path(override) / MANIFEST).is_file():
        return Path(override) / MANIFEST
    checkout = _PACKAGE.parent.parent / "models" / MANIFEST
    if (_PACKAGE.parent.parent / "pyproject.toml").is_file() and checkout.is_file():
        return checkout
    return _PACKAGE / "_data" / "models" / MANIFEST


def load_manifest(path: Path | None = None) -> tuple[ModelCard, ...]:
    """The models of the manifest, in its order. Raises ModelError("FILE:LINE: what; cure")."""
    try:
        manifest = load_yaml(path or manifest_path(), _Manifest)
    except RulebookError as error:
        raise ModelError(str(error)) from None
    return tuple(_card(entry) for entry in manifest.models)


def find_card(model_id: str) -> ModelCard:
    """The card of a model. Raises UsageError for an unknown id."""
    cards = load_manifest()
    for card in cards:
        if card.id == model_id:
            return card
    known = ", ".join(card.id for card in cards)
    raise UsageError(f"unknown model '{model_id}'; known models: {known}")


def model_dir(model_id: str) -> Path:
    """The folder a model's files live in (whether they are there or not)."""
    return model_files_dir() / model_id


def _card(entry: _Card) -> ModelCard:
    files = _files(entry.files)
    sources = tuple(_source(source, files) for source in entry.sources)
    return ModelCard(
        entry.id, entry.title, entry.kind, entry.licence, entry.default, files, sources
    )


def _files(entries: tuple[_File, ...]) -> tuple[ModelFile, ...]:
    return tuple(ModelFile(file.name, file.sha256, file.size) for file in entries)


def _source(entry: _Source, files: tuple[ModelFile, ...]) -> Source:
    return replace(
        Source(entry.name, entry.kind, _files(entry.files) or files),
        repo=entry.repo,
        revision=entry.revision,
        needs_token=entry.needs_token,
        packages=entry.packages,
        parts=tuple(entry.parts.items()),
        python=entry.python,
        platform=entry.platform,
    )
