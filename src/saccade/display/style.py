"""What all our figures have in common: colours, style, and how they are written.

Each is drawn on a bare ``Figure``, without pyplot's global state, in matplotlib's default style whatever the user's own
settings, and carries no date and no version: the same values give the same bytes. Colours are Okabe and Ito's blue and
orange, which remain apart with every kind of colour blindness (https://jfly.uni-koeln.de/color/).
"""

from pathlib import Path
from typing import Any

from saccade.core.files import replacing_file

BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#6E6E6E"
DOTS_PER_INCH = 120
STYLE = {
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "grid.color": "#E4E4E4",
    "text.parse_math": False,  # a class may be called $5
}


def new_figure(width_inches: float, height_inches: float) -> Any:
    """A bare matplotlib ``Figure``, to be drawn inside ``style()``."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width_inches, height_inches), dpi=DOTS_PER_INCH, layout="constrained")


def style() -> Any:
    """A context in which matplotlib draws as our figures look."""
    import matplotlib.style

    return matplotlib.style.context(["default", STYLE])


def save_figure(figure: Any, path: Path, pad_inches: float = 0.12) -> None:
    """Write a figure as a PNG, without a date and a version."""
    with replacing_file(path) as partial:
        # matplotlib would write its version into the file, hence None; "tight" trims what the layout left over.
        figure.savefig(partial, format="png", bbox_inches="tight", pad_inches=pad_inches, metadata={"Software": None})


def shorten(name: str, most: int) -> str:
    """The name on one line; of a long one, the beginning and the end, where names of one family differ."""
    name = " ".join(name.split())
    if len(name) <= most:
        return name
    tail = (most - 1) // 2
    return f"{name[: most - 1 - tail]}…{name[-tail:]}"
