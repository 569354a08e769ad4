"""New pictures are scaled as those of training were, and what is odd about them is said."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from saccade.data.spec import Spec
from saccade.kinds import NewExample, Reading
from saccade.kinds.image.new_examples import find_images, read_files

SPEC = Spec("image", (2, 3, 1), ("a", "b"))
DEEP_HW = np.array([[0, 1000, 2000], [3000, 4000, 4095]], np.uint16)


def write_deep(path: Path) -> str:
    Image.fromarray(DEEP_HW).save(path)
    return path.name


def write_frames(path: Path) -> str:
    frames = [Image.new("L", (3, 2), level) for level in (10, 20, 30)]
    frames[0].save(path, save_all=True, append_images=frames[1:])
    return path.name


def answers(reading: Reading) -> tuple[list[NewExample], list[str]]:
    new = read_files(reading)
    found = [example for batch in new.batches for example in batch]
    assert new.total == len(found) and list(new.names) == [example.name for example in found]
    return found, new.warnings


@pytest.mark.parametrize(("limits", "ignores"), [((0.0, 4095.0), False), ((1000.0, 3000.0), True)])
def test_deep_pictures_are_scaled_as_in_training(tmp_path: Path, limits: tuple[float, float], ignores: bool) -> None:
    spec = Spec("image", (2, 3, 1), ("a", "b"), value_range=limits, ignores_file_range=ignores)
    (found,), warnings = answers(Reading("run", spec, [write_deep(tmp_path / "x.png")], here=tmp_path))
    expected = np.rint(np.clip((DEEP_HW.astype(float) - limits[0]) / (limits[1] - limits[0]), 0, 1) * 255)
    np.testing.assert_array_equal(found.array[..., 0], expected)
    assert warnings == []
    assert Spec.from_dict(spec.to_dict()) == spec and "value_range" not in SPEC.to_dict()


def test_deep_pictures_that_training_had_none_of_are_told(tmp_path: Path) -> None:
    (found,), warnings = answers(Reading("run", SPEC, [write_deep(tmp_path / "x.png")], here=tmp_path))
    np.testing.assert_array_equal(found.array[..., 0], np.rint(DEEP_HW / 257))
    assert warnings == [
        "1 picture of more than 8 bits, such as x.png, and training had none: the type's range was scaled to 0 to 255"
    ]


def test_each_frame_is_asked_where_each_was_learnt_from(tmp_path: Path) -> None:
    paths = [write_frames(tmp_path / "scan.tif"), "gone.png"]
    Image.new("L", (3, 2), 40).save(tmp_path / "gone.png")
    found, warnings = answers(Reading("run", SPEC, paths, here=tmp_path))
    assert [example.array[0, 0, 0] for example in found] == [10, 40]
    assert [example.place for example in found] == [{"path": "scan.tif"}, {"path": "gone.png"}]
    assert warnings == ["1 file of several frames, such as scan.tif: the first of each was taken, as in training"]
    found, warnings = answers(Reading("run", SPEC, paths, here=tmp_path, source={"frames": "all"}))
    assert [(example.name, example.array[0, 0, 0]) for example in found] == [
        *((f"scan.tif (frame {number})", 10 * number) for number in (1, 2, 3)),
        ("gone.png", 40),
    ]
    assert found[1].place == {"path": "scan.tif", "frame": 2} and warnings == []


def test_a_folder_stands_for_dicoms_too(tmp_path: Path) -> None:
    (tmp_path / "scans").mkdir()
    for name, content in (
        ("IM01", bytes(128) + b"DICM"),
        ("README", b"about"),
        ("1.2.3", bytes(128) + b"DICM"),
        ("x.md", b""),
    ):
        (tmp_path / "scans" / name).write_bytes(content)
    assert find_images(["scans"], tmp_path) == ["scans/1.2.3", "scans/IM01"]


def test_damaged_files_are_told_by_name(tmp_path: Path) -> None:
    file = io.BytesIO()
    Image.fromarray(DEEP_HW).save(file, "PNG")
    (tmp_path / "cut.png").write_bytes(file.getvalue()[:45])
    (found,), _ = answers(Reading("run", SPEC, ["cut.png"], here=tmp_path, source={"frames": "all"}))
    assert "must be a whole picture" in str(found.array)
