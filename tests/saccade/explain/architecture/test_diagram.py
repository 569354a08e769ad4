"""Pictures of networks: what is drawn, how large, and that nothing lies on anything else."""

import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from saccade.core.errors import UserError
from saccade.explain.architecture.diagram import draw_network, network_figure
from saccade.explain.architecture.diagram_blocks import DiagramBlock
from saccade.explain.architecture.memory import Memory
from saccade.explain.architecture.summary import NetworkSummary

LENET = (
    DiagramBlock("Conv2d", "5x5", (6, 28, 28)),
    DiagramBlock("MaxPool2d", "2x2 / 2", (6, 14, 14)),
    DiagramBlock("Conv2d", "5x5", (16, 10, 10)),
    DiagramBlock("Linear", "", (120,)),
    DiagramBlock("Linear", "", (10,)),
)
ROWS = (DiagramBlock("ImageRows", "", (28, 20)), DiagramBlock("LSTM", "", (28, 128)), DiagramBlock("Linear", "", (10,)))
DEEP = (
    tuple(
        DiagramBlock("SomeVeryLongNameOfABlock", "", (2**i, 256 >> i, 256 >> i), has_branches=True, count=3)
        for i in range(9)
    )
    * 3
)
STRIPS = (
    DiagramBlock("ColumnStrips", "", (6, 1, 28, 8)),
    DiagramBlock("Conv2d", "3x3", (16, 28, 8)),
    DiagramBlock("LSTM", "", (6, 5)),
)
EVERY_NETWORK = pytest.mark.parametrize(
    ("input_shape", "blocks"),
    [((1, 32, 32), LENET), ((1, 28, 20), ROWS), ((3, 256, 256), DEEP), ((1, 28, 28), STRIPS), ((50, 2), ROWS[1:])],
    ids=["lenet", "rows", "deep", "strips", "series"],
)


def description(input_shape: tuple[int, ...], blocks: tuple[DiagramBlock, ...]) -> NetworkSummary:
    return NetworkSummary(
        input_shape=input_shape,
        layers=(),
        blocks=blocks,
        parameters=61_706,
        trainable=61_706,
        macs=416_520,
        training_only_parameters=0,
        training_only_macs=0,
        memory=Memory(1, 0, 0, 0, 0, 1),
    )


def texts_of(figure: Any) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts if text.get_text()]


def fronts(figure: Any) -> list[tuple[float, float]]:
    """Width and height in inches of each block's front; the third face is its right side, the second its top."""
    corners = [patch.get_xy() for patch in figure.axes[0].patches[::3]]
    return [tuple(np.ptp(one, axis=0)) for one in corners]


def depths(figure: Any) -> list[float]:
    return [np.ptp(patch.get_xy()[:, 0]) for patch in figure.axes[0].patches[2::3]]


@EVERY_NETWORK
def test_nothing_lies_on_anything_else(input_shape: tuple[int, ...], blocks: tuple[DiagramBlock, ...]) -> None:
    figure = network_figure("network", description(input_shape, blocks))
    figure.canvas.draw()
    shown = [text.get_window_extent() for text in figure.axes[0].texts if text.get_text()]
    faces = [patch.get_window_extent() for patch in figure.axes[0].patches]
    solids = [faces[i].union(faces[i : i + 3]) for i in range(0, len(faces), 3)]
    assert len(solids) == 1 + len(blocks)
    for one, other in itertools.combinations([*shown, *solids], 2):
        assert not one.overlaps(other), (one, other)
    for box in [*shown, *solids]:
        assert figure.bbox.containsx(box.x0) and figure.bbox.containsx(box.x1)
        assert figure.bbox.containsy(box.y0) and figure.bbox.containsy(box.y1)


def test_blocks_are_to_scale_and_say_which() -> None:
    figure = network_figure("lenet5", description((1, 32, 32), LENET))
    widths, heights = zip(*fronts(figure), strict=True)
    sides = [32, 28, 14, 10]
    assert [height / heights[0] for height in heights[:4]] == pytest.approx([side / 32 for side in sides])
    assert [depth / depths(figure)[0] for depth in depths(figure)[:4]] == pytest.approx([side / 32 for side in sides])
    roots = [math.sqrt(channels / 6) for channels in (1, 6, 6, 16)]
    assert [width / widths[1] for width in widths[:4]] == pytest.approx(roots)
    # A vector's height is on the scale of the channels' thickness.
    assert heights[4] / widths[1] == pytest.approx(math.sqrt(120 / 6))
    assert texts_of(figure)[:3] == [
        "lenet5: 61,706 parameters, 416,520 multiply-adds",
        "height and depth: sides, to scale; thickness: channels, by their square root",
        "vectors stand upright: height by their square root",
    ]


def test_a_sequence_lies_flat() -> None:
    figure = network_figure("lstm", description((1, 28, 20), ROWS))
    (_, rows, lstm, linear), shown = fronts(figure), texts_of(figure)
    assert rows[0] == pytest.approx(lstm[0])
    assert lstm[1] / rows[1] == pytest.approx(math.sqrt(128 / 20))
    assert linear[1] / rows[1] == pytest.approx(math.sqrt(10 / 20))
    assert "sequences lie flat: steps to the right, to scale; features upwards, by their square root" in shown


def test_labels_tell_shape_kind_and_window() -> None:
    shown = texts_of(network_figure("deep", description((3, 256, 256), (*LENET, *DEEP[:1]))))
    for label in ("3×256×256", "input", "6×28×28", "Conv2d", "5×5", "2×2 / 2", "SomeVeryLongNameOfABlock ×3"):
        assert label in shown
    assert "purple: sums or branches inside" in shown[1]
    assert "purple" not in " ".join(texts_of(network_figure("lenet5", description((1, 32, 32), LENET))))


def test_what_is_too_thin_to_see_is_drawn_all_the_same() -> None:
    figure = network_figure("thin", description((1, 512, 512), (DiagramBlock("Linear", "", (100_000,)), LENET[-1])))
    assert min(size for front in fronts(figure) for size in front) > 0.039


def test_many_blocks_go_on_in_the_next_row() -> None:
    figure = network_figure("deep", description((3, 256, 256), DEEP))
    width, height = figure.get_size_inches()
    assert width < 20 and height > 6


@pytest.mark.parametrize(("suffix", "start"), [(".png", b"\x89PNG"), (".SVG", b"<?xml"), (".pdf", b"%PDF")])
def test_the_suffix_says_which_format_and_the_bytes_stay_the_same(tmp_path: Path, suffix: str, start: bytes) -> None:
    import matplotlib

    told = description((1, 32, 32), LENET)
    one, again = tmp_path / "made" / f"one{suffix}", tmp_path / f"again{suffix}"
    draw_network("$lenet5_$", told, one)
    with matplotlib.rc_context({"figure.facecolor": "black", "font.size": 20, "savefig.dpi": 30}):
        draw_network("$lenet5_$", told, again)
    assert one.read_bytes().startswith(start)
    assert one.read_bytes() == again.read_bytes()
    assert not any(mark in one.read_bytes() for mark in (b"CreationDate", b"dc:date", b"tIME"))
    assert b"matplotlib" not in one.read_bytes().replace(b"matplotlib.org", b"").lower()[:2000]
    assert [path.name for path in one.parent.iterdir()] == [one.name]


def test_a_picture_has_the_size_of_its_figure(tmp_path: Path) -> None:
    told = description((1, 32, 32), LENET)
    draw_network("lenet5", told, tmp_path / "lenet5.png")
    with Image.open(tmp_path / "lenet5.png") as image:
        assert image.size == tuple(int(120 * inches) for inches in network_figure("lenet5", told).get_size_inches())


def test_another_suffix_is_refused_and_an_earlier_picture_kept(tmp_path: Path) -> None:
    (tmp_path / "net.jpg").write_bytes(b"earlier")
    with pytest.raises(UserError, match=r"figure \(.*net\.jpg\) must end in \.png, \.svg, \.pdf"):
        draw_network("lenet5", description((1, 32, 32), LENET), tmp_path / "net.jpg")
    assert (tmp_path / "net.jpg").read_bytes() == b"earlier"
