"""The report of a dataset, read back with parsers that we did not write: facts, pictures, and hostile names.

Shapes: N images, H height, W width, C channels, K classes.
"""

import base64
import io
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from markdown_it import MarkdownIt
from PIL import Image
from report_reading import HOSTILE, Reader

from saccade.data.sampling import rows_of_classes
from saccade.data.spec import Fit
from saccade.display.page import Name
from saccade.kinds import Prepared
from saccade.kinds.image.arrays import image_arrays
from saccade.kinds.image.checks.decode_pass import Inspected
from saccade.kinds.image.checks.findings import Findings
from saccade.kinds.image.checks.near_duplicates import NearPair, thumbnail
from saccade.kinds.image.page.checked import Checked
from saccade.kinds.image.page.contact_sheets import plan_sheets
from saccade.kinds.image.page.image_sizes import fit_line
from saccade.kinds.image.page.sections import image_sections
from saccade.kinds.image.pixels.resize import prepare_image
from saccade.kinds.series.arrays import series_arrays
from saccade.kinds.series.page.generated_series import generated_sections
from saccade.prepare.arrays import rows_of_splits, write_arrays
from saccade.readers.examples import ImageExamples, SeriesExamples
from saccade.report.dataset_page import SAMPLES, write_dataset_page

N, K = 60, 3


def pixels(image: dict[str, str]) -> np.ndarray:
    """Of a picture in the page, (H, W) or (H, W, 3)."""
    head, content = image["src"].split(",", 1)
    assert head.startswith("data:image/")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(content, validate=True))))


def image_of(i: int) -> np.ndarray:
    """Grey, with its number in its first pixel."""
    image_HW = np.random.default_rng(i).integers(60, 200, size=(8, 6), dtype=np.uint8)
    image_HW[0, 0] = i
    return image_HW


def checked(
    images: Sequence[np.ndarray] = tuple(map(image_of, range(N))),
    *,
    labels: Sequence[int] | np.ndarray | None = None,
    names: Sequence[str] = (),
    classes: Sequence[str] = ("ant", "bee", "cow"),
    published: Sequence[str] | None = None,
    notes: Sequence[str] = (),
    size: tuple[int, int] = (8, 6),
    channels: int = 1,
    fit: Fit = "stretch",
    **found: Any,
) -> Checked:
    """Everything by hand; of every 10 rows 6 are in train and 2 each in validation and test."""
    count = len(images)
    labels_N = np.arange(count) % len(classes) if labels is None else np.asarray(labels)
    names = names or [f"{classes[label]}/{i}.png" for i, label in enumerate(labels_N)]
    source = ImageExamples(
        tuple(classes), labels_N, images.__getitem__, names, names=names, published_splits=published, notes=notes
    )
    unreadable = found.get("unreadable", {})
    left_out_N = np.zeros(count, dtype=bool)
    left_out_N[[*unreadable, *(row for rows in found.get("conflicting", []) for row in rows)]] = True
    sides_N2 = np.array([image.shape[:2] for image in images], dtype=np.int32)
    sides_N2[list(unreadable)] = 0
    prepared = np.stack([prepare_image(image, size, channels, fit) for image in images])
    inspected = Inspected(
        prepared, np.stack(list(map(thumbnail, images))), np.zeros(count, "S16"), sides_N2, unreadable
    )
    splits_N = np.array(["train"] * 6 + ["validation"] * 2 + ["test"] * 2)[np.arange(count) % 10]
    splits_N[left_out_N] = ""
    empty: dict[str, Any] = {"unreadable": {}, "equal": [], "conflicting": [], "leaking": [], "near": []}
    return Checked(source, inspected, Findings(**{**empty, **found}, left_out=left_out_N), splits_N)


def report(folder: Path, data: Checked, name: str = "creatures", fit: Fit = "stretch") -> Reader:
    (folder / "prepared").mkdir(parents=True)
    (folder / "report").mkdir()
    write_page(folder / "report", name, folder / "prepared", data, fit=fit)
    return Reader((folder / "report" / "report.html").read_text(encoding="utf-8"))


def write_page(
    folder: Path, name: str, prepared: Path, data: Checked, views_address: str | None = None, fit: Fit = "stretch"
) -> None:
    builder = image_arrays(data.examples, data.inspected, fit)
    info = write_arrays(prepared, builder, rows_of_splits(data.splits))
    sections = image_sections(info, prepared, data, folder / SAMPLES, views_address)
    write_dataset_page(folder, name, Prepared(info, sections, notes=data.notes))


def markdown_of(folder: Path) -> str:
    return (folder / "report" / "summary.md").read_text(encoding="utf-8")


def hostile(where: str) -> Checked:
    """Every section has something to show, and the names are hostile in one place."""
    count = len(HOSTILE)
    reasons = HOSTILE if where == "reasons" else [f"must be a picture {i}" for i in range(count)]
    return checked(
        labels=np.arange(N) % count if where == "classes" else None,
        names=[HOSTILE[i % count] for i in range(N)] if where == "names" else (),
        classes=HOSTILE if where == "classes" else ("ant", "bee", "cow"),
        notes=HOSTILE if where == "notes" else (),
        published=["train", "test"] * (N // 2),
        unreadable=dict(enumerate(reasons)),
        equal=[[20, 30], [21, 31]],
        conflicting=[[22, 23]],
        leaking=[[24, 25]],
        near=[NearPair(i, i + 1, 3.0) for i in range(24, 40)],
    )


# The page as a whole


def test_the_page_needs_nothing_beside_itself(tmp_path: Path) -> None:
    page = report(tmp_path, checked(near=[NearPair(0, 1, 2.5)]))
    assert not page.tags & {"script", "link", "iframe", "object", "embed", "base", "form"}
    addresses = [value for name, value in page.attributes if name in ("src", "href", "srcset", "action", "data")]
    assert addresses and all(value.startswith(("data:image/", "#")) for value in addresses)
    html = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert "http://" not in html and "https://" not in html and "url(" not in html and "@import" not in html


def test_a_sheet_of_views_is_shown_from_where_it_lies(tmp_path: Path) -> None:
    data, folder = checked(), tmp_path / "creatures"
    page = report(tmp_path / "plain", data)
    assert "views" not in page.parts and "Augmented views" not in markdown_of(tmp_path / "plain")
    folder.mkdir()
    write_page(folder, "creatures", tmp_path, data, "../creatures.views/views.png")
    html = (folder / "report.html").read_text(encoding="utf-8")
    linked = [image for part in Reader(html).parts.values() for image in part.images if ":" not in image["src"]]
    assert linked == Reader(html)["views"].images
    assert [(image["src"], image["alt"][:26]) for image in linked] == [
        ("../creatures.views/views.png", "There is no such picture: ")
    ]
    assert "img-src data: 'self' file:;" in html  # Firefox does not count a file's neighbours as 'self'
    markdown = Reader(MarkdownIt().render((folder / "summary.md").read_text(encoding="utf-8")))
    assert [image["src"] for image in markdown[""].images] == ["samples.png", "../creatures.views/views.png"]
    assert "saccade augment DATASET" in markdown[""].text


def test_the_anchors_lead_to_sections(tmp_path: Path) -> None:
    page = report(tmp_path, checked())
    targets = [value[1:] for name, value in page.attributes if name == "href"]
    assert targets and all(page[target].text for target in targets)


def test_the_same_data_give_the_same_bytes(tmp_path: Path) -> None:
    def written(folder: Path) -> dict[str, bytes]:
        report(folder, checked(equal=[[0, 3]], near=[NearPair(0, 7, 1.0)], unreadable={5: "must be a picture"}))
        return {path.name: path.read_bytes() for path in (folder / "report").iterdir()}

    first = written(tmp_path / "a")
    assert set(first) == {"report.html", "summary.md", "findings.json", "samples.png"} and first == written(
        tmp_path / "b"
    )


def test_what_was_looked_for_and_not_found_is_told_in_one_line(tmp_path: Path) -> None:
    page = report(tmp_path, checked())
    for key in ("left-out", "conflicts", "leaks", "equal", "near", "sizes", "notes"):
        lines = [line for line in page[key].text.splitlines() if line.strip()]
        assert len(lines) == 2 and not page[key].images and not page[key].rows, (key, lines)  # the heading and the line
    assert "No two pictures are nearly the same." in page["near"].text
    assert "No two pictures are nearly the same." in markdown_of(tmp_path)


@pytest.mark.parametrize("where", ["names", "classes", "notes", "reasons", "dataset"])
def test_hostile_names_are_shown_and_do_nothing_in_html(tmp_path: Path, where: str) -> None:
    page = report(tmp_path, hostile(where), name=HOSTILE[0] if where == "dataset" else "creatures")
    plain = report(tmp_path / "plain", hostile("nowhere"))
    assert page.tags == plain.tags
    assert {name for name, _ in page.attributes} == {name for name, _ in plain.attributes}
    seen = "".join(part.text for part in page.parts.values())
    for name in HOSTILE[:1] if where == "dataset" else HOSTILE:
        assert Name(name).escaped.isprintable() and Name(name).escaped in seen


@pytest.mark.parametrize("where", ["names", "classes", "notes", "reasons", "dataset"])
def test_hostile_names_do_nothing_in_markdown_either(tmp_path: Path, where: str) -> None:
    report(tmp_path, hostile(where), name=HOSTILE[0] if where == "dataset" else "creatures")
    page = Reader(MarkdownIt("commonmark").enable("table").render(markdown_of(tmp_path)))
    assert page.tags <= {"h1", "h2", "p", "table", "thead", "tbody", "tr", "th", "td", "code", "img"}
    assert len(page[""].images) == 1
    cells = {cell for row in page[""].rows for cell in row}
    for name in HOSTILE[:1] if where == "dataset" else HOSTILE:
        shown = Name(name).escaped
        assert shown.strip() in page[""].text
        if where in ("names", "classes", "reasons", "notes"):  # in a cell of its own, which no bar has cut
            assert cells & {shown.strip(), f"\u2068{shown}\u2069"}


def test_a_long_name_keeps_both_ends() -> None:
    assert Name("a" * 3000 + "z" * 3000).escaped == "a" * 100 + "…" + "z" * 100


# Classes and their pictures


def test_counts_of_each_class_and_split(tmp_path: Path) -> None:
    data = checked(labels=[0] * 30 + [1] * 20 + [2] * 10)
    page = report(tmp_path, data)
    assert page["classes"].rows[1:] == [
        ["ant", "18", "6", "6", "30", "50.0 %"],
        ["bee", "12", "4", "4", "20", "33.3 %"],
        ["cow", "6", "2", "2", "10", "16.7 %"],
    ]
    assert "| bee | 12 | 4 | 4 | 20 | 33.3 % |" in markdown_of(tmp_path)


def test_imbalance_names_the_remedies_and_what_a_constant_answer_gets(tmp_path: Path) -> None:
    labels = [0] * 40 + [1] * 10 + [2] * 10
    labels[8:10] = [1, 1]  # both in test
    page = report(tmp_path, checked(labels=labels))
    for told in (page["classes"].text, markdown_of(tmp_path)):
        for fact in ("ant has 24 training", "bee has 6", "50.0 % of the test", "balanced accuracy first"):
            assert fact in told
        assert "train.class_weights: inverse" in told and "effective" in told and "train.sampler: balanced" in told
    assert "imbalanced, 4 : 1" in page[""].text


def test_balanced_classes_need_no_remedy(tmp_path: Path) -> None:
    page = report(tmp_path, checked(labels=[0] * 20 + [1] * 10 + [0] * 10 + [1] * 10 + [2] * 10, classes="abc"))
    assert "imbalanced" in page[""].text
    page = report(tmp_path / "even", checked())
    assert "class_weights" not in page["classes"].text and "Balanced" in page["classes"].text


def test_each_sheet_shows_training_images_of_its_class_spread_over_it(tmp_path: Path) -> None:
    data = checked()
    images = report(tmp_path, data)["sheets"].images
    numbers = [int(pixels(image)[0, 0]) for image in images]  # stored without loss
    expected = [
        [row for row in range(N) if data.examples.labels[row] == k and data.splits[row] == "train"] for k in range(K)
    ]
    assert len(numbers) == K * 12 and numbers == list(chain(*expected))
    for image, number in zip(images, numbers, strict=True):
        np.testing.assert_array_equal(pixels(image), image_of(number))
        assert image["title"] == data.examples.names[number]
        assert int(image["width"]) % 6 == 0 and int(image["height"]) == int(image["width"]) // 6 * 8  # whole pixels


def test_a_choice_of_rows_takes_both_ends_of_the_class() -> None:
    labels_N = np.array([2, 0, 0, 2, 0, 0, 2, 0, 2, 0, 0])
    zeros, ones, twos = rows_of_classes(labels_N, [0, 1, 2], most=3)
    assert zeros.tolist() == [1, 5, 10] and ones.tolist() == [] and twos.tolist() == [0, 6, 8]
    assert rows_of_classes(labels_N, [2], most=9)[0].tolist() == [0, 3, 6, 8]


@pytest.mark.parametrize(
    ("num_classes", "shape"), [(1000, (224, 224, 3)), (1000, (32, 32, 3)), (100, (64, 64, 3)), (2, (1024, 1024, 3))]
)
def test_sheets_stay_at_a_few_megabytes(num_classes: int, shape: tuple[int, int, int]) -> None:
    plan = plan_sheets(num_classes, shape)
    small = (shape[0] // plan.shrunk, shape[1] // plan.shrunk, 3)
    noise = np.random.default_rng(0).integers(0, 256, size=(small[0] // 4, small[1] // 4, 3), dtype=np.uint8)
    picture = Image.fromarray(noise).resize((small[1], small[0]), Image.Resampling.BICUBIC)
    file = io.BytesIO()
    picture.save(file, "PNG" if max(small) <= 32 else "JPEG")
    assert plan.most >= 8 and len(plan.classes) * plan.most * len(file.getvalue()) < 3_500_000
    assert plan.classes[0] == 0 and plan.classes[-1] == num_classes - 1


def test_a_thousand_classes_stay_readable_and_say_what_is_left_out(tmp_path: Path) -> None:
    images = [np.full((8, 6), i % 251, np.uint8) for i in range(4000)]
    data = checked(images, labels=np.arange(4000) // 4, classes=[f"kind {k}" for k in range(1000)])
    page = report(tmp_path, data)
    assert len(page["sheets"].images) <= 40 * 14 and "40 of 1,000 classes are shown" in page["sheets"].text
    assert len(page["classes"].rows) == 41 and "20 largest and the 20 smallest of 1,000" in page["classes"].text
    assert sum(path.stat().st_size for path in (tmp_path / "report").iterdir()) < 2_000_000
    with Image.open(tmp_path / "report" / "samples.png") as samples:
        assert samples.height < 40 * 80


# What was found


def test_exact_duplicates_are_counted_by_where_they_are(tmp_path: Path) -> None:
    groups = [[0, 3, 30], [6, 16], [8, 18], [1, 6]]  # train; validation; test; train and validation
    page = report(tmp_path, checked(equal=groups))
    assert "4 pictures can be found more than once" in page["equal"].text and "5 copies too many" in page["equal"].text
    assert sorted(page["equal"].rows[1:]) == [
        ["test", "1"],
        ["train", "1"],
        ["train, validation", "1"],
        ["validation", "1"],
    ]
    assert "1 of 4 lies in more than one split." in page["equal"].text
    assert [int(pixels(image)[0, 0]) for image in page["equal"].images] == list(chain(*groups))
    assert page["equal"].groups[1] == "ant/6.pngant, validationbee/16.pngbee, validation"
    assert "| bee/16.png (bee, validation) |" in markdown_of(tmp_path)


def test_many_copies_are_bounded_and_the_rest_is_counted(tmp_path: Path) -> None:
    page = report(tmp_path, checked(equal=[list(range(0, 30, 3)), *([i, i + 3] for i in range(30, 45))]))
    assert len(page["equal"].groups) == 12 and "the first 12 of 16" in page["equal"].text
    assert page["equal"].groups[0].endswith("and 6 more")


def test_conflicts_show_the_picture_under_each_class(tmp_path: Path) -> None:
    page = report(tmp_path, checked(conflicting=[[4, 5], [9, 10, 11]]))
    assert "2 pictures" in page["conflicts"].text and "all 5 copies were left out" in page["conflicts"].text
    assert page["conflicts"].groups[0] == "bee/4.pngbee, left outcow/5.pngcow, left out"
    assert ["equal pictures under several classes", "5"] in page["left-out"].rows


def test_leaks_show_one_of_each_split_and_name_the_decision(tmp_path: Path) -> None:
    published = ["train" if i % 10 < 8 else "test" for i in range(N)]
    page = report(tmp_path, checked(published=published, leaking=[[0, 3, 9, 18]]))
    assert page["leaks"].groups == ["ant/9.pngant, testant/0.pngant, train"]
    assert "split.allow_leakage: true" in page["leaks"].text and "split.test: 0.15" in page["leaks"].text


def test_near_duplicates_apart_come_first_with_the_remedy(tmp_path: Path) -> None:
    together = [NearPair(i, i + 10, 1.5) for i in range(30)]
    page = report(tmp_path, checked(near=[*together, NearPair(0, 6, 3.25), NearPair(8, 11, 4.0)]))
    near = page["near"]
    assert "32 pairs" in near.text and "2 of 32 lie in more than one split." in near.text
    assert "split.group_near_duplicates: true" in near.text and "the first 24 of 32" in near.text
    assert len(near.groups) == 24
    assert near.groups[0] == "ant/0.pngant, trainant/6.pngant, validationdifference 3.2 grey levels"
    assert near.groups[1].startswith("cow/8.pngcow, test") and near.groups[2].startswith("ant/0.pngant, trainbee/10")
    assert [int(pixels(image)[0, 0]) for image in near.images[:4]] == [0, 6, 8, 11]
    assert "32 pairs, 2 across splits" in page[""].text


def test_near_duplicates_kept_together_need_no_remedy(tmp_path: Path) -> None:
    page = report(tmp_path, checked(near=[NearPair(0, 3, 1.5)]))
    assert "None of them lies in more than one split." in page["near"].text and "group_near" not in page["near"].text


def test_near_duplicates_of_what_is_left_out_are_not_apart(tmp_path: Path) -> None:
    page = report(tmp_path, checked(near=[NearPair(0, 4, 1.5)], conflicting=[[4, 5]]))
    assert "None of them lies in more than one split." in page["near"].text


def test_what_is_left_out_is_counted_and_the_first_hundred_are_named(tmp_path: Path) -> None:
    images = [image_of(i % 200) for i in range(300)]
    data = checked(images, unreadable={i: f"must be a picture {i}" for i in range(0, 260, 2)})
    splits_N = data.splits.copy()
    splits_N[[1, 3]] = ""  # as by split.train_fraction
    page = report(tmp_path, replace(data, splits=splits_N))
    assert "132 of 300 pictures are in none" in page["left-out"].text
    assert page["left-out"].rows[1:3] == [["cannot be read", "130"], ["beyond split.train_fraction", "2"]]
    named = page["left-out"].rows[4:]
    assert len(named) == 100 and named[1] == ["cow/2.png", "cow", "must be a picture 2"]
    assert "the first 100 of 130" in page["left-out"].text


def test_notes_of_the_source_are_passed_on(tmp_path: Path) -> None:
    page = report(tmp_path, checked(notes=["left out 3 files"]))
    assert "left out 3 files" in page["notes"].text and "left out 3 files" in markdown_of(tmp_path)


# Sizes and brightness


def test_sizes_are_counted_and_the_unusual_named(tmp_path: Path) -> None:
    images = [np.full((20, 10), 9 + i, np.uint8) for i in range(50)] + [np.full((20, 12), 9, np.uint8)] * 8
    images += [np.full((9, 5), 9, np.uint8), np.full((40, 21), 9, np.uint8)]  # under a quarter, over four times
    page = report(tmp_path, checked(images))
    rows = page["sizes"].rows
    assert rows[1][:2] == ["20 × 10", "50"] and rows[2][:2] == ["20 × 12", "8"]
    assert rows[-2:] == [["bee/58.png", "bee", "9 × 5"], ["cow/59.png", "cow", "40 × 21"]]
    text = page["sizes"].text
    assert "the smallest 9 × 5, the largest 40 × 21" in text and "1 of 60 had a side shorter" in text
    assert "2 of unusual size" in text and "4 sizes, 2 pictures unusual" in page[""].text


def test_many_sizes_get_a_histogram(tmp_path: Path) -> None:
    images = [np.full((20 + i, 10 + i), 9, np.uint8) for i in range(60)]
    rows = report(tmp_path, checked(images))["sizes"].rows
    shorter, edges = np.arange(60) + 10, [8, 16, 32, 64, 128]
    counts = np.histogram(shorter, bins=edges)[0]
    assert [row[:2] for row in rows if " to " in row[0]] == [
        [f"{low} to {2 * low - 1}", str(count)] for low, count in zip(edges, counts, strict=False)
    ]
    assert "52 other sizes" in [row[0] for row in rows]


def test_dark_light_and_blank_pictures_are_shown(tmp_path: Path) -> None:
    images = [image_of(i) for i in range(N)]
    images[7], images[11] = np.zeros((8, 6), np.uint8), np.full((8, 6), 255, np.uint8)
    images[13] = images[13] // 12  # dark, not blank
    page = report(tmp_path, checked(images))
    text = page["brightness"].text
    assert "Found: 2 very dark, 1 very light, 2 without contrast." in text
    assert page["brightness"].groups[0] == "bee/7.pngbee, validation, mean 0"
    assert page["brightness"].groups[1].startswith("bee/13.png")
    assert page["brightness"].groups[8] == "cow/11.pngcow, train, mean 255"
    assert page["brightness"].groups[-1].endswith("deviation 0.0") and len(page["brightness"].groups) == 8 + 8 + 2
    means = np.array([image.mean() for image in images])
    low, high = np.quantile(means, [0.25, 0.75])
    assert f"between {low:.0f} and {high:.0f}" in text
    counts = [int(row[1]) for row in page["brightness"].rows[1:]]
    assert len(counts) == 8 and sum(counts) == N and counts[0] == 2 and counts[7] == 1


def test_unreadable_pictures_are_not_taken_for_dark_ones(tmp_path: Path) -> None:
    images = [image_of(i) for i in range(N)]
    images[7] = np.zeros((8, 6), np.uint8)
    page = report(tmp_path, checked(images, unreadable={7: "must be a picture"}))
    assert "Found: none of these." in page["brightness"].text and "bee/7.png" not in page["brightness"].text
    assert "all 8 × 6" in page[""].text


@pytest.mark.parametrize(("fit", "told"), [("stretch", "4.00 times"), ("crop", "75.0 %"), ("pad", "75.0 %")])
def test_what_fit_did_is_told_as_it_was_done(fit: Fit, told: str) -> None:
    images = [np.full((8, 6), 255, np.uint8)] * 57 + [np.full((8, 24), 255, np.uint8)] * 3
    data = checked(images, fit=fit)
    line = fit_line(data, (8, 6, 1), fit)
    text = "".join(part if isinstance(part, str) else part.text for part in line)
    assert text.startswith("3 of 60 pictures (5.0 %)") and "ant/57.png (8 × 24)" in text and told in text
    if fit == "pad":
        assert (data.inspected.images[57] == 0).mean() == 0.75
    assert "to within 1 %" in "".join(map(str, fit_line(checked(images[:57]), (8, 6, 1), fit)))


# Without a check


def test_series_get_a_page_of_the_same_make(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    series = random.normal(size=(30, 5, 2)).astype(np.float32)
    targets = random.normal(size=(30, 1)).astype(np.float32)
    examples = SeriesExamples(("a", "b"), ("<b>sum</b>",), targets, series.__getitem__, list(map(str, range(30))))
    (tmp_path / "prepared").mkdir()
    (tmp_path / "report").mkdir()
    splits_N = np.array(["train"] * 20 + ["validation"] * 6 + ["test"] * 4)
    info = write_arrays(tmp_path / "prepared", series_arrays(examples), rows_of_splits(splits_N))
    sections = generated_sections(info, tmp_path / "prepared", tmp_path / "report" / SAMPLES)
    write_dataset_page(tmp_path / "report", "sums", Prepared(info, sections))
    page = Reader((tmp_path / "report" / "report.html").read_text(encoding="utf-8"))
    assert "<b>sum</b>" in page[""].text and "b" not in page.tags
    with Image.open(tmp_path / "report" / "samples.png") as samples:
        np.testing.assert_array_equal(pixels(page["samples"].images[0]), np.asarray(samples))
    assert page["prepared"].rows[1] == ["a", f"{series[:20, :, 0].mean():.4f}", f"{series[:20, :, 0].std():.4f}"]
    assert "| train | 20 |" in markdown_of(tmp_path) and "![examples](samples.png)" in markdown_of(tmp_path)
