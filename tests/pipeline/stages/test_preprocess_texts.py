"""``saccade fetch`` and ``saccade preprocess`` on texts as people have them: bad bytes, copies, other encodings."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Ended, Tree

from saccade.data.spec import UNKNOWN, Spec
from saccade.kinds.tokens.text.tokenizer import tokenizer_of

_PARAMS = """\
seed: 0
tracking: {experiment: saccade}
datasets:
  toy:
    source: {name: SOURCE}
    split: {}
    preprocess: {unit: words, max_length: 8}
    augment: {views: 0}
runs: {}
"""
_NOUNS = ("film", "plot", "cast", "end", "score")
_ADJECTIVES = {"pos": ("good", "fine", "great"), "neg": ("bad", "dull", "poor")}


@pytest.fixture
def tree(make_tree: Callable[..., Tree]) -> Tree:
    tree = make_tree(tracks=False)
    for class_name, words in _ADJECTIVES.items():
        folder = tree.root / "reviews" / class_name
        folder.mkdir(parents=True)
        for i in range(45):
            text = f"The {_NOUNS[i % 5]} is {words[i % 3]},\nsays number {i // 5} to {i}.\n"
            (folder / f"r{i % 9}_{i}.txt").write_text(text, encoding="utf-8")
    use(tree, "text_folder, path: reviews")
    return tree


def use(tree: Tree, source: str, *replacements: tuple[str, str]) -> None:
    text = _PARAMS.replace("SOURCE", source)
    for old, new in replacements:
        assert old in text
        text = text.replace(old, new)
    tree.params.write_text(text, encoding="utf-8")


def prepare(tree: Tree) -> Ended:
    (fetched, prepared), _ = tree.run_all(["fetch", "toy"], ["preprocess", "toy"])
    assert fetched.code == 0, fetched.err
    return prepared


def description(tree: Tree) -> dict[str, Any]:
    return json.loads((tree.root / "data/prepared/toy/dataset.json").read_text(encoding="utf-8"))


def split_of(tree: Tree) -> dict[int, str]:
    return {
        row: split
        for split in ("train", "validation", "test")
        for row in np.load(tree.root / f"data/prepared/toy/{split}_rows.npy").tolist()
    }


def names_in_order(tree: Tree) -> list[str]:
    return sorted(path.relative_to(tree.root / "reviews").as_posix() for path in (tree.root / "reviews").rglob("*.txt"))


def page(tree: Tree) -> str:
    return (tree.root / "reports/datasets/toy/report.html").read_text(encoding="utf-8")


def test_a_folder_of_texts(tree: Tree) -> None:
    ended = prepare(tree)
    assert ended.code == 0, ended.err
    lines = ended.out.splitlines()
    spec = Spec.from_dict(description(tree)["spec"])
    assert lines[0].startswith(f"toy: {len(spec.vocabulary)} ids of words; unknown: 0.0 % of train, ")
    assert lines[0].endswith("90 texts of 90 cut after 8")
    assert "train 64, validation 13, test 13" in lines[1] or "validation 14, test 14" in lines[1]
    assert "texts of 8 words, 2 classes (neg, pos); see reports/datasets/toy/report.html" in lines[1]
    assert {path.name for path in (tree.root / "reports/datasets/toy").iterdir()} == {
        "findings.json",
        "report.html",
        "summary.md",
    }
    assert "://" not in page(tree) and not list((tree.root / "data/prepared/toy").glob("tmp*"))
    tokens = np.load(tree.root / "data/prepared/toy/train.npy")
    row = int(np.load(tree.root / "data/prepared/toy/train_rows.npy")[0])
    name = names_in_order(tree)[row]
    text = (tree.root / "reviews" / name).read_text(encoding="utf-8")
    np.testing.assert_array_equal(tokens[0], tokenizer_of(spec).encode(text)[:8])
    assert (tokens > 0).all() and tokens.dtype == np.int32


def test_the_same_params_give_the_same_bytes(tree: Tree) -> None:
    assert prepare(tree).code == 0
    before = tree.snapshot("data/prepared") | tree.snapshot("reports")
    assert prepare(tree).code == 0
    assert tree.snapshot("data/prepared") | tree.snapshot("reports") == before


def test_what_is_no_text_stops_it_by_name_and_can_be_left_out(tree: Tree) -> None:
    assert prepare(tree).code == 0
    before = tree.snapshot("data/prepared") | tree.snapshot("reports")
    for name, content in {"empty": b"", "latin": "ab\ncaf\xe9".encode("latin-1"), "binary": b"PNG\0\1"}.items():
        (tree.root / "reviews/pos" / f"{name}.txt").write_bytes(content)
    ended = prepare(tree)
    assert ended.code == 1 and "texts that cannot be read (3 of 93)" in ended.err and "Traceback" not in ended.err
    assert "pos/latin.txt must be utf-8, but line 2, column 4 holds the byte 0xe9" in ended.err
    assert "pos/binary.txt must be text, but line 1, column 4 holds a NUL byte" in ended.err
    assert "pos/empty.txt must not be empty" in ended.err and "preprocess.on_unreadable: quarantine" in ended.err
    assert tree.snapshot("data/prepared") | tree.snapshot("reports") == before  # an earlier good output stays
    tree.replace("params.yaml", "max_length: 8", "max_length: 8, on_unreadable: quarantine")
    ended = prepare(tree)
    assert ended.code == 0 and "texts that cannot be read (3 of 93): left out" in ended.err
    assert sum(description(tree)["counts"].values()) == 90 and "latin.txt" in page(tree)


def test_copies_stay_in_one_split_though_they_differ_as_files(tree: Tree) -> None:
    for i in range(0, 45, 2):
        text = (tree.root / f"reviews/pos/r{i % 9}_{i}.txt").read_text(encoding="utf-8")
        (tree.root / f"reviews/pos/again_{i}.txt").write_bytes(text.upper().replace("\n", " \r\n").encode("utf-8-sig"))
    tree.replace("params.yaml", "max_length: 8", "max_length: 12, lower_case: true")
    ended = prepare(tree)
    assert ended.code == 0, ended.err
    names, splits = names_in_order(tree), split_of(tree)
    of_name = {name: splits[row] for row, name in enumerate(names)}
    assert len(of_name) == 90 + 23
    assert all(of_name[f"pos/again_{i}.txt"] == of_name[f"pos/r{i % 9}_{i}.txt"] for i in range(0, 45, 2))
    assert "23 copies, none across splits" in page(tree)
    tree.replace("params.yaml", "lower_case: true", "lower_case: true, repeats: drop")
    ended = prepare(tree)
    assert sum(description(tree)["counts"].values()) == 90
    assert "repeated texts (23 copies): left out, as preprocess.repeats: drop asks for" in ended.err


def test_one_text_in_two_classes_is_kept_left_out_or_refused(tree: Tree) -> None:
    text = (tree.root / "reviews/pos/r3_3.txt").read_text(encoding="utf-8")
    (tree.root / "reviews/neg/really.txt").write_text(text, encoding="utf-8")
    ended = prepare(tree)
    assert ended.code == 1 and "texts that are in several classes (1, 2 examples)" in ended.err
    assert "The end is good,\\nsays number 0 to 3.: neg/really.txt (neg) = pos/r3_3.txt (pos)" in ended.err
    tree.replace("params.yaml", "max_length: 8", "max_length: 8, on_conflict: keep")
    ended = prepare(tree)
    names, splits = names_in_order(tree), split_of(tree)
    assert ended.code == 0 and len(splits) == 91
    assert splits[names.index("neg/really.txt")] == splits[names.index("pos/r3_3.txt")]
    assert "1 text, 2 examples, kept" in page(tree)
    tree.replace("params.yaml", "on_conflict: keep", "on_conflict: quarantine")
    assert prepare(tree).code == 0 and len(split_of(tree)) == 89


def test_groups_by_a_pattern_of_paths(tree: Tree) -> None:
    tree.replace("params.yaml", "split: {}", "split: {group_by: '{group}_*.txt', test: 0.3, validation: 0.3}")
    assert prepare(tree).code == 0
    names, splits = names_in_order(tree), split_of(tree)
    of_group: dict[str, set[str]] = {}
    for row, split in splits.items():
        of_group.setdefault(names[row].split("/")[1].split("_")[0], set()).add(split)
    assert len(of_group) == 9 and all(len(found) == 1 for found in of_group.values())
    (kept,) = tree.root.glob("data/prepared/*/test_groups.npy")
    in_test = [group for group, found in of_group.items() if found == {"test"}]
    assert len(np.unique(np.load(kept))) == len(in_test) > 0


def test_a_table_with_published_splits_that_leak(tree: Tree) -> None:
    rows = [f"text number {i},{'ab'[i % 2]},{('train', 'train', 'val', 'test')[i // 2 % 4]},u{i}" for i in range(40)]
    rows.append("text number 0,a,test,u0")
    (tree.root / "t.csv").write_text("\n".join(["text,label,part,user", *rows]), encoding="utf-8")
    use(tree, "text_table, table: t.csv, split_column: part", ("split: {}", "split: {test: given}"))
    ended = prepare(tree)
    assert ended.code == 1 and "several of the published splits (1)" in ended.err
    assert "t.csv, line 42 (test) = t.csv, line 2 (train)" in ended.err
    tree.replace("params.yaml", "test: given", "test: given, allow_leakage: true")
    ended = prepare(tree)
    assert ended.code == 0 and description(tree)["counts"] == {"train": 20, "validation": 10, "test": 11}
    use(tree, "text_table, table: t.csv", ("split: {}", "split: {group_by: user}"))
    assert prepare(tree).code == 0
    splits = split_of(tree)
    assert splits[0] == splits[40]
    (tree.root / "t.csv").write_text("text,label\nx,a\ny\n", encoding="utf-8")
    ended = tree.run("fetch", "toy")
    assert ended.code == 0
    ended = tree.run("preprocess", "toy")
    assert ended.code == 1 and "t.csv, line 3 must have 2 cells" in ended.err and "Traceback" not in ended.err


def test_the_vocabulary_is_that_of_training(tree: Tree) -> None:
    assert prepare(tree).code == 0
    spec = Spec.from_dict(description(tree)["spec"])
    names, splits = names_in_order(tree), split_of(tree)
    tokens = tokenizer_of(spec)
    seen: set[int] = set()
    for row, split in splits.items():
        ids = tokens.encode((tree.root / "reviews" / names[row]).read_text(encoding="utf-8"))[:8]
        if split == "train":
            seen |= set(ids.tolist())
    assert seen == set(range(2, len(spec.vocabulary)))
    others = np.concatenate([np.load(tree.root / f"data/prepared/toy/{name}.npy") for name in ("validation", "test")])
    unknown = int((others == UNKNOWN).sum())
    assert (np.load(tree.root / "data/prepared/toy/train.npy") != UNKNOWN).all()
    assert unknown == 0 or "most frequent unknown words" in page(tree)


def test_a_long_text_and_a_word(tree: Tree) -> None:
    text = "".join(f"It was day {i} of the journey.\n" for i in range(300))
    (tree.root / "log.txt").write_text(text, encoding="utf-8")
    use(
        tree,
        "plain_text, path: log.txt",
        ("split: {}", "split: {test: 0.1, validation: 0.1}"),
        ("words, max_", "characters, "),
    )
    ended = prepare(tree)
    assert ended.code == 0, ended.err
    ids = len(set(text)) + 2  # the last digits of the numbers are in training, too
    assert f"windows of 8 characters, to predict: the next of {ids} at each step" in ended.out
    assert description(tree)["spec"]["output"] == "per_token" and description(tree)["spec"]["classes"] == []
    last = np.load(tree.root / "data/prepared/toy/test_labels.npy")[-1]
    assert tokenizer_of(Spec.from_dict(description(tree)["spec"])).decode(last).endswith("\n")

    use(tree, "plain_text, text: hello", ("words, max_", "characters, "))
    ended = prepare(tree)
    assert ended.code == 1 and "split.overfit: true" in ended.err and "Traceback" not in ended.err
    use(tree, "plain_text, text: hello", ("words, max_", "characters, "), ("split: {}", "split: {overfit: true}"))
    ended = prepare(tree)
    assert ended.code == 0 and "what is measured was learnt by heart" in ended.err
    assert description(tree)["counts"] == {"train": 1, "validation": 1, "test": 1}
    assert description(tree)["spec"]["shape"] == [4]


_NAMES = "unit: characters, max_length: 20, on_conflict: keep"
_REVIEWS = "unit: words, max_length: 300, max_vocabulary: 5000"


@pytest.mark.parametrize(
    ("source", "name", "preprocess", "counts", "shape", "vocabulary"),
    [
        (
            "text_folder, examples: lines",
            "names",
            "unit: characters, max_length: 20, on_conflict: keep",
            20_050,
            20,
            81,
        ),
        (
            "text_folder",
            "review_polarity.tar.gz",
            "unit: words, max_length: 300, max_vocabulary: 5000",
            2_000,
            300,
            5_000,
        ),
        ("plain_text", "tinyshakespeare.txt", "unit: characters, length: 100", 1_115_394, 100, 67),
    ],
)
def test_real_data(
    tree: Tree,
    real_data: Callable[[str], Path],
    source: str,
    name: str,
    preprocess: str,
    counts: int,
    shape: int,
    vocabulary: int,
) -> None:
    use(tree, f"{source}, path: {real_data(name)}", ("unit: words, max_length: 8", preprocess))
    ended = prepare(tree)
    assert ended.code == 0, ended.err
    written = description(tree)
    assert written["spec"]["shape"] == [shape] and len(written["spec"]["vocabulary"]) == vocabulary
    if name == "names":
        assert "texts that are in several classes (469, 1,152 examples): kept" in ended.err
    if written["spec"]["output"] == "per_example":
        assert sum(written["counts"].values()) == counts
        keys: dict[str, set[str]] = {}
        tokens = tokenizer_of(Spec.from_dict(written["spec"]))
        for split in written["counts"]:
            for ids in np.load(tree.root / f"data/prepared/toy/{split}.npy") if name == "names" else ():
                keys.setdefault(tokens.decode(ids.tolist()), set()).add(split)
        # 17,450 texts; those with an unknown letter may look alike
        assert sum(len(found) > 1 and UNKNOWN not in tokens.encode(text) for text, found in keys.items()) == 0
    else:
        asked = sum(
            int((np.load(tree.root / f"data/prepared/toy/{split}_labels.npy") > 0).sum()) for split in written["counts"]
        )
        assert asked == counts - 3  # all but the first of each part


def test_texts_that_differ_only_behind_the_cut_are_the_same(tree: Tree) -> None:
    """Eight words are read: what a network cannot tell apart is one text, in one split, and of one class."""
    for i in range(12):
        (tree.root / f"reviews/pos/copy{i}.txt").write_text(f"One two three four five six seven eight {i}")
    assert prepare(tree).code == 0
    split = split_of(tree)
    rows = [row for row, name in enumerate(names_in_order(tree)) if "copy" in name]
    assert len(rows) == 12 and len({split[row] for row in rows}) == 1
    (tree.root / "reviews/neg/copy.txt").write_text("One two three four five six seven eight nine")
    ended = prepare(tree)
    assert ended.code == 1 and "texts that are in several classes (1, 13 examples)" in ended.err


def test_copies_and_groups_stay_together_in_order_of_time(tree: Tree) -> None:
    rows = [f"text {i},{'ab'[i % 2]},{i // 2 % 10}" for i in range(40)] + [
        f"text {i},{'ab'[i % 2]},x" for i in (0, 1, 5)
    ]
    (tree.root / "t.csv").write_text("\n".join(["text,label,who", *rows]))
    for group_by in ("", ", group_by: who"):
        use(tree, "text_table, table: t.csv", ("split: {}", f"split: {{order: time, test: 0.25{group_by}}}"))
        assert prepare(tree).code == 0
        split = split_of(tree)
        assert {split[row] for row in (40, 41, 42, 0, 1, 5)} == {"test"}
        if group_by:
            assert all(split[row] == split[row % 20] for row in range(20, 40))
