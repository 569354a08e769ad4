"""What evaluation makes of lines whose outputs are known, and what predict prints."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from saccade.data.prepared import Split
from saccade.data.spec import RESERVED, Spec
from saccade.evaluate.about_data.slices import Property
from saccade.predict.texts.read_lines import line_record, marked_text
from saccade.tasks import transcribe
from saccade.transcripts.decoder import (
    ChosenDecoder,
    Decoder,
    choose_decoder,
    read_decoder,
    write_decoder,
)
from saccade.transcripts.language_model import fit_characters
from saccade.transcripts.metrics import count_lines, ratio_interval, transcript_intervals, transcript_metrics
from saccade.transcripts.read_line import ReadCharacter, ReadLine

VOCABULARY = (*RESERVED, " ", "0", "1", "A", "B")
SPEC = Spec("image", (8, 96, 1), vocabulary=VOCABULARY, unit="characters", output="transcript", is_padded=True)
HISTORY = [{"epoch": 1, "train_loss": 2.0, "validation_loss": 3.0, "validation_line_accuracy": 0.5, "lr": 0.1}]
TRUTHS = ["A0 B1", "AB", "10 10", "B", "A A", "0110"]
READS = ["A0 B1", "A1", "10 1", "B", "AA", "0110"]  # edits 0, 1, 1, 0, 1, 0


def ids_of(text: str) -> list[int]:
    return [VOCABULARY.index(character) for character in text]


def said(text: str, sure: float = 0.98) -> np.ndarray:
    """Outputs that read so: each character at one step, a blank behind it."""
    rows = []
    for k in ids_of(text):
        for best, p in ((k, sure), (0, 0.999)):
            row = np.full(len(VOCABULARY), (1 - p) / (len(VOCABULARY) - 1))
            row[best] = p
            rows.append(row)
    return np.log(np.array(rows)).astype(np.float32)


def split_of(texts: list[str]) -> Split:
    labels = np.zeros((len(texts), max(map(len, texts))), np.int64)
    images = np.zeros((len(texts), *SPEC.shape), np.uint8)
    for n, text in enumerate(texts):
        labels[n, : len(text)] = ids_of(text)
        images[n, :, : 12 * len(text)] = 200
    return Split(images, labels, np.arange(len(texts)) + 10, np.arange(len(texts)) // 2)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, float]]:
    folder = tmp_path_factory.mktemp("evaluation")
    metrics = transcribe.evaluate(
        folder,
        [said(text, 0.7 if n == 1 else 0.98) for n, text in enumerate(READS)],
        split_of(TRUTHS),
        SPEC,
        HISTORY,
        properties=[Property("group", np.array(["x", "x", "y", "y", "z", "z"]))],
        names_of_examples=[f"{n}.png" for n in range(6)],
    )
    return folder, metrics


def test_errors_are_sums_over_sums(evaluated: tuple[Path, dict[str, float]]) -> None:
    _, metrics = evaluated
    assert next(iter(metrics)) == "cer"
    assert metrics["cer"] == pytest.approx(3 / 20)  # the mean of the lines' own rates would be 0.17
    assert metrics["wer"] == pytest.approx(4 / 9)
    assert metrics["line_accuracy"] == pytest.approx(3 / 6)
    assert metrics["word_recall"] == pytest.approx(5 / 9)
    assert metrics["word_precision"] == pytest.approx(5 / 8)
    assert metrics["word_f1"] == pytest.approx(10 / 17)
    assert "greedy_cer" not in metrics


def test_jiwer_finds_the_same_rates() -> None:
    jiwer = pytest.importorskip("jiwer")
    found = transcript_metrics(count_lines(TRUTHS, READS))
    assert found["cer"] == pytest.approx(jiwer.cer(TRUTHS, READS))
    assert found["wer"] == pytest.approx(jiwer.wer(TRUTHS, READS))


def test_each_line_is_told_with_what_was_read(evaluated: tuple[Path, dict[str, float]]) -> None:
    folder, _ = evaluated
    rows = rows_of(folder / "predictions.csv")
    assert [row["read"] for row in rows] == READS
    assert [row["edits"] for row in rows] == ["0", "1", "1", "0", "1", "0"]
    assert (rows[1]["row"], rows[1]["name"], rows[1]["truth"]) == ("11", "1.png", "AB")
    assert float(rows[1]["confidence"]) < 0.6 < float(rows[0]["confidence"])
    assert {row["name"] for row in rows_of(folder / "worst_lines.csv")} == {"1.png", "2.png", "4.png"}
    assert rows_of(folder / "wrong_and_sure.csv")[-1]["name"] == "1.png"


def test_characters_that_are_missed_and_taken_for_others_are_counted(
    evaluated: tuple[Path, dict[str, float]],
) -> None:
    folder, _ = evaluated
    confused = {(row["actual"], row["read"]): row["count"] for row in rows_of(folder / "character_confusion.csv")}
    assert confused == {("B", "1"): "1", ("0", "(nothing)"): "1", ("(space)", "(nothing)"): "1"}
    worst_group = rows_of(folder / "cer_by_group.csv")[0]
    assert (worst_group["group"], worst_group["edits"], worst_group["characters"]) == ("y", "1", "6")
    said_of_marks = (folder / "confidence.txt").read_text("utf-8")
    assert "2 of 18 characters read are marked" in said_of_marks
    assert "1 of them are wrong, of 1 wrong ones" in said_of_marks


def test_outcomes_weigh_lines_by_their_characters(evaluated: tuple[Path, dict[str, float]]) -> None:
    folder, metrics = evaluated
    rows = rows_of(folder / "outcomes.csv")
    weights, rates = (np.array([float(row[name]) for row in rows]) for name in ("weight", "cer"))
    assert (weights * rates).sum() / weights.sum() == pytest.approx(metrics["cer"])


def test_every_section_of_the_page_has_a_file(evaluated: tuple[Path, dict[str, float]]) -> None:
    folder, _ = evaluated
    found = {path.stem for path in folder.iterdir()}
    assert set(transcribe.SECTIONS) - found == {"decoder"}  # it read greedily


def test_intervals_are_those_of_groups_where_there_are_any() -> None:
    rng = np.random.default_rng(0)
    bad_G = rng.random(12) < 0.4  # some receipts are bad as a whole
    group_N = np.repeat(np.arange(12), 8)
    reads = ["AB" if not bad_G[g] else "BA" for g in group_N]
    counts = count_lines(["AB"] * len(reads), reads)
    alone, clustered = (transcript_intervals(counts, groups)["cer"] for groups in (None, group_N))
    assert alone.low is not None and alone.high is not None
    assert clustered.low is not None and clustered.high is not None
    assert clustered.high - clustered.low > 2 * (alone.high - alone.low)


def test_too_few_lines_have_no_interval() -> None:
    assert "too few lines (2)" in ratio_interval(np.array([1, 0]), np.array([3, 4])).reason


def test_what_the_alphabet_lacks_is_never_read_rightly(tmp_path: Path) -> None:
    split = split_of(TRUTHS)
    labels = split.labels.copy()
    labels[3, 0] = 1
    outputs = [said(text) for text in TRUTHS]
    outputs[3][0] = np.log(np.where(np.arange(len(VOCABULARY)) == 1, 0.9, 0.1 / 6))  # it says: unknown
    metrics = transcribe.evaluate(tmp_path, outputs, Split(split.examples, labels, split.rows), SPEC, HISTORY)
    assert metrics["unknown_characters"] == 1
    assert metrics["cer"] == pytest.approx(1 / 20)


def test_a_language_model_is_chosen_on_validation_kept_and_read_again(tmp_path: Path) -> None:
    truths = ["A0 B1", "AB AB", "A0 AB"] * 4
    split = split_of(truths)
    outputs = [said(text, 0.9) for text in truths]
    outputs[0][6] = np.log([0.01, 0.01, 0.01, 0.01, 0.01, 0.46, 0.49])  # B or, a little less sure, A
    outputs[2][6] = np.log([0.01, 0.01, 0.01, 0.01, 0.01, 0.46, 0.49])  # here A
    chosen = choose_decoder(
        outputs, split.labels, split.labels, num_ids=len(VOCABULARY), width=8, language_weight="auto"
    )
    assert chosen.decoder.language_weight > 0
    assert next(trial.edits for trial in chosen.trials) > min(trial.edits for trial in chosen.trials) == 0
    write_decoder(tmp_path / "decoder.safetensors", chosen, "abc")
    again, weights = read_decoder(tmp_path / "decoder.safetensors")
    assert weights == "abc"
    assert [again.ids(one) for one in outputs] == [ids_of(text) for text in truths]
    given = choose_decoder(outputs, split.labels, split.labels, num_ids=7, width=8, language_weight=0.3)
    assert (given.decoder.language_weight, list(given.trials)) == (0.3, [])


def test_a_damaged_file_of_a_decoder_is_told(tmp_path: Path) -> None:
    path = tmp_path / "decoder.safetensors"
    write_decoder(path, ChosenDecoder(Decoder("beam", model=fit_characters(np.array([[2, 3]]), 7))), "abc")
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ValueError, match="is damaged"):
        read_decoder(path)


LINE = ReadLine(
    "10A", 0.5, (ReadCharacter("1", 0.95, 0, 1), ReadCharacter("0", 0.6, 2, 4), ReadCharacter("A", 0.99, 5, 6)), 6
)


def test_unsure_characters_stand_in_brackets_and_places_are_pixels() -> None:
    assert marked_text(LINE) == "1[0]A"
    record = json.loads(json.dumps(line_record(LINE, 120)))
    assert (record["text"], record["confidence"]) == ("10A", 0.5)
    assert record["characters"][1] == {"text": "0", "probability": 0.6, "unsure": True, "left": 40.0, "right": 80.0}
    assert "left" not in line_record(LINE)["characters"][0]
