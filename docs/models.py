"""The table of all networks.

    python docs/models.py

writes what stands between the comments of docs/models.md anew; tests/saccade/test_models_page.py compares the two.
"""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from saccade.core import registry
from saccade.core.errors import UserError
from saccade.core.files import replacing_file
from saccade.data.spec import RESERVED, Spec
from saccade.explain.architecture.summary import NetworkSummary, describe

PAGE = Path(__file__).with_suffix(".md")
BEGIN, END = "<!-- table: begin (docs/models.py writes this part) -->", "<!-- table: end -->"
_LARGEST_SIDE = 100


def main() -> None:
    """Write the page."""
    text = page(PAGE.read_text(encoding="utf-8"))
    with replacing_file(PAGE) as partial:
        partial.write_text(text, encoding="utf-8")


def page(text: str) -> str:
    """The page with its table made anew."""
    before, _, rest = text.partition(BEGIN)
    return before + BEGIN + "\n" + "\n".join(table()) + "\n" + END + rest.partition(END)[2]


def table() -> list[str]:
    """A line a network that says what it is usually built for, by its size."""
    found = {name: described(name) for name in registry.names("models") if is_typical(name)}
    lines = ["| model | what it is | built for | parameters | multiply-adds | takes | least side |", "|" + "---|" * 7]
    for name in sorted(found, key=lambda name: found[name].parameters):
        made = found[name]
        number, what = outputs_of(name)
        shape = "x".join(map(str, made.input_shape))
        *kinds, last = registry.constant("models", name, "ACCEPTS")
        accepts = f"{', '.join(kinds)} and {last}" if kinds else last
        heads = f" (and {made.training_only_parameters:,} in training)" if made.training_only_parameters else ""
        lines.append(
            f"| `{name}` | {registry.summary('models', name)} | {shape}, {number:,} {what} "
            f"| {made.parameters:,}{heads} | {made.macs / 1e6:,.1f} M | {accepts} | {least_side(name)} |"
        )
    return lines


def is_typical(name: str) -> bool:
    """Whether the file says what the network is usually built for; one's own need not."""
    try:
        return bool(registry.constant("models", name, "TYPICAL_SHAPE"))
    except LookupError:
        return False


def outputs_of(name: str) -> tuple[int, str]:
    """How many outputs a network usually has, and what they stand for."""
    if reads_lines(name):
        return registry.constant("models", name, "TYPICAL_CHARACTERS"), "characters"
    return registry.constant("models", name, "TYPICAL_CLASSES"), "classes"


def reads_lines(name: str) -> bool:
    """Whether it answers with a text of any length."""
    return "transcript" in registry.constant_or((), "models", name, "OUTPUTS")


def builder(name: str, shape: tuple[int, ...], outputs: int) -> Callable[[], nn.Module]:
    """Builds a network for images, or for lines of print, with its defaults."""
    spec = Spec("image", shape, tuple(f"class {k}" for k in range(outputs)))
    if reads_lines(name):
        vocabulary = (*RESERVED, *(f"token {i}" for i in range(outputs)))
        spec = Spec("image", shape, vocabulary=vocabulary, unit="characters", output="transcript", is_padded=True)
    return lambda: registry.module("models", name).build(spec)


def described(name: str) -> NetworkSummary:
    """A network as it is usually built."""
    height, width, channels = registry.constant("models", name, "TYPICAL_SHAPE")
    number, _ = outputs_of(name)
    return describe(builder(name, (height, width, channels), number), (channels, height, width))


def least_side(name: str) -> int:
    """Of square images, with the defaults."""
    for side in range(1, _LARGEST_SIDE):
        try:
            with torch.device("meta"):
                builder(name, (side, side, 3), 2)()
        except UserError:
            continue
        return side
    raise AssertionError(f"{name} takes no square image below {_LARGEST_SIDE}x{_LARGEST_SIDE}")


if __name__ == "__main__":
    main()
