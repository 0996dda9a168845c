"""Builds a language file: character n-gram and word list from plain text and word frequencies.

    python -m unscrawl.learn.words BOOKS.txt.xz OUT_FOLDER [--language en]

The n-gram: counts c(h, w) of every order up to `ORDER`; interpolated absolute discounting (Ney, Essen &
Kneser 1994)
    P(w | h) = (c(h, w) - D(c)) / c(h) + γ(h) P(w | h'),   h' = h without its first symbol,
with D for counts 1, 2, 3+ by the estimates of Chen & Goodman 1998, eq. 26. Lower orders keep plain counts,
for continuation counts suffer under pruning (Chelba et al. 2010). An n-gram stays if c(h, w) · log(P(w | h)
/ P'(w | h)), P' being the estimate without it, exceeds a threshold (Seymore & Rosenfeld 1996); back-off
weights are then set so that every P(· | h) sums to one.

The word list: words of `wordfreq` joined with those of the text, each with its probability, as a trie.
"""

from __future__ import annotations

import argparse
import json
import lzma
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from rich.progress import Progress

from unscrawl.alphabet import ALPHABET
from unscrawl.errors import DataError, OutputError
from unscrawl.language.textmodel import FOLDED, TextModel, fold_text
from unscrawl.language.trie import STEP, quantise

__all__ = ["build", "clean", "count_grams", "main", "word_frequencies"]

ORDER: Final = 8
THRESHOLD: Final = 60.0
WORDS: Final = 80_000
HELD_OUT: Final = ("Agnes Grey", "The Invisible Man", "The Jungle Book")
_BITS: Final = 6  # of one folded symbol in a packed n-gram

Keys = NDArray[np.uint64]
Floats = NDArray[np.float64]
_QUOTES: Final = str.maketrans(
    {"‘": "'", "’": "'", "′": "'", "“": '"', "”": '"', "–": "-", "—": " - ", "…": "..."}
)


def clean(text: str) -> str:
    """Return `text` in the alphabet: plain quotes and dashes, no accents, one space between words."""
    text = text.translate(_QUOTES).replace("--", " - ")
    text = unicodedata.normalize("NFKD", text)
    return re.sub(f"[^{re.escape(ALPHABET)}]+", " ", "".join(c for c in text if not unicodedata.combining(c)))


def read_books(path: Path) -> list[tuple[str, str]]:
    """Return (title, text) of every book in a text file, plain or .xz, with `Title: …` lines between books.

    Raises:
        DataError: the file cannot be read.
    """
    try:
        raw = path.read_bytes()
        text = (lzma.decompress(raw) if path.suffix == ".xz" else raw).decode("utf-8", errors="replace")
    except (OSError, lzma.LZMAError) as e:
        raise DataError(f"{path}: cannot read this text: {e}") from None
    parts = re.split(r"^\ufeff?\s*Title: (.*)$", text, flags=re.MULTILINE)
    books = list(zip(parts[1::2], parts[2::2], strict=True)) or [(path.stem, text)]
    return [
        (title.strip(), re.sub(r"\A.*?^-{5,}$", "", body, count=1, flags=re.S | re.M))
        for title, body in books
    ]


@dataclass(frozen=True)
class Grams:
    """N-grams of one order: packed keys (rising), log probabilities, back-off weights as contexts."""

    keys: Keys
    log: Floats
    back: Floats


def count_grams(symbols: NDArray[np.uint8], order: int) -> tuple[Keys, NDArray[np.int64]]:
    """Return packed n-grams of `order` symbols, rising, and how often each occurs."""
    keys = np.zeros(len(symbols) - order + 1, np.uint64)
    for i in range(order):
        keys = (keys << np.uint64(_BITS)) | symbols[i : i + len(keys)].astype(np.uint64)
    return np.unique(keys, return_counts=True)


def _discounts(counts: NDArray[np.int64]) -> Floats:
    """D(0) … D(3+) from the numbers of n-grams seen once to four times."""
    n1, n2, n3, n4 = (max(1, int((counts == k).sum())) for k in (1, 2, 3, 4))
    y = n1 / (n1 + 2 * n2)
    d = [0.0, 1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3]
    return np.clip(d, 0.0, [0.0, 0.9, 1.8, 2.7])


def _suffix(keys: Keys, order: int) -> Keys:
    return keys & np.uint64((1 << (_BITS * (order - 1))) - 1)


def _find(table: Keys, keys: Keys) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    at = np.minimum(np.searchsorted(table, keys), max(len(table) - 1, 0))
    return at, (table[at] == keys) if len(table) else np.zeros(len(keys), bool)


def _smooth(symbols: NDArray[np.uint8], order: int, progress: Progress) -> list[tuple[Keys, Floats, Floats]]:
    """Return for each order 1 … `order`: keys, P(w | h), and the gain in nats of keeping each."""
    task = progress.add_task("counting", total=order)
    levels: list[tuple[Keys, Floats, Floats]] = []
    for n in range(1, order + 1):
        keys, counts = count_grams(symbols, n)
        if n == 1:
            full = np.arange(len(FOLDED), dtype=np.uint64)
            p: Floats = np.ones(len(FOLDED))
            p[keys.astype(int)] += counts
            levels.append((full, p / p.sum(), np.full(len(full), np.inf)))
        else:
            context = keys >> np.uint64(_BITS)
            _, group = np.unique(context, return_inverse=True)
            total = np.bincount(group, counts)
            d = _discounts(counts)[np.minimum(counts, 3)]
            spare = np.bincount(group, d) / total
            at, _ = _find(levels[-1][0], _suffix(keys, n))
            lower = spare[group] * levels[-1][1][at]
            p = (counts - d) / total[group] + lower
            gain = counts.astype(np.float64) * np.log(p / lower)
            levels.append((keys, p, gain))
        progress.advance(task)
    return levels


def _prune(levels: list[tuple[Keys, Floats, Floats]], threshold: float) -> list[tuple[Keys, Floats]]:
    """Keep n-grams that gain more than `threshold`, and the prefixes of what is kept."""
    kept: list[tuple[Keys, Floats]] = []
    needed = np.zeros(0, np.uint64)
    for keys, p, gain in reversed(levels):
        keep = gain > threshold
        at, found = _find(keys, needed)
        keep[at[found]] = True
        kept.append((keys[keep], p[keep]))
        needed = np.unique(keys[keep] >> np.uint64(_BITS))
    return kept[::-1]


def _back_off(kept: list[tuple[Keys, Floats]]) -> list[Grams]:
    """Set α(h) so that each P(· | h) sums to one, from short contexts to long ones."""
    done: list[Grams] = []

    def log_p(keys: Keys, n: int) -> Floats:
        at, found = _find(done[n - 1].keys, keys)
        out = np.where(found, done[n - 1].log[at], 0.0)
        if n > 1 and not found.all():
            missing = keys[~found]
            c_at, c_found = _find(done[n - 2].keys, missing >> np.uint64(_BITS))
            alpha = np.where(c_found, done[n - 2].back[c_at], 0.0)
            out[~found] = alpha + log_p(_suffix(missing, n), n - 1)
        return out

    for n, (keys, p) in enumerate(kept, start=1):
        if n > 1:
            before = done[-1]
            context, group = np.unique(keys >> np.uint64(_BITS), return_inverse=True)
            lower = np.exp(log_p(_suffix(keys, n), n - 1))
            alpha = np.log1p(-np.minimum(np.bincount(group, p), 0.9999))
            alpha -= np.log1p(-np.minimum(np.bincount(group, lower), 0.9999))
            before.back[_find(before.keys, context)[0]] = alpha
        done.append(Grams(keys, np.log(p), np.zeros(len(keys))))
    return done


def _gram_arrays(grams: list[Grams]) -> dict[str, NDArray[np.uint8]]:
    symbol, count, log, back = ([np.zeros(1, np.uint8)] for _ in range(4))
    back[0][0] = 128
    count[0][0] = len(grams[0].keys)
    for level, below in zip(grams, [*grams[1:], None], strict=True):
        children = np.zeros(len(level.keys), np.int64)
        if below is not None:
            at, _ = _find(level.keys, below.keys >> np.uint64(_BITS))
            children = np.bincount(at, minlength=len(level.keys))
        symbol.append((level.keys & np.uint64((1 << _BITS) - 1)).astype(np.uint8))
        count.append(children.astype(np.uint8))
        log.append(quantise(level.log))
        back.append(np.clip(np.rint(level.back / STEP) + 128, 0, 255).astype(np.uint8))
    names = ("gram_symbol", "gram_count", "gram_log", "gram_back")
    return {
        name: np.concatenate(parts) for name, parts in zip(names, (symbol, count, log, back), strict=True)
    }


def word_frequencies(text: str, language: str, limit: int) -> dict[str, float]:
    """Return the probabilities of at most `limit` words: the mean of `wordfreq`'s and those of `text`."""
    from wordfreq import iter_wordlist, word_frequency

    pattern = re.compile(r"[a-z]+(?:'[a-z]+)*")
    words = Counter(pattern.findall(text.lower()))
    total = sum(words.values())
    p = {w: 0.5 * n / total for w, n in words.items() if n >= 3}
    for i, w in enumerate(iter_wordlist(language)):
        if i >= 2 * limit:
            break
        w = w.replace("’", "'")
        if pattern.fullmatch(w) and (len(w) > 1 or w in ("a", "i")):
            p[w] = p.get(w, 0.0) + 0.5 * word_frequency(w, language)
    p = {w: f for w, f in p.items() if len(w) > 1 or w in ("a", "i", "o")}
    best = sorted(p, key=lambda w: (-p[w], w))[:limit]
    scale = sum(p[w] for w in best)
    return {w: p[w] / scale for w in best}


def title_shares(text: str) -> dict[str, float]:
    """Return how often each word of `text` is capitalised where no sentence begins, shrunk towards 0.15.

    Titles and speech in capitals do not count.
    """
    pattern = re.compile(r"(?<=[a-z,;:] )([A-Za-z])([a-z]*(?:'[a-z]+)*)(?![A-Za-z])")
    titled, seen = Counter[str](), Counter[str]()
    for first, rest in pattern.findall(text):
        word = first.lower() + rest
        seen[word] += 1
        titled[word] += first.isupper()
    return {word: (titled[word] + 0.3) / (n + 2.0) for word, n in seen.items()}


def _word_arrays(words: dict[str, float], titles: dict[str, float]) -> dict[str, NDArray[np.uint8]]:
    mass: list[dict[str, float]] = [{} for _ in range(max(map(len, words)) + 1)]
    for w, f in words.items():
        for n in range(len(w) + 1):
            mass[n][w[:n]] = mass[n].get(w[:n], 0.0) + f
    symbol, count, log, end, title = ([0], [], [0.0], [], [])
    for n, level in enumerate(mass):
        below = Counter(prefix[:-1] for prefix in mass[n + 1]) if n + 1 < len(mass) else Counter()
        for prefix in sorted(level, key=lambda s: [FOLDED.index(c) for c in s]):
            count.append(below[prefix])
            end.append(np.log(max(words.get(prefix, 0.0) / level[prefix], 1e-12)))
            title.append(titles.get(prefix, 0.15) if prefix in words else 0.0)
            if n:
                symbol.append(FOLDED.index(prefix[-1]))
                log.append(np.log(level[prefix] / mass[n - 1][prefix[:-1]]))
    return {
        "word_symbol": np.array(symbol, np.uint8),
        "word_count": np.array(count, np.uint8),
        "word_log": quantise(np.array(log)),
        "word_end": quantise(np.array(end)),
        "word_title": np.ceil(np.array(title) * 255).astype(np.uint8),
    }


def build(
    text: str, language: str, *, order: int = ORDER, threshold: float = THRESHOLD, limit: int = WORDS
) -> dict[str, NDArray[np.uint8]]:
    """Return the arrays of a language file made from clean `text` and the language's word list."""
    with Progress(transient=True) as progress:
        levels = _smooth(fold_text(" " + text + " "), order, progress)
    grams = _back_off(_prune(levels, threshold))
    arrays = _gram_arrays(grams) | _word_arrays(word_frequencies(text, language, limit), title_shares(text))
    return arrays | {"order": np.array([order], np.uint8)}


def card(
    books: list[tuple[str, str]], arrays: dict[str, NDArray[np.uint8]], language: str, source: Path
) -> dict[str, object]:
    """Return the card of a language file: from what it is made, under which licences, how good it is."""
    held = [title for title, _ in books if title in HELD_OUT]
    figures: dict[str, object] = {
        "n-grams": len(arrays["gram_log"]),
        "words": int((arrays["word_title"] > 0).sum()),
    }
    if held:
        symbols = fold_text(" ".join(clean(body) for title, body in books if title in held))
        symbols = symbols[: len(symbols) // 200 * 200].reshape(-1, 200)
        nats = TextModel(arrays).surprise(symbols)
        figures |= {"held-out books": held, "perplexity per character": round(float(np.exp(nats)), 3)}
    return {
        "language": language,
        "made by": f"python -m unscrawl.learn.words {source.name} FOLDER --language {language}",
        "sources": [
            {
                "what": "n-grams, words, capitals",
                "from": [t for t, _ in books if t not in held],
                "licence": "public domain",
            },
            {"what": "word frequencies", "from": "wordfreq 3 by Robyn Speer", "licence": "CC BY-SA 4.0"},
        ],
        "order": int(arrays["order"][0]),
        "figures": figures,
    }


def main(argv: list[str] | None = None) -> None:
    """Build a language file from the command line."""
    parser = argparse.ArgumentParser(description="Build a language file from text and word frequencies.")
    parser.add_argument("text", type=Path, help="plain text, .txt or .txt.xz")
    parser.add_argument("out", type=Path, help="folder for LANGUAGE.npz and LANGUAGE.json")
    parser.add_argument("--language", default="en", help="wordfreq's code of the language")
    parser.add_argument("--words", type=int, default=WORDS, help="length of the word list")
    options = parser.parse_args(argv)
    books = read_books(options.text)
    text = " ".join(clean(body) for title, body in books if title not in HELD_OUT)
    arrays = build(text, options.language, limit=options.words)
    target = options.out / f"{options.language}.npz"
    try:
        np.savez_compressed(target, **arrays)  # type: ignore[arg-type]
        about = json.dumps(card(books, arrays, options.language, options.text), indent=2, ensure_ascii=False)
        target.with_suffix(".json").write_text(about + "\n", encoding="utf-8")
    except OSError as e:
        raise OutputError(f"{target}: cannot write: {e}") from None
    print(f"{target}: {target.stat().st_size:,} bytes")
    print(about)


if __name__ == "__main__":
    main()
