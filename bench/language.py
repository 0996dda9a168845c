"""How much does the language help, and does it ever harm? Measured on synthetic confusions.

    python bench/language.py --books BOOKS.txt.xz [--names NAMES.txt] [--weight 1] [--lines 60]
    python bench/language.py --frames HELD.npz [--weight 1]

With --frames: log probabilities of a line recogniser for held-back lines (arrays `log_p` [sum T, 129],
`offsets` [N + 1], `text`, `set`). Weights were found on lines with even numbers; figures are of the odd
ones: the character error rate of each set without and with its language, how far confidence can be trusted,
seconds of one core, how often the language is chosen rightly; and the weights of confidence as the even
lines have them.

With --books: a simulated classifier looks at text the language file was not made from: held-out books,
names, numbers, random groups. Its scores have the confusions of handwriting (l/1/I, o/0/O, c/e, n/h/r, …),
some characters are written much worse than others, wide letters fall apart (m → r n), neighbours may be
taken together. The noise is set for an error rate of 2, 6 or 15 % on single characters, then the scores are
calibrated with a temperature. Prints the character error rate of whole lines, case kept, without and with
the language.
"""

from __future__ import annotations

import argparse
import random
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein

from unscrawl.alphabet import ALPHABET, LINE, LOWER, UPPER
from unscrawl.ctc import Span
from unscrawl.language import CTC_WEIGHT, Choice, Edge, Language, choose, spans
from unscrawl.language.ctcbeam import search
from unscrawl.learn.texts import HELD_OUT, clean, read_books

Floats = NDArray[np.float64]
_INDEX = {c: i for i, c in enumerate(ALPHABET)}
# fmt: off
ALIKE = (
    "lLiI1!|jt/", "oO0QaD", "ceCGa6(", "nhrmN", "uvyUVYw", "gq9yGQ", "tf+T", "sS5$8", "aoduq", "zZ27?",
    "B8R3E", "pPD", "kKxXRh", "bh6L", "dcla", "mMnN", "wWvu", ".,';-", "-=", ":;", "'i,", '"n', "#H",
    "4Aq9", "7T1", "fFpP", "eE€", "jJ;3", "0D6", "@aQ", "£E", "%X", "*x",
)
PARTS = {
    "m": "rn", "d": "cl", "w": "vv", "h": "ln", "k": "lc", "n": "ri", "u": "ii", "b": "lo", "q": "cl",
    "g": "cj", "y": "ij", "B": "13", "M": "IV", "W": "VV", "U": "LI", "H": "11", "N": "IV", "K": "lc",
    "D": "1)", "R": "12",
}
# fmt: on


def similarity(rng: np.random.Generator) -> Floats:
    """[84, 84] how alike two characters look: 1 to itself, 0.5–0.8 for look-alikes, else up to 0.3."""
    n = len(ALPHABET)
    s = rng.uniform(0, 0.3, (n, n))
    for group in ALIKE:
        at = [_INDEX[c] for c in group if c in _INDEX]
        s[np.ix_(at, at)] = np.maximum(s[np.ix_(at, at)], rng.uniform(0.5, 0.75, (len(at), len(at))))
    for a, b in zip(UPPER, LOWER, strict=True):
        same = 0.8 if a in "COSVWXZKPU" else 0.45
        s[_INDEX[a], _INDEX[b]] = s[_INDEX[b], _INDEX[a]] = same
    np.fill_diagonal(s, 1)
    return s


@dataclass(frozen=True)
class Classifier:
    """Scores like those of a network with a given error rate, calibrated by a temperature."""

    alike: Floats
    noise: float
    temperature: float

    @classmethod
    def with_errors(cls, rate: float, seed: int = 0) -> Classifier:
        """Find the noise for an error rate on letters and digits, then the temperature of least surprise."""
        alike = similarity(np.random.default_rng(seed))
        truth = np.random.default_rng(seed + 1).integers(0, 62, 4000)
        low, high = 0.01, 2.0
        for _ in range(20):
            noise = (low + high) / 2
            z = cls(alike, noise, 1.0).logits(truth, np.random.default_rng(seed + 2))
            if (z.argmax(1) != truth).mean() > rate:
                high = noise
            else:
                low = noise
        temperatures = np.geomspace(0.005, 1, 60)
        surprise = [-_log_softmax(z / t)[np.arange(len(z)), truth].mean() for t in temperatures]
        return cls(alike, noise, float(temperatures[int(np.argmin(surprise))]))

    def logits(self, truth: NDArray[np.int64], rng: np.random.Generator) -> Floats:
        """[N, 84]; how badly a character is written varies from one to the next."""
        spread = self.noise * rng.lognormal(0, 0.5, (len(truth), 1))
        z: Floats = self.alike[truth] + spread * rng.normal(size=(len(truth), len(ALPHABET)))
        return z

    def scores(self, char: str, rng: np.random.Generator, mass: float = 1.0) -> NDArray[np.float32]:
        """[84] log p(character, not junk) for ink that shows `char`; `mass` is p(not junk)."""
        z = self.logits(np.array([_INDEX[char]]), rng) / self.temperature
        p = _log_softmax(z)[0] + np.log(mass)
        return np.asarray(np.logaddexp(p, -13.0), np.float32)


def _log_softmax(z: Floats) -> Floats:
    z = z - z.max(1, keepdims=True)
    p: Floats = z - np.log(np.exp(z).sum(1, keepdims=True))
    return p


def lattice(
    text: str, look: Classifier, rng: np.random.Generator, *, cut: bool
) -> tuple[list[Edge], NDArray[np.float32]]:
    """Return edges and break probabilities of one line; `cut`: ready-cut, one piece a character."""
    shown: list[str] = []  # what each piece looks like alone
    whole: list[tuple[int, int, str]] = []
    gaps: list[bool] = []
    ends: list[bool] = []  # a true boundary before this piece
    for word in text.split():
        for k, c in enumerate(word):
            parts = PARTS[c] if not cut and c in PARTS and rng.random() < 0.35 else c
            whole.append((len(shown), len(shown) + len(parts), c))
            for j, part in enumerate(parts):
                gaps.append(k == 0 and j == 0)
                ends.append(j == 0)
                shown.append(part)
    n = len(shown)
    spaces = np.where(gaps, rng.beta(8, 1.2, n), rng.beta(1, 12, n))
    spaces[0] = 0
    cuts = np.where(gaps, 0.99, np.where(ends, rng.beta(6, 1.5, n), rng.beta(3, 3, n)))
    cuts = np.append(np.clip(cuts, 0.02, 0.98), 1.0)
    true = {(a, b): c for a, b, c in whole}
    edges = []
    for a in range(n):
        for b in range(a + 1, n + 1 if not cut else a + 2):
            if b - a > 3 or b > n:
                break
            prior = float(np.log1p(-cuts[a + 1 : b]).sum() + (np.log(cuts[b]) if b < n else 0.0))
            if prior < -6:
                continue
            if (a, b) in true:
                scores = look.scores(true[a, b], rng, 0.98)
            else:
                parts = "".join(shown[a:b])
                joined = next((c for c, p in PARTS.items() if p == parts), None)
                good = joined is not None or b - a == 1
                mass = float(rng.beta(2, 2) if good else rng.beta(1, 6))
                guess = (joined or parts) if good else str(rng.choice(list(ALPHABET[:62])))
                scores = look.scores(guess, rng, mass)
            edges.append(Edge(a, b, scores, prior if not cut else 0.0))
    return edges, spaces.astype(np.float32)


def english(book: Path, rng: random.Random, n: int) -> list[str]:
    """Lines of 20–45 characters from held-out books; one in six in capitals."""
    text = " ".join(clean(body) for title, body in read_books(book) if title in HELD_OUT).split()
    lines = []
    for _ in range(n):
        at, length, line = rng.randrange(len(text) - 20), rng.randint(20, 45), ""
        while len(line) < length:
            line, at = f"{line} {text[at]}".strip(), at + 1
        lines.append(line.upper() if rng.random() < 1 / 6 else line)
    return lines


def numbers(rng: random.Random, n: int) -> list[str]:
    """Dates, sums, telephone numbers, times, addresses."""
    kinds = (
        lambda: f"{rng.randint(1, 31)}.{rng.randint(1, 12)}.{rng.randint(1900, 2030)}",
        lambda: f"£{rng.randint(1, 999)}.{rng.randint(0, 99):02}",
        lambda: f"{rng.randint(100, 999)} {rng.randint(100, 999)} {rng.randint(1000, 9999)}",
        lambda: f"{rng.randint(0, 23):02}:{rng.randint(0, 59):02}",
        lambda: f"{rng.randint(2, 99)} + {rng.randint(2, 99)} = {rng.randint(4, 198)}",
        lambda: f"{rng.randint(1, 400)} High Street",
        lambda: f"No. {rng.randint(1, 400)}",
    )
    return ["  ".join(rng.choice(kinds)() for _ in range(3)) for _ in range(n)]


def groups(rng: random.Random, n: int, letters: str, size: tuple[int, int] = (3, 6)) -> list[str]:
    """Random groups, 3–5 a line."""
    return [
        " ".join("".join(rng.choices(letters, k=rng.randint(*size))) for _ in range(rng.randint(3, 5)))
        for _ in range(n)
    ]


def text_of(words: list[list[Choice]]) -> str:
    """The text that was read."""
    return " ".join("".join(c.char for c in word) for word in words)


@dataclass(frozen=True)
class Held:
    """Held-back lines: frames, text, set."""

    log_p: NDArray[np.float32]
    offsets: NDArray[np.int64]
    text: list[str]
    source: list[str]

    @classmethod
    def load(cls, path: Path) -> Held:
        with np.load(path, allow_pickle=False) as stored:
            text, source = ([str(s) for s in stored[name]] for name in ("text", "set"))
            return cls(stored["log_p"].astype(np.float32), stored["offsets"], text, source)

    def frames(self, i: int) -> NDArray[np.float32]:
        return self.log_p[self.offsets[i] : self.offsets[i + 1]]

    def language(self, i: int) -> str:
        return "fr" if self.source[i].endswith("_fr") else "en"


def right(read: str, text: str) -> NDArray[np.bool_]:
    """Return which characters of `read` are right."""
    good = np.zeros(len(read), bool)
    for op, start, stop, _, _ in Levenshtein.opcodes(read, text):
        if op == "equal":
            good[start:stop] = True
    return good


def read_frames(
    held: Held, lines: list[int], languages: dict[str, Language], weight: float
) -> dict[int, list[Span]]:
    """Read lines forty at a time, each in its language."""
    read: dict[int, list[Span]] = {}
    for name, language in languages.items():
        mine = [i for i in lines if held.language(i) == name]
        for start in range(0, len(mine), 40):
            some = mine[start : start + 40]
            found = language.decode_ctc([held.frames(i) for i in some], weight=weight)
            read |= dict(zip(some, found, strict=True))
    return read


def measure_frames(path: Path, weight: float) -> None:
    """Print how the languages do on frames of held-back lines."""
    held = Held.load(path)
    languages = {name: Language.load(name) for name in ("en", "fr")}
    lines = list(range(1, len(held.text), 2))
    errors: dict[str, NDArray[np.float64]] = {}
    for k, w in enumerate((0.0, weight)):
        began = time.process_time()
        read = read_frames(held, lines, languages, w)
        spent = (time.process_time() - began) / len(lines)
        sure, good = [], []
        for i in lines:
            text = "".join(s.char for s in read[i])
            row = errors.setdefault(held.source[i], np.zeros(4))
            row[k] += Levenshtein.distance(text, held.text[i])
            row[2 + k] += len(held.text[i])
            sure += [np.exp(s.log_p) for s in read[i]]
            good += right(text, held.text[i]).tolist()
        p, ok = np.array(sure), np.array(good)
        high = p >= 0.9
        print(
            f"language {'on' if k else 'off':3}: {spent:.4f} s a line; {high.mean():.1%} of characters are "
            f"given 0.9 or more, {ok[high].mean():.1%} of these are right"
        )
    errors["all"] = np.sum(list(errors.values()), axis=0)
    print(f"{'':24}characters    off →   on   fewer errors")
    for name, (off, on, n, _) in errors.items():
        print(f"{name:24}{n:10.0f}  {off / n:6.1%} → {on / n:5.1%}   {1 - on / max(off, 1):6.1%}")
    plain = read_frames(held, lines, languages, 0.0)
    chosen = [choose(languages, ["".join(s.char for s in plain[i])]) == held.language(i) for i in lines]
    trust = ", ".join(f"{w:.3f}" for w in fit_trust(held, list(range(0, len(held.text), 2)), languages))
    print(f"weights of confidence by even lines: ({trust})")
    print(f"language chosen rightly from one line, read without language: {np.mean(chosen):.1%}")


def fit_trust(held: Held, lines: list[int], languages: dict[str, Language]) -> NDArray[np.float64]:
    """Return the weights of `spans.TRUST` of greatest likelihood (logistic regression by Newton's method)."""
    evidence, good = [], []
    for name, language in languages.items():
        mine = [i for i in lines if held.language(i) == name]
        for start in range(0, len(mine), 40):
            some = mine[start : start + 40]
            frames = [held.frames(i) for i in some]
            found = search(frames, language.model, CTC_WEIGHT)
            ink, context = spans.odds(frames, found, language.model, CTC_WEIGHT)
            for i, f, by_ink, together in zip(some, found, ink, context, strict=True):
                evidence.append(spans.evidence(by_ink.odds, together, f.text))
                good.append(right("".join(LINE[c] for c in f.text), held.text[i]))
    x, y = np.concatenate(evidence), np.concatenate(good).astype(np.float64)
    w = np.zeros(x.shape[1])
    for _ in range(20):
        p = 1 / (1 + np.exp(-x @ w))
        hessian = (x * (p * (1 - p))[:, None]).T @ x + 1e-3 * np.eye(len(w))
        w += np.linalg.solve(hessian, x.T @ (y - p))
    return w


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the language model on synthetic confusions.")
    parser.add_argument("--frames", type=Path, help="log probabilities of held-back lines, .npz")
    parser.add_argument("--books", type=Path)
    parser.add_argument(
        "--names", type=Path, help="text file, one name a line (what follows a tab does not count)"
    )
    parser.add_argument("--weight", type=float, default=1.0)
    parser.add_argument("--lines", type=int, default=60)
    options = parser.parse_args()
    if options.frames:
        measure_frames(options.frames, options.weight)
    if options.books:
        measure_confusions(options.books, options.names, options.weight, options.lines)


def measure_confusions(books: Path, names_file: Path | None, weight: float, n: int) -> None:
    """Print how the English language does on simulated classifiers."""
    rng = random.Random(7)
    sets = {"English": english(books, rng, n)}
    if names_file:
        names = [row.split("\t")[0] for row in names_file.read_text(encoding="utf-8").split("\n")]
        names = [w for w in names if w and clean(w).strip() == w]
        some = [" ".join(rng.sample(names, 3)) for _ in range(n)]
        sets["names"] = [s.title() if i % 2 else s.upper() for i, s in enumerate(some)]
    sets["numbers"] = numbers(rng, n)
    sets["random small"] = groups(rng, n, LOWER)
    sets["random capitals"] = groups(rng, n, UPPER)
    sets["random codes"] = groups(rng, n, UPPER + ALPHABET[:10])
    sets["random any"] = groups(rng, n, ALPHABET[:62])
    sets["one code a line"] = [
        f"{s} {g.split()[0]}" for s, g in zip(sets["English"], sets["random codes"], strict=True)
    ]
    language = Language.load("en")
    print(f"{'':18}{'ready-cut: off → on at 2, 6, 15 %':42}lattice: off → on at 2, 6, 15 %")
    looks = [Classifier.with_errors(rate) for rate in (0.02, 0.06, 0.15)]
    spent = 0.0
    for name, lines in sets.items():
        print(f"{name:18}", end="")
        for cut in (True, False):
            for look in looks:
                noise = np.random.default_rng(11)
                errors, total = np.zeros(2), 0
                for line in lines:
                    line = " ".join(line.split())
                    edges, breaks = lattice(line, look, noise, cut=cut)
                    began = time.perf_counter()
                    for k, w in enumerate((0.0, weight)):
                        errors[k] += Levenshtein.distance(
                            line, text_of(language.decode(edges, breaks, weight=w))
                        )
                    spent += time.perf_counter() - began
                    total += len(line)
                print(f"{errors[0] / total:5.1%} →{errors[1] / total:5.1%} ", end="", flush=True)
        print()
    print(f"{spent / (len(sets) * 6 * n):.4f} s a line for both")


if __name__ == "__main__":
    main()
