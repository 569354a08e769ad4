"""Units and what excites them: the strongest answers, patches of the exact receptive field, classes told apart."""

import numpy as np
import pytest
import torch

from saccade.core import registry
from saccade.data.spec import Spec
from saccade.explain.attribution.spatial_layers import convolution_outputs
from saccade.explain.units.patches import answer_of_patch, cut, patch_box, unit_backprojection
from saccade.explain.units.responses import class_separation, favourite_class, outputs_of_layers, unit_responses

SPEC = Spec("image", (36, 40, 2), ("cat", "dog", "eel"))


def network_of(model: str, **arguments: object) -> torch.nn.Module:
    torch.manual_seed(3)
    return registry.module("models", model).build(SPEC, **arguments).eval()


def images(count: int) -> np.ndarray:
    return np.random.default_rng(2).integers(0, 256, (count, 36, 40, 2), dtype=np.uint8)


def read(stored_BHWC: torch.Tensor) -> torch.Tensor:
    return (stored_BHWC.float() / 255 - 0.5).permute(0, 3, 1, 2)


@pytest.mark.parametrize("arguments", [("lenet5", {}), ("resnet9", {"width": 3}), ("classic_stack", {})])
def test_the_strongest_answers_are_those_of_their_patches_alone(arguments: tuple[str, dict[str, int]]) -> None:
    network, stored = network_of(arguments[0], **arguments[1]), images(12)
    layers = convolution_outputs(network, read(torch.from_numpy(stored[:1])))
    for found in unit_responses(network, layers, stored, read, batch_size=5):
        unit = found.layer.channels // 2
        assert found.top_values.shape == (found.layer.channels, 9) and found.largest.shape == (12, found.layer.channels)
        assert (np.diff(found.top_values, axis=1) <= 0).all()
        row, cell, value = found.top_rows[unit, 0], found.top_cells[unit, 0], float(found.top_values[unit, 0])
        x_CHW = read(torch.from_numpy(stored[row : row + 1]))[0]
        (output,) = outputs_of_layers(network, x_CHW[None], [found.layer])
        assert float(output[0, unit].max()) == pytest.approx(value, rel=1e-5)
        assert found.largest[:, unit].max() == pytest.approx(value, rel=1e-5)
        alone = answer_of_patch(network, x_CHW, found.layer, unit, cell, around=0.3)
        assert alone == pytest.approx(value, rel=1e-4, abs=1e-5)  # another order of sums where the rest is blank


@pytest.mark.parametrize("deconvolve", [True, False])
def test_a_backprojection_stays_inside_of_the_patch(deconvolve: bool) -> None:
    network, stored = network_of("lenet5"), images(3)
    x_BCHW = read(torch.from_numpy(stored))
    layer = convolution_outputs(network, x_BCHW)[1]
    cells = np.array([[0, 0], [4, 7], [10, 12]])
    back_BCHW = unit_backprojection(network, x_BCHW, layer, 5, cells, deconvolve=deconvolve)
    assert back_BCHW.shape == x_BCHW.shape
    for back_CHW, cell in zip(back_BCHW, cells, strict=True):
        top, left, bottom, right = patch_box(layer, cell)
        assert back_CHW[:, top:bottom, left:right].abs().sum() > 0
        back_CHW[:, top:bottom, left:right] = 0
        assert not back_CHW.any()


def test_a_patch_is_filled_up_outside_of_the_image_and_never_larger() -> None:
    image_HWC = np.arange(12.0).reshape(3, 4, 1)
    assert cut(image_HWC, (-1, 2, 1, 5), 9.0)[:, :, 0].tolist() == [[9, 9, 9], [2, 3, 9]]
    assert cut(image_HWC, (-5, 1, 9, 3), 9.0)[:, :, 0].tolist() == [[1, 2], [5, 6], [9, 10]]


def test_classes_explain_all_some_or_nothing_of_a_unit() -> None:
    labels_N = np.array([0, 0, 1, 1, 2, 2])
    values_NU = np.array([[1, 5, 3], [1, 7, 3], [4, 6, 3], [4, 6, 3], [2, 4, 3], [2, 8, 3]], dtype=np.float32)
    share_U = class_separation(values_NU, labels_N)
    assert share_U.tolist() == pytest.approx([1.0, 0.0, 0.0])
    assert favourite_class(values_NU, labels_N)[0] == 1
    half = np.array([[0.0], [2.0], [2.0], [4.0]])  # between 4 of a total of 8
    assert class_separation(half, np.array([0, 0, 1, 1])).tolist() == pytest.approx([0.5])
