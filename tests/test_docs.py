"""What the pages point to is there: other pages, their headings, pictures, files of the tree."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
_CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s]+)\)")


def text_of(page: Path) -> str:
    """Without code, in which brackets mean something else."""
    return _CODE.sub("", page.read_text(encoding="utf-8"))


def links(page: Path) -> Iterator[tuple[Path, str]]:
    """The file and the heading that each link within the project points to."""
    for link in _LINK.findall(text_of(page)):
        if not link.startswith(("http://", "https://")):
            name, _, heading = link.partition("#")
            yield (page.parent / name if name else page), heading


def headings(page: Path) -> set[str]:
    """As addresses: small letters, spaces as hyphens, without punctuation."""
    lines = re.findall(r"^#+ +(.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", line.lower()).strip().replace(" ", "-") for line in lines}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_what_a_page_points_to_is_there(page: Path) -> None:
    missing = [f"{file.name}#{heading}" for file, heading in links(page) if not file.exists()]
    missing += [
        f"{file.name}#{heading}"
        for file, heading in links(page)
        if heading and file.suffix == ".md" and file.exists() and heading not in headings(file)
    ]
    assert missing == []


def test_no_page_is_left_unwritten() -> None:
    unwritten = [page.name for page in PAGES if re.search(r"^[A-Z]+(_[A-Z]+)+$", page.read_text("utf-8"), re.MULTILINE)]
    assert unwritten == []


def test_the_index_leads_to_every_page() -> None:
    linked = {file.resolve() for file, _ in links(ROOT / "docs" / "README.md")}
    assert sorted(page.name for page in (ROOT / "docs").glob("*.md") if page not in linked) == ["README.md"]
