"""Names by file, and signatures read from the text against what Python says after importing it."""

import inspect
import types
import typing
from collections.abc import Iterator
from pathlib import Path

import pytest

import saccade
from saccade.core import registry
from saccade.core.registry import Argument, Folder
from saccade.nn import arguments

FOLDERS: tuple[Folder, ...] = typing.get_args(Folder)
REGISTERED = [(folder, name) for folder in FOLDERS for name in registry.names(folder)]
every_file = pytest.mark.parametrize(("folder", "name"), REGISTERED)


def public_functions(module: types.ModuleType) -> dict[str, types.FunctionType]:
    return {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, types.FunctionType) and value.__module__ == module.__name__
    }


def test_names_are_those_of_the_files() -> None:
    root = Path(saccade.__file__).parent
    assert set(FOLDERS) == {"datasets", "models", "tasks", "kinds"}
    assert {"image", "series", "tokens"} <= set(registry.names("kinds"))
    for folder in ("datasets", "models", "tasks"):
        files = {path.name for path in (root / folder).iterdir() if path.suffix == ".py" and path.name[0] != "_"}
        assert registry.names(folder) == sorted(name[:-3] for name in files)
        assert registry.names(folder)


def test_a_new_file_is_a_new_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "models").mkdir()
    for name in ("zebra.py", "ant.py", "_helper.py", "__init__.py", "notes.txt"):
        (tmp_path / "models" / name).write_text("")
    monkeypatch.setattr(registry, "_SACCADE", tmp_path)
    assert registry.names("models") == ["ant", "zebra"]


@every_file
def test_a_name_is_its_file_and_its_module(folder: Folder, name: str) -> None:
    module = registry.module(folder, name)
    assert module.__name__ == f"saccade.{folder}.{name}"
    assert module.__file__ is not None
    assert Path(module.__file__).samefile(registry.source_file(folder, name))


@every_file
def test_signatures_read_from_the_text_are_those_that_python_sees(folder: Folder, name: str) -> None:
    module = registry.module(folder, name)
    functions = public_functions(module)
    needed: dict[str, set[str]] = {
        "models": {"build"},
        "datasets": {"fetch", "read"},
        "tasks": {"evaluate"},
        "kinds": set(),
    }
    assert needed.get(folder, set()) <= set(functions)
    for function_name, function in functions.items():
        read = registry.keyword_arguments(folder, name, function_name)
        parameters = inspect.signature(function).parameters.values()
        expected = {p.name: p for p in parameters if p.kind == p.KEYWORD_ONLY}
        shared = registry.shared_arguments(function)
        assert list(read) == [*expected, *shared]
        for key, annotation in shared.items():
            assert eval(read.pop(key).annotation, vars(typing) | vars(module)) == annotation
        for key, argument in read.items():
            assert eval(argument.annotation, vars(module)) == expected[key].annotation
            assert argument.required == (expected[key].default is inspect.Parameter.empty)
            if not argument.required and not callable(expected[key].default):
                assert argument.default == expected[key].default
                assert type(argument.default) is type(expected[key].default)


@every_file
def test_constants_read_from_the_text_are_those_of_the_module(folder: Folder, name: str) -> None:
    wanted = {
        "models": ["ACCEPTS"],
        "datasets": ["KIND"],
        "tasks": ["KINDS", "LABELS", "LOSSES", "SCORE"],
        "kinds": ["LAYOUT", "PLURAL"],
    }[folder]
    for constant in wanted:
        assert registry.constant(folder, name, constant) == getattr(registry.module(folder, name), constant)


@every_file
def test_the_summary_is_one_line_from_the_docstring(folder: Folder, name: str) -> None:
    summary = registry.summary(folder, name)
    docstring = " ".join((registry.module(folder, name).__doc__ or "").split())
    assert summary and docstring.startswith(summary) and "\n" not in summary and summary[-1] not in ".:"


def test_aliases_read_from_the_text_are_those_of_the_module() -> None:
    read = registry.literal_aliases()
    expected = {name: value for name, value in vars(arguments).items() if typing.get_origin(value) is typing.Literal}
    assert {name: typing.get_args(value) for name, value in read.items()} == {
        name: typing.get_args(value) for name, value in expected.items()
    }
    assert typing.get_args(read["ActivationName"]) == ("relu", "tanh", "sigmoid")


@pytest.fixture
def zebra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A model file of our own; the registry remembers the files it has read, so it is made to forget."""
    (tmp_path / "models").mkdir()
    monkeypatch.setattr(registry, "_SACCADE", tmp_path)
    registry._tree.cache_clear()
    yield tmp_path / "models" / "zebra.py"
    registry._tree.cache_clear()


def test_defaults_of_every_form_are_read(zebra: Path) -> None:
    zebra.write_text(
        '"""A striped\nmodel. It runs: fast.\n\nAnd more."""\n'
        "ACCEPTS: tuple[str, ...] = ('image',)\n"
        "def build(spec, other=3, *, a: int, b: float = -1.5, c: 'tuple' = (1, 2), d=None, e: object = print):\n"
        "    raise RuntimeError('never called')\n"
    )
    assert registry.keyword_arguments("models", "zebra", "build") == {
        "a": Argument("int", required=True),
        "b": Argument("float", required=False, default=-1.5),
        "c": Argument("'tuple'", required=False, default=(1, 2)),
        "d": Argument("object", required=False, default=None),
        "e": Argument("object", required=False, default=None),
    }
    assert registry.constant("models", "zebra", "ACCEPTS") == ("image",)
    assert registry.summary("models", "zebra") == "A striped model"


def test_what_a_file_does_not_hold_is_named() -> None:
    with pytest.raises(LookupError, match=r"lenet5\.py holds no constant REFUSES"):
        registry.constant("models", "lenet5", "REFUSES")
    with pytest.raises(LookupError, match=r"lenet5\.py holds no function fetch"):
        registry.keyword_arguments("models", "lenet5", "fetch")
    with pytest.raises(ModuleNotFoundError, match=r"saccade\.models\.zebra"):
        registry.module("models", "zebra")


def test_a_function_is_called_with_what_it_takes() -> None:
    def function(first: int, second: int = 2, *, third: int = 3) -> tuple[int, int, int]:
        return first, second, third

    assert registry.call_with_supported(function, 1, third=5, fourth=7) == (1, 2, 5)
    assert registry.call_with_supported(function, 1, second=4) == (1, 4, 3)


def test_a_source_that_is_published_says_under_which_licence() -> None:
    own = {
        "plain_text",
        *(name for name in registry.names("datasets") if name.startswith(("image_", "text_", "series_", "print_"))),
    }
    for name in registry.names("datasets"):
        assert bool(registry.licence_of_source(name)) == (name not in own), name
    assert registry.licence_of_source("digits") == "CC BY 4.0" and registry.licence_of_source("unheard_of") == ""
