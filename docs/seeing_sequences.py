"""Figures and tables of seeing-sequences.md, from trained runs of this tree:

    python docs/seeing_sequences.py          draws docs/images/sequences-*.png, prints the tables

Runs that are not there are left out, and said.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

import saccade
from pipeline.commands.explain_sequence_run import followers_of, long_text, with_random_weights
from pipeline.console import say
from saccade.data.prepared import open_split
from saccade.explain.sequences import (
    Follower,
    explain_stored,
    explain_text,
    figures,
    gradients_over_time,
    read_states,
)
from saccade.explain.sequences.coloured_text import ColouredText, draw_texts
from saccade.kinds.tokens.text.tokenizer import tokenizer_of
from saccade.predict.predictor import Predictor

PROMPT = "ROMEO:\nBut soft, what light through yonder win"
REVIEW = (
    "A bad film, but the acting was superb and I liked it. The plot is a boring mess; still, the ending is wonderful."
)
CHARACTERS = 30_000  # of the text on which units are chosen, and of the one on which they are measured
DRAWN = (
    "in the first line of a part, before its colon",
    "characters since the line began",
    "letters of the word so far",
)
UNITS = (1, 9, 41, 74, 119, 120)  # of the gates' figure


def main() -> None:
    """Draw what the runs allow."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--images", type=Path, default=Path("docs/images"))
    images = parser.parse_args().images
    for run, draw in (
        ("shakespeare-lstm", draw_letters),
        ("review-polarity", draw_review),
        ("monthly-sunspots", draw_forecast),
        ("lstm-digits", draw_rows),
    ):
        if Path("models", run, "bundle.json").exists():
            draw(saccade.load(Path("models", run)), images)
        else:
            say(f"models/{run} is not there: its figures are left out")


def draw_letters(trained: Predictor, images: Path) -> None:
    """What a letter network does with Shakespeare: influences, gates, gradients, units."""
    explained = explain_text(trained, PROMPT)
    explained.draw(images / "sequences-next-letter.png")
    ids_1T = torch.from_numpy(tokenizer_of(trained.spec).encode(PROMPT[:24]))[None]
    figures.draw_states(read_states(trained, ids_1T)[0], list(PROMPT[:24]), images / "sequences-gates.png", units=UNITS)
    prepared = Path("data/prepared/shakespeare")
    validation = open_split(prepared, "validation")
    stored, labels = (torch.from_numpy(np.asarray(array[:64])) for array in (validation.examples, validation.labels))
    figures.draw_gradients_over_time(gradients_over_time(trained, stored, labels), images / "sequences-gradients.png")

    chosen, measured = long_text(open_split(prepared, "train")), long_text(validation)
    found, states_ND, text = followers_of(trained, chosen[:CHARACTERS], measured[:CHARACTERS])
    before, _, _ = followers_of(with_random_weights(trained), chosen[:CHARACTERS], measured[:CHARACTERS])
    _print_table(found, {one.feature: one for one in before})
    start = text.find("\n\n", 5000) + 2
    excerpt = slice(start, start + 330)
    shown = [
        ColouredText(
            f"unit {one.unit}: {one.feature}, r {one.r:+.2f}",
            list(text[excerpt]),
            np.tanh(states_ND[excerpt, one.unit]) * np.sign(one.r),
            "characters",
        )
        for one in found
        if one.feature in DRAWN
    ]
    draw_texts(shown, images / "sequences-units.png", "tanh of the cell, blue above 0, turned where r is below 0")


def _print_table(found: Sequence[Follower], before: dict[str, Follower]) -> None:
    say("| what | unit | r | the best unit by chance | r of random weights |")
    say("|---|---|---|---|---|")
    for one in found:
        say(f"| {one.feature} | {one.unit} | {one.r:+.2f} | {one.bound:.2f} | {before[one.feature].r:+.2f} |")


def draw_review(trained: Predictor, images: Path) -> None:
    """What the words of a review add."""
    explained = explain_text(trained, REVIEW)
    draw_texts(explained.coloured_texts()[:1], images / "sequences-review.png")


def draw_forecast(trained: Predictor, images: Path) -> None:
    """What the months before add to a forecast."""
    validation = open_split(Path("data/prepared/monthly-sunspots"), "validation")
    explained = explain_stored(trained, np.asarray(validation.examples[100]))
    steps = [str(step - len(explained.steps)) for step in range(len(explained.steps))]
    panels = {
        text.title: one.values for text, one in zip(explained.coloured_texts(), explained.influences, strict=True)
    }
    figures.draw_influence(
        panels, steps, explained.columns, images / "sequences-forecast.png", "months before the first"
    )


def draw_rows(trained: Predictor, images: Path) -> None:
    """What the rows of a digit add."""
    validation = open_split(Path("data/prepared/digits"), "validation")
    row = int(np.flatnonzero(np.asarray(validation.labels) == 7)[0])
    explain_stored(trained, np.asarray(validation.examples[row])).draw(images / "sequences-rows.png")


if __name__ == "__main__":
    main()
