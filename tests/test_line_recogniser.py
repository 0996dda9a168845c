"""The exported line recogniser: strips in, calibrated frames out, and clear words about unfit files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from lines_made import line, sample
from unscrawl.alphabet import LINE
from unscrawl.errors import ModelError
from unscrawl.learn.lines.export import export
from unscrawl.learn.lines.net import LineNet
from unscrawl.line_recogniser import SOFTER, LineRecogniser
from unscrawl.strip import prepare
from unscrawl.teach.adapt import log_softmax


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An exported network of chance."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("line") / "line.onnx"
    net = LineNet(len(LINE), width=16, blocks=1)
    with torch.no_grad():
        for parameter in net.parameters():  # the exporter stores equal tensors once
            parameter.add_(0.01 * torch.randn_like(parameter))
    export(net, path, [sample("hello")])
    return path


@pytest.fixture(scope="module")
def recogniser(files: Path) -> LineRecogniser:
    return LineRecogniser(files, threads=1)


@pytest.fixture
def copy(files: Path, tmp_path: Path) -> Path:
    """A copy of the files that a test may damage."""
    for suffix in (".onnx", ".npz", ".json"):
        shutil.copy(files.with_suffix(suffix), tmp_path)
    return tmp_path / files.name


def strip(wide: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (40, wide), dtype=np.uint8)


def test_every_four_columns_are_a_frame(recogniser: LineRecogniser) -> None:
    widths = [1, 4, 16, 63, 64, 65, 333]
    features = recogniser.features([strip(w) for w in widths])
    assert [f.shape for f in features] == [(-(-w // 4), 16) for w in widths]
    assert {f.dtype for f in features} == {np.dtype(np.float32)}


def test_no_strips_give_no_features(recogniser: LineRecogniser) -> None:
    assert recogniser.features([]) == []


@pytest.mark.parametrize("threads", [1, 3])
def test_neighbours_do_not_matter(files: Path, threads: int) -> None:
    recogniser, own = LineRecogniser(files, threads=threads), strip(130)
    alone = recogniser.features([own])[0]
    crowd = recogniser.features([strip(190, 1), own, strip(129, 2), strip(700, 3), strip(131, 4)])[1]
    assert np.abs(alone - crowd).max() < 1e-5


def test_lines_looked_at_side_by_side_keep_their_order(files: Path, recogniser: LineRecogniser) -> None:
    strips = [strip(40 + 60 * (i % 5), i) for i in range(12)]
    for one, other in zip(
        recogniser.features(strips), LineRecogniser(files, threads=3).features(strips), strict=True
    ):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_a_changed_recogniser_sees_differently_in_every_thread(files: Path) -> None:
    base, strips = LineRecogniser(files, threads=2), [strip(90), strip(130)]
    before = base.features(strips)
    change = {**NOTHING, "net.norm.bias": np.ones(16, np.float32)}
    for one, other in zip(before, base.adapted(change).features(strips), strict=True):
        assert np.abs(one - other).max() > 1e-3


def test_frames_are_probabilities(recogniser: LineRecogniser) -> None:
    log_p = recogniser.log_probabilities(recogniser.features([prepare(line("hello")).image])[0])
    assert log_p.shape[1] == len(recogniser.classes) + 1
    assert np.exp(log_p).sum(axis=1) == pytest.approx(np.ones(len(log_p)), abs=1e-4)


def test_another_head_may_be_given(recogniser: LineRecogniser) -> None:
    features = recogniser.features([strip(64)])[0]
    weight, bias = np.zeros((16, 129), np.float32), np.zeros(129, np.float32)
    bias[7] = 50
    assert np.exp(recogniser.log_probabilities(features, (weight, bias)))[:, 7].min() > 0.99
    assert np.exp(recogniser.log_probabilities(features))[:, 7].max() < 0.99


def test_card_s_temperature_softens(copy: Path, recogniser: LineRecogniser) -> None:
    card = json.loads(copy.with_suffix(".json").read_text("utf-8"))
    copy.with_suffix(".json").write_text(json.dumps({**card, "temperature": 3 * recogniser.temperature}))
    features = recogniser.features([strip(64)])[0]
    usual, soft = (r.log_probabilities(features) for r in (recogniser, LineRecogniser(copy)))
    odds = [p[:, 1] - p[:, 0] for p in (usual, soft)]
    assert odds[1] == pytest.approx(odds[0] / 3, abs=1e-4)


def test_fingerprint_is_that_of_trunk_and_head(copy: Path, recogniser: LineRecogniser) -> None:
    assert LineRecogniser(copy).fingerprint == recogniser.fingerprint
    assert len(recogniser.fingerprint) == 16
    weight, bias = recogniser.head
    np.savez(copy.with_suffix(".npz"), weight=weight, bias=bias + 1)
    assert LineRecogniser(copy).fingerprint != recogniser.fingerprint


@pytest.mark.parametrize("suffix", [".onnx", ".npz", ".json"])
def test_missing_file_is_named(copy: Path, suffix: str) -> None:
    copy.with_suffix(suffix).unlink()
    with pytest.raises(ModelError, match=rf"line\{suffix}"):
        LineRecogniser(copy)


@pytest.mark.parametrize("suffix", [".onnx", ".npz", ".json"])
@pytest.mark.parametrize("content", [b"", b"\xff\x00 damaged"], ids=["empty", "damaged"])
def test_damaged_file_is_named(copy: Path, suffix: str, content: bytes) -> None:
    copy.with_suffix(suffix).write_bytes(content)
    with pytest.raises(ModelError, match="line") as caught:
        LineRecogniser(copy)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "card",
    [
        [],
        {},
        {"classes": ""},
        {"classes": "ab"},
        {"classes": [1, 2]},
        {"classes": "ab", "stride": 0},
        {"classes": "ab", "stride": "wide"},
        {"classes": "ab", "temperature": "warm"},
    ],
    ids=str,
)
def test_card_of_something_else_is_refused(copy: Path, card: object) -> None:
    copy.with_suffix(".json").write_text(json.dumps(card))
    with pytest.raises(ModelError, match="card"):
        LineRecogniser(copy)


def test_head_of_another_network_is_refused(copy: Path) -> None:
    np.savez(copy.with_suffix(".npz"), weight=np.zeros((8, 129)), bias=np.zeros(129))
    with pytest.raises(ModelError, match="do not fit"):
        LineRecogniser(copy)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"head.weight": np.zeros((3, 3), np.float32), "head.bias": np.zeros(129, np.float32)},
        {
            "head.weight": np.zeros((16, 129), np.float32),
            "head.bias": np.zeros(129, np.float32),
            "net.none": np.zeros(3, np.float32),
        },
    ],
)
def test_changes_that_do_not_fit_are_refused(
    recogniser: LineRecogniser, changes: dict[str, NDArray[np.float32]]
) -> None:
    with pytest.raises(ModelError, match=r"changed so"):
        recogniser.adapted(changes)


def test_changes_leave_the_recogniser_as_it_was(recogniser: LineRecogniser) -> None:
    before = recogniser.features([strip(128)])[0]
    rng = np.random.default_rng(0)
    changes = {
        "head.weight": np.zeros((16, 129), np.float32),
        "head.bias": rng.normal(size=129).astype(np.float32),
        "net.norm.bias": rng.normal(size=16).astype(np.float32),
    }
    other = recogniser.adapted(changes)
    assert other.fingerprint != recogniser.fingerprint
    assert not np.allclose(other.features([strip(128)])[0], before, atol=1e-2)
    np.testing.assert_array_equal(recogniser.features([strip(128)])[0], before)


NOTHING = {"head.weight": np.zeros((16, 129), np.float32), "head.bias": np.zeros(129, np.float32)}


def test_a_hand_may_make_the_answers_less_sure(recogniser: LineRecogniser) -> None:
    features = recogniser.features([strip(128)])[0]
    other = recogniser.adapted({**NOTHING, SOFTER: np.array([2.0], np.float32)})
    sure, softer = (r.log_probabilities(features) for r in (recogniser, other))
    np.testing.assert_allclose(softer, log_softmax(sure / 2), atol=1e-5)
    assert recogniser.temperature == other.temperature / 2


@pytest.mark.parametrize("softer", [[0.0], [-1.0], [np.nan], [np.inf], [1.0, 1.0], []])
def test_what_is_no_temperature_is_refused(recogniser: LineRecogniser, softer: list[float]) -> None:
    with pytest.raises(ModelError, match=r"temperature|changed so"):
        recogniser.adapted({**NOTHING, SOFTER: np.array(softer, np.float32)})


@pytest.mark.parametrize("given", [{"nope": np.zeros(3, np.float32)}, {"strip": np.zeros(3, np.float32)}])
def test_what_a_hand_gives_must_fit(
    recogniser: LineRecogniser, given: dict[str, NDArray[np.float32]]
) -> None:
    with pytest.raises(ModelError, match="what a hand has learnt does not fit"):
        recogniser.features([strip(100)], given)
