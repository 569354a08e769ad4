"""The sheet of views: drawn by augment, shown by the report of the dataset, sent along with a training."""

import base64
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from conftest import Ended, Tree
from PIL import Image
from small_runs import dataset_entry, params_text, run_entry

pytestmark = pytest.mark.timeout(900)

SHEET, REPORT = Path("reports/datasets/digits.views/views.png"), Path("reports/datasets/digits")
TRAIN = "{epochs: 1, batch_size: 50, optimizer: {name: sgd, lr: 0.1}}"


def params_with(views: str) -> str:
    augment = f"{{{views}, transforms: [{{name: HorizontalFlip, p: 1.0}}]}}"
    return params_text([run_entry("short", TRAIN)], datasets=[dataset_entry(augment=augment)])


def writing(text: str) -> list[str]:
    """A command that writes params.yaml."""
    return ["!", f"from pathlib import Path; Path('params.yaml').write_text({text!r})"]


COMMANDS: dict[str, list[str]] = {
    "params": writing(params_with("views: 3")),
    "fetch": ["fetch", "digits"],
    "preprocess": ["preprocess", "digits"],
    "augment": ["augment", "digits"],
    "preview": ["preview", "digits", "--out", "preview.png"],
    "keep the sheet": ["!", f"import shutil; shutil.copy({str(SHEET)!r}, 'stored.png')"],
    "train": ["train", "short"],
    "params, online": writing(params_with("mode: online")),
    "online": ["augment", "digits"],
    "keep it, online": ["!", f"import shutil; shutil.copy({str(SHEET)!r}, 'online.png')"],
    "params, none": writing(params_with("views: 0")),
    "no views": ["augment", "digits"],
    "train without": ["train", "short", "--fresh"],
}


@pytest.fixture(scope="module")
def results(make_tree: Callable[..., Tree]) -> tuple[Tree, dict[str, Ended]]:
    tree = make_tree(tracks=False)
    ended, _ = tree.run_all(*COMMANDS.values())
    assert [each.code for each in ended] == [0] * len(COMMANDS), ended
    return tree, dict(zip(COMMANDS, ended, strict=True))


class Images(HTMLParser):
    """The images of one section of a page, as their attributes."""

    def __init__(self, page: Path, section: str) -> None:
        super().__init__()
        self.found: list[dict[str, str | None]] = []
        self._section, self._is_inside = section, False
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "section":
            self._is_inside = dict(attrs)["id"] == self._section
        elif tag == "img" and self._is_inside:
            self.found.append(dict(attrs))

    handle_startendtag = handle_starttag


def found(tree: Tree, dataset: str) -> dict[str, str]:
    """The texts in the folder of a sheet."""
    folder = tree.root / "reports" / "datasets" / f"{dataset}.views"
    return {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}


def test_augment_draws_what_preview_draws(results: tuple[Tree, dict[str, Ended]]) -> None:
    """And what that is, test_preview.py compares with the stored views."""
    tree, ended = results
    assert ended["augment"].out.splitlines()[-2:] == ["augmented digits: 3 views", f"drawn: {SHEET}"]
    assert (tree.root / "stored.png").read_bytes() == (tree.root / "preview.png").read_bytes()


def test_online_views_are_drawn_too(results: tuple[Tree, dict[str, Ended]]) -> None:
    tree, ended = results
    assert ended["online"].out.endswith(f"drawn: {SHEET}\n")
    widths = []
    for name in ("stored", "online"):
        with Image.open(tree.root / f"{name}.png") as picture:
            widths.append(picture.width)
    assert widths[1] > widths[0]  # six views of an endless number, where three were stored


def test_without_views_a_file_says_why(results: tuple[Tree, dict[str, Ended]]) -> None:
    tree, ended = results
    assert ended["no views"].out.splitlines()[-1] == "augmented digits: 0 views"
    told = "no views are made of digits: its augment: in params.yaml asks for none\n"
    assert found(tree, "digits") == {"none.txt": told}


def test_the_report_shows_the_sheet_where_augment_puts_it(results: tuple[Tree, dict[str, Ended]]) -> None:
    tree, _ = results
    (image,) = Images(tree.root / REPORT / "report.html", "views").found
    assert (tree.root / REPORT / str(image["src"])).resolve() == (tree.root / SHEET).resolve()
    assert image["alt"] and "no views are made" in image["alt"]
    assert f"]({image['src']})" in (tree.root / REPORT / "summary.md").read_text(encoding="utf-8")


def test_a_training_keeps_the_sheet_inside_the_page_and_beside_it(results: tuple[Tree, dict[str, Ended]]) -> None:
    tree, _ = results
    folders = sorted(
        (tree.root / ".saccade" / "runs").glob("*/dataset"), key=lambda path: (path / "views.png").exists()
    )
    without, with_views = folders  # of the second training and of the first
    content = (tree.root / "stored.png").read_bytes()
    assert (with_views / "views.png").read_bytes() == content
    (image,) = Images(with_views / "report.html", "views").found
    head, encoded = str(image["src"]).split(",")
    assert head == "data:image/png;base64" and base64.b64decode(encoded) == content
    assert "](views.png)" in (with_views / "summary.md").read_text(encoding="utf-8")
    assert (with_views / "samples.png").read_bytes() == (tree.root / REPORT / "samples.png").read_bytes()
    assert not (without / "views.png").exists()
    assert (without / "report.html").read_bytes() == (tree.root / REPORT / "report.html").read_bytes()


def test_a_sheet_that_cannot_be_drawn_is_told_and_the_views_stay(results: tuple[Tree, dict[str, Ended]]) -> None:
    tree, _ = results
    refuse = (
        "import saccade.augment.preview as sheet; from saccade.core.errors import UserError\n"
        "def refuse(*_, **__): raise UserError('a transform refuses')\n"
        "sheet.draw_preview = refuse"
    )
    (*_, ended), _ = tree.run_all(writing(params_with("views: 2")), ["!", refuse], ["augment", "digits"])
    assert (ended.code, ended.out.splitlines()[-1]) == (0, "augmented digits: 2 views")
    assert ended.err.splitlines()[-1] == "digits: no sheet of its views was drawn, because a transform refuses"
    assert len(np.load(tree.root / "data/augmented/digits/train.npy")) == 2
    assert found(tree, "digits") == {"none.txt": "no sheet was drawn, because a transform refuses\n"}


def test_series_have_no_sheet(tree: Tree) -> None:
    text = dataset_entry("sums").replace("name: digits", "name: adding, length: 4, examples: 40")
    text = text.replace("{size: [20, 20], channels: 1, near_duplicates: false}", "{}")
    tree.params.write_text(params_text([], datasets=[text]).replace("runs:\n", "runs: {}\n"), encoding="utf-8")
    ended, _ = tree.run_all(["fetch", "sums"], ["preprocess", "sums"], ["augment", "sums"])
    assert [each.code for each in ended] == [0] * 3, ended
    assert list(found(tree, "sums")) == ["none.txt"]
    assert not Images(tree.root / "reports/datasets/sums/report.html", "views").found
