"""What a notebook calls: examples of the docstrings run, what is found can be shown, and wrong input is refused."""

import doctest
import io
import sys

import numpy as np
import pytest
from PIL import Image
from sequence_bundles import FORECAST, TEXTS, trained

from saccade import explain
from saccade.core.errors import UserError
from saccade.data.spec import Spec

IMAGES = Spec("image", (20, 18, 1), classes=("cat", "dog"))


@pytest.mark.parametrize("name", ["explain_image", "explain_text"])
def test_the_example_of_the_docstring_runs(name: str) -> None:
    function = getattr(explain, name)
    names = dict(vars(sys.modules[function.__module__]))
    (found,) = doctest.DocTestFinder(recurse=False).find(function, name, globs=names)
    assert found.examples and doctest.DocTestRunner().run(found).failed == 0


def test_every_name_that_it_offers_is_there() -> None:
    assert all(callable(getattr(explain, name)) for name in explain.__all__)


def test_what_is_found_can_be_shown() -> None:
    image = explain.explain_image(trained("lenet5", IMAGES), np.zeros(IMAGES.shape, np.uint8), ["saliency"])
    text = explain.explain_text(trained("lstm", TEXTS, hidden_size=4, embedding_size=3), "teahi")
    series = explain.explain_stored(trained("nlinear", FORECAST), np.ones(FORECAST.shape, np.float32))
    for one in (image, text, series):
        with Image.open(io.BytesIO(one._repr_png_())) as picture:
            assert picture.format == "PNG" and min(picture.size) > 30


def test_without_methods_the_quick_ones_that_fit() -> None:
    found = explain.explain_image(trained("lenet5", IMAGES), np.zeros(IMAGES.shape, np.uint8))
    assert [one.method for one in found.rows[0].explanations] == [
        "grad-cam",
        "layer-cam",
        "saliency",
        "guided-backpropagation",
    ]


def test_an_image_of_other_sides_and_an_exported_file_are_refused() -> None:
    with pytest.raises(UserError, match=r"the image \(18 x 20 x 1\) must be 20 x 18 x 1, as in training"):
        explain.explain_image(trained("lenet5", IMAGES), np.zeros((18, 20, 1), np.uint8))
    with pytest.raises(UserError, match="an exported file has no layers"):
        explain.explain_image(object(), np.zeros((18, 20, 1), np.uint8))  # type: ignore[arg-type]
