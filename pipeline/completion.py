"""Names that a shell completes: of params.yaml, of recipes and of models; Typer leaves out what begins otherwise.

A shell asks at each press of a key, so neither pydantic nor torch is imported, and a params.yaml that is being edited
and cannot be read completes nothing: an error would be printed into the line that somebody types.
"""

from pathlib import Path


def complete_dataset() -> list[str]:
    """Keys of ``datasets:``."""
    return _keys("datasets")


def complete_run() -> list[str]:
    """Keys of ``runs:``."""
    return _keys("runs")


def complete_recipe() -> list[str]:
    """Recipes, sorted."""
    root = _root()
    return sorted(path.stem for path in (root / "recipes").glob("*.yaml")) if root else []


def complete_model() -> list[str]:
    """Models, sorted."""
    from saccade.core import registry

    return registry.names("models")


def _root() -> Path | None:
    """The tree that the shell stands in; the working directory is left as it is."""
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if (folder / "dvc.yaml").is_file()), None)


def _keys(section: str) -> list[str]:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    root = _root()
    if root is None:
        return []
    try:
        values = YAML(typ="safe", pure=True).load((root / "params.yaml").read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, YAMLError):
        return []  # half edited: `saccade check` says what is wrong with it
    block = values.get(section) if isinstance(values, dict) else None
    return [key for key in block if isinstance(key, str)] if isinstance(block, dict) else []
