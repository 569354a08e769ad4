"""Pictures of layers by epochs: that they show what the rows say, and that odd rows do not stop them."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from saccade.display.layer_statistics import _table, draw_layer_statistics


def row(layer: str, gradient: float = 0.1, ratio: float = 0.01, **more: float) -> dict[str, Any]:
    return {"layer": layer, "gradient_norm": gradient, "weight_norm": 2.0, "update_ratio": ratio, **more}


def steps(length: int) -> list[dict[str, Any]]:
    return [{"layer": "recurrent", "step": t, "gradient_norm": 10.0 ** (t - length)} for t in range(1, length + 1)]


def size(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        assert not image.info.keys() - {"dpi"}, "a date or a version would change the bytes"
        return image.size


def test_a_panel_for_each_thing_that_was_measured(tmp_path: Path) -> None:
    layers = [row("features.0", dead_share=0.25), row("classifier")]
    widths = []
    for number, rows in enumerate(([row("a")], layers, [*layers, *steps(30)])):
        draw_layer_statistics({1: rows, 2: rows}, tmp_path / f"{number}.png")
        widths.append(size(tmp_path / f"{number}.png")[0])
    assert widths[0] < 0.8 * widths[1] < 0.8 * widths[2]


def test_the_same_rows_give_the_same_bytes_and_others_do_not(tmp_path: Path) -> None:
    for name, gradient in (("first", 0.1), ("second", 0.1), ("other", 1e-5)):
        draw_layer_statistics(
            {1: [row("a", gradient), row("b")], 2: [row("a"), row("b")]}, tmp_path / name, "digits: healthy"
        )
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()
    assert (tmp_path / "first").read_bytes() != (tmp_path / "other").read_bytes()


def test_a_layer_without_a_gradient_is_grey_and_one_with_a_small_one_dark(tmp_path: Path) -> None:
    rows = [row("none", 0.0), row("little", 1e-9), row("much", 1.0)]
    draw_layer_statistics({1: rows, 2: rows}, tmp_path / "picture.png")
    with Image.open(tmp_path / "picture.png") as image:
        pixels = np.asarray(image.convert("RGB")).reshape(-1, 3)
    colours, counts = np.unique(pixels, axis=0, return_counts=True)
    common = {tuple(map(int, colour)) for colour, count in zip(colours, counts, strict=True) if count > 3000}
    assert any(red == green == blue and 200 < red < 230 for red, green, blue in common)  # nothing arrives
    assert any(blue > 70 and red < 80 and green < 40 for red, green, blue in common)  # the dark end of viridis


@pytest.mark.parametrize("layers", [1, 60, 200])
def test_deep_networks_fit_on_a_page(tmp_path: Path, layers: int) -> None:
    draw_layer_statistics({1: [row(f"layer{n}.0.conv1") for n in range(layers)]}, tmp_path / "picture.png")
    width, height = size(tmp_path / "picture.png")
    assert 300 < height < 1500 and 600 < width < 2500


def test_what_is_missing_or_not_finite_leaves_a_gap(tmp_path: Path) -> None:
    odd = [row("a", math.inf, math.nan), {"layer": "frozen", "dead_share": 1.0}, row("b", 0.0, 0.0)]
    draw_layer_statistics(
        {3: odd, 4: [row("a")], 5: [*odd, {"layer": "r", "step": 1, "gradient_norm": 0.0}]}, tmp_path / "p"
    )
    assert size(tmp_path / "p")[0] > 600


def test_rows_become_a_table_of_layers_by_epochs() -> None:
    epochs = {1: [row("a", 0.1), row("b", 0.2)], 2: [row("b", 0.4), *steps(3)]}
    table_LE = _table(epochs, ["a", "b"], "gradient_norm")
    np.testing.assert_array_equal(table_LE, [[0.1, np.nan], [0.2, 0.4]])


def test_nothing_to_draw_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least one row of a layer"):
        draw_layer_statistics({1: []}, tmp_path / "p")
