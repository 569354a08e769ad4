"""Runs over texts from end to end: trained, measured, asked for labels, for what comes next, and what they refuse."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from conftest import Ended, Tree

from saccade import load

_PARAMS = """\
seed: 0
tracking: {experiment: saccade}
datasets:
  words:
    source: {name: text_folder, path: words, examples: lines}
    split: {test: 0.2, validation: 0.2}
    preprocess: {unit: characters, max_length: 12}
    augment: {views: 0}
  abroad:
    source: {name: text_folder, path: abroad, examples: lines}
    split: {test: 0.4, validation: 0.2}
    preprocess: {unit: characters, max_length: 30}
    augment: {views: 0}
  hello:
    source: {name: plain_text, text: hello}
    split: {overfit: true}
    preprocess: {unit: characters, length: 4}
    augment: {views: 0}
  verse:
    source: {name: plain_text, path: verse.txt}
    split: {test: 0.2, validation: 0.2}
    preprocess: {unit: words, length: 7, max_vocabulary: 9}
    augment: {views: 0}
runs:
  sorter:
    dataset: words
    task: {name: classify}
    model: {name: gru, hidden_size: 16, embedding_size: 8, bidirectional: true, pool: mean}
    train: {epochs: 12, batch_size: 8, optimizer: {name: adam, lr: 0.01}}
    evaluate: {device: cpu}
  speller:
    dataset: hello
    task: {name: next_token}
    model: {name: rnn, hidden_size: 3, embedding_size: 4}
    train: {epochs: 120, batch_size: 1, optimizer: {name: adam, lr: 0.05}}
    evaluate: {device: cpu}
  poet:
    dataset: verse
    task: {name: next_token}
    model: {name: lstm, hidden_size: 5}
    train: {epochs: 2, batch_size: 4, optimizer: {name: adam, lr: 0.01}, length_buckets: false}
    evaluate: {device: cpu}
  borrower:
    dataset: verse
    task: {name: next_token}
    model: {name: rnn, hidden_size: 3, embedding_size: 4}
    train: {epochs: 1, batch_size: 4, optimizer: {name: adam, lr: 0.01}, init_from: speller}
    evaluate: {}
"""
_STEMS = (
    "ban",
    "ter",
    "mol",
    "kin",
    "par",
    "sel",
    "dor",
    "fan",
    "gul",
    "rit",
    "pos",
    "lum",
    "cas",
    "ved",
    "nor",
    "hab",
)
_ENDS = {"north": ("sson", "sen", "gaard"), "south": ("ino", "ella", "ucci")}


def make_texts(root: Path) -> None:
    for folder, stems in (("words", _STEMS), ("abroad", _STEMS[:5])):
        (root / folder).mkdir()
        for name, ends in _ENDS.items():
            lines = [stem + end for stem in stems for end in ends]
            (root / folder / f"{name}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (root / "abroad" / "east.txt").write_text(
        "\n".join(f"{stem}ovna\N{SNOWMAN}" for stem in _STEMS) + "\n", encoding="utf-8"
    )
    (root / "verse.txt").write_text("the cat sat on the mat, and the dog sat on the cat.\n" * 12, encoding="utf-8")


@pytest.fixture(scope="module")
def tree(make_tree) -> Tree:
    tree = make_tree(tracks=False)
    tree.params.write_text(_PARAMS, encoding="utf-8")
    make_texts(tree.root)
    datasets = ("words", "abroad", "hello", "verse")
    stages = [[stage, dataset] for dataset in datasets for stage in ("fetch", "preprocess", "augment")]
    runs = [[stage, run] for run in ("sorter", "speller", "poet") for stage in ("train", "evaluate")]
    drawn = [["preprocess", "words"], ["preprocess", "verse"], ["evaluate", "speller"]]
    results, _ = tree.run_all(*stages, *runs, drawn=drawn)
    assert [ended.code for ended in results] == [0] * 18, [ended for ended in results if ended.code]
    return tree


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def metrics_of(tree: Tree, run: str) -> dict[str, float]:
    return json.loads((tree.root / f"reports/{run}/metrics.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def told(tree: Tree) -> dict[str, Ended]:
    """How each call of `predict` ended, by name."""
    (tree.root / "lines.txt").write_bytes(b"bansson\r\n\r\nterella\r\n")
    (tree.root / "latin.txt").write_bytes(b"ok\nca\xf1on\n")
    (tree.root / "white.txt").write_text("\n  \n", encoding="utf-8")
    test_rows = np.load(tree.root / "data/prepared/words/test_rows.npy")
    lines = [line for name in sorted(_ENDS) for line in (tree.root / f"words/{name}.txt").read_text().splitlines()]
    calls = {
        "test split": ["sorter", "--json", *(word for row in test_rows for word in ("--text", lines[row]))],
        "file": ["sorter", "lines.txt", "--json", "--top", "1"],
        "table": ["sorter", "--text", "bansson", "--text", "gulella "],
        "odd": ["sorter", "--text", "xyz\N{SNOWMAN}", "--text", "ban" * 9],
        "write": ["speller", "--prompt", "h", "--length", "4", "--temperature", "0"],
        "seeds": ["speller", "--prompt", "hz", "--length", "30", "--temperature", "2", "--seed", "5", "--json"],
        "expect": ["speller", "--prompt", "hell", "--probabilities"],
        "expect all": ["speller", "--prompt", "he", "--probabilities", "--json"],
        "words": ["poet", "--prompt", "The cat", "--length", "6"],
        "latin": ["sorter", "latin.txt"],
        "white": ["sorter", "white.txt"],
        "no file": ["sorter", "nothing.txt"],
        "empty text": ["sorter", "--text", " "],
        "prompt to a classifier": ["sorter", "--prompt", "ban"],
        "text to a writer": ["speller", "--text", "ban"],
        "picture to a writer": ["speller", "photo.jpg"],
        "probabilities alone": ["speller", "--probabilities"],
        "length of a table": ["speller", "--prompt", "h", "--probabilities", "--length", "3"],
        "top of a text": ["speller", "--prompt", "h", "--top", "3"],
        "cold": ["speller", "--prompt", "h", "--temperature", "-1"],
        "short": ["speller", "--prompt", "h", "--length", "0"],
        "empty prompt": ["speller", "--prompt", ""],
    }
    before = tree.snapshot()
    results, _ = tree.run_all(*(["predict", *call] for call in calls.values()))
    assert tree.snapshot() == before
    return dict(zip(calls, results, strict=True))


# --- trained and measured ---------------------------------------------------------------------------------------------


def test_a_classifier_of_texts_is_measured_with_its_mistakes_as_a_table(tree: Tree) -> None:
    metrics, folder = metrics_of(tree, "sorter"), tree.root / "reports/sorter/evaluation"
    assert metrics["accuracy"] > 0.8 and {"macro_f1", "baseline_accuracy", "baseline_macro_f1"} <= set(metrics)
    predictions = rows_of(folder / "predictions.csv")
    wrong = {row["row"] for row in predictions if row["actual"] != row["predicted"]}
    mistakes = rows_of(folder / "mistakes.csv")
    assert {row["row"] for row in mistakes} == wrong
    confidences = [float(row["confidence"]) for row in mistakes]
    assert confidences == sorted(confidences, reverse=True)
    for row in mistakes:
        assert row["text"].endswith(_ENDS[row["actual"]]) and row["predicted"] != row["actual"]
    assert not (folder / "mistakes.png").exists()


def test_the_next_letters_of_hello_are_learnt_by_heart(tree: Tree) -> None:
    metrics, folder = metrics_of(tree, "speller"), tree.root / "reports/speller/evaluation"
    own = [
        name for name in metrics if not name.startswith("baseline_") and not name.endswith(("_low", "_high", "_reason"))
    ]
    assert own == ["loss", "perplexity", "bits_per_character", "accuracy"]
    assert metrics["loss_low"] is None and metrics["loss_interval_reason"].startswith("too few windows (1)")
    assert metrics["accuracy"] == 1.0 and metrics["loss"] < 0.1 < metrics["baseline_loss"]
    rows = rows_of(folder / "next_letters.csv")
    assert [(row["prefix"], row["next"]) for row in rows] == [("h", "e"), ("he", "l"), ("hel", "l"), ("hell", "o")]
    for row in rows:
        assert row["expected_1"] == row["next"] and row["p_1"] == row["p_next"] and float(row["p_1"]) > 0.9
        assert {row[f"expected_{rank}"] for rank in range(1, 5)} == set("helo")
    assert [row["tokens_read"] for row in rows_of(folder / "loss_by_position.csv")] == ["1", "2", "3", "4"]
    assert rows_of(folder / "confused_tokens.csv") == []
    assert (folder / "sample.txt").read_text().count("--- prompt 'h', temperature ") == 3
    pictures = {path.name for path in folder.glob("*.png")}
    assert pictures == {"gradients.png", "learning_curves.png", "loss_by_position.png", "confused_tokens.png"}
    for name in pictures:
        assert (folder / name).read_bytes().startswith(b"\x89PNG")


def test_words_have_no_bits_per_character(tree: Tree) -> None:
    metrics = metrics_of(tree, "poet")
    assert "bits_per_character" not in metrics and metrics["perplexity"] < 9 and "baseline_perplexity" in metrics
    confused = rows_of(tree.root / "reports/poet/evaluation/confused_tokens.csv")
    counts = [int(row["count"]) for row in confused]
    assert counts == sorted(counts, reverse=True) and counts


def test_another_dataset_is_read_through_the_networks_own_vocabulary(tree: Tree) -> None:
    (ended,), _ = tree.run_all(["evaluate", "sorter", "--on", "abroad", "--split", "all"])
    assert ended.code == 0, ended.err
    assert "left out 16 examples of classes that sorter does not know: east (16)" in ended.out
    there = rows_of(tree.root / "reports/sorter/on/abroad/evaluation/predictions.csv")
    words = {stem + end: name for name, ends in _ENDS.items() for stem in _STEMS[:5] for end in ends}
    expected = load(tree.root / "models/sorter").predict(list(words))
    confidence = {(row["actual"], row["p(north)"]) for row in there}
    assert len(there) == 30
    assert confidence == {
        (words[word], f"{p:.6f}") for word, p in zip(words, expected["probabilities"][:, 0], strict=True)
    }


def test_weights_for_other_letters_are_not_taken_over(tree: Tree) -> None:
    (ended,), _ = tree.run_all(["train", "borrower"])
    assert ended.code == 1 and ended.err == (
        "error: train.init_from (speller) must be a run over the same vocabulary, so that each id means the same "
        "token; its 6 are not the 9 of verse. Leave init_from out, or train speller on verse\n"
    )


# --- asked ------------------------------------------------------------------------------------------------------------


def test_the_probabilities_are_those_of_evaluate(tree: Tree, told: dict[str, Ended]) -> None:
    ended, expected = told["test split"], rows_of(tree.root / "reports/sorter/evaluation/predictions.csv")
    assert (ended.code, ended.err) == (0, "")
    lines = [json.loads(line) for line in ended.out.splitlines()]
    assert len(lines) == len(expected) > 10
    for line, row in zip(lines, expected, strict=True):
        assert list(line) == ["text", "label", "probabilities"] and line["label"] == row["predicted"]
        for name, p in line["probabilities"].items():  # among texts of other lengths, sums round otherwise
            assert p == pytest.approx(float(row[f"p({name})"]), abs=2e-6)


def test_a_file_holds_a_text_a_line(told: dict[str, Ended]) -> None:
    ended = told["file"]
    assert (ended.code, ended.err) == (0, "passed over 1 empty line\n")
    lines = [json.loads(line) for line in ended.out.splitlines()]
    assert [(line["path"], line["line"], line["text"]) for line in lines] == [
        ("lines.txt", 1, "bansson"),
        ("lines.txt", 3, "terella"),
    ]
    assert [line["label"] for line in lines] == ["north", "south"]
    assert [list(line["probabilities"]) for line in lines] == [["north"], ["south"]]


def test_the_table_has_a_line_a_text(told: dict[str, Ended]) -> None:
    header, first, second = told["table"].out.splitlines()
    assert header.split() == ["text", "label", "probability"]
    assert first.split()[:2] == ["bansson", "north"] and second.split()[:2] == ["gulella", "south"]


def test_what_a_network_does_not_get_to_see_is_counted(told: dict[str, Ended]) -> None:
    assert told["odd"].code == 0
    assert told["odd"].err == (
        "1 of 2 texts read up to 8 characters, the longest it was trained on\n"
        "4 of 12 characters are not in the vocabulary of sorter, and were read as unknown\n"
    )


def test_text_is_written_and_is_the_same_for_the_same_seed(tree: Tree, told: dict[str, Ended]) -> None:
    assert (told["write"].code, told["write"].out) == (0, "hello\n")
    values = json.loads(told["seeds"].out)
    assert values["prompt"] == "hz" and values["unknown"] == {"z": 1} and len(values["continuation"]) == 30
    assert told["seeds"].err == "warning: not in the vocabulary of speller, and read as unknown: 'z' (1)\n"
    with pytest.warns(UserWarning, match="'z'"):
        written = load(tree.root / "models/speller").generate("hz", length=30, temperature=2.0, seed=5)
    assert written == "hz" + values["continuation"]
    assert told["words"].out.startswith("The cat ") and len(told["words"].out.split()) == 8


def test_what_is_expected_is_told_letter_by_letter(tree: Tree, told: dict[str, Ended]) -> None:
    header, *lines = told["expect"].out.splitlines()
    assert header.split()[:3] == ["after", "next", "probability"]
    assert [line.split()[:2] for line in lines] == [["h", "e"], ["he", "l"], ["hel", "l"], ["hell", "o"]]
    table = rows_of(tree.root / "reports/speller/evaluation/next_letters.csv")
    for line, row in zip(lines, table, strict=True):
        assert float(line.split()[2]) == pytest.approx(float(row["p_1"]), abs=1e-4)
    values = [json.loads(line) for line in told["expect all"].out.splitlines()]
    assert [value["prefix"] for value in values] == ["h", "he"]
    assert all(set(value["probabilities"]) == set("helo") for value in values)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("latin", "latin.txt must be utf-8, but line 2, column 3 holds the byte 0xf1. sorter classifies texts: give a"),
        ("white", "white.txt must hold a line that is not empty: sorter takes a text a line"),
        ("no file", "nothing.txt must be a file with a text a line, but is none: sorter classifies texts"),
        ("empty text", "--text (' ') must hold one of the characters at least: leave it out"),
        (
            "prompt to a classifier",
            "--prompt (ban) must be left out: sorter classifies texts; give `saccade predict ",
        ),
        ("text to a writer", "--text (ban) must be left out: speller goes on with texts; give what it goes on from"),
        ("picture to a writer", "photo.jpg must be left out: speller goes on with texts"),
        ("length of a table", "--length (3) must be left out with --probabilities, which writes no text"),
        ("top of a text", "--top (3) must stand with --probabilities: text is drawn from all characters"),
        ("cold", "temperature (-1.0) must be a number from 0 on: 0 takes the most probable each time"),
        ("short", "length (0) must be at least 1: so many characters are written"),
        ("empty prompt", "prompt ('') must hold one of the characters at least: what to go on from"),
    ],
)
def test_what_cannot_be_asked_is_told_in_a_line(call: str, message: str, told: dict[str, Ended]) -> None:
    ended = told[call]
    assert (ended.code, ended.out) == (1, "") and ended.err.startswith(f"error: {message}"), ended
    assert len(ended.err.splitlines()) == 1


def test_nothing_to_predict_is_a_wrong_command(told: dict[str, Ended]) -> None:
    assert (
        told["probabilities alone"].code == 2 and "give --text TEXT or --prompt TEXT" in told["probabilities alone"].err
    )
