"""One image explained: the answers that are looked at, their maps, and what is said of them in words and numbers.

Shapes: H height, W width, C channels, K classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from saccade.core.errors import UserError
from saccade.explain.attribution.faithfulness import similarity
from saccade.explain.attribution.image_explainer import Explanation, ImageExplainer
from saccade.explain.attribution.methods import Method
from saccade.explain.sheets.example_sheet import AnswerRow, draw_example
from saccade.predict.predictor import Predictor

_CHECKED = ("deconvolution", "guided-backpropagation")  # which look alike whatever the weights
_DIGITS = 6
_MAX_NUMBERS = 4  # of numbers to predict, that get a row


@dataclass(frozen=True)
class ExplainedImage:
    """What is known of one image.

    Attributes:
        image: what the network saw, (H, W, C) of 0 to 255.
        labels: names of the answers that are explained, the first first.
        values: probability of each, or the number that is predicted.
        rows: the same with their maps.
        are_classes: whether the answers are classes.
        like_random: by method, how much its map is like that of a network with random weights, a rank correlation.
    """

    image: np.ndarray
    labels: Sequence[str]
    values: Sequence[float]
    rows: Sequence[AnswerRow]
    are_classes: bool
    like_random: dict[str, float] = field(default_factory=dict)

    def draw(self, path: Path | str, name: str = "") -> None:
        """Draw the image, and below each method its maps.

        Args:
            path: the PNG to write.
            name: name of the example.
        """
        draw_example(name or self.summary_line(), self.image, self.rows, path, like_random=self.like_random)

    def _repr_png_(self) -> bytes:
        """What a notebook shows of it."""
        with TemporaryDirectory() as folder:
            self.draw(Path(folder, "shown.png"))
            return Path(folder, "shown.png").read_bytes()

    def summary_line(self) -> str:
        """The answers on one line."""
        return ", ".join(f"{name} {value:.4g}" for name, value in zip(self.labels, self.values, strict=True))

    def notes(self) -> list[str]:
        """What people should know of the maps, a line each."""
        without = [
            f"{one.method}: no positive evidence for {label}"
            for label, row in zip(self.labels, self.rows, strict=True)
            for one in row.explanations
            if not one.has_evidence
        ]
        gaps = [
            f"integrated-gradients: adds up to the difference of the scores but for {one.gap:+.2g}"
            for one in self.rows[0].explanations
            if one.gap is not None
        ]
        alike = [
            f"{name}: rank correlation {value:.2f} with the map of random weights"
            for name, value in self.like_random.items()
        ]
        return without + gaps + alike

    def record(self) -> dict[str, Any]:
        """Plain values for JSON: the answers, and for each map its values, row by row, and where it peaks."""
        answers = []
        for label, value, row in zip(self.labels, self.values, self.rows, strict=True):
            maps = {one.method: _map_record(one) for one in row.explanations}
            answers.append(
                {"label" if self.are_classes else "number": label, "value": float(f"{value:.{_DIGITS}g}"), "maps": maps}
            )
        return {"answers": answers, **({"like_random_weights": self.like_random} if self.like_random else {})}

    def arrays(self) -> dict[str, np.ndarray]:
        """Arrays for an .npz: the image, the names, and maps (answers, H, W) by method."""
        by_method = {
            one.method.replace("-", "_"): np.stack([row.explanations[place].map for row in self.rows])
            for place, one in enumerate(self.rows[0].explanations)
        }
        return {"image": self.image, "labels": np.array(self.labels), "values": np.array(self.values), **by_method}


def explain_image(
    trained: Predictor | ImageExplainer,
    image_HWC: np.ndarray,
    methods: Sequence[Method | str] = (),
    *,
    label: str | None = None,
    layer: str | None = None,
) -> ExplainedImage:
    """Maps of one image for the answer and the runner-up, or for a class and the best other one.

    >>> from saccade.bundle.bundle import NetworkConfig
    >>> from saccade.data.spec import Spec
    >>> config = NetworkConfig("lenet5", {}, Spec("image", (20, 20, 1), ("cat", "dog")), "classify", [0.4], [0.3], "id")
    >>> trained = Predictor(config, config.build_network().eval(), torch.device("cpu"))  # or saccade.load(folder)
    >>> found = explain_image(trained, np.zeros((20, 20, 1), np.uint8), ["saliency"])
    >>> sorted(found.labels), found.rows[0].explanations[0].map.shape
    (['cat', 'dog'], (20, 20))

    Args:
        trained: network, such as ``saccade.load`` gives; for several images an ``ImageExplainer`` of it is quicker.
        image_HWC: image as it lies in data/prepared, or as ``Predictor.prepare`` gives it.
        methods: methods that fit, or their names; none: the quick ones.
        label: class, or number to predict, to explain; None: the most probable class and the next, or all numbers, as
            many as fit.
        layer: layer of class activation maps; None: the last with spatial extent.

    Returns:
        What is known of it.

    Raises:
        UserError: there is no such class, layer or method, it does not fit, or the image has other sides.
    """
    explainer = trained if isinstance(trained, ImageExplainer) else ImageExplainer(trained)
    predictor = explainer.predictor
    if image_HWC.shape != predictor.spec.shape:
        given, wanted = (" x ".join(map(str, shape)) for shape in (image_HWC.shape, predictor.spec.shape))
        raise UserError(f"the image ({given}) must be {wanted}, as in training: `trained.prepare(image)` makes it so")
    chosen = [explainer.method(one) if isinstance(one, str) else one for one in methods] or explainer.usual()
    answer_K = predictor.outputs(torch.from_numpy(np.array(image_HWC))[None])[0].astype(float)
    are_classes = bool(predictor.spec.classes)
    order = np.argsort(-answer_K, kind="stable").tolist() if are_classes else list(range(len(answer_K)))[:_MAX_NUMBERS]
    if label is not None:
        asked = explainer.label_index(label)
        order = [asked, *(k for k in order if k != asked)]
    shown = order[:2] if are_classes else order[:1] if label is not None else order
    labels = [explainer.labels[k] for k in shown]
    rows = []
    for place, (k, name) in enumerate(zip(shown, labels, strict=True)):
        found = [explainer.explain(image_HWC, name, method.name, layer) for method in chosen]
        rows.append(AnswerRow(_row_title(name, float(answer_K[k]), place, label, are_classes), found))
    checked = [method.name for method in chosen] if any(method.name in _CHECKED for method in chosen) else []
    checked = [name for name in checked if name in _CHECKED or name in ("saliency", "grad-cam")]
    return ExplainedImage(
        image=explainer.seen(image_HWC),
        labels=labels,
        values=[float(answer_K[k]) for k in shown],
        rows=rows,
        are_classes=are_classes,
        like_random=_like_random(explainer, image_HWC, rows[0].explanations, checked, layer),
    )


def _row_title(name: str, value: float, place: int, asked: str | None, are_classes: bool) -> str:
    if not are_classes:
        return f"{name}: {value:.4g}"
    first = "asked" if asked is not None else "answer"
    second = "best other" if asked is not None else "runner-up"
    return f"{(first, second)[place]}: {name} ({value:.3f})"


def _like_random(
    explainer: ImageExplainer,
    image_HWC: np.ndarray,
    found: Sequence[Explanation],
    names: Sequence[str],
    layer: str | None,
) -> dict[str, float]:
    """Rank correlation with the maps of the same architecture before any training."""
    if not names:
        return {}
    random = explainer.with_random_weights()
    similarities = {}
    for one in found:
        if one.method in names:
            other = random.explain(image_HWC, one.label, one.method, layer)
            similarities[one.method] = round(similarity(one.map, other.map), _DIGITS)
    return similarities


def _map_record(one: Explanation) -> dict[str, Any]:
    values = [[float(f"{value:.{_DIGITS}g}") for value in row] for row in one.map.tolist()]
    record: dict[str, Any] = {
        "has_evidence": one.has_evidence,
        "peak": list(one.peak),
        "seconds": round(one.elapsed_s, 4),
    }
    if one.layer:
        record["layer"] = one.layer
    if one.gap is not None:
        record["completeness_gap"] = one.gap
    return {**record, "map": values}
