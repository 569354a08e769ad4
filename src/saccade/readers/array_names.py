"""What an array is by its name: examples or labels, of which split."""

import re
from typing import Literal, NamedTuple

from saccade.data.spec import SPLIT_NAMES

_EXAMPLES, _LABELS = {"x", "images", "image", "data"}, {"y", "labels", "label", "targets", "target"}
_SPLIT_WORDS = SPLIT_NAMES | {"t10k": "test"}


class ArrayPlace(NamedTuple):
    """What a file or a member of a .npz holds; ``split`` is train, validation, test, or None where none is said."""

    what: Literal["examples", "labels"]
    split: str | None


def place_of(name: str) -> ArrayPlace | None:
    """What a name says.

    >>> place_of("d/x_train.npy"), place_of("t10k-labels-idx1-ubyte.gz"), place_of("weights")
    (ArrayPlace(what='examples', split='train'), ArrayPlace(what='labels', split='test'), None)

    Args:
        name: name of a file or of a member of a .npz.

    Returns:
        None where it says nothing that is known.
    """
    last = re.sub(r"(\.npy|\.gz|[.-]idx\d-ubyte)+$", "", name.rpartition("/")[2].lower())
    words = re.findall(r"[a-z]+[0-9]*k?", last)
    splits = {_SPLIT_WORDS[word] for word in words if word in _SPLIT_WORDS}
    others = {word for word in words if word not in _SPLIT_WORDS}
    is_example, is_label = bool(others & _EXAMPLES), bool(others & _LABELS)
    if is_example == is_label or len(splits) > 1 or others - _EXAMPLES - _LABELS:
        return None
    return ArrayPlace("examples" if is_example else "labels", next(iter(splits), None))
