"""Batches of lines: the same for a seed, wherever one starts and whoever draws them."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch

from lines_made import line, sample
from unscrawl.alphabet import LINE
from unscrawl.distort import distort, plain
from unscrawl.learn.lines.batches import POOL, Batch, batches, collate, encode
from unscrawl.learn.lines.recipe import LineRecipe

SAMPLES = [
    sample(text, text[0]) for text in ("hello there", "dear Ann", "a", "many thanks", "1905", "b", "see")
]
RECIPE = LineRecipe(batch=2, steps=2 * POOL)


class Pen:
    """Draws numbers."""

    def line(self, rng: np.random.Generator) -> tuple[np.ndarray, str]:
        text = str(rng.integers(1000))
        return line(text), text


def same(one: Batch, other: Batch) -> bool:
    return all(torch.equal(a, b) for a, b in zip(vars(one).values(), vars(other).values(), strict=True))


def texts(stream: list[Batch]) -> list[str]:
    out = []
    for batch in stream:
        codes = batch.targets.split(batch.lengths.tolist())
        out += ["".join(LINE[int(c) - 1] for c in code) for code in codes]
    return out


def test_batches_can_be_started_anywhere() -> None:
    whole = list(batches(SAMPLES, RECIPE, 3, workers=0))
    for start in (1, POOL - 1, POOL, POOL + 5):
        late = next(batches(SAMPLES, RECIPE, 3, start=start, workers=0))
        assert same(late, whole[start])


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning")  # where there is one core
def test_any_number_of_workers_draws_the_same() -> None:
    streams = [batches(SAMPLES, RECIPE, 3, writer=Pen(), workers=workers) for workers in (0, 2)]
    alike = [same(one, other) for one, other in zip(*streams, strict=True)]
    assert alike == [True] * 2 * POOL


def test_another_seed_draws_others() -> None:
    one, other = (next(batches(SAMPLES, RECIPE, seed, workers=0)) for seed in (1, 2))
    assert not same(one, other)


def test_weights_say_how_often_a_set_comes() -> None:
    recipe = replace(RECIPE, batch=8, weights={"h": 6.0})
    drawn = texts(list(itertools.islice(batches(SAMPLES, recipe, 0, workers=0), 2 * POOL)))
    assert drawn.count("hello there") / len(drawn) == pytest.approx(0.5, abs=0.1)


def test_a_share_of_the_lines_is_drawn() -> None:
    recipe = replace(RECIPE, batch=8, synthetic=0.25)
    drawn = texts(list(batches(SAMPLES, recipe, 0, writer=Pen(), workers=0)))
    share = sum(text.isdigit() and text != "1905" for text in drawn) / len(drawn)
    assert share == pytest.approx(0.25, abs=0.08)


def test_lines_of_like_width_stand_together() -> None:
    for batch in batches(SAMPLES, RECIPE, 0, workers=0):
        assert int(batch.widths.max()) <= batch.images.shape[2] < int(batch.widths.max()) + 32


def test_padding_is_paper() -> None:
    batch = collate([np.full((40, 20), 9, np.uint8), np.full((40, 50), 9, np.uint8)], ["a", "bc"])
    assert batch.images.shape == (2, 40, 64)
    assert int(batch.images[0, :, 20:].max()) == 0
    assert batch.targets.tolist() == encode("a") + encode("bc")
    assert batch.lengths.tolist() == [1, 2]


def test_class_0_is_left_to_the_blank() -> None:
    assert encode(LINE) == list(range(1, len(LINE) + 1))


def test_distorted_lines_are_alike_but_never_the_same() -> None:
    one = SAMPLES[0]
    rng = np.random.default_rng(0)
    made = [distort(one.ink, one.rows, rng) for _ in range(20)]
    assert {m.shape[0] for m in made} == {40}
    assert len({m.tobytes() for m in made}) == 20
    usual = plain(one.ink, one.rows).astype(float).mean()
    assert all(0.2 * usual < m.mean() < 4 * usual for m in made)


def test_no_strength_leaves_the_shape() -> None:
    one = SAMPLES[0]
    still = plain(one.ink, one.rows)
    for seed in range(5):
        made = distort(one.ink, one.rows, np.random.default_rng(seed), strength=0.0)
        assert abs(made.shape[1] - still.shape[1]) < 30
