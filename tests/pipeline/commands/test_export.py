"""``saccade export``: what the file carries, where it goes, and each thing that stops it in a line."""

import dataclasses
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.commands import asked_network
from pipeline.commands import export as command
from pipeline.commands.export import ExportOptions, export
from pipeline.model_registry.resolve import FoundBundle
from saccade.bundle import bundle
from saccade.bundle.config import NetworkConfig
from saccade.core.errors import UserError
from saccade.data.prepared import DatasetInfo
from saccade.data.spec import Spec
from saccade.export.onnx_file import Exported
from saccade.export.parity import Compared, Parity
from saccade.export.quantise import Quantised
from saccade.export.scores import Score

CONFIG = NetworkConfig("mlp", {"hidden": [3]}, Spec("image", (4, 3, 1), ("cat", "dog")), "classify", [0.4], [0.3], "ab")


@pytest.fixture
def params(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A run a with a bundle and a report, and a run b that was never trained."""
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    for folder in ("models/a", "reports/a"):
        Path(folder).mkdir(parents=True)
    digest = bundle.save(Path("models/a"), CONFIG, CONFIG.build_network())
    trained = {"weights_sha256": digest, "identity": "ab", "dataset": "digits", "data": {"train.npy": "12"}}
    Path("reports/a/run.json").write_text(json.dumps(trained))
    Path("reports/a/metrics.json").write_text('{"accuracy": 0.5, "reject_threshold": 0.75}')
    preprocess = SimpleNamespace(options={})
    dataset = SimpleNamespace(source=SimpleNamespace(name="digits", arguments={}), preprocess=preprocess)
    evaluate = SimpleNamespace(batch_size=8, device="cpu")
    runs = {name: SimpleNamespace(dataset="digits", evaluate=evaluate) for name in ("a", "b")}
    return SimpleNamespace(runs=runs, datasets={"digits": dataset})


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """What an ONNX file would carry; the export itself is tested in tests/saccade/export."""
    found: list[dict[str, str]] = []

    def write(config: Any, network: Any, target: Path, metadata: dict[str, str]) -> Exported:
        found.append(metadata)
        target.write_bytes(b"12345")
        parity = Parity([Compared("batch 1", (1, 2), 2e-7), Compared("odd", (3, 2), 1e-7)])
        return Exported(target, 5, True, parity, ["no."])

    monkeypatch.setattr(command, "write_onnx", write)
    return found


def test_the_file_carries_what_is_known_of_the_run(params: Any, written: list[dict[str, str]], capsys: Any) -> None:
    export(params, "a", ExportOptions())
    (said,) = written
    digest = bundle.weights_sha256(Path("models/a"))
    assert said["saccade.format"] == "1" and said["saccade.run"] == "a" and said["saccade.identity"] == "ab"
    assert said["saccade.bundle"] == Path("models/a/bundle.json").read_text(encoding="utf-8")
    assert json.loads(said["saccade.classes"]) == ["cat", "dog"] and said["saccade.weights_sha256"] == digest
    assert json.loads(said["saccade.metrics"])["accuracy"] == 0.5 and said["saccade.reject_threshold"] == "0.75"
    assert json.loads(said["saccade.data"]) == {
        "dataset": "digits",
        "source": "digits",
        "arrays": {"train.npy": "12"},
        "licence": "CC BY 4.0",
    }
    assert "saccade.vocabulary" not in said
    assert capsys.readouterr().out.splitlines() == [
        "onnxruntime answers as torch does in 2 batches: largest difference 2.0e-07 (batch 1); batch and time are free",
        "note: no.",
        "written: models/a.onnx, 5 bytes",
    ]


def test_a_run_without_a_report_is_exported_too(params: Any, written: list[dict[str, str]]) -> None:
    for path in Path("reports/a").iterdir():
        path.unlink()
    params.runs.clear()
    params.datasets.clear()
    export(params, "a", ExportOptions(out=Path("here.onnx")))
    assert Path("here.onnx").read_bytes() == b"12345"
    assert written[0]["saccade.metrics"] == "{}" and "saccade.reject_threshold" not in written[0]
    assert json.loads(written[0]["saccade.data"]) == {"dataset": "", "source": "", "arrays": {}}


def test_a_registered_model_is_exported_with_its_record(
    params: Any, written: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = json.loads(Path("reports/a/run.json").read_text())
    recorded = {"dataset.source.name": "mnist", "dataset.source.value_columns": ["x"]}
    Path("reports/a/run.json").write_text(json.dumps({**trained, "record": {"params": recorded}}))
    version = SimpleNamespace(name="pets", number=2)
    found = FoundBundle(Path("models/a"), Path("reports/a"), version)  # type: ignore[arg-type]
    monkeypatch.setattr(asked_network, "find_bundle", lambda reference, here: found)
    params.runs.clear()
    export(params, "models:/pets@champion", ExportOptions())
    (said,) = written
    assert Path("models/pets-2.onnx").exists() and said["saccade.run"] == "pets-2"
    assert json.loads(said["saccade.data"])["licence"] == "none named by its publishers"
    assert json.loads(said["saccade.reading"])["source"] == {"value_columns": ["x"]}
    assert json.loads(said["saccade.metrics"])["accuracy"] == 0.5 and said["saccade.reject_threshold"] == "0.75"


@pytest.mark.parametrize(
    ("run", "options", "error"),
    [
        ("c", ExportOptions(), r"neither params.yaml nor models/ has a run 'c'; "),
        ("b", ExportOptions(), r"models/b/bundle.json does not exist. Make it with `saccade train b`"),
        ("a", ExportOptions(out=Path("no/a.onnx")), r"--out \(no/a.onnx\) .* make it with `mkdir -p no`"),
        ("a", ExportOptions(out=Path("models")), r"--out \(models\) must be a file, .* add a name, models/a.onnx"),
        ("a", ExportOptions("safetensors", Path("models")), r"what is there is not replaced"),
        (
            "a",
            ExportOptions(quantise=True),
            r"data/prepared/digits does not exist. Make it with `saccade preprocess dig",
        ),
    ],
)
def test_what_cannot_be_written_is_said_in_a_line(
    params: Any, written: list[dict[str, str]], run: str, options: ExportOptions, error: str
) -> None:
    with pytest.raises(UserError, match=error) as raised:
        export(params, run, options)
    assert "\n" not in str(raised.value) and not written
    assert sorted(path.name for path in Path("models").iterdir()) == ["a"]


def test_weights_that_were_not_trained_are_not_exported(params: Any, written: list[dict[str, str]]) -> None:
    weights = Path("models/a/weights.safetensors")
    content = weights.read_bytes()
    weights.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(
        UserError, match=r"models/a holds other weights than were trained .* `dvc checkout -f models/a`"
    ):
        export(params, "a", ExportOptions())
    weights.write_bytes(content[:-9])
    with pytest.raises(UserError, match=r"weights.safetensors cannot be used"):
        export(params, "a", ExportOptions())
    assert not written


def prepared(spec: Spec, validation: int) -> None:
    folder = Path("data/prepared/digits")
    folder.mkdir(parents=True)
    info = DatasetInfo(spec, {"train": 3, "validation": validation, "test": 0}, {}, [0.4], [0.3], {})
    (folder / "dataset.json").write_text(json.dumps({"format": 1, **info.to_dict()}))
    for split, number in (("train", 3), ("validation", validation)):
        np.save(folder / f"{split}.npy", np.zeros((number, 4, 3, 1), np.uint8))
        np.save(folder / f"{split}_labels.npy", np.zeros(number, np.int64))
        np.save(folder / f"{split}_rows.npy", np.arange(number))


@pytest.mark.parametrize("is_left_alone", [False, True])
def test_sizes_and_scores_are_said(
    params: Any, written: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch, capsys: Any, is_left_alone: bool
) -> None:
    prepared(CONFIG.spec, 2)

    def quantise(config: Any, source: Path, target: Path, validation: Any, training: Any, **_: Any) -> Quantised:
        assert (len(validation.labels), len(training.labels)) == (2, 3) and source.read_bytes() == b"12345"
        before, after = Score("accuracy", 0.97, True), Score("accuracy", 0.968, True)
        if is_left_alone:
            return Quantised("none", 5, 5, before, before, "nothing to save")
        target.write_bytes(b"12")
        return Quantised("dynamic", 2, 5, before, after)

    monkeypatch.setattr(command, "write_quantised", quantise)
    export(params, "a", ExportOptions(quantise=True))
    lines = capsys.readouterr().out.splitlines()[2:]
    names = sorted(path.name for path in Path("models").iterdir())
    if is_left_alone:
        assert names == ["a", "a.onnx"] and lines == ["note: nothing to save", "written: models/a.onnx, 5 bytes"]
    else:
        assert names == ["a", "a.int8.onnx"] and lines == [
            "accuracy on 2 validation examples: 97.00% with 32 bits, 96.80% with 8 (dynamic)",
            "written: models/a.int8.onnx, 2 bytes, 5 with 32 bits",
        ]


@pytest.mark.parametrize(
    ("spec", "validation", "error"),
    [
        (dataclasses.replace(CONFIG.spec, classes=("cat", "cow")), 2, "holds other examples or classes than a was"),
        (CONFIG.spec, 0, "has none: leave it out"),
    ],
)
def test_other_data_do_not_decide(params: Any, spec: Spec, validation: int, error: str) -> None:
    prepared(spec, validation)
    with pytest.raises(UserError, match=error):
        export(params, "a", ExportOptions(quantise=True))


def test_tensors_replace_what_was_exported_before(params: Any, capsys: Any) -> None:
    for _ in range(2):
        export(params, "a", ExportOptions("safetensors"))
    assert sorted(path.name for path in Path("models/a-safetensors").iterdir()) == [
        *("README.md", "bundle.json", "network.txt", "weights.safetensors")
    ]
    assert capsys.readouterr().out.splitlines()[-1].startswith("written: models/a-safetensors, a folder: ")


def test_options_that_contradict_each_other_are_refused_before_anything_is_read() -> None:
    for arguments, error in (
        (["--quantise", "--format", "state_dict"], "--quantise needs --format onnx"),
        (["--format", "pickle"], "'pickle' is not one of"),
    ):
        ended = CliRunner().invoke(app, ["export", "a", *arguments])
        assert ended.exit_code == 2 and error in ended.output
