"""What evaluation writes of a network that says what comes next."""

import csv
from pathlib import Path

import numpy as np
import pytest
import torch

from saccade.bundle.bundle import NetworkConfig
from saccade.core import devices
from saccade.data.prepared import Split
from saccade.data.spec import Spec
from saccade.kinds.tokens.text.tokenizer import Tokenizer
from saccade.optim.losses import LOSSES, SCORES
from saccade.predict.predictor import Predictor
from saccade.tasks import next_token

TEXT = "to be or not to be,\nthat is the question. " * 6
CPU = torch.device("cpu")


def windows(length: int) -> tuple[Spec, Split]:
    vocabulary = ("<pad>", "<unknown>", *sorted(set(TEXT) - {"q"}))  # so that there is something unknown
    ids = Tokenizer(vocabulary, "characters").encode(TEXT)
    count = -(-(len(ids) - 1) // length)
    tokens, labels = np.zeros((count, length), np.int32), np.zeros((count, length), np.int64)
    for row in range(count):
        part = ids[row * length : row * length + length + 1]
        tokens[row, : len(part) - 1], labels[row, : len(part) - 1] = part[:-1], part[1:]
    spec = Spec("tokens", (length,), (), (), vocabulary, "characters", output="per_token")
    return spec, Split(tokens, labels, np.arange(count))


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("length", [1, 25])
def test_tables_pictures_and_a_sample_are_written(length: int, tmp_path: Path) -> None:
    spec, test = windows(length)
    torch.manual_seed(devices.derive_seed(0, "weights"))
    recipe = NetworkConfig("lstm", {"hidden_size": 9}, spec, "next_token", [], [], "0123abcd")
    predictor = Predictor(recipe, recipe.build_network().eval(), CPU)
    answers = predictor.token_outputs(torch.from_numpy(test.examples), torch.from_numpy(test.labels))
    history = [{"epoch": 1, "train_loss": 3.0, "validation_loss": 2.9, "learning_rate": 0.1}]
    metrics = next_token.evaluate(tmp_path, answers, test, spec, history, predictor=predictor)
    asked = test.labels != 0
    assert next(iter(metrics)) == "loss" and metrics["loss"] == pytest.approx(answers.nats[asked].mean(), rel=1e-5)
    assert {path.name for path in tmp_path.iterdir()} == {
        *("learning_curves.png", "loss_by_position.csv", "loss_by_position.png", "confused_tokens.csv"),
        *("confused_tokens.png", "next_letters.csv", "sample.txt", "outcomes.csv"),
    }
    confused = rows_of(tmp_path / "confused_tokens.csv")
    assert sum(int(row["count"]) for row in confused) == (answers.predicted != test.labels)[asked].sum()
    assert {row["actual"] for row in confused} >= {"␣", "\\n", "<unknown>"} and " " not in {
        row["actual"] for row in confused
    }
    letters = rows_of(tmp_path / "next_letters.csv")
    assert len(letters) == length and letters[0]["prefix"] == "t" and letters[0]["next"] == "o"
    assert all(float(row["p_1"]) >= float(row["p_2"]) >= float(row["p_5"]) > 0 for row in letters)
    samples = (tmp_path / "sample.txt").read_text(encoding="utf-8")
    assert samples.count("temperature") == 3 and samples == next_token._sample(
        predictor, Tokenizer(spec.vocabulary, "characters").decode(test.examples[0][: -(-length // 4)]), 4 * length
    )


def test_the_losses_and_the_score_are_there() -> None:
    assert set(next_token.LOSSES) <= set(LOSSES) and next_token.SCORE in SCORES
