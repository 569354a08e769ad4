"""Fonts of Debian for the benchmarks of print, brought into one folder: none of them is committed.

    apt-get install fonts-liberation fonts-lato fonts-open-sans fonts-ocr-a fonts-ocr-b fonts-courier-prime \\
        fonts-urw-base35 fonts-inconsolata fonts-crosextra-caladea fonts-noto-core fonts-roboto fonts-hack \\
        fonts-firacode fonts-cantarell fonts-ebgaramond fonts-linuxlibertine fonts-anonymous-pro fonts-dosis \\
        fonts-quicksand fonts-vollkorn fonts-oxygen fonts-play fonts-karla fonts-comfortaa fonts-junicode
    python benchmarks/print_fonts.py FOLDER

Left out: designs under another name (TeX Gyre is drawn after URW's, Carlito after Lato, Noto Sans after Open Sans),
bold OCR A, whose outlines overlap and are drawn as blots, inverted OCR B, symbols, chancery hands, the thinnest
weights, and scripts of Noto, which carry the same Latin letters.
"""

import re
import shutil
import sys
from pathlib import Path

_ROOTS = (Path("/usr/share/fonts/truetype"), Path("/usr/share/fonts/opentype"))
_WANTED = re.compile(
    r"(Liberation(Mono|Sans|SansNarrow|Serif)-|Lato-(Regular|Bold|Italic|Black|Light)|OpenSans-|OCRA(Condensed|Italic)?\.|"
    r"OCRB\.|Courier Prime(?! Code)|C059|Nimbus|P052|URWBookman|URWGothic|Inconsolata|Caladea|"
    r"NotoSerif-(Regular|Bold|Italic|BoldItalic)\.|Roboto|Hack-|FiraCode-(Regular|Bold)|"
    r"Cantarell-(Regular|Bold)|EBGaramond\d*-|LinLibertine_R|LinLibertine_RB|LinBiolinum_R|Anonymous|Dosis-(Regular|Bold)|"
    r"Quicksand-(Regular|Bold)|Vollkorn-(Regular|Bold|Italic)|Oxygen|Play-|Karla-(Regular|Bold)|Comfortaa-(Regular|Bold)|"
    r"Junicode(VF)?-|Junicode-(Regular|Bold|Italic))"
)


def main(folder: Path) -> None:
    """Copy the fonts into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [path for root in _ROOTS for path in sorted(root.rglob("*")) if path.suffix in (".ttf", ".otf")]
    wanted = [path for path in paths if _WANTED.match(path.name) and "Thin" not in path.name]
    for path in wanted:
        shutil.copyfile(path, folder / path.name)
    print(f"{len(wanted)} files of {len(paths)} in {folder}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
