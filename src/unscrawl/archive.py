"""A page as ALTO 4.4 (Library of Congress) or PAGE 2019-07-15 (PRImA): the XML that archives exchange."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Final
from xml.etree import ElementTree as ET

import cv2
import numpy as np

from unscrawl.page import Box, Glyph, Line, Page

__all__ = ["alto", "page_xml"]

_ALTO: Final = "http://www.loc.gov/standards/alto/ns-v4#"
_PAGE: Final = "http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15"
_SCHEMA: Final = "http://www.w3.org/2001/XMLSchema-instance"
_VARIANT: Final = 3  # characters at most in an alternative, says ALTO
_LEAST: Final = 5e-5  # of probability: less is 0 in the four figures that are written
_NO_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, 2.2


def alto(page: Page) -> str:
    """Return `page` as an ALTO file: one block of lines in reading order, in pixels of the upright original.

    A glyph's alternatives become its variants. Glyphs that stand for several characters are left out, as
    ALTO has none; their word has them.
    """
    width, height = _size(page)
    root = ET.Element(
        "alto", {"xmlns": _ALTO, **_where(_ALTO, "http://www.loc.gov/standards/alto/v4/alto-4-4.xsd")}
    )
    description = ET.SubElement(root, "Description")
    _text(description, "MeasurementUnit", "pixel")
    _text(ET.SubElement(description, "sourceImageInformation"), "fileName", PurePath(page.source).name)
    step = ET.SubElement(description, "Processing", ID="reading")
    _text(step, "processingCategory", "contentGeneration")
    _text(step, "processingDateTime", _now())
    _text(ET.SubElement(step, "processingSoftware"), "softwareName", "unscrawl")
    size = {"WIDTH": str(width), "HEIGHT": str(height)}
    leaf = ET.SubElement(ET.SubElement(root, "Layout"), "Page", size, ID="page", PHYSICAL_IMG_NR="1")
    space = ET.SubElement(leaf, "PrintSpace", size, HPOS="0", VPOS="0")
    if page.lines:
        block = ET.SubElement(space, "TextBlock", _place(_all(page)), ID="block")
        for i, line in enumerate(page.lines, 1):
            _alto_line(block, line, f"line{i}")
    return _written(root)


def _alto_line(block: ET.Element, line: Line, name: str) -> None:
    baseline = _points(_baseline(line)).replace(",", " ")
    own = ET.SubElement(block, "TextLine", _place(line.box), ID=name, BASELINE=baseline)
    ET.SubElement(ET.SubElement(own, "Shape"), "Polygon", POINTS=_points(_outline(line)).replace(",", " "))
    for j, word in enumerate(line.words):
        if j:
            ET.SubElement(own, "SP")
        string = ET.SubElement(own, "String", ID=f"{name}word{j + 1}", CONTENT=_clean(word.text))
        string.attrib |= {**_place(word.box), "WC": _share(word.confidence)}
        for glyph in word.glyphs if all(len(g.text) == 1 for g in word.glyphs) else ():
            one = ET.SubElement(string, "Glyph", CONTENT=_clean(glyph.text), GC=_share(glyph.confidence))
            one.attrib |= _place(glyph.box)
            for other, p in _others(glyph):
                if len(other) <= _VARIANT:
                    ET.SubElement(one, "Variant", CONTENT=_clean(other), VC=_share(p))


def page_xml(page: Page) -> str:
    """Return `page` as a PAGE file: one region of lines in reading order, in pixels of the upright original.

    Where there is doubt, TextEquiv 0 of a glyph is what was taken and the others are its alternatives.
    """
    width, height = _size(page)
    root = ET.Element("PcGts", {"xmlns": _PAGE, **_where(_PAGE, f"{_PAGE}/pagecontent.xsd")})
    data = ET.SubElement(root, "Metadata")
    _text(data, "Creator", "unscrawl")
    for name in ("Created", "LastChange"):
        _text(data, name, _now())
    picture = {"imageFilename": _clean(PurePath(page.source).name)}
    leaf = ET.SubElement(root, "Page", picture, imageWidth=str(width), imageHeight=str(height))
    if page.lines:
        region = ET.SubElement(leaf, "TextRegion", id="region")
        ET.SubElement(region, "Coords", points=_points(_corners(_all(page))))
        for i, line in enumerate(page.lines, 1):
            _page_line(region, line, f"line{i}")
        _equivalent(region, page.text, page.confidence)
    return _written(root)


def _page_line(region: ET.Element, line: Line, name: str) -> None:
    own = ET.SubElement(region, "TextLine", id=name)
    ET.SubElement(own, "Coords", points=_points(_outline(line)))
    ET.SubElement(own, "Baseline", points=_points(_baseline(line)))
    for j, word in enumerate(line.words, 1):
        part = ET.SubElement(own, "Word", id=f"{name}word{j}")
        ET.SubElement(part, "Coords", points=_points(_corners(word.box)))
        for k, glyph in enumerate(word.glyphs, 1):
            one = ET.SubElement(part, "Glyph", id=f"{name}word{j}glyph{k}")
            ET.SubElement(one, "Coords", points=_points(_corners(glyph.box)))
            for n, (text, p) in enumerate([(glyph.text, glyph.confidence), *_others(glyph)]):
                _equivalent(one, text, p, index=str(n))
        _equivalent(part, word.text, word.confidence)
    _equivalent(own, line.text, line.confidence)


def _equivalent(parent: ET.Element, text: str, confidence: float, **more: str) -> None:
    _text(ET.SubElement(parent, "TextEquiv", more, conf=_share(confidence)), "Unicode", text)


def _others(glyph: Glyph) -> list[tuple[str, float]]:
    return [(text, p) for text, p in glyph.alternatives if text != glyph.text and p >= _LEAST]


# ── places


def _size(page: Page) -> tuple[int, int]:
    """Return width and height of the picture; of ready-cut characters, which have none, of what was read."""
    if page.picture is not None:
        return page.picture.rgb.shape[1], page.picture.rgb.shape[0]
    right, bottom = np.max([(0, 0)] + [(b.x + b.width, b.y + b.height) for b in _boxes(page)], axis=0)
    return int(right), int(bottom)


def _boxes(page: Page) -> list[Box]:
    return [line.box for line in page.lines]


def _all(page: Page) -> Box:
    x, y, width, height = cv2.boundingRect(np.vstack([_corners(box) for box in _boxes(page)]))
    return Box(x, y, width - 1, height - 1)  # OpenCV counts both ends


def _corners(box: Box) -> list[tuple[int, int]]:
    right, bottom = box.x + box.width, box.y + box.height
    return [(box.x, box.y), (right, box.y), (right, bottom), (box.x, bottom)]


def _outline(line: Line) -> list[tuple[int, int]]:
    """Return the convex hull of the glyphs of `line`: it lies aslant where they do."""
    corners = [corner for word in line.words for glyph in word.glyphs for corner in _corners(glyph.box)]
    return [(int(x), int(y)) for x, y in cv2.convexHull(np.array(corners, np.int32))[:, 0]]


def _baseline(line: Line) -> list[tuple[int, int]]:
    """Return points from left to right on which the writing rests, one a word and the two ends.

    Most letters end there: it is the middle one of the lower ends of the glyphs of a word and of those beside
    it, moved along the slope of the line (the middle one of those between all pairs of glyphs: Sen, 1968).
    """
    boxes = [np.array([glyph.box for glyph in word.glyphs], float) for word in line.words]
    feet = [np.column_stack([b[:, 0] + b[:, 2] / 2, b[:, 1] + b[:, 3]]) for b in boxes]
    xs, ys = np.vstack(feet).T
    first, second = np.triu_indices(len(xs), 1)
    apart = xs[second] - xs[first]
    rises = (ys[second] - ys[first])[apart > 0] / apart[apart > 0]
    slope = float(np.median(rises)) if len(rises) else 0.0
    points = []
    for j, own in enumerate(feet):
        x, near = float(own[:, 0].mean()), np.vstack(feet[max(j - 1, 0) : j + 2])
        points.append((x, float(np.median(near[:, 1] + slope * (x - near[:, 0])))))
    points.sort()
    (left, at_left), (right, at_right) = points[0], points[-1]
    ends = [float(line.box.x), float(line.box.x + line.box.width)]
    points = [
        (ends[0], at_left + slope * (ends[0] - left)),
        *points,
        (ends[1], at_right + slope * (ends[1] - right)),
    ]
    return [(max(round(x), 0), max(round(y), 0)) for x, y in points]


# ── XML


def _place(box: Box) -> dict[str, str]:
    return dict(zip(("HPOS", "VPOS", "WIDTH", "HEIGHT"), map(str, box), strict=True))


def _points(points: Iterable[tuple[int, int]]) -> str:
    return " ".join(f"{x},{y}" for x, y in points)


def _share(p: float) -> str:
    return f"{min(max(p, 0.0), 1.0):.4f}"


def _text(parent: ET.Element, name: str, text: str) -> None:
    ET.SubElement(parent, name).text = _clean(text)


def _clean(text: str) -> str:
    """Return `text` with U+FFFD for what XML cannot hold: controls, and half a character of a file's name."""
    return _NO_XML.sub("\ufffd", text)


def _where(namespace: str, schema: str) -> dict[str, str]:
    return {"xmlns:xsi": _SCHEMA, "xsi:schemaLocation": f"{namespace} {schema}"}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _written(root: ET.Element) -> str:
    ET.indent(root, " ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode")
