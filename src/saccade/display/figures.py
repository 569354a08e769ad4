"""Figures of how training went and where a classifier errs: one function, one PNG.

``style.py`` holds what they have in common.

Shapes: N examples, H height, W width, C channels, K classes.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from saccade.data.spec import NO_CLASS
from saccade.display.style import BLUE, GREY, ORANGE, new_figure, save_figure, shorten, style

_THIRD_LINE = "; third line: its file, or its row in the source"


def draw_confusion(counts_KK: np.ndarray, classes: Sequence[str], path: Path) -> None:
    """Draw which classes are taken for which.

    Colours are shares of a row, so that rare classes count as much as common ones. What is right and what is wrong have
    a scale each: on a common one, 98 % right would leave a 2 % mistake white. The scale of the mistakes ends at the
    largest one and grows with the square root. Counts are written into the cells up to 20 classes; past 100 only some
    of the classes are named.

    Args:
        counts_KK: integers, rows are true classes, columns predicted ones; a row without examples is drawn grey.
        classes: the K names, at least 2.
        path: the PNG to write.

    Raises:
        ValueError: ``counts_KK`` is not K x K, or K is below 2.
    """
    K = len(classes)
    if K < 2 or counts_KK.shape != (K, K):
        raise ValueError(f"counts_KK (shape {counts_KK.shape}) must be (K, K) for {K} classes, at least 2")
    import matplotlib
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize, PowerNorm

    support_K = counts_KK.sum(axis=1)
    share_KK = counts_KK / np.maximum(support_K, 1)[:, None]
    is_correct_KK = np.eye(K, dtype=bool)
    worst = float(share_KK[~is_correct_KK].max())
    right = ScalarMappable(Normalize(0, 1), matplotlib.colormaps["Blues"])
    wrong = ScalarMappable(PowerNorm(0.5, 0, worst if worst > 0 else 0.01), matplotlib.colormaps["Oranges"])
    rgba_KK4 = np.where(is_correct_KK[:, :, None], right.to_rgba(share_KK), wrong.to_rgba(share_KK))
    rgba_KK4[(share_KK == 0) & ~is_correct_KK] = (1, 1, 1, 1)
    rgba_KK4[support_K == 0] = (0.88, 0.88, 0.88, 1)

    cell_inches = float(np.clip(12 / K, 0.12, 0.5))
    side_inches = float(np.clip(K * cell_inches, 2.4, 14))
    label_points = 9 if K <= 40 else float(np.clip(side_inches / K * 72 * 0.75, 5.5, 9))
    names = [shorten(name, 24) for name in classes]
    with style():
        # Beside the cells: the longest name at about 0.6 of its size a letter, titles, and the two scales.
        name_inches = max(len(name) for name in names) * label_points * 0.6 / 72
        figure = new_figure(side_inches + name_inches + 2.2, side_inches + max(name_inches, 0.4) + 1.0)
        axes = figure.add_subplot()
        axes.imshow(rgba_KK4, interpolation="nearest")
        for side in axes.spines.values():
            side.set(visible=True, color=GREY)
        if K <= 40:  # white lines between the cells; beyond, they would be most of the picture
            axes.set_xticks(np.arange(1, K) - 0.5, minor=True)
            axes.set_yticks(np.arange(1, K) - 0.5, minor=True)
            axes.grid(which="minor", color="#F0F0F0", linewidth=0.8)
        axes.tick_params(which="minor", length=0)
        shown = np.arange(0, K, -(-K // 100))
        upright = K > 20 or max(len(name) for name in names) * label_points * 0.6 / 72 > side_inches / K
        axes.set_xticks(shown, [names[i] for i in shown], fontsize=label_points, rotation=90 if upright else 0)
        axes.set_yticks(shown, [names[i] for i in shown], fontsize=label_points)
        axes.set_xlabel("predicted class")
        axes.set_ylabel("true class")
        total, correct = int(counts_KK.sum()), int(np.trace(counts_KK))
        title = f"{correct:,} of {total:,} right ({correct / max(total, 1):.1%})"
        empty = int((support_K == 0).sum())
        axes.set_title(title + (f"\ngrey: {empty} of {K} classes without examples" if empty else ""))
        if K <= 20:
            _write_counts(axes, counts_KK, rgba_KK4, side_inches / K * 72)
        for scale, label in ((wrong, "mistaken, share of the row"), (right, "right, share of the row")):
            bar = figure.colorbar(scale, ax=axes, shrink=0.8, aspect=30, pad=0.02)
            bar.set_label(label)
            bar.outline.set_visible(False)
            bar.ax.yaxis.set_major_formatter(lambda share, _: f"{100 * share:.3g}%")
        save_figure(figure, path)


def _write_counts(axes: Any, counts_KK: np.ndarray, rgba_KK4: np.ndarray, cell_points: float) -> None:
    """Each count that is not 0 into its cell, white on dark and black on light; noughts only on the diagonal."""
    longest = len(f"{int(counts_KK.max())}")
    points = float(np.clip(cell_points * 0.85 / (0.62 * longest), 4, 10))
    luminance_KK = rgba_KK4[:, :, :3] @ np.array([0.299, 0.587, 0.114])
    for row, column in zip(*np.nonzero((counts_KK != 0) | np.eye(len(counts_KK), dtype=bool)), strict=True):
        color = "black" if luminance_KK[row, column] > 0.5 else "white"
        text = f"{int(counts_KK[row, column])}"
        axes.text(column, row, text, ha="center", va="center", color=color, fontsize=points)


def _column(rows: Sequence[Mapping[str, Any]], key: str) -> np.ndarray:
    """One value a row as float64; NaN, which leaves a gap, where it is absent, None or empty."""
    values = (row.get(key) for row in rows)
    return np.array([np.nan if value is None or value == "" else float(value) for value in values])


def draw_learning_curves(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Draw loss, score and learning rate over the epochs, with the gap between training and validation shaded.

    Args:
        rows: rows, one an epoch, with ``epoch`` (from 1), ``train_loss``, ``validation_loss``, ``learning_rate`` and
            ``train_accuracy`` and ``validation_accuracy``, or the same of another score; a panel without values is left
            out. Losses and errors are drawn on a logarithmic scale when they are positive and span more than a factor
            of 30. Where a row has ``kept`` other than 0, a line shows of which epoch the weights are. Rows of several
            ``member``s give a pair of curves each.
        path: the PNG to write.

    Raises:
        ValueError: there are no rows.
    """
    if not rows:
        raise ValueError("rows (0 epochs) must hold at least one epoch")
    epochs = _column(rows, "epoch")
    names = {
        "loss": "Loss",
        "accuracy": "Accuracy",
        "mae": "Mean absolute error",
        "samples_f1": "F1 of an example's classes",
    }
    panels = [(what, _column(rows, f"train_{what}"), _column(rows, f"validation_{what}")) for what in names]
    panels = [panel for panel in panels if np.isfinite(np.concatenate(panel[1:])).any()]
    members: dict[Any, list[int]] = {}
    for place, row in enumerate(rows):
        members.setdefault(row.get("member"), []).append(place)
    is_one = len(members) == 1
    marker = "o" if len(rows) <= 30 else None
    line = {"linewidth": 1.8 if is_one else 1.0, "marker": marker, "markersize": 3.5, "clip_on": False}
    with style():
        figure = new_figure(4.4 * len(panels) + 3.4, 3.8)
        all_axes = figure.subplots(1, len(panels) + 1, width_ratios=[4.4] * len(panels) + [3.4], squeeze=False)[0]
        for axes, (what, train, validation) in zip(all_axes, panels, strict=False):
            both = np.concatenate([train, validation])
            both = both[np.isfinite(both)]
            is_log = what not in ("accuracy", "samples_f1") and both.min() > 0 and both.max() / both.min() > 30
            axes.set_yscale("log" if is_log else "linear")
            if is_log:
                axes.yaxis.set_major_formatter("{x:g}")  # the default, powers of ten, is set in mathematical type
            for number, places in enumerate(members.values()):
                gap, of_training, of_validation = ("gap", "training", "validation") if number == 0 else [None] * 3
                x, y, z = epochs[places], train[places], validation[places]
                axes.fill_between(x, y, z, color=GREY, alpha=0.15 / len(members), linewidth=0, label=gap)
                axes.plot(x, y, color=BLUE, label=of_training, **line)
                axes.plot(x, z, color=ORANGE, linestyle="--", label=of_validation, **line)
            for row in rows if is_one else []:  # lines of several would hide the curves
                if float(row.get("kept") or 0):
                    axes.axvline(row["epoch"], color=GREY, linestyle=":", linewidth=1.4, label="kept")
            axes.set_title(names[what] + (" (logarithmic scale)" if is_log else ""))
            axes.legend(frameon=False)
        longest = max(members.values(), key=len)
        rates = _column(rows, "learning_rate")[longest]
        all_axes[-1].plot(epochs[longest], rates, color=GREY, **{**line, "linestyle": "-"})
        all_axes[-1].set_ylim(bottom=0)
        all_axes[-1].set_title("Learning rate")
        all_axes[-1].yaxis.set_major_formatter("{x:.3g}")
        for axes in all_axes:
            axes.set_xlabel("epoch")
            first, last = epochs.min(), epochs.max()
            axes.set_xlim(*((first - 0.5, first + 0.5) if first == last else (first, last)))
            axes.set_xticks(_epoch_ticks(int(first), int(last)))
            axes.grid(axis="y")
        save_figure(figure, path)


def _epoch_ticks(first: int, last: int) -> list[int]:
    """The first epoch and then round ones, at most about a dozen."""
    step = next(s for power in range(12) for s in (10**power, 5 * 10**power) if (last - first) / s <= 12)
    return [first, *(epoch for epoch in range(step, last + 1, step) if epoch - first > step / 2)]


def draw_mistakes(
    images_NHWC: np.ndarray,
    labels_N: np.ndarray,
    probabilities_NK: np.ndarray,
    classes: Sequence[str],
    path: Path,
    most: int = 36,
    names: Sequence[str] = (),
) -> None:
    """Draw the mistakes that the classifier was surest of, the surest first.

    Those are where labels turn out wrong and where classes turn out alike. Each picture carries its true class, and the
    predicted class with its probability. Without any mistake the picture says so.

    Args:
        images_NHWC: uint8, may be memory-mapped; 1 channel is drawn grey, 3 as RGB, of more the first.
        labels_N: true classes, integers in [0, K).
        probabilities_NK: float.
        classes: the K names.
        path: the PNG to write.
        most: number of mistakes to draw at most, at least 1.
        names: what each image is found by, such as its file, for a third line; none: there is none.

    Raises:
        ValueError: images, labels and probabilities differ in number, or ``most`` is below 1.
    """
    if not len(images_NHWC) == len(labels_N) == len(probabilities_NK):
        raise ValueError(
            f"images_NHWC ({len(images_NHWC)}), labels_N ({len(labels_N)}) and probabilities_NK "
            f"({len(probabilities_NK)}) must hold the same examples"
        )
    if most < 1:
        raise ValueError(f"most ({most}) must be at least 1")
    predicted_N = probabilities_NK.argmax(axis=1)
    confidences_N = probabilities_NK.max(axis=1)
    mistakes = np.flatnonzero(predicted_N != labels_N)
    drawn = mistakes[np.argsort(-confidences_N[mistakes], kind="stable")][:most]
    examples = _count_examples(len(labels_N))
    noun = "mistake" if len(mistakes) == 1 else "mistakes"
    which = f"{len(mistakes):,} {noun}" if len(drawn) == len(mistakes) else f"{most} surest of {len(mistakes):,} {noun}"
    captions = [
        (
            shorten(classes[labels_N[i]], 16),
            f"{shorten(classes[predicted_N[i]], 16)} {confidences_N[i]:.3f}",
            names[i] if len(names) else "",
        )
        for i in drawn
    ]
    title = (
        f"{which} among {examples}\nfirst line: true class; second line: predicted class and its probability"
        f"{_THIRD_LINE if len(names) else ''}"
    )
    draw_captioned(images_NHWC, drawn, captions, title, f"No mistakes among {examples}.", path)


def draw_wrong_classes(
    images_NHWC: np.ndarray,
    labels_NK: np.ndarray,
    probabilities_NK: np.ndarray,
    found_NK: np.ndarray,
    classes: Sequence[str],
    path: Path,
    most: int = 36,
    names: Sequence[str] = (),
) -> None:
    """Draw the images whose classes are told wrongly, where each may have several: the surest mistakes first.

    An image is drawn once, for the class whose probability is the furthest from the truth: what it has in truth, and
    that class with its probability, after "not" where it is missed.

    Args:
        images_NHWC: uint8, may be memory-mapped.
        labels_NK: uint8, 1 where an image has the class.
        probabilities_NK: float, each in [0, 1].
        found_NK: bool, whether the image is said to have the class.
        classes: the K names.
        path: the PNG to write.
        most: number of images to draw at most, at least 1.
        names: what each image is found by, such as its file, for a third line; none: there is none.
    """
    has_NK = np.asarray(labels_NK) > 0
    off_NK = np.where(has_NK != found_NK, np.abs(probabilities_NK - has_NK), -1.0)
    worst_N = off_NK.argmax(axis=1)
    mistakes = np.flatnonzero(off_NK.max(axis=1) >= 0)
    drawn = mistakes[np.argsort(-off_NK.max(axis=1)[mistakes], kind="stable")][:most]
    captions = []
    for i in drawn:
        k = int(worst_N[i])
        truth = ", ".join(classes[c] for c in np.flatnonzero(has_NK[i]).tolist()) or NO_CLASS
        missed = "" if found_NK[i, k] else "not "
        said = f"{missed}{shorten(classes[k], 14)} {probabilities_NK[i, k]:.3f}"
        captions.append((shorten(truth, 20), said, names[i] if len(names) else ""))
    examples = _count_examples(len(has_NK))
    shown = "" if len(drawn) == len(mistakes) else f", the {most} surest"
    title = (
        f"{len(mistakes):,} of {examples} with a wrong class{shown}\nfirst line: true classes; second line: what is "
        'wrongly said to be there or, after "not", is missed, and its probability'
        f"{_THIRD_LINE if len(names) else ''}"
    )
    draw_captioned(images_NHWC, drawn, captions, title, f"No mistakes among {examples}.", path)


def _count_examples(count: int) -> str:
    return f"{count:,} example{'s' if count != 1 else ''}"


def draw_captioned(
    images_NHWC: np.ndarray,
    rows: Sequence[int] | np.ndarray,
    captions: Sequence[tuple[str, str, str]],
    title: str,
    without: str,
    path: Path,
) -> None:
    """Draw images side by side, each with two or three lines above it.

    Args:
        images_NHWC: uint8, may be memory-mapped; 1 channel is drawn grey, 3 as RGB, of more the first.
        rows: indices of those to draw.
        captions: lines above each of them; where the third is empty, there is none.
        title: lines above all.
        without: text in place of images where there are none.
        path: the PNG to write.
    """
    with style():
        if len(rows) == 0:
            figure = new_figure(6, 2)
            figure.text(0.5, 0.5, without, ha="center", va="center", fontsize=14)
            save_figure(figure, path, pad_inches=0.8)
            return
        columns = min(6, max(3, len(rows)))
        lines = 1 + any(third for *_, third in captions)
        figure = new_figure(1.75 * columns, (2.0 + 0.15 * lines) * -(-len(rows) // columns) + 0.7)
        figure.suptitle(title, x=0.01, ha="left", fontsize=10)
        all_axes = list(figure.subplots(-(-len(rows) // columns), columns, squeeze=False).flat)
        for axes in all_axes:
            axes.set_axis_off()
        for axes, i, (first, second, third) in zip(all_axes, rows, captions, strict=False):
            image_HWC = np.asarray(images_NHWC[i])
            channels = 3 if image_HWC.shape[2] == 3 else 1
            axes.imshow(image_HWC[:, :, 0] if channels == 1 else image_HWC, cmap="gray", vmin=0, vmax=255)
            caption = {"x": 0, "transform": axes.transAxes, "fontsize": 9, "va": "bottom"}
            # y is where it stands anyway: matplotlib would look for the place at each drawing, half of all the time
            axes.set_title(first + "\n" * lines, loc="left", y=1.0, fontsize=9, color=BLUE)
            axes.text(y=1.02, s=second + "\n" * (lines - 1), color=ORANGE, **caption)
            if third:
                axes.text(y=1.02, s=shorten(third, 24), color=GREY, **{**caption, "fontsize": 7.5})
        save_figure(figure, path)


def draw_predictions(
    targets_NO: np.ndarray, answers_NO: np.ndarray, names: Sequence[str], path: Path, most: int = 5000
) -> None:
    """Draw predicted over true numbers, a panel a target, with the diagonal on which right answers lie.

    Args:
        targets_NO: float, the true values.
        answers_NO: float, the predicted ones.
        names: names of the O targets.
        path: the PNG to write.
        most: number of examples to draw at most, evenly chosen; the rest would only make the cloud darker.

    Raises:
        ValueError: shapes differ, or there is nothing to draw.
    """
    if targets_NO.shape != answers_NO.shape or targets_NO.size == 0:
        raise ValueError(
            f"targets_NO (shape {targets_NO.shape}) and answers_NO (shape {answers_NO.shape}) must be the same and "
            "not empty"
        )
    rows = np.unique(np.linspace(0, len(targets_NO) - 1, min(most, len(targets_NO))).astype(int))
    with style():
        figure = new_figure(4.4 * len(names), 4.2)
        for axes, name, target_N, answer_N in zip(
            figure.subplots(1, len(names), squeeze=False)[0], names, targets_NO[rows].T, answers_NO[rows].T, strict=True
        ):
            ends = [min(target_N.min(), answer_N.min()), max(target_N.max(), answer_N.max())]
            axes.plot(ends, ends, color=GREY, linewidth=1, zorder=0)
            axes.scatter(target_N, answer_N, s=6, color=BLUE, alpha=0.35, linewidths=0)
            axes.set_title(shorten(name, 40))
            axes.set_xlabel("true")
            axes.set_ylabel("predicted")
            axes.set_aspect("equal", adjustable="datalim")
            axes.grid()
        save_figure(figure, path)


def draw_series(series_NTF: np.ndarray, targets_NO: np.ndarray, names: Sequence[str], path: Path) -> None:
    """Draw sequences, a panel an example, a line a feature, with the numbers that are to be predicted above.

    Args:
        series_NTF: float, at least one example.
        targets_NO: float, the numbers to predict.
        names: names of the O targets.
        path: the PNG to write.
    """
    colors = (BLUE, ORANGE, GREY)
    with style():
        figure = new_figure(9, 1.5 * len(series_NTF) + 0.3)
        all_axes = figure.subplots(len(series_NTF), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
        for axes, series_TF, target_O in zip(all_axes, series_NTF, targets_NO, strict=True):
            for feature, values_T in enumerate(series_TF.T):
                axes.plot(values_T, color=colors[feature % len(colors)], linewidth=1.2)
            shown = (f"{shorten(name, 24)} {value:.4g}" for name, value in zip(names, target_O, strict=True))
            axes.set_title(", ".join(shown), fontsize=9)
        all_axes[-1].set_xlabel("step")
        save_figure(figure, path)
