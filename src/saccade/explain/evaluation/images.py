"""The mistakes of an evaluation on images beside their maps, the first filters, and where it looks for each class.

Shapes: N examples, H height, W width, C channels, K classes.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from saccade.data.prepared import Split
from saccade.display.style import GREY, new_figure, save_figure, shorten, style
from saccade.explain.attribution.image_explainer import ImageExplainer
from saccade.explain.attribution.methods import METHODS, Method
from saccade.explain.attribution.occlusion import num_windows
from saccade.explain.evaluation.cases import Case, Cases, NameOf, Shown, cases_of
from saccade.explain.evaluation.work import BACKWARD, Work
from saccade.explain.sheets.class_means import class_means, preferred_method, shown_classes
from saccade.explain.sheets.network_sheets import draw_filters
from saccade.explain.sheets.pictures import brightest, say_no_evidence, show_image, show_map, show_signed
from saccade.explain.units.filters import first_filters
from saccade.predict.predictor import Predictor

_MAX_CASES = 6
_MAX_A_CLASS, _MIN_A_CLASS = 25, 4  # examples of a mean; fewer show chance
_CELL = 1.5  # inches


def show_images(
    folder: Path, predictor: Predictor, answers: np.ndarray, test: Split, name_of: NameOf, work: Work, run: str
) -> list[Shown]:
    """Draw what a network sees in the images of its evaluation.

    Args:
        folder: folder for the PNGs.
        predictor: trained network.
        answers: what it answered, (N, K) or (N, O).
        test: the split.
        name_of: what people find an example by.
        work: what may be spent.
        run: name of the run, for the command that shows more.

    Returns:
        What was drawn, and what was left to ``saccade explain``.
    """
    explainer = ImageExplainer(predictor)
    method = METHODS[preferred_method(explainer)]
    height, width, _ = predictor.spec.shape
    passes = num_windows((height, width)) if method.needs == "answers" else BACKWARD
    maps = work.passes // passes
    most = int(np.clip(maps // 2, 1, _MAX_CASES))
    cases = cases_of(predictor.spec, answers, test.labels, predictor.config.thresholds, most)
    shown = [_mistakes(folder, explainer, cases, test, name_of, method)]
    blank_1HWC = torch.zeros(1, *predictor.spec.shape, dtype=torch.uint8)
    filters = first_filters(explainer.networks[0].model, explainer.read(blank_1HWC))
    if filters is not None:
        draw_filters(filters, folder / "seen_filters.png")
        count, _, rows, columns = filters.weights.shape
        dead, repeated = int(filters.is_dead.sum()), filters.num_repeated
        told = f"The {count:,} filters of the first layer, {rows}x{columns}: {dead} dead, {repeated} repeated."
        shown.append(Shown(told, "seen_filters.png"))
    rest, classes = maps - 2 * len(cases.shown), len(shown_classes(explainer))
    a_class = min(_MAX_A_CLASS, rest // classes)
    more = f"`saccade explain {run}`"
    if a_class < _MIN_A_CLASS:
        told = f"Where it looks class by class, what excites its units, and other methods: {more}."
        return [*shown, Shown(told)]
    means = class_means(explainer, test, most=a_class)
    means.draw(folder / "seen_classes.png")
    what = "class" if predictor.spec.classes else "number"
    told = f"Where it looks: the mean of {METHODS[means.method].title} over up to {a_class} test examples a {what}."
    return [*shown, Shown(told, "seen_classes.png"), Shown(f"What excites its units, and other methods: {more}.")]


def _mistakes(
    folder: Path, explainer: ImageExplainer, cases: Cases, test: Split, name_of: NameOf, method: Method
) -> Shown:
    images = np.array(test.examples[[case.place for case in cases.shown]])
    maps = [
        explainer.maps(np.repeat(image[None], len(case.answers), axis=0), case.answers, method.name)
        for image, case in zip(images, cases.shown, strict=True)
    ]
    layer = f" at {explainer.layer().name}" if method.needs == "layer" else ""
    named = [name_of(case.place) for case in cases.shown]
    seen = [explainer.seen(image) for image in images]
    draw_cases(seen, named, cases.shown, maps, method, folder / "seen_mistakes.png")
    none = sum(not (one > 0).any() for of_case in maps for one in of_case)
    holds = "holds" if none == 1 else "hold"
    without = f" {none} of {sum(map(len, maps))} maps {holds} no positive evidence." if none else ""
    read = _how_to_read(method, are_classes=bool(explainer.predictor.spec.classes))
    return Shown(f"{cases.sentence}, with {method.title}{layer} of each answer. {read}{without}", "seen_mistakes.png")


def _how_to_read(method: Method, *, are_classes: bool) -> str:
    if method.name == "saliency":
        return "Bright is where a change of the pixel moves it most."
    speaks, against = ("speaks for it", "against it") if are_classes else ("makes it larger", "smaller")
    return f"Blue {speaks}, orange {against}." if method.is_signed else f"Bright is what {speaks}."


def draw_cases(
    images: Sequence[np.ndarray],
    names: Sequence[str],
    cases: Sequence[Case],
    maps: Sequence[np.ndarray],
    method: Method,
    path: Path,
) -> None:
    """Draw examples, each beside the maps of its answers, which share one scale.

    Args:
        images: what the network saw, (H, W, C) of 0 to 255 each.
        names: what people find each by.
        cases: answers that are explained.
        maps: maps of each, (answers, H, W).
        method: method that they are of.
        path: the PNG to write.
    """
    cells = 1 + max(len(case.answers) for case in cases)
    abreast = min(2, len(cases))
    rows = -(-len(cases) // abreast)
    height, width = images[0].shape[:2]
    cell_height = _CELL * float(np.clip(height / width, 0.5, 2.0))
    with style():
        figure = new_figure(max(_CELL * cells * abreast + 0.2, 5.0), (cell_height + 0.35) * rows + 0.1)
        grid = figure.subplots(rows, cells * abreast, squeeze=False)
        for axes in grid.flat:
            axes.set_axis_off()
        for number, (image, name, case, of_case) in enumerate(zip(images, names, cases, maps, strict=True)):
            row, column = divmod(number, abreast)
            own = grid[row, column * cells : (column + 1) * cells]
            show_image(own[0], image)
            own[0].set_title(shorten(name, 20), fontsize=8.5, color=GREY)
            top = brightest(list(of_case))
            for axes, said, map_HW in zip(own[1:], case.said, of_case, strict=False):
                if method.is_signed:
                    show_signed(axes, map_HW, top)
                else:
                    show_map(axes, image, map_HW, top, is_overlay=method.needs == "layer")
                axes.set_title(shorten(said, 22), fontsize=8.5)
                if not (map_HW > 0).any():
                    say_no_evidence(axes)
        save_figure(figure, path)
