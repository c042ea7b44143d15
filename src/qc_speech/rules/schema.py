"""JSON Schemas of the YAML files, for editors: completion and mistakes while typing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pydantic
from pydantic.json_schema import models_json_schema

from qc_speech.rules.files import SHAPES
from qc_speech.rules.kind import Kind
from qc_speech.rules.rulebook import RulebookFile

DRAFT = "https://json-schema.org/draft/2020-12/schema"


def schemas(kinds: Mapping[str, Kind]) -> dict[str, str]:
    """The text of each JSON Schema by its name."""
    found = {shape.schema: _plain(shape.model) for shape in SHAPES}
    found["rulebook"] = _rulebook(kinds)
    _allow_short_entries(found["banned"]["$defs"])
    return {
        name: json.dumps({"$schema": DRAFT, **schema}, ensure_ascii=False, indent=1) + "\n"
        for name, schema in found.items()
    }


def _plain(model: type[pydantic.BaseModel]) -> dict[str, Any]:
    return model.model_json_schema(mode="validation")


def _rulebook(kinds: Mapping[str, Kind]) -> dict[str, Any]:
    """A rulebook, with the parameters of each kind of check."""
    params = sorted({kind.params for kind in kinds.values()}, key=lambda model: model.__qualname__)
    models: list[type[pydantic.BaseModel]] = [RulebookFile, *params]
    references, whole = models_json_schema([(model, "validation") for model in models])
    definitions: dict[str, Any] = whole["$defs"]
    check = definitions["CheckRule"]
    check["allOf"] = [
        _with_params(
            sorted(name for name, kind in kinds.items() if kind.params is model),
            references[(model, "validation")],
        )
        for model in params
    ]
    for model in params:  # the rulebook fills in the check's own name
        required = definitions[references[(model, "validation")]["$ref"].split("/")[-1]]
        required["required"] = [name for name in required.get("required", ()) if name != "check"]
    book = definitions.pop("RulebookFile")
    return {**book, "$defs": definitions}


def _allow_short_entries(definitions: dict[str, Any]) -> None:
    """An entry of a banned list may be its words alone, an example a text instead of a list: the
    model takes them before it validates, so its schema does not know."""
    text = {"type": "string"}
    for name in ("hit", "miss"):
        field = definitions["Entry"]["properties"][name]
        definitions["Entry"]["properties"][name] = {"anyOf": [field, text]}
    words = definitions["Group"]["properties"]["words"]
    words["items"] = {"anyOf": [text, words["items"]]}


def _with_params(names: list[str], params: Mapping[str, Any]) -> dict[str, Any]:
    """If a check is of one of these kinds, its params are of that shape."""
    chosen = {"enum": names}
    return {
        "if": {
            "anyOf": [
                {"properties": {"kind": chosen}, "required": ["kind"]},
                {
                    "properties": {"check": chosen},
                    "required": ["check"],
                    "not": {"required": ["kind"]},
                },
            ]
        },
        "then": {"properties": {"params": dict(params)}},
    }
