"""What params.yaml may hold, for editors and for readers: docs/params.schema.json and docs/params.md.

    python -m pipeline.commands.params_reference    # `make docs` writes both; a test compares them

Neither names a dataset, model, task or transform: a new file of the library changes nothing here.
"""

import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from pipeline.params.load import Params
from pipeline.schema.preprocess import PreprocessBlock, preprocess_block
from saccade import kinds
from saccade.core import registry
from saccade.core.files import replacing_file

SCHEMA = Path("docs/params.schema.json")
PAGE = Path("docs/params.md")

_HEAD = """# What params.yaml may hold

Made by `make docs` from the descriptions that `pipeline/schema/` holds; a test compares. Editors that know the YAML
language server read the same from [params.schema.json](params.schema.json), which the first line of params.yaml names:
they complete keys, show these lines, and underline what is wrong. `saccade check` knows more: names, arguments of
files, and what does not go together.

A key without a default is required. `null` stands for nothing.
"""
_NAMED = "everything else: a keyword argument of that file; `saccade check` says which there are"
_ANY_NAME = "<name>"


def json_schema(preprocess_keys: Collection[str] | None = None) -> dict[str, Any]:
    """The schema of the file, for editors.

    Args:
        preprocess_keys: leave other keys of ``preprocess:`` out, which a new kind of data may have brought; None: all.

    Returns:
        JSON schema, draft 7.
    """
    made = Params.model_json_schema()
    made["$defs"]["PreprocessBlock"] = _preprocess_of_all_kinds()
    made["$defs"]["DatasetBlock"]["properties"]["preprocess"] = {"$ref": "#/$defs/PreprocessBlock"}
    schema = {"$schema": "http://json-schema.org/draft-07/schema#", **_without_titles(made), "title": "params.yaml"}
    preprocess = schema["$defs"]["PreprocessBlock"]
    preprocess["additionalProperties"] = True
    if preprocess_keys is not None:
        preprocess["properties"] = {k: v for k, v in preprocess["properties"].items() if k in preprocess_keys}
    return schema


def _preprocess_of_all_kinds() -> dict[str, Any]:
    """The keys of every form of data, each described by the first form that takes it, with the choices of all."""
    properties: dict[str, Any] = {}
    for kind in registry.names("kinds"):
        for form in kinds.forms(kind):
            for key, own in preprocess_block(form).model_json_schema().get("properties", {}).items():
                known = properties.setdefault(key, own)
                if "enum" in known and "enum" in own:
                    known["enum"] = list(dict.fromkeys([*known["enum"], *own["enum"]]))
    return {"type": "object", "description": PreprocessBlock.__doc__, "properties": properties}


def _without_titles(value: Any) -> Any:
    """The schema less the titles that pydantic makes of the keys, and the tags of unions that only pydantic reads."""
    if isinstance(value, list):
        return [_without_titles(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    dropped = {
        key for key in ("title", "discriminator") if not isinstance(value.get(key), dict) or "mapping" in value[key]
    }
    return {key: _without_titles(inner) for key, inner in value.items() if key not in dropped}


def page(schema: dict[str, Any]) -> str:
    """docs/params.md.

    Args:
        schema: of the file.

    Returns:
        Markdown.
    """
    return "\n".join([_HEAD, *_section("The file", schema, schema)])


def _section(title: str, block: dict[str, Any], schema: dict[str, Any]) -> Iterator[str]:
    """A table of a block's keys, then the sections of the blocks that it holds."""
    yield f"## {title}\n"
    if block.get("description", "").strip("`.") != title.strip("`"):
        yield _prose(block["description"]) + "\n"
    yield "| key | values | default | |\n| --- | --- | --- | --- |"
    inner = []
    required = block.get("required", ())
    for key, value in block.get("properties", {}).items():
        blocks = list(_blocks(value, schema))
        shown = "one of those below" if len(blocks) > 1 else "a block" if blocks else _values(value, schema)
        inner += [(_path(title, key, value, found), found) for found in blocks]
        default = "required" if key in required else "optional"
        if "default" in value:
            default = f"`{json.dumps(value['default'])}`"
        told = value.get("description", "")
        yield f"| `{key}` | {shown} | {default} | {_cell(told)} |"
    if block.get("additionalProperties") is True and "name" in block.get("properties", {}):
        yield f"| ... | any | | {_NAMED} |"
    yield ""
    for name, found in inner:
        yield from _section(name, found, schema)


def _path(title: str, key: str, value: dict[str, Any], block: dict[str, Any]) -> str:
    """The heading of a block: where it stands in the file, and which of several it is."""
    above = "" if title == "The file" else title.split(", ")[0].strip("`") + "."
    named = block.get("properties", {}).get("name", {})
    names = named.get("enum") or ([named["const"]] if "const" in named else [])
    whole = f"{above}{key}" + (f".{_ANY_NAME}" if value.get("additionalProperties") else "")
    return f"`{whole}`" + (f", name: {' or '.join(names)}" if names else "")


def _blocks(value: dict[str, Any], schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The blocks that a value may be: itself, one of a union, or the entries of a mapping."""
    if "$ref" in value:
        yield schema["$defs"][value["$ref"].rsplit("/", 1)[1]]
    for choice in [*value.get("oneOf", ()), *value.get("anyOf", ())]:
        yield from _blocks(choice, schema)
    if isinstance(value.get("additionalProperties"), dict):
        yield from _blocks(value["additionalProperties"], schema)


def _values(value: dict[str, Any], schema: dict[str, Any]) -> str:
    """Which values a key takes, in words."""
    choices = [*value.get("oneOf", ()), *value.get("anyOf", ())]
    if choices:
        return " or ".join(_values(choice, schema) for choice in choices)
    if "const" in value:
        return f"`{value['const']}`"
    if "enum" in value:
        return ", ".join(
            f"`{json.dumps(choice) if not isinstance(choice, str) else choice}`" for choice in value["enum"]
        )
    kind = value.get("type", "any")
    if kind == "array":
        count, inner = value.get("minItems"), _values(value["items"], schema)
        return f"list of {count}: {inner}" if count and count == value.get("maxItems") else f"list of: {inner}"
    words = {"integer": "integer", "number": "number", "string": "text", "boolean": "`true`, `false`", "null": "`null`"}
    return words.get(kind, "block") + _range(value)


def _range(value: dict[str, Any]) -> str:
    words = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "to", "exclusiveMaximum": "below"}
    bounds = [f"{word} {value[bound]:,}" for bound, word in words.items() if bound in value]
    joined = " " if "minimum" in value and "maximum" in value else " and "  # from 1 to 3; above 0 and below 1
    return f" {joined.join(bounds)}" if bounds else ""


def _prose(text: str) -> str:
    return " ".join(text.replace("``", "`").split())


def _cell(text: str) -> str:
    return _prose(text).replace("|", "\\|").replace("<", "&lt;")


def write() -> None:
    """Write both files."""
    schema = json_schema()
    for path, text in ((SCHEMA, json.dumps(schema, indent=1) + "\n"), (PAGE, page(schema))):
        with replacing_file(path) as partial:
            partial.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()
