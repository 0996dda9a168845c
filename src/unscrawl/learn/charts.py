"""Charts as inline SVG, and arrays as inline PNG: all that the report draws."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import floor, log10
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["curves", "matrix", "png", "reliability"]

_COLOURS: Final = ("var(--right)", "var(--wrong)")
"""The page's own, so that they suit its light and its dark form."""
_LEFT, _TOP, _RIGHT, _BOTTOM = 56, 14, 22, 42


@dataclass(frozen=True)
class _Frame:
    """A plot area and the ranges of its axes."""

    width: int
    height: int
    x: tuple[float, float]
    y: tuple[float, float]

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Return the place of a value on the drawing."""
        w, h = self.width - _LEFT - _RIGHT, self.height - _TOP - _BOTTOM
        across = (x - self.x[0]) / (self.x[1] - self.x[0])
        up = (y - self.y[0]) / (self.y[1] - self.y[0])
        return round(_LEFT + across * w, 1), round(_TOP + (1 - up) * h, 1)

    def axes(self, x_label: str, y_label: str, percent: tuple[bool, bool], *, whole: bool = False) -> str:
        """Return grid, tick labels and axis labels; with `whole`, x is labelled at whole numbers only."""
        parts = []
        for value in _ticks(*self.x):
            if whole and value % 1:
                continue
            x, y = self.at(value, self.y[0])
            parts.append(f'<path class="grid" d="M{x} {_TOP}V{y}"/>')
            parts.append(f'<text x="{x}" y="{y + 16}" text-anchor="middle">{_tick(value, percent[0])}</text>')
        for value in _ticks(*self.y):
            x, y = self.at(self.x[0], value)
            parts.append(f'<path class="grid" d="M{x} {y}H{self.width - _RIGHT}"/>')
            parts.append(f'<text x="{x - 6}" y="{y + 4}" text-anchor="end">{_tick(value, percent[1])}</text>')
        middle = (_LEFT + self.width - _RIGHT) / 2
        parts.append(
            f'<text x="{middle}" y="{self.height - 6}" text-anchor="middle">{escape(x_label)}</text>'
        )
        across = (_TOP + self.height - _BOTTOM) / 2
        parts.append(
            f'<text transform="translate(13 {across}) rotate(-90)" text-anchor="middle">'
            f"{escape(y_label)}</text>"
        )
        return "".join(parts)

    def svg(self, title: str, content: str) -> str:
        """Return the whole drawing."""
        return _svg(self.width, self.height, title, content)


def _svg(width: float, height: float, title: str, content: str) -> str:
    return (
        f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">'
        f"<title>{escape(title)}</title>{content}</svg>"
    )


def _ticks(low: float, high: float) -> list[float]:
    """Return four to nine round values between `low` and `high`."""
    step = 10.0 ** floor(log10((high - low) / 2))
    step = next(step * m for m in (0.1, 0.2, 0.25, 0.5, 1, 2, 5) if (high - low) / (step * m) <= 8)
    first = int(np.ceil(low / step - 1e-9))
    return [round(i * step, 10) for i in range(first, floor(high / step + 1e-9) + 1)]


def _tick(value: float, percent: bool) -> str:
    return f"{value * 100:.6g}%" if percent else f"{value:.6g}"


def curves(
    title: str, series: Mapping[str, Sequence[tuple[float, float]]], y_label: str, *, percent: bool = False
) -> str:
    """Return lines over epochs: name → (epoch, value) pairs. Values that are no numbers are left out."""
    points = {n: [(x, y) for x, y in pairs if np.isfinite(y)] for n, pairs in series.items()}
    points = {name: pairs for name, pairs in points.items() if pairs}
    everything = [pair for pairs in points.values() for pair in pairs]
    if not everything:
        return ""
    xs, ys = [x for x, _ in everything], [y for _, y in everything]
    margin = max((max(ys) - min(ys)) * 0.08, 0.002)
    top = min(max(ys) + margin, 1.0) if percent else max(ys) + margin
    low = max(min(ys) - margin, 0.0)
    ends = (min(xs), max(xs)) if len(set(xs)) > 1 else (0.0, 2 * xs[0])
    frame = _Frame(520, 280, ends, (min(low, top - margin), top))
    parts = [frame.axes("epoch", y_label, (False, percent), whole=True)]
    for (name, pairs), colour in zip(points.items(), _COLOURS, strict=False):
        places = [frame.at(x, y) for x, y in pairs]
        path = "M" + "L".join(f"{x} {y}" for x, y in places)
        parts.append(f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        for (x, y), (epoch, value) in zip(places, pairs, strict=True):
            about = f"{name}, epoch {epoch:g}: {_tick(round(value, 5), percent)}"
            parts.append(
                f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"><title>{escape(about)}</title></circle>'
            )
    return f"<figure>{frame.svg(title, ''.join(parts))}{_key(points)}</figure>"


def _key(names: Mapping[str, Any]) -> str:
    marks = (
        f'<span><i style="background:{colour}"></i>{escape(name)}</span>'
        for name, colour in zip(names, _COLOURS, strict=False)
    )
    return f"<figcaption>{''.join(marks)}</figcaption>"


def reliability(bins: Sequence[tuple[float, float, int]]) -> str:
    """Return accuracy against confidence: (mean confidence, accuracy, count) of each bin.

    A dot's area grows with the share of pictures in its bin; below the diagonal the network is too sure.
    """
    frame = _Frame(360, 340, (0.0, 1.0), (0.0, 1.0))
    (x0, y0), (x1, y1) = frame.at(0, 0), frame.at(1, 1)
    parts = [frame.axes("confidence", "accuracy", (True, True))]
    parts.append(f'<path d="M{x0} {y0}L{x1} {y1}" class="ideal"/>')
    whole = sum(count for _, _, count in bins)
    for confidence, accuracy, count in bins:
        x, y = frame.at(confidence, accuracy)
        _, ideal = frame.at(confidence, confidence)
        radius = 3 + 11 * (count / whole) ** 0.5
        about = f"confidence {confidence:.1%}, accuracy {accuracy:.1%}, {count:,} pictures"
        parts.append(f'<path d="M{x} {y}V{ideal}" stroke="{_COLOURS[1]}" stroke-width="1.5"/>')
        parts.append(
            f'<circle cx="{x}" cy="{y}" r="{radius:.1f}" fill="{_COLOURS[0]}" fill-opacity="0.75">'
            f"<title>{escape(about)}</title></circle>"
        )
    return frame.svg("Accuracy against confidence", "".join(parts))


def matrix(confusion: NDArray[np.int64], classes: Sequence[str]) -> str:
    """Return a confusion matrix [label, guess]; the shade is the share of the label's pictures."""
    C = len(classes)
    side = min(44.0, max(9.0, 760 / C))
    margin = min(120, 14 + 7 * max(len(name) for name in classes))
    share = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    size = round(margin + 20 + C * side + 4)
    parts = [
        f'<rect x="{margin + 20}" y="{margin + 20}" width="{C * side}" height="{C * side}" class="field"/>'
    ]
    for i, j in np.argwhere(confusion > 0).tolist():
        x, y = margin + 20 + j * side, margin + 20 + i * side
        colour = _COLOURS[0] if i == j else _COLOURS[1]
        # A mistake of one in a thousand is to be seen: the root spreads the small shares.
        shade = float(share[i, j]) ** (1.0 if i == j else 0.3)
        about = f"{classes[i]} taken for {classes[j]}: {confusion[i, j]:,} ({share[i, j]:.2%})"
        parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{side:.1f}" height="{side:.1f}" fill="{colour}" '
            f'fill-opacity="{shade:.3f}"><title>{escape(about)}</title></rect>'
        )
        if side >= 26:
            tone = ' fill="#fff"' if shade > 0.6 else ""
            middle = f'x="{x + side / 2:.1f}" y="{y + side / 2 + 4:.1f}"'
            parts.append(f'<text {middle} text-anchor="middle"{tone} class="count">{confusion[i, j]}</text>')
    for i, name in enumerate(classes):
        at = margin + 20 + (i + 0.5) * side
        label, font = escape(name), f'style="font-size:{min(12.0, 0.95 * side):.1f}px"'
        parts.append(f'<text x="{margin + 14}" y="{at + 4:.1f}" text-anchor="end" {font}>{label}</text>')
        turn = "" if len(name) < 3 else " rotate(-90)"
        anchor = ' text-anchor="middle"' if not turn else ""
        place = f"translate({at if not turn else at + 4:.1f} {margin + 14}){turn}"
        parts.append(f'<text transform="{place}"{anchor} {font}>{label}</text>')
    centre = margin + 20 + C * side / 2
    parts.append(f'<text x="{centre:.0f}" y="12" text-anchor="middle">taken for</text>')
    parts.append(
        f'<text transform="translate(12 {centre:.0f}) rotate(-90)" text-anchor="middle">label</text>'
    )
    return _svg(size, size, "Confusion matrix", "".join(parts))


def png(pixels: NDArray[np.uint8]) -> str:
    """Return a picture, uint8 [H, W] or [H, W, 3], as a data URI."""
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
