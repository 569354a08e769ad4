"""Examples of one dataset with the labels of another: classes, or numbers to predict, are matched by name.

So are the tokens of texts, and the characters of lines that are read: an id is translated to that of the same token in
the network's vocabulary.

Shapes: N examples, K classes, L characters of a transcript.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from saccade.core.errors import UserError
from saccade.data.arrays import ArrayFile, open_array
from saccade.data.prepared import Split
from saccade.data.spec import UNKNOWN, Spec

_CHUNK_BYTES = 8 << 20  # what is held in memory at once while gathering
_MAX_NAMES = 20  # in a message


@dataclass(frozen=True)
class MatchedExamples:
    """Examples that a network can be measured on.

    Attributes:
        split: examples whose labels the network knows.
        left_out: number of examples that were left out, by the class that the network does not know.
        absent: classes of the network that no example has.
        unreadable: characters of transcripts that the network's alphabet lacks, with how often each occurs.
    """

    split: Split
    left_out: dict[str, int]
    absent: tuple[str, ...]
    unreadable: Mapping[str, int] = field(default_factory=dict)


def match_examples(splits: Sequence[Split], theirs: Spec, own: Spec, scratch: Path) -> MatchedExamples:
    """Bring splits of a dataset to the labels of a network that was trained on another one.

    Args:
        splits: splits of the dataset, one or several, which are joined.
        theirs: spec of the dataset.
        own: spec of the network.
        scratch: a folder for arrays, which must stay there as long as the result is used. It is used when splits are
            joined or examples left out.

    Returns:
        The examples that are left, and what was left out.

    Raises:
        UserError: the examples are of another kind or size, or none is left.
    """
    _refuse_another_shape(theirs, own)
    left_out: dict[str, int] = {}
    absent: tuple[str, ...] = ()
    if own.multilabel:
        columns = [theirs.classes.index(name) for name in own.classes]
        labels = [split.labels[:, columns] for split in splits]
        kept = [np.arange(len(labels_NK)) for labels_NK in labels]
        counts_K = np.concatenate(labels).sum(axis=0, dtype=np.int64)
        absent = tuple(name for name, count in zip(own.classes, counts_K, strict=True) if not count)
    elif own.classes:
        own_label_K = np.array([own.classes.index(name) if name in own.classes else -1 for name in theirs.classes])
        labels = [own_label_K[split.labels] for split in splits]
        counts_K = np.bincount(np.concatenate([split.labels for split in splits]), minlength=len(theirs.classes))
        pairs = zip(theirs.classes, counts_K, strict=True)
        left_out = {name: int(count) for name, count in pairs if count and name not in own.classes}
        kept = [np.flatnonzero(labels_N >= 0) for labels_N in labels]
        labels = [labels_N[kept_N] for labels_N, kept_N in zip(labels, kept, strict=True)]
        present = {own.classes[label] for label in np.unique(np.concatenate(labels))}
        absent = tuple(name for name in own.classes if name not in present)
    elif own.output != "per_example":
        labels = [_own_ids(theirs, own)[split.labels].astype(np.int64) for split in splits]
        kept = [np.arange(len(labels_N)) for labels_N in labels]
    else:
        columns = [theirs.targets.index(name) for name in own.targets]
        labels = [split.labels[:, columns] for split in splits]
        kept = [np.arange(len(labels_N)) for labels_N in labels]
    if not any(map(len, labels)):
        raise _nothing_left(left_out, own)
    # The examples of texts are ids, too; those of lines are pixels
    own_ids = _own_ids(theirs, own) if own.layout == "tokens" and theirs.vocabulary != own.vocabulary else None
    gathered = _gather(splits, kept, np.concatenate(labels), scratch, own_ids)
    unreadable = _unreadable(splits, theirs, own) if own.output == "transcript" else {}
    return MatchedExamples(gathered, left_out, absent, unreadable)


def join_names(names: Iterable[str]) -> str:
    """Names for people: the first few, and how many more there are."""
    names = list(names)
    more = f" and {len(names) - _MAX_NAMES:,} more" if len(names) > _MAX_NAMES else ""
    return ", ".join(names[:_MAX_NAMES]) + more


def join_counts(counts: Mapping[str, int]) -> str:
    """The first few names for people, each with its count, and how many more there are."""
    return join_names(f"{name} ({count:,})" for name, count in counts.items())


def _refuse_another_shape(theirs: Spec, own: Spec) -> None:
    form, wanted = ("x".join(map(str, spec.shape)) for spec in (theirs, own))
    if theirs.kind != own.kind:
        raise UserError(f"the dataset must hold {own.plural}, which the network takes, but holds {theirs.plural}")
    if theirs.output != own.output:
        asked = {
            "per_example": "an answer a text" if own.kind == "tokens" else "an answer an example",
            "per_token": "the next token at each step",
            "transcript": "what stands in each line",
        }
        raise UserError(
            f"the dataset must ask for {asked[own.output]}, as the network's did, but asks for {asked[theirs.output]}"
        )
    if bool(theirs.classes) != bool(own.classes):
        labels = {True: "classes", False: "numbers to predict"}
        raise UserError(
            f"the dataset must have {labels[bool(own.classes)]}, which the network answers with, but has "
            f"{labels[bool(theirs.classes)]}"
        )
    if theirs.multilabel != own.multilabel:
        wanted, found = ("several classes or none" if spec.multilabel else "one class" for spec in (own, theirs))
        raise UserError(f"the dataset must have {wanted} an example, as the network's did, but has {found}")
    if own.multilabel and (missing := [name for name in own.classes if name not in theirs.classes]):
        raise UserError(
            f"the dataset must say of each class that the network knows which examples have it, but says nothing of "
            f"{join_names(missing)}"
        )
    if missing := [name for name in own.targets if name not in theirs.targets]:
        raise UserError(
            f"the dataset must have the numbers that the network predicts ({join_names(own.targets)}), but has no "
            f"{join_names(missing)}"
        )
    if own.kind == "tokens":
        if (theirs.unit, theirs.lower_case) != (own.unit, own.lower_case):
            raise UserError(
                f"the dataset must be prepared with unit: {own.unit}, lower_case: {str(own.lower_case).lower()}, as "
                "the network's was: name its source in params.yaml once more, with these"
            )
        return  # of any length; the vocabulary is translated
    if theirs.shape != own.shape:
        is_line = own.output == "transcript"
        form_of = "{{height: {}, max_width: {}, channels: {}}}" if is_line else "{{size: [{}, {}], channels: {}}}"
        remedy = (
            f": name its source in params.yaml once more, with preprocess: {form_of.format(*own.shape)}"
            if own.kind == "image"
            else ""
        )
        raise UserError(f"the dataset must hold {own.plural} of {wanted}, but was prepared with {form}{remedy}")
    if own.kind == "series" and (theirs.features, theirs.step) != (own.features, own.step):
        of_each = (
            f"{', '.join(spec.features)}" + (f", a row every {spec.step}" if spec.step else "")
            for spec in (own, theirs)
        )
        wanted, found = of_each
        raise UserError(f"the dataset must hold the columns that the network takes ({wanted}), but holds {found}")
    if theirs.fit != own.fit:
        raise UserError(
            f"the dataset must be prepared with preprocess.fit: {own.fit}, as the network's was, but was with "
            f"{theirs.fit}"
        )


def _nothing_left(left_out: dict[str, int], own: Spec) -> UserError:
    if not left_out:
        return UserError("the dataset must hold examples, but has none in this split. Take another one.")
    return UserError(
        f"the dataset must hold examples of classes that the network knows ({join_names(own.classes)}), but all of "
        f"these {sum(left_out.values()):,} are of others ({join_counts(left_out)}). Give classes that are the same the "
        "same names."
    )


def _own_ids(theirs: Spec, own: Spec) -> np.ndarray:
    """What a token of the dataset's vocabulary is in the network's: int32, from id to id, UNKNOWN where it has none."""
    own_id = {token: i for i, token in enumerate(own.vocabulary)}
    return np.array([own_id.get(token, UNKNOWN) for token in theirs.vocabulary], dtype=np.int32)


def _unreadable(splits: Sequence[Split], theirs: Spec, own: Spec) -> dict[str, int]:
    """Characters that the network's alphabet lacks, the most frequent first; what the dataset's lacks is one of them.

    Characters that the dataset's own alphabet lacks have lost their names: they are counted under that of UNKNOWN.
    """
    ids = np.concatenate([split.labels.ravel() for split in splits])
    counts_V = np.bincount(ids, minlength=len(theirs.vocabulary))
    lacks = [i for i, own_id in enumerate(_own_ids(theirs, own)) if own_id == UNKNOWN and counts_V[i]]
    return {theirs.vocabulary[i]: int(counts_V[i]) for i in sorted(lacks, key=lambda i: -counts_V[i])}


def _gather(
    splits: Sequence[Split],
    kept: Sequence[np.ndarray],
    labels: np.ndarray,
    scratch: Path,
    own_ids: np.ndarray | None = None,
) -> Split:
    """The kept examples of all splits in one array: as it lies where all of one are kept, else written anew."""
    rows_N = np.concatenate([split.rows[kept_N] for split, kept_N in zip(splits, kept, strict=True)])
    groups = [split.groups[kept_N] for split, kept_N in zip(splits, kept, strict=True) if split.groups is not None]
    groups_N = np.concatenate(groups) if len(groups) == len(splits) else None
    if own_ids is None and len(splits) == 1 and len(labels) == len(splits[0].rows):
        return Split(splits[0].examples, labels, rows_N, groups_N)
    examples = splits[0].examples
    path, done = scratch / "examples.npy", 0
    with ArrayFile(path, examples.dtype, (len(labels), *examples.shape[1:])) as file:
        step = max(1, _CHUNK_BYTES // max(file.row_bytes, 1))
        for split, kept_N in zip(splits, kept, strict=True):
            for start in range(0, len(kept_N), step):
                chunk = split.examples[kept_N[start : start + step]]
                file.write(done, chunk if own_ids is None else own_ids[chunk])
                done += len(chunk)
    return Split(open_array(path), labels, rows_N, groups_N)
