"""Section of a dataset page: what the arrays hold, and the mean and deviation that normalise them."""

from collections.abc import Sequence

from saccade.data.prepared import DatasetInfo
from saccade.display.page import Line, Name, Section, Table


def prepared_values(
    info: DatasetInfo,
    lines: Sequence[Line],
    names: Sequence[str],
    *,
    titles: tuple[str, str, str] = ("feature", "mean", "standard deviation"),
) -> Section:
    """Mean and standard deviation of the training split.

    Args:
        info: of the prepared arrays.
        lines: what is said of the arrays before.
        names: name of each channel or feature.
        titles: titles of the table's columns.

    Returns:
        A table.
    """
    rows = [
        (Name(name), f"{mean:.4f}", f"{std:.4f}") for name, mean, std in zip(names, info.mean, info.std, strict=True)
    ]
    said = [*lines, ("Of the training split, which normalises all three:",)]
    return Section("prepared", f"The prepared {info.spec.plural}", lines=said, blocks=[Table(titles, rows)])
