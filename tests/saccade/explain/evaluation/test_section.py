"""What an evaluation writes of what its network sees, of each kind of input: files, words, and no change of weights."""

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from sequence_bundles import FORECAST, NEXT, ROWS, SERIES, TEXTS, trained

from saccade.data.prepared import Split
from saccade.data.spec import Spec
from saccade.explain.attribution.frozen import state_digest
from saccade.explain.evaluation import section
from saccade.explain.evaluation.cases import cases_of_tokens
from saccade.explain.evaluation.section import write_seen
from saccade.predict.predictor import Predictor, TokenOutputs

IMAGES = Spec("image", (20, 18, 1), classes=("cat", "dog"))


def split_of(spec: Spec, count: int = 5) -> Split:
    random = np.random.default_rng(0)
    if spec.layout == "image":
        examples = random.integers(0, 256, (count, *spec.shape), dtype=np.uint8)
    elif spec.layout == "tokens":
        examples = random.integers(2, 9, (count, *spec.shape), dtype=np.int32)
    else:
        examples = random.random((count, *spec.shape), dtype=np.float32)
    if spec.output == "per_token":
        labels = np.roll(examples, -1, axis=1).astype(np.int64)
    elif spec.classes:
        labels = np.arange(count) % len(spec.classes)
    else:
        labels = random.random((count, len(spec.targets)), dtype=np.float32)
    return Split(examples, labels, np.arange(count))


def seen(folder: Path, network: Predictor, *, multiply_adds: int = 1000) -> list[dict[str, str]]:
    test = split_of(network.spec)
    before = state_digest(network.network)
    answers = network.answer_split(test)
    reason = write_seen(folder, network, answers, test, lambda i: f"row {i}", multiply_adds=multiply_adds, run="small")
    assert reason == "" and state_digest(network.network) == before
    return read(folder / "seen.csv")


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(autouse=True)
def plain_figures(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plain square in place of each figure, but where a test looks at them: to draw them is most of the time."""

    def write_square(_figure: object, path: Path, **_options: object) -> None:
        Image.new("L", (8, 8)).save(path, format="PNG")

    if request.node.name != "test_of_images_mistakes_with_their_maps_filters_and_classes":
        monkeypatch.setattr("matplotlib.figure.Figure.savefig", write_square)


def test_of_images_mistakes_with_their_maps_filters_and_classes(tmp_path: Path) -> None:
    rows = seen(tmp_path, trained("lenet5", IMAGES))
    pictures = [row["picture"] for row in rows if row["picture"]]
    assert pictures == ["seen_mistakes.png", "seen_filters.png", "seen_classes.png"]
    for name in pictures:
        with Image.open(tmp_path / name) as image:
            assert min(image.size) > 50
    assert "Grad-CAM" in rows[0]["text"] and rows[-1]["text"].endswith("`saccade explain small`.")


def test_of_costly_images_one_mistake_and_the_command_for_the_rest(tmp_path: Path) -> None:
    rows = seen(tmp_path, trained("lenet5", IMAGES), multiply_adds=10**11)
    assert [row["picture"] for row in rows] == ["seen_mistakes.png", "seen_filters.png", ""]
    assert rows[0]["text"].startswith(("The surest of", "The one mistake"))
    assert rows[2]["text"].startswith("Where it looks class by class")


def test_of_images_read_by_rows_saliency(tmp_path: Path) -> None:
    rows = seen(tmp_path, trained("lstm", ROWS, hidden_size=4))
    assert [row["picture"] for row in rows if row["picture"]] == ["seen_mistakes.png", "seen_classes.png"]
    assert "saliency" in rows[0]["text"]


@pytest.mark.parametrize("model", ["lstm", "bag_of_ngrams"])
def test_of_texts_the_tokens_of_each_mistake_with_what_they_add(tmp_path: Path, model: str) -> None:
    options = {"lstm": {"hidden_size": 5, "embedding_size": 4}, "bag_of_ngrams": {"embedding_size": 4, "buckets": 50}}
    rows = seen(tmp_path, trained(model, TEXTS, **options[model]))
    tokens = read(tmp_path / "influences.csv")
    examples = [row["example"] for row in rows if row["example"]]
    assert examples and sorted({row["example"] for row in tokens}) == examples
    first = [row for row in tokens if (row["example"], row["answer"]) == ("1", "1")]
    assert [row["place"] for row in first] == [str(t + 1) for t in range(12)]
    assert first[0]["heading"].startswith("said ") and {row["unit"] for row in first} == {"characters"}
    assert any(float(row["influence"]) != 0 for row in first)


def test_of_a_text_that_goes_on_what_it_had_read(tmp_path: Path) -> None:
    network = trained("lstm", NEXT, hidden_size=5, embedding_size=4)
    rows = seen(tmp_path, network)
    tokens = read(tmp_path / "influences.csv")
    test = split_of(NEXT)
    answers = network.answer_split(test)
    assert isinstance(answers, TokenOutputs)
    cases = cases_of_tokens(answers.nats, answers.predicted, test.labels, NEXT.vocabulary, most=3).shown
    counts = [sum((row["example"], row["answer"]) == (str(n), "1") for row in tokens) for n in (1, 2, 3)]
    assert counts == [case.read for case in cases] and min(counts) < 12  # of the 12 tokens of a text
    assert "surprised" in rows[0]["text"] and tokens[0]["heading"].startswith("expected ")


@pytest.mark.parametrize("spec", [SERIES, FORECAST], ids=["series", "forecast"])
def test_of_series_a_figure_an_example(tmp_path: Path, spec: Spec) -> None:
    rows = seen(tmp_path, trained("lstm", spec, hidden_size=5))
    pictures = [row["picture"] for row in rows if row["picture"]]
    assert pictures and pictures[0] == "seen_1.png" and all((tmp_path / name).exists() for name in pictures)
    assert ("step -" in rows[1]["text"]) == bool(spec.horizon)


def test_what_an_explanation_would_cost_too_much_is_left_to_the_command(tmp_path: Path) -> None:
    (row,) = seen(tmp_path, trained("lstm", TEXTS, hidden_size=5, embedding_size=4), multiply_adds=10**11)
    assert "`saccade explain small` does it" in row["text"] and not (tmp_path / "influences.csv").exists()


def test_where_nothing_speaks_for_an_answer_the_words_say_so(tmp_path: Path) -> None:
    network = trained("lenet5", IMAGES)
    with torch.no_grad():
        for parameter in network.network[1].parameters():
            parameter.zero_()
    assert "hold no positive evidence" in seen(tmp_path, network)[0]["text"]


def test_a_network_that_cannot_be_explained_leaves_the_evaluation_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a view was changed in place\nmore")

    monkeypatch.setattr(section, "show_images", fail)
    network = trained("lenet5", IMAGES)
    test = split_of(IMAGES)
    answers = network.answer_split(test)
    reason = write_seen(tmp_path, network, answers, test, str, multiply_adds=1, run="small")
    assert reason == "a view was changed in place"
    assert read(tmp_path / "seen.csv")[0]["text"] == "Nothing is shown of it: a view was changed in place"


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device")
@pytest.mark.parametrize(
    ("model", "spec"), [("lenet5", IMAGES), ("lstm", ROWS), ("lstm", SERIES)], ids=["images", "rows", "series"]
)
def test_on_cuda_too(tmp_path: Path, model: str, spec: Spec) -> None:
    network = trained(model, spec)
    on_cuda = Predictor(network.config, network.network.cuda(), torch.device("cuda"))
    assert any(row["picture"].startswith("seen_") for row in seen(tmp_path, on_cuda))
