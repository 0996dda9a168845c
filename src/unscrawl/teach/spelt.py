"""Lines as a reader gives them, in their language: by that is judged whether a hand is read better."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein

from unscrawl.alphabet import LINE
from unscrawl.language import CTC_WEIGHT, Language, choose
from unscrawl.language.ctcbeam import search
from unscrawl.reader import LANGUAGES
from unscrawl.teach.wording import words_of

__all__ = ["Spelt"]

Floats = NDArray[np.float32]
Text = tuple[int, ...]


class Spelt:
    """The language that a writer's lines are in, of those in the package; `texts` are classes of `LINE`."""

    def __init__(self, texts: Sequence[Text]) -> None:
        languages = _languages()
        self._language = languages[choose(languages, [_typed(text) for text in texts])]

    def read(self, log_p: Sequence[Floats], known: Iterable[Text] = ()) -> list[Text]:
        """Return what lines, [T, C] each, say with the words of `known` texts."""
        words = words_of(_typed(text) for text in known)
        model = (self._language.with_words(words) if words else self._language).model
        return [tuple(place + 1 for place in one.text) for one in search(log_p, model, CTC_WEIGHT)]

    def wrong(self, log_p: Sequence[Floats], texts: Sequence[Text], known: Iterable[Text] = ()) -> int:
        """Count the wrong characters of lines, as read with the words of `known` texts."""
        found = self.read(log_p, known)
        return sum(Levenshtein.distance(one, text) for one, text in zip(found, texts, strict=True))


def _typed(text: Text) -> str:
    return "".join(LINE[c - 1] for c in text)


@cache
def _languages() -> dict[str, Language]:
    return {name: Language.load(name) for name in LANGUAGES}
