"""The blocks in NumPy: forwards the same as the recogniser itself, backwards the gradient of that."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from lines_made import sample
from unscrawl.alphabet import LINE
from unscrawl.hand import Sample
from unscrawl.learn.lines.export import export
from unscrawl.learn.lines.net import LineNet
from unscrawl.line_recogniser import LineRecogniser
from unscrawl.teach.lessons import lessons_of
from unscrawl.teach.posteriors import posteriors
from unscrawl.teach.pupil import QUICK, THOROUGH, Base, Effort, Lesson, blend, learn, read, turns
from unscrawl.teach.tail import Tail
from unscrawl.teach.trial import teach_lines

Floats = NDArray[np.float32]


@pytest.fixture(scope="module")
def recogniser(tmp_path_factory: pytest.TempPathFactory) -> LineRecogniser:
    """An exported network of chance."""
    torch.manual_seed(0)
    net = LineNet(len(LINE), width=32, blocks=2)
    with torch.no_grad():
        for parameter in net.parameters():  # the exporter stores equal tensors once
            parameter.add_(0.01 * torch.randn_like(parameter))
    path = tmp_path_factory.mktemp("line") / "line.onnx"
    export(net, path, [sample("hello")])
    return LineRecogniser(path, threads=1)


@pytest.fixture(scope="module")
def tail(recogniser: LineRecogniser) -> Tail:
    tail = Tail.of(recogniser)
    assert tail is not None
    return tail


def strips(*widths: int) -> list[NDArray[np.uint8]]:
    rng = np.random.default_rng(0)
    return [(rng.random((40, wide)) < 0.15).astype(np.uint8) * np.uint8(255) for wide in widths]


def moved(tail: Tail, rank: int = 3) -> dict[str, Floats]:
    """Biases that differ from the base's, and thin matrices."""
    rng = np.random.default_rng(1)
    given = {name: v + rng.normal(0, 0.05, v.shape).astype(np.float32) for name, v in tail.biases.items()}
    for (A, B), (inside, outside) in tail.thin.items():
        given[A] = rng.normal(0, 0.2, (inside, rank)).astype(np.float32)
        given[B] = rng.normal(0, 0.2, (rank, outside)).astype(np.float32)
    return given


def lessons(tail: Tail, recogniser: LineRecogniser) -> list[Lesson]:
    lines = strips(160, 128, 96)
    pairs = zip(recogniser.features(lines), tail.frames(lines), strict=True)
    return [Lesson(seen, (5, 9, 1, 7), ((frames, len(seen)),)) for seen, frames in pairs]


def test_forward_is_what_the_recogniser_computes(recogniser: LineRecogniser, tail: Tail) -> None:
    lines, given = strips(300, 64, 129), moved(tail)
    found, _ = tail.forward(tail.frames(lines), given)
    for ours, theirs in zip(found, recogniser.features(lines, given), strict=True):
        np.testing.assert_allclose(ours[: len(theirs)], theirs, atol=2e-3)


def test_features_and_frames_come_together(recogniser: LineRecogniser, tail: Tail) -> None:
    lines = strips(300, 64, 129)
    features, frames = tail.seen(lines)
    for found, expected in ((features, recogniser.features(lines)), (frames, tail.frames(lines))):
        assert [f.shape for f in found] == [f.shape for f in expected]
        for ours, theirs in zip(found, expected, strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_what_was_given_leaves_the_base_as_it_was(recogniser: LineRecogniser, tail: Tail) -> None:
    lines = strips(200)
    before = recogniser.features(lines)[0]
    assert np.abs(recogniser.features(lines, moved(tail))[0] - before).max() > 0.01
    np.testing.assert_array_equal(recogniser.features(lines)[0], before)


def test_backward_is_the_gradient(tail: Tail) -> None:
    frames, given = tail.frames(strips(128, 96)), moved(tail)
    features, trace = tail.forward(frames, given)
    rng = np.random.default_rng(2)
    weights = [rng.normal(0, 1, f.shape).astype(np.float32) for f in features]
    gradient = tail.backward(weights, trace, given)
    assert gradient.keys() == given.keys()

    def value(name: str, step: Floats) -> float:
        found, _ = tail.forward(frames, {**given, name: given[name] + step})
        return sum(float((f.astype(np.float64) * w).sum()) for f, w in zip(found, weights, strict=True))

    for name in given:
        step = np.zeros_like(given[name])
        step.flat[3] = 0.02
        slope = (value(name, step) - value(name, -step)) / 0.04
        assert gradient[name].flat[3] == pytest.approx(slope, rel=0.03, abs=0.05), name


@pytest.mark.parametrize("effort", [QUICK, THOROUGH], ids=["quick", "thorough"])
def test_what_was_taught_becomes_more_probable(
    recogniser: LineRecogniser, tail: Tail, effort: Effort
) -> None:
    given, base = lessons(tail, recogniser), Base(recogniser.head, None, tail)
    steps: list[None] = []
    learnt = learn(given, base, effort, lambda: steps.append(None))
    assert len(steps) == turns(len(given), effort)
    texts = [lesson.text for lesson in given]
    before, after = (posteriors(read(given, base, way), texts)[1].sum() for way in (None, learnt))
    assert after > before


def test_a_blend_of_one_with_itself_is_that_one(recogniser: LineRecogniser, tail: Tail) -> None:
    given, base = lessons(tail, recogniser), Base(recogniser.head, None, tail)
    one = learn(given, base, THOROUGH)
    twice = blend([one, one], 1.0, base)
    for ours, theirs in zip(read(given, base, twice), read(given, base, one), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-3)


def test_a_blend_without_a_share_is_the_base(recogniser: LineRecogniser, tail: Tail) -> None:
    given, base = lessons(tail, recogniser), Base(recogniser.head, None, tail)
    none = blend([learn(given, base, THOROUGH)], 0.0, base)
    for ours, theirs in zip(read(given, base, none), read(given, base), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-3)


def test_a_thorough_teaching_tells_how_far_it_is(recogniser: LineRecogniser, tail: Tail) -> None:
    shares: list[float] = []
    teach_lines(
        lessons(tail, recogniser), Base(recogniser.head, None, tail), (QUICK, THOROUGH), shares.append
    )
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_the_shipped_recogniser_can_be_taught() -> None:
    tail = Tail.of(LineRecogniser(threads=1))
    assert tail is not None
    assert len(tail.biases) == 11


def test_a_line_has_as_many_frames_taught_as_read() -> None:
    shipped = LineRecogniser(threads=1)
    strip = np.random.default_rng(0).integers(0, 256, (40, 333), dtype=np.uint8)
    features = shipped.features([strip])
    (lesson,) = lessons_of([Sample(strip, "twenty cakes")], features, Tail.of(shipped), copies=0)
    assert [length for _, length in lesson.views] == [len(features[0])]


def test_lines_beside_it_do_not_change_a_line(tail: Tail) -> None:
    frames = tail.frames(strips(300, 128))
    together, _ = tail.forward(frames, tail.biases)
    alone, _ = tail.forward(frames[1:], tail.biases)
    np.testing.assert_allclose(together[1], alone[0], atol=1e-4)
