"""Reports read back with parsers that we did not write, and names that mean harm."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

HOSTILE = [
    "<script>alert(1)</script>.png",
    '"><img src=x onerror=alert(1)>.png',
    "a|b.png",
    "`tick` ``two`` \\` \\| \\",
    "line\nbreak\r\n\n# heading.png",
    "abc\u202egnp.exe",  # turns the direction of what follows
    "שלום עולם.png",
    "[x](http://evil.example) www.evil.example <http://evil.example>",
    "&lt;b&gt; &amp; {{ 7 * 7 }} $x^2$ *b* _i_ ~~s~~ ![i](u)",
    "\udc80.png",  # a byte that is no UTF-8, as os.fsdecode gives it
    "  two  spaces  ",
    "    indented",
    "- item",
    "1. item",
    "---",
    "x" * 5000,
]


@dataclass
class Part:
    """A section of the page."""

    text: str = ""
    images: list[dict[str, str]] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)


class Reader(HTMLParser):
    """Reads the page as a browser would, and refuses what is not nested properly."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.parts: dict[str, Part] = {"": Part()}
        self._at, self._open = "", list[str]()
        self.feed(html)
        self.close()
        assert self._open == []

    def __getitem__(self, key: str) -> Part:
        return self.parts[key]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        values = {name: value or "" for name, value in attrs}
        self.attributes += values.items()
        if tag == "section":
            self._at = values["id"]
            self.parts[self._at] = Part()
        part = self.parts[self._at]
        if tag == "img":
            part.images.append(values)
        if tag == "tr":
            part.rows.append([])
        if tag in ("td", "th"):
            part.rows[-1].append("")
        if values.get("class") == "group":
            part.groups.append("")
        if tag not in ("img", "meta", "wbr"):
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag == "img"
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag
        if tag == "section":
            self._at = ""

    def handle_data(self, data: str) -> None:
        part = self.parts[self._at]
        part.text += data
        if {"td", "th"} & set(self._open):
            part.rows[-1][-1] += data
        if part.groups and ("figure" in self._open or self._open[-2:] == ["div", "p"]):
            part.groups[-1] += data
