"""The sections of the page of series of one length, as a source generates them."""

from pathlib import Path

from saccade.data.prepared import DatasetInfo, open_split
from saccade.display.class_balance import class_balance
from saccade.display.embedded import embedded_png
from saccade.display.figures import draw_series
from saccade.display.page import Figure, Name, Section, Sheet
from saccade.display.prepared_values import prepared_values

_DRAWN = 6  # series


def generated_sections(info: DatasetInfo, prepared: Path, samples: Path) -> list[Section]:
    """All sections, in their order.

    Args:
        info: of the prepared arrays.
        prepared: their folder.
        samples: where to draw the first examples.

    Returns:
        Sections of a page.
    """
    spec, train = info.spec, open_split(prepared, "train")
    draw_series(train.examples[:_DRAWN], train.labels[:_DRAWN], spec.targets, samples)
    figure = Figure(embedded_png(samples), Name("the first examples, with what is to be predicted"))
    shown = Section("samples", "Examples", blocks=[Sheet((figure.name.text,), [figure])])
    said = (f"{spec.shape[0]:,} steps of {spec.shape[1]} features.",)
    balance = [class_balance(info)] if info.class_counts else []
    return [prepared_values(info, [said], spec.features), *balance, shown]
