"""A prepared dataset on disk, as everything after preprocess reads it. ``preparing.py`` writes it.

data/prepared/<dataset>/
    dataset.json                        spec, counts, mean and std, SHA-256 of each array
    {train,validation,test}.npy         images uint8 (N, H, W, C), series float32 (N, T, F), or tokens int32 (N, T),
                                        filled up with 0 at the end
    {train,validation,test}_labels.npy  classes int64 (N,); where an example may have several, uint8 (N, K), 1 where it
                                        has the class; numbers to predict float32 (N, O); or the next tokens
                                        int64 (N, T), 0 where there is none; or the characters of
                                        transcripts int64 (N, L), filled up with 0
    {train,validation,test}_rows.npy    int64 (N,): which example of the source each one is; of a long text, which token
                                        a window begins with
    {train,validation,test}_groups.npy  int64 (N,): which group of ``split.group_by`` each one is of, numbered over all
                                        splits; not there without such, and in datasets of earlier versions
data/augmented/<dataset>/
    augment.json                        how the views were made, their SHA-256
    train.npy                           (V, N, ...), as the prepared one; not there when no views are stored
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from saccade.core.files import read_json
from saccade.data.arrays import open_array
from saccade.data.spec import Spec
from saccade.data.timeline import Timeline

FORMAT = 1
VIEWS_FORMAT = 1  # of augment.json, which stored_views.py writes


@dataclass(frozen=True)
class DatasetInfo:
    """Contents of dataset.json.

    Attributes:
        spec: shape, classes and vocabulary that all examples share.
        counts: number of examples, by split.
        class_counts: number of examples of each class, in the order of ``spec.classes``, by split; empty without
            classes.
        mean: mean of the training split, a number a channel (0..255 scaled to 0..1) or a feature; empty of tokens.
        std: standard deviation of the same, above 0.
        arrays: file name to dtype, shape and SHA-256.
        timeline: when the windows of a forecast lie; None where nothing is forecast.
        target_mean: mean over the training split of each number to predict, where training takes them standardised;
            empty elsewhere.
        target_std: standard deviation of the same, above 0.
    """

    spec: Spec
    counts: dict[str, int]
    class_counts: dict[str, list[int]]
    mean: list[float]
    std: list[float]
    arrays: dict[str, dict[str, Any]]
    timeline: Timeline | None = None
    target_mean: list[float] = field(default_factory=list)
    target_std: list[float] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; statistics of targets are left out where there are none."""
        values = {**vars(self), "spec": self.spec.to_dict()}
        timeline = values.pop("timeline")
        for name in ("target_mean", "target_std"):
            if not values[name]:
                del values[name]
        return values if timeline is None else {**values, "timeline": timeline.to_dict()}

    def digests(self, *splits: str) -> dict[str, str]:
        """SHA-256 of the arrays and labels of the named splits."""
        return {
            name: self.arrays[name]["sha256"] for split in splits for name in (f"{split}.npy", f"{split}_labels.npy")
        }


@dataclass(frozen=True)
class Split:
    """One split, memory-mapped.

    Attributes:
        examples: images uint8 (N, H, W, C), series float32 (N, T, F), or tokens int32 (N, T).
        labels: classes int64 (N,), several an example uint8 (N, K), numbers to predict float32 (N, O), or the next
            tokens int64 (N, T).
        rows: int64 (N,), which example of the source each one is; of a long text, which token a window begins with.
        groups: int64 (N,), number of the group of ``split.group_by`` that each is of; None where there are none.
    """

    examples: np.ndarray
    labels: np.ndarray
    rows: np.ndarray
    groups: np.ndarray | None = None


def read_dataset_info(folder: Path) -> DatasetInfo:
    """Read dataset.json.

    Args:
        folder: such as data/prepared/digits.

    Returns:
        What it says.

    Raises:
        UserError: the dataset is not there yet, damaged, or of a format that this version does not read.
    """
    values = read_json(folder / "dataset.json", format_number=FORMAT, make_with=f"saccade preprocess {folder.name}")
    timeline = Timeline.from_dict(values["timeline"]) if "timeline" in values else None
    return DatasetInfo(**{**values, "spec": Spec.from_dict(values["spec"]), "timeline": timeline})


def open_split(folder: Path, split: str) -> Split:
    """Memory-map one split of a prepared dataset."""
    examples, labels, rows = (open_array(folder / f"{split}{suffix}.npy") for suffix in ("", "_labels", "_rows"))
    groups = folder / f"{split}_groups.npy"
    return Split(examples, labels, rows, open_array(groups) if groups.exists() else None)


def read_evaluate_crop(augmented: Path) -> float:
    """The share of each side of an image that evaluation looks at, in (0, 1], as augment.json says it.

    Args:
        augmented: such as data/augmented/digits.

    Returns:
        1 where nothing else is said.

    Raises:
        UserError: ``saccade augment`` has not run.
    """
    make_with = f"saccade augment {augmented.name}"
    written = read_json(augmented / "augment.json", format_number=VIEWS_FORMAT, make_with=make_with)
    return float(written.get("evaluate_crop", 1.0))
