"""Simple models to compare a network with, and what a task is given beside the network's answers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from saccade.core.progress import Progress, no_progress
from saccade.kinds.offers import none_of, nothing, offered

if TYPE_CHECKING:
    import numpy as np

    from saccade.data.prepared import DatasetInfo, Split


@dataclass(frozen=True)
class Baseline:
    """A simple model to compare a network with.

    Attributes:
        method: a few words on how it works.
        measure: function from the training, validation and test split to metrics of the test split; it may give
            ``outcomes``, metric name to its value on each test example, and ``outcome_places`` where it looked at some.
        metrics: names of those metrics that are compared with the network's.
        code: files whose text decides the metrics, which are kept as long as these stay the same; none: it is quick.
        name: word that its metrics carry where a kind has several; empty for the first.
        decided_by: digest of what else decides the metrics, such as weights.
        check: function that raises ``UserError`` where something is missing that ``measure`` needs.
    """

    method: str
    measure: "Callable[[Split, Split, Split], dict[str, Any]]"
    metrics: Sequence[str]
    code: Sequence[Path] = ()
    name: str = ""
    decided_by: str = ""
    check: Callable[[], object] = lambda: None


@dataclass(frozen=True)
class FrozenFeatures:
    """What a network that was trained elsewhere makes of examples; a kind may fit a linear model to it.

    Attributes:
        network: name of the network, such as efficientnet_lite0.
        read: function from examples as a split holds them, such as uint8 (N, H, W, C), to float32 (N, D).
        decided_by: digest of its weights and code.
        check: function that raises ``UserError`` where the weights are missing, or examples do not suit the network.
        progress: callback that gets the number of examples done.
    """

    network: str
    read: "Callable[[np.ndarray], np.ndarray]"
    decided_by: str
    check: Callable[[], object]
    progress: Progress = no_progress


def baselines(info: "DatasetInfo", features: FrozenFeatures | None = None) -> list[Baseline]:
    """The simple models for a dataset.

    A kind offers ``baseline(info)`` and ``features_baseline(info, features)``, of which each may answer None.

    Args:
        info: of the prepared dataset.
        features: what a network that was trained elsewhere makes of the examples; None: it is not asked.

    Returns:
        None of them where the kind has none, or the task brings its own.
    """
    kind = info.spec.kind
    found = [offered(kind, "baseline", none_of)(info)]
    if features is not None:
        found.append(offered(kind, "features_baseline", none_of)(info, features))
    return [each for each in found if each is not None]


def beside_answers(info: "DatasetInfo", splits: "Sequence[Split] | None" = None) -> dict[str, Any]:
    """What a task is given beside a network's answers on the test split.

    Args:
        info: of the prepared dataset.
        splits: training, validation and test, from which simple models may learn; None: nothing that takes time.

    Returns:
        Name to value, of those that the task's ``evaluate`` may take by name.
    """
    found: dict[str, Any] = offered(info.spec.kind, "beside_answers", nothing)(info, splits)
    return found
