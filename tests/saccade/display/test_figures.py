"""Shapes: N examples, H height, W width, C channels, K classes."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from saccade.display.figures import (
    _epoch_ticks,
    draw_confusion,
    draw_learning_curves,
    draw_mistakes,
    draw_wrong_classes,
)
from saccade.display.style import shorten


def some_counts(K, seed=1):
    rng = np.random.default_rng(seed)
    counts_KK = rng.poisson(0.3, size=(K, K))
    counts_KK[np.arange(K), np.arange(K)] += rng.integers(50, 90, size=K)
    return counts_KK.astype(np.int64)


def some_history(epochs, **changes):
    rows = []
    for epoch in range(1, epochs + 1):
        left = 0.8**epoch
        rows.append(
            {
                "epoch": epoch,
                "train_loss": 2 * left,
                "validation_loss": 1.9 * left + 0.1,
                "train_accuracy": 1 - 0.9 * left,
                "validation_accuracy": 0.95 - 0.85 * left,
                "learning_rate": 0.1 * left,
                **changes,
            }
        )
    return rows


def some_answers(N=50, K=3, C=1, seed=2, H=8, W=12):
    rng = np.random.default_rng(seed)
    images_NHWC = rng.integers(0, 256, size=(N, H, W, C), dtype=np.uint8)
    return images_NHWC, rng.integers(0, K, size=N), rng.dirichlet(np.ones(K), size=N)


def pixels(path):
    with Image.open(path) as image:
        assert image.format == "PNG"
        assert not image.info.keys() - {"dpi"}, "a date or a version would change the bytes"
        return np.asarray(image.convert("RGB")).astype(int)


def has_colour(path, hex_colour, at_least=100):
    """Whether so many pixels are of this colour: more than the smoothed edges of letters hold of any by chance."""
    wanted = np.array([int(hex_colour[i : i + 2], 16) for i in (1, 3, 5)])
    return bool((np.abs(pixels(path) - wanted).max(axis=2) <= 3).sum() >= at_least)


@pytest.mark.parametrize("K", [2, 10, 100])
def test_confusion_is_a_picture_of_a_sensible_size(tmp_path, K):
    path = tmp_path / "reports" / "confusion.png"
    draw_confusion(some_counts(K), [f"class {i}" for i in range(K)], path)
    height, width, _ = pixels(path).shape
    assert 250 <= height <= 2000
    assert 250 <= width <= 2400
    assert height >= 10 * K  # a line of text a class
    assert [left.name for left in path.parent.iterdir()] == ["confusion.png"]


def test_a_rare_mistake_is_visible(tmp_path):
    counts_KK = np.diag([1000, 1000, 1000])
    draw_confusion(counts_KK, ["a", "b", "c"], tmp_path / "none.png")
    counts_KK[0, 2] = 5
    draw_confusion(counts_KK, ["a", "b", "c"], tmp_path / "one.png")
    darkest_orange = (127, 39, 4)  # the end of the scale, however small the share
    counts = [
        int((np.abs(pixels(tmp_path / n) - darkest_orange).max(axis=2) <= 3).sum()) for n in ("none.png", "one.png")
    ]
    assert counts[1] > counts[0] + 1500


def test_a_class_without_examples_is_grey(tmp_path):
    counts_KK = some_counts(4)
    draw_confusion(counts_KK, list("abcd"), tmp_path / "full.png")
    counts_KK[1] = 0
    draw_confusion(counts_KK, list("abcd"), tmp_path / "empty.png")
    assert not has_colour(tmp_path / "full.png", "#E0E0E0", at_least=3000)
    assert has_colour(tmp_path / "empty.png", "#E0E0E0", at_least=3000)
    draw_confusion(np.zeros((2, 2), dtype=np.int64), ["a", "b"], tmp_path / "nothing.png")


def test_long_and_odd_class_names_keep_the_picture_small(tmp_path):
    classes = ["x" * 500, "$\\frac{$", "two\nlines", "ü"]
    draw_confusion(some_counts(4), classes, tmp_path / "confusion.png")
    assert max(pixels(tmp_path / "confusion.png").shape) < 1200
    images_NHWC, labels_N, probabilities_NK = some_answers(N=9, K=4)
    draw_mistakes(images_NHWC, labels_N, probabilities_NK, classes, tmp_path / "mistakes.png")
    assert pixels(tmp_path / "mistakes.png").shape[1] < 1500


@pytest.mark.parametrize(
    ("name", "most", "short"),
    [("Arabic", 6, "Arabic"), ("Portuguese", 7, "Por…ese"), ("Portuguese", 8, "Port…ese"), ("a\n b", 9, "a b")],
)
def test_shortened_names_keep_both_ends(name, most, short):
    assert shorten(name, most) == short
    assert len(short) <= most


def test_the_same_input_gives_the_same_bytes_whatever_the_users_style(tmp_path):
    import matplotlib

    def draw(folder):
        draw_confusion(some_counts(5), list("abcde"), folder / "confusion.png")
        draw_learning_curves(some_history(4), folder / "curves.png")
        draw_mistakes(*some_answers(N=6), ["a", "b", "c"], folder / "mistakes.png")
        return [(folder / name).read_bytes() for name in ("confusion.png", "curves.png", "mistakes.png")]

    first = draw(tmp_path / "first")
    with matplotlib.rc_context({"figure.facecolor": "black", "font.size": 20, "savefig.dpi": 30}):
        assert draw(tmp_path / "second") == first
        assert matplotlib.rcParams["font.size"] == 20  # and the user's settings are as they were


def test_importing_and_drawing_leave_pyplot_alone(tmp_path):
    code = f"""
import sys
from pathlib import Path
import saccade.display.figures, saccade.evaluate.metrics, saccade.kinds.image.baselines.hog_baseline
heavy = sorted({{"matplotlib", "sklearn", "torch", "cv2"}} & set(sys.modules))
assert not heavy, heavy
rows = [{{"epoch": 1, "train_loss": 1.0, "validation_loss": 2.0}}]
saccade.display.figures.draw_learning_curves(rows, Path({str(tmp_path / "a.png")!r}))
assert "matplotlib.pyplot" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("epochs", [1, 37])
def test_learning_curves_have_three_panels(tmp_path, epochs):
    draw_learning_curves(some_history(epochs), tmp_path / "curves.png")
    height, width, _ = pixels(tmp_path / "curves.png").shape
    assert 2.5 < width / height < 4
    assert has_colour(tmp_path / "curves.png", "#0072B2")
    assert has_colour(tmp_path / "curves.png", "#D55E00")


def test_a_line_shows_which_epoch_was_kept(tmp_path):
    rows = some_history(9)
    draw_learning_curves(rows, tmp_path / "plain.png")
    drawn = []
    for kept in (3, 7):
        marked = [row | {"kept": str(int(row["epoch"] == kept))} for row in rows]  # as read from a table
        draw_learning_curves(marked, tmp_path / f"{kept}.png")
        drawn.append(pixels(tmp_path / f"{kept}.png").astype(int))
    plain = pixels(tmp_path / "plain.png").astype(int)
    lines = [np.flatnonzero((np.abs(one - plain).max(axis=2) > 30).sum(axis=0) > 120) for one in drawn]
    at_3, at_7 = ([line[0], *line[1:][np.diff(line) > 5]] for line in lines)  # a line is one or two pixels wide
    assert len(at_3) == len(at_7) == 2  # of loss and of accuracy, not of the rate
    assert at_7[0] - at_3[0] == pytest.approx(at_7[1] - at_3[1], abs=2) and at_7[0] - at_3[0] > 100


def test_without_accuracy_its_panel_is_left_out(tmp_path):
    rows = some_history(5)
    without = [{key: value for key, value in row.items() if "accuracy" not in key} for row in rows]
    draw_learning_curves(rows, tmp_path / "with.png")
    draw_learning_curves(without, tmp_path / "without.png")
    assert pixels(tmp_path / "without.png").shape[1] < 0.75 * pixels(tmp_path / "with.png").shape[1]
    for empty in (None, "", float("nan")):
        emptied = some_history(5, train_accuracy=empty, validation_accuracy=empty)
        draw_learning_curves(emptied, tmp_path / "emptied.png")
        assert (tmp_path / "emptied.png").read_bytes() == (tmp_path / "without.png").read_bytes(), repr(empty)


def test_rows_read_back_from_csv_draw_the_same(tmp_path):
    rows = some_history(6)
    draw_learning_curves(rows, tmp_path / "a.png")
    draw_learning_curves([{k: str(v) for k, v in row.items()} for row in rows], tmp_path / "b.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


@pytest.mark.parametrize(
    ("first", "last", "ticks"),
    [
        (1, 1, [1]),
        (1, 4, [1, 2, 3, 4]),
        (1, 20, [1, 5, 10, 15, 20]),
        (1, 100, [1, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100]),
        (8, 30, [8, 15, 20, 25, 30]),
    ],
)
def test_epoch_ticks_are_whole_and_start_at_the_first(first, last, ticks):
    assert _epoch_ticks(first, last) == ticks


def test_mistakes_are_the_surest_ones(tmp_path):
    # Three flat images: example 0 is right, 1 a sure mistake (grey level 200), 2 a less sure one (level 90).
    images_NHWC = np.stack([np.full((4, 4, 3), level, dtype=np.uint8) for level in (30, 200, 90)])
    images_NHWC[:, :, :, 2] = 0  # a colour that no text has
    probabilities_NK = np.array([[1.0, 0.0], [0.9, 0.1], [0.4, 0.6]])
    answers = (images_NHWC, np.array([0, 1, 0]), probabilities_NK, ["cat", "dog"])
    draw_mistakes(*answers, tmp_path / "both.png")
    draw_mistakes(*answers, tmp_path / "surest.png", most=1)
    shown = {
        n: [has_colour(tmp_path / f"{n}.png", f"#{v:02x}{v:02x}00") for v in (30, 200, 90)] for n in ("both", "surest")
    }
    assert shown == {"both": [False, True, True], "surest": [False, True, False]}


@pytest.mark.parametrize(("C", "N"), [(1, 90), (2, 9), (3, 9), (4, 9)])
def test_mistakes_of_any_number_of_channels(tmp_path, C, N):
    images_NHWC, labels_N, probabilities_NK = some_answers(N=N, C=C)
    np.save(tmp_path / "images.npy", images_NHWC)
    mapped_NHWC = np.load(tmp_path / "images.npy", mmap_mode="r")
    draw_mistakes(mapped_NHWC, labels_N, probabilities_NK, ["a", "b", "c"], tmp_path / "mistakes.png")
    assert (pixels(tmp_path / "mistakes.png").shape[0] > 1000) == (N == 90)  # six rows


def test_no_mistakes_says_so(tmp_path):
    images_NHWC, _, probabilities_NK = some_answers()
    draw_mistakes(images_NHWC, probabilities_NK.argmax(axis=1), probabilities_NK, list("abc"), tmp_path / "none.png")
    height, width, _ = pixels(tmp_path / "none.png").shape
    assert 100 < height < 400 < width
    assert (pixels(tmp_path / "none.png") < 128).any()  # there is text


def test_what_cannot_be_drawn_is_refused(tmp_path):
    images_NHWC, labels_N, probabilities_NK = some_answers()
    with pytest.raises(ValueError, match=r"counts_KK \(shape \(3, 3\)\) must be \(K, K\) for 2 classes"):
        draw_confusion(some_counts(3), ["a", "b"], tmp_path / "a.png")
    with pytest.raises(ValueError, match=r"rows \(0 epochs\)"):
        draw_learning_curves([], tmp_path / "a.png")
    with pytest.raises(ValueError, match=r"images_NHWC \(49\), labels_N \(50\) and probabilities_NK \(50\)"):
        draw_mistakes(images_NHWC[1:], labels_N, probabilities_NK, list("abc"), tmp_path / "a.png")
    with pytest.raises(ValueError, match=r"most \(0\) must be at least 1"):
        draw_mistakes(images_NHWC, labels_N, probabilities_NK, list("abc"), tmp_path / "a.png", most=0)
    assert not list(tmp_path.iterdir())


def test_wrong_classes_are_drawn_the_surest_first_and_none_where_there_is_none(tmp_path, monkeypatch):
    from saccade.display import figures

    drawn = []
    monkeypatch.setattr(figures, "draw_captioned", lambda images, *about: drawn.append(about))
    images_NHWC = np.zeros((4, 5, 6, 1), np.uint8)
    has_NK = np.array([[1, 0], [0, 0], [1, 1], [0, 1]], np.uint8)
    p_NK = np.array([[0.9, 0.6], [0.1, 0.3], [0.2, 0.9], [0.1, 0.9]])
    draw_wrong_classes(images_NHWC, has_NK, p_NK, p_NK >= 0.5, ["cat", "dog"], tmp_path / "a.png")
    (rows, captions, title, _, _) = drawn[0]
    assert rows.tolist() == [2, 0] and captions == [("cat, dog", "not cat 0.200", ""), ("cat", "dog 0.600", "")]
    assert title.startswith("2 of 4 examples with a wrong class\n")
    found_NK = p_NK >= [0.15, 0.25]  # by other thresholds
    draw_wrong_classes(images_NHWC, has_NK, p_NK, found_NK, ["cat", "dog"], tmp_path / "a.png", most=1)
    assert drawn[1][0].tolist() == [0] and ", the 1 surest" in drawn[1][2]


def test_wrong_classes_make_a_picture(tmp_path):
    images_NHWC = np.random.default_rng(0).integers(0, 255, (3, 5, 6, 3), dtype=np.uint8)
    has_NK, p_NK = np.array([[1, 0], [0, 0], [1, 1]], np.uint8), np.array([[0.9, 0.6], [0.1, 0.3], [0.9, 0.9]])
    draw_wrong_classes(images_NHWC, has_NK, p_NK, p_NK >= 0.5, ["cat", "dog"], tmp_path / "some.png")
    draw_wrong_classes(images_NHWC, has_NK, p_NK, has_NK > 0, ["cat", "dog"], tmp_path / "none.png")
    assert pixels(tmp_path / "some.png").shape[1] > 200 and pixels(tmp_path / "none.png").shape[1] > 200
