"""Fonts: those that matplotlib ships, or a folder's; which characters each can draw, and which cannot be read.

What a font can draw is asked of its table of characters (cmap), and not of its picture: a missing glyph is drawn as a
box, which looks like a letter to a network. A glyph without ink is missing too.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from saccade.core.errors import UserError
from saccade.core.messages import pluralise, printable

SUFFIXES = (".ttf", ".otf", ".ttc")
FEW_FAMILIES = 10  # with fewer, which fonts fell into the test decides the figure

_MAX_NAMED = 3
_NO_GLYPH = ".notdef"  # what is drawn of a character that a font lacks: a box
_MATPLOTLIB = re.compile(r"(DejaVuSans(?!Display)|DejaVuSansMono|DejaVuSerif(?!Display)|STIXGeneral).*\.ttf")
# Widths and weights of one design, which would leak from training into test as its bold face does
_WIDTHS = re.compile(
    r"([\s-]+(?i:((semi|extra|ultra)[- ]?)?(condensed|cond|narrow|cn|expanded|thin|light|medium|bold|heavy|black))"
    r"|(?<=\w)(Condensed|Narrow|Bold|Light|Black|Italic|Oblique))+$"  # OCRACondensed is OCRA
)


@dataclass(frozen=True)
class Font:
    """One face.

    Attributes:
        path: the file.
        index: number of the face in its file, from 0; above 0 only in a .ttc.
        family: name of the design, without the words for its widths.
        style: name of the style, such as Bold Italic; with the width where it is none of the usual.
        missing: characters asked for that it lacks.
        capital_share: height of its capital H, as a share of the size that it is asked for.
    """

    path: Path
    index: int
    family: str
    style: str
    missing: frozenset[str]
    capital_share: float

    @property
    def name(self) -> str:
        """Family and style."""
        return f"{self.family} {self.style}"


@dataclass(frozen=True)
class Fonts:
    """The faces that were found.

    Attributes:
        faces: faces, sorted by family, style and file; at least one.
        notes: lines for people on what was found, left out and counted.
    """

    faces: Sequence[Font]
    notes: Sequence[str]

    @property
    def families(self) -> list[str]:
        """Names of the families, sorted."""
        return sorted({face.family for face in self.faces})


def find_fonts(folder: str | Path | None, characters: Sequence[str], *, whole: bool = False) -> Fonts:
    """All faces of a folder and of the folders in it, or those text faces that matplotlib ships.

    Faces that draw the same shapes under another name are taken once: in test they would be no unseen fonts.

    Args:
        folder: a folder; None: matplotlib's DejaVu and STIXGeneral. (Its cm fonts have TeX's own codes.)
        characters: characters that are to be drawn.
        whole: whether a face that lacks some of them is left out altogether.

    Returns:
        The faces that can draw any of them.

    Raises:
        UserError: the folder is none, holds no font, or no face can draw any of the characters; or a character is
            missing from all.
    """
    where = Path(folder).expanduser() if folder is not None else _matplotlib_folder()
    if not where.is_dir():
        raise UserError(f"fonts ({str(folder)!r}) must be a folder with {', '.join(SUFFIXES)} files, or null")
    paths = sorted(path for path in where.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    if folder is None:
        paths = [path for path in paths if _MATPLOTLIB.fullmatch(path.name)]
    if not paths:
        raise UserError(f"fonts ({str(folder)!r}) must hold {', '.join(SUFFIXES)} files, but holds none")
    faces, unreadable = _read_all(paths, characters)
    usable = [face for face in faces if len(face.missing) < len(characters) and not (whole and face.missing)]
    kept, copies = _without_copies(usable, characters)
    if not kept:
        why = f"; {unreadable[0][0].name} {unreadable[0][1]}" if unreadable else ""
        raise UserError(
            f"fonts ({str(where)!r}): none of {pluralise(len(paths), 'file')} can be read and draws "
            f"{'all of ' if whole else ''}{printable(''.join(characters)[:20])}{why}"
        )
    if lost := [character for character in characters if all(character in face.missing for face in kept)]:
        raise UserError(
            f"fonts ({str(where)!r}): no font has {', '.join(map(repr, lost[:_MAX_NAMED]))}. "
            "Take them out of alphabet, or add a font that has them."
        )
    return Fonts(kept, _notes(kept, faces, usable, copies, unreadable, folder))


def family_and_width(name: str) -> tuple[str, str]:
    """The name of a design, and the words behind it that say how wide or heavy it is.

    >>> family_and_width("Open Sans Condensed")
    ('Open Sans', 'Condensed')
    """
    plain = _WIDTHS.sub("", name) or name
    return plain, name[len(plain) :].strip(" -")


def _matplotlib_folder() -> Path:
    import matplotlib

    return Path(matplotlib.get_data_path()) / "fonts" / "ttf"


def _read_all(paths: Sequence[Path], characters: Sequence[str]) -> tuple[list[Font], list[tuple[Path, str]]]:
    """The faces of all files, and the files that cannot be read with the reason."""
    faces: list[Font] = []
    unreadable: list[tuple[Path, str]] = []
    for path in paths:
        try:
            faces += _faces(path, characters)
        except Exception as error:  # noqa: BLE001 - fontTools and FreeType raise whatever a broken table leads them to
            reason = " ".join(str(error).split())[:80] or type(error).__name__
            unreadable.append((path, f"cannot be read: {reason}"))
    return sorted(faces, key=lambda face: (face.family, face.style, str(face.path), face.index)), unreadable


def _faces(path: Path, characters: Sequence[str]) -> Iterator[Font]:
    from PIL import ImageFont

    for index, tables in enumerate(_tables(path)):
        codes = tables.getBestCmap()
        if codes is None:
            raise ValueError("it has no table of Unicode characters")
        size = 256
        face = ImageFont.truetype(path, size, index=index, layout_engine=ImageFont.Layout.BASIC)
        left, top, right, bottom = face.getbbox("H", anchor="ls")
        has_capitals = ord("H") in codes and bottom > top and right > left
        family, style = face.getname()
        plain, width = family_and_width(family or path.stem)
        yield Font(
            path=path,
            index=index,
            family=plain,
            style=" ".join(filter(None, (width, style))) or "Regular",
            missing=frozenset(
                character
                for character in characters
                if codes.get(ord(character), _NO_GLYPH) == _NO_GLYPH or not face.getbbox(character)[2]
            ),
            capital_share=(bottom - top) / size if has_capitals else 0.7,
        )


def _tables(path: Path) -> list[Any]:
    """What fontTools reads of each face of a file."""
    from fontTools.ttLib import TTCollection, TTFont

    return list(TTCollection(path).fonts) if path.suffix.lower() == ".ttc" else [TTFont(path, lazy=True)]


def _without_copies(faces: Sequence[Font], characters: Sequence[str]) -> tuple[list[Font], list[tuple[Font, Font]]]:
    """The faces without those that draw what an earlier one does, and these, each with the one it copies."""
    from PIL import ImageFont

    first: dict[str, Font] = {}
    copies = []
    for face in faces:
        drawn = [character for character in characters if character not in face.missing][:24]
        font = ImageFont.truetype(face.path, 64, index=face.index, layout_engine=ImageFont.Layout.BASIC)
        pictures = [bytes(font.getmask(character)) for character in drawn]
        digest = hashlib.blake2b(b"".join(pictures), digest_size=16).hexdigest()
        if (same := first.setdefault(digest, face)) is not face:
            copies.append((face, same))
    return list(first.values()), copies


def _notes(
    kept: Sequence[Font],
    faces: Sequence[Font],
    usable: Sequence[Font],
    copies: Sequence[tuple[Font, Font]],
    unreadable: Sequence[tuple[Path, str]],
    folder: str | Path | None,
) -> list[str]:
    from PIL import features

    families = {face.family for face in kept}
    source = "matplotlib's" if folder is None else "of the folder"
    notes = [
        f"{pluralise(len(kept), 'font')} of {len(families)} families, {source}, drawn by FreeType "
        f"{features.version('freetype2')}: another version may draw other pixels"
    ]
    if len(families) < FEW_FAMILIES:
        notes.append(
            f"figures are indicative: {len(families)} families are fewer than {FEW_FAMILIES}, and which of them are in "
            "the test decides. Name a folder with more in source.fonts"
        )
    if unreadable:
        named = "; ".join(f"{printable(path.name)} {reason}" for path, reason in unreadable[:_MAX_NAMED])
        more = f"; and {len(unreadable) - _MAX_NAMED:,} more" if len(unreadable) > _MAX_NAMED else ""
        notes.append(f"left out {pluralise(len(unreadable), 'file')}: {named}{more}")
    if useless := [face for face in faces if face not in usable]:
        named = ", ".join(face.name for face in useless[:_MAX_NAMED]) + ", ..." * (len(useless) > _MAX_NAMED)
        notes.append(f"left out {pluralise(len(useless), 'font')} without the characters: {named}")
    if copies:
        named = ", ".join(f"{face.name} ({same.name})" for face, same in copies[:_MAX_NAMED])
        more = ", ..." * (len(copies) > _MAX_NAMED)
        notes.append(f"left out {pluralise(len(copies), 'font')} that draw as another does: {named}{more}")
    lacking = [face for face in kept if face.missing]
    if lacking:
        counts = Counter(character for face in lacking for character in face.missing)
        most = ", ".join(f"{character!a} ({count})" for character, count in counts.most_common(_MAX_NAMED))
        notes.append(
            f"{pluralise(len(lacking), 'font')} lack {pluralise(sum(counts.values()), 'glyph')}, which are left out: "
            f"most often {most}"
        )
    return notes
