"""``saccade register`` in a real SQLite registry: what a version holds, what is refused, where it is found."""

import base64
import functools
import io
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image
from registered_runs import SPEC, answers, commit_project, git, write_run
from tracking_helpers import fresh_store, mlflow_server

from pipeline import paths
from pipeline.commands.asked_network import network_of_reference
from pipeline.commands.explain_layouts import run_with_weights_of
from pipeline.commands.register import RegisterOptions, register
from pipeline.commands.registered import show_registered
from pipeline.model_registry.resolve import bundle_folder, find_bundle
from pipeline.model_registry.versions import Registry
from pipeline.runs.identity import code_items, listed_code
from pipeline.tracking.replay import MlflowReplay
from saccade.core.errors import UserError
from saccade.core.files import write_json
from saccade.evaluate.paired_tests import difference_interval


@pytest.fixture(scope="module")
def registered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """A project with the run `good`, registered as dots version 1, the champion, and others that are not.

    Its models carry a library of a few lines: that of the product is 400 files, which are looked through for secrets.
    """
    root = tmp_path_factory.mktemp("project")
    before = Path.cwd()
    patch = pytest.MonkeyPatch()
    for name in [name for name in os.environ if name.startswith(("MLFLOW_", "DVC_"))]:
        patch.delenv(name)
    patch.chdir(root)
    uri = fresh_store(root)
    commit = commit_project(root)
    write_run("good", answers(200, 4), commit=commit, params={"dataset.source.mirror": "https://ann:secret@host/"})
    write_run("equal", answers(200, 5), commit=commit, seed=1)
    write_run("worse", answers(200, 40), commit=commit, seed=2)
    write_run("abroad", answers(100, 0), commit=commit, seed=3, test_set="f" * 64)
    write_run("again", answers(200, 4), commit=commit)  # the weights of `good`
    small = functools.partial(MlflowReplay, library=root / "src" / "saccade")
    patch.setattr("pipeline.commands.register.MlflowReplay", small)
    register("good", RegisterOptions("dots", ("champion",)))
    yield SimpleNamespace(root=root, uri=uri, commit=commit)
    patch.undo()
    assert Path.cwd() == before


@pytest.fixture
def client(registered: SimpleNamespace) -> Any:
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=registered.uri)


def numbers_of(client: Any, name: str) -> list[int]:
    return sorted(int(version.version) for version in client.search_model_versions(f"name = '{name}'"))


def test_a_version_holds_what_is_known_of_its_run(registered: SimpleNamespace, client: Any) -> None:
    version = client.get_model_version_by_alias("dots", "champion")
    trained = json.loads(Path("reports/good/run.json").read_text())
    assert version.version == 1 or version.version == "1"
    wanted = {
        "saccade.identity": trained["identity"],
        "saccade.weights_sha256": trained["weights_sha256"],
        "saccade.run_uid": "uid-good",
        "saccade.git_commit": registered.commit,
        "saccade.git_dirty": "false",
        "test_accuracy": "0.9800",
        "test_loss": "0.5000",
    }
    assert wanted.items() <= version.tags.items()
    assert version.description.startswith("# dots\n") and "not stated" in version.description
    assert version.description == Path("reports/good/model_card.md").read_text()  # it is short enough
    model = client.get_logged_model(version.source.removeprefix("models:/"))
    assert {"test_accuracy": 0.98, "test_loss": 0.5}.items() <= {m.key: m.value for m in model.metrics}.items()
    assert json.loads(model.tags["mlflow.modelVersions"]) == [{"name": "dots", "version": 1}]
    files = {entry.path for entry in client.list_logged_model_artifacts(model.model_id)}
    assert {"MLmodel", "model_card.md", "record", "artifacts"} <= files
    kept = Path(model.artifact_location.removeprefix("file://"))
    assert not [path for path in kept.rglob("*") if "pkl" in path.name or "pickle" in path.name]
    recorded = (kept / "record/run.json").read_text()
    assert "https://***@host/" in recorded and "secret" not in recorded
    described = (kept / "MLmodel").read_text()
    assert '"name": "image"' in described and "saved_input_example_info" in described


def test_the_same_weights_add_nothing_and_the_alias_moves(
    registered: SimpleNamespace, client: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    register("again", RegisterOptions("dots", ("newest",)))
    assert capsys.readouterr().out.splitlines() == [
        "dots version 1 has these weights already: nothing is added (they came from good)",
        "dots version 1 is newest now",
    ]
    register("good", RegisterOptions("dots", ("newest",)))
    assert "dots version 1 is newest already" in capsys.readouterr().out
    assert numbers_of(client, "dots")[:1] == [1]


def test_a_champion_that_is_no_better_beyond_chance_is_followed(
    registered: SimpleNamespace, client: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    register("good", RegisterOptions("two", ("champion",)))
    register("equal", RegisterOptions("two", ("champion",)))
    out = capsys.readouterr().out
    low, high = difference_interval(1, 0, 200)
    assert (
        "equal beside the champion, two version 1: accuracy 0.9750 against 0.9800 on the same 200 test examples, "
        f"difference -0.0050 (95 %: {low:+.4f} to {high:+.4f}), McNemar's exact test, p = 1.000: no real difference\n"
    ) in out
    assert "two version 2 is champion now; it was version 1\n" in out
    assert "use it: saccade predict models:/two@champion PATH..." in out
    assert numbers_of(client, "two") == [1, 2]


@pytest.mark.parametrize(
    "run, options, said",
    [
        (
            "worse",
            RegisterOptions("dots"),
            r"worse beside the champion, dots version 1: accuracy 0\.8000 against 0\.98",
        ),
        (
            "worse",
            RegisterOptions("dots"),
            r"McNemar's test, p below 0\.001: worse\. --force registers it all the same",
        ),
        (
            "abroad",
            RegisterOptions("dots"),
            r"cannot be compared, for it was measured on another test set \(that of dots",
        ),
        ("nobody", RegisterOptions(), r"nobody must be trained to be registered.*`saccade train nobody`"),
        ("good", RegisterOptions("a/b"), r"name \('a/b'\) must be .* choose another with --name"),
        ("good", RegisterOptions("dots", ("v3",)), r"alias \('v3'\) must begin with a letter"),
        ("good", RegisterOptions("dots", ("latest",)), r"alias \('latest'\)"),
    ],
)
def test_what_is_refused(registered: SimpleNamespace, client: Any, run: str, options: Any, said: str) -> None:
    before = numbers_of(client, "dots")
    with pytest.raises(UserError, match=said):
        register(run, options)
    assert numbers_of(client, "dots") == before


def test_what_is_worse_is_registered_by_force_and_said(
    registered: SimpleNamespace, client: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    register("good", RegisterOptions("forced", ("champion",)))
    register("worse", RegisterOptions("forced", force=True))
    register("abroad", RegisterOptions("forced", force=True))
    err = [line for line in capsys.readouterr().err.splitlines() if "beside" in line]
    assert err[0].startswith("worse beside the champion, forced version 1: accuracy 0.8000 against 0.9800")
    assert err[1].startswith(
        "abroad beside the champion, forced version 1: not compared, for it was measured on another"
    )
    assert numbers_of(client, "forced") == [1, 2, 3]


@pytest.mark.parametrize(
    "change, said",
    [
        (lambda report: (report / "metrics.json").unlink(), "must be evaluated.*metrics.json is not there"),
        (lambda report: (report / "evaluated.json").unlink(), "which says of which weights the metrics are, is not"),
        (
            lambda report: (report / "metrics.json").write_text('{"accuracy": 1.0}'),
            "metrics.json is not as it was when",
        ),
        (
            lambda report: _change(report / "evaluated.json", weights_sha256="9" * 64),
            "of other weights \\(999999999999",
        ),
        (lambda report: _change(report / "run.json", weights_sha256="9" * 64), "are of two trainings"),
    ],
)
def test_a_run_that_is_not_evaluated_as_it_is(registered: SimpleNamespace, change: Any, said: str) -> None:
    for folder in (paths.model, paths.report):
        shutil.rmtree(folder("changed"), ignore_errors=True)
        shutil.copytree(folder("equal"), folder("changed"))
    change(paths.report("changed"))
    with pytest.raises(UserError, match=said):
        register("changed", RegisterOptions())


def _change(path: Path, **values: Any) -> None:
    write_json(path, json.loads(path.read_text()) | values)


def test_a_tree_that_differs_from_its_commit(registered: SimpleNamespace, client: Any) -> None:
    Path("notes.txt").write_text("no matter")
    Path("params.yaml").write_text("seed: 1\n")
    Path("src/saccade/nn/new.py").write_text("# new\n")
    said = r"params\.yaml, src/saccade/nn/new\.py have changes that no commit holds.*--allow-dirty"
    try:
        with pytest.raises(UserError, match=said):
            register("equal", RegisterOptions("dirty"))
        register("equal", RegisterOptions("dirty", allow_dirty=True))
        assert client.get_model_version("dirty", "1").tags["saccade.git_dirty"] == "true"
        assert "Registered with --allow-dirty: params" in Path("reports/equal/model_card.md").read_text()
    finally:
        git("checkout", "-q", "params.yaml")
        Path("src/saccade/nn/new.py").unlink()


def test_a_run_that_was_trained_before_its_changes_were_committed(registered: SimpleNamespace, client: Any) -> None:
    write_run("early", answers(200, 4), commit="0" * 40, seed=4, tags={"saccade.git_diff": "2 files"})
    with pytest.raises(UserError, match=r"early was trained with uncommitted changes \(2 files of its code\)"):
        register("early", RegisterOptions())
    _change(Path("reports/early/run.json"), code=listed_code("train", code_items("mlp", "classify")))
    register("early", RegisterOptions())
    assert client.get_model_version("early", "1").tags["saccade.git_commit"] == registered.commit


def test_versions_are_listed(registered: SimpleNamespace, capsys: pytest.CaptureFixture[str]) -> None:
    show_registered("dots", as_json=False)
    head, *rows, remedy = capsys.readouterr().out.splitlines()
    assert head.split() == ["model", "version", "aliases", "run", "metric", "test", "commit", "registered"]
    assert f"good  accuracy  0.9800  {registered.commit[:8]}  20" in rows[-1] and "champion" in rows[-1]
    assert remedy.startswith("use one: saccade predict models:/NAME@ALIAS")
    show_registered("", as_json=True)
    versions = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {"name": "dots", "version": 1}.items() <= next(v for v in versions if v["name"] == "dots").items()
    with pytest.raises(UserError, match=r"has no registered model 'dot'; it has .*dots"):
        show_registered("dot", as_json=False)


# where it is found again


def test_a_registered_model_is_the_bundle_of_its_run(
    registered: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = bundle_folder("models:/dots@champion")
    assert folder.is_relative_to(registered.root / ".saccade")
    assert "MLFLOW_TRACKING_URI" not in os.environ  # which MLflow sets wherever it is told an address
    for path in ("bundle.json", "weights.safetensors"):
        assert (folder / path).read_bytes() == (Path("models/good") / path).read_bytes()
    (folder / "weights.safetensors").write_bytes(b"something else")
    assert bundle_folder("models:/dots/1") == folder  # fetched again
    assert (folder / "weights.safetensors").read_bytes() == Path("models/good/weights.safetensors").read_bytes()
    with monkeypatch.context() as offline:
        offline.setattr(Registry, "download", lambda *arguments: pytest.fail("it is here already"))
        assert bundle_folder("models:/dots/1") == folder
    asked = network_of_reference("models:/dots/1", Path())
    assert (asked.source, asked.label) == ({"mirror": "https://***@host/"}, "dots-1")
    assert asked.found.record.name == "record" and (asked.found.record / "metrics.json").exists()


def test_a_registered_model_is_explained_by_the_folder_that_holds_it(registered: SimpleNamespace) -> None:
    assert run_with_weights_of("models:/dots@champion") in ("again", "good")  # which have the same weights
    held = [Path("models", name) for name in ("again", "good")]
    for folder in held:
        folder.rename(registered.root / f"{folder.name}-moved")
    try:
        with pytest.raises(UserError, match=r"no folder in models/ holds: `cp -r \S+ models/dots-1`, then") as raised:
            run_with_weights_of("models:/dots/1")
        fetched = str(raised.value).partition("cp -r ")[2].partition(" ")[0]
        shutil.copytree(fetched, "models/dots-1")
        assert run_with_weights_of("models:/dots/1") == "dots-1"
        shutil.rmtree("models/dots-1")
    finally:
        for folder in held:
            (registered.root / f"{folder.name}-moved").rename(folder)


def test_a_run_and_a_folder_are_references_too(registered: SimpleNamespace, tmp_path: Path) -> None:
    assert bundle_folder("good") == Path("models/good")
    shutil.copytree("models/good", tmp_path / "elsewhere")
    assert bundle_folder("./elsewhere", tmp_path) == tmp_path / "elsewhere"
    assert find_bundle("models/good", registered.root).record == Path("reports/good")
    with pytest.raises(UserError, match=r"\./nowhere must be a run, a registered model"):
        bundle_folder("./nowhere", tmp_path)


@pytest.mark.parametrize(
    "reference, said",
    [
        ("models:/dots@nobody", r"no version of dots has the alias 'nobody' \(versions .*champion is version 1"),
        ("models:/dots/99", r"dots has no version 99"),
        ("models:/spots@champion", r"has no registered model 'spots' \(it has .*dots"),
        ("models:/dots", r"must be models:/NAME@ALIAS"),
        ("models:/dots/latest", r"must be models:/NAME@ALIAS"),
        ("models:/../dots@champion", r"must be models:/NAME@ALIAS"),
    ],
)
def test_a_reference_to_nothing_says_what_there_is(registered: SimpleNamespace, reference: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        bundle_folder(reference)


def test_bytes_that_were_changed_on_the_server_are_not_used(registered: SimpleNamespace, client: Any) -> None:
    register("again", RegisterOptions("spoilt"))
    version = client.get_model_version("spoilt", "1")
    model = client.get_logged_model(version.source.removeprefix("models:/"))
    weights = Path(model.artifact_location.removeprefix("file://")) / "artifacts/bundle/weights.safetensors"
    weights.write_bytes(Path("models/equal/weights.safetensors").read_bytes())
    with pytest.raises(UserError, match=r"spoilt version 1 .* holds other weights than were registered"):
        bundle_folder("models:/spoilt/1")
    assert not list(Path(".saccade/registered").glob(".*"))  # nothing half is left


def test_a_version_of_somebody_else_is_not_opened(registered: SimpleNamespace, client: Any) -> None:
    client.create_registered_model("theirs")
    client.create_model_version("theirs", str(registered.root / "models/good"))
    with pytest.raises(UserError, match=r"theirs version 1 was not registered by `saccade register`"):
        bundle_folder("models:/theirs/1")
    client.set_registered_model_alias("theirs", "champion", "1")
    with pytest.raises(UserError, match=r"cannot be compared, for it keeps no record of an evaluation"):
        register("good", RegisterOptions("theirs"))


def test_a_server_that_does_not_answer(registered: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    from tracking_helpers import refusing_server

    with refusing_server() as uri:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri.replace("//", "//me:secret@"))
        for call in (lambda: bundle_folder("models:/dots@champion"), lambda: register("good", RegisterOptions())):
            with pytest.raises(UserError, match=r"does not answer .*refused.* MLFLOW_TRACKING_URI") as raised:
                call()
            assert "secret" not in str(raised.value) and "\n" not in str(raised.value)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///nothing/mlflow.db")
    with pytest.raises(UserError, match=r"nothing/mlflow\.db does not exist: no run was sent there yet"):
        bundle_folder("models:/dots@champion")
    assert not Path("nothing").exists()


# the MLflow model


def png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def test_the_model_answers_about_files_as_predict_does(registered: SimpleNamespace, tmp_path: Path) -> None:
    import pandas as pd

    from pipeline.tracking.mlflow_model import BundleModel
    from saccade import kinds, load

    random = np.random.default_rng(0)
    files = [png(random.integers(0, 255, shape, dtype=np.uint8)) for shape in ((9, 7, 3), (40, 41), (5, 6, 3))]
    for number, content in enumerate(files):
        (tmp_path / f"{number}.png").write_bytes(content)
    model = BundleModel()
    model.load_context(SimpleNamespace(artifacts={"bundle": "models/good"}))
    texts = [base64.b64encode(content).decode() for content in files]
    texts[1] = f"data:image/png;base64,{texts[1][:40]}\n{texts[1][40:]}"
    table = model.predict(None, pd.DataFrame({"image": texts}))
    read = kinds.read_new(kinds.Reading("good", SPEC, ["0.png", "1.png", "2.png"], here=tmp_path))
    stored = np.stack([one.array for batch in read.batches for one in batch])
    expected = load("models/good").predict_array(stored)
    assert list(table["label"]) == expected["label"]
    np.testing.assert_array_equal(table[["probability_disc", "probability_ring"]], expected["probabilities"])
    pixels = model.predict(None, pd.DataFrame({"image": [one.tolist() for one in stored]}))
    pd.testing.assert_frame_equal(pixels, table)
    several = model.predict(None, pd.DataFrame({"image": [texts]}))  # as {"inputs": texts} arrives
    pd.testing.assert_frame_equal(several, table)
    for image, said in (
        ("hello!", r"row 1: image \('hello!'\) must be base64 text of a picture file"),
        (texts[0][:40], "row 1: must be"),
        ([[1, 2], [3, 4]], r"row 1: image \(an array of shape \(2, 2\)\) must be .* shape \(5, 6, 3\)"),
        (None, r"row 1: image \((nan|None)\) must be"),
        ((stored[0] + 300.0).tolist(), r"row 1: pixel values \(3.*\) must lie in 0\.\.255"),
    ):
        with pytest.raises(ValueError, match=said):
            model.predict(None, pd.DataFrame({"image": [texts[0], image]}))


@pytest.mark.slow
def test_mlflow_predicts_as_saccade_does(
    registered: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from saccade import load

    pixels = np.random.default_rng(0).integers(0, 255, (5, 6, 3), dtype=np.uint8)
    (tmp_path / "asked.json").write_text(json.dumps({"inputs": [base64.b64encode(png(pixels)).decode()]}))
    environment = os.environ | {
        "MLFLOW_TRACKING_URI": registered.uri,
        "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    monkeypatch.setattr("pipeline.commands.register.MlflowReplay", MlflowReplay)  # with the library of the product
    write_run("whole", answers(200, 1), commit=registered.commit, seed=7)
    register("whole", RegisterOptions("whole", ("champion",)))
    command = [
        sys.executable,
        "-m",
        "mlflow",
        "models",
        "predict",
        "-m",
        "models:/whole@champion",
        "-t",
        "json",
        "--env-manager",
        "local",
    ]
    command += ["-i", str(tmp_path / "asked.json"), "-o", str(tmp_path / "answer.json")]
    ended = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    (answer,) = json.loads((tmp_path / "answer.json").read_text())["predictions"]
    expected = load("models/whole").predict_array(pixels[None])
    assert answer["label"] == expected["label"][0]
    shown = [answer["probability_disc"], answer["probability_ring"]]
    assert shown == pytest.approx(expected["probabilities"][0].tolist(), abs=1e-7)


@pytest.mark.slow
def test_a_server_keeps_it_for_others(
    registered: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{port}")
    with mlflow_server(tmp_path, port):
        register("good", RegisterOptions("shared", ("champion",)))
        folder = bundle_folder("models:/shared@champion")
        assert (folder / "weights.safetensors").read_bytes() == Path("models/good/weights.safetensors").read_bytes()
        with pytest.raises(UserError, match=r"worse beside the champion, shared version 1: accuracy 0\.8000"):
            register("worse", RegisterOptions("shared"))
        register("equal", RegisterOptions("shared", ("champion",)))
        assert bundle_folder("models:/shared@champion") != folder
    with pytest.raises(UserError, match=r"does not answer"):
        bundle_folder("models:/shared@champion")
