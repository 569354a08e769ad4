"""Examples that a page shows: what they differ in, the mistaken ones, pictures side by side, beginnings of texts."""

import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from saccade.kinds.offers import none, nothing, offered

if TYPE_CHECKING:
    import numpy as np

    from saccade.data.prepared import Split
    from saccade.data.spec import Spec
    from saccade.evaluate.about_data.slices import Property
    from saccade.kinds.origins import Origins


def properties(split: "Split", spec: "Spec", origins: "Origins") -> "list[Property]":
    """What the examples of a split differ in besides their labels, for errors may differ by it.

    Args:
        split: examples of a prepared dataset.
        spec: of the dataset.
        origins: where these examples come from, in the order of the split.

    Returns:
        What the kind knows, such as the size of an image; the length where lengths differ, the group where there are
        groups.
    """
    import numpy as np

    from saccade.evaluate.about_data.slices import Property

    found: list[Property] = list(offered(spec.kind, "properties", none)(split, spec, origins))
    if spec.has_lengths:
        import torch

        from saccade.batching.length_buckets import stored_lengths

        unit = "columns" if spec.layout == "image" else spec.unit or "steps"
        found.append(Property("length", stored_lengths(torch.from_numpy(split.examples)).numpy(), unit))
    if len(origins.groups):
        found.append(Property("group", np.array(origins.groups)))
    return found


def draw_mistakes(
    folder: Path,
    probabilities_NK: "np.ndarray",
    test: "Split",
    spec: "Spec",
    thresholds: Sequence[float] = (),
    names: Sequence[str] = (),
) -> None:
    """Show the examples that a classifier was wrong about, the surest first.

    Args:
        folder: gets mistakes.csv, and mistakes.png where the kind has a way to draw its examples.
        probabilities_NK: float32, the network's answers in the order of the test split.
        test: the test split.
        spec: of the dataset.
        thresholds: probability from which an example has each class, where it may have several; none elsewhere. A kind
            whose ``draw_mistakes`` takes none shows nothing of such.
        names: what each example of the test split is found by, such as its file; none: its row. A kind whose
            ``draw_mistakes`` takes none shows rows.
    """
    draw = offered(spec.kind, "draw_mistakes", nothing)
    taken = inspect.signature(draw).parameters
    named = {"names": names} if len(names) and "names" in taken else {}
    if not thresholds:
        draw(folder, probabilities_NK, test, spec, **named)
    elif "thresholds" in taken:
        draw(folder, probabilities_NK, test, spec, thresholds=thresholds, **named)

    if not (folder / "mistakes.csv").exists():
        from saccade.kinds.mistakes import write_mistakes

        write_mistakes(folder / "mistakes.csv", probabilities_NK, test, spec, thresholds, names)


def draw_examples(
    path: Path, examples: "np.ndarray", captions: Sequence[tuple[str, str, str]], title: str, spec: "Spec"
) -> bool:
    """Draw some examples side by side, where the kind has a way to.

    Args:
        path: the PNG to write.
        examples: as a split holds them, such as uint8 (n, H, W, C).
        captions: three lines above each.
        title: lines above all.
        spec: of the dataset.

    Returns:
        Whether it was drawn.
    """
    draw = offered(spec.kind, "draw_examples", None)
    if draw is not None:
        draw(path, examples, captions, title)
    return draw is not None


def excerpts(examples: "np.ndarray", spec: "Spec") -> list[str]:
    """The beginning of each example as text, for a cell of a table; none of a kind whose examples are no text.

    Args:
        examples: as a split holds them, such as int32 (n, T).
        spec: of the dataset.

    Returns:
        n texts, or none.
    """
    return list(offered(spec.kind, "excerpts", none)(examples, spec))
