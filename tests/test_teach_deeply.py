"""Thorough teaching of the whole network: kept, read with, built on, given up where it is worse."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lines_made import line
from unscrawl import Reader
from unscrawl import teach as teaching
from unscrawl.alphabet import LINE
from unscrawl.errors import ModelError
from unscrawl.hand import Hand, Sample
from unscrawl.line_recogniser import SOFTER, LineRecogniser
from unscrawl.strip import prepare
from unscrawl.teach import again, deeply, teach, whole
from unscrawl.teach.whole import Whole

LEAST = deeply.LEAST
TEXTS = ["the age of wisdom", "season of light", "we had nothing", "all going direct"]


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder for hands."""
    monkeypatch.setenv("UNSCRAWL_HANDS", str(tmp_path))


@pytest.fixture(scope="module")
def recogniser() -> LineRecogniser:
    return LineRecogniser(threads=1)


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half as many lines as it takes: twice as quick."""
    monkeypatch.setattr(deeply, "LEAST", len(TEXTS))


def lines(n: int = 4) -> list[Sample]:
    return [Sample(prepare(line(text)).image, text, text) for text in TEXTS[:n]]


def deep_of(hand: Hand) -> Mapping[str, Any]:
    return hand.line.deep if hand.line else {}


@pytest.fixture
def pushed(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Let a hand learn nothing but how probable the blank is."""

    def push(by: float) -> None:
        def learn(
            self: Whole, some: Sequence[Sample], *, steps: int, step: Callable[[], None], **_: Any
        ) -> dict[str, Any]:
            for _step in range(steps):
                step()
            bias = np.zeros(129, np.float32)
            bias[0] = by
            return {"head.bias": bias, "head.weight": np.zeros((256, 129), np.float32)}

        monkeypatch.setattr(Whole, "learn", learn)

    return push


def test_what_was_learnt_is_kept_in_the_hand(
    recogniser: LineRecogniser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deeply, "steps_for", lambda lines: 3)
    monkeypatch.setattr(deeply, "_OFTEN", 0.01)
    shares: list[float] = []
    report = teach("andrew", lines(), recogniser=recogniser, thorough=True, watch=shares.append)
    assert report.kept
    kept = Hand.load("andrew").line
    assert kept is not None
    assert "net.body.0.up.weight:first" in kept.deep
    assert len(Hand.load("andrew").to_bytes()) < 700_000
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_the_reader_reads_with_it(
    recogniser: LineRecogniser, pushed: Callable[[float], None], reader: Reader
) -> None:
    pushed(0.5)
    hand = teach(Hand("andrew"), lines(), recogniser=recogniser, thorough=True).hand
    assert deep_of(hand)
    picture = np.repeat(line("season of light")[:, :, None], 3, axis=2)
    before, after, again = (
        r.read(picture, layout="line") for r in (reader, reader.with_hand(hand), reader.with_hand(None))
    )
    assert after.text == before.text == "season of light"
    assert after.lines[0].confidence != before.lines[0].confidence
    assert again.export() == before.export()


def test_what_reads_worse_is_given_up(recogniser: LineRecogniser, pushed: Callable[[float], None]) -> None:
    pushed(1000.0)
    shares: list[float] = []
    report = teach(Hand("andrew"), lines(), recogniser=recogniser, thorough=True, watch=shares.append)
    assert not deep_of(report.hand)
    assert report.lines_used == 4
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_a_quick_teaching_builds_on_it(recogniser: LineRecogniser, pushed: Callable[[float], None]) -> None:
    pushed(0.5)
    first = teach("andrew", lines(), recogniser=recogniser, thorough=True).hand
    second = teach("andrew", [Sample(prepare(line("before us")).image, "before us")], recogniser=recogniser)
    np.testing.assert_allclose(deep_of(second.hand)["head.bias"], deep_of(first)["head.bias"], rtol=0.02)
    assert len(second.hand.lines) == 5
    assert second.cer_before is None  # the lines held out have been seen


def test_with_other_lines_beside_the_last_layers_build_on_it(
    recogniser: LineRecogniser, pushed: Callable[[float], None]
) -> None:
    pushed(0.5)
    first = teach("andrew", lines(), recogniser=recogniser, thorough=True).hand
    others = [prepare(line("before us")).image]
    second = teach("andrew", lines(1), recogniser=recogniser, thorough=True, others=others)
    np.testing.assert_allclose(deep_of(second.hand)["head.bias"], deep_of(first)["head.bias"], rtol=0.02)


def test_a_network_without_the_way_back_builds_on_it_too(
    recogniser: LineRecogniser, pushed: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    pushed(0.5)
    first = teach("andrew", lines(), recogniser=recogniser, thorough=True).hand
    monkeypatch.setattr(recogniser, "lesson", ())
    second = teach("andrew", lines(1), recogniser=recogniser, thorough=True)
    np.testing.assert_allclose(deep_of(second.hand)["head.bias"], deep_of(first)["head.bias"], rtol=0.02)


def test_another_base_makes_it_shallower_and_says_so(
    recogniser: LineRecogniser, pushed: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    pushed(0.5)
    assert not teach("andrew", lines(), recogniser=recogniser, thorough=True).shallower
    monkeypatch.setitem(recogniser.__dict__, "fingerprint", "another")
    report = again("andrew", recogniser=recogniser, glyphs=None)
    assert report.shallower
    assert not deep_of(report.hand)


def test_lines_that_the_file_has_no_room_for_are_counted(
    recogniser: LineRecogniser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(teaching, "_MOST_BYTES", 4000)
    report = teach(Hand("andrew"), lines(), recogniser=recogniser)
    assert report.dropped > 0
    assert report.dropped + len(report.hand.lines) == 4
    assert report.hand.lines[-1].text == TEXTS[3]


def test_a_hand_that_does_not_fit_is_named(
    recogniser: LineRecogniser, reader: Reader, pushed: Callable[[float], None]
) -> None:
    pushed(0.5)
    hand = teach(Hand("andrew"), lines(), recogniser=recogniser, thorough=True).hand
    assert hand.line is not None
    odd = replace(hand, line=replace(hand.line, deep={"net.nothing": np.zeros(3, np.float32)}))
    for use in (reader.with_hand, lambda h: teach(h, lines(1), recogniser=recogniser)):
        with pytest.raises(ModelError, match="the hand 'andrew' is damaged"):
            use(odd)


def test_another_thorough_teaching_begins_anew(
    recogniser: LineRecogniser, pushed: Callable[[float], None]
) -> None:
    pushed(0.5)
    assert deep_of(teach("andrew", lines(), recogniser=recogniser, thorough=True).hand)
    pushed(1000.0)
    assert not deep_of(teach("andrew", lines(1), recogniser=recogniser, thorough=True).hand)


def products(rank: int, n: int) -> list[dict[str, np.ndarray]]:
    rng = np.random.default_rng(0)
    shapes = {"w:first": (16, rank), "w:second": (rank, 15), "b": (4,)}
    return [{name: rng.normal(size=s).astype(np.float32) for name, s in shapes.items()} for _ in range(n)]


def test_the_mean_of_two_products_is_that_of_both() -> None:
    parts = products(2, 2)
    mean = deeply.blended(parts, 0.5)
    whole = sum(part["w:first"] @ part["w:second"] for part in parts) / 4
    np.testing.assert_allclose(mean["w:first"] @ mean["w:second"], whole, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(mean["b"], (parts[0]["b"] + parts[1]["b"]) / 4, rtol=1e-6)


def test_of_many_products_the_largest_part_is_kept() -> None:
    parts = products(4, 4)
    mean = deeply.blended(parts, 1.0)
    whole = sum(part["w:first"] @ part["w:second"] for part in parts) / 4
    sizes = np.linalg.svd(whole, compute_uv=False)
    assert mean["w:first"].shape[1] == 8
    error = np.linalg.norm(mean["w:first"] @ mean["w:second"] - whole)
    assert error == pytest.approx(np.linalg.norm(sizes[8:]), rel=1e-3)  # Eckart and Young 1936


def said(confidence: float, right: float, n: int = 40) -> tuple[list[list[np.ndarray]], list[list[Sample]]]:
    """Return four lines, fold by fold, of frames so sure of a character, and so often right."""
    wrong, a = LINE.index("b") + 1, LINE.index("a") + 1
    texts = ["a" + " a" * (n - 1)] * 4
    frames = np.full((2 * n - 1, len(LINE) + 1), (1 - confidence) / (len(LINE) - 1), np.float32)
    frames[1::2, LINE.index(" ") + 1] = 10.0
    for i in range(n):
        frames[2 * i, a if i % 10 < 10 * right else wrong] = confidence
    log_p = np.log(frames / frames.sum(axis=1, keepdims=True))
    return [[log_p]] * 4, [[Sample(np.zeros((40, 64), np.uint8), text, "")] for text in texts]


@pytest.mark.parametrize(
    ("confidence", "least", "most"),
    [(0.70, 1.0, 1.15), (0.95, 1.3, 2.0), (0.9999, 2.0, 2.0)],
)
def test_answers_are_made_as_sure_as_they_are_right(confidence: float, least: float, most: float) -> None:
    softer = deeply._softer(*said(confidence, right=0.7))
    assert least - 1e-6 <= softer <= most + 1e-6


def test_a_hand_remembers_how_sure_it_may_be(
    recogniser: LineRecogniser, pushed: Callable[[float], None]
) -> None:
    pushed(0.5)
    teach("andrew", lines(), recogniser=recogniser, thorough=True)
    deep = deep_of(Hand.load("andrew"))
    assert 1 <= deep[SOFTER].item() <= 2
    expected = recogniser.temperature * deep[SOFTER].item()
    assert recogniser.adapted(deep).temperature == pytest.approx(expected)


@pytest.mark.parametrize("reason", ["few lines", "no way back"])
def test_where_it_cannot_be_the_last_layers_learn(
    recogniser: LineRecogniser, monkeypatch: pytest.MonkeyPatch, reason: str
) -> None:
    if reason == "no way back":
        monkeypatch.setattr(recogniser, "lesson", ())
    n = 3 if reason == "few lines" else 4
    report = teach(Hand("andrew"), lines(n), recogniser=recogniser, thorough=True)
    assert report.lines_used == n
    assert report.cer_before is not None
    assert not deep_of(report.hand)


@pytest.mark.parametrize("short", [0, 1])
def test_so_many_lines_it_takes(
    recogniser: LineRecogniser, pushed: Callable[[float], None], monkeypatch: pytest.MonkeyPatch, short: int
) -> None:
    pushed(0.5)
    monkeypatch.setattr(deeply, "LEAST", LEAST)
    some = [
        Sample(prepare(line(t)).image, t, t) for t in (*TEXTS, "before us", "of hope", "to be", "in short")
    ]
    report = teach(Hand("andrew"), some[: LEAST - short], recogniser=recogniser, thorough=True)
    assert bool(deep_of(report.hand)) == (short == 0)


def test_more_lines_are_learnt_from_for_longer() -> None:
    assert whole.steps_for(8) == whole.steps_for(16) == 60
    assert whole.steps_for(64) == 120


def test_whoever_stops_it_does_not_wait_for_its_end(
    recogniser: LineRecogniser, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[int] = []

    def learn(self: Whole, some: Sequence[Sample], *, step: Callable[[], None], **_: Any) -> dict[str, Any]:
        while True:  # for ever, were it not stopped
            steps.append(1)
            time.sleep(0.01)
            step()

    def impatient(share: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Whole, "learn", learn)
    monkeypatch.setattr(deeply, "_OFTEN", 0.01)
    with pytest.raises(KeyboardInterrupt):
        teach(Hand("andrew"), lines(), recogniser=recogniser, thorough=True, watch=impatient)
    assert steps
