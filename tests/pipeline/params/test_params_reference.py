"""docs/params.schema.json and docs/params.md say what the models of params.yaml say, and name no file."""

import json
from pathlib import Path

import pytest
from conftest import ROOT
from ruamel.yaml import YAML

from pipeline.commands.params_reference import PAGE, SCHEMA, json_schema, page

COMMITTED = json.loads((ROOT / SCHEMA).read_text(encoding="utf-8"))
FILES = [ROOT / "params.yaml", *sorted((ROOT / "recipes").glob("*.yaml"))]


def generated() -> dict:
    """Less keys of preprocess: that a kind of data has brought since: a new folder asks for no other edit."""
    return json_schema(preprocess_keys=COMMITTED["$defs"]["PreprocessBlock"]["properties"])


def test_both_files_are_as_make_docs_writes_them() -> None:
    assert generated() == COMMITTED, "run `make docs`"
    assert page(COMMITTED) == (ROOT / PAGE).read_text(encoding="utf-8"), "run `make docs`"


def test_every_key_has_a_description_but_those_of_blocks() -> None:
    plain = [
        f"{name}.{key}"
        for name, block in COMMITTED["$defs"].items()
        for key, value in block["properties"].items()
        if not {"description", "$ref", "const", "enum", "oneOf"} & set(value)
    ]
    assert plain == []


def test_the_first_line_of_params_yaml_names_the_schema() -> None:
    first = (ROOT / "params.yaml").read_text(encoding="utf-8").splitlines()[0]
    assert first == f"# yaml-language-server: $schema={SCHEMA}"


def problems(value: object, schema: dict, path: str) -> list[str]:
    """Keys that the schema does not know and ones that it requires, as an editor would underline them."""
    if "$ref" in schema:
        return problems(value, COMMITTED["$defs"][schema["$ref"].rsplit("/", 1)[1]], path)
    choices = schema.get("oneOf") or schema.get("anyOf")
    if choices:
        return min((problems(value, choice, path) for choice in choices), key=len)
    if schema.get("type") != "object":
        is_right = isinstance(value, dict) is False and value in schema.get("enum", [schema.get("const", value)])
        return [] if is_right else [f"{path}: {value!r}"]
    if not isinstance(value, dict):
        return [f"{path}: {value!r}"]
    known, others = schema.get("properties", {}), schema.get("additionalProperties", True)
    found = [f"{path}.{key}: required" for key in schema.get("required", ()) if key not in value]
    for key, inner in value.items():
        if key in known or isinstance(others, dict):
            found += problems(inner, known.get(key, others), f"{path}.{key}")
        elif others is False:
            found.append(f"{path}.{key}: unknown")
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.stem)
def test_an_editor_underlines_nothing_of_ours(file: Path) -> None:
    values = YAML(typ="safe", pure=True).load(file.read_text(encoding="utf-8"))
    whole = values if file.name == "params.yaml" else {"seed": 0, "tracking": {}, "datasets": {}} | values
    assert problems(whole, COMMITTED, "") == []


@pytest.mark.parametrize(
    ("block", "key", "value"),
    [("train", "epoch", 3), ("train", "keep", "worst"), ("train", "optimizer", {"name": "sgd"}), ("model", "name", {})],
)
def test_an_editor_underlines_what_is_wrong(block: str, key: str, value: object) -> None:
    values = YAML(typ="safe", pure=True).load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    values["runs"]["lenet5-digits"][block][key] = value
    assert len(problems(values, COMMITTED, "")) == 1


def test_any_name_and_argument_of_a_file_is_left_to_check() -> None:
    named = COMMITTED["$defs"]["NamedBlock"]
    assert named["additionalProperties"] is True
    assert named["properties"] == {
        "name": {"description": named["properties"]["name"]["description"], "type": "string"}
    }
