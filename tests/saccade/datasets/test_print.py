"""Print as a source draws and reads it."""

import hashlib
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from saccade.core.errors import UserError
from saccade.datasets import print_characters, print_lines

ROOT = Path(__file__).resolve().parents[3]
DRAWING_CODE = (
    *sorted((ROOT / "src/saccade/lettering").glob("*.py")),
    ROOT / "src/saccade/augment/print_defects.py",
    ROOT / "src/saccade/transforms/custom_transforms.py",
)


@pytest.mark.parametrize("source", [print_characters, print_lines])
def test_other_drawing_code_is_another_source(source: ModuleType) -> None:
    """``fetch`` depends on its source's file alone: without this, old drawings would stay when the code changes."""
    content = b"".join(path.read_text(encoding="utf-8").encode() for path in DRAWING_CODE)
    digest = hashlib.sha256(content).hexdigest()[:16]
    assert digest == source.DRAWN_BY, f"the code that draws has changed: set DRAWN_BY to {digest!r} in both sources"


def test_characters_are_drawn_and_read(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        print_characters.fetch(tmp_path / name, alphabet="/.\"'é", sizes=[8, 10], per_class=4)
    examples = print_characters.read(tmp_path / "a")
    assert examples.classes == ('"', "'", ".", "/", "é")
    assert examples.labels.tolist() == [label for label in range(5) for _ in range(4)]
    images = [examples.image(i) for i in range(20)]
    assert all(image.dtype == np.uint8 and image.shape[0] == image.shape[1] >= 16 for image in images)
    assert not any("/" in name.split(" ")[0] for name in examples.names) and examples.name(12).startswith("U+002F ")
    assert set(examples.groups) == {"family", "style", "size"} and set(examples.groups["size"]) <= {
        "08 px",
        "09 px",
        "10 px",
    }
    assert any("indicative" in note for note in examples.notes)
    assert (tmp_path / "a/pixels.bin").read_bytes() == (tmp_path / "b/pixels.bin").read_bytes()


def test_lines_are_drawn_and_read(tmp_path: Path) -> None:
    print_lines.fetch(tmp_path, lines=12, sizes=[8, 10], defects="none")
    examples = print_lines.read(tmp_path)
    assert len(examples.texts) == 12 and examples.label(3) == examples.texts[3] and examples.classes == ()
    assert all(examples.image(i).shape[1] > 2 * examples.image(i).shape[0] for i in range(12))
    assert set(examples.groups) == {"family", "style", "size", "rule"}


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        (print_characters, {"per_class": 2}, r"per_class \(2\) must be at least 3"),
        (print_characters, {"seed": -1}, r"seed \(-1\) must be at least 0"),
        (print_characters, {"sizes": [24, 8]}, r"sizes \(\[24, 8\]\)"),
        (print_characters, {"alphabet": "a\u4e00"}, "no font has"),
        (print_lines, {"lines": 2}, r"lines \(2\) must be at least 3"),
        (print_lines, {"fonts": "nowhere"}, r"fonts \('nowhere'\) must be a folder"),
    ],
)
def test_what_cannot_be_drawn_is_refused(
    tmp_path: Path, source: ModuleType, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        source.fetch(tmp_path, **options)


def test_cut_pixels_are_refused(tmp_path: Path) -> None:
    print_characters.fetch(tmp_path, alphabet="ab", sizes=[8, 8], per_class=3, defects="none")
    (tmp_path / "pixels.bin").write_bytes((tmp_path / "pixels.bin").read_bytes()[:-1])
    with pytest.raises(UserError, match="must hold 1,536 bytes"):
        print_characters.read(tmp_path)
