"""params.yaml as commands read it: whole and checked, with warnings; and what they say around a training."""

from pathlib import Path
from typing import Any


def load() -> Any:
    """Enter the tree and read params.yaml, whole and checked."""
    from pipeline import paths
    from pipeline.params.load import load_params

    paths.enter_tree()
    return load_params(paths.PARAMS)


def entry(section: str, entries: dict[str, Any], name: str) -> Any:
    from pipeline.params.problems import nearest
    from saccade.core.errors import UserError

    if name not in entries:
        raise UserError(f"{section} of params.yaml has no {name!r}; {nearest(name, list(entries))}")
    return entries[name]


def asked_network(run: str, here: Path) -> Any:
    """The network that a command asks: a run of params.yaml, a registered model, or a folder, relative to ``here``."""
    from pipeline import paths
    from pipeline.model_registry.reference import is_run

    params = None
    if is_run(run):
        params = load()
        entry("runs", params.runs, run)
    else:
        paths.enter_tree()
    from pipeline.commands.asked_network import network_of_reference, network_of_run  # torch, once the file is right

    return network_of_reference(run, here) if params is None else network_of_run(params, run)


def load_and_try_transforms() -> Any:
    """Enter the tree, read params.yaml and try its transforms; their values are known to albumentations alone.

    It takes seconds. Warnings say which of one's own files have changed since they were fetched, which transforms do
    not suit the classes, which settings have no effect, and which keys have another name now.
    """
    from pipeline import paths
    from pipeline.commands.check_transforms import glyph_warnings, transform_value_problems
    from pipeline.console import warn
    from pipeline.params.credentials import secret_problems
    from pipeline.params.load import old_names, raise_problems
    from pipeline.params.prepared_datasets import two_class_problems
    from pipeline.stages.local_sources import changes

    params = load()
    raise_problems(paths.PARAMS, list(secret_problems(paths.PARAMS.read_text(encoding="utf-8"))))
    raise_problems(paths.PARAMS, [*transform_value_problems(params), *two_class_problems(params)])
    for line in glyph_warnings(params):
        warn(f"warning: {line}")
    for problem in old_names(paths.PARAMS):
        warn(f"warning: {problem}")
    warn_of_unused_settings(params)
    for line in changes({name: dataset.source.arguments for name, dataset in params.datasets.items()}):
        warn(line)
    return params


def warn_of_unused_settings(params: Any, *place: str) -> None:
    """Say which settings below a path of params.yaml change nothing; of several processes the first one does."""
    from pipeline.console import warn
    from pipeline.params.unused_settings import unused_settings
    from saccade.core.ranks import current_rank, is_launched_child

    if current_rank().rank == 0 and not is_launched_child():
        for problem in unused_settings(params, *place):
            warn(f"warning: {problem}")


def tell_missing_commit() -> None:
    """Say why a run will name no commit; of several processes the first one does, and under DVC `repro` has done."""
    import os

    from pipeline.without_git import tell_missing_commit
    from saccade.core.ranks import current_rank, is_launched_child

    if current_rank().rank == 0 and not is_launched_child() and not os.environ.get("DVC_STAGE"):
        tell_missing_commit(is_brief=True)


def print_verdict(run: str, name: str, folder: Path) -> None:
    """Print the doctor's verdict at the end of a training, in a line."""
    from pipeline.commands.doctor import print_verdict

    print_verdict(run, name, folder)


def say_after_training(params: Any, run: str) -> None:
    """Say where the run does worse than a simple model; of several processes the one that published it does."""
    from pipeline.commands.standing import say_after_training
    from saccade.core.ranks import current_rank, is_launched_child

    if current_rank().rank == 0 and not is_launched_child():
        say_after_training(params, run)
