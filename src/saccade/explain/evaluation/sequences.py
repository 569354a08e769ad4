"""The mistakes of an evaluation on texts and series, with what each step adds: a table of tokens, or figures.

Shapes: T time steps, F features.
"""

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from saccade.core.messages import printable
from saccade.data.prepared import Split
from saccade.data.spec import Spec
from saccade.explain.evaluation.cases import Case, Cases, NameOf, Shown, cases_of, cases_of_tokens
from saccade.explain.evaluation.work import Work
from saccade.explain.sequences.coloured_text import shown
from saccade.explain.sequences.examples import Explained, explain_stored
from saccade.explain.sequences.figures import draw_influence
from saccade.explain.sequences.influence import (
    CONTRIBUTIONS,
    FIRST_PASSES,
    INTEGRATED_GRADIENTS,
    LEAVE_ONE_OUT,
    Influence,
    methods_for,
)
from saccade.predict.predictor import Predictor, TokenOutputs

INFLUENCES = "influences.csv"
COLUMNS = ("example", "answer", "heading", "unit", "place", "token", "is_unknown", "influence")
_MAX_CASES = 3
_STRONGEST = 6  # steps in a sentence
_MOST_PIECES = 16  # of the way that gradients are added up along; what they miss is told
_AXIS = {False: "step", True: "steps before the forecast"}
_HOW = {
    INTEGRATED_GRADIENTS: "integrated gradients: together they are the difference from steps that say nothing",
    LEAVE_ONE_OUT: "how far its score falls where the step says nothing",
    CONTRIBUTIONS: "the network is a sum over n-grams, here divided among their tokens",
}


@dataclass(frozen=True)
class _Row:
    example: int
    answer: int
    heading: str
    unit: str


def show_sequences(
    folder: Path,
    predictor: Predictor,
    answers: np.ndarray | TokenOutputs,
    test: Split,
    name_of: NameOf,
    work: Work,
    run: str,
) -> list[Shown]:
    """Explain the mistakes of an evaluation on texts or series: tokens as influences.csv, steps of series as figures.

    Args:
        folder: folder for what is written.
        predictor: trained network.
        answers: what it answered.
        test: the split.
        name_of: what people find an example by.
        work: what may be spent.
        run: name of the run, for the command that shows more.

    Returns:
        What was written, and what was left to ``saccade explain``.
    """
    spec = predictor.spec
    more = f"`saccade explain {run}`"
    method, cost = _method(predictor, work)
    if method is None:
        return [Shown(f"To explain an example takes {cost:,} times as long as to answer it: {more} does it.")]
    most = int(np.clip(work.passes // cost, 1, _MAX_CASES))
    cases = _cases(spec, answers, test, predictor, most)
    found = [_explained(predictor, case, test, name_of, method) for case in cases.shown]
    if not found:
        return []
    texts: list[tuple[_Row, Explained, Influence]] = []
    lines = [Shown(f"{cases.sentence}. Blue speaks for an answer, orange against it; {_HOW[method]}.")]
    for number, (case, one) in enumerate(zip(cases.shown, found, strict=True), start=1):
        headings = [f"{said}: {_strongest(one, each)}" for said, each in zip(case.said, one.influences, strict=True)]
        if spec.layout == "tokens":
            texts += [
                (_Row(number, place, heading, one.unit), one, each)
                for place, (heading, each) in enumerate(zip(headings, one.influences, strict=True), start=1)
            ]
            lines.append(Shown(one.title, example=str(number)))
            continue
        picture = f"seen_{number}.png"
        panels = {_panel(said, each): each.values for said, each in zip(case.said, one.influences, strict=True)}
        draw_influence(panels, one.steps, one.columns, folder / picture, _AXIS[bool(spec.horizon)])
        lines.append(Shown(f"{one.title}: {'; '.join(headings)}", picture))
    if texts:
        _write(folder / INFLUENCES, texts)
    return [*lines, Shown(f"What its units hold, and examples of your own: {more}.")]


def _method(predictor: Predictor, work: Work) -> tuple[str | None, int]:
    """The method, and the passes that an example takes with it; None where that is too much."""
    fitting, spec = methods_for(predictor), predictor.spec
    columns = spec.shape[1] if spec.layout == "series" else 1
    costs = {CONTRIBUTIONS: 1, INTEGRATED_GRADIENTS: FIRST_PASSES, LEAVE_ONE_OUT: spec.shape[0] * columns}
    for method in fitting:
        if costs[method] <= work.passes:
            return method, costs[method]
    return None, min(costs[method] for method in fitting)


def _cases(spec: Spec, answers: np.ndarray | TokenOutputs, test: Split, predictor: Predictor, most: int) -> Cases:
    if isinstance(answers, TokenOutputs):
        return cases_of_tokens(answers.nats, answers.predicted, test.labels, spec.vocabulary, most)
    return cases_of(spec, answers, test.labels, predictor.config.thresholds, most)


def _explained(predictor: Predictor, case: Case, test: Split, name_of: NameOf, method: str) -> Explained:
    names = (
        predictor.spec.vocabulary
        if predictor.spec.output == "per_token"
        else (predictor.spec.classes or predictor.spec.targets)
    )
    return explain_stored(
        predictor,
        np.asarray(test.examples[case.place])[: case.read],
        title=printable(name_of(case.place)),
        classes=[names[k] for k in case.answers],
        method=method,
        steps=_before_the_forecast(predictor.spec),
        limit_s=math.inf,
        most_pieces=_MOST_PIECES,
    )


def _before_the_forecast(spec: Spec) -> list[str] | None:
    """Numbers of the steps of a window, the last known one -1; None of others, which count from 1."""
    return [str(step - spec.shape[0]) for step in range(spec.shape[0])] if spec.horizon else None


def _panel(said: str, one: Influence) -> str:
    gap = f", {one.gap:.0%} of it missed" if one.gap is not None and one.gap > 0.01 else ""
    return f"{said}: {one.values.sum():+.3g} by the steps{gap}"


def _strongest(one: Explained, influence: Influence) -> str:
    """Such as "bad +0.23, boring +0.21"; what no step moves has no positive evidence, nor any against it."""
    flat = influence.values.reshape(-1)
    columns = max(1, len(one.columns))
    found = []
    for place in np.argsort(-np.abs(flat), kind="stable")[:_STRONGEST].tolist():
        if flat[place] == 0:
            break
        step, column = divmod(place, columns)
        name = f"step {one.steps[step]}" if one.unit == "steps" else _named(one.steps[step])
        found.append(
            f"{name} {one.columns[column]} {flat[place]:+.3g}" if columns > 1 else f"{name} {flat[place]:+.3g}"
        )
    evidence = "" if (flat > 0).any() else "no positive evidence; "
    return f"{evidence}{', '.join(found)}" if found else "no positive evidence: no step moves it"


def _named(token: str) -> str:
    return shown(token) if token.strip() or token == "\n" else repr(token)


def _write(path: Path, texts: Sequence[tuple[_Row, Explained, Influence]]) -> None:
    with path.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for row, one, influence in texts:
            values = influence.values.tolist()
            for place, (token, value) in enumerate(zip(one.steps, values, strict=True)):
                is_unknown = int(place in one.unknown)
                writer.writerow(
                    [
                        row.example,
                        row.answer,
                        row.heading,
                        row.unit,
                        place + 1,
                        shown(token),
                        is_unknown,
                        f"{value:.6g}",
                    ]
                )
