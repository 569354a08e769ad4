"""The whole pipeline through DVC itself, on a fifth of the digits and two epochs."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import warm_python
from conftest import ROOT, Tree
from ruamel.yaml import YAML

pytestmark = [pytest.mark.pipeline, pytest.mark.timeout(900)]

EVERYTHING = {
    "fetch@digits",
    "preprocess@digits",
    "augment@digits",
    "train@lenet5-digits",
    "train@lstm-digits",
    "evaluate@lenet5-digits",
    "evaluate@lstm-digits",
}


def dvc(tree: Tree, *arguments: str, cold: bool = False) -> str:
    """Run DVC in the tree; its output. A cold one's stages start Python itself, and import torch and MLflow anew."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("DVC_", "MLFLOW_"))}
    folder = Path(sys.executable).parent if cold else warm_python.python_folder()
    environment |= {"PATH": f"{folder}{os.pathsep}{environment['PATH']}", "OMP_NUM_THREADS": "1"}
    ended = subprocess.run(
        [sys.executable, "-m", "dvc", *arguments],
        cwd=tree.root,
        env=environment | {"DVC_NO_ANALYTICS": "1"},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


def stages_run(output: str) -> set[str]:
    """The stages that DVC ran, not those it skipped or took from its cache."""
    return {line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage")}


def stages_restored(output: str) -> set[str]:
    return {line.split("'")[1] for line in output.splitlines() if "is cached - skipping run" in line}


def change_params(tree: Tree, change: Callable[[dict], None]) -> None:
    yaml = YAML()
    yaml.width = 4096
    values = yaml.load(tree.params.read_text(encoding="utf-8"))
    change(values)
    with tree.params.open("w", encoding="utf-8") as file:
        yaml.dump(values, file)


def make_small(values: dict) -> None:
    values["datasets"]["digits"]["split"]["train_fraction"] = 0.2
    values["datasets"]["digits"]["augment"]["views"] = 2
    for run in values["runs"].values():
        run["train"]["epochs"] = 2


def small_project(tree: Tree) -> Tree:
    shutil.copytree(ROOT / ".dvc", tree.root / ".dvc", ignore=shutil.ignore_patterns("cache", "tmp", "config.local"))
    shutil.copy2(ROOT / ".dvcignore", tree.root / ".dvcignore")
    (tree.root / "README.md").write_text("# a copy\n", encoding="utf-8")
    change_params(tree, make_small)
    for arguments in (["add", "-A"], ["commit", "--quiet", "-m", "small"]):
        name = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
        subprocess.run(["git", *name, *arguments], cwd=tree.root, check=True, capture_output=True)
    return tree


def run_json(tree: Tree, run: str) -> dict:
    return json.loads((tree.root / "reports" / run / "run.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def project(make_tree: Callable[..., Tree]) -> Tree:
    """A project whose whole pipeline has run once; each test leaves it with nothing to run."""
    tree = small_project(make_tree(draws=True))
    output = dvc(tree, "repro")
    assert stages_run(output) == EVERYTHING
    return tree


def test_every_promised_output_is_there(project: Tree) -> None:
    for run in ("lenet5-digits", "lstm-digits"):
        metrics = json.loads((project.root / "reports" / run / "metrics.json").read_text(encoding="utf-8"))
        of_each = ("accuracy", "top5_accuracy", "macro_f1", "balanced_accuracy", "loss")
        ends = {f"{name}_{end}" for name in (*of_each, "baseline_accuracy") for end in ("low", "high")}
        measured = {*of_each, "ece", "baseline_accuracy", "baseline_balanced_accuracy"}
        measured |= {"ece_low", "ece_high", "brier", "temperature"}
        measured |= {"ece_calibrated", "nll_calibrated", "brier_calibrated"}
        assert {name for name in metrics if not name.endswith("_reason")} == measured | ends
        made = {path.name for path in (project.root / "reports" / run / "evaluation").iterdir()}
        assert made >= {"confusion.png", "confusion.csv", "per_class.csv", "predictions.csv", "learning_curves.png"}
        history = (project.root / "reports" / run / "history.csv").read_text(encoding="utf-8").splitlines()
        assert [line.split(",")[0] for line in history] == ["epoch", "1", "2"]
        weights = (project.root / "models" / run / "weights.safetensors").read_bytes()
        assert hashlib.sha256(weights).hexdigest() == run_json(project, run)["weights_sha256"]
    assert not [path for path in project.root.rglob("*") if path.suffix in (".pkl", ".pth", ".joblib")]
    assert "dvc.lock" in {path.name for path in project.root.iterdir()}


def test_mlflow_holds_one_finished_run_each_with_the_test_metrics(project: Tree) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{project.root}/mlflow.db")
    experiment = client.get_experiment_by_name("saccade")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])
    assert sorted(run.info.run_name for run in runs) == ["lenet5-digits", "lstm-digits"]
    for run in runs:
        trained = run_json(project, run.info.run_name)
        assert run.info.status == "FINISHED"
        assert run.info.run_id == trained["mlflow_run_id"]
        assert run.data.tags["saccade.identity"] == trained["identity"]
        assert run.data.params["train.epochs"] == "2"
        assert "test_accuracy" in run.data.metrics
        assert len(client.get_metric_history(run.info.run_id, "validation_loss")) == 2
        assert {item.path for item in client.list_artifacts(run.info.run_id)} >= {"bundle", "evaluation", "params.yaml"}


def test_repro_again_runs_nothing(project: Tree) -> None:
    assert stages_run(dvc(project, "repro")) == set()


@pytest.mark.slow
def test_editing_text_reruns_nothing_and_editing_a_model_reruns_its_runs_alone(project: Tree) -> None:
    project.replace("README.md", "a copy", "another copy")
    assert stages_run(dvc(project, "repro")) == set()
    before = run_json(project, "lstm-digits")
    project.replace("src/saccade/models/lenet5.py", "ACCEPTS =", "# edited\nACCEPTS =")
    assert stages_run(dvc(project, "repro")) == {"train@lenet5-digits", "evaluate@lenet5-digits"}
    assert run_json(project, "lstm-digits") == before


@pytest.mark.slow
def test_a_changed_parameter_reruns_its_run_alone_and_changed_back_restores_without_training(project: Tree) -> None:
    before, other = run_json(project, "lenet5-digits"), run_json(project, "lstm-digits")

    def set_epochs(epochs: int) -> Callable[[dict], None]:
        return lambda values: values["runs"]["lenet5-digits"]["train"].update(epochs=epochs)

    change_params(project, set_epochs(3))
    assert stages_run(dvc(project, "repro")) == {"train@lenet5-digits", "evaluate@lenet5-digits"}
    assert run_json(project, "lenet5-digits")["run_uid"] != before["run_uid"]
    change_params(project, set_epochs(2))
    output = dvc(project, "repro")
    assert stages_run(output) == set()
    assert stages_restored(output) == {"train@lenet5-digits", "evaluate@lenet5-digits"}
    assert run_json(project, "lenet5-digits") == before  # its own MLflow run
    assert run_json(project, "lstm-digits") == other


def test_a_run_is_not_evaluated_on_data_or_beside_a_report_that_are_not_its_own(project: Tree) -> None:
    before = project.snapshot("reports/lenet5-digits")
    text = project.params.read_text(encoding="utf-8")
    change_params(project, lambda values: values["datasets"]["digits"]["split"].update(seed=1))
    assert project.run("preprocess", "digits").code == 0
    ended = project.run("evaluate", "lenet5-digits")
    assert ended.code == 1 and "was trained on other data than data/prepared/digits holds now" in ended.err
    project.params.write_text(text, encoding="utf-8")
    dvc(project, "checkout", "--force")
    shutil.copy2(project.root / "models/lenet5-digits/weights.safetensors", project.root / "kept")
    (project.root / "models/lenet5-digits/weights.safetensors").unlink()  # a link into the cache, it may be
    shutil.copy2(
        project.root / "models/lstm-digits/weights.safetensors",
        project.root / "models/lenet5-digits/weights.safetensors",
    )
    ended = project.run("evaluate", "lenet5-digits")
    assert ended.code == 1 and len(ended.err.splitlines()) == 1 and "are of two trainings" in ended.err
    shutil.move(project.root / "kept", project.root / "models/lenet5-digits/weights.safetensors")
    assert project.snapshot("reports/lenet5-digits") == before


@pytest.mark.slow
def test_two_clean_repros_end_in_the_same_weights(project: Tree, make_tree: Callable[..., Tree]) -> None:
    dvc(project, "repro")
    again = small_project(make_tree(draws=True))
    shutil.copy2(project.root / "src/saccade/models/lenet5.py", again.root / "src/saccade/models/lenet5.py")
    dvc(again, "repro", cold=True)
    for run in ("lenet5-digits", "lstm-digits"):
        assert run_json(again, run)["weights_sha256"] == run_json(project, run)["weights_sha256"]
        assert run_json(again, run)["identity"] == run_json(project, run)["identity"]


@pytest.mark.slow
def test_an_experiment_in_a_temporary_copy_lands_in_the_same_store_with_its_own_code(project: Tree) -> None:
    from mlflow import MlflowClient

    dvc(project, "repro")
    path = project.root / "src/saccade/models/lenet5.py"
    client = MlflowClient(f"sqlite:///{project.root}/mlflow.db")
    before = len(client.search_runs(["1"]))
    output = dvc(
        project, "exp", "run", "--temp", "-S", "runs.lenet5-digits.train.optimizer.lr=0.001", "--name", "slow-lr"
    )
    assert "slow-lr" in output
    runs = client.search_runs(["1"], filter_string="tags.`dvc.exp_name` = 'slow-lr'")
    assert [run.info.run_name for run in runs] == ["lenet5-digits"]
    assert runs[0].data.params["train.optimizer.lr"] == "0.001"
    assert runs[0].data.tags["dvc.stage"] == "train@lenet5-digits"
    assert len(client.search_runs(["1"])) == before + 1
    assert path.exists() and json.loads(dvc(project, "exp", "show", "--json"))


@pytest.mark.slow
def test_a_run_that_dvc_pulls_into_another_clone_verifies(project: Tree, tmp_path: Path) -> None:
    dvc(project, "remote", "add", "-d", "local", str(tmp_path / "remote"))
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run([*git, "add", "-A"], cwd=project.root, check=True)
    subprocess.run([*git, "commit", "-qm", "runs, and where they are kept"], cwd=project.root, check=True)
    dvc(project, "push")
    clone = Tree(tmp_path / "clone")
    subprocess.run([*git, "clone", "-q", str(project.root), str(clone.root)], check=True)
    (lost,), _ = clone.run_all(["verify", "lenet5-digits"])
    assert lost.code == 1 and "`dvc pull` brings it" in lost.err
    dvc(clone, "pull")
    raw = next((clone.root / "data" / "raw" / "digits").iterdir()).relative_to(clone.root)
    longer = f"p = {str(raw)!r}\nb = open(p, 'rb').read()\nimport os\nos.remove(p)\nopen(p, 'wb').write(b + b'1')"
    same, _, other = clone.run_all(["verify", "lenet5-digits"], ["!", longer], ["verify", "lenet5-digits"])[0]
    assert same.code == 0 and same.out.endswith("lenet5-digits: same\n"), same
    assert "and data/raw/digits" in same.out and not (clone.root / ".saccade").exists()
    assert other.code == 1 and "data/raw/digits holds other bytes than dvc.lock names" in other.err
    dvc(project, "remote", "remove", "local")
