"""`saccade explain` of texts, series and rows: what is printed, written and refused; functions, without a process."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sequence_bundles import FORECAST, LETTERS, NEXT, ROWS, SERIES, TEXTS, trained

from pipeline.commands.explain import ExplainOptions
from pipeline.commands.explain_layouts import Given, explain_given
from pipeline.commands.explain_sequence_run import long_text
from saccade.bundle.bundle import save
from saccade.core.errors import UserError
from saccade.core.files import write_json
from saccade.data.prepared import FORMAT, DatasetInfo, Split
from saccade.data.spec import Spec

ANSI = "\x1b["


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, network in (
        ("names", trained("lstm", TEXTS, embedding_size=4, hidden_size=5, bidirectional=True)),
        ("ngrams", trained("bag_of_ngrams", TEXTS, buckets=97)),
        ("letters", trained("lstm", NEXT, embedding_size=4, hidden_size=5)),
        ("series", trained("gru", SERIES, hidden_size=5)),
        ("sales", trained("nlinear", FORECAST)),
        ("rows", trained("lstm", ROWS, hidden_size=5)),
    ):
        folder = tmp_path / "models" / name
        folder.mkdir(parents=True)
        save(folder, network.config, network.network)
    return tmp_path


def explain(run: str, *paths: str, texts: tuple[str, ...] = (), prompt: str | None = None, **options: Any) -> None:
    """The command as the command line calls it, in a project whose params.yaml has one run with data, `letters`."""
    block = SimpleNamespace(dataset="play", evaluate=SimpleNamespace(device="cpu"))
    dataset = SimpleNamespace(
        source=SimpleNamespace(name="plain_text", arguments={}), preprocess=SimpleNamespace(options={})
    )
    params: Any = SimpleNamespace(runs={"letters": block, "rows": block}, datasets={"play": dataset})
    limit_s = options.pop("limit_s", 60.0)
    explain_given(params, run, Given(Path.cwd(), paths, texts, prompt, limit_s), ExplainOptions(**options))


def prepare(folder: Path, spec: Spec, arrays: dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]) -> None:
    folder.mkdir(parents=True)
    for split, kept in arrays.items():
        for suffix, array in zip(("", "_labels", "_rows"), kept, strict=True):
            np.save(folder / f"{split}{suffix}.npy", array)
    counts = {split: len(kept[0]) for split, kept in arrays.items()}
    write_json(folder / "dataset.json", {"format": FORMAT, **DatasetInfo(spec, counts, {}, [], [], {}).to_dict()})


def test_texts(project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.commands.explain_sequences.MAX_EXAMPLES", 3)
    (project / "lines.txt").write_text("tea & <b>\nzzz\n" + "ratio\n" * 3, encoding="utf-8")
    explain("names", "lines.txt", texts=("season",), as_npz=True)
    said = capsys.readouterr()
    assert ANSI not in said.out  # no terminal
    assert said.out.startswith("season: ") and "where no step says anything" in said.out
    assert "zzz: the text must hold a token that the network knows" in said.err
    assert "the first 3 of 6 examples are explained" in said.err
    folder = project / "reports/names/explain"
    page = (folder / "examples.html").read_text(encoding="utf-8")
    assert page.count("<h2>") == 2 and "<b>" not in page and 'src="data:image/png' in page  # gates
    assert (folder / "example-1.png").exists() and (folder / "example-1-layer-1-backwards.png").exists()
    with np.load(folder / "examples.npz") as arrays:
        assert arrays["0/steps"].tolist() == list("season")
        assert arrays["0/owl/integrated-gradients"].shape == (6,) and len(arrays.files) == 2 * 3


def test_json_alone(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    explain("ngrams", texts=("tea", "tie"), label="owl", methods=("all",), as_json=True)
    first, _second = map(json.loads, capsys.readouterr().out.splitlines())
    assert [one["method"] for one in first["influences"]] == ["contributions", "leave-one-out"]
    assert {one["answer"] for one in first["influences"]} == {"owl"} and first["steps"] == ["t", "e", "a"]
    assert not (project / "reports").exists()


def test_the_next_token(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    explain("letters", prompt="tea in", out=project / "elsewhere")
    assert "tea in: " in capsys.readouterr().out
    assert {path.name for path in (project / "elsewhere").iterdir()} == {
        "examples.html", "example-1.png", "example-1-layer-1.png"
    }  # fmt: skip


def test_a_forecast(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [f"2024-01-{day:02},{day % 4},{day % 3}" for day in range(1, 15)]
    (project / "sales.csv").write_text("\n".join(["day,a,b", *rows]), encoding="utf-8")
    explain("sales", "sales.csv", as_json=True)
    record = json.loads(capsys.readouterr().out)
    assert record["steps"][0] == "2024-01-06" and record["columns"] == ["a", "b"]
    assert [one["answer"] for one in record["influences"]] == ["a +1", "a +3"]
    assert np.array(record["influences"][0]["values"]).shape == (9, 2)
    (project / "other.csv").write_text("\n".join(["day,a,c", *rows]), encoding="utf-8")
    with pytest.raises(UserError, match="b"):
        explain("sales", "other.csv")
    with pytest.raises(UserError, match=r"number \('a \+4'\) .* did you mean 'a \+\d'"):
        explain("sales", "sales.csv", label="a +4")


def test_a_run_over_letters(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    random = np.random.default_rng(0)
    arrays = {}
    for split, count in (("train", 200), ("validation", 250)):
        ids = random.integers(2, len(LETTERS), 8 * count + 1)
        labels = ids[1:].reshape(count, 8).astype(np.int64)
        arrays[split] = (ids[:-1].reshape(count, 8).astype(np.int32), labels, np.arange(count) * 8)
    prepare(project / "data/prepared/play", NEXT, arrays)
    explain("letters")
    said = capsys.readouterr().out
    assert "dL/dc_t: the first step gets" in said and "measured on 2,000 characters of validation" in said
    assert "letters of the word so far: unit" in said or "is a vowel: unit" in said
    page = (project / "reports/letters/explain/sequences.html").read_text(encoding="utf-8")
    assert "Units that follow something" in page and "by chance" in page
    explain("letters", as_json=True)
    record = json.loads(capsys.readouterr().out)
    assert len(record["gradients_over_time"]["dL/dh_t"]) == 8
    known = {"feature", "unit", "r", "bound", "p", "is_found", "r_chosen", "r_of_random_weights"}
    assert known == set(record["units"][0])


def test_a_run_without_its_data(project: Path) -> None:
    with pytest.raises(UserError, match=r"data/prepared/play.*saccade preprocess play"):
        explain("letters")
    with pytest.raises(UserError, match="must hold a run names to explain it"):
        explain("names")


def test_windows_that_overlap_become_one_text_again() -> None:
    windows = np.array([[5, 6, 7, 8], [7, 8, 9, 2], [9, 2, 3, 0]], dtype=np.int32)
    split = Split(windows, windows.astype(np.int64), np.array([100, 102, 104]))
    assert long_text(split).tolist() == [5, 6, 7, 8, 9, 2, 3]


def test_what_a_run_does_not_take(project: Path) -> None:
    for match, arguments in (
        (r"--prompt \(tea\) must be left out: names says nothing", {"run": "names", "prompt": "tea"}),
        (r"--text \(tea\) must be left out: letters takes texts; give --prompt", {"run": "letters", "texts": ("tea",)}),
        (r"--text \(tea\) must be left out: series takes series; give files", {"run": "series", "texts": ("tea",)}),
        (r"--text \(tea\) must be left out: rows takes images", {"run": "rows", "texts": ("tea",)}),
        (r"--prompt \(' '\) must hold one of the characters", {"run": "letters", "prompt": " "}),
        (r"--text \(' '\) must hold", {"run": "names", "texts": (" ",)}),
        (r"--layer \(head\) must be left out: names takes texts", {"run": "names", "texts": ("a",), "layer": "head"}),
        (
            r"method \(grad-cam\) does not fit texts with lstm",
            {"run": "names", "texts": ("a",), "methods": ("grad-cam",)},
        ),
        (r"class \('dig'\) .* did you mean 'dog'", {"run": "names", "texts": ("tea",), "label": "dig"}),
        (r"takes about .* s, but may take 0\.0 s", {"run": "names", "texts": ("tea",), "limit_s": 0.0}),
    ):
        with pytest.raises(UserError, match=match):
            explain(**arguments)


def test_rows_of_images_are_explained_beside_the_maps(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    maps: list[str] = []
    monkeypatch.setattr("pipeline.commands.explain_layouts.explain_run", lambda _params, run, *_: maps.append(run))
    monkeypatch.setattr("pipeline.commands.explain_sequence_run._SHOWN", 1)
    random = np.random.default_rng(1)
    images = random.integers(0, 255, (12, 8, 5, 1), dtype=np.uint8)
    labels = np.arange(12) % 2
    prepare(project / "data/prepared/play", ROWS, dict.fromkeys(("train", "validation"), (images, labels, labels)))
    explain("rows")
    folder = project / "reports/rows/explain"
    assert (folder / "sequences.html").exists() and (folder / "mean-influence.png").exists()
    with Image.open(folder / "mean-influence.png") as image:
        assert image.width > 500
    assert maps == ["rows"] and "dL/dh_t: the first step gets" in capsys.readouterr().out
