"""The sheet of paper in a photograph that also shows the desk it lies on, if only at its edges."""

from __future__ import annotations

from itertools import combinations
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from unscrawl.ink.paper import tint

__all__ = ["find_sheet", "without_desk"]

_SIDE: Final = 256  # px: the picture is looked at this small; writing vanishes, edges of the sheet stay
_STEP: Final = 0.05  # relative change of brightness over two such pixels that paper never shows, but edges do
_LEAST: Final = 0.12  # share of the picture that a sheet on a desk takes, at least
_MOST: Final = 0.985  # and at most
_NOTE: Final = 0.035  # the same least share for a note much brighter than the desk about it
_DIM: Final = 0.6  # share of a note's brightness that such a desk has at most
_AGAIN: Final = 0.25  # of a sheet's area: more paper beyond a shadow, as bright, belongs to it
_SOLID: Final = 0.7  # share of its convex hull that must be smooth
_OTHERS: Final = 0.1  # share of its convex hull that other smooth regions may take
_EDGED: Final = 0.75  # share of its outline along which the brightness must change
_BESIDE: Final = 9  # such pixels about the outline, where a fold has its shade, that are left out of account
_ROUND: Final = 21  # over so many brightness is averaged on either side
_LASTING: Final = 0.12  # relative change of brightness by which the two sides of an edge differ
_PARTS: Final = 12  # of a sheet at most, where a letter was folded twice and thrice
_PART: Final = 0.015  # share of the picture that a part of a sheet takes, at least
_OPEN: Final = 0.2  # share of a sheet's outline that may lie on the picture's border
_TINT: Final = 0.03  # difference in a share of red, green or blue, which a shadow hardly changes
_SHADE: Final = 0.3  # of the light is left in the deepest shadow
_FINE: Final = 600  # px: what is left of the desk is looked for in a picture of this side
_BROAD: Final = 0.015  # of that side: no stroke of a pen is broader
_DARK: Final = 40  # absorbance (of 255) of a desk at least


def find_sheet(rgb: NDArray[np.uint8]) -> NDArray[np.float64] | None:
    """Return the convex outline of the sheet, [n, 2] points (x, y) in pixels of `rgb`, or None.

    A sheet is a large, smooth, convex region with an edge all around. None means that no such region stands
    out: the paper fills the picture.
    """
    h, w = rgb.shape[:2]
    scale = min(1.0, _SIDE / max(h, w))
    size = (max(3, round(w * scale)), max(3, round(h * scale)))
    if min(size) < 32:
        return None
    small = _without_writing(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA))
    inside = _best(small, _change(small))
    if inside is None:
        return None
    inner = np.asarray(cv2.erode(inside, np.ones((5, 5), np.uint8), borderValue=1), np.uint8)
    if not inner.any():
        return None
    corners = _hull(inner).astype(np.float64)[:, 0]
    # Points lie on pixel centres; at the border of the picture the sheet goes on to its very end.
    last = np.array(size) - 1
    outline: NDArray[np.float64] = np.where(
        corners <= 0, 0, np.where(corners >= last, last + 1, corners + 0.5)
    )
    outline *= np.array([w / size[0], h / size[1]])
    return outline


def without_desk(
    absorbed: NDArray[np.uint8], outline: NDArray[np.float64] | None = None
) -> NDArray[np.uint8]:
    """Return the absorbance of a page, uint8 [h, w], without what is dark and broad at its edge.

    Args:
        outline: convex, [n, 2] points (x, y), px, of the sheet; None where the paper fills the picture.
    """
    h, w = absorbed.shape
    scale = min(1.0, _FINE / max(h, w))
    size = (max(1, round(w * scale)), max(1, round(h * scale)))
    small = cv2.resize(absorbed, size, interpolation=cv2.INTER_AREA)
    side = max(3, round(_BROAD * max(size))) | 1
    broad = cv2.morphologyEx(
        (np.asarray(small) > _DARK).astype(np.uint8), cv2.MORPH_OPEN, np.ones((side, side), np.uint8)
    )
    inside = np.ones((size[1] + 2, size[0] + 2), np.uint8)
    if outline is not None:
        corners = np.rint(outline * scale).astype(np.int32) + 1
        inside = np.asarray(cv2.fillConvexPoly(np.zeros_like(inside), corners, 1), np.uint8)
    inside[[0, -1]] = inside[:, [0, -1]] = 0
    inner = np.asarray(cv2.erode(inside, np.ones((5, 5), np.uint8), borderValue=0), np.uint8)[1:-1, 1:-1]
    count, labels = cv2.connectedComponents(np.asarray(broad, np.uint8), connectivity=4)
    outer = np.bincount(np.asarray(labels)[inner == 0], minlength=count) > 0
    outer[0] = False
    if not outer.any():
        return absorbed
    desk = cv2.dilate(outer.astype(np.uint8)[labels], np.ones((7, 7), np.uint8))
    paper = cv2.resize(1 - np.asarray(desk, np.uint8), (w, h), interpolation=cv2.INTER_NEAREST)
    return np.asarray(absorbed * paper, np.uint8)


def _without_writing(small: Any) -> NDArray[np.uint8]:
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9))
    return np.asarray(cv2.medianBlur(cv2.morphologyEx(small, cv2.MORPH_CLOSE, kernel), 5), np.uint8)


def _change(small: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the largest relative change of any channel within 3 × 3 pixels."""
    box = np.ones((3, 3), np.uint8)
    high = cv2.dilate(small, box).astype(np.float32)
    low = cv2.erode(small, box).astype(np.float32)
    change: NDArray[np.float32] = ((high - low) / np.maximum(high.max(axis=2, keepdims=True), 24)).max(axis=2)
    return change


def _best(small: NDArray[np.uint8], change: NDArray[np.float32]) -> NDArray[np.uint8] | None:
    """Return the convex hull, uint8 [h, w], of the most likely sheet: one smooth region, or two or three that
    shadows part, or all that there are of one tint, as folds leave them; None if none of them looks like
    one. Large is likely, and so is away from the border."""
    smooth = (change < _STEP).astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(smooth, connectivity=4)
    areas = stats[:, cv2.CC_STAT_AREA]
    large = [i for i in np.argsort(-areas)[:_PARTS] if i and areas[i] > _PART * smooth.size]
    tints = {i: tint(small[labels == i]) for i in large}
    lights = {i: float(small[labels == i].mean()) for i in large}
    few = [some for n in (1, 2, 3) for some in combinations(large[:6], n)]
    tinted = {(i, j): np.abs(tints[i] - tints[j]).max() <= _TINT for i in large for j in large}
    alike = {
        (i, j): same and abs(lights[i] - lights[j]) <= _LASTING * max(lights[i], lights[j])
        for (i, j), same in tinted.items()
    }
    whole = {tuple(j for j in large if tinted[i, j]) for i in large}
    best, found = 0.0, None
    for parts in (*few, *sorted(some for some in whole if len(some) > 3)):
        if np.ptp([tints[i] for i in parts], axis=0).max() > _TINT:
            continue
        region = np.isin(labels, parts).astype(np.uint8)
        region = np.asarray(cv2.morphologyEx(region, cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8)), np.uint8)
        inside = np.asarray(cv2.fillConvexPoly(np.zeros_like(region), _hull(region), 1), np.uint8)
        likely = float(inside.mean()) * (1.0 - float(_frame(inside).mean()))
        others = float((inside * smooth * (1 - region)).sum())
        if others > _OTHERS * float(inside.sum()):
            continue
        again = [i for i in large if i not in parts and any(alike[i, j] for j in parts)]
        if float(areas[again].sum()) > _AGAIN * float(region.sum()):
            continue
        if likely > best and _is_sheet(small, change, region, inside):
            best, found = likely, inside
    return found


def _is_sheet(
    small: NDArray[np.uint8],
    change: NDArray[np.float32],
    region: NDArray[np.uint8],
    inside: NDArray[np.uint8],
) -> bool:
    """Tell whether `region` fills its hull `inside` and that has an edge all around.

    What ends where the picture ends, like half of a page with a shadow or a fold, or goes right through it,
    like the paper between two shadows, must also differ from the rest by more than a shadow does.
    """
    share = float(inside.mean())
    if not _NOTE < share < _MOST or float(region.sum()) < _SOLID * float(inside.sum()):
        return False
    if share < _LEAST and small[inside == 0].mean() > _DIM * small[inside > 0].mean():
        return False
    if min(_edged(change, inside), _parted(small, inside)) < _EDGED:
        return False
    outline = inside - np.asarray(cv2.erode(inside, np.ones((3, 3), np.uint8), borderValue=0), np.uint8)
    top, bottom, left, right = (side.any() for side in (inside[0], inside[-1], inside[:, 0], inside[:, -1]))
    through = (top and bottom) or (left and right)
    if not through and float(_frame(outline).sum()) < _OPEN * float(outline.sum()):
        return True
    away = cv2.dilate(inside, np.ones((7, 7), np.uint8)) == 0
    if not away.any():
        return False
    own, other = small[inside > 0], small[away]
    differs = np.abs(tint(own) - tint(other)).max() > _TINT
    return bool(differs or other.mean() < _SHADE * own.mean())


def _frame(plane: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.concatenate([plane[0], plane[-1], plane[:, 0], plane[:, -1]])


def _hull(region: NDArray[np.uint8]) -> NDArray[np.int32]:
    return np.asarray(cv2.convexHull(cv2.findNonZero(region)), np.int32)


def _outline(inside: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return the pixels on both sides of the edge of a region, the picture's own border aside."""
    box = np.ones((3, 3), np.uint8)
    outline = (cv2.dilate(inside, box) - cv2.erode(inside, box, borderValue=1)).astype(bool)
    outline[[0, -1]] = outline[:, [0, -1]] = False
    return outline


def _edged(change: NDArray[np.float32], inside: NDArray[np.uint8]) -> float:
    """Return the share of the outline along which brightness changes."""
    outline = _outline(inside)
    near = cv2.dilate(change, np.ones((5, 5), np.uint8))
    return float((near[outline] > _STEP).mean()) if outline.any() else 0.0


def _parted(small: NDArray[np.uint8], inside: NDArray[np.uint8]) -> float:
    """Return the share of the outline beyond which brightness is another than on this side of it.

    Beyond a fold the paper goes on much as before: only a line and its shade part the two sides.
    """
    outline = _outline(inside)
    box, means = np.ones((_BESIDE, _BESIDE), np.uint8), []
    for side in (inside, 1 - inside):
        part = np.asarray(cv2.erode(side, box, borderValue=1), np.float32)
        weight = np.asarray(cv2.blur(part, (_ROUND, _ROUND)))[..., None]
        total = np.asarray(cv2.blur(small * part[..., None], (_ROUND, _ROUND)))
        means.append(total / np.maximum(weight, 1e-6))
        outline &= weight[..., 0] > 0.02  # where a side is too narrow there is nothing to compare
    brighter = np.maximum(np.maximum(*means).max(axis=2), 24)
    differs = np.abs(means[0] - means[1]).max(axis=2) > _LASTING * brighter
    return float(differs[outline].mean()) if outline.any() else 0.0
