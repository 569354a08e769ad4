"""An image brought to the height, width and channels of its dataset.

Shapes: H height, W width, C channels.
"""

import numpy as np

from saccade.core.errors import UserError
from saccade.data.spec import Fit

# From 500x400 to 64x64 this takes a third of the time; on scikit-learn's two photographs pixels change by 0.3 grey
# levels on average, one in 200 by more than two. Pillow calls 3 hard to tell from none.
_REDUCING_GAP = 3.0


_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601, the weights Pillow uses for "L"


def prepare_image(image: np.ndarray, size: tuple[int, int], channels: int, fit: Fit = "stretch") -> np.ndarray:
    """Bring one image to ``size`` and ``channels``.

    Resizing is bilinear with the filter widened when shrinking (Pillow's, so no aliasing); of pictures more than six
    times as large, blocks of pixels are averaged first, down to three times the size.

    Args:
        image: uint8 (H, W), (H, W, 1) or (H, W, 3).
        size: height and width in pixels of the result.
        channels: 1 (grey) or 3 (RGB); grey becomes RGB by repetition, RGB becomes grey by BT.601 luma.
        fit: of an image of other proportions than ``size``: stretch its sides; crop the most that has the right
            proportions out of its middle; or pad it with black, in the middle.

    Returns:
        uint8 (size[0], size[1], channels).

    Raises:
        UserError: the image has another dtype or number of axes, or no pixel.
    """
    if image.dtype != np.uint8 or image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] not in (1, 3)):
        raise UserError(
            f"an image of dtype {image.dtype} and shape {image.shape} must be uint8 and (H, W), (H, W, 1) or (H, W, 3)"
        )
    if image.size == 0:
        raise UserError(f"an image of shape {image.shape} must have at least one pixel")
    image_HWC = image[..., None] if image.ndim == 2 else image
    if image_HWC.shape[2] == 3 and channels == 1:
        image_HWC = np.rint(image_HWC @ _LUMA).astype(np.uint8)[..., None]
    if image_HWC.shape[:2] != tuple(size):
        image_HWC = _resize(image_HWC, size, fit)
    if image_HWC.shape[2] == 1 and channels == 3:
        image_HWC = np.repeat(image_HWC, 3, axis=2)
    return image_HWC


def _resize(image_HWC: np.ndarray, size: tuple[int, int], fit: Fit) -> np.ndarray:
    from PIL import Image

    height, width, channels = image_HWC.shape
    box = (0.0, 0.0, float(width), float(height))  # what of the image is shown: left, top, right, bottom
    inner = size  # what of the result it fills
    if fit == "crop":
        scale = min(height / size[0], width / size[1])
        across, down = (width - size[1] * scale) / 2, (height - size[0] * scale) / 2
        box = (across, down, width - across, height - down)
    elif fit == "pad":
        scale = max(height / size[0], width / size[1])
        inner = (max(1, round(height / scale)), max(1, round(width / scale)))
    flat = image_HWC[..., 0] if channels == 1 else image_HWC
    resized = Image.fromarray(flat).resize((inner[1], inner[0]), Image.Resampling.BILINEAR, box, _REDUCING_GAP)
    resized_HWC = np.asarray(resized).reshape(*inner, channels)
    if inner == size:
        return resized_HWC
    padded_HWC = np.zeros((*size, channels), np.uint8)
    top, left = (size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2
    padded_HWC[top : top + inner[0], left : left + inner[1]] = resized_HWC
    return padded_HWC
