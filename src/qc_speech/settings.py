"""One table of settings: name, default, help. From a TOML file and the environment.

Precedence: command line, then QC_SPEECH_<NAME>, then the file, then the default. Unknown names are
refused, so that a typing error does not silently change nothing.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from qc_speech.errors import UsageError

_NOT_SETTINGS = {
    "QC_SPEECH_LEXICONS",
    "QC_SPEECH_MODELS",
    "QC_SPEECH_CONFIG",
    "QC_SPEECH_STORE",
    "QC_SPEECH_KEY",
    "QC_SPEECH_KEY_FILE",
}

_CHOICES = {
    "usual_agent_channel": ("left", "right", ""),
    "voiceprints": ("on", "off"),
    "purge_originals": ("on", "off"),
    "mask_reversible": ("on", "off"),
    "ask_audio": ("on", "off"),
    "meaning_mask": ("on", "off"),
}


def _setting(default: Any, help_text: str) -> Any:
    return field(default=default, metadata={"help": help_text})


@dataclass(frozen=True)
class Settings:
    """Every setting of a run. The unit is in the name or in the help."""

    asr_model: str = _setting("whisper-base", "model id of the recognizer (see: models list)")
    compute_type: str = _setting(
        "auto", "CTranslate2 precision; auto: int8 on CPU, float16 on CUDA"
    )
    device: str = _setting("auto", "auto, cpu or cuda")
    beam: int = _setting(5, "beam width of the recognizer")
    n_best: int = _setting(5, "readings kept per window for matching (at most the beam)")
    batch: int = _setting(0, "windows per forward pass; 0: 8 on CPU, by free memory on CUDA")
    hotwords: str = _setting(
        "", "words to bias the recognizer to; empty: none (does harm with base)"
    )
    ahead: int = _setting(
        -1, "recordings made ready while the recognizer hears; -1: 8 on CUDA, none on CPU"
    )
    threads: int = _setting(0, "CPU threads per worker; 0: all cores divided by the workers")
    diarization_model: str = _setting(
        "pyannote-segmentation-3.0", "or pyannote-community-1, where it was fetched"
    )
    usual_agent_channel: str = _setting(
        "",
        "left or right: where agents mostly are in two channels, if the manifest is silent",
    )
    voiceprints: str = _setting(
        "on", "on: compare the agent's voice with his enrolled voiceprint, if any; off: never"
    )
    keep_audio_days: int = _setting(0, "days until a call's sound is removed; 0: never")
    keep_transcripts_days: int = _setting(0, "days until what was said is removed; 0: never")
    keep_results_days: int = _setting(0, "days until all of a call is removed; 0: never")
    purge_originals: str = _setting(
        "off", "on: keep_audio_days removes the recordings too, not only copies in --out"
    )
    mask_after_days: int = _setting(
        -1, "days until personal data in transcripts is masked; 0: at once; -1: never"
    )
    mask_kinds: str = _setting(
        "phone,id_card,bank_card,number,name", "what is masked, of these and address"
    )
    mask_confidence: float = _setting(0.5, "from this confidence on (0 to 1) something is masked")
    mask_reversible: str = _setting(
        "off", "on: the whole text stays beside it, readable only with the key"
    )
    ask_audio: str = _setting(
        "on", "on: ask the sound itself where the text leaves a mandatory phrase in doubt; off"
    )
    meaning_address: str = _setting(
        "", "OpenAI-compatible address on the site's network for checks of meaning; empty: none"
    )
    meaning_model: str = _setting("", "name of the model at meaning_address")
    meaning_key_file: str = _setting("", "file with the key that meaning_address asks for, if any")
    meaning_timeout_s: int = _setting(30, "seconds to wait for one answer")
    meaning_budget: int = _setting(0, "questions asked in one run at most; 0: no limit")
    meaning_mask: str = _setting(
        "on", "on: what mask_kinds names is covered in what the model is shown; off: nothing is"
    )
    file_name_pattern: str = _setting("", "metadata in file names, e.g. {agent_id}_{call_id}")


def load_settings(path: Path | None = None, **overrides: Any) -> Settings:
    """Settings from file, environment and overrides (None: not given). Raises UsageError."""
    given: dict[str, Any] = {}
    source = path or (Path(p) if (p := os.environ.get("QC_SPEECH_CONFIG")) else None)
    if source is not None:
        given.update(_from_file(source))
    for name, value in os.environ.items():
        if name.startswith("QC_SPEECH_") and name not in _NOT_SETTINGS:
            given[_known(name.removeprefix("QC_SPEECH_").lower(), f"environment {name}")] = value
    given.update({name: value for name, value in overrides.items() if value is not None})
    settings = replace(Settings(), **{name: _typed(name, value) for name, value in given.items()})
    for name, allowed in _CHOICES.items():
        value = getattr(settings, name)
        if value not in allowed:
            shown = " or ".join(choice or "nothing" for choice in allowed)
            raise UsageError(f"setting {name}: {value!r}; write {shown}")
    return settings


def _from_file(path: Path) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror}); check the path") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: not TOML: {error}; correct the file") from None
    return {_known(name, str(path)): value for name, value in data.items()}


def _known(name: str, where: str) -> str:
    names = [item.name for item in fields(Settings)]
    if name not in names:
        raise UsageError(f"{where}: unknown setting {name}; one of {', '.join(names)}")
    return name


def _typed(name: str, value: Any) -> Any:
    wanted = type(getattr(Settings(), name))
    if isinstance(value, wanted) and not isinstance(value, bool):
        return value
    try:
        return wanted(str(value))
    except ValueError:
        raise UsageError(
            f"setting {name}: {value!r} is not a {wanted.__name__}; correct it"
        ) from None
