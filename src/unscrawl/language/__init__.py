"""Lattice and scores → text: the characters, words and spaces that ink and language make likely.

The language's part (`textmodel`) never brings in characters of its own: at each place only those
that the classifier supports compete (`beam`). The alternatives of a place are a posterior in
context: the classifier's scores plus the model's probability of the whole word, and what follows, with each
substitute.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unscrawl.alphabet import ALPHABET, LINE
from unscrawl.ctc import Span, best_path, greedy
from unscrawl.errors import DataError
from unscrawl.language import ctcbeam
from unscrawl.language.beam import Step, candidates, search
from unscrawl.language.ctcbeam import Found
from unscrawl.language.spans import weigh
from unscrawl.language.textmodel import State, TextModel, read_arrays
from unscrawl.language.trie import Floats

__all__ = ["CTC_WEIGHT", "Choice", "Edge", "Language", "choose", "decode_in_best"]

WEIGHT: Final = 0.7
"""Of the model's log probability against the classifier's; found on synthetic confusions and made pages."""
CTC_WEIGHT: Final = 0.7
"""The same for the frames of a line recogniser; found on held-back lines."""
STRANGE: Final = -6.0
"""Log probability below which no character counts where languages are compared: all have strange words."""
DOUBT: Final = 12.0
"""Nats between two languages, by n-grams alone, up to which lines are read in both."""
GREEDY: Final = 0.5
"""What the n-grams' opinion counts beside how probable those readings are."""
RESCORED: Final = 8
TRUST: Final = 0.02
"""Share of the classifier's own opinion in the alternatives."""
CASE_DOUBT: Final = 0.1
"""Share of a capital's probability that its small twin is given, and the reverse: hands vary in size."""
_TWINS: Final = np.array([(ALPHABET.index(c), ALPHABET.index(c.lower())) for c in "CKOPSUVWXZ"])
BEYOND: Final = 3
"""Characters of the next word that are rescored with a word."""
_MAX_ODDS: Final = 8.0


@dataclass(frozen=True)
class Edge:
    """A character hypothesis: pieces[start:stop] are one character.

    `scores` is float32 [84], log p(character, not junk | ink, geometry) in the order of the alphabet;
    `prior` is the log prior of its boundaries.
    """

    start: int
    stop: int
    scores: NDArray[np.float32]
    prior: float


@dataclass(frozen=True)
class Choice:
    """A character that was read: which edge, what, and what else it may be.

    `alternatives` holds (character, probability) in context, most probable first, at least five, `char`
    among them.
    """

    edge: int
    char: str
    alternatives: tuple[tuple[str, float], ...]


class Language:
    """Decides between hypotheses. Immutable, so it may be shared between threads."""

    def __init__(self, arrays: dict[str, NDArray[np.uint8]]) -> None:
        self.model = TextModel(arrays)
        self._folded = self.model.without_case()

    @classmethod
    def load(cls, name: str = "en") -> Language:
        """Read a language file of the package.

        Raises:
            ModelError: there is no such language, or its file is damaged.
        """
        return cls(read_arrays(name))

    def with_words(self, words: Mapping[str, float] | Iterable[str]) -> Language:
        """Return this language as one writer has it, who also uses `words`; this one stays as it is.

        Args:
            words: as they are written, names too; each with how often it was seen, or as often as it was.
        """
        own = copy(self)
        own.model = self.model.with_words(Counter(words))
        own._folded = own.model.without_case()
        return own

    def score(self, text: str) -> float:
        """Return log p(text), a space behind it; what is outside the line alphabet counts as space."""
        chars = [LINE.index(c) if c in LINE else 0 for c in text] + [0]
        return float(self.model.spell(self.model.start(), [chars])[0])

    def familiarity(self, text: str) -> float:
        """Return the sum of log p of characters by their n-grams alone, none less than `STRANGE`: quick."""
        chars = np.array([LINE.index(c) if c in LINE else 0 for c in text], np.int64)
        return float(np.maximum(self.model.by_grams(chars), STRANGE).sum())

    def decode_ctc(self, lines: Sequence[NDArray[np.floating]], *, weight: float = 1.0) -> list[list[Span]]:
        """Return the characters of lines, spaces among them; lines of a page are best given together.

        Args:
            lines: [T, 129] log probabilities of each line; class 0 is the blank, class i + 1 is `LINE[i]`.
            weight: of the language, 0 for none, 1 as tuned.

        Raises:
            DataError: a line does not have 129 classes.
        """
        _check(lines)
        if not weight:
            return [best_path(log_p, LINE) for log_p in lines]
        return self._weigh(lines, self._search(lines, weight), weight)

    def _search(self, lines: Sequence[NDArray[np.floating]], weight: float) -> list[Found]:
        return ctcbeam.search(lines, self.model, CTC_WEIGHT * weight)

    def _weigh(
        self, lines: Sequence[NDArray[np.floating]], found: Sequence[Found], weight: float
    ) -> list[list[Span]]:
        return weigh(lines, found, self.model, CTC_WEIGHT * weight)

    def decode(
        self,
        edges: Sequence[Edge],
        breaks: NDArray[np.float32],
        *,
        fold_case: bool = False,
        weight: float = 1.0,
    ) -> list[list[Choice]]:
        """Return the words of a line, each a list of choices, in reading order.

        Args:
            edges: the lattice; must lead from piece 0 to piece n.
            breaks: [n] probability that a word break lies before each piece.
            fold_case: the case of the ink means nothing; small letters come out.
            weight: of the language, 0 for none, 1 as tuned.

        Raises:
            DataError: the edges do not connect the first piece with the last, or do not fit `breaks`.
        """
        n = len(breaks)
        if n == 0 and not edges:
            return []
        for e in edges:
            if not (0 <= e.start < e.stop <= n and e.scores.shape == (len(ALPHABET),)):
                raise DataError(
                    f"edge {e.start}–{e.stop} with scores {e.scores.shape} does not fit {n} pieces"
                )
        if edges and (fold_case or weight):
            scores = np.stack([e.scores for e in edges])
            scores = _pool_case(scores) if fold_case else _doubt_case(scores)
            edges = [Edge(e.start, e.stop, row, e.prior) for e, row in zip(edges, scores, strict=True)]
        model = (self._folded if fold_case else self.model) if weight else None
        p = np.asarray(breaks, np.float64)
        odds = np.log(np.maximum(p, 1e-9)) - np.log(np.maximum(1 - p, 1e-9))
        odds = np.clip(odds, -_MAX_ODDS, _MAX_ODDS).astype(np.float32)
        steps = search(edges, odds, model, WEIGHT * weight)
        seen = [edges[s.edge].scores for s in steps]
        opinions = [_normalise(s) for s in seen]
        if model:
            opinions = _in_context(steps, seen, opinions, model, WEIGHT * weight)
        words: list[list[Choice]] = []
        for step, opinion in zip(steps, opinions, strict=True):
            if step.space or not words:
                words.append([])
            words[-1].append(Choice(step.edge, ALPHABET[step.char], _ranked(opinion, step.char)))
        return words


def choose(languages: Mapping[str, Language], texts: Sequence[str]) -> str:
    """Return the name of the language that `texts`, lines of one page, look most like.

    Of no text the first language is as good as any.
    """
    familiar = _familiar(languages, texts)
    return max(familiar, key=familiar.__getitem__)


def decode_in_best(
    languages: Mapping[str, Language], lines: Sequence[NDArray[np.floating]], *, weight: float = 1.0
) -> tuple[str, list[list[Span]]]:
    """Return the name of the language that lines of one page are in, and their characters.

    What is read without language tells; where that leaves doubt the lines are read in each, and how probable
    the readings are tells as well. Arguments and errors are those of `Language.decode_ctc`.
    """
    _check(lines)
    familiar = _familiar(languages, [greedy(log_p, LINE) for log_p in lines])
    likely = [name for name in languages if familiar[name] > max(familiar.values()) - DOUBT]
    if len(likely) == 1 or not weight:
        name = max(familiar, key=familiar.__getitem__)
        return name, languages[name].decode_ctc(lines, weight=weight)
    found = {name: languages[name]._search(lines, weight) for name in likely}
    fit = {name: sum(f.rank for f in found[name]) + GREEDY * familiar[name] for name in likely}
    name = max(fit, key=fit.__getitem__)
    return name, languages[name]._weigh(lines, found[name], weight)


def _familiar(languages: Mapping[str, Language], texts: Sequence[str]) -> dict[str, float]:
    page = " ".join(texts)
    return {name: language.familiarity(page) for name, language in languages.items()}


def _check(lines: Sequence[NDArray[np.floating]]) -> None:
    for log_p in lines:
        if log_p.ndim != 2 or log_p.shape[1] != len(LINE) + 1:
            raise DataError(f"log probabilities {log_p.shape} are not frames of {len(LINE) + 1} classes")


def _pool_case(scores: Floats) -> Floats:
    """Give each small letter the probability of both cases, capitals none; [N, 84]."""
    upper, lower = (slice(ALPHABET.index(c), ALPHABET.index(c) + 26) for c in "Aa")
    pooled = scores.copy()
    pooled[:, lower] = np.logaddexp(scores[:, upper], scores[:, lower])
    pooled[:, upper] = -np.inf
    return pooled


def _doubt_case(scores: Floats) -> Floats:
    """Let letters whose cases look alike share some probability, so that context can settle it; [N, 84]."""
    both = scores[:, _TWINS]
    shared = np.logaddexp(both + np.log1p(-CASE_DOUBT), both[..., ::-1] + np.log(CASE_DOUBT))
    doubtful = scores.copy()
    doubtful[:, _TWINS] = shared
    return doubtful


def _normalise(scores: Floats) -> Floats:
    p = np.exp(scores - scores.max())
    normal: Floats = p / p.sum()
    return normal


def _ranked(p: Floats, char: int) -> tuple[tuple[str, float], ...]:
    order = [int(i) for i in np.argsort(-p, kind="stable")]
    kept = [i for rank, i in enumerate(order) if rank < 5 or i == char or (rank < RESCORED and p[i] > 1e-4)]
    return tuple((ALPHABET[i], float(p[i])) for i in kept)


def _in_context(
    steps: list[Step], scores: list[Floats], opinions: list[Floats], model: TextModel, weight: float
) -> list[Floats]:
    """Return, for each step, p(character) given the ink of its place and the rest of the text.

    All variants of a line are spelt together, one character further at a time.
    """
    text = [step.char for step in steps]
    tails = _tails(steps)
    place, char, states = [], [], []
    for i, s in enumerate(scores):
        state = steps[i].state
        assert state is not None
        rivals = candidates(s)[:RESCORED]
        rivals = rivals if text[i] in rivals else np.append(rivals[: RESCORED - 1], text[i])
        place += [i] * len(rivals)
        char += [int(c) for c in rivals]
        states += [state] * len(rivals)
    at = np.array(place)
    logs = model.spell(State.join(states), [[c + 1, *tails[i]] for i, c in zip(place, char, strict=True)])
    fit = weight * logs + np.array([scores[i][c] for i, c in zip(place, char, strict=True)])
    out = []
    for i, opinion in enumerate(opinions):
        rows = np.flatnonzero(at == i)
        rivals = np.array([char[r] for r in rows])
        context = opinion.copy()
        context[rivals] = _normalise(fit[rows]) * opinion[rivals].sum()
        out.append((1 - TRUST) * context + TRUST * opinion)
    return out


def _tails(steps: list[Step]) -> list[list[int]]:
    """Return what follows each step: the rest of its word, a space, the beginning of the next word.

    As places in the line alphabet.
    """
    flat: list[int] = []
    where = []
    for step in steps:
        if step.space:
            flat.append(0)
        where.append(len(flat))
        flat.append(step.char + 1)
    flat.append(0)
    tails = []
    for at in where:
        end = flat.index(0, at) + 1
        stop = next((j for j in range(end, min(end + BEYOND, len(flat))) if flat[j] == 0), end + BEYOND)
        tails.append(flat[at + 1 : stop])
    return tails
