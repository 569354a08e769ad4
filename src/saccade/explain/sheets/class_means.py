"""The mean map of each class, and the mean of the images that it is of.

Shapes: N examples, H height, W width, C channels, K classes that are shown.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from saccade.core.progress import Progress, no_progress
from saccade.data.prepared import Split
from saccade.data.sampling import rows_of_classes, spread
from saccade.explain.attribution.image_explainer import ImageExplainer
from saccade.explain.sheets.class_sheets import draw_classes

MAX_CLASSES = 20  # on a sheet
EXAMPLES_A_CLASS = 50
PREFERRED = ("grad-cam", "saliency", "occlusion")  # the first that fits
_AT_ONCE = 16  # images


@dataclass(frozen=True)
class ClassMeans:
    """What is drawn of the classes, or of the numbers to predict.

    Attributes:
        labels: K names; a class without an example is left out.
        counts: number of examples of each.
        images: mean image of each, float (H, W, C) of 0 to 255.
        maps: mean map of each, float64 (H, W).
        method: name of the method.
        layer: name of the layer of class activation maps; empty of other methods.
    """

    labels: Sequence[str]
    counts: Sequence[int]
    images: Sequence[np.ndarray]
    maps: Sequence[np.ndarray]
    method: str
    layer: str

    def draw(self, path: Path) -> None:
        """Draw them as one sheet.

        Args:
            path: the PNG to write.
        """
        captions = [(name, f"{count} examples") for name, count in zip(self.labels, self.counts, strict=True)]
        at = f" at {self.layer}" if self.layer else ""
        title = f"where it looks: mean {self.method}{at} of each class, over the mean image"
        draw_classes(self.images, self.maps, captions, title, path)


def preferred_method(explainer: ImageExplainer) -> str:
    """The method that a sheet takes for a network: Grad-CAM, or the next that fits.

    Args:
        explainer: trained network.

    Returns:
        Its name.
    """
    return next(name for name in PREFERRED if name not in explainer.unfit)


def shown_classes(explainer: ImageExplainer) -> list[int]:
    """The classes of a sheet: all, or at most 20 spread over all; of numbers the first 20."""
    if explainer.predictor.spec.classes:
        return spread(np.arange(len(explainer.labels)), MAX_CLASSES).tolist()
    return list(range(len(explainer.labels)))[:MAX_CLASSES]


def class_means(
    explainer: ImageExplainer,
    split: Split,
    *,
    most: int = EXAMPLES_A_CLASS,
    layer: str | None = None,
    progress: Progress = no_progress,
) -> ClassMeans:
    """Mean maps of the classes over examples of a split; of numbers to predict, over the same examples for each.

    Args:
        explainer: trained network.
        split: examples and labels.
        most: number of examples of each class, at most.
        layer: layer of class activation maps; None: the last with spatial extent.
        progress: callback with classes done.

    Returns:
        Those of ``shown_classes`` that have an example.
    """
    classes, method = shown_classes(explainer), preferred_method(explainer)
    if explainer.predictor.spec.classes:
        groups = rows_of_classes(split.labels, classes, most)
    else:
        groups = [spread(np.arange(len(split.examples)), most)] * len(classes)
    labels, counts, images, maps = [], [], [], []
    for done, (k, rows) in enumerate(zip(classes, groups, strict=True), start=1):
        progress("looking at classes", done, len(classes))
        if len(rows) == 0:
            continue
        own = np.array(split.examples[rows])
        maps.append(_mean_map(explainer, own, k, method, layer))
        images.append(np.mean([explainer.seen(image) for image in own], axis=0))
        labels.append(explainer.labels[k])
        counts.append(len(rows))
    name = explainer.layer(layer).name if method == "grad-cam" else ""
    return ClassMeans(labels, counts, images, maps, method, name)


def _mean_map(explainer: ImageExplainer, images: np.ndarray, k: int, method: str, layer: str | None) -> np.ndarray:
    total = np.zeros(images.shape[1:3], dtype=np.float64)
    for start in range(0, len(images), _AT_ONCE):
        batch = images[start : start + _AT_ONCE]
        total += explainer.maps(batch, [k] * len(batch), method, layer).sum(axis=0)
    return total / len(images)
