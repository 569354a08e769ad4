"""Names by file: ``model: {name: lenet5}`` is ``models/lenet5.py``. There is no list to keep in step.

A kind of data is a folder, ``kinds/image``; a file in it is named with a slash, ``tokens/long_texts``.

Signatures and constants are read from the source text, so that checking params.yaml imports neither torch nor OpenCV.
"""

import ast
import functools
import importlib
import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, Unpack, get_args, get_origin

from saccade.core.errors import UserError

Folder = Literal["datasets", "models", "tasks", "kinds"]

_SACCADE = Path(__file__).parents[1]


@dataclass(frozen=True)
class Argument:
    """One keyword argument of a registered function: its annotation as written, and its default when it has one."""

    annotation: str
    required: bool
    default: Any = None


def names(folder: Folder) -> list[str]:
    """The registered names of a folder, sorted: its files or, of kinds, its folders; none with a leading underscore."""
    if folder == "kinds":
        return sorted(path.parent.name for path in (_SACCADE / folder).glob("[!_]*/__init__.py"))
    return sorted(path.stem for path in (_SACCADE / folder).glob("*.py") if not path.stem.startswith("_"))


def source_file(folder: Folder, name: str) -> Path:
    """The file that a name stands for."""
    path = _SACCADE / folder / name
    return path / "__init__.py" if folder == "kinds" and "/" not in name else path.with_suffix(".py")


def summary(folder: Folder, name: str) -> str:
    """The first sentence of a file's docstring."""
    text = ast.get_docstring(_tree(folder, name)) or ""
    return text.split("\n\n")[0].replace("\n", " ").split(". ")[0].split("; ")[0].rstrip(".:")


def module(folder: Folder, name: str) -> ModuleType:
    """Import the file that a name stands for."""
    return importlib.import_module(f"saccade.{folder}.{name.replace('/', '.')}")


@functools.cache
def _tree(folder: Folder, name: str) -> ast.Module:
    path = source_file(folder, name)
    try:
        return ast.parse(path.read_text(encoding="utf-8"))
    except SyntaxError as error:
        raise UserError(f"{path}, line {error.lineno}: {error.msg}; correct the file") from error


def constant(folder: Folder, name: str, constant_name: str) -> Any:
    """A module-level literal such as ``ACCEPTS = ("image",)``, read without importing the file.

    Args:
        folder: datasets, models, tasks or kinds.
        name: name of the file, without .py.
        constant_name: name of the constant.

    Returns:
        Its value.

    Raises:
        LookupError: the file holds no such constant.
    """
    for node in _tree(folder, name).body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        if any(isinstance(target, ast.Name) and target.id == constant_name for target in targets):
            assert isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None
            return ast.literal_eval(node.value)
    raise LookupError(f"{source_file(folder, name)} holds no constant {constant_name}")


def constant_or(default: object, folder: Folder, name: str, constant_name: str) -> Any:
    """A constant that a file may leave out, and what it is then."""
    try:
        return constant(folder, name, constant_name)
    except LookupError:
        return default


def licence_of_source(source: str) -> str:
    """Under which licence the data of a source are published, as ``LICENCE`` of its file says.

    Args:
        source: name of a file in ``datasets/``.

    Returns:
        The licence, or that its publisher names none; empty for sources that read files of one's own, and where there
        is no such source.
    """
    return str(constant_or("", "datasets", source, "LICENCE")) if source in names("datasets") else ""


def labels_of_source(source: str, arguments: Mapping[str, Any]) -> str:
    """Which labels a source gives.

    ``LABELS`` of its file says so: a word; or, where it depends on what the source is asked, arguments and the word for
    each, of which the first counts that is given, and ``""`` where none is: ``{"value_columns": "numbers", "":
    "classes"}``. Without it the labels are classes.

    Args:
        source: name of a file in ``datasets/``.
        arguments: arguments of the source; one that is false, empty or None is not given.

    Returns:
        A word such as "classes", which a task's ``LABELS`` must equal.
    """
    labels = constant_or("classes", "datasets", source, "LABELS")
    if isinstance(labels, str):
        return labels
    return str(next(word for argument, word in labels.items() if not argument or arguments.get(argument)))


def keyword_arguments(folder: Folder, name: str, function: str) -> dict[str, Argument]:
    """The keyword-only arguments of a function in a registered file, read without importing the file.

    Those that several files share are the keys of a ``TypedDict``, none of them required, which the last argument
    names: ``**table_format: Unpack[TableArguments]``.

    Args:
        folder: datasets, models, tasks or kinds.
        name: name of the file, without .py.
        function: name of the function, such as "build".

    Returns:
        Argument name to annotation and default, in the order of the signature.

    Raises:
        LookupError: the file holds no such function.
    """
    node, tree = _function(folder, name, function), _tree(folder, name)
    pairs = zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
    own = {argument.arg: _argument(argument, _resolved(default, tree)) for argument, default in pairs}
    return own | _unpacked(node.args.kwarg, tree)


def argument_texts(folder: Folder, name: str, function: str) -> dict[str, str]:
    """What the docstring of a function says of its arguments, read without importing the file.

    Args:
        folder: datasets, models, tasks or kinds.
        name: of the file, without .py.
        function: such as "build".

    Returns:
        Argument name to its text under ``Args``, on one line.

    Raises:
        LookupError: the file holds no such function.
    """
    docstring = ast.get_docstring(_function(folder, name, function)) or ""
    _, _, after = docstring.partition("\nArgs:\n")
    texts: dict[str, str] = {}
    for line in after.split("\n\n")[0].splitlines():
        if match := re.match(r" {4}\*{0,2}(\w+): (.*)", line):
            texts[match[1]] = match[2]
        elif texts:  # an argument goes on
            texts[list(texts)[-1]] += " " + line.strip()
    return texts


def has_function(folder: Folder, name: str, function: str) -> bool:
    """Whether a file defines a function, read without importing the file."""
    return any(isinstance(node, ast.FunctionDef) and node.name == function for node in _tree(folder, name).body)


def _function(folder: Folder, name: str, function: str) -> ast.FunctionDef:
    for node in _tree(folder, name).body:
        if isinstance(node, ast.FunctionDef) and node.name == function:
            return node
    raise LookupError(f"{source_file(folder, name)} holds no function {function}")


@functools.cache
def literal_aliases() -> dict[str, Any]:
    """The names that nn/arguments.py gives to choices, such as ``ActivationName = Literal["relu", "tanh"]``."""
    aliases = {}
    for node in ast.parse((_SACCADE / "nn" / "arguments.py").read_text(encoding="utf-8")).body:
        match node:
            case ast.Assign([ast.Name(name)], ast.Subscript(ast.Name("Literal"), choices)):
                aliases[name] = Literal.__getitem__(ast.literal_eval(choices))
    return aliases


def _resolved(default: ast.expr | None, tree: ast.Module) -> ast.expr | None:
    """What a default stands for that is a name of another of our files, such as a limit that several sources share."""
    if isinstance(default, ast.Name):
        for line in _body_of_import(default.id, tree):
            if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == default.id:
                return line.value
    return default


def _unpacked(kwarg: ast.arg | None, tree: ast.Module) -> dict[str, Argument]:
    """The keys of the TypedDict of ``**name: Unpack[...]``, which another of our files holds."""
    match kwarg and kwarg.annotation:
        case ast.Subscript(ast.Name("Unpack"), ast.Name(name)):
            for node in _body_of_import(name, tree):
                if isinstance(node, ast.ClassDef) and node.name == name:
                    keys = [line for line in node.body if isinstance(line, ast.AnnAssign)]
                    return {ast.unparse(key.target): Argument(ast.unparse(key.annotation), False) for key in keys}
    return {}


def _body_of_import(name: str, tree: ast.Module) -> list[ast.stmt]:
    """The file of ours that a name is imported from; nothing where it is none."""
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module and name in [alias.name for alias in node.names]:
            path = _SACCADE.parent.joinpath(*node.module.split(".")).with_suffix(".py")
            return ast.parse(path.read_text(encoding="utf-8")).body if path.is_file() else []
    return []


def _argument(argument: ast.arg, default: ast.expr | None) -> Argument:
    annotation = ast.unparse(argument.annotation) if argument.annotation else "object"
    if default is None:
        return Argument(annotation, required=True)
    try:
        return Argument(annotation, required=False, default=ast.literal_eval(default))
    except ValueError:  # a name, such as a progress callback: not something that params.yaml can hold
        return Argument(annotation, required=False)


def call_with_supported(function: Any, *args: Any, **kwargs: Any) -> Any:
    """Call ``function`` with those of ``kwargs`` that it takes: a source's arguments serve its fetch and its read."""
    known = set(inspect.signature(function).parameters) | set(shared_arguments(function))
    return function(*args, **{key: value for key, value in kwargs.items() if key in known})


def shared_arguments(function: Any) -> dict[str, Any]:
    """Keys, and their annotations, of the TypedDict of a function's ``**name: Unpack[...]``; none where it has none."""
    annotations = [
        parameter.annotation
        for parameter in inspect.signature(function).parameters.values()
        if parameter.kind == parameter.VAR_KEYWORD and get_origin(parameter.annotation) is Unpack
    ]
    return {key: value for one in annotations for key, value in get_args(one)[0].__annotations__.items()}
