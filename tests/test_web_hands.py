"""Hands' files through the API, with real hands: taken along and brought back, and nothing else taken in."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from unscrawl import handfile
from unscrawl.hand import Character, GlyphHead, Hand, Sample
from unscrawl.web.learning import OwnHands
from web_real import client

__all__ = ["client"]


def hand(name: str = "zoë") -> Hand:
    """A hand that was taught one line and learnt nothing from it."""
    strip = handfile.coarse(np.random.default_rng(0).integers(0, 256, (40, 80), np.uint8))
    return Hand(name, (Sample(strip, "Dear Edith"),), figures={"cer_before": 0.2, "cer_after": None})


def send(client: TestClient, data: bytes, **fields: str) -> Any:
    return client.post("/api/hands", files={"file": ("zoë.hand", data)}, data=fields)


def test_hand_is_taken_along_and_brought_back(client: TestClient) -> None:
    hand().save()
    file = client.get("/api/hands/zoë/file")
    assert file.headers["content-disposition"].endswith("filename*=UTF-8''zo%C3%AB.hand")
    assert client.delete("/api/hands/zoë").status_code == 204
    answer = send(client, file.content)
    assert (answer.status_code, answer.json()["name"], answer.json()["lines"]) == (201, "zoë", 1)
    assert Hand.load("zoë") == Hand.from_bytes(file.content) == hand()


def test_hand_is_kept_under_another_name(client: TestClient) -> None:
    assert send(client, hand().to_bytes(), name="Zoe B").json()["name"] == "Zoe B"
    assert client.get("/api/hands").json() == ["Zoe B"]


def test_hand_of_that_name_is_never_overwritten(client: TestClient) -> None:
    kept = hand().save()
    answer = send(client, hand().to_bytes())
    assert answer.status_code == 409
    assert answer.json() == {"error": "there is a hand called 'zoë' already: use another name"}
    assert Hand.load("zoë").state == kept.state


def test_what_a_hand_holds_is_told(client: TestClient) -> None:
    hand().save()
    assert client.get("/api/hands/zoë").json() == {
        "name": "zoë",
        "lines": 1,
        "characters": 0,
        "own_alphabet": False,
        "useful": False,
        "before": None,
        "after": None,
    }


def test_damaged_file_is_one_clear_line(client: TestClient) -> None:
    data = bytearray(hand().to_bytes())
    data[-1] ^= 1
    answer = send(client, bytes(data))
    assert answer.status_code == 422
    assert answer.json()["error"] == "zoë.hand is damaged: its contents do not match its digest"
    assert client.get("/api/hands").json() == []


def test_file_with_senseless_figures_is_refused_and_not_kept(client: TestClient) -> None:
    facts, arrays = handfile.unpack(hand().to_bytes())
    answer = send(client, handfile.pack(facts | {"figures": {"cer_before": "abc"}}, arrays))
    assert answer.status_code == 422
    assert answer.json()["error"].startswith("zoë.hand is no hand: what it tells of its last teaching")
    assert client.get("/api/hands").json() == []


@pytest.mark.parametrize("data", [b"", b"Dear Edith,", b"\xff" * 100])
def test_file_that_is_no_hand_is_refused(client: TestClient, data: bytes) -> None:
    answer = send(client, data)
    assert answer.status_code == 422
    assert "zoë.hand is not the file of a hand" in answer.json()["error"]


@pytest.mark.parametrize("name", ["..", "a/b", "con", " "])
def test_name_that_cannot_be_is_refused(client: TestClient, name: str, tmp_path: Path) -> None:
    assert send(client, hand().to_bytes(), name=name).status_code == 422
    assert client.get("/api/hands").json() == []


def test_file_that_is_far_too_large_is_refused(client: TestClient) -> None:
    assert send(client, bytes(5 << 20)).status_code == 413


def test_pictures_that_would_fill_the_memory_are_refused_by_their_headers(client: TestClient) -> None:
    bomb = bytearray(handfile.to_png(np.zeros((40, 100_000), np.uint8)))
    bomb[16:20] = struct.pack(">I", 1 << 22)
    bomb[29:33] = struct.pack(">I", zlib.crc32(bomb[12:29]))
    facts = {"name": "zoë", "own_alphabet": False, "characters": [], "words": {}, "figures": {}}
    lines = [{"text": "a", "name": "", "bytes": len(bomb)}]
    data = handfile.pack(facts | {"lines": lines}, {"strips": np.frombuffer(bytes(bomb), np.uint8)})
    answer = send(client, data)
    assert answer.status_code == 422
    assert answer.json()["error"] == "zoë.hand is no hand: its pictures are far too large"


def test_hand_taught_on_other_networks_is_taught_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("UNSCRAWL_HANDS", str(tmp_path))
    hands = OwnHands()
    classes = hands.reader(None).recogniser.classes
    rng = np.random.default_rng(0)
    shapes = [handfile.coarse(rng.integers(0, 256, (28, 28), np.uint8)) for _ in range(8)]
    characters = tuple(Character(shape, label) for shape, label in zip(shapes, "ababcdcd", strict=True))
    head = GlyphHead(("a", "b"), np.zeros((len(classes), 2), np.float32), np.zeros(2, np.float32), "another")
    Hand("runes", (), characters, own_alphabet=True, glyph=head).save()
    reader = hands.reader("runes")
    assert reader.hand is not None
    assert reader.fits(reader.hand)
    assert set("abcd") <= set(reader.classes)
