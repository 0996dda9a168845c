"""What people write on a line: runs of prose, word sequences, dates, sums, names, addresses."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unscrawl.alphabet import LINE

__all__ = ["LineText", "french_words", "to_line"]

_LONG: Final = 400  # a text of more characters is prose to cut lines from
_KNOWN: Final = frozenset(LINE)
_LIKE: Final = str.maketrans(
    {
        "’": "'",
        "‘": "'",
        "`": "'",
        "´": "'",
        "“": '"',
        "”": '"',
        "„": '"',
        "–": "—",
        "‐": "-",
        "‑": "-",
        "¬": "-",
    }
    | {"…": "...", "\u00a0": " ", "\u202f": " ", "ſ": "s", "ﬁ": "fi", "ﬂ": "fl", "−": "-", "×": "*", "º": "°"}
)
_DASHES: Final = re.compile(r"-{2,}")
_VOWELS: Final = "aeiouyhàâéèêîôûœ"
_GIVEN: Final = (
    "Alice Andrew Anna Arthur Barbara Charles Clara Daniel David Edith Edward Eleanor Emily Emma Frank "
    "George Grace Hannah Harriet Harry Helen Henry Jack James Jane John Joseph Kate Laura Lucy Margaret "
    "Martha Mary Max Michael Nora Oliver Paul Peter Rachel Robert Rose Ruth Samuel Sarah Sophie Susan "
    "Thomas Victor Walter William Zoe Adèle Amélie Antoine Aurélie Benoît Cécile Céline Édouard Élise "
    "Émile Étienne François Françoise Gérard Hélène Hervé Jérôme Joël Léon Louise Maël Noémie Pierre "
    "René Rémi Stéphane Thérèse Valérie Yves Zoé"
).split()
_FAMILY: Final = (
    "Adams Allen Baker Bell Bennett Brown Carter Clark Cooper Davies Dixon Evans Fisher Fletcher Foster "
    "Gibson Gray Green Hall Harris Hughes Jackson Jenkins Johnson Kelly King Knight Lewis Marshall Mason "
    "Miller Mitchell Moore Murphy Parker Phillips Powell Price Quinn Reed Roberts Scott Shaw Smith "
    "Taylor Turner Walker Ward Watson Wright Young Beaulieu Besançon Bouchard Côté Duhamel Dupré "
    "Fournier Gagné Gauthier Lefèvre Lévesque Mercier Moreau Noël Pelletier Prévost Rivière Tremblay "
    "Vallée Zeller"
).split()
_TOWNS: Final = (
    "Avon Bath Boston Brighton Bristol Cambridge Chester Derby Dover Dublin Durham Exeter Glasgow Hull "
    "Kent Leeds Lincoln London Norwich Oxford Perth Preston Quebec Reading Salem Toronto York Amiens "
    "Angers Besançon Bordeaux Dijon Genève Lille Lyon Montréal Nîmes Orléans Paris Québec Rennes Rouen "
    "Saint-Étienne Tours Vannes"
).split()
_STREETS: Final = (
    "Street",
    "St.",
    "Road",
    "Rd",
    "Avenue",
    "Ave.",
    "Lane",
    "Square",
    "Place",
    "Drive",
    "Terrace",
)
_MONTHS: Final = (
    "January February March April May June July August September October November December".split(),
    "Jan. Feb. March Apr. May June July Aug. Sept. Oct. Nov. Dec.".split(),
    "janvier février mars avril mai juin juillet août septembre octobre novembre décembre".split(),
)
_TITLES: Final = ("Mr", "Mr.", "Mrs", "Mrs.", "Miss", "Dr", "Dr.", "M.", "Mme", "Mlle", "Sir")
_DAYS: Final = (
    "Monday Tuesday Wednesday Thursday Friday Saturday Sunday lundi mardi mercredi jeudi vendredi samedi "
    "dimanche"
).split()
_GREETINGS: Final = (
    "Dear Sir,|Dear Madam|My dear friend,|Yours truly,|Yours sincerely|With love from|Thank you!|"
    "Many thanks|P.S.|Best wishes,|Kind regards|Cher ami,|Chère Madame,|Monsieur,|Je t'embrasse|Amitiés|"
    "Bien à vous,|À bientôt !"
).split("|")


def to_line(text: str) -> str:
    """Return `text` in characters of `alphabet.LINE`: look-alikes folded, accents dropped where need be."""
    folded = unicodedata.normalize("NFC", text).translate(_LIKE)
    if not _KNOWN.issuperset(folded):
        kept = (
            c if c in _KNOWN else unicodedata.normalize("NFD", c)[0] if c.isalpha() else " " for c in folded
        )
        folded = "".join(c for c in kept if c in _KNOWN)
    return " ".join(_DASHES.sub("—", folded).split())


def french_words(limit: int = 20000) -> list[str]:
    """Return the most frequent French words, first the most frequent; needs the package `wordfreq`."""
    from wordfreq import top_n_list

    words = (to_line(word) for word in top_n_list("fr", limit))
    return [word for word in words if word and word[0].isalpha() and (len(word) > 1 or word in "àaôy")]


class LineText:
    """Draws lines of text from prose, other lines, word lists, and what it makes up itself."""

    def __init__(self, texts: Sequence[str] = (), words: Sequence[str] = ()) -> None:
        """Take material.

        Args:
            texts: long ones are prose from which runs are cut, short ones lines as they are.
            words: a language's words, the most frequent first, written by Zipf's law.
        """
        self._prose = [t for t in texts if len(t) > _LONG]
        self._lines = [t for t in texts if 0 < len(t) <= _LONG]
        self._words = list(words)
        sizes = np.array([len(t) for t in self._prose], np.float64)
        self._by_size = np.cumsum(sizes / max(sizes.sum(), 1.0))
        zipf = np.cumsum(1 / (np.arange(len(self._words)) + 2.7))
        self._by_rank = zipf / zipf[-1] if len(zipf) else zipf
        sources: list[tuple[float, Callable[[np.random.Generator, int], str]]] = [(0.16, self._made)]
        sources += [(0.48, self._run)] if self._prose else []
        sources += [(0.2, self._line)] if self._lines else []
        sources += [(0.16, self._sequence)] if self._words else []
        self._sources = [source for _, source in sources]
        shares = np.array([share for share, _ in sources])
        self._by_share = np.cumsum(shares / shares.sum())

    def draw(self, rng: np.random.Generator) -> str:
        """Return one line of 1 to 90 characters of `alphabet.LINE`, mostly 15 to 60."""
        kind = rng.random()
        if kind < 0.06:
            length = int(rng.integers(1, 9))
        elif kind < 0.17:
            length = int(rng.integers(8, 21))
        else:
            length = int(np.clip(rng.normal(42, 14), 12, 90))
        text = ""
        while not text:
            source = self._sources[_pick(self._by_share, rng)]
            text = _cut(to_line(source(rng, length)), length)
        if rng.random() < 0.035:
            text = _cut(to_line(text.upper()), 90)
        return text

    def _run(self, rng: np.random.Generator, length: int) -> str:
        text = self._prose[_pick(self._by_size, rng)]
        at = int(rng.integers(max(len(text) - length - 80, 1)))
        run = text[at : at + length + 80]
        return run[run.find(" ") + 1 :] if at else run

    def _line(self, rng: np.random.Generator, length: int) -> str:
        line = self._lines[int(rng.integers(len(self._lines)))]
        if len(line) > 1.3 * length and " " in line and rng.random() < 0.5:
            return line[line.find(" ", int(rng.integers(len(line) - length))) + 1 :]
        return line

    def _sequence(self, rng: np.random.Generator, length: int) -> str:
        parts: list[str] = []
        size, begin = 0, bool(rng.random() < 0.4)
        while size < length + 2:
            word = self._words[_pick(self._by_rank, rng)]
            if begin or rng.random() < 0.03:
                word = word[0].upper() + word[1:]
            elif word[0] in _VOWELS and rng.random() < 0.3:
                word = str(rng.choice(["l'", "d'", "qu'", "n'", "s'", "j'", "c'"])) + word
            mark = rng.random()
            begin = mark < 0.04
            word += ("." if rng.random() < 0.8 else " !") if begin else ("," if mark < 0.12 else "")
            parts.append(word)
            size += len(word) + 1
        return " ".join(parts)

    def _made(self, rng: np.random.Generator, length: int) -> str:
        make = _MAKERS[int(rng.integers(len(_MAKERS)))]
        text = make(rng)
        while len(text) < length - 6 and rng.random() < 0.6:
            other = self._run(rng, length) if self._prose and rng.random() < 0.5 else make(rng)
            text += (
                str(rng.choice([" ", ", ", " - ", "; ", " — ", " & "], p=[0.5, 0.25, 0.1, 0.05, 0.05, 0.05]))
                + other
            )
        return text


def _pick(cumulative: NDArray[np.float64], rng: np.random.Generator) -> int:
    return min(int(np.searchsorted(cumulative, rng.random())), len(cumulative) - 1)


def _cut(text: str, length: int) -> str:
    """Shorten to whole words of about `length` characters, a single long word to `length`."""
    if len(text) <= max(length, 4):
        return text
    end = text.rfind(" ", 0, length + 4)
    return text[:end].strip() if end > 0 else text[: max(length, 3)]


def _of(rng: np.random.Generator, values: Sequence[str]) -> str:
    return values[int(rng.integers(len(values)))]


def _date(rng: np.random.Generator) -> str:
    day, month, year = int(rng.integers(1, 32)), int(rng.integers(12)), int(rng.integers(1840, 2030))
    style = int(rng.integers(8))
    if style == 0:
        mark = _of(rng, "./-")
        return f"{day}{mark}{month + 1}{mark}{year if rng.random() < 0.5 else f'{year % 100:02}'}"
    if style == 1:
        return f"{_MONTHS[0][month]} {day}, {year}"
    if style == 2:
        return f"{_MONTHS[1][month]} {day}/{year % 100:02}"
    if style == 3:
        ending = {1: "st", 2: "nd", 3: "rd"}.get(day % 10 if day not in (11, 12, 13) else 0, "th")
        return f"{_of(rng, _DAYS[:7])} {day}{ending} {_MONTHS[0][month]}"
    if style == 4:
        return f"{_of(rng, _DAYS[7:])} {'1er' if day == 1 else day} {_MONTHS[2][month]} {year}"
    if style == 5:
        return f"{_of(rng, _TOWNS)}, le {'1er' if day == 1 else day} {_MONTHS[2][month]} {year}"
    if style == 6:
        return f"{year}-{month + 1:02}-{min(day, 28):02}"
    return f"{day} {_MONTHS[0][month]} {year}"


def _number(rng: np.random.Generator) -> str:
    value = int(10 ** rng.uniform(0, 6))
    style = int(rng.integers(9))
    if style == 0:
        return f"{_of(rng, '£$€')}{value:,}.{int(rng.integers(100)):02}"
    if style == 1:
        return f"{value % 1000},{int(rng.integers(100)):02} {_of(rng, ('€', 'F', 'fr', 'kg', 'm', 'km'))}"
    if style == 2:
        a, b = int(rng.integers(1, 100)), int(rng.integers(1, 100))
        return _of(rng, (f"{a} + {b} = {a + b}", f"{a + b} - {b} = {a}", f"{a} * {b} = {a * b}", f"{a}/{b}"))
    if style == 3:
        return f"{_of(rng, ('N°', 'No.', 'no', '#', 'p.', 'fol.', 'tel.', 'Tél.'))} {value}"
    if style == 4:
        return f"{int(rng.integers(101))} %"
    if style == 5:
        return f"{int(rng.integers(24))}{_of(rng, (':', 'h', '.'))}{int(rng.integers(60)):02}"
    if style == 6:
        return " ".join(f"{int(rng.integers(100)):02}" for _ in range(5))
    if style == 7:
        return f"({value % 100}) {_of(rng, ('1er', '2e', '3ème', '4th', 'IV', 'XII', 'a)', 'b.'))}"
    return f"{value}"


def _name(rng: np.random.Generator) -> str:
    given, family = _of(rng, _GIVEN), _of(rng, _FAMILY)
    style = int(rng.integers(7))
    if style == 0:
        return f"{_of(rng, _TITLES)} {family}"
    if style == 1:
        return f"{given[0]}. {_of(rng, _GIVEN)[0]}. {family}"
    if style == 2:
        return f"{family} {given}"
    if style == 3:
        return f"{family.upper()}, {given}"
    if style == 4:
        return f"{given} & {_of(rng, _GIVEN)} {family}"
    return f"{given} {family}"


def _address(rng: np.random.Generator) -> str:
    number, town = int(rng.integers(1, 400)), _of(rng, _TOWNS)
    if rng.random() < 0.35:
        road = _of(rng, ("rue de la", "rue du", "rue", "avenue de", "boulevard", "place", "quai"))
        street = f"{number}{_of(rng, (', ', ' ', ' bis, '))}{road} {_of(rng, _FAMILY)}"
        return f"{street}, {int(rng.integers(1000, 99000)):05} {town}"
    street = f"{number} {_of(rng, _FAMILY)} {_of(rng, _STREETS)}, {town}"
    if rng.random() < 0.6:
        return street
    district = f"{_of(rng, 'ABELMNSW')}{int(rng.integers(1, 20))}"
    return f"{street} {district} {int(rng.integers(10))}{_of(rng, 'ABDEH')}{_of(rng, 'JLNPQ')}"


def _greeting(rng: np.random.Generator) -> str:
    return _of(rng, _GREETINGS) if rng.random() < 0.6 else f"Dear {_of(rng, _GIVEN)}{_of(rng, ',!-')}"


def _contact(rng: np.random.Generator) -> str:
    given, family = to_line(_of(rng, _GIVEN)).lower(), _of(rng, _FAMILY).lower()
    return _of(
        rng,
        (f"{given}.{family}@{_of(rng, _TOWNS).lower()}.org", f"@{given}{family[:3]}", f"www.{family}.com"),
    )


_MAKERS: Final = (_date, _date, _number, _number, _name, _name, _address, _greeting, _greeting, _contact)
