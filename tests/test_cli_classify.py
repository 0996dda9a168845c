"""`unscrawl classify`: one picture, one character."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from conftest import Ran, draw

Run = Callable[..., Ran]


@pytest.fixture(scope="module")
def four(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture of a 4."""
    path = tmp_path_factory.mktemp("digits") / "four.png"
    draw("4", size=60).save(path)
    return path


def test_text_is_one_line_of_fields(unscrawl: Run, four: Path) -> None:
    ran = unscrawl("classify", four, "--alphabet", "digits")
    assert (ran.code, ran.err) == (0, "")
    (line,) = ran.out.splitlines()
    source, label, confidence, best = line.split("\t")
    assert (source, label) == (str(four), "4")
    assert best.split(", ")[0] == f"{label} {confidence}"
    assert len(best.split(", ")) == 5


def test_json_holds_the_promised_fields(unscrawl: Run, four: Path) -> None:
    result = json.loads(unscrawl("classify", four, "--format", "json").out)
    assert list(result) == ["source", "label", "confidence", "alternatives"]
    assert result["source"] == str(four)
    assert len(result["alternatives"]) >= 5
    assert result["alternatives"][0][0] == result["label"]
    chances = [chance for _, chance in result["alternatives"]]
    assert chances == sorted(chances, reverse=True)
    assert sum(chances) <= 1.0001


def test_one_line_a_picture_in_the_order_given(unscrawl: Run, four: Path, tmp_path: Path) -> None:
    draw("7", size=60).save(tmp_path / "seven.png")
    ran = unscrawl("classify", "seven.png", four, "seven.png", "--format", "json")
    sources = [json.loads(line)["source"] for line in ran.out.splitlines()]
    assert sources == ["seven.png", str(four), "seven.png"]


@pytest.mark.parametrize(
    ("alphabet", "known"),
    [("digits", str.isdigit), ("letters", str.isalpha), ("all", lambda character: True)],
)
def test_alphabet_limits_the_choice(
    unscrawl: Run, four: Path, alphabet: str, known: Callable[[str], bool]
) -> None:
    result = json.loads(unscrawl("classify", four, "--alphabet", alphabet, "--format", "json").out)
    assert known(result["label"])
    assert all(known(label) for label, _ in result["alternatives"])


def _bright_on_dark(picture: Image.Image) -> Image.Image:
    return ImageOps.invert(picture)


def _small(picture: Image.Image) -> Image.Image:
    return picture.resize((picture.width // 4, picture.height // 4), Image.Resampling.LANCZOS)


def _large(picture: Image.Image) -> Image.Image:
    return picture.resize((picture.width * 8, picture.height * 8), Image.Resampling.BICUBIC)


def _in_a_corner(picture: Image.Image) -> Image.Image:
    canvas = Image.new("RGB", (picture.width * 3, picture.height * 2), "#f4f0e6")
    canvas.paste(picture, (picture.width * 2, 0))
    return canvas


def _in_shadow(picture: Image.Image) -> Image.Image:
    light = np.linspace(0.35, 1, picture.width)[None, :, None]
    return Image.fromarray((np.asarray(picture) * light).astype(np.uint8))


@pytest.mark.parametrize("change", [_bright_on_dark, _small, _large, _in_a_corner, _in_shadow])
def test_four_is_a_four(
    unscrawl: Run, four: Path, tmp_path: Path, change: Callable[[Image.Image], Image.Image]
) -> None:
    with Image.open(four) as picture:
        change(picture).save(tmp_path / "changed.png")
    result = json.loads(unscrawl("classify", "changed.png", "--alphabet", "digits", "--format", "json").out)
    assert result["label"] == "4"


def test_show_writes_what_the_network_saw(unscrawl: Run, four: Path, tmp_path: Path) -> None:
    ran = unscrawl("classify", four, "--show")
    assert ran.complaints == ["unscrawl: wrote four.seen.png"]
    with Image.open(tmp_path / "four.seen.png") as picture:
        assert picture.height == 28 * 8
        seen = np.asarray(picture.convert("L"))[:, -28 * 8 :]
    assert (seen == np.repeat(np.repeat(seen[::8, ::8], 8, 0), 8, 1)).all()
    assert seen.max() > 200
    assert seen[:8].max() == 0


def test_show_writes_to_out(unscrawl: Run, four: Path, tmp_path: Path) -> None:
    unscrawl("classify", four, "--show", "--out", "results")
    assert [path.name for path in (tmp_path / "results").iterdir()] == ["four.seen.png"]


def test_standard_input_is_a_source(unscrawl: Run, four: Path) -> None:
    result = json.loads(unscrawl("classify", "-", "--format", "json", stdin=four.read_bytes()).out)
    assert (result["source"], result["label"]) == ("-", "4")
