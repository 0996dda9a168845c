"""The page with the real reader and real hands."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from conftest import LETTER
from unscrawl import teach
from unscrawl.hand import Hand, Sample
from unscrawl.web import learning
from unscrawl.web.learning import OwnHands
from web_real import client

__all__ = ["client"]


def test_corrected_letter_teaches_a_hand_that_reads_it_again(client: TestClient) -> None:
    page = client.post("/api/pages", files={"picture": LETTER.read_bytes()}).json()
    read = page["text"]
    for i, line in enumerate(page["lines"][:2]):
        right = {"reading": 1, "versions": [0] * len(line["words"]), "text": line["text"]}
        assert client.put(f"/api/pages/{page['id']}/lines/{i}", json=right).status_code == 200
    told = client.post(f"/api/pages/{page['id']}/learn", json={"hand": "andrew"}).json()
    assert told["taught"]["used"] + len(told["taught"]["left_out"]) == 2
    assert told["page"]["reading"] == 2
    assert told["page"]["text"].splitlines()[:2] == read.splitlines()[:2]
    assert client.get("/api/hands").json() == ["andrew"]
    assert client.post("/api/read", files={"picture": LETTER.read_bytes()}).json()["text"] == read
    assert client.post("/api/hands/andrew/undo").status_code == 204
    assert client.get("/api/hands").json() == []


@pytest.mark.parametrize("quarters", [1, 3])
def test_photograph_that_lies_on_its_side_is_kept_upright(client: TestClient, quarters: int) -> None:
    file = io.BytesIO()
    letter = Image.open(LETTER).convert("RGB")
    letter.rotate(90 * quarters, expand=True).save(file, "JPEG", quality=95)
    page = client.post("/api/pages", files={"picture": file.getvalue()}).json()
    assert (page["width"], page["height"]) == letter.size
    assert page["text"].startswith("Dear Edith")
    shown = Image.open(client.get(f"/api/pages/{page['id']}/picture"))
    assert (shown.width > shown.height) == (letter.width > letter.height)
    again = client.post(f"/api/pages/{page['id']}/read", json={"reading": 1}).json()
    assert again["changes"] == []


def test_hand_without_a_proper_name_is_refused(client: TestClient) -> None:
    for name in ("..", "a:b", "con"):
        files = {"picture": LETTER.read_bytes()}
        answer = client.post(f"/api/hands/{name}/teach", files=files, data={"text": "Dear Edith"})
        assert answer.status_code in (404, 405, 422)
        assert list(answer.json()) == ["error"]


def hand(text: str) -> Hand:
    return Hand("andrew", (Sample(np.full((40, 80), 255, np.uint8), text),))


def test_hand_is_taught_thoroughly_on_the_networks_that_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: dict[str, Any] = {}

    def again(name: str, **how: Any) -> teach.Report:
        asked.update(how, name=name)
        how["watch"](0.5)
        return teach.Report(Hand.load(name), 0, 0, (), None, None, None, None, True, 90.0)

    monkeypatch.setenv("UNSCRAWL_HANDS", str(tmp_path))
    monkeypatch.setattr(learning, "again", again)
    hand("Dear Edith").save()
    hands, shares = OwnHands(), list[float]()
    report = hands.thoroughly("andrew", shares.append)
    base = hands.reader(None)
    assert (asked["name"], asked["thorough"]) == ("andrew", True)
    assert (asked["recogniser"], asked["glyphs"]) == (base.line_recogniser, base.recogniser)
    assert (shares, report.used, report.kept) == ([0.5], 1, True)


def test_reader_of_a_hand_follows_what_it_is_taught(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("UNSCRAWL_HANDS", str(tmp_path))
    hands = OwnHands()

    def known() -> str:
        read = hands.reader("andrew").hand
        assert read is not None
        return read.lines[0].text

    hand("Dear Edith").save()
    assert known() == "Dear Edith"
    hand("Dear Andrew").save()
    assert known() == "Dear Andrew"
    Hand.undo("andrew")
    hand("My friend").save()  # has the number of the state that was taken back
    assert known() == "My friend"
