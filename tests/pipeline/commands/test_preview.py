"""``saccade preview`` and ``saccade describe policy``, as users call them."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from conftest import Ended, Tree
from PIL import Image
from ruamel.yaml import YAML

from pipeline.commands.describe_policy import flow_yaml
from saccade.augment.policies import POLICIES, resolve_transforms

_POLICIES = [name for name in POLICIES if name != "none"]
_EDIT = "from pathlib import Path; p = Path('params.yaml'); p.write_text(p.read_text().replace({old!r}, {new!r}))"
COMMANDS: dict[str, list[str]] = {
    "not prepared": ["preview", "digits"],
    "fetch": ["fetch", "digits"],
    "preprocess": ["preprocess", "digits"],
    "default": ["preview", "digits"],
    "a policy": ["preview", "digits", "--policy", "print-defects", "--out", "made/here.png"],
    "three rows": ["preview", "digits", "--policy", "print-defects", "--rows", "3", "--out", "made/three.png"],
    "again": ["preview", "digits", "--policy", "print-defects", "--out", "made/again.png"],
    "no policy": ["preview", "digits", "--policy", "print-defect"],
    "colour alone": ["preview", "digits", "--policy", "microscopy"],
    "no png": ["preview", "digits", "--out", "here.jpg"],
    "nothing to show": ["preview", "digits", "--policy", "none"],
    "edit": ["!", _EDIT.format(old="views: 8", new="include_original: true\n      views: 3")],
    "augment": ["augment", "digits"],
    "with the original": ["preview", "digits", "--out", "made/original.png"],
    "policies": ["describe", "policy"],
    **{name: ["describe", "policy", name, "--size", "24x30"] for name in POLICIES},
    "unknown": ["describe", "policy", "cifar"],
    "wrong size": ["describe", "policy", "digits", "--size", "28"],
}


@pytest.fixture(scope="module")
def tree(make_tree: Callable[..., Tree]) -> Tree:
    return make_tree(tracks=False)


@pytest.fixture(scope="module")
def ended(tree: Tree) -> dict[str, Ended]:
    results, _ = tree.run_all(*COMMANDS.values())
    return dict(zip(COMMANDS, results, strict=True))


def sheet(tree: Tree, name: str) -> np.ndarray:
    with Image.open(io.BytesIO((tree.root / name).read_bytes())) as picture:
        assert picture.format == "PNG"
        return np.asarray(picture)


def test_the_sheet_lies_beside_the_reports_and_is_the_same_on_every_call(ended: dict[str, Ended], tree: Tree) -> None:
    assert ended["default"] == (0, "drawn: reports/digits-preview.png\n", "")
    assert ended["a policy"].code == 0, ended["a policy"]
    assert sheet(tree, "reports/digits-preview.png").ndim == 2  # grey images, grey sheet
    assert (tree.root / "made/here.png").read_bytes() == (tree.root / "made/again.png").read_bytes()


def test_the_sheet_shows_the_views_that_are_stored(ended: dict[str, Ended], tree: Tree) -> None:
    assert "augmented digits: 3 views, the first of them the original\n" in ended["augment"].out, ended["augment"]
    views, labels = (
        np.load(tree.root / f"data/{name}.npy") for name in ("augmented/digits/train", "prepared/digits/train_labels")
    )
    first = int(np.flatnonzero(labels == 0)[0])
    shown = np.asarray(sheet(tree, "made/original.png"))

    def places(image_HW: np.ndarray) -> set[tuple[int, int]]:
        big = np.kron(image_HW, np.ones((2, 2), np.uint8))
        height, width = big.shape
        corners = np.argwhere(shown[: -height + 1, : -width + 1] == big[0, 0])
        return {(int(y), int(x)) for y, x in corners if (shown[y : y + height, x : x + width] == big).all()}

    original, view_1, view_2 = (places(views[view, first, ..., 0]) for view in range(3))
    row = min(original)[0]
    columns = sorted(x for y, x in original if y == row)
    assert len(columns) == 2  # the original, and view 0
    assert {(row, columns[1] + 70), (row, columns[1] + 140)} == {min(view_1), min(view_2)}


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (
            "not prepared",
            "error: data/prepared/digits/dataset.json does not exist. Make it with `saccade preprocess digits`.",
        ),
        ("no policy", "error: no policy is called 'print-defect'; did you mean 'print-defects'?"),
        ("colour alone", "error: microscopy takes images of 3 channels, but digits has 1: stains are told apart"),
        ("no png", "error: --out (here.jpg) must end in .png"),
        (
            "nothing to show",
            "error: digits has no transforms to show. `saccade preview digits --policy NAME` tries a policy.",
        ),
        ("unknown", "error: no policy is called 'cifar'; did you mean"),
        ("wrong size", "error: --size (28) must be HxW, such as 32x32"),
    ],
)
def test_errors_name_the_remedy(ended: dict[str, Ended], command: str, message: str) -> None:
    assert (ended[command].code, ended[command].out) == (1, "")
    assert ended[command].err.startswith(message)


def test_policies_are_listed(ended: dict[str, Ended]) -> None:
    *lines, hint = ended["policies"].out.splitlines()
    assert [line.split()[0] for line in lines] == list(POLICIES)
    assert "describe policy NAME" in hint
    assert next(line for line in lines if "3 channels" in line).startswith("microscopy")


@pytest.mark.parametrize("name", POLICIES)
def test_a_policy_is_printed_as_yaml_that_gives_its_transforms(ended: dict[str, Ended], name: str) -> None:
    text = ended[name].out
    written = YAML(typ="safe", pure=True).load(text)
    assert written == {"transforms": resolve_transforms(name, height=24, width=30)}
    for step in POLICIES[name].steps(24, 30):
        assert f"# {step.note}\n  - {{name: {step.transform['name']}" in text
    assert all(len(line) <= 120 for line in text.splitlines() if "#" in line)


def test_values_are_written_as_yaml_reads_them() -> None:
    value = {"name": "X", "a": [1, -0.5, 1e-6], "b": True, "c": {"d": "area"}}
    assert YAML(typ="safe", pure=True).load(flow_yaml(value)) == value


def test_fewer_rows_make_a_lower_sheet(ended: dict[str, Ended], tree: Tree) -> None:
    assert ended["three rows"].code == 0, ended["three rows"]
    few, many = (sheet(tree, name).shape for name in ("made/three.png", "made/here.png"))
    assert many[0] - few[0] == 2 * 7 * 70 and many[1] == few[1]  # seven rows of two parts, 64 pixels and a margin
