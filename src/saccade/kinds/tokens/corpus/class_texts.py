"""Texts and their classes, gathered one at a time: what the sources of labelled texts have in common."""

from array import array
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from saccade.kinds.tokens.corpus.packed_texts import Digests, PackedTexts
from saccade.readers.examples import TextExamples

EMPTY = "must not be empty: it holds nothing but white space"


class ClassTexts:
    """Texts, and the name of each one's class; memory grows by a few dozen bytes a text."""

    def __init__(self) -> None:
        self._texts, self._ids, self._labels = PackedTexts(), Digests(), array("q")
        self._label_of: dict[str, int] = {}
        self._unreadable: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self._labels)

    @property
    def class_names(self) -> list[str]:
        """Those that there are, in the order in which they came."""
        return list(self._label_of)

    def add(self, text: str, class_name: str) -> None:
        """Add a text that ``tokens.normalise`` made; white space around it does not count, an empty one is noted."""
        stripped = text.strip()
        self._add(stripped, stripped.encode("utf-8", "surrogatepass"), class_name)
        if not stripped:
            self._unreadable[len(self) - 1] = EMPTY

    def add_unreadable(self, content: bytes, class_name: str, reason: str) -> None:
        """Add what is no text, as an empty one; ``reason`` goes on after its name."""
        self._add("", content, class_name)
        self._unreadable[len(self) - 1] = reason

    def _add(self, text: str, content: bytes, class_name: str) -> None:
        self._texts.append(text)
        self._ids.append(content)
        self._labels.append(self._label_of.setdefault(class_name, len(self._label_of)))

    def examples(
        self,
        name: Callable[[int], str],
        *,
        classes: Sequence[str] | None = None,
        labels: np.ndarray | None = None,
        paths: Sequence[str] = (),
        published_splits: Sequence[str] | None = None,
        groups: Mapping[str, Sequence[str]] | None = None,
        notes: Sequence[str] = (),
    ) -> TextExamples:
        """All of them, with what a source knows besides.

        Args:
            name: as of ``TextExamples``, as are the others.
            classes: the names in the order of the labels; None sorts them.
            labels: label of each text, where the names that were added are not those of classes.
            paths: of the files.
            published_splits: of each text.
            groups: of each text.
            notes: for people.

        Returns:
            The examples.
        """
        names = self.class_names
        ordered = sorted(names) if classes is None else list(classes)
        if labels is None:
            place_of = {class_name: label for label, class_name in enumerate(ordered)}
            label_of_first = np.array([place_of[class_name] for class_name in names], dtype=np.int64)
            labels = label_of_first[np.frombuffer(self._labels, dtype=np.int64)]
        return TextExamples(
            classes=tuple(ordered),
            labels=labels,
            texts=self._texts,
            ids=self._ids,
            name=name,
            paths=paths,
            published_splits=published_splits,
            groups=groups or {},
            notes=notes,
            unreadable=self._unreadable,
        )
