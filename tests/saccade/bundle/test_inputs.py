"""From stored uint8 images to what a network takes, against the plain formula.

Shapes: B batch, H height, W width, C channels.
"""

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import v2

from saccade.bundle.inputs import ImageInput, SeriesInput, enlarged_middle, input_for
from saccade.data.spec import Spec

MEAN, STD = [0.1307, 0.5, 0.9], [0.3081, 1 / 255, 0.25]


@pytest.mark.parametrize("channels", [1, 3])
def test_each_pixel_is_normalised_by_its_channel(channels: int) -> None:
    image_BHWC = np.random.default_rng(0).integers(0, 256, size=(2, 5, 4, channels), dtype=np.uint8)
    image_BHWC[0, 0, :2] = [[0] * channels, [255] * channels]
    mean_C, std_C = np.array(MEAN[:channels]), np.array(STD[:channels])
    expected_BCHW = ((image_BHWC / 255 - mean_C) / std_C).transpose(0, 3, 1, 2)
    result = ImageInput(MEAN[:channels], STD[:channels])(torch.from_numpy(image_BHWC))
    assert result.dtype == torch.float32 and result.shape == (2, channels, 5, 4)
    atol = 1e-5 * np.abs(expected_BCHW).max()  # a pixel close to the mean is a small difference of large numbers
    np.testing.assert_allclose(result.numpy(), expected_BCHW, rtol=1e-5, atol=atol)


def test_the_result_lies_in_memory_as_convolutions_like_it() -> None:
    result = ImageInput(MEAN, STD)(torch.zeros(2, 5, 4, 3, dtype=torch.uint8))
    assert result.shape == (2, 3, 5, 4) and result.is_contiguous(memory_format=torch.channels_last)


def test_nothing_of_it_is_a_weight() -> None:
    module = ImageInput(MEAN, STD)
    assert not module.state_dict() and not list(module.parameters())
    assert {name for name, _ in module.named_buffers()} == {"scale_C", "shift_C"}  # they move with the network


# --- what evaluation looks at -----------------------------------------------------------------------------------------

SHAPES = [(32, 32, 3, 0.875), (33, 20, 1, 0.7), (227, 180, 3, 0.8766519823788547), (7, 5, 3, 0.2)]


def picture(height: int, width: int, channels: int) -> np.ndarray:
    """Slopes with edges and grain, uint8 (1, H, W, C)."""
    y_H1, x_1W = np.mgrid[:height, :1][0], np.mgrid[:1, :width][1]
    slopes_HWC = np.stack([3 * y_H1 + 40 * (x_1W // 5 % 2), 2 * x_1W + 0 * y_H1, 5 * (y_H1 % 9) + x_1W], axis=-1)
    grain_HWC = np.random.default_rng(0).integers(0, 60, size=slopes_HWC.shape)
    return (slopes_HWC + grain_HWC).clip(0, 255).astype(np.uint8)[None, ..., :channels]


@pytest.mark.parametrize(("height", "width", "channels", "share"), SHAPES)
def test_the_middle_is_enlarged_as_pillow_does_it(height: int, width: int, channels: int, share: float) -> None:
    image_BHWC = picture(height, width, channels)
    rows, columns = max(1, round(share * height)), max(1, round(share * width))
    top, left = round((height - rows) / 2), round((width - columns) / 2)
    result_BHWC = enlarged_middle(torch.from_numpy(image_BHWC), share)
    assert result_BHWC.shape == image_BHWC.shape and result_BHWC.dtype == torch.float32
    for channel in range(channels):
        middle = Image.fromarray(image_BHWC[0, ..., channel]).crop((left, top, left + columns, top + rows))
        expected_HW = np.array(middle.resize((width, height), Image.Resampling.BILINEAR), dtype=np.float32)
        # Pillow rounds to whole grey levels twice: half a level after the rows, half after the columns
        np.testing.assert_allclose(result_BHWC[0, ..., channel].numpy(), expected_HW, atol=1.01, rtol=0)
        assert np.abs(result_BHWC[0, ..., channel].numpy() - expected_HW).mean() < 0.4


@pytest.mark.parametrize(("height", "width", "channels", "share"), SHAPES)
def test_the_middle_is_enlarged_as_torchvision_does_it(height: int, width: int, channels: int, share: float) -> None:
    image_BHWC = picture(height, width, channels)
    box = [max(1, round(share * height)), max(1, round(share * width))]
    torchvisions = v2.Compose([v2.CenterCrop(box), v2.ToDtype(torch.float32), v2.Resize([height, width])])
    expected_BCHW = torchvisions(torch.from_numpy(image_BHWC).permute(0, 3, 1, 2))
    result_BCHW = enlarged_middle(torch.from_numpy(image_BHWC), share).permute(0, 3, 1, 2)
    torch.testing.assert_close(result_BCHW, expected_BCHW, rtol=1e-5, atol=1e-3)  # of 255; v2 antialiases, to no effect


def test_a_network_that_evaluates_sees_the_middle_and_one_that_trains_all() -> None:
    image_BHWC = torch.from_numpy(picture(20, 18, 3))
    whole, cropping = ImageInput(MEAN, STD), ImageInput(MEAN, STD, 0.5)
    expected_BCHW = whole(enlarged_middle(image_BHWC, 0.5))
    torch.testing.assert_close(cropping.eval()(image_BHWC), expected_BCHW)
    assert (expected_BCHW - whole(image_BHWC)).abs().mean() > 0.1
    for view_BCHW in (
        cropping.train()(image_BHWC),
        cropping.normalise(image_BHWC),
        cropping.eval().normalise(image_BHWC),
    ):
        assert torch.equal(view_BCHW, whole(image_BHWC))
    assert torch.equal(whole.eval()(image_BHWC), whole.train()(image_BHWC))
    assert not cropping.state_dict() and {name for name, _ in cropping.named_buffers()} == {"scale_C", "shift_C"}


def test_cropped_images_lie_in_memory_as_convolutions_like_it() -> None:
    images_BHWC = torch.zeros(2, 12, 10, 3, dtype=torch.uint8)
    result = ImageInput(MEAN, STD, 0.5).eval()(images_BHWC)
    assert result.shape == (2, 3, 12, 10) and result.is_contiguous(memory_format=torch.channels_last)


def test_deterministic_algorithms_of_a_gpu_come_to_the_same() -> None:
    """Where they are asked for, torch enlarges on CUDA by other operations, which a CPU can try too."""
    from torch._decomp.decompositions import _upsample_linear_vec

    middle_BCHW = torch.from_numpy(picture(28, 21, 3)).permute(0, 3, 1, 2).float()
    ours = torch.nn.functional.interpolate(middle_BCHW, size=(32, 24), mode="bilinear", align_corners=False)
    torch.testing.assert_close(_upsample_linear_vec(middle_BCHW, [32, 24], False, None), ours, rtol=1e-5, atol=1e-3)


def test_a_compiled_network_changes_what_it_sees_with_the_mode() -> None:
    """torch.compile's tracing, without its compiler."""
    image_BHWC = torch.from_numpy(picture(12, 10, 3))
    network = torch.nn.Sequential(ImageInput(MEAN, STD, 0.5), torch.nn.Flatten())
    compiled = torch.compile(network, backend="eager")
    for mode in (True, False, True):
        network.train(mode)
        assert torch.equal(compiled(image_BHWC), network(image_BHWC))
    assert not torch.equal(network.eval()(image_BHWC), network.train()(image_BHWC))


def test_series_are_never_cropped() -> None:
    spec = Spec("series", (4, 2), targets=("x",))
    assert isinstance(input_for(spec, [0.0, 1.0], [1.0, 2.0], 1.0), SeriesInput)
    image = input_for(Spec("image", (4, 4, 3), ("a", "b")), MEAN, STD, 0.75)
    assert isinstance(image, ImageInput) and image.evaluate_crop == 0.75


@pytest.mark.parametrize("dtype", [torch.int32, torch.int64, torch.float32])
def test_vectors_of_any_number_type_are_normalised_by_feature(dtype: torch.dtype) -> None:
    spec = Spec("counts", (3,), ("a", "b"), layout="vector")
    module = input_for(spec, [1.0, 2.0, 30.0], [2.0, 4.0, 10.0])
    x_BF = torch.tensor([[3, 2, 20], [-1, 10, 50]], dtype=dtype)
    torch.testing.assert_close(module(x_BF), torch.tensor([[1.0, 0.0, -1.0], [-1.0, 2.0, 2.0]]))
