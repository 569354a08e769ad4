"""``saccade add``: merge a recipe, or a copy of a run, into params.yaml. Comments and order stay as they are."""

import copy
import io
from pathlib import Path
from typing import Any

from pipeline import params, paths
from pipeline.console import say
from saccade.errors import UserError
from saccade.files import replacing_file


def add_recipe(file: Path, recipe: str, as_: str | None) -> None:
    """Merge recipes/<recipe>.yaml into the file.

    Args:
        file: params.yaml.
        recipe: its name.
        as_: another name for the recipe's run.

    Raises:
        UserError: no such recipe; a key is there already with other content.
    """
    known = sorted(path.stem for path in paths.RECIPES.glob("*.yaml"))
    if recipe not in known:
        raise UserError(f"no recipe is called {recipe!r}; {params.nearest(recipe, known)}")
    added = _read(paths.RECIPES / f"{recipe}.yaml")
    if as_ is not None:
        if len(added["runs"]) != 1:
            raise UserError(
                f"--as cannot name {len(added['runs'])} runs: recipe {recipe} adds {', '.join(added['runs'])}"
            )
        (only,) = added["runs"]
        added["runs"] = {as_: added["runs"][only]}
    whole = _read(file)
    news = []
    for section in ("datasets", "runs"):
        for name, entry in added.get(section, {}).items():
            if name not in whole[section]:
                whole[section][name] = entry
                news.append(f"{section}.{name}")
            elif whole[section][name] != entry:
                remedy = f"`saccade add {recipe} --as NAME` adds the run under another name" if section == "runs" else (
                    f"rename yours, or make it equal to the one in {paths.RECIPES / recipe}.yaml"
                )  # fmt: skip
                raise UserError(f"{file} has another {section}.{name} already: {remedy}")
    if not news:
        say(f"{recipe} is in {file} already")
        return
    _write(file, whole)
    say(f"added {', '.join(news)} to {file}; next: `saccade repro` or `dvc repro evaluate@{news[-1].split('.')[1]}`")


def add_copy(file: Path, run: str, new: str) -> None:
    """Copy a run of the file under a new name.

    Args:
        file: params.yaml.
        run: an existing key of ``runs:``.
        new: the copy's key.

    Raises:
        UserError: no such run, or the new name is taken.
    """
    whole = _read(file)
    if run not in whole["runs"]:
        raise UserError(f"runs of {file} has no {run!r}; {params.nearest(run, list(whole['runs']))}")
    if new in whole["runs"]:
        raise UserError(f"runs of {file} has {new!r} already: choose another name")
    whole["runs"][new] = copy.deepcopy(whole["runs"][run])
    _write(file, whole)
    say(f"added runs.{new} to {file}, a copy of {run}: change what shall differ, then `saccade repro evaluate@{new}`")


def _yaml() -> Any:
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096  # lines stay as long as they were
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml


def _read(file: Path) -> Any:
    if file == paths.PARAMS:
        params.load(file)  # a file that is not right is not made longer
    return _yaml().load(file.read_text(encoding="utf-8"))


def _write(file: Path, whole: Any) -> None:
    """Write the file in place of the old one, once the new one has been checked."""
    text = io.StringIO()
    _yaml().dump(whole, text)
    with replacing_file(file) as partial:
        partial.write_text(text.getvalue(), encoding="utf-8")
        params.load(partial)
