"""Pictures of how a network predicts what comes next in a text; ``drawing.py`` holds what all pictures share."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from saccade.display.style import BLUE, GREY, ORANGE, new_figure, save_figure, shorten, style


def draw_loss_by_position(rows: Sequence[tuple[int, float, int]], path: Path) -> None:
    """Draw how the loss falls the more of a text was read: what context is worth.

    Dots are single positions; the line is the mean over stretches that double in length, 1, 2, 3 to 4, 5 to 8 and so
    on, each token counting the same: single positions scatter.

    Args:
        rows: tokens read, mean loss in nats, and over how many texts, as ``text_metrics.loss_by_position`` gives them;
            at least one.
        path: the PNG to write.
    """
    read, loss, count = (np.array(column, dtype=np.float64) for column in zip(*rows, strict=True))
    stretch = np.ceil(np.log2(read)).astype(int)
    weight = np.bincount(stretch, count)
    at = [np.bincount(stretch, count * values)[weight > 0] / weight[weight > 0] for values in (np.log(read), loss)]
    with style():
        figure = new_figure(6.4, 3.8)
        axes = figure.add_subplot()
        axes.scatter(read, loss, s=8, color=BLUE, alpha=0.35, linewidths=0)
        axes.plot(np.exp(at[0]), at[1], color=ORANGE, marker="o", markersize=4, linewidth=1.8)
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter("{x:g}")
        axes.set_title(f"Loss by how much was read: {loss[0]:.2f} nats after 1, {at[1][-1]:.2f} at the end")
        axes.set_xlabel("tokens read (logarithmic scale)")
        axes.set_ylabel("nats a token")
        axes.grid(axis="y")
        save_figure(figure, path)


def draw_confused(rows: Sequence[tuple[str, str, int, float]], path: Path, most: int = 24) -> None:
    """Draw the most frequent mistakes as bars; without any, the picture says so.

    Args:
        rows: true token, predicted token, how often, and its share of the true one's occurrences; most frequent first.
        path: the PNG to write.
        most: how many to draw, from 1.
    """
    drawn = rows[:most]
    with style():
        if not drawn:
            figure = new_figure(6, 2)
            figure.text(0.5, 0.5, "No mistakes.", ha="center", va="center", fontsize=14)
            save_figure(figure, path, pad_inches=0.8)
            return
        figure = new_figure(6.4, 0.22 * len(drawn) + 1.0)
        axes = figure.add_subplot()
        places = range(len(drawn))
        axes.barh(places, [count for _, _, count, _ in drawn], color=BLUE, height=0.7)
        names = [f"{shorten(predicted, 16)} for {shorten(true, 16)}" for true, predicted, _, _ in drawn]
        axes.set_yticks(places, names, fontsize=9)
        axes.invert_yaxis()
        for place, (true, _, count, share) in enumerate(drawn):
            axes.annotate(
                f"{share:.1%} of all {shorten(true, 16)}",
                (count, place),
                xytext=(3, 0),
                textcoords="offset points",
                va="center",
                fontsize=8,
                color=GREY,
            )
        axes.margins(x=0.22)
        axes.set_title("What is predicted for what: the most frequent mistakes")
        axes.set_xlabel("times")
        save_figure(figure, path)
