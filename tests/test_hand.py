"""Hands on the disk: what goes in comes out, nothing that was kept is lost, damage is told in one line."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from safetensors.numpy import save

from conftest import Ran
from unscrawl import handfile, shelf
from unscrawl.errors import ModelError, OptionError, OutputError
from unscrawl.hand import Character, GlyphHead, Hand, LineHead, Sample


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for hands."""
    monkeypatch.setenv("UNSCRAWL_HANDS", str(tmp_path / "hands"))
    return tmp_path / "hands"


def make(name: str = "andrew", lines: int = 3) -> Hand:
    """A hand with something in every part."""
    rng = np.random.default_rng(0)
    strips = [handfile.coarse(rng.integers(0, 256, (40, 80 + i), np.uint8)) for i in range(lines)]
    pictures = handfile.coarse(rng.integers(0, 256, (2, 28, 28), np.uint8))
    return Hand(
        name,
        tuple(Sample(s, f"ligne n° {i}", f"{i}.png") for i, s in enumerate(strips)),
        tuple(Character(p, c, "x.png") for p, c in zip(pictures, "ab", strict=True)),
        words={"Dyer": 2.0},
        line=LineHead(*(rng.integers(-8, 8, s).astype(np.float32) / 4 for s in ((6, 5), (5,))), base="b1"),
        glyph=GlyphHead(("a", "b"), np.ones((85, 2), np.float32), np.zeros(2, np.float32), "b2"),
        figures={"cer_before": 0.25},
    )


def test_a_saved_hand_comes_back_whole() -> None:
    hand = make()
    hand.save()
    back = Hand.load("andrew")
    assert back == hand
    assert [np.array_equal(a.strip, b.strip) for a, b in zip(back.lines, hand.lines, strict=True)] == [
        True
    ] * 3
    assert np.array_equal(back.characters[1].picture, hand.characters[1].picture)
    assert back.line is not None
    assert hand.line is not None
    assert np.array_equal(back.line.weight, hand.line.weight)


def test_what_a_trunk_is_given_comes_back() -> None:
    given = {"bias": np.array([1.5, -2.25], np.float32), "thin": np.full((4, 2), 0.125, np.float32)}
    hand = make()
    assert hand.line is not None
    replace(hand, line=replace(hand.line, biases=given)).save()
    back = Hand.load("andrew").line
    assert back is not None
    assert back.biases.keys() == given.keys()
    for name, value in given.items():
        np.testing.assert_array_equal(back.biases[name], value)
        assert back.biases[name].dtype == np.float32


def test_a_name_that_is_no_utf_8_is_made_safe_to_keep() -> None:
    strip, picture = np.zeros((40, 80), np.uint8), np.zeros((28, 28), np.uint8)
    line, character = Sample(strip, "a", "bad\udcff.png"), Character(picture, "\udcfe", "bad\udcff.png")
    Hand("andrew", (line,), (character,)).save()
    back = Hand.load("andrew")
    assert (back.lines, back.characters) == ((line,), (character,))
    assert (line.name, character.label) == ("bad\\udcff.png", "\\udcfe")


def test_names_are_sorted_and_leave_out_what_is_no_hand(place: Path) -> None:
    assert Hand.names() == []
    for name in ("zoë", "andrew"):
        make(name).save()
    (place / "empty").mkdir()
    assert Hand.names() == ["andrew", "zoë"]


def test_undo_brings_back_the_state_before() -> None:
    make(lines=1).save()
    make(lines=2).save()
    before = Hand.undo("andrew")
    assert before is not None
    assert (len(before.lines), before.state) == (1, 1)


def test_undo_of_the_first_teaching_leaves_no_hand() -> None:
    make().save()
    assert Hand.undo("andrew") is None
    assert Hand.names() == []


def test_only_the_last_states_are_kept() -> None:
    for _ in range(shelf.STATES + 3):
        make(lines=1).save()
    assert shelf.states("andrew") == list(range(4, shelf.STATES + 4))


def test_forget_deletes_the_hand_and_no_other(place: Path) -> None:
    make().save()
    make("bert").save()
    Hand.forget("andrew")
    assert Hand.names() == ["bert"]
    assert not (place / "andrew").exists()


@pytest.mark.parametrize("act", [Hand.load, Hand.forget, Hand.undo])
def test_an_unknown_name_is_told_with_those_there_are(act: object) -> None:
    make("bert").save()
    with pytest.raises(OptionError, match=r"no hand is called 'andrew': there are bert"):
        act("andrew")  # type: ignore[operator]


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "a/b", "a\\b", ".hidden", "con", "NUL.txt", "a" * 65, "a\n"]
)
def test_names_that_could_leave_the_folder_are_refused(name: str) -> None:
    with pytest.raises(OptionError, match="cannot be the name of a hand"):
        make(name).save()


def test_export_and_import_under_another_name(tmp_path: Path) -> None:
    file = make().export(tmp_path)
    assert file == tmp_path / "andrew.hand"
    assert Hand.import_(file, "bert").name == "bert"
    assert Hand.load("bert") == replace(make(), name="bert")


def test_export_replaces_a_hand_or_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(make("bert").to_bytes()[:-9])  # damaged, and still a hand's
    (tmp_path / "y").touch()
    for name in "xy":
        assert Hand.from_bytes(make().export(tmp_path / name).read_bytes()) == make()


@pytest.mark.parametrize("data", [b"Dear Edith,", b"\xff" * 100, b"\0" * (5 << 20)])
def test_export_replaces_nothing_but_a_hand(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "letter.txt").write_bytes(data)
    with pytest.raises(OutputError, match=r"letter\.txt is there already and is no hand's file"):
        make().export(tmp_path / "letter.txt")
    assert (tmp_path / "letter.txt").read_bytes() == data


def test_what_a_file_says_cannot_move_the_terminal(unscrawl: Callable[..., Ran]) -> None:
    strip, picture = np.zeros((40, 80), np.uint8), np.zeros((28, 28), np.uint8)
    evil = "\x1b[2J\u202e\n"
    Hand("andrew", (Sample(strip, evil, evil),), (Character(picture, evil),)).save()
    shown = unscrawl("hands", "show", "andrew").out
    assert shown.splitlines()[1:] == [
        f"{what}\t\\x1b[2J\\u202e\\n" for what in ("\\x1b[2J\\u202e\\n", "characters")
    ]


def test_import_over_a_hand_can_be_undone(tmp_path: Path) -> None:
    file = make(lines=2).export(tmp_path)
    make(lines=1).save()
    Hand.import_(file)
    assert len(Hand.load("andrew").lines) == 2
    before = Hand.undo("andrew")
    assert before is not None
    assert len(before.lines) == 1


def test_a_name_inside_an_imported_file_cannot_leave_the_folder(tmp_path: Path) -> None:
    (tmp_path / "x.hand").write_bytes(make("../evil").to_bytes())
    with pytest.raises(OptionError, match="cannot be the name"):
        Hand.import_(tmp_path / "x.hand")


@pytest.mark.parametrize("cut", [0, 7, 100, -1])
def test_a_truncated_file_is_refused_and_the_way_back_named(place: Path, cut: int) -> None:
    make().save()
    make().save()
    file = place / "andrew" / "000002.hand"
    file.write_bytes(file.read_bytes()[:cut])
    with pytest.raises(ModelError, match=r"000002\.hand is not the file of a hand.*--undo"):
        Hand.load("andrew")
    assert Hand.undo("andrew") == make()


def test_one_flipped_bit_is_noticed(place: Path) -> None:
    make().save()
    file = place / "andrew" / "000001.hand"
    data = bytearray(file.read_bytes())
    data[-5] ^= 1
    file.write_bytes(data)
    with pytest.raises(ModelError, match="digest"):
        Hand.load("andrew")


def test_a_file_of_a_newer_form_asks_for_an_update() -> None:
    data = handfile.pack({"name": "andrew"}, {}, form=handfile.FORMAT + 1)
    with pytest.raises(ModelError, match="newer unscrawl"):
        Hand.from_bytes(data)


def deep_hand() -> Hand:
    hand = make()
    assert hand.line is not None
    changes = {"net.norm.bias": np.array([0.5, -0.25], np.float32), "w:first": np.ones((3, 2), np.float32)}
    return replace(hand, line=replace(hand.line, deep=changes))


def test_changes_to_all_of_the_network_come_back() -> None:
    hand = deep_hand()
    back = Hand.from_bytes(hand.to_bytes())
    assert hand.line is not None
    assert back.line is not None
    assert back.line.deep.keys() == hand.line.deep.keys()
    for name, value in hand.line.deep.items():
        np.testing.assert_allclose(back.line.deep[name], value, atol=float(np.abs(value).max()) / 250)


@pytest.mark.parametrize(("hand", "form"), [(make(), 1), (deep_hand(), 2)])
def test_only_what_older_programs_cannot_read_is_of_the_newer_form(hand: Hand, form: int) -> None:
    facts, _ = handfile.unpack(hand.to_bytes())
    assert facts["format"] == form


def test_a_whole_file_that_is_put_together_wrongly_is_refused() -> None:
    data = handfile.pack({"name": "x", "lines": [{"text": "a"}]}, {"strips": np.zeros(3, np.uint8)})
    with pytest.raises(ModelError, match="not put together"):
        Hand.from_bytes(data)


def test_a_file_nested_beyond_reason_is_refused() -> None:
    text = "[" * 100_000
    data = save({"strips": np.zeros(1, np.uint8)}, {"unscrawl hand": text, "sha256": ""})
    with pytest.raises(ModelError, match="not the file of a hand"):
        Hand.from_bytes(data)


def told(**facts: Any) -> bytes:
    """A whole file of a hand that says something else."""
    kept, arrays = handfile.unpack(make().to_bytes())
    return handfile.pack(kept | facts, arrays, form=facts.get("format", 1))


@pytest.mark.parametrize(
    "words",
    [
        {"x" * 65: 1.0},
        {"foo": float("nan")},
        {"foo": float("inf")},
        pytest.param({"foo": 10**400}, id="huge"),
        {"foo": 1e300},
        {"foo": -1.0},
        {"foo": "often"},
        {str(i): 1.0 for i in range(10_001)},
        {f"{i:060}": 1.0 for i in range(2000)},
        ["foo"],
    ],
)
def test_words_that_would_fill_the_memory_or_have_no_count_are_refused(words: Any) -> None:
    with pytest.raises(ModelError, match=r"x\.hand is no hand: [^\n]{10,80}$"):
        Hand.from_bytes(told(words=words), "x.hand")


@pytest.mark.parametrize(
    "value", ["abc", {}, [1], float("nan"), float("-inf"), 1e300, pytest.param(10**400, id="huge")]
)
def test_figures_that_are_no_numbers_are_refused_and_nothing_is_kept(value: Any) -> None:
    with pytest.raises(ModelError, match="no hand: what it tells of its last teaching are no numbers"):
        Hand.import_(told(figures={"cer_before": value}))
    assert Hand.names() == []


def test_figures_that_are_no_mapping_are_refused() -> None:
    with pytest.raises(ModelError, match="its figures are not put together"):
        Hand.from_bytes(told(figures=[["cer_before", 0.5]]))


@pytest.mark.parametrize(
    "facts",
    [{"format": float("inf")}, {"lines": [{"text": "a", "name": "", "bytes": float("inf")}]}],
    ids=["format", "bytes"],
)
def test_an_endless_number_in_the_file_is_damage(facts: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match="damaged"):
        Hand.from_bytes(told(**facts))


def test_half_a_character_in_an_imported_file_is_kept_as_text() -> None:
    Hand.import_(told(words={"a\ud800": 1.0}, line={"base": "\ud800"}))
    assert Hand.load("andrew").words == {"a\\ud800": 1.0}


def test_words_that_could_not_be_read_again_are_not_kept() -> None:
    words = {"x" * 65: 1.0} | {f"{i:06}": 1.0 for i in range(10_001)} | {"Dyer": 2e9}
    kept = Hand.from_bytes(replace(make(), words=words).to_bytes()).words
    assert (len(kept), kept["Dyer"], "000002" in kept, "000001" in kept) == (10_000, 1e6, True, False)


def test_words_with_too_many_letters_in_all_are_not_all_kept() -> None:
    words = {f"{i:050}": 1.0 for i in range(3000)}
    assert [*Hand.from_bytes(replace(make(), words=words).to_bytes()).words] == [*words][-2000:]


def test_a_picture_that_claims_a_vast_size_is_not_decoded() -> None:
    png = bytearray(handfile.to_png(np.zeros((40, 80), np.uint8)))
    png[16:20] = (1 << 24).to_bytes(4, "big")
    with pytest.raises(ModelError, match="picture"):
        handfile.from_png(bytes(png), height=40)


def test_pictures_that_would_fill_the_memory_are_refused_before_any_is_decoded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    strip = np.zeros((40, 100_000), np.uint8)  # a few kilobytes as a file
    data = Hand("andrew", (Sample(strip, "a"),) * 17).to_bytes()
    monkeypatch.setattr(cv2, "imdecode", None)
    with pytest.raises(ModelError, match=r"bomb\.hand is no hand: its pictures are far too large"):
        Hand.from_bytes(data, "bomb.hand")


def test_a_disk_that_is_full_changes_nothing(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    make(lines=1).save()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OutputError, match="No space left on device"):
        make(lines=2).save()
    assert len(Hand.load("andrew").lines) == 1
    assert [p.name for p in (place / "andrew").iterdir()] == ["000001.hand"]


def test_saving_at_the_same_time_loses_no_state() -> None:
    threads = [threading.Thread(target=make(lines=i + 1).save) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kept = [Hand.from_bytes(shelf.read(shelf.path("andrew", s))) for s in shelf.states("andrew")]
    assert sorted(len(hand.lines) for hand in kept) == [1, 2, 3, 4, 5, 6]


def test_a_hand_of_a_hundred_lines_stays_below_a_megabyte() -> None:
    strip = np.zeros((40, 1000), np.uint8)
    strip[10:30, ::9] = 255
    hand = Hand("andrew", tuple(Sample(strip, "x" * 60) for _ in range(100)))
    big = LineHead(np.ones((320, 129), np.float32), np.ones(129, np.float32), "b")
    assert len(replace(hand, line=big).to_bytes()) < 1_000_000


def test_the_text_in_the_file_is_plain_json() -> None:
    facts, _ = handfile.unpack(make().to_bytes())
    assert json.loads(json.dumps(facts))["words"] == {"Dyer": 2.0}


@pytest.mark.parametrize("part", ["biases", "deep"])
def test_changes_that_are_no_numbers_are_damage(part: str) -> None:
    hand = make()
    assert hand.line is not None
    changes = {"net.norm.bias": np.array([np.nan], np.float32)}
    broken = replace(hand, line=replace(hand.line, **{part: changes}))  # type: ignore[arg-type]
    with pytest.raises(ModelError, match="damaged"):
        Hand.from_bytes(broken.to_bytes())


@pytest.mark.parametrize("value", [np.inf, np.nan, 3e38, -2e4])
def test_a_bias_that_no_teaching_comes_to_is_damage(value: float) -> None:
    hand = make()
    assert hand.line is not None
    bias = np.full_like(hand.line.bias, value)
    with pytest.raises(ModelError, match="damaged"):
        Hand.from_bytes(replace(hand, line=replace(hand.line, bias=bias)).to_bytes())


def test_thin_matrices_are_stored_in_steps_of_their_rows_or_columns() -> None:
    rng = np.random.default_rng(0)
    sizes = np.array([1.0, 100.0], np.float32)
    arrays = {
        "a:first": rng.normal(size=(50, 2)).astype(np.float32) * sizes,
        "a:second": rng.normal(size=(2, 50)).astype(np.float32) * sizes[:, None],
        "nothing:first": np.zeros((50, 2), np.float32),
        "kernel": rng.normal(size=(4, 1, 3, 3)).astype(np.float32),
    }
    back = handfile.fine(handfile.in_steps(arrays))
    assert back.keys() == arrays.keys()
    for name, value in arrays.items():
        along = int(np.argmax(value.shape)) if value.ndim == 2 else None
        most = np.abs(value).max(axis=along, keepdims=True)
        assert (np.abs(back[name] - value) <= most / 250).all()
    assert len(handfile.pack({}, handfile.in_steps({"w": np.ones((1000, 8), np.float32)}))) < 8700


def test_steps_of_another_size_are_damage() -> None:
    with pytest.raises(ValueError, match="w"):
        handfile.fine({"w": np.zeros(3, np.int8), "w:step": np.zeros((4, 3), np.float32)})


def test_steps_that_would_fill_the_memory_are_damage() -> None:
    with pytest.raises(ValueError, match="w"):
        handfile.fine({"w": np.zeros((1 << 20, 1), np.int8), "w:step": np.zeros((1, 1 << 20), np.float32)})
