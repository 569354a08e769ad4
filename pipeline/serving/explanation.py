"""Maps of what speaks for an answer about a picture, as pictures for a page.

Shapes: H height, W width, C channels.
"""

import io
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.serving.served import Served

if TYPE_CHECKING:
    from saccade.explain.attribution.image_explainer import ImageExplainer

_METHODS = ("grad-cam", "saliency")  # the first that fits: networks without spatial layers have no Grad-CAM


class Explainer:
    """Explains answers about pictures, one at a time.

    Args:
        served: network of images that torch computes.
    """

    def __init__(self, served: Served) -> None:
        self._served = served

    @cached_property
    def _explainer(self) -> "ImageExplainer":
        from saccade.explain.attribution.image_explainer import ImageExplainer
        from saccade.predict.predictor import Predictor

        assert isinstance(self._served.network, Predictor)
        return ImageExplainer(self._served.network)

    def import_all(self) -> None:
        """Import what takes a second or more, before the network is held up for it."""
        import matplotlib

        import saccade.explain.sheets.explained
        import saccade.explain.sheets.pictures  # noqa: F401

        matplotlib.colormaps.get_cmap("inferno")

    def explain(self, image_HWC: np.ndarray) -> dict[str, Any]:
        """Explain the answer about a picture, and the runner-up.

        Args:
            image_HWC: uint8, as in data/prepared.

        Returns:
            "method", "layer", "picture" (what the network sees) and "maps", a list of "label", "value", "has_evidence"
            and "map"; pictures are data URIs.
        """
        from saccade.explain.sheets.explained import explain_image
        from saccade.explain.sheets.pictures import brightest, over_image

        name = next(name for name in _METHODS if name not in self._explainer.unfit)
        found = explain_image(self._explainer, image_HWC, [self._explainer.method(name)])
        maps = [row.explanations[0] for row in found.rows]
        seen_HWC = np.asarray(found.image, dtype=np.float64).clip(0, 255)
        return {
            "method": name,
            "layer": maps[0].layer,
            "picture": _uri(seen_HWC),
            "maps": [
                {
                    "label": label,
                    "value": float(f"{value:.6g}"),
                    "has_evidence": one.has_evidence,
                    "map": _uri(255 * over_image(seen_HWC, one.map, brightest([one.map]))),
                }
                for label, value, one in zip(found.labels, found.values, maps, strict=True)
            ],
        }


def _uri(image_HWC: np.ndarray) -> str:
    """An image of 0 to 255 as the data URI of a PNG."""
    from PIL import Image

    from saccade.display.embedded import data_uri

    pixels = np.rint(image_HWC).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(file, "PNG")
    return data_uri(file.getvalue(), "png")
