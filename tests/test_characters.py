"""What the classifier is trained on: fonts, other hands, ink that is no character, aligned characters."""

from __future__ import annotations

import gzip
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from unscrawl.alphabet import ALPHABET
from unscrawl.errors import DataError
from unscrawl.lattice import Hypothesis
from unscrawl.learn.data import aligned
from unscrawl.learn.data.characters import CLASSES, JUNK, SOURCES, load_characters
from unscrawl.learn.sets import Data
from unscrawl.learn.shipped import prior_bias
from unscrawl.learn.strokes import another_hand, beside, thicken
from unscrawl.learn.typefaces import draw, find_fonts, place_on_line
from unscrawl.synth import bundled_fonts

FONT = bundled_fonts()[0]


@pytest.fixture(scope="module")
def fonts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as scripts/fetch_fonts.py leaves it, with the bundled fonts."""
    folder = tmp_path_factory.mktemp("fonts")
    (folder / "hand-printed").mkdir()
    rows = ["family\tkind\tusable"]
    for font in bundled_fonts():
        shutil.copy(font, folder / "hand-printed" / f"{Path(font).stem}.ttf")
        rows.append(f"{Path(font).stem}\thand-printed\tyes")
    rows.append("absent\thand-printed\tyes")
    (folder / "fonts.tsv").write_text("\n".join(rows) + "\n")
    return folder


@pytest.fixture(scope="module")
def small_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every source of the list with a few pictures of its form."""
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    (folder / "mnist").mkdir()
    for part, n in (("train", 40), ("t10k", 10)):
        x = rng.integers(0, 256, (n, 28, 28), np.uint8)
        y = (np.arange(n) % 10).astype(np.uint8)
        head = struct.pack(">IIII", 2051, n, 28, 28)
        (folder / "mnist" / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(head + x.tobytes()))
        head = struct.pack(">II", 2049, n)
        (folder / "mnist" / f"{part}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(head + y.tobytes()))
    (folder / "glyphs").mkdir()
    inks = {d.char: np.pad(d.ink, 4) for d in draw(FONT, "abcABC123*")}
    for source in SOURCES:
        if source.name in ("mnist", "aligned"):
            continue
        x = np.zeros((30, 64, 64), np.uint8)
        labels = np.array([list(inks)[i % len(inks)] for i in range(30)])
        for i, c in enumerate(labels):
            ink = inks[c][:64, :64]
            x[i, : ink.shape[0], : ink.shape[1]] = ink
        groups = np.array([str(i // 3) for i in range(30)])
        np.savez(folder / "glyphs" / f"{source.name}.npz", x=x, label=labels, group=groups)
    return folder


@pytest.fixture(scope="module")
def data(small_data: Path, fonts: Path) -> Data:
    from unscrawl.learn.data import characters

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(characters, "_NO_CHARACTERS", 80)
        patch.setattr(characters, "_PRINTED", 1)
        return load_characters(small_data, fonts)


def test_classes_are_the_alphabet_and_no_character(data: Data) -> None:
    assert data.classes == CLASSES == (*ALPHABET, JUNK)


def test_every_class_has_pictures(data: Data) -> None:
    assert np.bincount(data.train.labels, minlength=len(CLASSES)).min() >= 1


def test_some_of_the_writers_are_held_back(data: Data) -> None:
    assert data.validation is not None
    assert 0 < len(data.validation) < len(data.train)


def test_pictures_are_prepared(data: Data) -> None:
    assert data.train.images.shape[1:] == (28, 28)
    assert (data.train.images.reshape(len(data.train), -1).max(axis=1) > 100).mean() > 0.98


def test_missing_source_is_named(tmp_path: Path, small_data: Path, fonts: Path) -> None:
    shutil.copytree(small_data, tmp_path / "d")
    (tmp_path / "d/glyphs/bp62.npz").unlink()
    with pytest.raises(DataError, match=r"bp62\.npz"):
        load_characters(tmp_path / "d", fonts)


def test_missing_fonts_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="fetch_fonts"):
        find_fonts(tmp_path)


def test_fonts_that_are_not_there_are_left_out(fonts: Path) -> None:
    assert len(find_fonts(fonts)) == len(bundled_fonts())


def test_drawn_characters_stand_on_the_line() -> None:
    mean, _ = place_on_line(draw(FONT))
    place = dict(zip(ALPHABET, mean, strict=True))
    assert place["x"] == pytest.approx([1, 0], abs=0.1)
    assert place["h"][0] > 1.2
    assert place["p"][1] < -0.2
    assert place[","][0] < 0.6 < place["'"][1] + 0.3


def test_another_hand_is_seeded() -> None:
    ink = draw(FONT, "g")[0].ink
    a, b, c = (another_hand(ink, np.random.default_rng(s)) for s in (1, 1, 2))
    assert np.array_equal(a, b)
    assert not np.array_equal(a, c)


def test_strokes_get_thicker_and_thinner() -> None:
    ink = np.pad(draw(FONT, "o")[0].ink, 8)
    areas = [int((thicken(ink, by) > 127).sum()) for by in (-1.0, 0.0, 2.0)]
    assert areas == sorted(areas)
    assert areas[0] > 0


def test_thinning_never_loses_the_stroke() -> None:
    ink = np.pad(draw(FONT, "l")[0].ink, 8)
    assert (thicken(ink, -50.0) > 127).sum() > 20


@pytest.mark.parametrize("drop", [-7, 0, 7])
def test_beside_keeps_both(drop: int) -> None:
    a, b = np.full((20, 10), 200, np.uint8), np.full((16, 12), 100, np.uint8)
    both = beside(a, b, 3, drop)
    assert int((both == 200).sum()) == a.size
    assert int((both == 100).sum()) == b.size


def test_prior_bias_undoes_the_frequencies() -> None:
    labels = np.repeat([0, 1], [900, 100])
    bias = prior_bias(labels, ("7", "x"), balance=0.0)
    assert bias[1] - bias[0] == pytest.approx(np.log(9))


def _hypothesis(start: int, stop: int) -> Hypothesis:
    return Hypothesis(start, stop, 0, 0, np.zeros((2, 2), np.uint8), 1.0, 0.0, -0.1)


def test_alignment_spells_the_text_over_the_best_cut() -> None:
    found = [_hypothesis(0, 1), _hypothesis(0, 2), _hypothesis(1, 2), _hypothesis(2, 3)]
    log_p = np.full((4, len(ALPHABET)), -9.0, np.float32)
    log_p[1, ALPHABET.index("d")] = -0.1  # pieces 0 and 1 together
    log_p[3, ALPHABET.index("o")] = -0.1
    text = [ALPHABET.index("d"), ALPHABET.index("o")]
    assert aligned.align(found, log_p, 3, text) == [1, 3]


def test_alignment_of_a_text_too_long_is_refused() -> None:
    found = [_hypothesis(0, 1)]
    log_p = np.zeros((1, len(ALPHABET)), np.float32)
    assert aligned.align(found, log_p, 1, [0, 0, 0]) is None


def test_unknown_letters_take_any_ink() -> None:
    found = [_hypothesis(0, 1), _hypothesis(1, 2)]
    log_p = np.full((2, len(ALPHABET)), -9.0, np.float32)
    log_p[1, 0] = -0.1
    assert aligned.align(found, log_p, 2, [-1, 0]) == [0, 1]
