"""``saccade repeat RUN --folds K``: a run trained K times, each K-th of its examples once the test split.

With ``split.order: time`` the folds are those of a rolling origin: each learns from what lies before its test alone.

The ordinary stages run, in a tree of their own below .saccade/folds: a params.yaml with a dataset and a run for each
fold (``split: {folds: K, fold: k}``), and links to the project's code, raw data and reports. So means, deviations and
vocabularies are those of each fold's own training split. Reports and trainings are kept with all others; the tree is
removed at the end.
"""

import contextlib
import copy
import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline import paths
from pipeline.console import say
from saccade.core.errors import UserError
from saccade.core.files import sha256_of_file, write_json

if TYPE_CHECKING:
    from pipeline.launch.processes import AfterTraining
    from pipeline.launch.repeat_table import Repeated
    from pipeline.params.load import Params

_LINKED = ("pipeline", "src", "recipes", "dvc.yaml", "pyproject.toml", "reports")
_NO_LINKS_ALLOWED = 1314  # of Windows: "a required privilege is not held by the client"
_KEPT = ("identity", "weights_sha256", "run_uid", "mlflow_run_id")


def repeat_folds(params: "Params", name: str, folds: int, *, after_training: "AfterTraining") -> None:
    """Train and evaluate a run on each fold of its dataset; a table, and reports/<run>/folds.json and .csv.

    Args:
        params: the whole file.
        name: key in ``runs:``.
        folds: number of folds, from 2.
        after_training: callback that is called at the end of each training.

    Raises:
        UserError: folds would be wrong for these data, data are missing, or a training fails.
    """
    dataset = params.runs[name].dataset
    _refuse_where_folds_are_wrong(params, name)
    _refuse_names_that_are_taken(params, name, folds)
    if not paths.raw(dataset).is_dir():
        raise UserError(f"{paths.raw(dataset)} does not exist. Make it with `saccade fetch {dataset}`.")
    from filelock import FileLock

    from pipeline.launch.doubtful_labels import report_doubtful_labels
    from pipeline.launch.repeat_table import show_and_keep
    from pipeline.params.load import load_params
    from pipeline.runs.run_store import wait_for_lock

    tree = paths.folds(f"{dataset}-{folds}-{_key(params, dataset, folds)}")
    tree.parent.mkdir(parents=True, exist_ok=True)
    with wait_for_lock(FileLock(f"{tree}.lock"), f"{dataset}: another process works on its folds; waiting for it"):
        _make_tree(tree, name, dataset, folds)
        repeated = []
        with contextlib.chdir(tree):
            of_folds = load_params(paths.PARAMS)
            for fold in range(1, folds + 1):
                say(f"fold {fold} of {folds}")
                repeated.append(_measured(of_folds, _numbered(name, fold), fold, after_training))
        show_and_keep(name, "fold", repeated, paths.report(name) / "folds", None)
        numbered = [(_numbered(name, fold), _numbered(dataset, fold)) for fold in range(1, folds + 1)]
        report_doubtful_labels(params, name, tree, numbered)
        shutil.rmtree(tree)  # an output that can be made again; the trainings are kept


def _refuse_where_folds_are_wrong(params: "Params", name: str) -> None:
    from saccade.core import registry

    run, split = params.runs[name], params.datasets[params.runs[name].dataset].split
    instead = f"`saccade repeat {name} --seeds 5` says how much a training varies"
    if registry.constant("tasks", run.task.name, "LABELS") == "next tokens":
        raise UserError(
            f"--folds must be left out: {run.dataset} is cut in its own order, and all but one fold would learn from "
            f"what comes after their test. {instead}"
        )
    if split.test == "given":
        raise UserError(
            f"--folds must be left out with split.test (given) of {run.dataset}: the published test split would be "
            "learnt from. Set split.test to a share such as 0.15 if nobody compares these results with published ones"
        )
    if run.train.init_from is not None:
        raise UserError(
            f"--folds must be left out with train.init_from ({run.train.init_from}), which may have learnt from what a "
            "fold holds for its test. Take a run without it"
        )


def _refuse_names_that_are_taken(params: "Params", name: str, folds: int) -> None:
    """Reports of a fold would take the place of another run's or dataset's."""
    for section, taken, one in (("runs", params.runs, name), ("datasets", params.datasets, params.runs[name].dataset)):
        for fold in range(1, folds + 1):
            if (found := _numbered(one, fold)) in taken:
                raise UserError(
                    f"{section} of params.yaml must not hold {found}, as a fold of {one} is called: rename it"
                )


def _key(params: "Params", dataset: str, folds: int) -> str:
    """Names what is prepared: the dataset's own settings, its bytes and the code."""
    from pipeline.runs.identity import code_digests

    block, raw = params.datasets[dataset], paths.raw(dataset)
    files = sorted(path for path in raw.rglob("*") if path.is_file())
    code = [code_digests(stage, {"item.source.name": block.source.name}) for stage in ("preprocess", "augment")]
    digests = {path.relative_to(raw).as_posix(): sha256_of_file(path) for path in files}
    whole = [block.model_dump(mode="json"), params.seed, folds, digests, code]
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()[:12]


def _make_tree(tree: Path, name: str, dataset: str, folds: int) -> None:
    """A params.yaml with an entry a fold, and links; what an interrupted call has prepared there stays."""
    from pipeline.params.yaml_lines import read_yaml

    raw, _ = read_yaml(paths.PARAMS)
    run, block = raw["runs"][name], raw["datasets"][dataset]
    pretrained = run["model"].get("pretrained")
    if pretrained not in (None, "imagenet"):
        run["model"]["pretrained"] = str(Path(pretrained).expanduser().absolute())
    if isinstance(holidays := (block.get("preprocess") or {}).get("holidays"), str):  # a file
        block["preprocess"]["holidays"] = str(Path(holidays).absolute())
    datasets, runs = {}, {}
    for fold in range(1, folds + 1):
        split = {key: value for key, value in (block["split"] or {}).items() if key != "test"}
        datasets[_numbered(dataset, fold)] = {**block, "split": {**split, "folds": folds, "fold": fold}}
        runs[_numbered(name, fold)] = {**run, "dataset": _numbered(dataset, fold)}
        link = tree / paths.raw(_numbered(dataset, fold))
        link.parent.mkdir(parents=True, exist_ok=True)
        _link(link, paths.raw(dataset))
    paths.report(name).mkdir(parents=True, exist_ok=True)
    for item in _LINKED:
        if Path(item).exists():
            _link(tree / item, Path(item))
    whole = {"seed": raw["seed"], "tracking": raw["tracking"], "datasets": datasets, "runs": runs}
    write_json(tree / paths.PARAMS, copy.deepcopy(whole))  # JSON is YAML


def _link(link: Path, target: Path) -> None:
    link.unlink(missing_ok=True)
    try:
        link.symlink_to(target.resolve())
    except OSError as error:
        if getattr(error, "winerror", None) != _NO_LINKS_ALLOWED:
            raise
        raise UserError("--folds needs symbolic links: turn on Developer Mode in the settings of Windows") from error


def _numbered(name: str, fold: int) -> str:
    return f"{name}-fold{fold}"


def _measured(params: "Params", name: str, fold: int, after_training: "AfterTraining") -> "Repeated":
    """Run the stages of one fold, as far as they have not been run, in the tree of the folds."""
    from pipeline.launch.launch import start_training
    from pipeline.launch.repeat_table import Repeated
    from pipeline.stages.augment.stage import augment
    from pipeline.stages.evaluate.in_words import numbers_of
    from pipeline.stages.evaluate.stage import evaluate
    from pipeline.stages.preprocess import preprocess

    run = params.runs[name]
    block = params.datasets[run.dataset]
    if not (paths.prepared(run.dataset) / "dataset.json").exists():
        preprocess(run.dataset, source=block.source, split=block.split, block=block.preprocess, seed=params.seed)
    if not (paths.augmented(run.dataset) / "augment.json").exists():
        augment(run.dataset, block=block.augment, seed=params.seed)
    start_training(params, name, fresh=False, after_training=after_training)
    evaluate(name, dataset=run.dataset, block=run.evaluate)
    trained = _read(paths.report(name) / "run.json")
    measured = numbers_of(_read(paths.report(name) / "metrics.json"))
    return Repeated(fold, measured, {key: trained[key] for key in _KEPT})


def _read(path: Path) -> Mapping[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))
