"""What was found about new inputs as the values of a page; ``report/rendering.py`` writes it as HTML."""

import io
from collections.abc import Sequence

import numpy as np

from saccade import kinds
from saccade.data.spec import Spec
from saccade.display.embedded import data_uri
from saccade.display.page import (
    Chart,
    Figure,
    Gallery,
    Group,
    Name,
    Page,
    PageBlock,
    PageImage,
    Section,
    Share,
    Table,
    percent,
)
from saccade.drift.charts import distributions_svg
from saccade.drift.compare import LEVEL, Drift, Shift
from saccade.drift.two_sample import ClassifierTest

_CHARTS = 4
_UNLIKE = 24  # inputs that are shown
_CLASSES = 40
_SIDE = 128  # pixels at which a picture is shown

HINT = (
    "This is a hint and no verdict: inputs may differ and be answered well, or look alike and be answered badly. Only "
    "labels of new inputs tell."
)


def drift_page(run: str, drift: Drift, spec: Spec, *, problems: int, total: int) -> Page:
    """The page.

    Args:
        run: name of the run.
        drift: what was found.
        spec: of its network.
        problems: new inputs that could not be read.
        total: new inputs that there are.

    Returns:
        Its values.
    """
    facts = [("new inputs", f"{total:,}"), ("of them compared", f"{drift.count:,}")]
    facts.append(("told from the test split", f"AUROC {drift.beside_test.auroc:.2f}"))
    if problems:
        facts.append(("could not be read", f"{problems:,}"))
    found = "New inputs look different from" if drift.is_alarm else "No difference was found between new inputs and"
    return Page(
        Name(run),
        (f"{found} the test split, which the network has not learnt from. {HINT}",),
        facts,
        [_classifier(drift), _numbers(drift), *_answers(drift), _unlike(drift, spec), _meaning()],
        what="drift",
    )


def sentences(drift: Drift) -> list[str]:
    """What was found, a line each, for a terminal."""
    test = drift.beside_test
    told = "look different" if drift.is_told_apart else "are not told apart"
    lines = [
        f"{drift.count:,} new inputs beside {drift.count:,} of the test split: {told}, AUROC {test.auroc:.2f} "
        f"({test.low:.2f} to {test.high:.2f}), p {_p(test.p)}; beside training {drift.beside_train.auroc:.2f}"
    ]
    lines += [
        f"  {shift.name}: median {_middle(shift.new)} in place of {_middle(shift.known)}"
        f"{f' {shift.unit}' if shift.unit else ''}, p {_p(shift.p)}"
        for shift in drift.shifts[:5]
        if shift.is_alarm
    ]
    if drift.unsure is not None:
        lines.append(f"  unsure: {percent(drift.unsure[1])} in place of {percent(drift.unsure[0])}")
    return [*lines, "a hint, no verdict: only labels of new inputs tell whether they are answered well"]


def _p(p: float | None) -> str:
    return "not tested" if p is None else "below 0.001" if p < 0.001 else f"{p:.3f}"


def _middle(values: np.ndarray) -> str:
    values = values[np.isfinite(values)]
    return f"{np.median(values):.3g}" if len(values) else "none"


def _classifier(drift: Drift) -> Section:
    def row(name: str, test: ClassifierTest, what: str) -> tuple[str, str, str, str, str]:
        return name, f"{test.auroc:.3f}", f"{test.low:.3f} to {test.high:.3f}", _p(test.p), what

    rows = [
        row("new inputs, test split", drift.beside_test, "what is judged"),
        row("new inputs, training", drift.beside_train, ""),
        row("test split, training", drift.test_beside_train, "what having learnt alone makes"),
    ]
    result = "told apart" if drift.is_told_apart else "not told apart"
    lines = [
        (
            "A logistic regression tries to tell both samples apart by what the network makes of them before its last "
            "layer, and by the numbers below; AUROC on examples that it has not learnt from: 0.5 is chance, 1 is "
            "always. p is the share of random mixtures of both samples that were told apart as well.",
        )
    ]
    head = ["samples", "AUROC", "95 % interval", "p", ""]
    return Section("classifier", "Can they be told apart?", result, not drift.is_told_apart, lines, [Table(head, rows)])


def _numbers(drift: Drift) -> Section:
    rows = [
        (
            Name(shift.name),
            shift.unit,
            _middle(shift.known),
            _middle(shift.new),
            f"{shift.distance:.2f}",
            _p(shift.p),
            "differs" if shift.is_alarm else "",
        )
        for shift in drift.shifts
    ]
    differing = [shift for shift in drift.shifts if shift.is_alarm]
    result = f"{len(differing)} of {len(drift.shifts)} differ" if differing else f"none of {len(drift.shifts)} differs"
    charts: list[PageBlock] = [_chart(shift) for shift in drift.shifts[:_CHARTS]]
    head = ["number", "unit", "median, test split", "median, new", "distance", "p", ""]
    lines = [
        (
            "Each is compared by itself (Kolmogorov and Smirnov: the largest difference of the two distributions); p "
            f"is corrected for their number (Holm), and counts below {LEVEL / 2:g}.",
        )
    ]
    return Section("numbers", "Single numbers", result, not differing, lines, [Table(head, rows), *charts])


def _chart(shift: Shift) -> Chart:
    return Chart(Name(shift.name).escaped, distributions_svg(shift.known, shift.new, shift.unit))


def _answers(drift: Drift) -> list[Section]:
    if not drift.classes:
        return []
    blocks: list[PageBlock] = []
    if drift.unsure is not None:
        names = ("test split", "new inputs")
        rows = [(name, Share(share, share)) for name, share in zip(names, drift.unsure, strict=True)]
        blocks.append(Table(["unsure", "share"], rows))
    by_change = sorted(drift.classes.items(), key=lambda item: -abs(item[1][0] - item[1][1]))[:_CLASSES]
    largest = max(max(shares) for _, shares in by_change) or 1.0
    blocks.append(
        Table(
            ["answer", "test split", "new inputs"],
            [(Name(name), *(Share(share, share / largest) for share in shares)) for name, shares in by_change],
        )
    )
    line = "How often each class is answered. One that comes more often than in the test split is no error by itself."
    return [Section("answers", "What the network answers", lines=[(line,)], blocks=blocks)]


def _unlike(drift: Drift, spec: Spec) -> Section:
    numbers = drift.unlike[:_UNLIKE]
    abouts = [_about(drift, spec, place) for place in range(len(numbers))]
    blocks: list[PageBlock]
    if spec.layout == "image":
        figures = [
            Figure(_shown(drift.new.stored[i]), Name(drift.new.names[i]), (about,))
            for i, about in zip(numbers.tolist(), abouts, strict=True)
        ]
        blocks = [Gallery("the farthest first", [Group([figure]) for figure in figures])]
    else:
        excerpts = kinds.excerpts(drift.new.stored[numbers], spec) or [""] * len(numbers)
        rows = [
            (Name(drift.new.names[i]), Name(excerpt), about)
            for i, excerpt, about in zip(numbers.tolist(), excerpts, abouts, strict=True)
        ]
        has_text = any(excerpts)
        blocks = [
            Table(
                ["input", *(["as the network reads it"] if has_text else []), "answer, and how far"],
                [row if has_text else (row[0], row[2]) for row in rows],
            )
        ]
    line = (
        "Inputs by their distance to the five nearest examples of training, in the features of the network and the "
        "numbers above; beside each the share of the test split that lies nearer."
    )
    return Section("unlike", "Least like training", lines=[(line,)], blocks=blocks)


def _about(drift: Drift, spec: Spec, place: int) -> str:
    outputs_K = drift.new.outputs[int(drift.unlike[place])]
    far = f"farther than {percent(float(drift.farther[place]))} of the test split"
    if not spec.classes:
        return f"{', '.join(f'{value:.4g}' for value in outputs_K[:3])}; {far}"
    best = int(outputs_K.argmax())
    return f"{spec.classes[best]} {outputs_K[best]:.2f}; {far}"


def _shown(image_HWC: np.ndarray) -> PageImage:
    from PIL import Image

    image = Image.fromarray(image_HWC[:, :, 0] if image_HWC.shape[2] == 1 else image_HWC)
    image.thumbnail((_SIDE, _SIDE))
    content = io.BytesIO()
    image.save(content, "PNG", optimize=True)
    zoom = max(1, _SIDE // max(image.size))
    uri = data_uri(content.getvalue(), "png")
    return PageImage(uri, image.width * zoom, image.height * zoom, is_enlarged=zoom > 1)


def _meaning() -> Section:
    lines: Sequence[tuple[str, ...]] = [
        (
            f"Where nothing differs, this says that something does in {LEVEL:.0%} of cases at most: half of that is "
            "the classifier's, half the numbers'. It holds for examples that are independent: pictures of one film or "
            "rows of one patient differ from others more easily.",
        ),
        (
            "A large sample finds differences that do not matter; a small one misses some that do. Look at the inputs "
            "that are least like training, and label some of them.",
        ),
    ]
    return Section("meaning", "What this means", lines=lines)
