from __future__ import annotations

from pathlib import Path

import pytest
import torch

from unscrawl.errors import OptionError
from unscrawl.learn.models import MODELS, build, parameters


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(("classes", "channels", "size"), [(10, 1, 28), (85, 1, 28), (3, 3, 32)])
def test_every_network_takes_any_classes_channels_and_size(
    name: str, classes: int, channels: int, size: int
) -> None:
    model = build(name, classes, channels, size).eval()
    assert model(torch.zeros(2, channels, size, size)).shape == (2, classes)


@pytest.mark.parametrize(
    ("name", "count"), [("mlp", 101_770), ("lenet-dropout", 21_840), ("example", 1_199_882)]
)
def test_the_well_known_networks_have_their_known_size(name: str, count: int) -> None:
    assert parameters(build(name, 10)) == count


def test_tiny_is_tiny() -> None:
    assert parameters(build("tiny", 10)) < 8_000


def test_the_shipped_network_fits_in_two_megabytes() -> None:
    assert parameters(build("glyph", 85)) * 4 < 2.1e6


def test_the_weights_follow_the_seed() -> None:
    torch.manual_seed(3)
    first = build("fast", 10).state_dict()
    torch.manual_seed(3)
    second = build("fast", 10).state_dict()
    assert all(torch.equal(first[k], second[k]) for k in first)


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(OptionError, match=r"unknown model 'lenet': did you mean 'lenet-dropout'\?"):
        build("lenet", 10)


def test_a_network_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(
        "from torch import nn\n"
        "class Mine(nn.Sequential):\n"
        "    def __init__(self, classes, channels=1, size=28):\n"
        "        super().__init__(nn.Flatten(), nn.Linear(channels * size * size, classes))\n"
    )
    assert build(f"{path}:Mine", 7, 1, 8)(torch.zeros(1, 1, 8, 8)).shape == (1, 7)


def test_a_network_of_ones_own_may_take_no_arguments(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(
        "from torch import nn\n"
        "class Mine(nn.Sequential):\n"
        "    def __init__(self):\n"
        "        super().__init__(nn.Flatten(), nn.Linear(64, 7))\n"
    )
    assert build(f"{path}:Mine", 7, 1, 8)(torch.zeros(1, 1, 8, 8)).shape == (1, 7)
    with pytest.raises(OptionError, match=r"gives \[2, 7\] for 2 pictures of 9 classes"):
        build(f"{path}:Mine", 9, 1, 8)


def test_a_network_of_ones_own_may_use_what_lies_beside_it(tmp_path: Path) -> None:
    (tmp_path / "beside_mine.py").write_text("WIDTH = 3\n")
    (tmp_path / "mine.py").write_text(
        "from __future__ import annotations\n"
        "from dataclasses import dataclass\n"
        "from beside_mine import WIDTH\n"
        "from torch import nn\n"
        "@dataclass\n"
        "class Shape:\n"
        "    width: int = WIDTH\n"
        "def make(classes, channels, size):\n"
        "    w = Shape().width\n"
        "    return nn.Sequential(nn.Flatten(), nn.LazyLinear(w), nn.Dropout(0.5), nn.Linear(w, classes))\n"
    )
    torch.manual_seed(0)
    net = build(f"{tmp_path / 'mine.py'}:make", 7, 1, 8)
    assert net.training
    assert net[1].weight.shape == (3, 64)


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        (None, "Mine", "there is no file"),
        ("x = 1", "Mine", "has no Mine"),
        ("1 / 0", "Mine", "fails: ZeroDivisionError"),
        ("def Mine(): pass", "Mine", r"no torch\.nn\.Module"),
        ("def Mine(a): pass", "Mine", r"takes 1 .*; it is called with \(classes, channels, size\)"),
        ("def Mine(a, b, c): return 3", "Mine", r"no torch\.nn\.Module"),
        ("def Mine(a, b, c): return missing", "Mine", "cannot be built .*missing"),
        ("from torch.nn import Flatten as Mine", "Mine", "cannot be built|fails on pictures"),
        ("from torch import nn\ndef Mine(a, b, c): return nn.Linear(3, a)", "Mine", "fails on pictures"),
        ("from torch import nn\ndef Mine(a, b, c): return nn.Flatten()", "Mine", r"gives \[2, 784\] for 2"),
    ],
)
def test_a_faulty_file_is_one_clear_line(tmp_path: Path, text: str | None, name: str, message: str) -> None:
    path = tmp_path / "mine.py"
    if text is not None:
        path.write_text(text)
    with pytest.raises(OptionError, match=message) as error:
        build(f"{path}:{name}", 10)
    assert "\n" not in str(error.value)


def test_pictures_too_small_for_a_network_are_refused() -> None:
    with pytest.raises(OptionError, match="lenet-dropout"):
        build("lenet-dropout", 10, 1, 12)
