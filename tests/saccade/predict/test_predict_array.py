"""Examples of an array, answered with the names of classes, whatever kind they are."""

from typing import Any

import numpy as np
import pytest
import torch

from saccade import kinds
from saccade.bundle.bundle import NetworkConfig
from saccade.data.spec import Spec
from saccade.predict.predictor import Predictor

PIXELS = np.random.default_rng(0).integers(0, 256, size=(4, 5, 3, 1), dtype=np.uint8)
SERIES = np.random.default_rng(1).normal(size=(4, 6, 2))


def predictor_of(kind: str, shape: tuple[int, ...], model: str = "mlp", **options: Any) -> Predictor:
    torch.manual_seed(3)
    spec = Spec(kind, shape, **(options or {"classes": ("cat", "dog", "eel")}))
    config = NetworkConfig(model, {}, spec, "classify", [0.4] * shape[-1], [0.3] * shape[-1], "a test")
    return Predictor(config, config.build_network().eval(), torch.device("cpu"))


def test_images_answer_as_predict_does_and_numbers_are_rounded() -> None:
    predictor = predictor_of("image", (5, 3, 1))
    expected = predictor.predict(PIXELS)
    for examples in (PIXELS, PIXELS + 0.4 * (PIXELS < 255)):
        found = predictor.predict_array(examples)
        assert found["label"] == expected["label"]
        np.testing.assert_array_equal(found["probabilities"], expected["probabilities"])


def test_numbers_to_predict_come_without_names() -> None:
    predictor = predictor_of("series", (6, 2), "conv1d", targets=("level", "wind"), features=("x", "y"))
    found = predictor.predict_array(SERIES)
    assert list(found) == ["values"] and found["values"].shape == (4, 2)
    np.testing.assert_array_equal(found["values"], predictor.outputs(torch.from_numpy(SERIES.astype(np.float32))))


@pytest.mark.parametrize("value", [-0.5, 255.6, np.nan])
def test_a_pixel_lies_between_black_and_white(value: float) -> None:
    with pytest.raises(ValueError, match=r"pixel values .* must lie in 0\.\.255"):
        kinds.from_array(Spec("image", (1, 1, 1)), np.array([[[[value]], [[3.0]]]]))


@pytest.mark.parametrize(
    ("is_padded", "missing", "is_refused"),
    [(False, [(0, 5)], True), (True, [(0, 5), (0, 4)], False), (True, [(1, 2)], True), (True, [(1, 0), (1, 5)], True)],
)
def test_series_may_end_early_where_they_differ_in_length(
    is_padded: bool, missing: list[tuple[int, int]], is_refused: bool
) -> None:
    examples, spec = SERIES.copy(), Spec("series", (6, 2), ("a", "b"), features=("x", "y"), is_padded=is_padded)
    for place in missing:
        examples[place] = np.nan
    if is_refused:
        with pytest.raises(ValueError, match="series must hold finite numbers: fill in what is missing"):
            kinds.from_array(spec, examples)
    else:
        found = kinds.from_array(spec, examples)
        assert found.dtype == np.float32 and np.isnan(found).sum() == 2 * len(missing)


def test_each_kind_says_what_its_arrays_hold() -> None:
    types = {kind: kinds.array_type(Spec(kind, (3,) * sides)) for kind, sides in (("image", 3), ("series", 2))}
    assert types | {"tokens": kinds.array_type(Spec("tokens", (3,)))} == {
        "image": "uint8",
        "series": "float32",
        "tokens": "str",
    }
