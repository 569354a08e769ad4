"""What belongs together, read from names: pictures of one patient, lines of one receipt, takes of one speaker.

Shapes: N examples.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

# Words for who or what was measured several times. Longer ones first: the names of files are searched for them.
SUBJECT_WORDS = (
    *("participant", "individual", "customer", "receipt", "patient", "subject", "speaker", "session", "invoice"),
    *("person", "author", "writer", "animal", "plant", "video", "donor", "scene", "slide", "house", "user", "case"),
    *("subj", "page", "part", "site", "pat", "sub", "pid", "document"),
)
_SHORT = ("p", "s")  # p03, s12: by themselves no words; only where a number follows at once
MIN_GROUPS = 8  # below, a split by groups is a matter of luck
LARGEST_SHARE = 0.25  # of all examples in one group


def words_of(name: str) -> set[str]:
    """The words of a header, in small letters: ``Patient_ID`` and ``patientId`` are patient and id.

    >>> sorted(words_of("patientId (new)"))
    ['id', 'new', 'patient']
    """
    return set(re.findall(r"[^\W\d_]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", name).lower()))


def group_column_names(columns: Sequence[str]) -> list[str]:
    """Headers that name subjects, the likeliest first.

    >>> group_column_names(["age", "Patient_ID", "page"])
    ['Patient_ID', 'page']
    """
    found = [(min(map(SUBJECT_WORDS.index, words), default=-1), name) for name in columns
             if (words := words_of(name) & set(SUBJECT_WORDS))]  # fmt: skip
    return [name for _, name in sorted(found, key=lambda pair: pair[0])]


def group_patterns(names: Sequence[str]) -> Iterator[str]:
    """Patterns for ``split.group_by`` that fit all paths, where these hold a subject and its number.

    >>> list(group_patterns(["ok/patient01_1.png", "ok/patient01_2.png", "bad/patient02_1.png"]))
    ['{group}_*']
    >>> list(group_patterns(["ok/subject 1/1.png", "bad/subject 2/2.png"]))
    ['{group}/*']

    Args:
        names: paths of files, parted by slashes.

    Yields:
        Patterns, those of folders first.
    """
    subject = "|".join(SUBJECT_WORDS)
    is_subject = re.compile(rf"(?i)(({subject})[a-z]{{0,2}}[-_ ]?\d+|({'|'.join(_SHORT)})\d+)")
    parts = [name.split("/") for name in names]
    depth = min(map(len, parts))
    for level in range(2, depth + 1):  # folders from the file's own upwards
        if level > 1 and all(is_subject.fullmatch(part[-level]) for part in parts):
            yield "{group}/" + "/".join(["*"] * (level - 1))
    for separator in ("_", "-", ".", " "):
        if all(separator in part[-1] for part in parts) and all(
            is_subject.fullmatch(part[-1].split(separator, 1)[0]) for part in parts
        ):
            yield f"{{group}}{separator}*"


def why_not_grouped(groups: Sequence[str], labels: Sequence[int], classes: Sequence[str]) -> str | None:
    """Why a split by groups would not be safe.

    Args:
        groups: group of each example, N of them.
        labels: class index of each example; empty where there are no classes.
        classes: class names.

    Returns:
        A few words; None: it is safe.
    """
    sizes = Counter(groups)
    if len(sizes) == len(groups):
        return "each has one example"
    if len(sizes) < MIN_GROUPS:
        return f"there are only {len(sizes)}"
    if max(sizes.values()) > LARGEST_SHARE * len(groups):
        return f"{sizes.most_common(1)[0][0]!r} alone has {max(sizes.values()):,} of {len(groups):,} examples"
    if len(labels):
        groups_of: Mapping[int, set[str]] = {}
        for label, group in zip(labels, groups, strict=True):
            groups_of.setdefault(label, set()).add(group)  # type: ignore[attr-defined]
        fewest = min(groups_of, key=lambda label: len(groups_of[label]))
        if len(groups_of[fewest]) < 3:
            return f"class {classes[fewest]!r} comes from {len(groups_of[fewest])} alone, fewer than the three splits"
    return None
