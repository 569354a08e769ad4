"""Lines of print on their way into splits, with all that can be wrong with them.

Shapes: N lines, H height, W greatest width, L characters.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from saccade.core.errors import UserError
from saccade.data.alphabet import decode
from saccade.data.prepared import open_split, read_dataset_info
from saccade.data.spec import SPLITS, Spec
from saccade.display.page import Section
from saccade.kinds import Job, Prepared
from saccade.kinds.image.lines import prepare
from saccade.kinds.image.new_examples import read_image
from saccade.kinds.origins import read_origins
from saccade.prepare.split_settings import SplitSettings
from saccade.readers.examples import ImageExamples

HEIGHT, MAX_WIDTH = 8, 96


def noise(seed: int, high: int = 8, wide: int = 60) -> np.ndarray:
    """A grey picture like no other, with values from 0 to 255."""
    return np.random.default_rng(seed).integers(0, 256, size=(high, wide), dtype=np.uint8)


def lines(texts: Sequence[str], pictures: dict[int, np.ndarray | None] | None = None, **more: Any) -> ImageExamples:
    """A line for each text; ``pictures`` replaces some, None by a file that cannot be read."""
    shown = dict(enumerate(map(noise, range(len(texts))))) | (pictures or {})

    def load(row: int) -> np.ndarray:
        image = shown[row]
        if image is None:
            raise UserError("must be a whole picture: it is cut short")
        return image

    return ImageExamples(
        classes=(),
        labels=np.zeros(len(texts), np.int64),
        load=lambda row: row,
        decode=load,
        ids=[f"id {row}" for row in range(len(texts))],
        names=[f"scans/{row}.png" for row in range(len(texts))],
        texts=list(texts),
        **more,
    )


TEXTS = ["TOTAL", "1.50", "NA", "007", '"a"', "no", "cafe\u0301", "  a  b ", "null", "e", "-", "=1+1"]
EVEN = [("train", "validation", "test", "train")[row % 4] for row in range(len(TEXTS))]


def prepared(folder: Path, examples: ImageExamples, said: list[str] | None = None, **options: Any) -> Prepared:
    said = [] if said is None else said
    split = options.pop("split", SplitSettings(test="given", seed=0))
    folder.mkdir(exist_ok=True)
    job = Job(folder, folder / "samples.png", split, say=said.append, warn=said.append)
    return prepare(examples, job, **{"height": HEIGHT, "max_width": MAX_WIDTH} | options)


def section(found: Prepared, key: str) -> Section:
    return next(one for one in found.sections if one.key == key)


def texts_of(folder: Path) -> dict[str, str]:
    """Transcripts by the name of their line, of all splits."""
    spec, found = read_dataset_info(folder).spec, {}
    for name in SPLITS:
        split = open_split(folder, name)
        origins = read_origins(folder, split.rows)
        found |= dict(zip(origins.names, (decode(ids, spec.vocabulary) for ids in split.labels.tolist()), strict=True))
    return found


def test_transcripts_stay_as_they_are_and_lines_have_names(tmp_path: Path) -> None:
    found = prepared(tmp_path, lines(TEXTS, published_splits=EVEN), alphabet='TOAL1.50N7"anocfé bule-=+ ')
    texts = [*TEXTS[:6], "café", "a b", *TEXTS[8:]]  # NFC, and one space between words
    assert texts_of(tmp_path) == {f"scans/{row}.png": text for row, text in enumerate(texts)}
    spec = found.info.spec
    assert spec == Spec(
        "image",
        (HEIGHT, MAX_WIDTH, 1),
        vocabulary=("<pad>", "<unknown>", *sorted(set('TOAL1.50N7"anocfé bule-=+'))),
        unit="characters",
        output="transcript",
        is_padded=True,
    )
    assert found.info.counts == {"train": 6, "validation": 3, "test": 3} and spec.shape_unit == ""


def test_lines_are_stored_upright_with_columns_of_zero_behind_them(tmp_path: Path) -> None:
    wide, high, black = noise(20, 8, 200), noise(21, 24, 90), np.zeros((8, 60), np.uint8)
    said: list[str] = []
    found = prepared(tmp_path, lines(TEXTS, {0: wide, 4: high, 8: black}, published_splits=EVEN), said)
    train = open_split(tmp_path, "train").examples
    real = train.any(axis=(1, 3))
    widths = dict(zip(open_split(tmp_path, "train").rows.tolist(), real.sum(axis=1).tolist(), strict=True))
    assert widths == {0: MAX_WIDTH, 3: 60, 4: 30, 7: 60, 8: 60, 11: 60}
    assert train[real.nonzero()[0][0]].dtype == np.uint8
    for image, width in zip(train, widths.values(), strict=True):
        assert (image[:, :width] >= 1).all() and not image[:, width:].any()
    assert (train[1, :, :60, 0] == np.maximum(noise(3), 1)).all()  # a black pixel of a line is no filling
    assert any("1 line of 12 are wider than preprocess.max_width (96)" in line for line in said)
    # The mean is that of the lines alone
    pixels = np.concatenate([image[:, :width].ravel() for image, width in zip(train, widths.values(), strict=True)])
    assert found.info.mean == pytest.approx([pixels.mean() / 255], rel=1e-5)
    shown = section(found, "squeezed")
    assert shown.result == "1 of 12" and not shown.is_fine
    assert section(prepared(tmp_path / "fitting", lines(TEXTS, published_splits=EVEN)), "squeezed").result == "none"


def test_a_new_file_is_brought_to_what_was_stored(tmp_path: Path) -> None:
    import io

    from PIL import Image

    pictures = {0: noise(20, 8, 200), 3: noise(21, 24, 90), 4: noise(22, 8, 10_000), 7: noise(23, 16, 100)}
    found = prepared(tmp_path, lines(TEXTS, pictures, published_splits=EVEN))
    train = open_split(tmp_path, "train")
    for row, picture in pictures.items():
        file = io.BytesIO()
        Image.fromarray(picture).save(file, "PNG")
        read = read_image(found.info.spec, file.getvalue())
        assert (read == train.examples[train.rows.tolist().index(row)]).all()
    file = io.BytesIO()
    Image.fromarray(noise(9, 90, 60)).save(file, "PNG")
    with pytest.raises(UserError, match=r"looks like a page, 60 x 90 pixels: cut it .* height of 64 pixels at most"):
        read_image(found.info.spec, file.getvalue())


BAD: list[tuple[dict[int, str], dict[int, np.ndarray | None], str, str, str]] = [
    ({}, {3: None}, "on_unreadable", r"cannot be read \(1 of 12\):\n  scans/3.png must be", "1 cannot be read"),
    (
        {3: " \t"},
        {},
        "on_empty",
        r"lines without a transcript \(1\):\n  scans/3.png\n",
        "1 without a transcript",
    ),
    (
        {3: "x" * 16},
        {},
        "on_unfit",
        r"4 columns a character \(1 of 12\):\n  scans/3.png \(60 x 8 pixels for 16 characters\)",
        "1 too narrow for their transcripts",
    ),
    (
        {3: "abcd"},
        {3: noise(30, 60, 8)},
        "on_unfit",
        r"scans/3.png \(8 x 60 pixels for 4 characters, higher than wide: a page, several lines, or vertical text\)",
        "1 too narrow for their transcripts",
    ),
    (
        {3: "x" * 30},
        {3: noise(31, 8, 10_000)},
        "on_unfit",
        r"scans/3.png \(10,000 x 8 pixels for 30 characters\)",
        "1 too narrow for their transcripts",
    ),
    (
        {},
        {3: noise(0)},
        "on_conflict",
        r"have several transcripts, pixel for pixel the same \(1\):\n  scans/0.png \(TOTAL\) = scans/3.png \(007\)",
        "2 equal pictures with several transcripts",
    ),
]


@pytest.mark.parametrize(("texts", "pictures", "key", "message", "outcome"), BAD)
def test_what_is_wrong_stops_or_is_left_out_and_listed(
    tmp_path: Path,
    texts: dict[int, str],
    pictures: dict[int, np.ndarray | None],
    key: str,
    message: str,
    outcome: str,
) -> None:
    examples = lines([texts.get(row, text) for row, text in enumerate(TEXTS)], pictures, published_splits=EVEN)
    with pytest.raises(UserError, match=message) as caught:
        prepared(tmp_path / "asked", examples)
    assert f"preprocess.{key}: quarantine" in str(caught.value)
    said: list[str] = []
    found = prepared(tmp_path / "decided", examples, said, **{key: "quarantine"})
    assert section(found, "left-out").result == outcome
    assert found.info.counts["train"] == (4 if key == "on_conflict" else 5)
    assert "scans/3.png" not in texts_of(tmp_path / "decided") and any("left out" in line for line in said)
    if key == "on_unfit":
        assert section(found, "unfit").result == "1 left out, 0 in doubt"


def test_equal_pictures_whose_transcripts_differ_in_white_space_alone_are_copies(tmp_path: Path) -> None:
    texts = [*TEXTS[:8], "TO TAL", "TO  TAL ", *TEXTS[10:]]
    examples = lines(texts, {9: noise(8)})
    found = prepared(tmp_path, examples, split=SplitSettings(test=0.2, validation=0.2, seed=1))
    assert section(found, "conflicts").result == "none"
    assert section(found, "equal").result == "1 copy, none across splits"


def test_copies_across_published_splits_stop(tmp_path: Path) -> None:
    texts = [*TEXTS[:9], "TOTAL", *TEXTS[10:]]  # 0 is in train, 9 in validation
    examples = lines(texts, {9: noise(0)}, published_splits=EVEN)
    with pytest.raises(UserError, match=r"several of the published splits \(1\):\n  scans/0.png \(train\) = scans/9"):
        prepared(tmp_path, examples)


def test_pages_and_vertical_text_that_would_fit_are_named_and_stay(tmp_path: Path) -> None:
    texts = ["I", "AB", "AB", *TEXTS[3:]]
    pictures = {0: noise(40, 30, 8), 1: noise(41, 90, 100), 2: noise(42, 20, 10)}
    said: list[str] = []
    found = prepared(tmp_path, lines(texts, pictures, published_splits=EVEN), said, columns_a_character=2)
    told = next(line for line in said if "may be no line" in line)
    assert told.startswith("2 pictures of 12 may be no line, such as scans/1.png (100 x 90 pixels for 2 characters, as")
    shown = section(found, "unfit")
    assert shown.result == "0 left out, 2 in doubt" and not shown.is_fine
    assert sum(found.info.counts.values()) == 12  # one character may be narrow


def test_characters_outside_the_alphabet_are_counted_or_refused(tmp_path: Path) -> None:
    texts = ["abc", "ab€€", "b€¥", "cba"]
    examples = lines(texts, published_splits=["train", "validation", "test", "train"])
    said: list[str] = []
    found = prepared(tmp_path / "kept", examples, said)
    assert said == [
        "2 lines of validation and test hold characters that training does not: '€' (3), '¥' (1); each counts as an "
        "error"
    ]
    assert open_split(tmp_path / "kept", "test").labels.tolist() == [[3, 1, 1, 0]]
    assert [row[0] for row in section(found, "alphabet").blocks[0].rows][-1] == "not in the alphabet"
    with pytest.raises(UserError, match=r"'€' \(3\), '¥' \(1\). Correct them, or .* preprocess.on_unknown: keep"):
        prepared(tmp_path / "asked", examples, on_unknown="error")
    prepared(tmp_path / "given", examples, on_unknown="error", alphabet="abc€¥")
    with pytest.raises(UserError, match=r"preprocess.alphabet must hold all .* but lacks 'c' \(line 1: 'abc'\)"):
        prepared(tmp_path / "short", examples, alphabet="ab€¥")
    with pytest.raises(UserError, match="must hold at least one character"):
        prepared(tmp_path / "none", examples, alphabet="")


def test_lines_of_one_group_stay_in_one_split(tmp_path: Path) -> None:
    groups = {"receipt": [str(row // 3) for row in range(12)]}
    settings = SplitSettings(test=0.25, validation=0.25, group_by="receipt", seed=0)
    found = prepared(tmp_path, lines([f"{row}" for row in range(12)], groups=groups), split=settings)
    of_split = [{int(row) // 3 for row in open_split(tmp_path, split).rows} for split in SPLITS]
    assert sum(map(len, of_split)) == 4 and all(of_split)
    assert found.info.counts == {"train": 6, "validation": 3, "test": 3}


def test_the_page_counts_lengths_and_shows_lines(tmp_path: Path) -> None:
    found = prepared(tmp_path, lines(TEXTS, published_splits=EVEN))
    lengths = section(found, "lengths")
    titles = [block.head[0] for block in lengths.blocks]
    assert titles == ["of the training lines", "characters", "columns", "columns a character"]
    assert sum(row[1] for row in lengths.blocks[1].rows) == 6
    assert "6 training lines, with 22 characters" in lengths.lines[0][0]
    assert len(section(found, "sheets").blocks[0].groups) == 6
    assert section(found, "unfit").is_fine and section(found, "left-out").is_fine
