"""What the server answers is what `saccade predict` prints, of each kind of data."""

import base64
import hashlib
import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from served_networks import picture, predictor_of, running, served_of

from pipeline.serving.served import Served
from saccade.core import registry
from saccade.explain.attribution.image_explainer import ImageExplainer
from saccade.explain.sheets.explained import explain_image
from saccade.explain.sheets.pictures import brightest, over_image
from saccade.kinds import Reading
from saccade.kinds.image.new_examples import read_image
from saccade.predict.answers import Question, classify


def predicted(served: Served, folder: Path, files: list[bytes] = [], texts: list[str] = []) -> list[dict[str, Any]]:  # noqa: B006
    """What `saccade predict --json` prints of the same inputs, without where they come from."""
    for place, content in enumerate(files):
        (folder / f"{place}.csv").write_bytes(content)
    paths = [f"{place}.csv" for place in range(len(files))]
    reading = Reading(served.run, served.spec, paths, texts, folder, served.source, served.preprocess, served.holds)
    question = Question(reading, as_json=True, unsure_below=served.unsure_below)
    task = "multilabel" if served.spec.multilabel else "classify" if served.spec.classes else "regress"
    answers = getattr(registry.module("tasks", task), "predict", classify)(served.network, question)
    records = [json.loads(json.dumps(answer.record)) for answer in answers.rows]
    return [{key: value for key, value in record.items() if key not in ("path", "text")} for record in records]


def test_pictures_are_answered_as_predict_answers_them(tmp_path: Path) -> None:
    files = [picture(0), picture(1, (64, 50), "JPEG"), picture(2, (32, 32), channels=1), picture(3, (300, 220), "JPEG")]
    middle = np.median(
        [max(record["probabilities"].values()) for record in predicted(served_of("pictures"), tmp_path, files)]
    )
    served = served_of("pictures", unsure_below=float(middle))
    expected = predicted(served, tmp_path, files)
    assert {record["unsure"] for record in expected} == {True, False}
    with running(served) as client:
        _, _, by_form = client.post_files(files)
        _, _, by_json = client.post({"images": [base64.b64encode(content).decode() for content in files]})
        one_by_one = [client.post_files([content])[2]["answers"][0] for content in files]
    assert by_form["answers"] == by_json["answers"] == expected
    for alone, together in zip(one_by_one, expected, strict=True):  # float32 sums differ with the size of a batch
        assert alone["label"] == together["label"]
        assert alone["probabilities"] == pytest.approx(together["probabilities"], abs=2e-6)
    assert by_form["model"] == served.identity()


def test_several_labels_come_with_their_thresholds(tmp_path: Path) -> None:
    files = [picture(seed) for seed in range(6)]
    served = served_of("colours")
    with running(served) as client:
        _, _, found = client.post_files(files)
    thresholds = [record.pop("thresholds") for record in found["answers"]]
    assert thresholds[0] == {"sea": 0.3, "sky": 0.8, "sand": 0.5}
    assert found["answers"] == predicted(served, tmp_path, files)
    assert len({tuple(record["labels"]) for record in found["answers"]}) > 1


def test_numbers_of_pictures_are_told_by_name(tmp_path: Path) -> None:
    files = [picture(seed) for seed in range(3)]
    served = served_of("ages")
    with running(served) as client:
        _, _, found = client.post_files(files)
    assert [record["values"] for record in found["answers"]] == predicted(served, tmp_path, files)


def test_texts_of_any_length_are_answered_together(tmp_path: Path) -> None:
    texts = ["a bad cab", "h", "  feed the egg head  ", "ü"]
    served = served_of("texts")
    with running(served) as client:
        _, _, found = client.post({"texts": texts})
    assert found["answers"] == predicted(served, tmp_path, texts=texts)
    assert found["notes"] == [
        "read up to 12 characters: texts[2]",
        "2 of 23 characters are not in the vocabulary, and were read as unknown",
    ]


def test_series_are_answered_alike_as_lists_and_as_tables(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(6, 2)).round(3)
    tables = [f"x,y\n{chr(10).join(f'{x},{y}' for x, y in values[:steps])}\n".encode() for steps in (6, 3)]
    served = served_of("series")
    expected = predicted(served, tmp_path, tables)
    with running(served) as client:
        _, _, by_form = client.post_files(tables)
        _, _, by_json = client.post({"series": [values.tolist(), values[:3].tolist()]})
    assert by_form["answers"] == by_json["answers"] == expected
    assert expected[0] != expected[1]


def test_arrays_are_what_the_library_is_given() -> None:
    served, rows = served_of("sums"), np.random.default_rng(0).normal(size=(3, 4, 2))
    with running(served) as client:
        _, _, found = client.post({"arrays": rows.tolist()})
    values = predictor_of("sums").predict_array(rows)["values"][:, 0]
    np.testing.assert_allclose([record["values"]["sum"] for record in found["answers"]], values, rtol=1e-5)


def test_top_tells_the_most_probable_classes_alone() -> None:
    with running(served_of("pictures")) as client:
        _, _, whole = client.post_files([picture()])
        _, _, cut = client.post_files([picture()], "/predict?top=2")
    (first, *_), (shown,) = whole["answers"], cut["answers"]
    assert list(shown["probabilities"].items()) == list(first["probabilities"].items())[:2]


def test_an_array_that_numpy_saved_is_a_picture_too() -> None:
    pixels = np.random.default_rng(5).integers(0, 256, (32, 32), dtype=np.uint8)
    file = io.BytesIO()
    np.save(file, pixels)
    with running(served_of("pictures")) as client:
        _, _, by_file = client.post_files([file.getvalue()])
        _, _, by_array = client.post({"arrays": pixels[None, :, :, None].tolist()})
    assert by_file["answers"] == by_array["answers"]


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_pages_load_nothing_from_elsewhere(path: str) -> None:
    with running(served_of("pictures")) as client:
        status, headers, page = client.ask("GET", path)
    assert status == 200 and "default-src 'none'" in headers["Content-Security-Policy"]
    assert not re.search(r"https?://(?!127\.0\.0\.1)|\bsrc=[\"']?(?!data:)|@import|url\(", page)


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_pages_run_their_own_script_and_style_alone(path: str) -> None:
    with running(served_of("pictures")) as client:
        _, headers, page = client.ask("GET", path)
    policy = headers["Content-Security-Policy"]
    allowed = {kind: re.search(rf"{kind}-src 'sha256-(.*?)'", policy)[1] for kind in ("script", "style")}  # type: ignore[index]
    for kind, text in re.findall(r"<(script|style)>(.*?)</(?:script|style)>", page, re.DOTALL):
        assert base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() == allowed[kind]
    assert "unsafe" not in policy


def test_a_name_cannot_end_the_data_of_a_page() -> None:
    with running(served_of("pictures", run="</script><script>alert(1)</script>")) as client:
        _, _, page = client.ask("GET", "/")
    assert "<script>alert" not in page


def test_an_answer_is_explained_by_the_map_that_explain_draws() -> None:
    served = served_of("pictures", explains=True)
    with running(served) as client:
        _, _, found = client.post_files([picture()], "/explain")
        several = client.post_files([picture(), picture()], "/explain")
    explainer = ImageExplainer(served.network)  # type: ignore[arg-type]
    expected = explain_image(explainer, read_image(served.spec, picture()), [explainer.method("grad-cam")])
    maps, answer = found["explanation"]["maps"], found["answers"][0]
    assert [one["label"] for one in maps] == list(expected.labels) == list(answer["probabilities"])[:2]
    for one, row in zip(maps, expected.rows, strict=True):
        pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(one["map"].partition(",")[2]))))
        map_HW = row.explanations[0].map
        np.testing.assert_allclose(pixels / 255, over_image(expected.image, map_HW, brightest([map_HW])), atol=0.01)
    assert several[0] == 400 and several[2] == {"error": "a request to /explain must hold one picture, not 2"}


def test_what_onnx_answers_is_not_explained() -> None:
    with running(served_of("pictures")) as client:
        status, _, body = client.post_files([picture()], "/explain")
        assert status == 404 and "/explain must be one of /, /predict, /health" in body["error"]
        assert "What it looks at" not in client.ask("GET", "/")[2]
