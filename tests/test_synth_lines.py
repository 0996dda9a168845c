"""The line synthesiser: what it writes stays within bounds and is the same for the same seed."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from conftest import Ran
from unscrawl import cli
from unscrawl.alphabet import LINE
from unscrawl.errors import DataError, OptionError
from unscrawl.synth import bundled_fonts
from unscrawl.synth.face import Face
from unscrawl.synth.habit import Habit
from unscrawl.synth.lines import LineWriter, contact_sheet
from unscrawl.synth.linetext import LineText, to_line
from unscrawl.synth.pictures import PictureBook
from unscrawl.synth.scrawl import bend, repen_quickly
from unscrawl.synth.written import fold, in_turn

PROSE = "It was a bright, cold day in April; the clocks “struck” thirteen — and Mrs. Dupré’s cat slept. " * 9


@pytest.fixture(scope="module")
def writer() -> LineWriter:
    return LineWriter(bundled_fonts(), [PROSE, "un café crème"], ["de", "la", "été", "œuvre", "chat"])


def test_line_has_the_form_of_a_real_crop(writer: LineWriter) -> None:
    for seed in range(40):
        picture, text = writer.line(np.random.default_rng(seed))
        assert picture.dtype == np.uint8
        assert picture.shape[0] == 64
        assert 12 <= picture.shape[1] <= 1600
        assert 1 <= len(text) <= 100
        assert set(text) <= set(LINE)
        assert text == " ".join(text.split())


def test_writing_is_darker_than_its_paper(writer: LineWriter) -> None:
    for seed in range(40):
        picture, _ = writer.line(np.random.default_rng(seed))
        paper = np.percentile(picture, 75)
        assert paper - np.percentile(picture, 1) > 15


def test_same_seed_same_line_whatever_was_written_before(writer: LineWriter) -> None:
    fresh = LineWriter(bundled_fonts(), [PROSE, "un café crème"], ["de", "la", "été", "œuvre", "chat"])
    picture, text = fresh.line(np.random.default_rng(7))
    writer.line(np.random.default_rng(3))
    again, same = writer.line(np.random.default_rng(7))
    assert text == same
    assert np.array_equal(picture, again)


def test_pickled_writer_writes_the_same(writer: LineWriter) -> None:
    picture, _ = writer.line(np.random.default_rng(5))
    copy = pickle.loads(pickle.dumps(writer))
    assert np.array_equal(picture, copy.line(np.random.default_rng(5))[0])


def test_writer_without_fonts_is_refused() -> None:
    with pytest.raises(OptionError, match="no fonts"):
        LineWriter([], [PROSE])


def test_file_that_is_no_font_is_named(tmp_path: Path) -> None:
    bad = tmp_path / "bad.ttf"
    bad.write_bytes(b"not a font")
    with pytest.raises(DataError, match=r"bad\.ttf"):
        Face(bad)


def test_text_is_brought_to_the_alphabet() -> None:
    assert to_line("“Ça va…”  dit-il – l’été ½ Ğ漢") == '"Ça va..." dit-il — l\'été G'


def test_text_alone_needs_no_material() -> None:
    drawn = [LineText().draw(np.random.default_rng(seed)) for seed in range(30)]
    assert len(set(drawn)) > 20
    assert all(set(line) <= set(LINE) for line in drawn)


def test_words_are_written_by_frequency() -> None:
    source = LineText(words=["le", *(f"mot{chr(97 + i)}" for i in range(20))])
    rng = np.random.default_rng(0)
    words = " ".join(source.draw(rng) for _ in range(300)).lower().replace(".", "").replace(",", "").split()
    assert words.count("le") > 2 * words.count("mott")


def test_what_a_hand_lacks_is_replaced() -> None:
    assert fold("œuvré — né", frozenset("abcdefghijklmnopqrstuvwxyz -")) == "oeuvre - ne"


def test_edges_stand_where_the_ink_begins_and_ends() -> None:
    written = Face(bundled_fonts()[0]).write("ill mm", 26)
    ink = np.flatnonzero(written.ink.max(axis=0) > 100)
    assert len(written.edges) == len(written.text) + 1
    assert abs(ink[0] - written.edges[0]) < 0.4 * written.x_height
    assert abs(ink[-1] - written.edges[-1]) < 0.4 * written.x_height
    gap = written.ink[:, int(written.edges[3]) + 3 : int(written.edges[4]) - 3]
    assert gap.max() < 100


def test_two_write_in_turn_as_one_would() -> None:
    one, other = Face(bundled_fonts()[0]), Face(bundled_fonts()[1])
    alone = one.write("ill mm oo", 26)
    for turn in (range(1), range(1, 2), range(1, 4)):
        both = in_turn(one, one, "ill mm oo", turn, 26, 0.8)
        assert both.edges == pytest.approx(alone.edges, abs=1.5)
        assert np.abs(both.ink[:, :200].astype(int) - alone.ink[:, :200]).mean() < 12
    mixed = in_turn(one, other, "ill mm oo", range(1, 2), 26, 0.8)
    middle = slice(int(mixed.edges[4]), int(mixed.edges[6]))
    theirs = other.write("mm", 26)
    expected = theirs.ink[:, int(theirs.edges[0]) :][:, : middle.stop - middle.start]
    assert np.abs(mixed.ink[:, middle].astype(int) - expected).mean() < 12


def test_plain_habit_keeps_the_font_as_it_is() -> None:
    face = Face(bundled_fonts()[0])
    written = face.write("minimum", 26)
    plain = Habit(written.x_height, face.stroke, 0, 0, 1, 0, 0.8, 0, 0, 0, 0, 0, 1, 1, 0, 0)
    rows = (-written.baseline, written.ink.shape[0] - written.baseline)
    scrawl = bend(written, face, plain, 0.0, rows, np.random.default_rng(0))
    begin = int(written.edges[0]), int(scrawl.words[0][0])
    size = int(written.edges[-1] - written.edges[0])
    before = written.ink[:, begin[0] : begin[0] + size].astype(int)
    after = scrawl.ink[:, begin[1] : begin[1] + size].astype(int)
    assert np.abs(before - after).mean() < 0.05 * 255
    assert np.corrcoef(before.ravel(), after.ravel())[0, 1] > 0.95


def test_wider_pen_gives_more_ink() -> None:
    ink = np.zeros((40, 40), np.uint8)
    ink[10:30, 18:22] = 255
    sums = [int(repen_quickly(ink, grow).sum()) for grow in (-2.0, -1.0, 0.0, 1.5, 4.0)]
    assert sums == sorted(sums)
    assert len(set(sums)) == 5


def test_nib_widens_upright_strokes_only() -> None:
    ink = np.zeros((60, 60), np.uint8)
    ink[10:50, 10:14] = ink[28:32, 20:50] = 255
    wide = repen_quickly(ink, 4.0, nib=1.0)
    assert (wide[20] > 127).sum() == 8
    assert (wide[:, 40] > 127).sum() == 4


def test_neat_hands_and_loose_hands_stay_within_reason() -> None:
    face = Face(bundled_fonts()[0])
    for seed in range(50):
        habit = Habit.random(np.random.default_rng(seed), face)
        assert 0.04 <= habit.pen <= 0.3
        assert 0.62 <= habit.width <= 2.9
        assert -0.36 <= face.slant + habit.lean <= 1.31


@pytest.fixture
def book(tmp_path: Path) -> PictureBook:
    """The printed letters of one person, who knows no capitals but A."""
    known = "abcdefghijklmnopqrstuvwxyzA.,"
    pictures = np.zeros((len(known), 64, 64), np.uint8)
    for picture, char in zip(pictures, known, strict=True):
        drawn = Face(bundled_fonts()[0]).write(char, 36).ink
        ys, xs = np.nonzero(drawn > 64)
        picture[4:60, 4:60] = np.asarray(
            Image.fromarray(drawn[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1]).resize((56, 56))
        )
    np.savez(
        tmp_path / "one.npz", x=pictures, label=np.array(list(known)), group=np.array(["p"] * len(known))
    )
    return PictureBook([tmp_path / "one.npz"])


def test_pictures_stand_on_the_baseline_in_their_true_size(book: PictureBook) -> None:
    hand = book.hand(np.random.default_rng(0))
    assert hand.characters == frozenset("abcdefghijklmnopqrstuvwxyzA., ")
    for text, above, below in (("xo", 1.0, 0.0), ("bd", 1.75, 0.0), ("gp", 1.0, 0.7)):
        written = hand.write(text, 26)
        ys = np.flatnonzero(written.ink.max(axis=1) > 100)
        assert (written.baseline - ys[0]) / 26 == pytest.approx(above, abs=0.1)
        assert (ys[-1] + 1 - written.baseline) / 26 == pytest.approx(below, abs=0.1)
        assert hand.extent(text) == (above, below)


def test_lines_of_pictures_say_only_what_there_are_pictures_of(book: PictureBook) -> None:
    writer = LineWriter(bundled_fonts(), [PROSE], book=book, share=1.0)
    texts = [writer.line(np.random.default_rng(seed))[1] for seed in range(10)]
    assert set("".join(texts)) <= set("abcdefghijklmnopqrstuvwxyzA., ")


@pytest.mark.parametrize(
    "arrays",
    [
        {"x": np.zeros((2, 8, 8), np.uint8), "label": np.array(["a", "b"])},
        {"x": np.zeros((2, 8, 8)), "label": np.array(["a", "b"]), "group": np.array(["p", "p"])},
        {"x": np.zeros((2, 8, 8), np.uint8), "label": np.array(["a", "b"]), "group": np.array(["p", "p"])},
    ],
    ids=["no group", "not bytes", "blank"],
)
def test_unfit_pictures_are_named(tmp_path: Path, arrays: dict[str, NDArray[np.generic]]) -> None:
    np.savez(tmp_path / "bad.npz", allow_pickle=False, **arrays)
    with pytest.raises(DataError, match=r"bad\.npz"):
        PictureBook([tmp_path / "bad.npz"])


def test_contact_sheet_shows_every_line_whole() -> None:
    lines = [np.full((64, width), grey, np.uint8) for width, grey in ((1600, 1), (900, 2), (690, 3), (20, 4))]
    sheet = contact_sheet(lines)
    assert [int((sheet == grey).sum()) for grey in (1, 2, 3, 4)] == [64 * 1600, 64 * 900, 64 * 690, 64 * 20]


@pytest.fixture
def synth(unscrawl: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    """Run `unscrawl synth ARGUMENTS...` in an empty folder."""
    monkeypatch.setitem(cli._HOMES, "synth", "unscrawl.cli.synth")
    return lambda *arguments: unscrawl("synth", *arguments)


def test_command_writes_pictures_beside_their_text(synth: Callable[..., Ran], tmp_path: Path) -> None:
    (tmp_path / "book.txt").write_text(PROSE, encoding="utf-8")
    ran = synth("made", "--lines", 3, "--text", "book.txt", "--sheet")
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    names = [f"000{i}.{kind}" for i in range(3) for kind in ("png", "txt")]
    assert sorted(f.name for f in (tmp_path / "made").iterdir()) == [*names, "sheet.png"]
    with Image.open(tmp_path / "made" / "0000.png") as picture:
        assert (picture.mode, picture.height) == ("L", 64)


def test_command_makes_the_same_lines_from_the_same_seed(synth: Callable[..., Ran], tmp_path: Path) -> None:
    for folder, lines, seed in (("a", 3, 1), ("b", 2, 1), ("c", 2, 2)):
        assert synth(folder, "--lines", lines, "--seed", seed).code == 0
    first, again, other = (((tmp_path / f) / "0001.png").read_bytes() for f in "abc")
    assert first == again
    assert first != other


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--fonts", "none"], "none: not a folder"),
        (["--fonts", "empty"], "empty: no .ttf or .otf"),
        (["--fonts", "broken"], "bad.ttf: not a font"),
        (["--text", "none.txt"], "none.txt: cannot be read"),
        (["--text", "latin.txt"], "latin.txt: not a text in UTF-8"),
        (["--text", "blank.txt"], "blank.txt: nothing in it"),
        (["--lines", "0"], "--lines"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    synth: Callable[..., Ran], tmp_path: Path, options: list[str], said: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "bad.ttf").write_bytes(b"no font")
    (tmp_path / "latin.txt").write_bytes("été".encode("latin-1"))
    (tmp_path / "blank.txt").write_text(" \n", encoding="utf-8")
    ran = synth("made", *options)
    assert ran.code == 2
    assert said in ran.err
    assert ran.err.count("\n") == 1
    assert not (tmp_path / "made").exists()


def test_full_folder_is_left_alone(synth: Callable[..., Ran], tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "0000.png").write_text("mine", encoding="utf-8")
    ran = synth("made")
    assert (ran.code, ran.err) == (2, "unscrawl: made: not an empty folder: choose another\n")
    assert (tmp_path / "made" / "0000.png").read_text(encoding="utf-8") == "mine"
