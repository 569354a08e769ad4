"""What comes next at each step of a text: what training minimises, and what evaluation measures, draws and writes.

Shapes: N texts, T tokens of a text.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from saccade.data.prepared import Split
from saccade.data.spec import Spec
from saccade.display import figures
from saccade.evaluate import text_metrics
from saccade.kinds.tokens.display import shown, write_table
from saccade.kinds.tokens.figures import draw_confused, draw_loss_by_position
from saccade.kinds.tokens.tokenizer import tokenizer_of
from saccade.predict.generate import TEMPERATURE
from saccade.predict.predictor import Predictor, TokenOutputs

KINDS = ("tokens",)
LABELS = "next tokens"
LOSSES = ("cross_entropy",)
SCORE = "accuracy"  # of the next token; beside the loss, in every epoch

_TEMPERATURES = (0.5, TEMPERATURE, 1.0)  # of the samples
_MAX_SAMPLE_TOKENS = 600  # tokens of a sample
_MAX_PROMPT_TOKENS = 16  # tokens that it goes on from
_MAX_PREFIXES = 64  # rows of next_letters.csv
_NUM_EXPECTED = 5  # most probable tokens in each


def evaluate(
    folder: Path,
    answers: TokenOutputs,
    test: Split,
    spec: Spec,
    history: Sequence[Mapping[str, float]],
    *,
    predictor: Predictor,
) -> dict[str, float]:
    """Measure the answers on the test split, and write tables, figures and text.

    Args:
        folder: an empty folder; gets learning_curves.png, loss_by_position.csv and .png, confused_tokens.csv and .png,
            next_letters.csv (what was expected after each beginning of the first test window) and sample.txt.
        answers: the network's outputs for each token of the test split.
        test: the test split.
        spec: spec of the dataset.
        history: a row an epoch, as in history.csv.
        predictor: the network, which writes the sample.

    Returns:
        Metric name to value; what metrics.json holds, the loss in nats first.
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
    assert spec.unit
    return text_metrics.next_token_metrics(answers.nats, answers.predicted, test.labels, spec.unit)


def _write_expectations(path: Path, predictor: Predictor, text: str, test: Split, spec: Spec) -> None:
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


def _sample(predictor: Predictor, prompt: str, length: int) -> str:
    """Text written at several temperatures, each under a line that says how."""
    parts = []
    for temperature in _TEMPERATURES:
        generated = predictor.continued(prompt, length=length, temperature=temperature, seed=0)
        parts.append(f"--- prompt {prompt!r}, temperature {temperature:g}, seed 0 ---\n{generated.text}\n")
    return "\n".join(parts)
