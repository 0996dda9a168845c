"""From one reading of a page to the next: which words are the same ink, what changed, which text goes where.

All boxes are [left, top, width, height] in pixels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from unscrawl.web.document import compose, share_out
from unscrawl.web.records import Edit, Reading

__all__ = ["carry", "changes"]

_OVERLAP: Final = 0.5  # share of the narrower of two words that lies in the other: they are the same ink


def carry(old: Reading, result: dict[str, Any]) -> tuple[list[Edit], list[str]]:
    """Take the corrections of `old` over to the new reading `result` of the same picture.

    Words are matched by where they lie, as a new reading may part the line differently. Returns the
    corrections of the new words, and the texts that found no word.
    """
    edits: list[Edit] = []
    homeless: list[str] = []
    for group in _groups(old, result):
        if not group.corrected:
            continue
        if group.new:
            shares = share_out([word["text"] for word in group.new.values()], group.right)
            edits += [Edit(*place, share) for place, share in zip(group.new, shares, strict=True)]
        elif group.right:
            homeless.append(group.right)
    return edits, homeless


def changes(old: Reading, result: dict[str, Any]) -> tuple[list[dict[str, Any]], int, int]:
    """Return what reads differently in `result`, and of the corrections that did something: (saved, all).

    A correction is saved when the new reading has the right text by itself.
    """
    differ = []
    saved = wrong = 0
    for group in _groups(old, result):
        before = " ".join(word["read"] for word in group.old)
        after = " ".join(word["text"] for word in group.new.values())
        if group.corrected and before != group.right:
            wrong += 1
            saved += after == group.right
        if before != after and group.new:
            line, word = min(group.new)
            differ.append({"line": line, "word": word, "before": before, "after": after})
    return sorted(differ, key=lambda change: (change["line"], change["word"])), saved, wrong


@dataclass(frozen=True)
class _Group:
    """Words of the old reading, as they stand, and of the new one by (line, word), that are the same ink."""

    old: list[dict[str, Any]]
    new: dict[tuple[int, int], dict[str, Any]]

    @property
    def corrected(self) -> bool:
        return any(word["corrected"] for word in self.old)

    @property
    def right(self) -> str:
        return " ".join(word["text"] for word in self.old if word["text"])


def _groups(old: Reading, result: dict[str, Any]) -> Iterator[_Group]:
    """Part all words into the smallest groups such that no word of one lies in another."""
    by_line: dict[int, list[_Group]] = {}
    for line in compose(old)["lines"]:
        target = _line_at(line["box"], result)
        by_line.setdefault(target, []).extend(_Group([word], {}) for word in line["words"])
    for i, line in enumerate(result["lines"]):
        groups = by_line.get(i, [])
        for j, word in enumerate(line["words"]):
            mine = [g for g in groups if any(_same(o["box"], word["box"]) for o in g.old)]
            both = _Group([o for g in mine for o in g.old], {(i, j): word})
            for group in mine:
                both.new.update(group.new)
            groups = [*(g for g in groups if g not in mine), both]
        by_line[i] = groups
    for groups in by_line.values():
        yield from groups


def _line_at(box: Sequence[int], result: dict[str, Any]) -> int:
    """Return which line of `result` covers most of `box`, -1 where none does."""
    boxes = [line["box"] for line in result["lines"]]
    shared = [max(_shared(box, b, 0), 0) * max(_shared(box, b, 1), 0) for b in boxes]
    best = max(range(len(shared)), key=shared.__getitem__, default=-1)
    return best if any(shared) else -1


def _shared(a: Sequence[int], b: Sequence[int], axis: int) -> int:
    """What two boxes have in common along an axis, 0 across and 1 down; negative: how far apart they are."""
    return min(a[axis] + a[axis + 2], b[axis] + b[axis + 2]) - max(a[axis], b[axis])


def _same(a: Sequence[int], b: Sequence[int]) -> bool:
    return _shared(a, b, 0) >= _OVERLAP * min(a[2], b[2])
