"""The word list: a trie of words, each with its probability and how often it is capitalised."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from itertools import groupby
from math import ceil, exp, log
from typing import Final, NamedTuple, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from unscrawl.alphabet import LINE
from unscrawl.language.fold import FOLD
from unscrawl.language.trie import Floats, Trie

__all__ = ["WordList", "parts"]

NEVER: Final = 1e-7
"""Probability that a word ends where none does."""
_LONGEST: Final = 64  # symbols of a word that is learnt: each of its beginnings is kept
_LEAST: Final = 1e-6  # times: what was seen less often was not seen

_T = TypeVar("_T", bound=np.generic)
_Prefix: TypeAlias = tuple[int, ...]  # symbols
_Counts: TypeAlias = defaultdict[_Prefix, float]


class WordList(NamedTuple):
    """Words as symbols (see `fold`) in a trie of n nodes. Immutable, so it may be shared."""

    trie: Trie
    log: Floats  # [n + 1] log P(node | its parent); the last is for "nowhere"
    end: Floats  # [n + 1] log P(the word ends here | node)
    title: NDArray[np.uint8]  # [n + 1] share of capitalised ones inside sentences in 255ths, 0 for no word

    def joined(self, words: Mapping[str, float], inner: NDArray[np.bool_], doubt: float) -> WordList:
        """Return a list that knows some more words: n of them have the share n / (n + doubt) of it.

        Args:
            words: as they are written, each with how often it was seen; none of more than 64 letters is
                learnt.
            inner: [63] whether a symbol is within words.
            doubt: how many words must be seen to count as much as the list.
        """
        seen, titled = _Counts(float), _Counts(float)
        for text, n in words.items():
            for word, title in parts(text, inner):
                if n >= _LEAST and len(word) <= _LONGEST:
                    seen[word] += n
                    titled[word] += n * title
        return _mixed(self, seen, titled, doubt) if sum(seen.values()) else self


def parts(text: str, inner: NDArray[np.bool_]) -> Iterator[tuple[_Prefix, bool]]:
    """Yield the symbols of each word of a text, and whether it is Capitalised."""
    spelt = [(char, int(FOLD[LINE.index(char)]) if char in LINE else 0) for char in text]
    for is_word, group in groupby(spelt, key=lambda pair: bool(inner[pair[1]])):
        if is_word:
            chars, symbols = zip(*group, strict=True)
            yield symbols, chars[0].isupper() and not "".join(chars[1:2]).isupper()


def _mixed(base: WordList, seen: _Counts, titled: _Counts, doubt: float) -> WordList:
    """Mix a list with words that were `seen`, some of these capitalised.

    A prefix has the probability of the words that begin with it, in both: its parts are shared out anew among
    what may follow. Prefixes that the list lacks are put in at the end, each before its `slot`: the node of
    the list that it precedes in breadth-first order.
    """
    each = 1 / (sum(seen.values()) + doubt)
    new = _Counts(float)
    for word, n in seen.items():
        for stop in range(len(word) + 1):
            new[word[:stop]] += n * each
    old = _Counts(float, {(): 1 - new[()]})
    node: dict[_Prefix, int] = {(): 0}
    slot: dict[_Prefix, int] = {}
    trie, below = base.trie, Counter(prefix[:-1] for prefix in new if prefix)
    counts, titles, logs, ends = trie.counts.copy(), base.title.copy(), base.log.copy(), base.end.copy()
    fresh: list[tuple[int, int, float, float, int]] = []  # symbol, children, log, end, title
    for prefix in sorted(new, key=lambda p: (len(p), p)):
        above = prefix[:-1]
        if above in slot:
            slot[prefix] = int(trie.first[slot[above]])
        elif prefix:
            mask, bit = int(trie.mask[node[above]]), 1 << prefix[-1]
            place = int(trie.first[node[above]]) + (mask & (bit - 1)).bit_count()
            if mask & bit:
                node[prefix], old[prefix] = place, old[above] * exp(base.log[place])
            else:
                slot[prefix] = place
                counts[node[above]] += 1
        whole = new[prefix] + old[prefix]
        step = log(whole / (new[above] + old[above]))
        times = seen.get(prefix, 0.0)
        title = ceil(255 * (titled[prefix] + 0.3) / (times + 2)) if times else 0
        if prefix in slot:
            end = log(max(times * each / whole, NEVER))
            fresh.append((prefix[-1], below[prefix], step, end, title))
        else:
            at = node[prefix]
            end = old[prefix] * exp(base.end[at]) + times * each
            first = int(trie.first[at])
            logs[first : first + int(trie.counts[at])] += log(old[prefix] / whole)
            logs[at], ends[at] = step, log(max(end / whole, NEVER))
            titles[at] = titles[at] or title
    slots = list(slot.values())

    def put(array: NDArray[_T], column: int) -> NDArray[_T]:
        return np.insert(array, slots, np.array([row[column] for row in fresh], array.dtype))

    longer = Trie(put(trie.symbols, 0), put(counts[:-1].astype(np.uint8), 1))
    return WordList(longer, put(logs, 2), put(ends, 3), put(titles, 4))
