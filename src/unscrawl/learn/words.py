"""Builds a language file: character n-gram and word list from plain text and word frequencies.

    python -m unscrawl.learn.words FOLDER TEXT... [--language en]

A text is a file of books (.txt or .txt.xz) or the transcriptions of lines (.tsv, as the line sets have them),
less the writers or pages that are held back for measuring (`unscrawl.learn.texts`). The n-gram is made by
`unscrawl.learn.grams`; the word list holds words of `wordfreq` joined with those of the texts, each with its
probability, as a trie.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unscrawl.alphabet import LINE
from unscrawl.errors import OutputError
from unscrawl.language import Language
from unscrawl.language.fold import SYMBOLS, fold_text, shares_of
from unscrawl.language.trie import quantise
from unscrawl.learn.grams import gram_arrays
from unscrawl.learn.texts import Text, read_books, read_texts

__all__ = ["build", "main", "read_books", "word_frequencies"]

ORDER: Final = 8
THRESHOLD: Final = 60.0
WORDS: Final = 80_000
INNER_APOSTROPHE: Final = {"fr": False}
"""Whether an apostrophe is within a word (don't) or ends one (l'homme); within, where nothing is said."""
_LETTER: Final = r"[^\W\d_]"


def word_pattern(language: str) -> re.Pattern[str]:
    """Return the pattern of a word in small letters."""
    inner = INNER_APOSTROPHE.get(language, True)
    return re.compile(f"{_LETTER}+(?:'{_LETTER}+)*" if inner else f"{_LETTER}+")


def word_frequencies(text: str, language: str, limit: int, share: float = 0.3) -> dict[str, float]:
    """Return the probabilities of at most `limit` words: of `text` by `share`, the rest by `wordfreq`."""
    from wordfreq import iter_wordlist, word_frequency

    pattern = word_pattern(language)
    words = Counter[str]()
    for w, n in Counter(pattern.findall(text.lower())).items():
        words[_folded(w)] += n
    total = sum(words.values())
    p = {w: share * n / total for w, n in words.items() if n >= 3}
    for i, entry in enumerate(iter_wordlist(language)):
        if i >= 2 * limit:
            break
        for w in pattern.findall(entry.replace("’", "'")):
            if all(c in LINE for c in w):
                w = _folded(w)
                p[w] = p.get(w, 0.0) + (1 - share) * word_frequency(entry, language)
    alone = {"en": "aio", "fr": "aàoycdjlmnst"}.get(language, "")
    p = {w: f for w, f in p.items() if len(w) > 1 or w in alone}
    best = sorted(p, key=lambda w: (-p[w], w))[:limit]
    scale = sum(p[w] for w in best)
    return {w: p[w] / scale for w in best}


def _folded(word: str) -> str:
    """Return a word as the model spells it: without case and rare accents."""
    return "".join(SYMBOLS[s] for s in fold_text(word))


def title_shares(text: str, language: str) -> dict[str, float]:
    """Return how often each word of `text` is capitalised where no sentence begins, shrunk towards 0.15.

    Titles and speech in capitals do not count.
    """
    titled, seen = Counter[str](), Counter[str]()
    for word in word_pattern(language).finditer(text):
        before = text[max(0, word.start() - 2) : word.start()]
        inside = len(before) == 2 and before[1] in " '-" and (before[0].islower() or before[0] in ",;:")
        if inside and (word[0].islower() or (word[0][0].isupper() and not word[0][1:].isupper())):
            folded = _folded(word[0])
            seen[folded] += 1
            titled[folded] += word[0][0].isupper()
    return {word: (titled[word] + 0.3) / (n + 2.0) for word, n in seen.items()}


def _word_arrays(words: dict[str, float], titles: dict[str, float]) -> dict[str, NDArray[np.uint8]]:
    mass: list[dict[str, float]] = [{} for _ in range(max(map(len, words)) + 1)]
    for w, f in words.items():
        for n in range(len(w) + 1):
            mass[n][w[:n]] = mass[n].get(w[:n], 0.0) + f
    symbol, count, log, end, title = ([0], [], [0.0], [], [])
    for n, level in enumerate(mass):
        below = Counter(prefix[:-1] for prefix in mass[n + 1]) if n + 1 < len(mass) else Counter()
        for prefix in sorted(level, key=lambda s: [SYMBOLS.index(c) for c in s]):
            count.append(below[prefix])
            end.append(np.log(max(words.get(prefix, 0.0) / level[prefix], 1e-12)))
            title.append(titles.get(prefix, 0.15) if prefix in words else 0.0)
            if n:
                symbol.append(SYMBOLS.index(prefix[-1]))
                log.append(np.log(level[prefix] / mass[n - 1][prefix[:-1]]))
    return {
        "word_symbol": np.array(symbol, np.uint8),
        "word_count": np.array(count, np.uint8),
        "word_log": quantise(np.array(log)),
        "word_end": quantise(np.array(end)),
        "word_title": np.ceil(np.array(title) * 255).astype(np.uint8),
    }


def build(
    texts: Sequence[tuple[str, int]],
    language: str,
    *,
    order: int = ORDER,
    threshold: float = THRESHOLD,
    limit: int = WORDS,
) -> dict[str, NDArray[np.uint8]]:
    """Return the arrays of a language file.

    Args:
        texts: clean texts, each with how many times it counts.
        language: code of `wordfreq`.
        order: length of the longest n-grams.
        threshold: nats that an n-gram must gain to be kept.
        limit: number of words in the list.
    """
    every = " ".join(text for text, times in texts for _ in range(times))
    return {
        **gram_arrays(texts, order, threshold),
        **_word_arrays(word_frequencies(every, language, limit), title_shares(every, language)),
        "share": quantise(np.log(shares_of(every))),
        "apostrophe": np.array([INNER_APOSTROPHE.get(language, True)], np.uint8),
        "order": np.array([order], np.uint8),
    }


def card(
    texts: Sequence[Text], arrays: dict[str, NDArray[np.uint8]], language: str, command: Sequence[str]
) -> dict[str, object]:
    """Return the card of a language file: from what it is made, under which licences, how good it is."""
    model = Language(arrays)
    held = {
        t.name: round(-sum(map(model.score, t.held)) / sum(len(line) + 1 for line in t.held) / np.log(2), 3)
        for t in texts
        if t.held
    }
    return {
        "language": language,
        "made by": " ".join(["python -m unscrawl.learn.words FOLDER", *command]),
        "sources": [
            *(
                {"what": "n-grams, words, capitals", "name": t.name, "from": t.origin, "licence": t.licence}
                for t in texts
            ),
            {"what": "word frequencies", "from": "wordfreq 3 by Robyn Speer", "licence": "CC BY-SA 4.0"},
        ],
        "order": int(arrays["order"][0]),
        "figures": {
            "n-grams": len(arrays["gram_log"]),
            "words": int((arrays["word_title"] > 0).sum()),
            "bits per character of held-back text, case and accents included": held,
        },
    }


def main(argv: list[str] | None = None) -> None:
    """Build a language file from the command line."""
    parser = argparse.ArgumentParser(description="Build a language file from text and word frequencies.")
    parser.add_argument("out", type=Path, help="folder for LANGUAGE.npz and LANGUAGE.json")
    parser.add_argument("texts", type=Path, nargs="+", help="books (.txt, .txt.xz) or line sets (.tsv)")
    parser.add_argument("--language", default="en", help="wordfreq's code of the language")
    parser.add_argument("--words", type=int, default=WORDS, help="length of the word list")
    parser.add_argument("--threshold", type=float, default=THRESHOLD, help="nats an n-gram must gain")
    parser.add_argument("--lines-count", type=int, default=1, help="how many times a line set counts")
    options = parser.parse_args(argv)
    texts = [read_texts(path) for path in options.texts]
    arrays = build(
        [(t.text, 1 if t.books else options.lines_count) for t in texts],
        options.language,
        threshold=options.threshold,
        limit=options.words,
    )
    command = [p.name for p in options.texts]
    command += [f"--language {options.language} --words {options.words} --threshold {options.threshold:g}"]
    command += [f"--lines-count {options.lines_count}"]
    target = options.out / f"{options.language}.npz"
    try:
        np.savez_compressed(target, **arrays)  # type: ignore[arg-type]
        about = json.dumps(card(texts, arrays, options.language, command), indent=2, ensure_ascii=False)
        target.with_suffix(".json").write_text(about + "\n", encoding="utf-8")
    except OSError as e:
        raise OutputError(f"{target}: cannot write: {e}") from None
    print(f"{target}: {target.stat().st_size:,} bytes")
    print(about)


if __name__ == "__main__":
    main()
