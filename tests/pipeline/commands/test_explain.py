"""``saccade explain``: which files it writes, what it prints, and what it refuses, called as the command calls it."""

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from pipeline.commands.explain import ExplainOptions, explain_run
from pipeline.commands.explain_layouts import Given, explain_given
from saccade.bundle.bundle import NetworkConfig, save
from saccade.core.errors import UserError
from saccade.core.files import sha256_of_file, write_json
from saccade.data.prepared import FORMAT, DatasetInfo
from saccade.data.spec import Spec

SPEC = Spec("image", (20, 20, 1), ("cat", "dog", "eel"))
WEIGHTS = Path("models/small/weights.safetensors")


@pytest.fixture(autouse=True)
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bundle of LeNet-5, one of an LSTM by rows, prepared data of the first, and three pictures."""
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    for name, model in (("small", "lenet5"), ("rows", "lstm")):
        torch.manual_seed(2)
        config = NetworkConfig(model, {}, SPEC, "classify", [0.4], [0.3], "a test")
        Path("models", name).mkdir(parents=True)
        save(Path("models", name), config, config.build_network())
    prepared = Path("data/prepared/shapes")
    prepared.mkdir(parents=True)
    for split in ("train", "validation", "test"):
        np.save(prepared / f"{split}.npy", random.integers(0, 256, (4, 20, 20, 1), dtype=np.uint8))
        np.save(prepared / f"{split}_labels.npy", np.array([0, 1, 2, 1]))
        np.save(prepared / f"{split}_rows.npy", np.arange(4))
    counts = dict.fromkeys(("train", "validation", "test"), 4)
    info = DatasetInfo(SPEC, counts, {split: [1, 2, 1] for split in counts}, [0.4], [0.3], {})
    write_json(prepared / "dataset.json", {"format": FORMAT, **info.to_dict()})
    for name in ("photos/one.png", "photos/more/one.png", "photos/two.png"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (31, 25), dtype=np.uint8)).save(name)


def explain(run: str, *given: str, **options: Any) -> None:
    block = SimpleNamespace(dataset="shapes", evaluate=SimpleNamespace(device="cpu"))
    shapes = SimpleNamespace(source=SimpleNamespace(arguments={}), preprocess=SimpleNamespace(options={}))
    params: Any = SimpleNamespace(runs={"small": block}, datasets={"shapes": shapes})
    explain_run(params, run, given, Path.cwd(), ExplainOptions(**options))


def test_pictures_of_any_size_get_a_sheet_each_and_the_weights_stay(capsys: pytest.CaptureFixture[str]) -> None:
    before = sha256_of_file(WEIGHTS)
    explain("small", "photos", methods=["grad-cam", "deconvolution"])
    folder = Path("reports/small/explain")
    assert sorted(path.name for path in folder.iterdir()) == ["one-2.png", "one.png", "two.png"]
    out = capsys.readouterr().out
    assert out.count("reports/small/explain/") == 3 and "a map took: grad-cam" in out
    assert "deconvolution: rank correlation" in out
    assert sha256_of_file(WEIGHTS) == before


def test_numbers_come_as_json_and_as_arrays(capsys: pytest.CaptureFixture[str]) -> None:
    explain("small", "photos/two.png", methods=["saliency"], label="eel", as_json=True, as_npz=True, out=Path("out"))
    record = json.loads(capsys.readouterr().out)
    assert record["path"] == "photos/two.png" and record["answers"][0]["label"] == "eel"
    arrays = np.load(record["arrays"])
    np.testing.assert_allclose(arrays["saliency"][0], record["answers"][0]["maps"]["saliency"]["map"], rtol=1e-4)
    assert sorted(path.name for path in Path("out").iterdir()) == ["two.npz", "two.png"]


def test_a_run_is_explained_by_its_own_data(capsys: pytest.CaptureFixture[str]) -> None:
    Path("data/prepared/shapes/test.npy").unlink()  # the test split is left alone
    explain("small")
    names = sorted(path.name for path in Path("reports/small/explain").iterdir())
    assert names == ["activations.png", "classes.png", "curves.png", "filters.png", "summary.json", "units.png"]
    printed = capsys.readouterr()
    assert "filters.png: features.0, 6 filters of 5x5" in printed.out and printed.err == ""
    numbers = json.loads(Path("reports/small/explain/summary.json").read_text(encoding="utf-8"))
    assert numbers["model"] == "lenet5" and set(numbers["classes"]) == set(SPEC.classes)


@pytest.mark.parametrize("why", ["no dataset", "another dataset"])
def test_without_its_data_a_run_shows_its_filters_and_says_why(why: str, capsys: pytest.CaptureFixture[str]) -> None:
    info = Path("data/prepared/shapes/dataset.json")
    if why == "no dataset":
        info.unlink()
    else:
        info.write_text(info.read_text(encoding="utf-8").replace('"eel"', '"emu"'), encoding="utf-8")
    explain("small")
    assert sorted(path.name for path in Path("reports/small/explain").iterdir()) == ["filters.png", "summary.json"]
    reason = "does not exist, so" if why == "no dataset" else "holds other images or classes than"
    assert reason in capsys.readouterr().err


def test_a_bundle_alone_explains_pictures(capsys: pytest.CaptureFixture[str]) -> None:
    explain("rows", "photos/two.png")
    out = capsys.readouterr().out
    assert "integrated-gradients: adds up" in out and Path("reports/rows/explain/two.png").exists()
    explain("rows")
    assert "params.yaml has no such run" in capsys.readouterr().err


def test_given_pictures_that_are_read_by_rows_get_influences_and_gates_too(capsys: pytest.CaptureFixture[str]) -> None:
    config = NetworkConfig("lstm", {"hidden_size": 4}, SPEC, "classify", [0.4], [0.3], "a test")
    save(Path("models/rows"), config, config.build_network())
    params: Any = SimpleNamespace(runs={}, datasets={})
    explain_given(params, "rows", Given(Path.cwd(), ("photos/two.png",)), ExplainOptions(methods=["leave-one-out"]))
    names = sorted(path.name for path in Path("reports/rows/explain").iterdir())
    assert names == ["example-1-layer-1.png", "example-1.png", "examples.html"]
    assert re.search(r"row \d+ [+-]", capsys.readouterr().out)


@pytest.mark.parametrize(
    ("run", "given", "options", "message"),
    [
        ("smal", (), {}, "neither params.yaml nor models/ has a run 'smal'; .*small"),
        ("small", ("photos/two.png",), {"methods": ["grad-cam", "gradcam"]}, r"method \(gradcam\) must be one of"),
        (
            "rows",
            ("photos/two.png",),
            {"methods": ["layer-cam"]},
            r"method \(layer-cam\) does not fit lstm: .*These do",
        ),
        ("small", ("photos/two.png",), {"layer": "features.9"}, r"layer \(features.9\) must be .*nearest: features"),
        ("small", ("photos/two.png",), {"layer": "features.0", "methods": ["saliency"]}, "--layer .* must be left out"),
        (
            "small",
            ("photos/two.png",),
            {"label": "egl"},
            r"class \(egl\) must be one of the 3 of the run; nearest: eel",
        ),
        (
            "small",
            ("photos/two.png",),
            {"label": "7"},
            r"class \(7\) must be one of the 3 of the run: cat, dog, eel",
        ),
        ("small", ("nowhere.png",), {}, r"path \(nowhere.png\) must be a file"),
        ("small", (), {"label": "eel"}, "--class must be left out where no pictures are named"),
    ],
)
def test_what_cannot_be_is_refused(run: str, given: tuple[str, ...], options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        explain(run, *given, **options)
    assert not Path("reports").exists()


def test_a_file_that_is_no_picture_is_told_and_the_others_explained(capsys: pytest.CaptureFixture[str]) -> None:
    Path("photos/two.png").write_bytes(b"no picture")
    with pytest.raises(UserError, match="1 of 3 pictures could not be read"):
        explain("small", "photos", methods=["saliency"])
    assert "photos/two.png" in capsys.readouterr().err
    assert Path("reports/small/explain/one.png").exists()
