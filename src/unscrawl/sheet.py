"""The sheet of paper in a photograph that also shows the desk it lies on."""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["find_sheet"]

_SIDE: Final = 256  # px: the picture is looked at this small; writing vanishes, edges of the sheet stay
_STEP: Final = 0.05  # relative change of brightness over two such pixels that paper never shows, but edges do
_LEAST: Final = 0.12  # share of the picture that a sheet on a desk takes, at least
_MOST: Final = 0.985  # and at most
_SOLID: Final = 0.85  # share of its convex hull that must be smooth
_EDGED: Final = 0.6  # share of its outline along which the brightness must change


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
    change = _change(small)
    region = _region(small, change)
    if region is None:
        return None
    hull = _hull(region)
    inside = np.asarray(cv2.fillConvexPoly(np.zeros_like(region), hull, 1), np.uint8)
    share = float(inside.mean())
    if not _LEAST < share < _MOST or float(region.sum()) < _SOLID * float(inside.sum()):
        return None
    if _edged(change, inside) < _EDGED:
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


def _region(small: NDArray[np.uint8], change: NDArray[np.float32]) -> NDArray[np.uint8] | None:
    """Return the largest smooth region, with those of its own colour that a shadow parts from it, or None."""
    smooth = (change < _STEP).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(smooth, connectivity=4)
    areas = stats[:, cv2.CC_STAT_AREA].astype(np.int64)
    areas[0] = 0
    if count < 2 or areas.max() < 0.05 * smooth.size:
        return None
    main = int(_paperlike(small, labels, areas))
    region = (labels == main).astype(np.uint8)
    colour = _colour(small, labels == main)
    for i in np.argsort(-areas)[:8]:
        if i == main or areas[i] < 0.03 * smooth.size:
            continue
        other = labels == i
        if np.abs(_colour(small, other) - colour).max() > 0.03:
            continue
        joined = region | other.astype(np.uint8)
        hull = cv2.fillConvexPoly(np.zeros_like(region), _hull(joined), 1)
        if joined.sum() > _SOLID * hull.sum():
            region = joined
    return np.asarray(cv2.morphologyEx(region, cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8)), np.uint8)


def _paperlike(small: NDArray[np.uint8], labels: Any, areas: NDArray[np.int64]) -> int:
    """Return the label of the smooth region that is most likely paper: large, and away from the border."""
    frame = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    at_border = np.bincount(frame, minlength=len(areas)) / len(frame)
    return int(np.argmax(areas * (1.0 - 0.8 * at_border)))


def _colour(small: NDArray[np.uint8], where: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the chromaticity (r, g, b shares), which a shadow hardly changes."""
    mean = small[where].mean(axis=0).astype(np.float64)
    shares: NDArray[np.float64] = mean / max(float(mean.sum()), 1.0)
    return shares


def _hull(region: NDArray[np.uint8]) -> NDArray[np.int32]:
    return np.asarray(cv2.convexHull(cv2.findNonZero(region)), np.int32)


def _edged(change: NDArray[np.float32], inside: NDArray[np.uint8]) -> float:
    """Return the share of the outline, the picture's own border aside, along which brightness changes."""
    box = np.ones((3, 3), np.uint8)
    outline = (cv2.dilate(inside, box) - cv2.erode(inside, box, borderValue=1)).astype(bool)
    outline[[0, -1]] = outline[:, [0, -1]] = False
    near = cv2.dilate(change, np.ones((5, 5), np.uint8))
    return float((near[outline] > _STEP).mean()) if outline.any() else 0.0
