"""Picture files by their paths: which ones, in which order, and what the network says of each."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from saccade.bundle.bundle import NetworkConfig
from saccade.core.errors import UserError
from saccade.data.spec import Spec
from saccade.kinds.image import new_examples
from saccade.kinds.image.pixels.decode import decode_image, decode_values
from saccade.predict.image_files import classify_files, find_images
from saccade.predict.predictor import Predictor


def make(*names: str) -> None:
    for seed, name in enumerate(names):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(seed).integers(0, 256, (9 + seed, 7 + 2 * seed, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(name, "PNG")


def predictor_of(*shape: int, model: str = "mlp", **kwargs: object) -> Predictor:
    kind = "image" if len(shape) == 3 else "series"
    spec = Spec(kind, shape, **(kwargs or {"classes": ("cat", "dog", "eel")}))  # type: ignore[arg-type]
    channels = shape[-1]
    torch.manual_seed(3)
    recipe = NetworkConfig(model, {}, spec, "classify", [0.4] * channels, [0.3] * channels, "a test")
    return Predictor(recipe, recipe.build_network().eval(), torch.device("cpu"))


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


# which files


def test_a_folder_stands_for_the_pictures_below_it_in_sorted_order() -> None:
    make("in/b/2.PNG", "in/b/10.jpg", "in/a.webp", "in/B.png", "in/.hidden/1.png", "in/.a.png", "in/c/odd\nname é.png")
    Path("in/notes.txt").write_text("no picture")
    assert find_images(["in"]) == ["in/B.png", "in/a.webp", "in/b/10.jpg", "in/b/2.PNG", "in/c/odd\nname é.png"]


def test_what_is_named_is_taken_in_the_order_given_and_once() -> None:
    make("b.png", "a.png", "in/1.png", "in/2.png", "in/[3].png")
    Path("picture").write_text("its name does not end as a picture's")
    assert find_images(["picture", "b.png", "in", "a.png", "./in", "in/2.png"]) == [
        *("picture", "b.png", "in/1.png", "in/2.png", "in/[3].png", "a.png")
    ]
    assert find_images(["in/[3].png"]) == ["in/[3].png"]  # a name that is there is no pattern


def test_patterns_fit_files_and_folders(here: Path) -> None:
    make("x/b.png", "x/a.png", "y/deep/c.png", "y/deep/d.jpg", "z.png")
    assert find_images(["[xy]"]) == ["x/a.png", "x/b.png", "y/deep/c.png", "y/deep/d.jpg"]
    assert find_images(["**/*.png"]) == ["x/a.png", "x/b.png", "y/deep/c.png", "z.png"]
    assert find_images([f"{here}/x/?.png"]) == [f"{here}/x/a.png", f"{here}/x/b.png"]


def test_paths_that_stand_for_nothing_are_refused(here: Path) -> None:
    make("in/1.png")
    for path in ("inn", "in/*.jpg"):
        with pytest.raises(UserError) as caught:
            find_images(["in", path])
        assert str(caught.value).startswith(f"path ({path}) must be a file, a folder or a pattern such as")
        assert f"there is nothing of that name in {here}. Correct it." in str(caught.value)
    Path("empty").mkdir()
    Path("empty/notes.txt").write_text("no picture")
    assert find_images(["empty", "in"]) == ["in/1.png"]
    with pytest.raises(UserError, match=r"^empty must hold pictures \(\.jpg, .*\), but holds none\. Name a file"):
        find_images(["empty"])


def test_a_folder_that_cannot_be_listed_is_not_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    make("in/1.png", "in/locked/2.png")
    scandir = os.scandir

    def refuse(folder: str) -> object:
        if "locked" in str(folder):
            raise PermissionError(13, "Permission denied", str(folder))
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(PermissionError, match="locked"):
        find_images(["in"])


# what the network says of them


def test_the_answers_are_those_of_predict_whatever_the_batches_and_threads() -> None:
    predictor = predictor_of(6, 5, 3)
    names = [f"in/{i}.png" for i in range(7)]
    make(*names)
    expected = predictor.predict([decode_image(Path(name).read_bytes()) for name in names])["probabilities"]
    for batch_size, threads in ((7, 1), (3, 2), (1, 3), (100, None)):
        got = list(classify_files(predictor, names, batch_size=batch_size, threads=threads))
        assert [path for path, _ in got] == names
        np.testing.assert_allclose(np.stack([answer for _, answer in got]), expected, rtol=1e-5, atol=1e-7)
    assert len(np.unique(expected.round(4), axis=0)) == 7  # a mix-up would be seen


def test_files_that_cannot_be_read_say_why_and_the_rest_go_on() -> None:
    predictor = predictor_of(6, 5, 1)
    make("a.png", "b.png", "c.png")
    whole = Path("b.png").read_bytes()
    Path("cut.png").write_bytes(whole[:-60])
    Path("page.jpg").write_text("<html>")
    Path("empty.png").write_bytes(b"")
    Path("link.png").symlink_to("nowhere.png")
    os.mkfifo("pipe.png")
    names = ["cut.png", "a.png", "page.jpg", "empty.png", "b.png", "link.png", "pipe.png", "c.png"]
    for batch_size in (1, 2, 8):
        got = dict(classify_files(predictor, names, batch_size=batch_size))
        assert list(got) == names
        told = {path: str(answer) for path, answer in got.items() if isinstance(answer, UserError)}
        assert told.pop("cut.png").startswith("must be a whole picture: ")
        assert told == {
            "page.jpg": "must be a picture: its 6 bytes are none that Pillow knows",
            "empty.png": "must be a picture: its 0 bytes are none that Pillow knows",
            "link.png": "must be readable: No such file or directory",
            "pipe.png": "must be a file; a pipe or a device may never end",
        }
        for name in ("a.png", "b.png", "c.png"):
            alone = predictor.predict([decode_image(Path(name).read_bytes())])["probabilities"][0]
            np.testing.assert_allclose(got[name], alone, rtol=1e-5, atol=1e-7)


def test_two_batches_at_most_are_decoded_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"{i}.png" for i in range(40)]
    make(*names)
    read: list[str] = []
    monkeypatch.setattr(new_examples, "decode_values", lambda *args: read.append("") or decode_values(*args))
    answers = classify_files(predictor_of(4, 4, 1), names, batch_size=5)
    assert read == []  # nothing before it is asked for
    for done, _ in enumerate(answers, start=1):
        assert len(read) <= 5 * (-(-done // 5) + 1)
        if done == 11:
            break
    answers.close()  # type: ignore[attr-defined]
    assert len(read) <= 20


def test_a_network_that_does_not_classify_images_is_refused() -> None:
    make("a.png")
    series = predictor_of(6, 2, model="lstm")
    numbers = predictor_of(6, 5, 1, classes=(), targets=("weight",))
    for predictor, told in ((series, "classifies series"), (numbers, "answers with numbers of images")):
        with pytest.raises(UserError, match=f"must classify images to predict pictures, but it {told}: use"):
            next(iter(classify_files(predictor, ["a.png"])))
    with pytest.raises(UserError, match="classifies series"):
        series.predict(np.zeros((2, 6, 5), np.uint8))
    assert numbers.predict(np.zeros((2, 6, 5), np.uint8))["values"].shape == (2, 1)
