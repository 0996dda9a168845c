"""CTC: the sums agree with spelling out every path, the alignment with the ink, the odds with both."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pytest
from numpy.typing import NDArray

from unscrawl import ctc


def frames(T: int, C: int, seed: int = 0, sharp: float = 1.0) -> NDArray[np.float32]:
    z = np.random.default_rng(seed).normal(0, sharp, (T, C))
    return np.asarray(z - np.log(np.exp(z).sum(axis=1, keepdims=True)), np.float32)


def written(text: str, classes: str, doubt: float = 0.0, wide: int = 2) -> NDArray[np.float32]:
    """Frames of a sure network: each character takes `wide` frames, with two blanks behind it."""
    p = np.full(((wide + 2) * len(text), len(classes) + 1), 1e-6)
    p[:, 0] = 1.0
    for i, c in enumerate(text):
        here = slice((wide + 2) * i, (wide + 2) * i + wide)
        p[here, 0] = doubt + 1e-6
        p[here, classes.index(c) + 1] = 1 - doubt
    return np.log(p / p.sum(axis=1, keepdims=True)).astype(np.float32)


def brute(log_p: NDArray[np.float32]) -> dict[tuple[int, ...], float]:
    """P(text) of every text, by going through all paths."""
    total: dict[tuple[int, ...], float] = {}
    for path in itertools.product(range(log_p.shape[1]), repeat=len(log_p)):
        text = tuple(c for c, _ in itertools.groupby(path) if c)
        total[text] = total.get(text, 0.0) + float(np.exp(log_p[range(len(path)), path].sum()))
    return total


@pytest.mark.parametrize("seed", range(3))
def test_likelihood_is_the_sum_over_all_paths(seed: int) -> None:
    log_p = frames(5, 3, seed)
    for text, p in brute(log_p).items():
        assert np.exp(ctc.log_likelihood(log_p, text)) == pytest.approx(p, rel=1e-5)


def test_text_without_room_is_impossible() -> None:
    log_p = frames(3, 3)
    assert ctc.log_likelihood(log_p, [1, 1, 1]) == -np.inf
    assert ctc.align(log_p, [1, 1, 1]) is None


def test_no_frames_read_nothing() -> None:
    log_p = np.zeros((0, 3), np.float32)
    assert ctc.best_path(log_p, "ab") == []
    assert ctc.align(log_p, []) == []
    assert ctc.log_likelihood(log_p, []) == 0.0


@pytest.mark.parametrize("text", [[1], [2, 1], [1, 2, 1], [1, 1], [2, 2, 1]])
def test_odds_are_ratios_of_likelihoods(text: list[int]) -> None:
    log_p = frames(6, 4, seed=5)
    spans = ctc.align(log_p, text)
    assert spans is not None
    chars, odds, gone = ctc.rivals(log_p, text, spans, n=3)
    here = ctc.log_likelihood(log_p, text)
    for i in range(len(text)):
        assert ctc.log_likelihood(log_p, text[:i] + text[i + 1 :]) - here == pytest.approx(gone[i], abs=1e-4)
        for c, odd in zip(chars[i], odds[i], strict=True):
            other = [*text[:i], int(c), *text[i + 1 :]]
            assert ctc.log_likelihood(log_p, other) - here == pytest.approx(odd, abs=1e-4)


def test_the_character_itself_has_even_odds() -> None:
    log_p = frames(8, 5, seed=2)
    chars, odds, _ = ctc.rivals(log_p, [3, 1], [(0, 3), (4, 8)], n=4)
    assert chars[:, 0].tolist() == [3, 1]
    np.testing.assert_allclose(odds[:, 0], 0.0, atol=1e-9)


def test_alignment_is_the_best_path() -> None:
    log_p = frames(5, 3, seed=4)
    best = -np.inf
    for path in itertools.product(range(3), repeat=5):
        if [c for c, _ in itertools.groupby(path) if c] == [1, 2, 1]:
            best = max(best, float(log_p[range(5), path].sum()))
    found = ctc.align(log_p, [1, 2, 1])
    assert found is not None
    path = np.zeros(5, int)
    for c, (start, stop) in zip([1, 2, 1], found, strict=True):
        path[start:stop] = c
    assert float(log_p[range(5), path].sum()) == pytest.approx(best)


def test_alignment_finds_where_characters_are() -> None:
    assert ctc.align(written("abba", "ab"), [1, 2, 2, 1]) == [(0, 2), (4, 6), (8, 10), (12, 14)]


def test_best_path_reads_text_and_frames() -> None:
    spans = ctc.best_path(written("a bb", "ab "), "ab ")
    assert "".join(s.char for s in spans) == "a bb"
    assert [(s.start, s.stop) for s in spans] == [(0, 2), (4, 6), (8, 10), (12, 14)]


def test_best_path_gives_ranked_alternatives() -> None:
    classes = "abcdefghij"
    log_p = frames(12, 11, seed=3, sharp=2)
    for span in ctc.best_path(log_p, classes):
        chars, p = zip(*span.alternatives, strict=True)
        assert len(chars) >= 5
        assert len(set(chars)) == len(chars)
        assert span.char in chars
        assert list(p) == sorted(p, reverse=True)
        assert sum(p) <= 1 + 1e-9
        assert dict(span.alternatives)[span.char] == pytest.approx(np.exp(span.log_p))


def test_a_doubtful_character_is_less_sure() -> None:
    sure, doubtful = (ctc.best_path(written("ab", "ab", d, wide=1), "ab")[0].log_p for d in (0.01, 0.4))
    assert np.exp(sure) > 0.95 > 0.7 > np.exp(doubtful)


def test_squeeze_keeps_one_frame_of_silence() -> None:
    log_p = np.log(np.array([[1, 0], [1, 0], [0.5, 0.5], [1, 0], [1, 0], [1, 0], [0.5, 0.5]]) + 1e-9)
    assert ctc.squeeze(log_p).tolist() == [0, 2, 3, 6]


def test_silence_changes_no_likelihood() -> None:
    log_p = written("ab", "ab")
    kept = ctc.squeeze(log_p)
    assert len(kept) < len(log_p)
    assert ctc.log_likelihood(log_p[kept], [1, 2]) == pytest.approx(
        ctc.log_likelihood(log_p, [1, 2]), abs=1e-2
    )


def test_one_line_takes_milliseconds() -> None:
    classes = "".join(map(chr, range(100, 228)))
    log_p = written(classes[:60], classes, 0.2)
    began = time.process_time()
    ctc.best_path(log_p, classes)
    assert time.process_time() - began < 0.25  # about 0.01 s when nothing else runs


def test_long_texts_are_weighed_in_parts() -> None:
    classes = "abcde"
    log_p = np.log(np.exp(frames(900, 6, seed=1)) * 0.3 + np.exp(written("abcde" * 45, classes)) * 0.7)
    text = [classes.index(c) + 1 for c in "abcde" * 45]
    spans = ctc.align(log_p, text)
    assert spans is not None
    _, odds, gone = ctc.rivals(log_p, text, spans, n=5)
    here = ctc.log_likelihood(log_p, text)
    for i in (0, 127, 128, 224):
        assert ctc.log_likelihood(log_p, text[:i] + text[i + 1 :]) - here == pytest.approx(gone[i], abs=0.01)
    assert odds.shape == (225, 5)
    assert abs(odds[:, 0]).max() < 1e-6


def test_reading_greedily_joins_repeats_and_drops_blanks() -> None:
    frames = np.full((7, 3), -9.0, np.float32)
    for t, c in enumerate((1, 1, 0, 1, 2, 2, 0)):
        frames[t, c] = 0.0
    assert ctc.greedy(frames, "ab") == "aab"
