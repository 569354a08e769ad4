"""What comes next at each step of a text: what training minimises, and what evaluation measures, draws and writes.

Shapes: N texts, T tokens of a text.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from saccade.core.errors import UserError
from saccade.data.prepared import Split
from saccade.data.spec import Spec
from saccade.display import figures
from saccade.evaluate import text_metrics
from saccade.evaluate.metric_intervals.interval import with_intervals
from saccade.evaluate.metric_intervals.over_time import next_token_intervals, windows_of_text
from saccade.evaluate.outcomes import FILE_NAME, write_outcomes
from saccade.kinds.tokens.figures import draw_confused, draw_loss_by_position
from saccade.kinds.tokens.text.display import shown, write_table
from saccade.kinds.tokens.text.tokenizer import tokenizer_of
from saccade.predict.answers import Answer, Answers, Question, cells_of, rounded, titles_of_ranks
from saccade.predict.texts.written_text import TEMPERATURE

if TYPE_CHECKING:
    from saccade.predict.predictor import Predictor, TokenOutputs

KINDS = ("tokens",)  # input layouts
LABELS = "next tokens"
LOSSES = ("cross_entropy",)
SCORE = "accuracy"  # of the next token; beside the loss, in every epoch
SECTIONS = {  # of the page of a run: files of the evaluation, and their headings
    "loss_by_position": "What it gains from reading on",
    "confused_tokens": "What it takes for what",
    "next_letters": "What it expects next",
    "sample": "What it writes",
}

# What `saccade predict` may be given, and says of it
TAKES = ("--prompt", "--length", "--temperature", "--seed", "--probabilities")
DOES = "goes on with texts"
GIVE = "give what it goes on from: `saccade predict {run} --prompt TEXT`"

_TEMPERATURES = (0.5, TEMPERATURE, 1.0)  # of the samples
_MAX_SAMPLE_TOKENS = 600  # tokens of a sample
_MAX_PROMPT_TOKENS = 16  # tokens that it goes on from
_MAX_PREFIXES = 64  # rows of next_letters.csv
_NUM_EXPECTED = 5  # most probable tokens in each
_LENGTH = 200  # tokens that are written where nothing else is asked for


def evaluate(
    folder: Path,
    answers: "TokenOutputs",
    test: Split,
    spec: Spec,
    history: Sequence[Mapping[str, float]],
    *,
    predictor: "Predictor",
) -> dict[str, Any]:
    """Measure the answers on the test split, and write tables, figures and text.

    Args:
        folder: an empty folder; gets learning_curves.png, loss_by_position.csv and .png, confused_tokens.csv and .png,
            outcomes.csv (the loss of each text), next_letters.csv (what was expected after each beginning of the first
            test window) and sample.txt.
        answers: the network's outputs for each token of the test split.
        test: the test split.
        spec: spec of the dataset.
        history: a row an epoch, as in history.csv.
        predictor: the network, which writes the sample.

    Returns:
        Metric name to value; what metrics.json holds, the loss in nats first. Each is followed by the ends of its 95 %
        interval, None beside the reason where there is none.
    """
    figures.draw_learning_curves([dict(row) for row in history], folder / "learning_curves.png")
    by_position = text_metrics.loss_by_position(answers.nats, test.labels)
    write_table(folder / "loss_by_position.csv", ["tokens_read", "loss", "texts"], by_position)
    draw_loss_by_position(by_position, folder / "loss_by_position.png")
    confused = [
        (shown(spec.vocabulary[true]), shown(spec.vocabulary[predicted]), count, share)
        for true, predicted, count, share in text_metrics.confused_tokens(answers.predicted, test.labels)
    ]
    write_table(folder / "confused_tokens.csv", ["actual", "predicted", "count", "share_of_actual"], confused)
    draw_confused(confused, folder / "confused_tokens.png")
    tokenizer = tokenizer_of(spec)
    window_T = test.examples[0][test.examples[0] != 0]
    _write_expectations(folder / "next_letters.csv", predictor, tokenizer.decode(window_T[:_MAX_PREFIXES]), test, spec)
    prompt = tokenizer.decode(window_T[: min(_MAX_PROMPT_TOKENS, -(-len(window_T) // 4))])
    (folder / "sample.txt").write_text(_sample(predictor, prompt, min(_MAX_SAMPLE_TOKENS, 4 * spec.shape[0])), "utf-8")
    write_outcomes(
        folder / FILE_NAME, text_metrics.outcomes_of_texts(test.rows, answers.nats, answers.predicted, test.labels)
    )
    assert spec.unit
    measured = text_metrics.next_token_metrics(answers.nats, answers.predicted, test.labels, spec.unit)
    windows = windows_of_text(test.rows, spec.shape[0])
    intervals = next_token_intervals(answers.nats, answers.predicted, test.labels, windows, measured)
    return with_intervals(measured, intervals)


def _write_expectations(path: Path, predictor: "Predictor", text: str, test: Split, spec: Spec) -> None:
    """A row for each beginning of a text: what came next, and what was expected."""
    found = predictor.expectations(text)
    ranks = range(1, min(_NUM_EXPECTED, len(found[0].probabilities)) + 1)
    rows = []
    for expected, label in zip(found, test.labels[0], strict=False):
        best = list(expected.probabilities.items())[: len(ranks)]
        actual = spec.vocabulary[label]
        p_actual = expected.probabilities.get(actual, 0.0)  # nobody expects what the vocabulary does not have
        cells = [cell for token, p in best for cell in (shown(token), f"{p:.6f}")]
        rows.append([shown(expected.prefix), shown(actual), f"{p_actual:.6f}", *cells])
    expectations = [title for rank in ranks for title in (f"expected_{rank}", f"p_{rank}")]
    write_table(path, ["prefix", "next", "p_next", *expectations], rows)


def _sample(predictor: "Predictor", prompt: str, length: int) -> str:
    """Text written at several temperatures, each under a line that says how."""
    parts = []
    for temperature in _TEMPERATURES:
        generated = predictor.continued(prompt, length=length, temperature=temperature, seed=0)
        parts.append(f"--- prompt {prompt!r}, temperature {temperature:g}, seed 0 ---\n{generated.text}\n")
    return "\n".join(parts)


# --- saccade predict --------------------------------------------------------------------------------------------------


def check_question(question: Question, spec: Spec) -> None:
    """Refuse options that have no effect on what is asked.

    Args:
        question: what a run is asked.
        spec: of its network.

    Raises:
        UserError: there is such an option.
    """
    given = question.given()
    if question.probabilities:
        for name in ("--length", "--temperature", "--seed"):
            if name in given:
                raise UserError(f"{name} ({given[name]}) must be left out with --probabilities, which writes no text")
    elif question.top is not None:
        raise UserError(f"--top ({question.top}) must stand with --probabilities: text is drawn from all {spec.unit}")


def predict(predictor: "Predictor", question: Question) -> Answers:
    """Go on with a prompt, or tell what is expected after each of its beginnings.

    Args:
        predictor: network that says what comes next.
        question: prompt, and how it is gone on with.

    Returns:
        A text, or a row a beginning.

    Raises:
        UserError: the prompt is empty, or a number lies outside its range.
    """
    assert question.prompt is not None
    if question.probabilities:
        return _expectations(predictor, question)
    generated = predictor.continued(
        question.prompt,
        length=_LENGTH if question.length is None else question.length,
        temperature=TEMPERATURE if question.temperature is None else question.temperature,
        seed=question.seed or 0,
    )
    record = {"prompt": generated.prompt, "continuation": generated.continuation, "unknown": dict(generated.unknown)}
    warnings = _warnings_of_unknown(question, generated.unknown)
    return Answers([Answer((), record)], text=generated.text, warnings=warnings)


def _expectations(predictor: "Predictor", question: Question) -> Answers:
    assert question.prompt is not None
    found = predictor.expectations(question.prompt)
    count = len(found[0].probabilities)
    top = min(question.top or (count if question.as_json else _NUM_EXPECTED), count)
    rows = [(one.prefix, dict(list(one.probabilities.items())[:top])) for one in found]
    answers = [
        Answer(
            [shown(prefix), *cells_of({shown(token): p for token, p in probabilities.items()})],
            {"prefix": prefix, "probabilities": rounded(probabilities)},
        )
        for prefix, probabilities in rows
    ]
    tokens = [shown(token) for _, probabilities in rows for token in probabilities]
    return Answers(
        answers,
        ["after", *titles_of_ranks(top, "next")],
        [[shown(prefix) for prefix, _ in rows], *[tokens, ()] * top],
        len(answers),
        warnings=_warnings_of_unknown(question, predictor.unknown_in(question.prompt)),
    )


def _warnings_of_unknown(question: Question, unknown: Mapping[str, int]) -> list[str]:
    names = ", ".join(f"{token!r} ({count:,})" for token, count in unknown.items())
    run = question.reading.run
    return [f"warning: not in the vocabulary of {run}, and read as unknown: {names}"] if unknown else []
