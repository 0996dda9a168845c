"""Errors as a reader makes them: the language mends what the ink leaves open, and so do a writer's words."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from unscrawl.alphabet import LINE
from unscrawl.teach.spelt import Spelt
from unscrawl.teach.wording import classes


def frames(text: str, other: str) -> NDArray[np.float32]:
    """Log p of a line in which each character may be that of `text` or, rather, that of `other`."""
    p = np.full((2 * len(text) + 1, len(LINE) + 1), 1e-6)
    p[::2, 0] = 1.0
    for i, (right, wrong) in enumerate(zip(classes(text), classes(other), strict=True)):
        p[2 * i + 1, right] += 0.45
        p[2 * i + 1, wrong] += 0.55
    return np.asarray(np.log(p / p.sum(axis=1, keepdims=True)), np.float32)


def test_the_language_mends_what_the_ink_leaves_open() -> None:
    text = "I have the honour to be your servant"
    other = "I hane the hononr to be yonr senvant"
    assert Spelt([classes(text)]).wrong([frames(text, other)], [classes(text)]) == 0


def test_the_language_is_that_of_the_texts() -> None:
    text = "je vous embrasse de tout mon coeur"
    other = "je vons emhrasse de tont mon coenr"
    assert Spelt([classes(text)]).wrong([frames(text, other)], [classes(text)]) == 0


def test_words_of_the_writer_are_known() -> None:
    text, other = "we met Kvexik at noon", "we met Knexih at noon"
    spelt, log_p = Spelt([classes(text)]), [frames(text, other)]
    known = [classes("Kvexik told me")] * 9
    assert spelt.wrong(log_p, [classes(text)], known) < spelt.wrong(log_p, [classes(text)])


def test_errors_of_all_lines_are_counted() -> None:
    text = "in the year of our Lord"
    spelt = Spelt([classes(text)])
    sure = frames(text, text)
    assert spelt.wrong([sure, sure], [classes(text), classes(text.replace("our", "the"))]) == 3
