"""The card of a registered model, of every task: what is known stands there, and what is not is said to be."""

from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from registered_runs import answers, config_of, write_run
from run_reports import MAIN
from sequence_bundles import FORECAST

from pipeline.model_registry.commit import CodeState
from pipeline.model_registry.evidence import evidence_of_run
from pipeline.model_registry.model_card import CardSubject, description, model_card
from pipeline.model_registry.versions import MAX_DESCRIPTION
from saccade.bundle.bundle import NetworkConfig
from saccade.core.files import sha256_of_file, write_json
from saccade.data.prepared import DatasetInfo
from saccade.data.spec import Spec
from saccade.evaluate.about_data.slices import Slice, write_slices

COMMIT = "0123456789" * 4
VOCABULARY = ("<pad>", "<unknown>", *"abcd")
CONFIGS = {
    "classify": config_of(Spec("image", (5, 6, 3), ("an|t", "bee"), fit="pad"), "classify"),
    "multilabel": config_of(
        Spec("image", (5, 6, 1), ("ant", "bee"), multilabel=True), "multilabel", thresholds=[0.3, 0.6]
    ),
    "regress": config_of(Spec("series", (7, 2), targets=("speed",), features=("x", "y")), "regress"),
    "forecast": config_of(FORECAST, "forecast"),
    "next_token": NetworkConfig(
        "gru", {"hidden_size": 4}, Spec("tokens", (6,), (), (), VOCABULARY, "characters", output="per_token"),
        "next_token", [], [], "0" * 64,
    ),
}  # fmt: skip
KNOWN = {
    "classify": ["images of 5 x 6 pixels, 3 channels; pictures of another size are padded to its proportions",
                 "one of 2 classes, and the probability of each: an\\|t, bee", "baseline 0.8000"],
    "multilabel": ["any of 2 classes, or none", "of its own, chosen on the validation split: 0.3000 to 0.6000"],
    "regress": ["series of 7 steps, 2 numbers a step: x, y", "1 number: speed", "the lower, the better"],
    "forecast": ["series of 9 steps, 1 day apart, 2 numbers a step: a, b", "the next 3 steps: a",
                 "othing divides by 0"],
    "next_token": ["texts of up to 6 characters; 6 tokens are known", "how probable each token is to come next"],
}  # fmt: skip


@pytest.fixture(autouse=True)
def _empty_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def subject_of(task: str, code: CodeState = CodeState(COMMIT), **params: object) -> CardSubject:
    write_run("run", answers(40, 3), commit=COMMIT, config=CONFIGS[task], params=params)
    report = Path("reports/run")
    write_json(report / "metrics.json", MAIN[task])
    evidence = evidence_with_metrics(report)
    return CardSubject("insects", *evidence, code)


def evidence_with_metrics(report: Path):  # type: ignore[no-untyped-def]
    import json

    evaluated = json.loads((report / "evaluated.json").read_text())
    evaluated["files"]["metrics.json"] = sha256_of_file(report / "metrics.json")
    write_json(report / "evaluated.json", evaluated)
    return evidence_of_run("run")


@pytest.mark.parametrize("task", CONFIGS)
def test_a_card_says_what_is_known(task: str) -> None:
    card = model_card(subject_of(task))
    for said in KNOWN[task]:
        assert said in card.replace("\\+", "+"), said
    for row in ("intended users and uses", "uses that it is not meant for", "licence of the data"):
        assert f"| {row} | not stated |" in card
    for heading in (
        "Intended use",
        "Metrics",
        "Calibration",
        "Limits",
        "Data",
        "Training",
        "How to verify",
        "How to rebuild",
    ):
        assert f"\n## {heading}\n" in card
    assert f"`git checkout {COMMIT}`" in card and "`saccade verify run`" in card
    assert f"| data: test.npy | {'a' * 64} |" in card and "| training examples | 70 |" in card
    assert "The checks of the dataset are not here, or are of other data." in card
    shown = MarkdownIt("commonmark").enable("table").render(card)
    assert shown.count("<table>") >= 6 and "<h2>Limits</h2>" in shown


def test_limits_are_those_that_were_found() -> None:
    subject = subject_of("classify")
    arrays = {"train.npy": {"sha256": "c" * 64}, "test.npy": {"sha256": "a" * 64}}
    info = DatasetInfo(
        spec=CONFIGS["classify"].spec,
        counts={"train": 70, "validation": 10, "test": 40},
        class_counts={"train": [60, 10], "test": [30, 10]},
        mean=[0.4] * 3,
        std=[0.2] * 3,
        arrays=arrays,
    )
    values = {key: value for key, value in vars(info).items() if value is not None}
    values |= {"format": 1, "spec": info.spec.to_dict()}
    write_json(Path("data/prepared/dots/dataset.json"), values)
    found = [{"title": "Near duplicates", "result": "3 <b>pairs</b>", "is_fine": False}]
    write_json(Path("reports/datasets/dots/findings.json"), found)
    write_slices(
        Path("reports/run/evaluation/slices.csv"),
        [Slice("class", "bee", 12, 0.5, 0.3, 0.7, 0.1, 0.001), Slice("class", "ant", 28, 0.1, 0.0, 0.2, 0.5, 1.0)],
    )
    card = model_card(subject)
    assert "40 test examples say little" in card and "bee has 10 training examples" in card
    assert "| Near duplicates | 3 \\<b\\>pairs\\</b\\> | look |" in card and "<b>" not in card.replace("\\<b", "")
    limits = card.partition("## Limits")[2].partition("\n## ")[0]
    assert "bee" in limits and "50.0" in limits
    arrays["test.npy"]["sha256"] = "f" * 64
    write_json(Path("data/prepared/dots/dataset.json"), {**values, "arrays": arrays})
    assert "Near duplicates" not in model_card(subject)  # the checks are of other data


def test_a_card_holds_no_credentials_and_says_what_was_not_committed() -> None:
    problem = "params.yaml has changes that no commit holds"
    secret = {"dataset.source.mirror": "https://ann:secret@host/", "dataset.source.path": "a|b"}
    card = model_card(subject_of("classify", CodeState(COMMIT, problem), **secret))
    assert "Registered with --allow-dirty: params.yaml has changes" in card
    assert "secret" not in card and "| source: path | a\\|b |" in card


@pytest.mark.parametrize(
    ("source", "said"),
    [("fashion_mnist", "MIT"), ("mnist", "none named by its publishers"), ("image_folder", "not stated")],
)
def test_the_licence_of_published_data_is_told(source: str, said: str) -> None:
    card = model_card(subject_of("classify", **{"dataset.source.name": source}))
    assert f"| licence of the data | {said} |" in card


def test_a_description_fits_and_names_what_is_left_out() -> None:
    short = subject_of("classify")
    assert description(short) == model_card(short)
    write_json(Path("reports/run/metrics.json"), MAIN["classify"] | {f"recall_of_class_{k}": 0.5 for k in range(150)})
    long = CardSubject("insects", *evidence_with_metrics(Path("reports/run")), CodeState(COMMIT))
    text = description(long)
    assert len(text) <= MAX_DESCRIPTION < len(model_card(long))
    assert text.startswith("# insects\n") and "\n## Limits\n" in text
    assert text.endswith("\nMetrics: in model_card.md, among the files of the model.\n")
