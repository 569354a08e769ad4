"""``saccade predict RUN --prompt TEXT``: how a run goes on with a text, or what it expects after each of its tokens."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from pipeline.commands.predict.answers import AnswerTable, rounded
from pipeline.console import say, warn
from saccade.kinds.tokens.display import shown
from saccade.predict.generate import TEMPERATURE
from saccade.predict.predictor import Predictor

if TYPE_CHECKING:
    from pipeline.commands.predict.command import Asked

_LENGTH = 200
_EXPECTED = 5  # most probable tokens in a row of the table


def predict_continuation(run: str, predictor: Predictor, asked: "Asked") -> None:
    """Print a text, or a table of what is expected.

    Args:
        run: key in ``runs:``.
        predictor: its network, which says what comes next.
        asked: with a prompt.

    Raises:
        UserError: the prompt is empty, or a number lies outside its range.
    """
    assert asked.prompt is not None
    if asked.probabilities:
        _print_expectations(run, predictor, asked)
        return
    generated = predictor.continued(
        asked.prompt,
        length=_LENGTH if asked.length is None else asked.length,
        temperature=TEMPERATURE if asked.temperature is None else asked.temperature,
        seed=asked.seed or 0,
    )
    _warn_of_unknown(run, generated.unknown)
    if not asked.as_json:
        say(generated.text)
        return
    values = {"prompt": generated.prompt, "continuation": generated.continuation, "unknown": dict(generated.unknown)}
    say(json.dumps(values))


def _print_expectations(run: str, predictor: Predictor, asked: "Asked") -> None:
    assert asked.prompt is not None
    found = predictor.expectations(asked.prompt)
    _warn_of_unknown(run, predictor.unknown_in(asked.prompt))
    of_all = len(found[0].probabilities)
    top = min(asked.top or (of_all if asked.as_json else _EXPECTED), of_all)
    rows = [(one.prefix, dict(list(one.probabilities.items())[:top])) for one in found]
    if asked.as_json:
        for prefix, probabilities in rows:
            say(json.dumps({"prefix": prefix, "probabilities": rounded(probabilities)}))
        return
    table = AnswerTable(
        "after",
        [shown(prefix) for prefix, _ in rows],
        [shown(token) for _, p in rows for token in p],
        top,
        label="next",
    )
    say(table.header)
    for prefix, probabilities in rows:
        say(table.row(shown(prefix), {shown(token): p for token, p in probabilities.items()}))


def _warn_of_unknown(run: str, unknown: Mapping[str, int]) -> None:
    if unknown:
        names = ", ".join(f"{token!r} ({count:,})" for token, count in unknown.items())
        warn(f"warning: not in the vocabulary of {run}, and read as unknown: {names}")
