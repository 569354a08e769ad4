"""What of a run's record can be checked without computing: data, params, code, weights, results, libraries, processor.

Each check names the first thing that differs. The record is run.json and evaluated.json, which DVC brings with the run.
"""

import hashlib
import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pipeline import paths
from pipeline.console import pluralise
from pipeline.params.load import Params
from pipeline.runs.identity import code_items, listed_code
from pipeline.runs.provenance import flatten
from pipeline.runs.versions import library_versions, processor_of
from pipeline.schema.renamed import recorded_with_new_names
from pipeline.stages.train.run import TrainingRun
from saccade.bundle.bundle import weights_sha256
from saccade.core.devices import resolve_device
from saccade.core.errors import UserError
from saccade.core.files import sha256_of_file
from saccade.data.prepared import VIEWS_FORMAT, read_dataset_info
from saccade.train.open_views import open_views
from saccade.train.setup import resolve_settings

State = Literal["same", "differs", "not checked"]

_PLACES = ("train.device", "train.threads", "train.processes")  # where it was computed: the processor is checked apart
_GIT_TIMEOUT_S = 20.0
_MAX_NAMED = 3  # changed files
_LOST = "`dvc pull` brings it back; where no remote has it, `dvc repro` makes it again"


@dataclass(frozen=True)
class Check:
    """One thing that was checked.

    Attributes:
        what: data, params, code, weights, results, libraries, processor, answers or history.
        state: what came of it.
        detail: what was looked at, or what differs first.
        remedy: what to do about it; empty where there is nothing.
        first: name of what differs first, such as a path or a key; empty where nothing does.
    """

    what: str
    state: State
    detail: str
    remedy: str = ""
    first: str = ""


@dataclass(frozen=True)
class VerifiedRun:
    """A run and its record.

    Attributes:
        params: the whole file.
        name: key in ``runs:``.
        trained: content of run.json.
        evaluated: content of evaluated.json; empty where there is none.
    """

    params: Params
    name: str
    trained: Mapping[str, Any]
    evaluated: Mapping[str, Any]

    @property
    def dataset(self) -> str:
        """Key in ``datasets:``."""
        return str(self.trained["dataset"])

    @property
    def recorded_params(self) -> Mapping[str, Any]:
        """Every resolved parameter, flat keys under their names of today, as it was when the run was trained."""
        return recorded_with_new_names(self.trained["record"]["params"])


# --- data -------------------------------------------------------------------------------------------------------------


def check_data(run: VerifiedRun) -> Check:
    """Compare the bytes of the prepared arrays, the views and, where they are here, the raw files."""
    prepared = paths.prepared(run.dataset)
    expected = {prepared / name: digest for name, digest in run.trained["data"].items() if name.endswith(".npy")}
    expected |= {prepared / name: digest for name, digest in run.evaluated.get("data", {}).items()}
    about_views = paths.augmented(run.dataset) / "augment.json"
    expected |= _views(run) if about_views.exists() else {}
    if missing := _missing([prepared / "dataset.json", *expected, about_views]):
        return missing
    for name, entry in read_dataset_info(prepared).arrays.items():
        expected.setdefault(prepared / name, entry["sha256"])
    if missing := _missing([*expected]):
        return missing
    for path, digest in expected.items():
        found = open_views(paths.augmented(run.dataset), prepared)[1]["views"] if path.suffix == ".json" else None
        found = found or sha256_of_file(path)
        if found != digest:
            remedy = f"`dvc checkout -f {path.parent}` restores it; where data were meant to change, `dvc repro`"
            detail = f"{path} holds other bytes than the run was made of ({found[:12]}, not {digest[:12]})"
            return Check("data", "differs", detail, remedy, str(path))
    return _raw(run, len(expected))


def _missing(files: Sequence[Path]) -> Check | None:
    """Names the files that are not there, or their folder where that is gone; None where all are."""
    lost = dict.fromkeys(str(path if path.parent.exists() else path.parent) for path in files if not path.exists())
    if not lost:
        return None
    return Check("data", "differs", f"not there: {', '.join(lost)}", _LOST, next(iter(lost)))


def _views(run: VerifiedRun) -> dict[Path, str]:
    """What names the views: of stored ones the file of them, of others the file that says how they are made."""
    if "views" not in run.trained["data"]:
        return {}
    augmented = paths.augmented(run.dataset)
    written = json.loads((augmented / "augment.json").read_text(encoding="utf-8"))
    is_online = written.get("format") == VIEWS_FORMAT and written.get("mode") == "online"
    return {augmented / ("augment.json" if is_online else "train.npy"): run.trained["data"]["views"]}


def _raw(run: VerifiedRun, arrays: int) -> Check:
    """The raw files against dvc.lock, which alone knows their digest."""
    folder, detail = paths.raw(run.dataset), f"{pluralise(arrays, 'array')} of {paths.prepared(run.dataset)}"
    digest = _digest_in_lock(run.dataset)
    if digest is None or not folder.exists():
        missing = f"{folder} is not here" if not folder.exists() else "dvc.lock does not name the raw files"
        return Check("data", "same", f"{detail}; raw files were not checked: {missing}")
    if _digest_of_dvc(folder) != digest:
        return Check(
            "data",
            "differs",
            f"{folder} holds other bytes than dvc.lock names",
            f"`dvc checkout -f {folder}` restores them",
            str(folder),
        )
    return Check("data", "same", f"{detail}, and {folder}")


def _digest_in_lock(dataset: str) -> str | None:
    from ruamel.yaml import YAML

    lock = Path("dvc.lock")
    if not lock.exists():
        return None
    stages = (YAML(typ="safe", pure=True).load(lock.read_text(encoding="utf-8")) or {}).get("stages", {})
    outs = stages.get(f"fetch@{dataset}", {}).get("outs", [])
    return next((out.get("md5") for out in outs if out["path"] == paths.raw(dataset).as_posix()), None)


def _digest_of_dvc(path: Path) -> str:
    """The MD5 that DVC gives a file, or a folder: that of the list of its files."""
    if path.is_file():
        return _md5(path)
    files = sorted((file.relative_to(path).as_posix(), file) for file in path.rglob("*") if file.is_file())
    entries = [{"md5": _md5(file), "relpath": name} for name, file in files]
    return hashlib.md5(json.dumps(entries, sort_keys=True).encode(), usedforsecurity=False).hexdigest() + ".dir"


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


# --- params -----------------------------------------------------------------------------------------------------------


def check_params(run: VerifiedRun) -> Check:
    """Compare every resolved parameter with its record."""
    now, before = current_params(run), dict(run.recorded_params)
    if run.evaluated:
        before = {key: value for key, value in before.items() if not key.startswith("evaluate.")}
        before |= flatten(run.evaluated["evaluate"], "evaluate")
    block = run.params.runs[run.name].train
    left_out = {*_PLACES, *(["train.precision"] if block.precision == "auto" else [])}
    if now.get("dataset.augment.evaluate_crop") == "auto":
        left_out.add("dataset.augment.evaluate_crop")
    if not run.evaluated:
        left_out |= {key for key in before if key.startswith("evaluate.")}
    checked = [key for key in before if key not in left_out and (key in now or _is_other_block(key, now))]
    for key in checked:
        if key not in now or now[key] != before[key]:
            place = _in_file(run, key)
            found = _shown(now[key]) if key in now else "another block"
            detail = f"{place} is {found}, and was {_shown(before[key])}"
            remedy = f"set it to {_shown(before[key])} again, or run `dvc repro evaluate@{run.name}`"
            return Check("params", "differs", detail, remedy, place)
    return Check("params", "same", pluralise(len(checked), "key"))


def _is_other_block(key: str, now: Mapping[str, Any]) -> bool:
    """Whether a key that is gone was a value in place of a block, or within one; else this version knows it no more."""
    return any(other.startswith(f"{key}.") or key.startswith(f"{other}.") for other in now)


def current_params(run: VerifiedRun) -> dict[str, Any]:
    """Every parameter as params.yaml resolves now, flat keys; no data are read."""
    training = TrainingRun.of(run.params, run.name)
    block = training.block
    recorded = run.recorded_params.get("train.precision", "float32")
    settings = resolve_settings(
        {"name": training.task.name, **training.task.arguments},
        {"name": training.model.name, **training.model.arguments},
        block.result_settings,
        precision=recorded if block.precision == "auto" else block.precision,
        seed=training.seed,
    )
    ensemble = {} if block.ensemble == 1 else {"train.ensemble": block.ensemble}
    flat = {**training.other_params, **flatten(settings), **ensemble}
    plain: dict[str, Any] = json.loads(json.dumps(flat))  # tuples as the record has them
    return plain


def _in_file(run: VerifiedRun, key: str) -> str:
    """Where a flat key stands in params.yaml."""
    if key == "seed":
        return key
    if key == "dataset.name":
        return f"runs.{run.name}.dataset"
    if key.startswith("dataset."):
        return f"datasets.{run.dataset}.{key.removeprefix('dataset.')}"
    return f"runs.{run.name}.{key}"


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


# --- code, weights, results -------------------------------------------------------------------------------------------


def check_code(run: VerifiedRun) -> Check:
    """Compare the code of the stages train and evaluate, folder by folder."""
    block = run.params.runs[run.name]
    items = code_items(block.model.name, block.task.name)
    task = f"src/saccade/tasks/{block.task.name}.py"  # of a task without a loss of its own, training uses no line
    counts = []
    for stage, before in (("train", run.trained.get("code")), ("evaluate", run.evaluated.get("code"))):
        if before is None:
            continue
        now = listed_code(stage, items)
        if task not in before:
            now.pop(task, None)
        for path in dict.fromkeys([*before, *now]):
            if now.get(path) != before.get(path):
                commit = run.trained["record"].get("tags", {}).get("mlflow.source.git.commit")
                detail = f"{path}, which {stage} runs, is other code than the run was made with"
                detail += _changed_files(commit, path)
                return Check("code", "differs", detail, _remedy_for_code(run, stage, path, commit), path)
        counts.append(f"{len(before)} folders and files of {stage}")
    if run.trained.get("code") is None:
        reason = "trained by a version that recorded none"
        return Check(
            "code",
            "not checked",
            reason,
            f"`saccade train {run.name}` records it; where it was trained by the same code, without training again",
        )
    return Check("code", "same", " and ".join(counts))


def _remedy_for_code(run: VerifiedRun, stage: str, path: str, commit: str | None) -> str:
    if stage == "evaluate":
        return f"`dvc repro evaluate@{run.name}` measures it with this code"
    back = f"`git checkout {commit[:12]} -- {path}` brings the old one back, " if commit else ""
    return f"{back}`dvc repro evaluate@{run.name}` trains and measures it with this code"


def _changed_files(commit: str | None, path: str) -> str:
    """Which files below a path have changed since a commit, where git knows; such as " (a.py changed since ...)"."""
    if not commit:
        return ""
    command = ["git", "diff", "--name-only", "--no-ext-diff", commit, "--", path]
    try:
        found = subprocess.run(command, capture_output=True, text=True, check=True, timeout=_GIT_TIMEOUT_S)
    except (OSError, subprocess.SubprocessError):
        return ""  # no repository, or one without that commit: the folder is named all the same
    names = found.stdout.split("\n")[:-1]
    if not names:
        return ""
    more = f" and {len(names) - _MAX_NAMED} more" if len(names) > _MAX_NAMED else ""
    return f" ({', '.join(names[:_MAX_NAMED])}{more} changed since {commit[:12]}, the commit of the training)"


def check_weights(run: VerifiedRun) -> Check:
    """Compare the bundle with the weights that were trained, and that were evaluated."""
    model = paths.model(run.name)
    try:
        found = weights_sha256(model)
    except UserError as error:
        return Check("weights", "differs", str(error), _LOST, str(model))
    expected = run.trained["weights_sha256"]
    if found != expected:
        detail = f"{model} holds other weights than were trained ({found[:12]}, not {expected[:12]})"
        return Check("weights", "differs", detail, f"`dvc checkout -f {model}` restores them", str(model))
    evaluated = run.evaluated.get("weights_sha256", expected)
    if evaluated != expected:
        detail = f"the evaluation is of other weights ({evaluated[:12]}, not {expected[:12]})"
        return Check("weights", "differs", detail, f"`saccade evaluate {run.name}`", "evaluated.json")
    for name, digest in run.evaluated.get("bundle", {}).items():
        if not (model / name).exists() or sha256_of_file(model / name) != digest:
            detail = f"{model / name}, which says what network the weights are of, was changed"
            return Check("weights", "differs", detail, f"`dvc checkout -f {model}` restores it", str(model / name))
    return Check("weights", "same", expected)


def check_results(run: VerifiedRun) -> Check:
    """Compare the tables, pictures and metrics of the evaluation with what was written."""
    if not run.evaluated:
        return not_evaluated(run, "results")
    report = paths.report(run.name)
    for name, digest in run.evaluated["files"].items():
        path = report / name
        if not path.exists():
            return Check("results", "differs", f"{path} is not there", _LOST, str(path))
        if sha256_of_file(path) != digest:
            remedy = f"`dvc checkout -f {report / 'evaluation'} {report / 'metrics.json'}` restores it"
            return Check("results", "differs", f"{path} was changed after it was written", remedy, str(path))
    return Check("results", "same", f"{pluralise(len(run.evaluated['files']), 'file')} of {report}")


def not_evaluated(run: VerifiedRun, what: str) -> Check:
    """What is said of a run without evaluated.json."""
    reason = "not evaluated, or by a version that kept no record"
    return Check(what, "not checked", reason, f"`saccade evaluate {run.name}`")


# --- what it was computed with ----------------------------------------------------------------------------------------


def check_libraries(run: VerifiedRun) -> Check:
    """Compare the versions of Python and of the libraries that compute."""
    tags = run.trained["record"].get("tags", {})
    old = {name: tags[f"saccade.{name}"] for name in ("torch", "python") if f"saccade.{name}" in tags}
    now = library_versions()
    for when, before in (
        ("trained", run.trained.get("versions", old)),
        ("evaluated", run.evaluated.get("versions", {})),
    ):
        for name, version in before.items():
            if now.get(name) != version:
                here = now.get(name, "not installed")
                detail = f"{name} is {here} here, and was {version} where the run was {when}"
                return Check("libraries", "differs", detail, _pinned(name, version), name)
    return Check("libraries", "same", ", ".join(f"{name} {now[name]}" for name in ("torch", "numpy", "python")))


def _pinned(name: str, version: str) -> str:
    if name in ("python", "saccade"):
        return f"an environment with {name} {version} computes the same bits"
    return f"`pip install {name}=={version.partition('+')[0]}` in an environment of its own"


def check_processor(run: VerifiedRun) -> Check:
    """Compare the processor on which the run was trained and evaluated with the one that would compute here."""
    block = run.params.runs[run.name]
    recorded = list(_recorded_processors(run, block.train.device, block.evaluate.device))
    if not recorded:
        return Check("processor", "not checked", "trained by a version that recorded none")
    for when, before, device in recorded:
        try:
            here = processor_of(resolve_device(device).type)
        except UserError as error:
            here = str(error)
        if here != before:
            detail = f"{when} on {before}; here it is {here}: weights and answers then differ by rounding"
            return Check("processor", "differs", detail, "", here)
    return Check("processor", "same", recorded[0][1])


def _recorded_processors(run: VerifiedRun, *devices: str) -> Iterator[tuple[str, str, str]]:
    records: Sequence[tuple[str, Mapping[str, Any]]] = (("trained", run.trained), ("evaluated", run.evaluated))
    for (when, record), device in zip(records, devices, strict=True):
        if "processor" in record:
            yield when, str(record["processor"]), device
