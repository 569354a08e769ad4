"""The page of an exported file: its folder, what it is told, and its answers in Chromium."""

import functools
import html
import http.server
import json
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import onnx_files
import pytest
from PIL import Image
from sequence_bundles import TEXTS, trained

from pipeline.browser_page.about import about_of
from pipeline.browser_page.folder import write_page
from pipeline.browser_page.runtime import find_runtime
from saccade.core.errors import UserError
from saccade.data.spec import Fit, Spec
from saccade.kinds.image.pixels.resize import prepare_image
from saccade.predict.onnx_file import OnnxFile, open_onnx
from saccade.predict.onnx_predictor import OnnxPredictor
from saccade.predict.predictor import Predictor

ROOT = Path(__file__).resolve().parents[3]
TEMPLATE = ROOT / "pipeline" / "browser_page" / "template"
DIGITS = Spec("image", (32, 30, 1), classes=("one", "seven", "<b>bold</b>"))
PHOTOS = Spec("image", (7, 9, 3), classes=("ant", "bee", "cow"), fit="pad", multilabel=True)


def network(spec: Spec, **config: Any) -> Predictor:
    return trained("mlp", spec, scale=0.2, config=config, hidden=[])


def exported(spec: Spec, folder: Path, config: dict[str, Any] | None = None, **said: str) -> OnnxFile:
    path = onnx_files.softmax_regression(network(spec, **(config or {})), folder / "small.onnx", **said)
    return open_onnx(path)


@pytest.fixture
def runtime(tmp_path: Path) -> Path:
    """What looks like onnxruntime-web, and runs nothing."""
    folder = tmp_path / "node_modules" / "onnxruntime-web"
    (folder / "dist").mkdir(parents=True)
    (folder / "package.json").write_text('{"version": "1.30.0"}', encoding="utf-8")
    for name in ("ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm"):
        (folder / "dist" / name).write_bytes(b"12345")
    return folder


def test_the_folder_holds_all_that_the_page_loads(tmp_path: Path, runtime: Path) -> None:
    said = {"reject_threshold": "0.6", "metrics": '{"accuracy": 0.99}', "data": '{"dataset": "digits"}'}
    file = exported(DIGITS, tmp_path, **said)
    found = find_runtime(None, tmp_path / "deeper")
    assert (found.folder, found.version) == (runtime, "1.30.0")
    for _ in range(2):  # an earlier page is replaced
        size = write_page(file, tmp_path / "page", found)
    page = tmp_path / "page"
    assert size == sum(path.stat().st_size for path in page.iterdir())
    assert (page / "model.onnx").read_bytes() == file.path.read_bytes()
    about = json.loads((page / "about.json").read_text(encoding="utf-8"))
    assert about["names"] == list(DIGITS.classes) and about["unsure_below"] == 0.6 and about["answer"] == "label"
    assert (about["metric"], about["dataset"]) == (["accuracy", 0.99], "digits")
    script = (page / "page.js").read_text("utf-8")
    assert set(re.findall(r'from "\./([\w.-]+)"', script)) < {each.name for each in page.iterdir()}


def test_what_is_no_page_is_left_alone(tmp_path: Path, runtime: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "letter.txt").write_text("dear", encoding="utf-8")
    with pytest.raises(UserError, match="mine must be a new folder or an earlier page, and is neither"):
        write_page(exported(DIGITS, tmp_path), mine, find_runtime(runtime, tmp_path))
    assert [path.name for path in mine.iterdir()] == ["letter.txt"]


def test_a_missing_runtime_is_named(tmp_path: Path, runtime: Path) -> None:
    with pytest.raises(UserError, match="`npm install --no-save onnxruntime-web` here, or name its folder"):
        find_runtime(None, Path("/proc/self"))
    (runtime / "dist" / "ort-wasm-simd-threaded.wasm").unlink()
    with pytest.raises(UserError, match=r"must be onnxruntime-web as npm .* has no dist/ort-wasm-simd-threaded\.wasm"):
        find_runtime(runtime, tmp_path)


def test_only_pictures_of_8_bits_are_shown(tmp_path: Path) -> None:
    texts = open_onnx(onnx_files.export(trained("gru", TEXTS, hidden_size=4), tmp_path / "texts.onnx"))
    with pytest.raises(UserError, match=r"texts\.onnx must be about pictures .* but it is about texts"):
        about_of(texts)
    deep = Spec("image", (4, 4, 1), classes=("a", "b"), value_range=(0.0, 4000.0))
    with pytest.raises(UserError, match="more than 8 bits, and a browser gives 8: `saccade serve"):
        about_of(exported(deep, tmp_path))
    assert about_of(exported(PHOTOS, tmp_path, {"thresholds": [0.1, 0.2, 0.3]}))["thresholds"] == [0.1, 0.2, 0.3]


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_pictures_are_brought_to_size_to_the_bit(tmp_path: Path) -> None:
    """In one call of node: larger, smaller, far larger, of other proportions; grey and coloured."""
    random, cases, expected = np.random.default_rng(2), [], []
    fits: tuple[Fit, ...] = ("stretch", "crop", "pad")
    for height, width in ((5, 6), (32, 32), (41, 97), (230, 150), (301, 640), (32, 200), (1, 9)):
        for channels, fit in product((1, 3), fits):
            pixels = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
            if channels == 1:  # of colours, BLAS may round a half otherwise
                pixels = np.repeat(pixels[..., :1], 3, axis=2)
            rgba = np.dstack([pixels, np.full((height, width), 255, np.uint8)])
            sides, size = [width, height], [32, 30, channels]
            cases.append({"rgba": rgba.ravel().tolist(), "sides": sides, "size": size, "fit": fit})
            expected.append(prepare_image(pixels, (32, 30), channels, fit))
    (tmp_path / "cases.json").write_text(json.dumps(cases), encoding="utf-8")
    shutil.copy(TEMPLATE / "prepare.js", tmp_path / "prepare.mjs")
    (tmp_path / "run.mjs").write_text(
        'import { prepare } from "./prepare.mjs"; import { readFileSync } from "node:fs";'
        'for (const each of JSON.parse(readFileSync("cases.json")))'
        " console.log(JSON.stringify([...prepare(Uint8Array.from(each.rgba), ...each.sides, each.size, each.fit)]));",
        encoding="utf-8",
    )
    ran = subprocess.run(["node", "run.mjs"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    for line, case, image in zip(ran.stdout.splitlines(), cases, expected, strict=True):
        found = np.array(json.loads(line), dtype=np.int64)
        assert np.abs(found - image.ravel()).max() == 0, (case["sides"], case["fit"], case["size"])


# --- in Chromium ------------------------------------------------------------------------------------------------------

WEB = Path(os.environ.get("SACCADE_ONNXRUNTIME_WEB", ROOT / "node_modules" / "onnxruntime-web"))
in_chromium = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed"),
    pytest.mark.skipif(
        not WEB.is_dir(),
        reason="needs onnxruntime-web: `npm install --no-save onnxruntime-web`, or SACCADE_ONNXRUNTIME_WEB=FOLDER",
    ),
]


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder for a page, and the address of the server of it."""
    folder = tmp_path / "page"
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def shown(address: str, profile: Path) -> dict[str, str]:
    """What the page says of itself once it has answered."""
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}"]
    command += ["--virtual-time-budget=30000", "--dump-dom", address]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120)
    (body,) = re.findall(r"<body([^>]*)>", ran.stdout) or [""]
    said = {name: html.unescape(value) for name, value in re.findall(r'data-(\w+)="([^"]*)"', body)}
    return said | {"dom": ran.stdout}


class TestInChromium:
    pytestmark = in_chromium

    def test_what_is_drawn_is_answered_by_the_network(self, served: tuple[Path, str], tmp_path: Path) -> None:
        folder, address = served
        file = exported(DIGITS, tmp_path, reject_threshold="0.999")
        write_page(file, folder, find_runtime(WEB, tmp_path))
        said = shown(f"{address}#draw=0.2,0.1;0.8,0.1;0.4,0.9|0.3,0.5;0.7,0.5", tmp_path / "profile")
        assert said["state"] == "answered"
        values = np.array(json.loads(said["values"]))
        assert values.sum() == pytest.approx(1, abs=1e-5) and values.max() < 0.999
        assert said["answer"] == f"{DIGITS.classes[values.argmax()]}unsure: below 0.9990"
        assert "<b>bold</b>" not in said["dom"] and "&lt;b&gt;bold&lt;/b&gt;" in said["dom"]

    @pytest.mark.parametrize("spec", [DIGITS, PHOTOS], ids=["grey, stretched", "colour, padded, several classes"])
    def test_a_picture_is_answered_as_by_saccade(self, spec: Spec, served: tuple[Path, str], tmp_path: Path) -> None:
        folder, address = served
        thresholds = [0.3, 0.5, 0.7] if spec.multilabel else []
        file = exported(spec, tmp_path, {"thresholds": thresholds, "temperature": 1.0 if thresholds else 1.3})
        write_page(file, folder, find_runtime(WEB, tmp_path))
        pixels = np.random.default_rng(3).integers(0, 256, (250, 190, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / "noise.png")
        expected = OnnxPredictor(file).predict([pixels])
        said = shown(f"{address}#picture=noise.png", tmp_path / "profile")
        assert json.loads(said["values"]) == pytest.approx(expected["probabilities"][0].tolist(), abs=1e-5)
        assert said["answer"] == (", ".join(expected["labels"][0]) or "none" if thresholds else expected["label"][0])

    def test_what_is_no_picture_is_told(self, served: tuple[Path, str], tmp_path: Path) -> None:
        folder, address = served
        write_page(exported(DIGITS, tmp_path), folder, find_runtime(WEB, tmp_path))
        (folder / "wrong.png").write_text("no picture", encoding="utf-8")
        said = shown(f"{address}#picture=wrong.png", tmp_path / "profile")
        assert said["state"] == "problem" and "cannot read the file as a picture" in said["dom"]
