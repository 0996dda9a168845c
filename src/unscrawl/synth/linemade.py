"""Makes up what letters and forms are full of and books are not: dates, sums, names, addresses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

__all__ = ["MAKERS"]

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
_STREETS: Final = "Street St. Road Rd Avenue Ave. Lane Square Place Drive Terrace".split()
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
    if style in (4, 5):
        before = _of(rng, _DAYS[7:]) if style == 4 else f"{_of(rng, _TOWNS)}, le"
        return f"{before} {'1er' if day == 1 else day} {_MONTHS[2][month]} {year}"
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
    given, family = _of(rng, _GIVEN).lower(), _of(rng, _FAMILY).lower()
    return _of(
        rng,
        (f"{given}.{family}@{_of(rng, _TOWNS).lower()}.org", f"@{given}{family[:3]}", f"www.{family}.com"),
    )


MAKERS: Final[Sequence[Callable[[np.random.Generator], str]]] = (
    _date,
    _date,
    _number,
    _number,
    _name,
    _name,
    _address,
    _greeting,
    _greeting,
    _contact,
)
"""Each returns a few words; the more usual stand there more often."""
