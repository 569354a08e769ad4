"""params.yaml as text: its values, and the line of each key."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pipeline.params.problems import KeyPath, ParamsError, Problem


def read_yaml(path: Path) -> tuple[dict[str, Any], dict[KeyPath, int]]:
    """Read the file.

    Args:
        path: params.yaml.

    Returns:
        Its values, and the line of each key path, all parts of the path as text.

    Raises:
        ParamsError: it cannot be read, is not YAML, or not the YAML that DVC can change.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ParamsError(
            path, [Problem((), "the file does not exist; `git checkout params.yaml` restores it")]
        ) from None
    except UnicodeDecodeError as error:
        raise ParamsError(path, [Problem((), f"not UTF-8 text ({error.reason} at byte {error.start})")]) from None
    yaml = YAML(typ="safe", pure=True)
    try:
        node = yaml.compose(text)
        lines = dict(_walk_lines(node, ()))
        values = yaml.load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else None
        problem = " ".join(str(error.problem or error.context).split())
        raise ParamsError(path, [Problem((), f"not valid YAML: {problem}", line)]) from None
    except YAMLError as error:
        raise ParamsError(path, [Problem((), f"not valid YAML: {' '.join(str(error).split())}")]) from None
    except _RefusedError as error:
        raise ParamsError(path, [error.problem]) from None
    if not isinstance(values, dict):
        found = "empty" if values is None else f"a {type(values).__name__}"
        raise ParamsError(path, [Problem((), f"the file is {found}; it must hold seed, tracking, datasets and runs")])
    return values, lines


class _RefusedError(Exception):
    def __init__(self, problem: Problem) -> None:
        self.problem = problem


def _walk_lines(node: Any, path: tuple[str, ...], above: tuple[Any, ...] = ()) -> Iterator[tuple[KeyPath, int]]:
    """The line of each key path, all parts of the path as text."""
    if node is None:
        return
    line = node.start_mark.line + 1
    if any(node is outer for outer in above):
        raise _RefusedError(Problem(path, f"the alias *{node.anchor} stands inside what it names", line))
    yield path, line
    if node.id == "scalar" and node.tag == "tag:yaml.org,2002:timestamp":
        message = f"YAML takes {node.value} for a date, which DVC cannot record: write dates in quotes, '{node.value}'"
        raise _RefusedError(Problem(path, message, line))
    if node.id == "mapping":
        for key, value in node.value:
            if key.id != "scalar":
                raise _RefusedError(
                    Problem(path, "a key must be a word, not a list or a mapping", key.start_mark.line + 1)
                )
            if key.tag == "tag:yaml.org,2002:merge" or key.value == "<<":
                message = (
                    "YAML merges (<<) are not allowed: `dvc exp run -S` would silently ignore the values behind them; "
                    "`saccade add --copy RUN NEW` makes a variant of a run"
                )
                raise _RefusedError(Problem(path, message, key.start_mark.line + 1))
            yield from _walk_lines(value, (*path, key.value), (*above, node))
            yield (*path, key.value), key.start_mark.line + 1
    elif node.id == "sequence":
        for index, value in enumerate(node.value):
            yield from _walk_lines(value, (*path, str(index)), (*above, node))


def line_of(path: KeyPath, lines: Mapping[KeyPath, int]) -> int | None:
    """The line of the path, or of its nearest parent that is in the file."""
    for length in range(len(path), 0, -1):
        if (parent := tuple(map(str, path[:length]))) in lines:
            return lines[parent]
    return None
