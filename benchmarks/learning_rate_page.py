"""The table and the pictures of docs/learning-rate.md, of what ``learning_rates.py`` measured."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pages import put_between

SHOWN = "LeNet-5, digits, adam, one_cycle"  # its range test
CURVES = (  # run, and a rate of its grid that is too low, right, too high
    ("LeNet-5, digits, sgd, constant", ("0.01", "0.1", "0.3")),
    ("LSTM, digits, adam, one_cycle", ("0.0001", "0.003", "0.1")),
)
AS_ACCURATE = 0.015  # below the best accuracy of the grid
AS_NEAR = 0.05  # above the least error of the grid, as a share of what lies between it and the largest
GREEN = "#009E73"


def write_page(result: Mapping[str, Any], updates: int, page: Path, images: Path) -> None:
    """Draw the pictures and put the table between the comments of the page.

    Args:
        result: what was measured.
        updates: of each range test.
        page: docs/learning-rate.md.
        images: where the pictures go.
    """
    runs = {title: found for title, found in result["runs"].items() if found.get("suggested")}
    if not runs:
        return
    draw_evidence(runs, images / "learning-rate-evidence.png")
    if SHOWN in runs:
        draw_test(runs[SHOWN], updates, images / "learning-rate-test.png")
    curves = [(title, rates) for title, rates in CURVES if title in runs and set(rates) <= set(runs[title]["grid"])]
    if curves:
        draw_curves(runs, curves, images / "learning-rate-curves.png")
    put_between(page, "evidence", "benchmarks/learning_rates.py", table(runs, result))


def score_of(rows: Sequence[Mapping[str, float]]) -> tuple[str, float]:
    """The name of what is reported beside the loss, and its value after the last epoch."""
    key = next(key for key in ("validation_accuracy", "validation_mae") if key in rows[-1])
    return key.removeprefix("validation_"), rows[-1][key]


def trains_as_well(rows: Sequence[Mapping[str, float]], grid: Mapping[str, Any]) -> bool:
    """Whether a training is about as good as the best of the grid."""
    what, value = score_of(rows)
    of_grid = [score_of(other)[1] for other in grid.values() if other]
    if what == "accuracy":
        return max(of_grid) - value <= AS_ACCURATE
    return value - min(of_grid) <= AS_NEAR * (max(of_grid) - min(of_grid))


def best_rate(grid: Mapping[str, Any]) -> str:
    """The rate with the best score; of equals, that with the lower validation loss."""
    sign = {"accuracy": -1, "mae": 1}
    whole = {rate: rows for rate, rows in grid.items() if rows}

    def order(rate: str) -> tuple[float, float]:
        what, value = score_of(whole[rate])
        return sign[what] * value, whole[rate][-1]["validation_loss"]

    return min(whole, key=order)


def good_rates(grid: Mapping[str, Any]) -> list[str]:
    """The rates that train about as well as the best one."""
    return [rate for rate, rows in grid.items() if rows and trains_as_well(rows, grid)]


# --- the page ---------------------------------------------------------------------------------------------------------


def table(runs: Mapping[str, Any], result: Mapping[str, Any]) -> list[str]:
    """A row a run."""
    lines = [
        "| run | suggested | validation loss; score | best of the grid | validation loss; score | as good within |",
        "|---|---|---|---|---|---|",
    ]
    reached = []
    for title, found in runs.items():
        suggested, best = found["suggested"], best_rate(found["grid"])
        good = good_rates(found["grid"])
        span = good[0] if len(good) == 1 else f"{good[0]} to {good[-1]}"
        ours = "none | "
        if suggested["lr"] is not None:
            reached.append(trains_as_well(suggested["rows"], found["grid"]))
            ours = f"{suggested['lr']:g} | {cell(suggested['rows'])}"
        lines.append(f"| {title} | {ours} | {best} | {cell(found['grid'][best])} | {span} |")
    return [
        *lines,
        "",
        f"{sum(reached)} of {len(reached)} suggestions train about as well as the best rate of their grid: accuracy "
        f"within {AS_ACCURATE:g}; mean absolute error within {100 * AS_NEAR:g} % of what lies between the best and the "
        f"worst of the grid. One seed. {result['date']}; {result['machine']}.",
    ]


def cell(rows: Sequence[Mapping[str, float]]) -> str:
    """The loss and the score after the last epoch."""
    what, value = score_of(rows)
    return f"{rows[-1]['validation_loss']:.3g}; {what} {value:.4g}"


# --- the pictures -----------------------------------------------------------------------------------------------------


def draw_test(found: Mapping[str, Any], updates: int, path: Path) -> None:
    """As ``saccade find-lr`` draws it."""
    from pipeline.commands.find_lr import rates_of
    from saccade.lr_finder.plot import draw_range
    from saccade.lr_finder.suggest import read_range

    rates = rates_of(updates)
    draw_range(rates, found["losses"], read_range(rates, found["losses"]), found["now"], "lenet5-digits", path)


def draw_evidence(runs: Mapping[str, Any], path: Path) -> None:
    """A panel a run: validation loss over the rates of the grid, and the suggested rate."""
    from saccade.display import style

    columns = min(3, len(runs))
    rows = -(-len(runs) // columns)
    with style.style():
        figure = style.new_figure(4 * columns, 2.5 * rows)
        panels = list(figure.subplots(rows, columns, squeeze=False).flat)
        for axes in panels[len(runs) :]:
            axes.set_axis_off()
        for axes, (title, found) in zip(panels, runs.items(), strict=False):
            whole = [(float(rate), epochs[-1]) for rate, epochs in found["grid"].items() if epochs]
            points = sorted((rate, epoch["validation_loss"]) for rate, epoch in whole)
            axes.plot(*zip(*points, strict=True), color=style.BLUE, marker="o", markersize=4, linewidth=1.4)
            ours = found["suggested"]
            if ours["lr"] is not None:
                axes.plot([ours["lr"]], [ours["rows"][-1]["validation_loss"]], "D", color=style.ORANGE, markersize=7)
                axes.axvline(ours["lr"], color=style.ORANGE, linestyle="--", linewidth=1.2)
            losses = [loss for _, loss in points]
            axes.set_xscale("log")
            axes.set_yscale("log" if max(losses) > 10 * min(losses) else "linear")  # else no number is on the axis
            for axis in (axes.xaxis, axes.yaxis):
                axis.set_major_formatter("{x:g}")
                axis.set_minor_formatter("")
            model, data, rest = title.split(", ", 2)
            axes.set_title(f"{model}, {data}\n{rest}", fontsize=9)
            axes.grid(axis="y")
        for axes in panels[max(len(runs) - columns, 0) : len(runs)]:
            axes.set_xlabel("learning rate")
        for axes in panels[::columns]:
            axes.set_ylabel("validation loss")
        style.save_figure(figure, path)


def draw_curves(runs: Mapping[str, Any], curves: Sequence[tuple[str, Sequence[str]]], path: Path) -> None:
    """Training loss (and, dashed, validation loss) over the epochs at three rates, a panel a run."""
    from saccade.display import style

    colors, words = (style.BLUE, GREEN, style.ORANGE), ("too low", "right", "too high")
    with style.style():
        figure = style.new_figure(5.4 * len(curves), 4)
        for axes, (title, rates) in zip(figure.subplots(1, len(curves), squeeze=False)[0], curves, strict=True):
            for rate, color, word in zip(rates, colors, words, strict=True):
                rows = runs[title]["grid"][rate]
                epochs = [row["epoch"] for row in rows]
                line = {"color": color, "linewidth": 1.6}
                axes.plot(epochs, [row["train_loss"] for row in rows], label=f"{rate}: {word}", **line)
                axes.plot(epochs, [row["validation_loss"] for row in rows], linestyle="--", **line)
            axes.set_yscale("log")
            axes.yaxis.set_major_formatter("{x:g}")
            axes.yaxis.set_minor_formatter("")
            axes.set_title(title, fontsize=10)
            axes.set_xlabel("epoch")
            axes.grid(axis="y")
            axes.legend(frameon=False)
        figure.axes[0].set_ylabel("loss: training, and dashed validation")
        style.save_figure(figure, path)
