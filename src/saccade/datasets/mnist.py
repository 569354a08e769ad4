"""MNIST: 70,000 handwritten digits, grey, 28 x 28; 60,000 published for training and 10,000 as test set.

Source: http://yann.lecun.com/exdb/mnist/, the four files as published there; the other addresses hold the same bytes.
Citation: Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-based learning applied to document recognition",
Proceedings of the IEEE 86(11), 1998.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from saccade.core.progress import Progress, no_progress
from saccade.io.downloads import fetch_file
from saccade.kinds.image.pixels.idx import mnist_files, read_mnist_files
from saccade.readers.examples import ImageExamples

if TYPE_CHECKING:
    from saccade.recognition.look import Look
    from saccade.recognition.recognised import Reading

KIND = "image"
LABELS = "classes"
LICENCE = "none named by its publishers"

_ADDRESSES = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "http://yann.lecun.com/exdb/mnist/",  # the original; it often answers 403, hence last
)
_CONTENTS = {  # size in bytes and SHA-256
    "train-images-idx3-ubyte.gz": (9912422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
    "train-labels-idx1-ubyte.gz": (28881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
    "t10k-images-idx3-ubyte.gz": (1648877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
    "t10k-labels-idx1-ubyte.gz": (4542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
}
_FILES = mnist_files(_ADDRESSES, _CONTENTS)


def fetch(folder: Path, *, mirror: str | None = None, progress: Progress = no_progress) -> None:
    """Bring the four published files into ``folder``.

    Args:
        folder: output folder; files that are there and right are left alone.
        mirror: a local folder or an http(s) URL that holds files of the same names.
        progress: callback, called with each file's name, the bytes there and its size.

    Raises:
        UserError: a file could not be had, or is not the published one.
    """
    for file in _FILES:
        fetch_file(file, folder, mirror=mirror, progress=progress)


def read(folder: Path) -> ImageExamples:
    """Read the four files: uint8 (28, 28) images, background 0, training images first."""
    return read_mnist_files(folder, classes=tuple("0123456789"))


def recognise(look: "Look") -> "list[Reading]":
    """The four published files; see ``saccade.recognition``."""
    from saccade.recognition.published import published_files

    return published_files(look, _FILES, "MNIST as published")
