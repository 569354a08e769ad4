"""CIFAR-10 and the archive that it comes in."""

import gzip
import hashlib
import io
import tarfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from saccade.core.errors import UserError
from saccade.datasets import cifar10
from saccade.io.downloads import RemoteFile

NAMES = [*(f"data_batch_{number}.bin" for number in (1, 2, 3, 4, 5)), "test_batch.bin"]
CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
COUNT = 2  # records a batch, in place of 10,000


def picture(seed: int) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def record(label: int, image: Image.Image) -> bytes:
    """As the publisher describes it: the label, then the red, the green and the blue plane, each row by row."""
    return bytes([label]) + b"".join(band.tobytes() for band in image.split())


def published_files() -> dict[str, bytes]:
    """Names in the archive and contents; batch b holds the labels b and 9 - b, and the pictures 2 b and 2 b + 1."""
    batches = {
        f"cifar-10-batches-bin/{name}": record(b, picture(2 * b)) + record(9 - b, picture(2 * b + 1))
        for b, name in enumerate(NAMES)
    }
    return {
        "cifar-10-batches-bin/": b"",
        "cifar-10-batches-bin/batches.meta.txt": ("\n".join(CLASSES) + "\n\n").encode(),
        "cifar-10-batches-bin/readme.html": b"<html>",
        **dict(reversed(batches.items())),  # not in the order of the batches
    }


def packed(files: Mapping[str, bytes]) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name.rstrip("/"))
            info.type, info.size = (tarfile.DIRTYPE, 0) if name.endswith("/") else (tarfile.REGTYPE, len(content))
            tar.addfile(info, io.BytesIO(content))
    return target.getvalue()


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cifar10, "_NUM_RECORDS", COUNT)


@pytest.fixture
def write(tmp_path: Path) -> Callable[[bytes], Path]:
    """``write(content)`` is a folder that holds the archive."""

    def to_folder(content: bytes) -> Path:
        (tmp_path / "cifar-10-binary.tar.gz").write_bytes(content)
        return tmp_path

    return to_folder


def test_the_archive_is_fetched_and_read(
    tmp_path: Path, serve: Callable[[Path], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    content = packed(published_files())
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "cifar-10-binary.tar.gz").write_bytes(content)
    address = f"{serve(tmp_path / 'web')}/cifar-10-binary.tar.gz"
    file = RemoteFile("cifar-10-binary.tar.gz", hashlib.sha256(content).hexdigest(), len(content), (address,))
    monkeypatch.setattr(cifar10, "_FILE", file)
    cifar10.fetch(tmp_path / "raw")
    assert [path.name for path in (tmp_path / "raw").iterdir()] == ["cifar-10-binary.tar.gz"]

    examples = cifar10.read(tmp_path / "raw")
    assert list(examples.classes) == CLASSES
    assert examples.labels.dtype == np.int64
    assert examples.labels.tolist() == [0, 9, 1, 8, 2, 7, 3, 6, 4, 5, 5, 4]
    assert examples.published_splits == ["train"] * 10 + ["test"] * 2
    assert len(set(examples.ids)) == 12
    for i in range(12):
        image = examples.image(i)
        assert image.dtype == np.uint8 and image.flags.c_contiguous
        np.testing.assert_array_equal(image, np.asarray(picture(i)))


def test_other_bytes_are_refused(tmp_path: Path, write: Callable[[bytes], Path]) -> None:
    folder = write(packed(published_files()))
    with pytest.raises(UserError, match=r"cifar-10-binary\.tar\.gz must be 170052171 bytes long, but is \d+"):
        cifar10.fetch(tmp_path / "raw", mirror=str(folder))


def test_equal_pictures_have_equal_ids(write: Callable[[bytes], Path]) -> None:
    files = published_files()
    files["cifar-10-batches-bin/test_batch.bin"] = record(3, picture(0)) + record(7, picture(99))
    ids = cifar10.read(write(packed(files))).ids
    assert ids[10] == ids[0] and len(set(ids)) == 11


def test_names_may_begin_with_the_folder_that_was_packed(write: Callable[[bytes], Path]) -> None:
    files = {f"./{name}": content for name, content in published_files().items()}
    assert len(cifar10.read(write(packed(files))).labels) == 12


BATCH = "cifar-10-batches-bin/data_batch_2.bin"
META = "cifar-10-batches-bin/batches.meta.txt"


def changed(name: str, content: bytes) -> bytes:
    return packed(published_files() | {name: content})


def without(name: str) -> bytes:
    return packed({key: content for key, content in published_files().items() if key != name})


def broken_behind(num_bytes: int) -> bytes:
    """The archive, whose compressed data make no sense behind the first bytes of the tar."""
    compressor = zlib.compressobj(wbits=31)
    start = compressor.compress(gzip.decompress(WHOLE)[:num_bytes])
    return start + compressor.flush(zlib.Z_FULL_FLUSH) + b"\xff" * 30


WHOLE = packed(published_files())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"<html>", r"must be a whole \.tar\.gz file: Not a gzipped file", id="not gzip"),
        pytest.param(gzip.compress(b"text"), r"must be a whole \.tar\.gz file: .*(header|truncated)", id="no tar"),
        pytest.param(gzip.compress(b""), r"must be a whole \.tar\.gz file: empty", id="empty"),
        pytest.param(WHOLE[:-2000], r"must be a whole \.tar\.gz file: .*end", id="cut"),
        pytest.param(WHOLE[:-4], r"must be a whole \.tar\.gz file: .*end-of-stream", id="last bytes"),
        pytest.param(WHOLE[:-8] + bytes(8), r"must be a whole \.tar\.gz file: CRC check failed", id="checksum"),
        pytest.param(WHOLE[:10] + b"\xff" * 30, r"must be a whole \.tar\.gz file: .*Error -3", id="gzip bad"),
        pytest.param(broken_behind(25_000), r"must be a whole \.tar\.gz file: Error -3", id="gzip bad inside"),
        pytest.param(
            gzip.compress(gzip.decompress(WHOLE)[:9000]),
            r"must be a whole \.tar\.gz file: unexpected end of data",
            id="tar cut",
        ),
        pytest.param(
            changed(BATCH, bytes(6145)),
            r"data_batch_2\.bin must be 6146 bytes long, 2 records of 3073, but is 6145\.",
            id="short",
        ),
        pytest.param(
            changed(BATCH, bytes(6147)), r"data_batch_2\.bin must be 6146 bytes long, .* but is 6147\.", id="long"
        ),
        pytest.param(
            changed(BATCH, record(9, picture(0)) + record(10, picture(1))),
            r"data_batch_2\.bin must hold labels in \[0, 10\), but that of record 1 is 10\.",
            id="label",
        ),
        pytest.param(
            without(BATCH), r"must hold data_batch_2\.bin in cifar-10-batches-bin, but does not\.", id="batch missing"
        ),
        pytest.param(without(META), r"must hold batches\.meta\.txt in cifar-10-batches-bin", id="names missing"),
        pytest.param(
            changed(META, "\n".join(["plane", *CLASSES[1:]]).encode()),
            r"batches\.meta\.txt must name airplane, .*, but names plane, automobile, ",
            id="other names",
        ),
        pytest.param(changed(META, b""), r"batches\.meta\.txt must name airplane, .*, but names none\.", id="no names"),
    ],
)
def test_a_damaged_archive_is_named(write: Callable[[bytes], Path], content: bytes, message: str) -> None:
    folder = write(content)
    with pytest.raises(UserError, match=rf"cifar-10-binary\.tar\.gz.*{message}.* Fetch the dataset again\."):
        cifar10.read(folder)


def test_a_missing_archive_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cifar-10-binary\.tar\.gz is missing\. Fetch the dataset again\."):
        cifar10.read(tmp_path)
