"""One pass over pictures: the same images, digests and sizes as one by one, with any number of threads.

Shapes: N images, H height, W width, C channels.
"""

import io
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from saccade.kinds.image.checks.decode_pass import Inspected, digest_of, inspect_images
from saccade.kinds.image.pixels.decode import decode_image, decode_values
from saccade.kinds.image.pixels.frames import Frame
from saccade.kinds.image.pixels.resize import prepare_image
from saccade.readers.examples import ImageExamples

N = 83
_BROKEN = {5: b"", 40: b"<html>not found</html>", 82: b"\xff\xd8\xff\xe0 cut short"}


def file_of(i: int) -> bytes:
    if i in _BROKEN:
        return _BROKEN[i]
    height, width = 6 + i % 5, 9 + i % 3
    pixels = np.random.default_rng(i // 2).integers(0, 256, size=(height, width, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels[:8, :10]).save(file, "PNG", compress_level=i % 9)
    return file.getvalue()


def examples(load: Any = file_of) -> ImageExamples:
    return ImageExamples(("a", "b"), np.arange(N) % 2, load, [str(i) for i in range(N)], decode=decode_image)


def inspect(folder: Path, **options: Any) -> Inspected:
    folder.mkdir()
    return inspect_images(examples(), folder, **{"size": (7, 5), "channels": 3, **options})


@pytest.mark.parametrize("threads", [1, 2, 7])
def test_each_image_is_what_it_would_be_alone(tmp_path: Path, threads: int) -> None:
    found = inspect(tmp_path / "a", threads=threads, fit="pad")
    assert found.images.shape == (N, 7, 5, 3) and found.images.dtype == np.uint8
    for i in range(N):
        if i in _BROKEN:
            assert not found.images[i].any() and found.sides[i].tolist() == [0, 0]
            continue
        image = decode_image(file_of(i))
        np.testing.assert_array_equal(found.images[i], prepare_image(image, (7, 5), 3, "pad"))
        assert found.sides[i].tolist() == list(image.shape[:2])


@pytest.mark.parametrize("threads", [1, 3])
def test_deep_values_are_scaled_once_all_were_seen(tmp_path: Path, threads: int) -> None:
    random = np.random.default_rng(4)
    deep = {i: random.integers(0, 3000 + 10 * i, (6, 8), dtype=np.uint16) for i in range(0, 60, 7)}

    def load(i: int) -> bytes:
        file = io.BytesIO()
        Image.fromarray(deep.get(i, np.full((6, 8), i, np.uint8))).save(file, "PNG")
        return file.getvalue()

    mixed = ImageExamples(("a", "b"), np.arange(60) % 2, load, list(map(str, range(60))), decode_values=decode_values)
    for wanted, high in (("found", 4095), ("type", 65535), ((0.0, 3000.0), 3000)):
        folder = tmp_path / str(wanted)
        folder.mkdir()
        found = inspect_images(mixed, folder, size=(6, 8), channels=1, threads=threads, value_range=wanted)
        for i in range(60):
            expected = np.full((6, 8), i)
            if i in deep:
                expected = np.rint(np.clip(deep[i] / high, 0, 1) * 255)
            np.testing.assert_array_equal(found.images[i, ..., 0], expected)
            assert found.sides[i].tolist() == [6, 8] and found.thumbnails[i].any() == (i > 0 or i in deep)
        assert found.scale.limits == (None if wanted == "type" else (0, high)) and found.values.pictures == len(deep)
        assert found.scale.goes_first == (not isinstance(wanted, str)) and not found.unreadable


def test_files_of_several_frames_are_listed(tmp_path: Path) -> None:
    file, frames = io.BytesIO(), [Image.new("L", (5, 4), level) for level in (1, 2)]
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    contents = [file_of(0), file.getvalue(), Frame(file.getvalue(), 1)]
    some = ImageExamples(("a",), np.zeros(3), contents.__getitem__, list("abc"), decode_values=decode_values)
    found = inspect_images(some, tmp_path, size=(4, 5), channels=1)
    assert list(found.several) == [1] and found.images[1:, 0, 0, 0].tolist() == [1, 2]


def test_what_cannot_be_read_is_told_and_the_rest_goes_on(tmp_path: Path) -> None:
    found = inspect(tmp_path / "a")
    assert list(found.unreadable) == sorted(_BROKEN)
    assert "must be a picture" in found.unreadable[5] and "must be a picture" in found.unreadable[40]
    assert found.is_readable.tolist() == [i not in _BROKEN for i in range(N)]


def test_digests_are_equal_where_the_resized_pixels_and_the_size_before_are(tmp_path: Path) -> None:
    found = inspect(tmp_path / "a")
    for i in range(N):
        for j in range(N):
            if i not in _BROKEN and j not in _BROKEN:
                same_size = found.sides[i].tolist() == found.sides[j].tolist()
                same_pixels = np.array_equal(found.images[i], found.images[j])
                assert (found.digests[i] == found.digests[j]) == (same_size and same_pixels)


def test_digests_know_the_shape() -> None:
    images = [np.arange(12, dtype=np.uint8).reshape(shape) for shape in ((3, 4), (4, 3), (2, 2, 3))]
    assert len({digest_of(image) for image in images}) == 3
    assert digest_of(images[0]) == digest_of(images[0].copy()) != digest_of(images[0][::-1])


def test_files_are_read_in_order_by_one_thread_and_not_far_ahead(tmp_path: Path) -> None:
    read: list[tuple[int, int]] = []
    far_ahead = 0
    done = 0

    def load(i: int) -> bytes:
        nonlocal far_ahead
        read.append((i, threading.get_ident()))
        far_ahead = max(far_ahead, i - done)
        return file_of(i)

    def progress(what: str, count: int, total: int | None) -> None:
        nonlocal done
        done = count

    inspect_images(examples(load), tmp_path, size=(7, 5), channels=3, threads=1, progress=progress)
    assert [i for i, _ in read] == list(range(N)) and len({thread for _, thread in read}) == 1
    assert far_ahead <= 4 * 16 and done == N


def test_an_error_of_the_source_ends_it(tmp_path: Path) -> None:
    def load(i: int) -> bytes:
        if i == 30:
            raise OSError("the disk is gone")
        return file_of(i)

    with pytest.raises(OSError, match="the disk is gone"):
        inspect_images(examples(load), tmp_path, size=(7, 5), channels=3)
