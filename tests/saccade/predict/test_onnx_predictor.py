"""An exported file answers as the network that it was exported from; what is no such file is refused in a line.

Shapes: N examples, T tokens, K classes.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_files
import pytest
from sequence_bundles import NEXT, PADDED, TEXTS, trained

import saccade
from saccade.core.errors import UserError
from saccade.data.spec import Spec
from saccade.predict import load
from saccade.predict.onnx_file import open_onnx
from saccade.predict.onnx_predictor import OnnxPredictor
from saccade.predict.predictor import Predictor

PICTURES = Spec("image", (6, 5, 3), classes=("ant", "bee", "cow", "dog"), fit="pad")
LABELS = Spec("image", (6, 5, 3), classes=("ant", "bee", "cow", "dog"), multilabel=True)
SIZES = Spec("image", (6, 5, 3), targets=("width", "age"))


def about_pictures(spec: Spec = PICTURES, **config: Any) -> Predictor:
    return trained("mlp", spec, scale=0.3, config=config, hidden=[])


def pictures(count: int = 7) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 6, 5, 3), dtype=np.uint8)


def test_pictures_are_answered_as_by_torch(tmp_path: Path) -> None:
    predictor = about_pictures(temperature=1.7)
    of_file = saccade.load(onnx_files.softmax_regression(predictor, tmp_path / "small.onnx"))
    assert isinstance(of_file, OnnxPredictor)
    expected_NK = predictor.answers_of(pictures())
    np.testing.assert_allclose(of_file.answers_of(pictures(), batch_size=3), expected_NK, rtol=1e-4, atol=1e-6)
    assert len(np.unique(expected_NK.argmax(axis=1))) > 1
    given = [np.full((9, 12), 200, np.uint8), pictures(1)[0]]  # of other sizes and channels
    ours, torchs = of_file.predict(given), predictor.predict(given)
    assert ours["label"] == torchs["label"]
    np.testing.assert_allclose(ours["probabilities"], torchs["probabilities"], rtol=1e-4, atol=1e-6)
    assert of_file.answers_of(pictures(0)).shape == (0, 4)


def test_several_classes_are_named_by_their_thresholds(tmp_path: Path) -> None:
    predictor = about_pictures(LABELS, thresholds=[0.2, 0.5, 0.6, 0.9])
    of_file = load(onnx_files.softmax_regression(predictor, tmp_path / "small.onnx"))
    found = of_file.predict(pictures())  # type: ignore[attr-defined]
    assert found["labels"] == predictor.predict(pictures())["labels"]
    assert len({tuple(names) for names in found["labels"]}) > 1


def test_numbers_are_told(tmp_path: Path) -> None:
    predictor = about_pictures(SIZES)
    of_file = load(onnx_files.softmax_regression(predictor, tmp_path / "small.onnx"))
    np.testing.assert_allclose(of_file.answers_of(pictures()), predictor.answers_of(pictures()), rtol=1e-4, atol=1e-5)
    with pytest.raises(UserError, match="must classify images"):
        of_file.require_classes()


@pytest.mark.parametrize("spec", [TEXTS, PADDED], ids=["texts", "series of unequal length"])
def test_sequences_are_answered_whatever_stands_beside_them(spec: Spec, tmp_path: Path) -> None:
    predictor = trained("gru", spec, hidden_size=5, pool="max")
    of_file = load(onnx_files.export(predictor, tmp_path / "small.onnx", any_length=True))
    random, T = np.random.default_rng(1), spec.shape[0]
    lengths = random.permutation(np.arange(9) % T + 1)[::-1]
    is_real_NT = np.arange(T) < lengths[:, None]
    if spec is TEXTS:
        stored = np.where(is_real_NT, random.integers(2, 11, (9, T)), 0).astype(np.int32)
    else:
        stored = np.where(is_real_NT[..., None], random.normal(size=(9, T, 3)), np.nan).astype(np.float32)
    expected_NK = predictor.answers_of(stored)
    np.testing.assert_allclose(of_file.answers_of(stored, batch_size=2), expected_NK, rtol=1e-4, atol=1e-6)
    assert expected_NK.std(axis=0).min() > 0.001


def test_a_fixed_number_of_steps_is_filled_up(tmp_path: Path) -> None:
    predictor = trained("gru", TEXTS, hidden_size=5)
    path = onnx_files.export(predictor, tmp_path / "small.onnx")
    assert open_onnx(path).steps == 12
    short = np.array([[3, 4, 5], [6, 7, 0]], dtype=np.int32)
    np.testing.assert_allclose(load(path).answers_of(short), predictor.answers_of(short), rtol=1e-4, atol=1e-6)


def test_a_text_is_gone_on_with_as_by_torch(tmp_path: Path) -> None:
    predictor = trained("lstm", NEXT, scale=4.0, hidden_size=8)
    of_file = load(onnx_files.export(predictor, tmp_path / "small.onnx", any_length=True))
    assert isinstance(of_file, OnnxPredictor)
    ours, torchs = (each.continued("tea is", length=20, temperature=0, seed=0) for each in (of_file, predictor))
    assert ours == torchs and len(set(ours.continuation)) > 1
    for one, other in zip(of_file.expectations("tea"), predictor.expectations("tea"), strict=True):
        assert one.prefix == other.prefix
        assert one.probabilities == pytest.approx(other.probabilities, abs=1e-5)
    with pytest.raises(UserError, match=r"temperature \(0.8\) must be 0 for .*small\.onnx"):
        of_file.continued("tea", length=3)
    with pytest.raises(UserError, match="must answer once an example"):
        of_file.answers_of(np.ones((1, 3), np.int32))


def test_what_torch_stores_otherwise_is_refused(tmp_path: Path) -> None:
    of_file = load(onnx_files.softmax_regression(about_pictures(), tmp_path / "small.onnx"))
    with pytest.raises(UserError, match=r"examples \(float32\) must be uint8"):
        of_file.answers_of(pictures().astype(np.float32))


def test_what_the_file_says_of_itself_is_read(tmp_path: Path) -> None:
    said = {"reject_threshold": "0.61", "metrics": '{"accuracy": 0.9}', "run": "ants", "weights_sha256": "ab12"}
    reading = json.dumps({"source": {"time_column": "t"}, "preprocess": {"missing": "error"}, "holds": "rows"})
    file = open_onnx(onnx_files.softmax_regression(about_pictures(), tmp_path / "s.onnx", reading=reading, **said))
    assert (file.unsure_below, file.metrics, file.run, file.weights_sha256) == (0.61, {"accuracy": 0.9}, "ants", "ab12")
    assert (file.source, file.preprocess, file.holds) == ({"time_column": "t"}, {"missing": "error"}, "rows")
    assert file.config.spec == PICTURES and file.steps is None


# --- files that cannot be used ----------------------------------------------------------------------------------------


@pytest.fixture
def content(tmp_path: Path) -> bytes:
    return onnx_files.softmax_regression(about_pictures(), tmp_path / "good.onnx").read_bytes()


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        (b"", "is empty"),
        (b"PK\x03\x04" + bytes(100), "is no ONNX file, but an archive, such as torch and Keras save"),
        (b"\n<html>404</html>", "is no ONNX file, but a page"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "`git lfs pull` fetches the file"),
        (b"some text", "is no ONNX file. Give one that `saccade export RUN` wrote"),
        (b"\x08\x0a\xff\xff\xff", "is damaged"),
    ],
)
def test_what_is_no_onnx_file_is_named(wrong: bytes, expected: str, tmp_path: Path) -> None:
    path = tmp_path / "wrong.onnx"
    path.write_bytes(wrong)
    with pytest.raises(UserError) as error:
        open_onnx(path)
    assert expected in str(error.value) and "\n" not in str(error.value)


def test_a_file_that_was_cut_off_says_how_much_is_missing(content: bytes, tmp_path: Path) -> None:
    for kept in (len(content) // 2, len(content) - 3):
        path = tmp_path / "cut.onnx"
        path.write_bytes(content[:kept])
        with pytest.raises(UserError, match=rf"was cut off: it has {kept:,} bytes and must have [\d,]+ at least"):
            open_onnx(path)


def test_weights_in_a_second_file_are_asked_for(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "wide.onnx"
    model = onnx.load_from_string(content)
    onnx.save(model, path, save_as_external_data=True, location="wide.weights", size_threshold=100)
    (tmp_path / "wide.weights").unlink()
    with pytest.raises(UserError, match=r"wide\.onnx keeps its weights in wide\.weights, which must lie beside it"):
        open_onnx(path)


def test_a_file_of_another_program_says_whose_it_is(content: bytes, tmp_path: Path) -> None:
    model = onnx.load_from_string(content)
    path = onnx_files.write(model, tmp_path / "other.onnx", {"author": "somebody"})
    with pytest.raises(UserError, match=r"other\.onnx was written by tests, not by `saccade export RUN`"):
        open_onnx(path)


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("format", "2", r"has saccade\.format \(2\), and this saccade reads 1"),
        ("bundle", "{", r"damaged: its metadata do not fit \(JSONDecodeError"),
        ("bundle", '{"format": 99}', r"holds a network of format 99, and this saccade reads 1, 2, 3, 4, 5"),
        ("bundle", '{"format": 1}', r"damaged: its metadata do not fit \(ValueError: KeyError: 'classes'"),
        ("metrics", "[]", r"damaged: .*saccade\.metrics must be an object"),
        ("reject_threshold", "high", "damaged: .*could not convert string to float"),
    ],
)
def test_metadata_that_cannot_be_used_are_refused(key: str, value: str, expected: str, tmp_path: Path) -> None:
    path = onnx_files.softmax_regression(about_pictures(), tmp_path / "odd.onnx", **{key: value})
    with pytest.raises(UserError, match=expected):
        open_onnx(path)


def test_a_task_from_elsewhere_is_named(tmp_path: Path) -> None:
    bundle = json.loads(onnx_files.metadata(about_pictures().config)["saccade.bundle"])
    path = onnx_files.softmax_regression(
        about_pictures(), tmp_path / "odd.onnx", bundle=json.dumps(bundle | {"task": "rank"})
    )
    with pytest.raises(UserError, match="of the task 'rank', which this saccade does not have: it has classify"):
        open_onnx(path)


def test_a_kind_from_elsewhere_is_named(tmp_path: Path) -> None:
    bundle = json.loads(onnx_files.metadata(about_pictures().config)["saccade.bundle"])
    bundle["spec"] |= {"kind": "sound", "layout": "image"}
    path = onnx_files.softmax_regression(about_pictures(), tmp_path / "odd.onnx", bundle=json.dumps(bundle))
    with pytest.raises(UserError, match="of the kind of data 'sound', which this saccade does not have: it has image"):
        open_onnx(path)


def test_a_network_that_its_metadata_do_not_describe_is_refused(content: bytes, tmp_path: Path) -> None:
    model = onnx.load_from_string(content)
    for spec, what in (
        (Spec("image", (6, 6, 3), classes=PICTURES.classes), r"takes examples tensor\(uint8\) \['batch', 6, 5, 3\]"),
        (Spec("image", (6, 5, 3), classes=("a", "b")), r"gives probabilities \['batch', 4\], and probabilities of 2"),
    ):
        path = onnx_files.write(model, tmp_path / "odd.onnx", onnx_files.metadata(about_pictures(spec).config))
        with pytest.raises(UserError, match=what):
            open_onnx(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.onnx must be a file .* wrote, but there is none"):
        open_onnx(tmp_path / "none.onnx")
    with pytest.raises(UserError, match="but is a folder"):
        open_onnx(tmp_path)


def test_without_onnxruntime_it_is_named(content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(UserError, match="takes onnxruntime to run, which is not installed: pip install onnxruntime"):
        open_onnx(tmp_path / "good.onnx")
