"""Print that is drawn: which fonts can draw what, and each example a function of its number alone."""

import re
import shutil
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from fontTools.ttLib import TTFont

from saccade.augment.print_defects import DEFECTS, STRENGTHS, single_defect, strength_of
from saccade.core.errors import UserError
from saccade.lettering.alphabet import ALPHABET, characters_of, look_alike_groups
from saccade.lettering.fonts import family_and_width, find_fonts
from saccade.lettering.generate import Printer, checked_sizes
from saccade.lettering.invoices import LINE_CHARACTERS, RULES
from saccade.lettering.tax_numbers import cnpj_check_digits, draw_cnpj, draw_nif, nif_check_digit
from saccade.transforms.albumentations_adapter import augment_image, build

SHIPPED = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
MONO = SHIPPED / "DejaVuSansMono.ttf"


def without(path: Path, characters: str, target: Path) -> None:
    """A copy of a font that lacks characters, under a family of its own."""
    font = TTFont(path)
    for table in font["cmap"].tables:
        for character in characters:
            table.cmap.pop(ord(character), None)
    font.save(target)


def test_matplotlib_has_text_faces_of_four_families_and_says_that_they_are_few() -> None:
    found = find_fonts(None, characters_of(None))
    assert found.families == ["DejaVu Sans", "DejaVu Sans Mono", "DejaVu Serif", "STIXGeneral"]
    assert len(found.faces) == 16 and all(not face.missing for face in found.faces)
    assert "FreeType" in found.notes[0]
    assert "indicative: 4 families are fewer than 10" in found.notes[1]


def test_a_folder_is_read_with_those_in_it_and_what_is_no_font_is_named(tmp_path: Path) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    shutil.copy(MONO, tmp_path / "deep" / "er" / "mono.TTF")
    shutil.copy(MONO, tmp_path / "again.ttf")
    (tmp_path / "broken.otf").write_bytes(b"OTTO but nothing behind it")
    (tmp_path / "readme.txt").write_text("no font", encoding="utf-8")
    found = find_fonts(tmp_path, characters_of("abc"))
    assert [face.path.name for face in found.faces] == ["again.ttf"]
    assert any("broken.otf cannot be read" in note and "left out 1 file" in note for note in found.notes)
    assert any("draw as another does" in note for note in found.notes)


def test_a_missing_glyph_is_left_out_and_counted_and_never_a_box(tmp_path: Path) -> None:
    without(MONO, "bé", tmp_path / "lacking.ttf")
    shutil.copy(SHIPPED / "DejaVuSerif.ttf", tmp_path / "whole.ttf")
    found = find_fonts(tmp_path, characters_of("abé"))
    lacking = {face.path.name: face.missing for face in found.faces}
    assert lacking == {"lacking.ttf": frozenset("bé"), "whole.ttf": frozenset()}
    assert any("1 font lack 2 glyphs, which are left out" in note for note in found.notes)
    printer = Printer(found, (8, 24), 0.0, 0)
    families = {printer.character("b", number).font.family for number in range(12)}
    assert families == {"DejaVu Serif"}
    assert {printer.character("a", number).font.family for number in range(12)} == {"DejaVu Serif", "DejaVu Sans Mono"}


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("Roboto Condensed Light", ("Roboto", "Condensed Light")),
        ("OCRACondensed", ("OCRA", "Condensed")),
        ("Liberation Sans Narrow", ("Liberation Sans", "Narrow")),
        ("Skylight", ("Skylight", "")),
        ("Black", ("Black", "")),
    ],
)
def test_widths_and_weights_are_no_families(name: str, parts: tuple[str, str]) -> None:
    assert family_and_width(name) == parts


def test_fonts_that_cannot_do_it_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"must be a folder with \.ttf"):
        find_fonts(tmp_path / "none", ["a"])
    with pytest.raises(UserError, match="but holds none"):
        find_fonts(tmp_path, ["a"])
    (tmp_path / "broken.ttf").write_bytes(b"nothing")
    with pytest.raises(UserError, match=r"none of 1 file can be read.*broken\.ttf"):
        find_fonts(tmp_path, ["a"])
    without(MONO, "é", tmp_path / "lacking.ttf")
    with pytest.raises(UserError, match="no font has 'é'"):
        find_fonts(tmp_path, ["a", "é"])


@pytest.mark.parametrize(
    ("alphabet", "message"), [("a b", "a picture, but holds ' '"), ("aa", r"alphabet \('aa'\) must hold at least two")]
)
def test_an_alphabet_holds_two_characters_with_a_picture(alphabet: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        characters_of(alphabet)


def test_an_alphabet_is_composed_and_each_character_is_once() -> None:
    assert characters_of("ae\u0301é") == ("a", "é")
    assert len(characters_of(None)) == len(set(ALPHABET)) == len(ALPHABET) == 122


def test_those_that_look_alike_are_of_one_group() -> None:
    assert look_alike_groups(["0", "O", "o", "l", "I", "!"]) == [0, 0, 2, 3, 3, 5]


def test_an_example_depends_on_seed_and_number_alone() -> None:
    found = find_fonts(None, characters_of(LINE_CHARACTERS))
    printer, other = Printer(found, (8, 12), 0.5, 3), Printer(found, (8, 12), 0.5, 4)
    late = printer.line(7)
    early = [printer.line(number) for number in (2, 7)][1]
    assert late.text == early.text and np.array_equal(late.image, early.image)
    assert other.line(7).text != late.text
    first, again = printer.character("a", 5), Printer(found, (8, 12), 0.5, 3).character("a", 5)
    assert np.array_equal(first.image, again.image) and 8 <= first.size <= 12
    assert not np.array_equal(first.image, printer.character("a", 6).image)


def test_characters_stand_where_they_stand_on_a_line() -> None:
    found = find_fonts(None, ["o", "O", ",", "'"])
    printer = Printer(found, (20, 20), 0.0, 0)

    def rows(character: str) -> np.ndarray:
        return np.flatnonzero(printer.character(character, 1).image.min(axis=1) < 200)

    assert printer.character("O", 1).image.shape == (40, 40)
    assert 18 <= len(rows("O")) <= 23 and len(rows("o")) < 18
    assert rows(",").min() > 20 > rows("'").max()


def test_sizes_are_two_in_order() -> None:
    assert checked_sizes([8, 24]) == (8, 24)
    for wrong in ([24, 8], [8], [1, 9]):
        with pytest.raises(UserError, match=re.escape(f"sizes ({wrong})")):
            checked_sizes(wrong)


def test_strengths_have_names_and_bounds() -> None:
    assert [strength_of(name) for name in STRENGTHS] == [0.0, 0.25, 0.5, 0.75, 1.0]
    for wrong in ("medium", 1.5):
        with pytest.raises(UserError, match=str(wrong)):
            strength_of(wrong)


@pytest.mark.parametrize("name", DEFECTS)
def test_a_defect_does_more_the_stronger_it_is(name: str) -> None:
    printer = Printer(find_fonts(None, ["g"]), (16, 16), 0.0, 0)
    clean = [printer.character("g", number).image[..., None] for number in range(6)]
    assert single_defect(name, 0.0, 32, 32) == []
    changes = []
    for strength in (0.25, 1.0):
        compose = build(single_defect(name, strength, 32, 32))
        spoilt = [augment_image(compose, image, seed=0, view=0, index=i) for i, image in enumerate(clean)]
        pairs = zip(spoilt, clean, strict=True)
        changes.append(np.mean([np.abs(one.astype(int) - other).mean() for one, other in pairs]))
    assert 0 < changes[0] < changes[1]


def test_check_digits_are_right() -> None:
    random = np.random.default_rng(1)
    for _ in range(50):
        nif, cnpj = draw_nif(random), re.sub(r"\D", "", draw_cnpj(random))
        assert len(nif) == 9 and int(nif[-1]) == nif_check_digit(nif[:8])
        assert sum(int(digit) * weight for digit, weight in zip(nif, range(9, 0, -1), strict=True)) % 11 in (0, 1)
        assert len(cnpj) == 14 and cnpj[-2:] == cnpj_check_digits(cnpj[:12])
    assert cnpj_check_digits("000000000001") == "91" and nif_check_digit("50082999") == 3  # printed on their own papers


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_says_much_and_only_what_can_be_drawn(rule: str) -> None:
    random = np.random.default_rng(0)
    lines = [RULES[rule](random) for _ in range(300)]
    assert len(set(lines)) > 200
    assert set("".join(lines)) <= set(LINE_CHARACTERS) | {" "}
    assert all(line == line.strip() and "  " not in line for line in lines)
