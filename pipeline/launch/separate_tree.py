"""A tree beside the project, in which the ordinary stages run for variants of a dataset: its folds, shares of it.

It lies below .saccade/folds: a params.yaml with a dataset and a run for each variant, and links to the project's code,
raw data and reports. Reports and trainings are kept with all others; whoever makes the tree removes it at the end.
"""

import copy
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline import paths
from saccade.core.errors import UserError
from saccade.core.files import sha256_of_file, write_json

if TYPE_CHECKING:
    from pipeline.launch.processes import AfterTraining
    from pipeline.launch.repeat_table import Repeated
    from pipeline.params.load import Params

_LINKED = ("pipeline", "src", "recipes", "dvc.yaml", "pyproject.toml", "reports")
_NO_LINKS_ALLOWED = 1314  # of Windows: "a required privilege is not held by the client"
_KEPT = ("identity", "weights_sha256", "run_uid", "mlflow_run_id")


def key_of_data(params: "Params", dataset: str, variants: Any) -> str:
    """Names what is prepared: the dataset's own settings, its bytes, the code and the variants.

    Args:
        params: the whole file.
        dataset: key in ``datasets:``.
        variants: what tells the variants from those of other trees, plain JSON values.

    Returns:
        12 hexadecimal digits.
    """
    from pipeline.runs.identity import code_digests

    block, raw = params.datasets[dataset], paths.raw(dataset)
    files = sorted(path for path in raw.rglob("*") if path.is_file())
    code = [code_digests(stage, {"item.source.name": block.source.name}) for stage in ("preprocess", "augment")]
    digests = {path.relative_to(raw).as_posix(): sha256_of_file(path) for path in files}
    whole = [block.model_dump(mode="json"), params.seed, variants, digests, code]
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()[:12]


def make_tree(tree: Path, name: str, dataset: str, variants: Mapping[str, Mapping[str, Any]]) -> None:
    """A params.yaml with an entry a variant, and links; what an interrupted call has prepared there stays.

    Args:
        tree: its folder.
        name: key in ``runs:``.
        dataset: key in ``datasets:``.
        variants: what is added to the names of dataset and run after a hyphen, to keys of ``split:`` that differ. Where
            folds are among these, ``test`` is left out.

    Raises:
        UserError: this system has no links.
    """
    from pipeline.params.yaml_lines import read_yaml

    raw, _ = read_yaml(paths.PARAMS)
    run, block = raw["runs"][name], raw["datasets"][dataset]
    pretrained = run["model"].get("pretrained")
    if pretrained not in (None, "imagenet"):
        run["model"]["pretrained"] = str(Path(pretrained).expanduser().absolute())
    if isinstance(holidays := (block.get("preprocess") or {}).get("holidays"), str):  # a file
        block["preprocess"]["holidays"] = str(Path(holidays).absolute())
    datasets, runs = {}, {}
    for suffix, different in variants.items():
        split = {
            key: value for key, value in (block["split"] or {}).items() if key != "test" or "folds" not in different
        }
        datasets[f"{dataset}-{suffix}"] = {**block, "split": {**split, **different}}
        runs[f"{name}-{suffix}"] = {**run, "dataset": f"{dataset}-{suffix}"}
        link = tree / paths.raw(f"{dataset}-{suffix}")
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
        raise UserError(
            "--folds and --fractions need symbolic links: turn on Developer Mode in the settings of Windows"
        ) from error


def measure_in_tree(params: "Params", name: str, key: float, after_training: "AfterTraining") -> "Repeated":
    """Run the stages of one variant, as far as they have not been run, in the tree.

    Args:
        params: params.yaml of the tree, which is the current folder.
        name: key in its ``runs:``.
        key: number of the fold, or share of the training split.
        after_training: callback that is called at the end of the training.

    Returns:
        What was measured.
    """
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
    trained = read_report(name, "run.json")
    return Repeated(key, numbers_of(read_report(name, "metrics.json")), {kept: trained[kept] for kept in _KEPT})


def read_report(run: str, file: str) -> Mapping[str, Any]:
    """A JSON file of a run's reports.

    Args:
        run: key in ``runs:``.
        file: name of the file, such as run.json.

    Returns:
        What it holds.
    """
    return json.loads((paths.report(run) / file).read_text(encoding="utf-8"))
