"""The pictures of docs/several-labels.md: their table says what is drawn."""

import csv
import importlib.util
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SCRIPT = Path(__file__).parents[3] / "docs" / "shapes.py"


def test_the_table_says_what_is_in_each_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = importlib.util.spec_from_file_location("shapes", SCRIPT)
    assert spec and spec.loader
    shapes = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(shapes)
    monkeypatch.setattr(shapes, "COUNT", 30)
    shapes.main(tmp_path)
    with (tmp_path / "labels.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 30 and {len(row["shapes"].split()) for row in rows} >= {0, 1, 2}
    for row in rows:
        image_HWC = np.asarray(Image.open(tmp_path / row["path"]))
        bright = 100 * (image_HWC.min(axis=2) >= 150).mean()  # every shape is brighter than the noise
        assert bright == pytest.approx(float(row["covered"]), abs=0.01)
        assert row["shapes"].split() == [name for name in shapes.SHARES if row[name] == "1"]
