"""Lines of drawn pages: where they are, in which order they are read, and what is said of pages that are none."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from saccade.core.errors import UserError
from saccade.data.spec import Spec
from saccade.page_lines.draw import draw_page
from saccade.page_lines.find import find_lines
from saccade.page_lines.fonts import font_of_height
from saccade.page_lines.read_page import read_page
from saccade.transcripts.read_line import ReadCharacter, ReadLine

ROWS = (("SUPER MERCADO",), ("DATA 31/01/2019",), ("PAO", "1,20"), ("QUEIJO", "12,30"), ("TOTAL", "13,50"))


class StandIn:
    """A reader that answers each line with its number; lines darker on the left are read with confidence.

    Args:
        sure_if: function from the stored line to its confidence.
    """

    spec = Spec("image", (32, 320, 1), vocabulary=("<pad>", "<unknown>", "A"), output="transcript", is_padded=True)

    def __init__(self, sure_if=lambda line: 0.95) -> None:
        self.sure_if, self.count = sure_if, 0

    def read_lines(self, stored, batch_size=512, *, decoder=None):
        lines = []
        for line in stored.numpy():
            sure, text = self.sure_if(line), str(self.count)
            lines.append(ReadLine(text, sure, (ReadCharacter(text, sure, 0, 1),), 8))
            self.count += 1
        return lines


def drawn(rows=ROWS, *, size=20, sides=(420, 330), ink=20, paper=245) -> np.ndarray:
    page = Image.new("L", sides, paper)
    pen, font = ImageDraw.Draw(page), font_of_height("", 1, round(size / 0.7))
    for number, row in enumerate(rows):
        for text, x in zip(row, (30, 300), strict=False):
            pen.text((x, 30 + 2 * size * number), text, fill=ink, font=font)
    return np.asarray(page)


def turned(page: np.ndarray, degrees: float) -> np.ndarray:
    fill = int(page.max())
    return np.asarray(Image.fromarray(page).rotate(degrees, Image.Resampling.BICUBIC, fillcolor=fill))


def test_items_and_prices_are_lines_of_their_own_read_row_by_row() -> None:
    lines = find_lines(drawn()).lines
    assert [one.row for one in lines] == [0, 1, 2, 2, 3, 3, 4, 4]
    assert [one.box[0] > 200 for one in lines] == [False, False, False, True, False, True, False, True]
    for one in lines:
        x, y, width, height = one.box
        assert abs(y - (30 + 40 * one.row)) < 8
        assert 12 < height < 34
        assert (x, width) > (20, 20)


@pytest.mark.parametrize("degrees", [-3, 1.5, 3])
def test_a_turned_page_is_levelled_and_boxes_stay_in_the_page(degrees: float) -> None:
    found = find_lines(turned(drawn(), -degrees))
    assert abs(found.degrees - degrees) < 0.4
    assert [one.row for one in found.lines] == [0, 1, 2, 2, 3, 3, 4, 4]
    level = find_lines(drawn()).lines
    assert [abs(a.image.shape[0] - b.image.shape[0]) <= 4 for a, b in zip(found.lines, level, strict=True)] == [
        True
    ] * 8


def test_shadow_and_grey_paper_move_no_line() -> None:
    page = drawn().astype(np.float64)
    shade = np.where(np.arange(page.shape[1]) < 200, 0.45, 0.8)
    noise = np.random.default_rng(0).normal(0, 4, page.shape)
    photo = np.clip(page * shade + noise, 0, 255).astype(np.uint8)
    boxes = np.array([one.box for one in find_lines(photo).lines])
    np.testing.assert_allclose(boxes, [one.box for one in find_lines(drawn()).lines], atol=4)


def test_bright_print_on_dark_and_colour_are_pages_too() -> None:
    assert len(find_lines(255 - drawn()).lines) == 8
    coloured = np.stack([drawn(), drawn(ink=90), drawn(ink=120)], axis=2)
    lines = find_lines(coloured).lines
    assert len(lines) == 8
    assert lines[0].image.shape[2] == 3


@pytest.mark.parametrize("made", ["white", "black", "noise", "gradient"])
def test_a_page_without_print_has_no_line_and_says_so(made: str) -> None:
    noise = np.random.default_rng(1).normal(200, 8, (300, 240)).clip(0, 255).astype(np.uint8)
    page = {
        "white": np.full((300, 240), 255, np.uint8),
        "black": np.zeros((300, 240), np.uint8),
        "noise": noise,
        "gradient": np.tile(np.linspace(20, 250, 240).astype(np.uint8), (300, 1)),
    }[made]
    read = read_page(page, StandIn())
    assert not read.lines
    assert not read.fields
    assert "no line of print was found" in read.notes[0]


def test_a_single_line_is_told_from_a_page() -> None:
    read = read_page(drawn([("TOTAL 13,50",)], sides=(300, 70))[20:60], StandIn())
    assert len(read.lines) == 1
    assert "better without --page" in read.notes[0]


def test_a_long_page_of_ten_thousand_pixels_is_searched_whole() -> None:
    page = np.tile(np.pad(drawn(), ((0, 70), (0, 0)), constant_values=245), (25, 1))
    assert page.shape[0] == 10_000
    assert len(find_lines(page).lines) == 25 * 8


def test_two_columns_of_text_are_noticed() -> None:
    rows = [("the quick brown fox is", "over the lazy dog it is")] * 7
    page = drawn(rows, size=16, sides=(600, 330))
    assert "two columns" in " ".join(read_page(page, StandIn()).notes)
    assert not read_page(drawn(), StandIn()).notes


@pytest.mark.parametrize(("turns", "right"), [(1, 90), (2, 180), (3, 270)])
def test_a_page_that_stands_on_its_head_or_side_is_read_the_way_that_is_surest(turns: int, right: int) -> None:
    level = find_lines(drawn()).lines
    as_read = {one.image.tobytes() for one in level}
    reader = StandIn()

    def is_upright(line: np.ndarray) -> float:
        return 0.95 if any(np.array_equal(line, one) for one in known) else 0.05

    from saccade.kinds.image.pixels.line import prepare_line

    known = [prepare_line(one.image, reader.spec.shape) for one in level]
    reader.sure_if = is_upright
    read = read_page(np.ascontiguousarray(np.rot90(drawn(), turns)), reader)
    assert as_read
    assert read.turned == right
    assert f"turned by {right} degrees" in read.notes[0]
    H, W = drawn().shape
    x, y, width, height = level[0].box
    expected = {90: (y, W - x - width), 180: (W - x - width, H - y - height), 270: (H - y - height, x)}[right]
    np.testing.assert_allclose(read.lines[0].found.box[:2], expected, atol=2)


def test_a_page_becomes_text_and_json_and_a_picture(tmp_path: Path) -> None:
    read = read_page(drawn(), StandIn())
    assert read.text == "0\n1\n2   3\n4   5\n6   7"
    record = json.loads(json.dumps(read.record()))
    first = record["lines"][0]
    assert (first["x"], first["y"], first["width"], first["height"]) == read.lines[0].found.box
    assert first["confidence"] == 0.95
    draw_page(drawn(), read, tmp_path / "page.png")
    with Image.open(tmp_path / "page.png") as picture:
        assert picture.size == (2 * 420, 330)
        colours = {colour for _, colour in picture.getcolors(1 << 20)}
    assert (0, 120, 60) in colours


def test_pages_are_told_one_by_one_and_what_cannot_be_read_is_counted(tmp_path: Path, capsys) -> None:
    from pipeline.commands.predict_page import tell_pages

    Image.fromarray(drawn()).save(tmp_path / "page.png")
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(UserError, match="1 of 2 pages could not be read"):
        tell_pages(StandIn(), None, ["text.png", "page.png"], here=tmp_path, out=None, as_json=False)
    told = capsys.readouterr()
    assert "0\n1\n2   3" in told.out
    assert "text.png" in told.err
    with pytest.raises(UserError, match=r"--out \(a.png\) must be one .png for one page, and there are 2 pages"):
        tell_pages(StandIn(), None, ["a", "b"], here=tmp_path, out=tmp_path / "a.png", as_json=False)
