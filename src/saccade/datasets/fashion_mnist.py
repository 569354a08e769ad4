"""Fashion-MNIST: 70,000 shop photographs of clothes, grey, 28 x 28; 60,000 published for training, 10,000 as test set.

Source: https://github.com/zalandoresearch/fashion-mnist, the four files as published there; made to take the place of
MNIST's, whose names and form they have.
Citation: H. Xiao, K. Rasul and R. Vollgraf, "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning
Algorithms", 2017, https://arxiv.org/abs/1708.07747.
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
LICENCE = "MIT"

_ADDRESSES = (
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
)
_CONTENTS = {  # size in bytes and SHA-256
    "train-images-idx3-ubyte.gz": (26421880, "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"),
    "train-labels-idx1-ubyte.gz": (29515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"),
    "t10k-images-idx3-ubyte.gz": (4422102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"),
    "t10k-labels-idx1-ubyte.gz": (5148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"),
}
_FILES = mnist_files(_ADDRESSES, _CONTENTS)
_CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)


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
    return read_mnist_files(folder, _CLASSES)


def recognise(look: "Look") -> "list[Reading]":
    """The four published files; see ``saccade.recognition``."""
    from saccade.recognition.published import published_files

    return published_files(look, _FILES, "Fashion-MNIST as published")
