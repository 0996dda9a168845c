"""Character error rate of a line recogniser, read greedily and without a language."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein
from torch import Tensor

from unscrawl.alphabet import LINE
from unscrawl.distort import plain
from unscrawl.learn.lines.batches import collate
from unscrawl.learn.lines.net import Net
from unscrawl.learn.lines.sources import Sample

__all__ = ["Score", "evaluate", "features_of", "greedy", "log_probabilities", "score_of"]


@dataclass(frozen=True)
class Score:
    """Errors by characters (insertions, deletions, substitutions), pooled over lines and set by set."""

    pooled: float
    by_set: dict[str, float]
    examples: tuple[tuple[str, str], ...]  # (right, read)


def log_probabilities(net: Net, samples: Sequence[Sample], batch: int = 32) -> list[NDArray[np.float32]]:
    """Return float32 [T, C + 1] for each line, in the order given."""
    return _run(net, lambda strips: net(strips).log_softmax(2), samples, batch)


def features_of(net: Net, samples: Sequence[Sample], batch: int = 32) -> list[NDArray[np.float32]]:
    """Return the features of each line's frames, float32 [T, D], in the order given."""
    return _run(net, net.frames, samples, batch)


def _run(
    net: Net, call: Callable[[Tensor], Tensor], samples: Sequence[Sample], batch: int
) -> list[NDArray[np.float32]]:
    net.eval()
    images = [plain(s.ink, s.rows) for s in samples]
    order = sorted(range(len(images)), key=lambda i: images[i].shape[1])
    out: list[NDArray[np.float32]] = [np.zeros((0, 0), np.float32)] * len(images)
    device = next(net.parameters()).device
    for start in range(0, len(order), batch):
        part = order[start : start + batch]
        made = collate([images[i] for i in part], ["" for _ in part])
        with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16):
            values = call(made.images.to(device)).float().cpu().numpy()
        for i, row, count in zip(part, values, net.lengths(made.widths).tolist(), strict=True):
            out[i] = row[:count]
    return out


def greedy(log_p: NDArray[np.float32]) -> str:
    """Read the best class of each frame: repeats count once, blanks not at all."""
    best = log_p.argmax(axis=1)
    kept = best[np.insert(best[1:] != best[:-1], 0, True)] if len(best) else best
    return " ".join("".join(LINE[c - 1] for c in kept if c).split())


def evaluate(net: Net, samples: Sequence[Sample]) -> Score:
    """Read `samples` and count the errors."""
    return score_of(samples, log_probabilities(net, samples))


def score_of(samples: Sequence[Sample], log_p: Sequence[NDArray[np.float32]]) -> Score:
    """Count the errors of what is read greedily from the frames of each sample."""
    read = [greedy(p) for p in log_p]
    wrong: dict[str, int] = {}
    length: dict[str, int] = {}
    for sample, text in zip(samples, read, strict=True):
        wrong[sample.source] = wrong.get(sample.source, 0) + Levenshtein.distance(sample.text, text)
        length[sample.source] = length.get(sample.source, 0) + len(sample.text)
    by_set = {name: wrong[name] / max(1, length[name]) for name in sorted(wrong)}
    step = max(1, len(samples) // 12)
    examples = [(s.text, t) for s, t in zip(samples, read, strict=True)][step // 2 :: step]
    return Score(sum(wrong.values()) / max(1, sum(length.values())), by_set, tuple(examples))
