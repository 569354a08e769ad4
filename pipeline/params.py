"""params.yaml: read, checked whole, in the first second of every command."""

import difflib
import functools
import math
import re
import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, Field, Tag, TypeAdapter, ValidationError

from pipeline.schema.augment import AugmentBlock
from pipeline.schema.base import Block
from pipeline.schema.evaluate import EvaluateBlock
from pipeline.schema.named import Named
from pipeline.schema.preprocess import PreprocessBlock
from pipeline.schema.split import SplitBlock
from pipeline.schema.tracking import TrackingBlock
from pipeline.schema.train import TrainBlock
from pipeline.schema.transforms import transform_problems
from saccade import registry
from saccade.policies import POLICIES

Path_ = tuple[str | int, ...]
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


class DatasetBlock(Block):
    """``datasets.<name>``."""

    source: Named
    split: SplitBlock
    preprocess: PreprocessBlock
    augment: AugmentBlock


class RunBlock(Block):
    """``runs.<name>``."""

    dataset: str = Field(description="key in datasets:")
    task: Named
    model: Named
    train: TrainBlock
    evaluate: EvaluateBlock


class Params(Block):
    """The whole file."""

    seed: int = Field(ge=0, description="default of split.seed, augment.seed and train.seed")
    tracking: TrackingBlock
    datasets: dict[str, DatasetBlock]
    runs: dict[str, RunBlock]


@dataclass(frozen=True)
class Problem:
    """One thing wrong with the file: where, and in a line what and what to do."""

    path: Path_
    message: str
    line: int | None = None

    def __str__(self) -> str:
        where = ".".join(map(str, self.path))
        return (f"line {self.line}: " if self.line else "") + (f"{where}: " if where else "") + self.message


class ParamsError(Exception):
    """The file cannot be used. Commands print it and end with exit code 2."""

    def __init__(self, path: Path, problems: list[Problem]) -> None:
        self.problems = sorted(problems, key=lambda problem: problem.line or 0)
        count = f"{len(problems)} problems" if len(problems) > 1 else "a problem"
        super().__init__("\n".join([f"{path} has {count}:", *(f"  {problem}" for problem in self.problems)]))


def load(path: Path) -> Params:
    """Read and check the file.

    Args:
        path: params.yaml.

    Returns:
        The whole file, checked, defaults filled in.

    Raises:
        ParamsError: everything that is wrong with it, at once.
    """
    raw, lines = _read_yaml(path)
    problems: list[Problem] = []
    params = None
    try:
        params = Params.model_validate(raw)
    except ValidationError as error:
        problems += [_explain(details, raw) for details in error.errors() if "[key]" not in details["loc"]]
    problems += _cross_check(raw)
    if problems or params is None:
        messages: dict[Path_, list[str]] = {}
        for problem in problems:  # a value that fits no branch of a union has a message for each
            messages.setdefault(problem.path, []).append(problem.message)
        raise ParamsError(
            path, [Problem(at, "; or ".join(dict.fromkeys(m)), _line_of(at, lines)) for at, m in messages.items()]
        )
    return params


def raise_problems(path: Path, problems: Sequence[Problem]) -> None:
    """Tell what was found wrong with a file after it was loaded, each with its line.

    Args:
        path: params.yaml.
        problems: nothing happens where there are none.

    Raises:
        ParamsError: there are some.
    """
    if problems:
        lines = _read_yaml(path)[1]
        raise ParamsError(path, [Problem(one.path, one.message, _line_of(one.path, lines)) for one in problems])


# --- YAML ---------------------------------------------------------------------------------------------------------


def _read_yaml(path: Path) -> tuple[dict[str, Any], dict[Path_, int]]:
    """The file's values, and the line of each key path."""
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


def _walk_lines(node: Any, path: tuple[str, ...], above: tuple[Any, ...] = ()) -> Iterator[tuple[Path_, int]]:
    """The line of each key path, all parts of the path as text."""
    if node is None:
        return
    line = node.start_mark.line + 1
    if any(node is outer for outer in above):
        raise _RefusedError(Problem(path, f"the alias *{node.anchor} stands inside what it names", line))
    yield path, line
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


def _line_of(path: Path_, lines: Mapping[Path_, int]) -> int | None:
    """The line of the path, or of its nearest parent that is in the file."""
    for length in range(len(path), 0, -1):
        if (parent := tuple(map(str, path[:length]))) in lines:
            return lines[parent]
    return None


# --- what pydantic found, in our words ------------------------------------------------------------------------------


def _explain(details: Any, raw: Any) -> Problem:
    path, fields, description = _resolve(details["loc"], raw)
    kind, context, value = details["type"], details.get("ctx", {}), details.get("input")
    message = details["msg"][0].lower() + details["msg"][1:]
    if kind == "extra_forbidden":
        return Problem(path, f"unknown key; {nearest(str(path[-1]), fields)}")
    if kind == "missing":
        return Problem(path, "missing; it is required")
    if kind == "union_tag_not_found":
        return Problem((*path, "name"), "missing; it is required")
    if kind == "union_tag_invalid":
        known = [tag.strip("' ") for tag in context["expected_tags"].split(",")]
        return Problem((*path, "name"), f"{context['tag']!r} is not known; {nearest(context['tag'], known)}")
    if kind == "value_error":
        return Problem(path, str(context["error"]))
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        return Problem(path, f"{'nothing' if value is None else _short(value)}: must be keys with values")
    if kind == "string_pattern_mismatch":
        return Problem(path, f"{_short(value)}: must be {description}")
    if kind in ("too_short", "too_long"):
        message = (
            f"must hold {context.get('min_length', context.get('max_length'))} values, not {context['actual_length']}"
        )
    return Problem(path, f"{_short(value)}: {message.replace('input should', 'must').replace('input must', 'must')}")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def nearest(name: object, known: list[str]) -> str:
    """What to say after an unknown name: the nearest known one, or all of them."""
    close = difflib.get_close_matches(str(name), known, n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else f"known: {', '.join(sorted(known))}"


def _resolve(location: tuple[str | int, ...], raw: Any) -> tuple[Path_, list[str], str | None]:
    """The path in the file of pydantic's location (which has tags of unions), the keys known there, a description."""
    path: list[str | int] = []
    known: list[str] = []
    description: str | None = None
    annotation: Any = Params
    value = raw
    for part in location:
        model, tags = _models_of(annotation)
        if part in tags and not (isinstance(value, Mapping) and part in value):
            annotation = tags[str(part)]
            continue
        if model is not None:
            known = list(model.model_fields)
            field = model.model_fields.get(str(part))
            annotation, description = (field.annotation, field.description) if field else (None, None)
        elif get_origin(annotation) in (dict, list):
            annotation = get_args(annotation)[-1]
        elif not (isinstance(value, Mapping | list)):
            break  # a branch of a union of plain types, such as literal['given']
        path.append(part)
        value = value.get(part) if isinstance(value, Mapping) else value[int(part)] if isinstance(value, list) else None
    return tuple(path), known, description


def _models_of(annotation: Any) -> tuple[type[BaseModel] | None, dict[str, Any]]:
    """The model of an annotation, or the models of a union by their names, or its other members by their tags."""
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, {}
    if get_origin(annotation) in (Union, types.UnionType):
        models = [m for m in get_args(annotation) if isinstance(m, type) and issubclass(m, BaseModel)]
        tagged = [get_args(m) for m in get_args(annotation) if get_origin(m) is Annotated]
        tags = {one.tag: member for member, *rest in tagged for one in rest if isinstance(one, Tag)}
        return None, {tag: m for m in models for tag in get_args(m.model_fields["name"].annotation)} | tags
    return None, {}


# --- what one block says of another -----------------------------------------------------------------------------------


def _cross_check(raw: Mapping[str, Any]) -> Iterator[Problem]:
    datasets, runs = _mapping(raw, "datasets"), _mapping(raw, "runs")
    for section, entries in (("datasets", datasets), ("runs", runs)):
        for key in entries:
            if wrong := name_problem(section, key):
                yield Problem((section, key), wrong)
    yield from _unwritable(raw, ())
    for name, dataset in datasets.items():
        source = _mapping(dataset, "source")
        yield from named_problems(("datasets", name, "source"), source, "datasets", ["fetch", "read"])
        yield from _form_problems(name, dataset, source)
        yield from _augment_problems(("datasets", name, "augment"), dataset)
    for name, run in runs.items():
        yield from _run_problems(name, run, datasets, runs)


def _augment_problems(path: Path_, dataset: Any) -> Iterator[Problem]:
    """Policies and transforms that do not exist, or not for these images; views that would show nothing new."""
    block, channels = _mapping(dataset, "augment"), _mapping(dataset, "preprocess").get("channels")
    transforms, views = block.get("transforms"), block.get("views")
    if isinstance(transforms, str):
        policy = POLICIES.get(transforms)
        if policy is None:
            yield Problem(
                (*path, "transforms"), f"no policy is called {transforms!r}; {nearest(transforms, list(POLICIES))}"
            )
        elif policy.only_colour and channels == 1:
            yield Problem(
                (*path, "transforms"),
                f"{transforms} takes images of 3 channels, but preprocess gives 1: {policy.only_colour}",
            )
    found = transform_problems(
        transforms if isinstance(transforms, list) else [], nearest, channels if isinstance(channels, int) else None
    )
    yield from (Problem((*path, "transforms", *at), message) for at, message in found)
    if views and (not transforms or transforms == "none"):
        yield Problem((*path, "views"), "views without transforms would be plain copies; add some")
    elif views == 1 and block.get("include_original") is True:
        yield Problem((*path, "views"), "the only view would be the original; with include_original, two views or more")


def _form_problems(name: str, dataset: Any, source: Mapping[str, Any]) -> Iterator[Problem]:
    """Images must be brought to one size and number of channels; series have neither, and no transforms."""
    if source.get("name") not in registry.names("datasets"):
        return  # has been said
    path, block = ("datasets", name), _mapping(dataset, "preprocess")
    is_image = registry.constant("datasets", source["name"], "KIND") == "image"
    for key, example in (("size", "[32, 32]"), ("channels", "1")):
        if is_image and isinstance(_mapping(dataset, "preprocess"), dict) and block.get(key) is None:
            yield Problem((*path, "preprocess", key), f"missing; images need it, such as {key}: {example}")
    if not is_image:
        of_images = {"preprocess": PreprocessBlock.model_fields, "split": ("group_near_duplicates", "allow_leakage")}
        for section, keys in of_images.items():
            for key in keys:
                if key in _mapping(dataset, section):
                    yield Problem((*path, section, key), f"{source['name']} gives no images: leave {key} out")
    if not is_image and _mapping(dataset, "augment").get("transforms") not in (None, [], "none"):
        yield Problem(
            (*path, "augment", "transforms"), f"{source['name']} gives no images: write augment: {{views: 0}}"
        )


def name_problem(section: str, name: object) -> str | None:
    """What is wrong with the name of a dataset or a run, or None."""
    if not isinstance(name, str):
        return f"the name {name!r} must be text: put it in quotes"
    if not _KEY.fullmatch(name):
        return f"the name {name!r} must be letters, digits, - and _, without dots or spaces"
    if (section, name) == ("runs", "datasets"):
        return "a run cannot be called datasets: reports/datasets holds those of the datasets"
    return None


def _unwritable(value: Any, path: Path_) -> Iterator[Problem]:
    """What YAML can hold and JSON cannot: it could not be recorded."""
    if isinstance(value, Mapping | list):
        for key, inner in value.items() if isinstance(value, Mapping) else enumerate(value):
            yield from _unwritable(inner, (*path, key))
    elif isinstance(value, float) and not math.isfinite(value):
        yield Problem(path, f"{value}: must be a finite number")
    elif not isinstance(value, str | int | float | None):
        yield Problem(path, f"{value}: must be a number, text, true, false or null; quotes make it text")


def _origin_problems(path: Path_, run: Any, runs: Mapping[str, Any]) -> Iterator[Problem]:
    """Where the first weights come from."""
    at, origin = (*path, "train", "init_from"), _mapping(run, "train").get("init_from")
    if not isinstance(origin, str):
        return
    if origin == path[-1]:
        yield Problem(at, "a run cannot start from itself: `saccade add --copy RUN NEW` makes another one")
    elif origin not in runs:
        yield Problem(at, f"no run is called {origin!r}; {nearest(origin, list(runs))}")
    if "pretrained" in _mapping(run, "model"):
        yield Problem(at, "the first weights come from one place: leave out init_from, or model.pretrained")


def _run_problems(name: str, run: Any, datasets: Mapping[str, Any], runs: Mapping[str, Any]) -> Iterator[Problem]:
    path = ("runs", name)
    task, model = _mapping(run, "task"), _mapping(run, "model")
    dataset = run.get("dataset") if isinstance(run, Mapping) else None
    yield from named_problems((*path, "task"), task, "tasks", [])
    yield from named_problems((*path, "model"), model, "models", ["build"])
    yield from _origin_problems(path, run, runs)
    if isinstance(dataset, str) and dataset not in datasets:
        yield Problem((*path, "dataset"), f"no dataset is called {dataset!r}; {nearest(dataset, list(datasets))}")
        return
    source = _mapping(_mapping(datasets, str(dataset)), "source").get("name")
    if source in registry.names("datasets"):
        kind = registry.constant("datasets", source, "KIND")
        for section, block, constant in (("models", model, "ACCEPTS"), ("tasks", task, "KINDS")):
            if block.get("name") in registry.names(section):  # type: ignore[arg-type]
                accepted = registry.constant(section, block["name"], constant)  # type: ignore[arg-type]
                if kind not in accepted:
                    yield Problem(
                        (*path, section[:-1]), f"{block['name']} takes {' or '.join(accepted)}, but {dataset} is {kind}"
                    )
    loss = _mapping(run, "train").get("loss", "auto")
    if task.get("name") in registry.names("tasks"):
        if source in registry.names("datasets"):
            asked = registry.constant("tasks", task["name"], "LABELS")
            given = _constant_or("classes", "datasets", str(source), "LABELS")
            if asked != given:
                yield Problem(
                    (*path, "task"), f"{task['name']} predicts {asked}, but the labels of {dataset} are {given}"
                )
        losses = registry.constant("tasks", task["name"], "LOSSES")
        if isinstance(loss, str) and loss not in ("auto", *losses):
            yield Problem((*path, "train", "loss"), f"{task['name']} knows {' and '.join(losses)}, not {loss!r}")
        if registry.constant("tasks", task["name"], "LABELS") != "classes":
            for key, without in (("class_weights", "none"), ("sampler", "shuffle")):
                if _mapping(run, "train").get(key, without) != without:
                    yield Problem((*path, "train", key), f"{task['name']} predicts no classes: leave {key} out")
        if source in registry.names("datasets"):
            yield from _mixing_problems(path, run, task["name"], dataset, _mapping(datasets, str(dataset)), kind)


def _mixing_problems(
    path: Path_, run: Any, task: Any, dataset: Any, described: Mapping[str, Any], kind: str
) -> Iterator[Problem]:
    """What mixes examples, or views of one, needs classes and examples that can be mixed."""
    takes = {("train", "mixup"): ("image", "series"), ("train", "cutmix"): ("image",), ("evaluate", "tta"): ("image",)}
    for (block, key), kinds in takes.items():
        if _mapping(run, block).get(key) is None:
            continue
        if registry.constant("tasks", task, "LABELS") != "classes":
            yield Problem((*path, block, key), f"{task} predicts no classes: leave {key} out")
        elif kind not in kinds:
            message = f"{key} takes {' or '.join(kinds)}, but {dataset} is {kind}: leave {key} out"
            yield Problem((*path, block, key), message)
        elif key == "tta" and not _mapping(described, "augment").get("transforms"):
            message = f"views are made by the transforms of {dataset}, which has none: leave tta out, or add some"
            yield Problem((*path, block, key), message)


def named_problems(path: Path_, block: Mapping[str, Any], folder: Any, functions: list[str]) -> Iterator[Problem]:
    """What is wrong with the name and the arguments of a source, a task or a model.

    Args:
        path: of the block in the file.
        block: name and arguments.
        folder: datasets, models or tasks.
        functions: of the named file, whose keyword arguments the block may hold.

    Yields:
        A problem for each thing that is wrong.
    """
    name = block.get("name")
    known = registry.names(folder)
    if not isinstance(name, str):
        return  # pydantic has said so
    if name not in known:
        yield Problem((*path, "name"), f"{name!r} is not known; {nearest(name, known)}")
        return
    arguments: dict[str, registry.Argument] = {}
    for function in functions:
        found = registry.keyword_arguments(folder, name, function)
        arguments.update(
            {key: argument for key, argument in found.items() if _type_of(argument.annotation) is not None}
        )
    if folder == "models" and _constant_or(None, "models", name, "PRETRAINED"):
        arguments["pretrained"] = registry.Argument("str", required=False)
    for key, value in block.items():
        if key == "name":
            continue
        if key not in arguments:
            takes = f"{name} takes no {key!r}; " + (
                nearest(key, list(arguments)) if arguments else "it takes no arguments"
            )
            yield Problem((*path, key), takes)
            continue
        try:
            TypeAdapter(_type_of(arguments[key].annotation), config={"strict": True}).validate_python(value)
        except ValidationError as error:
            message = error.errors()[0]["msg"].replace("Input should", "must")
            yield Problem((*path, key), f"{_short(value)}: {message}")
    for key, argument in arguments.items():
        if argument.required and key not in block:
            yield Problem((*path, key), f"missing; {name} requires it")


def _constant_or(default: Any, folder: registry.Folder, name: str, constant: str) -> Any:
    """A constant that a file may leave out."""
    try:
        return registry.constant(folder, name, constant)
    except LookupError:
        return default


@functools.cache
def _type_of(annotation: str) -> Any:
    """The type that an annotation in a registered file stands for; None for what YAML cannot hold, such as Path."""
    known = {
        "int": int,
        "float": Annotated[float, Field(allow_inf_nan=False)],
        "bool": bool,
        "str": str,
        "list": list,
        "dict": dict,
        "Literal": Literal,
        "Share": Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)],
        "Count": Annotated[int, Field(ge=1)],
        "Size": Annotated[int, Field(ge=0)],
        **registry.literal_aliases(),
    }
    try:
        return eval(annotation, {"__builtins__": {}}, known)  # the source text of our own files
    except NameError:
        return None


def _mapping(block: Any, key: str) -> Mapping[Any, Any]:
    """``block[key]`` when both are mappings, else an empty one: pydantic has reported what is not."""
    value = block.get(key) if isinstance(block, Mapping) else None
    return value if isinstance(value, Mapping) else {}
