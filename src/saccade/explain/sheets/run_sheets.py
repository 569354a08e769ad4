"""A trained network explained by its own data: all sheets, and what they say in numbers.

The training split shows what excites units; examples, means and curves are of the validation split; the test split is
left alone.

Shapes: N examples, H height, W width, C channels, K classes, U units.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from saccade.core.progress import Progress, no_progress
from saccade.data.prepared import Split
from saccade.data.sampling import rows_of_classes, spread
from saccade.explain.attribution.faithfulness import area, perturbation_curve
from saccade.explain.attribution.image_explainer import ImageExplainer
from saccade.explain.attribution.spatial_layers import SpatialLayer, convolution_outputs
from saccade.explain.sheets.class_means import class_means
from saccade.explain.sheets.class_sheets import draw_curves
from saccade.explain.sheets.network_sheets import (
    LayerMaps,
    UnitPatches,
    draw_activations,
    draw_filters,
    draw_units,
)
from saccade.explain.sheets.pictures import around_grey
from saccade.explain.units.filters import Filters, first_filters
from saccade.explain.units.patches import cut, patch_box, unit_backprojection
from saccade.explain.units.responses import (
    UnitResponses,
    class_separation,
    favourite_class,
    outputs_of_layers,
    unit_responses,
)

MAX_LAYERS = 6
_MAX_ROWS = 10  # classes on the sheet of activations
_UNITS_A_LAYER = 4
_MAPS_A_LAYER = 9
_MAX_PIXELS = 20_000_000  # of the images that units are looked at with, together
_MAX_IMAGES, _MIN_IMAGES = 2000, 100
_CURVE_EXAMPLES, _LARGE_CURVE_EXAMPLES = 20, 5  # each takes 42 passes a method
_QUICK_SIDE = 64  # pixels; up to it, curves are drawn of the slower methods too
_SLOWEST = "smooth-grad"


@dataclass(frozen=True)
class RunData:
    """The run's own data.

    Attributes:
        train: training split.
        validation: validation split; the training split where a run has none.
        is_held_out: whether the two differ.
    """

    train: Split
    validation: Split
    is_held_out: bool


@dataclass(frozen=True)
class SheetsWritten:
    """What was drawn.

    Attributes:
        lines: file and what it says, a line each.
        numbers: plain values of summary.json.
    """

    lines: list[str]
    numbers: dict[str, Any]


def draw_run(
    explainer: ImageExplainer,
    data: RunData | None,
    folder: Path | str,
    *,
    layer: str | None = None,
    progress: Progress = no_progress,
) -> SheetsWritten:
    """Draw all sheets of a run that its network and its data allow.

    Args:
        explainer: trained network; of several that answer together, filters and units are the first one's.
        data: its own data; None: what needs examples is left out.
        folder: folder to write into; files of the same names are replaced.
        layer: layer of class activation maps; None: the last with spatial extent.
        progress: callback with images done.

    Returns:
        What they show.
    """
    folder, network = Path(folder), explainer.networks[0]
    height, width, channels = explainer.predictor.spec.shape
    x_1CHW = explainer.read(torch.zeros(1, height, width, channels, dtype=torch.uint8))
    written = SheetsWritten([], {"model": explainer.predictor.config.model})
    filters = first_filters(network.model, x_1CHW)
    if filters is None:
        written.lines.append("filters: the first layer weighs no part of the image as a whole, so it has none to show")
    else:
        _filters(written, filters, folder)
    if data is None:
        return written
    _Sheets(explainer, data, folder, written, layer, progress).draw(convolution_outputs(network.model, x_1CHW))
    return written


def _filters(written: SheetsWritten, filters: Filters, folder: Path) -> None:
    draw_filters(filters, folder / "filters.png")
    count, _, height, width = filters.weights.shape
    means = int((filters.frequency == 0).sum())
    written.lines.append(
        f"filters.png: {filters.layer}, {count:,} filters of {height}x{width}: {int(filters.is_dead.sum())} dead, "
        f"{filters.num_repeated} repeated, {means} that take a mean, {count - means} that look for stripes or edges"
    )
    written.numbers["filters"] = {
        "layer": filters.layer,
        "count": count,
        "dead": np.flatnonzero(filters.is_dead).tolist(),
        "duplicates": filters.duplicates,
        "frequency": [round(float(value), 4) for value in filters.frequency],
        "orientation": [None if np.isnan(value) else round(float(value), 1) for value in filters.orientation],
    }


@dataclass
class _Sheets:
    """The sheets that need examples."""

    explainer: ImageExplainer
    data: RunData
    folder: Path
    written: SheetsWritten
    layer: str | None
    progress: Progress

    def draw(self, convolutions: list[SpatialLayer]) -> None:
        if convolutions:
            shown = [convolutions[i] for i in spread(np.arange(len(convolutions)), MAX_LAYERS)]
            responses = self._responses(shown)
            ranked = [self._ranked(one) for one in responses]
            self._activations(responses, ranked)
            self._units(responses, ranked, len(convolutions))
        else:
            self.written.lines.append("activations, units: no layer keeps the image's height and width")
        self._classes()
        if self.explainer.predictor.spec.classes and not self.explainer.predictor.spec.multilabel:
            self._curves()

    @property
    def _labels(self) -> Sequence[str]:
        return self.explainer.labels

    # --- units --------------------------------------------------------------------------------------------------------

    def _responses(self, layers: list[SpatialLayer]) -> list[UnitResponses]:
        height, width, _ = self.explainer.predictor.spec.shape
        most = int(np.clip(_MAX_PIXELS // (height * width), _MIN_IMAGES, _MAX_IMAGES))
        self._rows = spread(np.arange(len(self.data.train.examples)), most)
        images = self.data.train.examples[self._rows]
        network = self.explainer.networks[0]
        return unit_responses(network, layers, images, self.explainer.read, progress=self.progress)

    def _ranked(self, responses: UnitResponses) -> tuple[np.ndarray, np.ndarray, list[str]]:
        """Units, the most telling first; how much each tells, and of what."""
        share_U, words = telling(responses.largest, self.data.train.labels[self._rows], self._labels)
        return np.argsort(-share_U, kind="stable"), share_U, words

    def _activations(self, responses: list[UnitResponses], ranked: list[Any]) -> None:
        names, rows = self._one_a_class(_MAX_ROWS)
        images = self.data.validation.examples[rows]
        x_BCHW = self.explainer.read(torch.from_numpy(np.array(images)))
        outputs = outputs_of_layers(self.explainer.networks[0], x_BCHW, [one.layer for one in responses])
        layers = []
        for one, output, (order, _, _) in zip(responses, outputs, ranked, strict=True):
            units = order[:_MAPS_A_LAYER].tolist()
            height, width = one.layer.sides
            title = f"{one.layer.name}\n{one.layer.channels}×{height}×{width}"
            layers.append(LayerMaps(title, output[:, units].float().cpu().numpy(), units))
        shown = [self.explainer.seen(image) for image in images]
        options = {} if self.explainer.predictor.spec.classes else {"title": "from pixels to the last layer"}
        draw_activations(shown, names, layers, self.folder / "activations.png", **options)
        self.written.lines.append(
            f"activations.png: one example of {len(names)} classes through {len(layers)} layers"
            if self.explainer.predictor.spec.classes
            else f"activations.png: {len(names)} examples through {len(layers)} layers"
        )

    def _units(self, responses: list[UnitResponses], ranked: list[Any], num_layers: int) -> None:
        has_gradient = "saliency" not in self.explainer.unfit
        deconvolves = "deconvolution" not in self.explainer.unfit
        drawn, numbers = [], []
        for one, (order, share_U, words) in zip(responses, ranked, strict=True):
            units = order[:_UNITS_A_LAYER].tolist()
            pictures = [
                self._unit(one, unit, f"unit {unit}: {words[unit]}, {share_U[unit]:.2f}", deconvolves) for unit in units
            ]
            sees = "×".join(str(min(axis.size, axis.side)) for axis in one.layer.axes)
            drawn.append((f"{one.layer.name}, sees {sees}", pictures))
            numbers.append(
                {
                    "layer": one.layer.name,
                    "units": one.layer.channels,
                    "dead": int(one.is_dead.sum()),
                    "most_telling": [
                        {"unit": unit, "of": words[unit], "explained": round(float(share_U[unit]), 4)} for unit in units
                    ],
                }
            )
        if has_gradient:
            draw_units(drawn, "deconvolution" if deconvolves else "gradient", self.folder / "units.png")
        self.written.numbers["layers"] = numbers
        dead = ", ".join(f"{one['layer']} {one['dead']} of {one['units']}" for one in numbers)
        some = "" if len(responses) == num_layers else f" ({len(responses)} of {num_layers} layers)"
        self.written.lines.append(
            f"units.png: what excites {_UNITS_A_LAYER} units a layer{some}, of {len(self._rows):,} training images; "
            f"units that answer all of them alike: {dead}"
        )

    def _unit(self, one: UnitResponses, unit: int, title: str, deconvolves: bool) -> UnitPatches:
        rows, cells = self._rows[one.top_rows[unit]], one.top_cells[unit]
        images = np.array(self.data.train.examples[rows])
        x_BCHW = self.explainer.read(torch.from_numpy(images))
        back_BCHW = unit_backprojection(
            self.explainer.networks[0], x_BCHW, one.layer, unit, cells, deconvolve=deconvolves
        )
        patches, backprojections = [], []
        for image, back_CHW, cell in zip(images, back_BCHW.cpu().numpy(), cells, strict=True):
            box = patch_box(one.layer, cell)
            patches.append(cut(self.explainer.seen(image), box, 0.0) / 255)
            backprojections.append(around_grey(cut(back_CHW.transpose(1, 2, 0), box, 0.0)))
        return UnitPatches(title, patches, backprojections)

    # --- classes ------------------------------------------------------------------------------------------------------

    def _one_a_class(self, most: int) -> tuple[list[str], np.ndarray]:
        """Classes that have examples, at most so many, and the first example of each; of numbers, a few examples."""
        validation = self.data.validation
        if not self.explainer.predictor.spec.classes:
            rows = spread(np.arange(len(validation.examples)), most)
            return [f"{self._labels[0]} {validation.labels[row][0]:.4g}" for row in rows], rows
        found = rows_of_classes(validation.labels, range(len(self._labels)), 1)
        there = [k for k, rows in enumerate(found) if len(rows)]
        chosen = spread(np.array(there), most).tolist()
        return [self._labels[k] for k in chosen], np.array([found[k][0] for k in chosen])

    def _classes(self) -> None:
        found = class_means(self.explainer, self.data.validation, layer=self.layer, progress=self.progress)
        found.draw(self.folder / "classes.png")
        what = "classes" if self.explainer.predictor.spec.classes else "numbers"
        self.written.lines.append(f"classes.png: mean {found.method} of {len(found.maps)} {what}")
        self.written.numbers["classes"] = {
            label: {"method": found.method, "centre": _centre(map_HW)}
            for label, map_HW in zip(found.labels, found.maps, strict=True)
        }

    def _curves(self) -> None:
        explainer, validation = self.explainer, self.data.validation
        is_small = max(explainer.predictor.spec.shape[:2]) <= _QUICK_SIDE
        most = _CURVE_EXAMPLES if is_small else _LARGE_CURVE_EXAMPLES
        rows = spread(np.arange(len(validation.examples)), most)
        methods = [one.name for one in explainer.fitting() if one.is_quick or (is_small and one.name != _SLOWEST)]
        methods = methods or ["occlusion"]
        random = np.random.default_rng(0)
        curves: dict[str, dict[str, list[np.ndarray]]] = {"deletion": {}, "insertion": {}}
        for done, row in enumerate(rows, start=1):
            image = np.array(validation.examples[row])
            x_CHW = explainer.read(torch.from_numpy(image)[None])[0]
            k = int(explainer.predictor.outputs(torch.from_numpy(image)[None])[0].argmax())
            maps = {name: explainer.maps(image[None], [k], name, self.layer)[0] for name in methods}
            maps["random"] = random.random(image.shape[:2])
            for name, map_HW in maps.items():
                for kind, of_kind in curves.items():
                    curve = np.mean(
                        [perturbation_curve(one, x_CHW, k, map_HW, kind) for one in explainer.networks],  # type: ignore[arg-type]
                        axis=0,
                    )
                    of_kind.setdefault(name, []).append(curve)
            self.progress("deleting and inserting pixels", done, len(rows))
        means = {kind: {name: np.mean(found, axis=0) for name, found in by.items()} for kind, by in curves.items()}
        draw_curves(means["deletion"], means["insertion"], len(rows), self.folder / "curves.png")
        areas = {kind: {name: round(area(curve), 4) for name, curve in by.items()} for kind, by in means.items()}
        self.written.numbers["curves"] = {"examples": len(rows), **areas}
        best = min(areas["deletion"], key=lambda name: areas["deletion"][name])
        self.written.lines.append(
            f"curves.png: area under deletion {best} {areas['deletion'][best]:.3f} beside random "
            f"{areas['deletion']['random']:.3f}"
        )


def _centre(map_HW: np.ndarray) -> list[float] | None:
    """Row and column of a map's middle, as shares of the sides; None of one that is 0 everywhere."""
    total = float(map_HW.sum())
    if total <= 0:
        return None
    height, width = map_HW.shape
    row = float((map_HW.sum(axis=1) * (np.arange(height) + 0.5)).sum() / total / height)
    column = float((map_HW.sum(axis=0) * (np.arange(width) + 0.5)).sum() / total / width)
    return [round(row, 4), round(column, 4)]


def telling(values_NU: np.ndarray, labels: np.ndarray, names: Sequence[str]) -> tuple[np.ndarray, list[str]]:
    """How much of each unit's variance the labels explain, and the label it stands for.

    Args:
        values_NU: answers of units.
        labels: class ids (N,); classes uint8 (N, K), where an example may have several; or numbers float (N, O).
        names: names of the classes or numbers.

    Returns:
        float64 (U,) in [0, 1], and a name a unit; a number that falls as the unit rises is named with a minus.
    """
    if labels.ndim == 1:
        labels = np.asarray(labels)
        favourite_U = favourite_class(values_NU, labels)
        return class_separation(values_NU, labels), [names[k] for k in favourite_U]
    numbers_NL = np.asarray(labels, dtype=np.float64)
    centred_NU = values_NU.astype(np.float64) - values_NU.mean(axis=0)
    centred_NL = numbers_NL - numbers_NL.mean(axis=0)
    size_UL = np.sqrt((centred_NU**2).sum(axis=0))[:, None] * np.sqrt((centred_NL**2).sum(axis=0))[None]
    product_UL = centred_NU.T @ centred_NL
    correlation_UL = np.divide(product_UL, size_UL, out=np.zeros_like(product_UL), where=size_UL > 1e-12)
    best_U = np.abs(correlation_UL).argmax(axis=1)
    correlation_U = correlation_UL[np.arange(len(best_U)), best_U]
    words = [f"{'-' if r < 0 else ''}{names[k]}" for k, r in zip(best_U, correlation_U, strict=True)]
    return correlation_U**2, words
