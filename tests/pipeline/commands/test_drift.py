"""`saccade drift`: a page and lines on new inputs beside the prepared test split."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sequence_bundles import ROWS, trained

from pipeline import paths
from pipeline.commands.asked_network import AskedNetwork
from pipeline.commands.drift import drift, monitor_inputs
from pipeline.model_registry.resolve import FoundBundle
from saccade.bundle.bundle import save
from saccade.core.errors import UserError
from saccade.core.files import write_json
from saccade.data.prepared import FORMAT, DatasetInfo
from saccade.kinds import Reading
from saccade.kinds.origins import write_origins

N = 40


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A network, its prepared data, and as many new pictures; one more is broken."""
    monkeypatch.chdir(tmp_path)
    predictor = trained("mlp", ROWS, hidden=[6])
    Path("models/run").mkdir(parents=True)
    save(Path("models/run"), predictor.config, predictor.network)
    folder = Path("data/prepared/dots")
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    rows_of = {"train": np.arange(N), "validation": np.arange(N, N + 1), "test": np.arange(N + 1, 2 * N + 1)}
    for split, rows in rows_of.items():
        np.save(folder / f"{split}.npy", random.integers(0, 256, (len(rows), 8, 5, 1), dtype=np.uint8))
        np.save(folder / f"{split}_labels.npy", rows % 2)
        np.save(folder / f"{split}_rows.npy", rows)
    counts = {split: len(rows) for split, rows in rows_of.items()}
    info = DatasetInfo(ROWS, counts, {split: [count, 0] for split, count in counts.items()}, [0.5], [0.3], {})
    write_json(folder / "dataset.json", {"format": FORMAT, **info.to_dict()})
    sides = {"height": np.full(2 * N + 1, 8), "width": np.full(2 * N + 1, 5)}
    write_origins(folder, rows_of, name=lambda row: f"old/{row}.png", measures=sides)
    draw("alike", 1.0)
    draw("dark", 0.6)
    Path("alike/broken.png").write_text("<html>")


def draw(name: str, scale: float) -> None:
    Path(name).mkdir()
    for number in range(N):
        pixels = np.random.default_rng(100 + number).integers(0, 256, (8, 5)) * scale
        Image.fromarray(pixels.astype(np.uint8)).save(f"{name}/{number:02}.png")


def network_of(dataset: str) -> AskedNetwork:
    found = FoundBundle(paths.model("run"), paths.report("run"))
    return AskedNetwork(found, device="cpu", label="run", dataset=dataset)


def told(folder: str, **asked: object) -> None:
    drift(
        Reading("run", ROWS, [folder], here=Path()),
        network_of("dots"),
        **{"page": None, "as_json": False, **asked},  # type: ignore[arg-type]
    )


def test_alike_inputs_raise_no_alarm_and_what_cannot_be_read_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    told("alike")
    out, err = capsys.readouterr()
    first, hint, page = out.splitlines()
    assert first.startswith("40 new inputs beside 40 of the test split: are not told apart, AUROC 0.")
    assert hint.startswith("a hint, no verdict") and page == "page: reports/run/drift.html"
    assert err == "1 picture of 41 could not be read, and are left out\n".replace("are", "is")
    assert "No difference was found" in Path("reports/run/drift.html").read_text(encoding="utf-8")


def test_dark_inputs_raise_one_in_json_and_the_sizes_of_the_files_are_compared(
    capsys: pytest.CaptureFixture[str],
) -> None:
    told("dark", as_json=True, page=Path("out/dark.html"))
    found = json.loads(capsys.readouterr().out)
    assert found["alarm"] and found["p"] == pytest.approx(0.01) and found["compared"] == N and found["problems"] == 0
    numbers = {each["name"]: each for each in found["numbers"]}
    assert numbers["brightness"]["alarm"] and numbers["brightness"]["median_new"] < 90
    assert (numbers["height"]["median_new"], numbers["height"]["p"], numbers["width"]["median_test"]) == (8, 1, 5)
    assert set(found["unlike"]) <= {f"dark/{number:02}.png" for number in range(N)} and len(found["unlike"]) == 24
    assert Path("out/dark.html").exists()


def test_too_few_inputs_are_an_error_and_beside_answers_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UserError, match="1 new input is too few: drift is measured of 30 at least"):
        told("dark/00.png")
    reading = Reading("run", ROWS, ["dark/00.png"], here=Path())
    monitor_inputs(reading, network_of("dots"), as_json=False)
    assert capsys.readouterr().err.startswith("--monitor: 1 new input is too few")


def test_data_of_another_shape_are_not_those_of_the_run() -> None:
    path = Path("data/prepared/dots/dataset.json")
    values = json.loads(path.read_text())
    values["spec"]["shape"] = [9, 5, 1]
    path.write_text(json.dumps(values))
    with pytest.raises(UserError, match="data/prepared/dots is not what run was trained on"):
        told("dark")


def test_a_model_of_unknown_data_is_refused() -> None:
    reading = Reading("models:/dots/1", ROWS, ["dark"], here=Path())
    with pytest.raises(UserError, match="models:/dots/1 does not say which dataset it was trained on"):
        drift(reading, network_of(""), page=None, as_json=False)
