"""What benchmarks write into pages: tables between two comments, means, the machine in a line."""

import os
import platform
import statistics
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path


def put_between(page: Path, name: str, by: str, lines: Sequence[str]) -> None:
    """Replace what stands between the two comments of a part of a page; the rest of it stays.

    Args:
        page: a Markdown file that holds both comments.
        name: of the part.
        by: the benchmark that writes it, such as "benchmarks/races.py".
        lines: the new ones.
    """
    begin, end = f"<!-- {name}: begin ({by} writes this part) -->", f"<!-- {name}: end -->"
    before, found, rest = page.read_text(encoding="utf-8").partition(begin)
    _, found_end, after = rest.partition(end)
    assert found and found_end, f"{page} must hold {begin} and {end}"
    page.write_text(before + begin + "\n" + "\n".join(lines) + "\n" + end + after, encoding="utf-8")


def mean_and_std(values: Sequence[float], form: str) -> str:
    """Such as "0.0012 (0.0003)"."""
    return f"{statistics.mean(values):{form}} ({statistics.stdev(values) if len(values) > 1 else 0:{form}})"


def machine() -> str:
    """In a line."""
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in ("torch", "numpy", "albumentations"))
    return f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, {versions}"
