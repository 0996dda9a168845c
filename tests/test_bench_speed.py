"""What the measuring of speed counts, and the hand with which a page is read again."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from unscrawl import Reader

BENCH = Path(__file__).parents[1] / "bench"
if not BENCH.is_dir():
    pytest.skip("measuring scripts are not in the source distribution", allow_module_level=True)
sys.path.insert(0, str(BENCH))

import speed  # noqa: E402


def test_works_take_turns_and_the_first_round_does_not_count() -> None:
    done: list[str] = []
    found = speed.turns({name: lambda name=name: done.append(name) for name in "ab"}, 2)
    assert "".join(done) == "ababab"
    assert [len(seconds) for by in found.values() for seconds in by.values()] == [2, 2, 2, 2]


def test_torch_is_told_at_its_best_batch_size(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    taken = {64: 0.5, 1000: 0.25}

    def turns(works: dict[tuple[str, int], speed.Work], rounds: int) -> dict[tuple[str, int], speed.Seconds]:
        return {key: {"wall": [taken.get(key[1], 1.0)], "processor": [2.0]} for key in works}

    monkeypatch.setattr(speed, "turns", turns)
    found = speed.characters(1, 1)
    assert [found[name]["batch"] for name in (speed.OURS, speed.EAGER, speed.LAST)] == [None, 1000, 1000]
    told = speed.table({"machine": {}, "characters": found})
    assert f"| characters a second, {speed.EAGER}, batches of 1000 | 8,192 | 8,192 | 8,192 | 1,024 |" in told


def test_torch_tells_all_pictures_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    sizes: list[int] = []
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, 85))
    model.register_forward_hook(lambda model, given, out: sizes.append(len(out)))
    monkeypatch.setattr("unscrawl.learn.models.build", lambda name, classes: model)
    speed.eager(np.zeros((5, 28, 28), np.uint8), 85, 2, channels_last=True)()
    assert sizes == [2, 2, 1]


def test_the_changed_hand_fits_and_leaves_the_lines_as_they_are(reader: Reader) -> None:
    hand, base = speed.changed(reader, "the parcel\nthe cat"), reader.line_recogniser
    assert reader.fits(hand)
    assert hand.words == {"the": 2.0, "parcel": 1.0, "cat": 1.0}
    assert hand.line is not None
    assert base is not None
    weight, bias = hand.line.on(base.head)
    assert np.array_equal(weight, base.head[0])
    assert np.array_equal(bias, base.head[1])
