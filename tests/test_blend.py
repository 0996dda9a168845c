"""The mean of a line network before and after it was trained on: what reads held-back lines best is kept."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch

from lines_made import sample
from unscrawl.alphabet import LINE
from unscrawl.learn.lines import blend
from unscrawl.learn.lines.evaluation import Score
from unscrawl.learn.lines.net import LineNet, Net
from unscrawl.learn.lines.sources import Sample

BIAS = "head.bias"
HELD = [sample(text) for text in ("hello", "you", "there", "and", "all")]


@pytest.fixture
def net() -> LineNet:
    torch.manual_seed(0)
    return LineNet(len(LINE), width=16, blocks=1)


def old(net: LineNet) -> dict[str, torch.Tensor]:
    """Return other weights, each less by one."""
    return {k: v - 1 if v.is_floating_point() else v + 7 for k, v in net.state_dict().items()}


def read_best_at(share: float, monkeypatch: pytest.MonkeyPatch, net: LineNet) -> list[Sequence[Sample]]:
    """Let errors grow with the distance from a share; return where the lines go that are read."""
    asked: list[Sequence[Sample]] = []
    new = net.head.bias.detach().clone()

    def evaluate(net: Net, samples: Sequence[Sample]) -> Score:
        asked.append(samples)
        return Score(abs(float((net.head.bias.detach() - new + 1).mean()) - share), {}, ())

    monkeypatch.setattr(blend, "evaluate", evaluate)
    return asked


@pytest.mark.parametrize("share", [0.0, 0.35, 1.0])
def test_the_best_share_stays_in_the_network(
    net: LineNet, monkeypatch: pytest.MonkeyPatch, share: float
) -> None:
    new, before = net.head.bias.detach().clone(), old(net)
    read_best_at(share, monkeypatch, net)
    chosen, found = blend.blend(before, net, HELD)
    assert (chosen, found.keys()) == (share, set(blend.SHARES))
    assert torch.allclose(net.head.bias, new - 1 + share, atol=1e-6)


def test_of_equals_the_newest_is_kept(net: LineNet, monkeypatch: pytest.MonkeyPatch) -> None:
    before = old(net)
    monkeypatch.setattr(blend, "evaluate", lambda net, samples: Score(0.5, {}, ()))
    assert blend.blend(before, net, HELD)[0] == 1.0


def test_a_fourth_of_the_lines_chooses(net: LineNet, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = read_best_at(0.5, monkeypatch, net)
    blend.blend(old(net), net, HELD)
    assert all(lines == [HELD[0], HELD[4]] for lines in asked)


def test_counts_are_not_averaged(net: LineNet) -> None:
    after = net.state_dict()
    made = blend.mean(old(net), after, 0.25)
    counts = [name for name, value in after.items() if not value.is_floating_point()]
    assert counts
    assert all(torch.equal(made[name], after[name]) for name in counts)
    assert torch.allclose(made[BIAS], after[BIAS] - 0.75)
