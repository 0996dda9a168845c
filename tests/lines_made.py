"""Lines of writing drawn on the spot, for the tests of the line recogniser and its training."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from unscrawl.learn.lines.export import export
from unscrawl.learn.lines.net import Net
from unscrawl.learn.lines.sources import Sample, to_ink
from unscrawl.line_recogniser import LineRecogniser
from unscrawl.strip import band


def line(text: str, height: int = 64, ink: int = 40, paper: int = 235) -> NDArray[np.uint8]:
    """Draw `text` (ASCII) in plain strokes: grey uint8 [height, w]."""
    scale = height / 50
    (wide, _), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, 2)
    grey = np.full((height, wide + height // 2), paper, np.uint8)
    at = (height // 4, round(0.7 * height))
    cv2.putText(grey, text, at, cv2.FONT_HERSHEY_SIMPLEX, scale, ink, max(1, height // 24), cv2.LINE_AA)
    return grey


def sample(text: str, source: str = "drawn") -> Sample:
    """Return `text`, drawn, as a line to train on."""
    ink = to_ink(line(text))
    return Sample(ink, band(ink), text, source, f"{text}.png")


def exported(folder: Path, net: Net) -> LineRecogniser:
    """Export a network of chance, no two of whose tensors are alike: the exporter would store them once."""
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.02 * torch.randn_like(parameter))
    export(net, folder / "line.onnx", [sample("hello")])
    return LineRecogniser(folder / "line.onnx", threads=1)


def png(path: Path, grey: NDArray[np.uint8]) -> None:
    """Write a picture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(".png", grey)[1].tobytes())
