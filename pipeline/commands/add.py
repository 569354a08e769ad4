"""``saccade add``: merge a recipe, or a copy of a run, into params.yaml.

Lines are put between those of the file and none of its own is changed, so comments, order and form stay as they are.
"""

import io
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline import paths
from pipeline.console import say
from pipeline.params.cross_checks import name_problem
from pipeline.params.load import load_params
from pipeline.params.problems import ParamsError, nearest
from saccade.core.errors import UserError
from saccade.core.files import replacing_file


def add_recipe(file: Path, recipe: str, as_: str | None) -> None:
    """Merge recipes/<recipe>.yaml into the file.

    Args:
        file: params.yaml.
        recipe: name of the recipe.
        as_: another name for the recipe's run.

    Raises:
        UserError: no such recipe; a key is there already with other content; a name that cannot be.
    """
    known = sorted(path.stem for path in paths.RECIPES.glob("*.yaml"))
    if recipe not in known:
        raise UserError(f"no recipe is called {recipe!r}; {nearest(recipe, known)}")
    load_params(file)  # a file that is not right is not made longer
    text, recipe_text = read(file), read(paths.RECIPES / f"{recipe}.yaml")
    whole, added = values(text), values(recipe_text)
    if as_ is not None and len(added["runs"]) != 1:
        raise UserError(f"--as cannot name {len(added['runs'])} runs: recipe {recipe} adds {', '.join(added['runs'])}")
    news = []
    for section in ("datasets", "runs"):
        for own_name, entry in added.get(section, {}).items():
            name = as_ if as_ is not None and section == "runs" else own_name
            if name not in whole[section]:
                text = insert(text, section, _lines_of_entry(recipe_text, section, own_name, name))
                news.append(f"{section}.{name}")
            elif content(whole[section][name]) != content(entry):
                remedy = f"`saccade add {recipe} --as NAME` adds the run under another name" if section == "runs" else (
                    f"rename yours, or make it equal to the one in {paths.RECIPES / recipe}.yaml"
                )  # fmt: skip
                raise UserError(f"{file} has another {section}.{name} already: {remedy}")
    if not news:
        say(f"{recipe} is in {file} already")
        return
    write(file, text)
    say(f"added {', '.join(news)} to {file}; next: `saccade repro` or `dvc repro evaluate@{news[-1].split('.')[1]}`")


def add_copy(file: Path, run: str, new: str) -> None:
    """Copy a run of the file under a new name.

    Args:
        file: params.yaml.
        run: an existing key of ``runs:``.
        new: the copy's key.

    Raises:
        UserError: no such run; the new name is taken, or cannot be.
    """
    load_params(file)
    text = read(file)
    runs = values(text)["runs"]
    if run not in runs:
        raise UserError(f"runs of {file} has no {run!r}; {nearest(run, list(runs))}")
    if new in runs:
        raise UserError(f"runs of {file} has {new!r} already: choose another name")
    entry = _lines_of_entry(text, "runs", run, new)
    write(file, insert(text, "runs", entry))
    say(f"added runs.{new} to {file}, a copy of {run}: change what shall differ, then `saccade repro evaluate@{new}`")


def content(entry: Any) -> Any:
    """An entry less its source's mirror: the same bytes from elsewhere make the same dataset."""
    source = entry.get("source")
    if not isinstance(source, dict):
        return entry
    return entry | {"source": {key: value for key, value in source.items() if key != "mirror"}}


def _yaml() -> Any:
    from ruamel.yaml import YAML

    return YAML(typ="safe", pure=True)


def values(text: str) -> dict[str, Any]:
    return _yaml().load(text)


def read(file: Path) -> str:
    return file.read_bytes().decode("utf-8")  # line ends as they are


def write(file: Path, text: str) -> None:
    """Write the file in place of the old one, once the new one has been checked."""
    with replacing_file(file) as partial:
        partial.write_bytes(text.encode("utf-8"))
        try:
            load_params(partial)
        except ParamsError as error:
            problems = "\n".join(f"  {problem}" for problem in error.problems)
            raise UserError(f"{file} stays as it was; with the addition it would be wrong:\n{problems}") from None


# --- entries as they are written --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Place:
    """Where an entry stands: the line of its key, one past its last line, the columns of its key."""

    key_line: int
    end: int
    indent: int
    key_end: int


def _places(text: str, section: str) -> dict[str, _Place]:
    """The entries of a section by name; none where it is written in braces."""
    lines = text.splitlines()
    (node,) = [value for key, value in _yaml().compose(text).value if key.value == section]
    places = {}
    for key, _ in () if node.flow_style else node.value:
        line, indent = key.start_mark.line, key.start_mark.column
        places[key.value] = _Place(line, _end_of_entry(lines, line, indent), indent, key.end_mark.column)
    return places


def _end_of_entry(lines: list[str], key_line: int, indent: int) -> int:
    """One past the last line that stands deeper than the key. A comment as shallow as the key ends nothing."""
    end = key_line + 1
    for number in range(key_line + 1, len(lines)):
        content = lines[number].lstrip(" ")
        if content and len(lines[number]) - len(content) > indent:
            end = number + 1
        elif content and not content.startswith("#"):
            break
    return end


def _lines_of_entry(text: str, section: str, name: str, new_name: str) -> list[str]:
    """The lines of an entry under a new name, moved to the left edge."""
    if wrong := name_problem(section, new_name):
        raise UserError(wrong)
    place = _places(text, section).get(name)
    if place is None:
        raise UserError(f"{section} is written in braces: write {name} in lines of its own")
    lines = _without_anchors(text).splitlines()
    new_key = new_name if _yaml().load(new_name) == new_name else json.dumps(new_name)  # 7 and null need quotes
    key_line = lines[place.key_line]
    lines[place.key_line] = key_line[: place.indent] + new_key + key_line[place.key_end :]
    return [
        line[min(place.indent, len(line) - len(line.lstrip())) :].rstrip() for line in lines[place.key_line : place.end]
    ]


def insert(text: str, section: str, entry: list[str]) -> str:
    """Put the lines of an entry after the last entry of a section, or into one that is ``{}``."""
    end_of_line = "\r\n" if "\r\n" in text else "\n"
    if empty := re.search(rf"^{section}:[ \t]*\{{[ \t]*\}}([ \t]*(?:#.*?)?)(?=\r?$)", text, flags=re.MULTILINE):
        lines = [f"{section}:{empty[1].rstrip()}", *("  " + line if line else "" for line in entry)]
        return text[: empty.start()] + end_of_line.join(lines) + text[empty.end() :]
    places = _places(text, section).values()
    if not places:
        raise UserError(f"{section} holds no entry in lines of its own: write the first one by hand")
    at, indent = max(place.end for place in places), min(place.indent for place in places)
    lines = io.StringIO(text, newline="").readlines()
    if not lines[at - 1].endswith("\n"):
        lines[at - 1] += end_of_line
    added = [(" " * indent + line if line else "") + end_of_line for line in entry]
    return "".join(lines[:at] + added + lines[at:])


def _without_anchors(text: str) -> str:
    """The text with blanks in place of each ``&name``: a copied anchor would take over the aliases of the first."""
    from ruamel.yaml.tokens import AnchorToken

    for token in _yaml().scan(text):
        if isinstance(token, AnchorToken):
            start, end = token.start_mark.index, token.end_mark.index
            text = text[:start] + " " * (end - start) + text[end:]
    return text


def flow(value: Any) -> str:
    """A value as YAML on one line."""
    stream, yaml = io.StringIO(), _yaml()
    yaml.default_flow_style, yaml.width = True, 2**20
    yaml.sort_base_mapping_type_on_output = False
    yaml.dump(value, stream)
    return stream.getvalue().removesuffix("...\n").strip()
