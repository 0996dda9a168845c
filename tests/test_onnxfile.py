"""Arrays in an ONNX file, read and replaced without its package: as that has them, and nothing else moved."""

from __future__ import annotations

from importlib import resources

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unscrawl.errors import ModelError
from unscrawl.onnxfile import changed, initialisers, plain, replaced


@pytest.fixture(scope="module")
def model() -> bytes:
    """The shipped line recogniser: float32, float16 and 8-bit arrays."""
    return (resources.files("unscrawl") / "weights" / "line.onnx").read_bytes()


def theirs(model: bytes) -> dict[str, np.ndarray]:
    graph = onnx.load_from_string(model).graph
    return {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}


def test_arrays_are_those_that_onnx_finds(model: bytes) -> None:
    kinds = {"float32", "float16", "int8"}
    found, expected = initialisers(model), {n: a for n, a in theirs(model).items() if a.dtype.name in kinds}
    assert found.keys() == expected.keys()
    assert {a.dtype.name for a in found.values()} == kinds
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array)


def test_nothing_replaced_is_the_same_file(model: bytes) -> None:
    assert replaced(model, {}) == model


def test_only_what_is_replaced_differs(model: bytes) -> None:
    new = {"net.norm.bias": initialisers(model)["net.norm.bias"] + 1}
    after = theirs(replaced(model, new))
    for name, array in theirs(model).items():
        np.testing.assert_array_equal(after[name], new.get(name, array))
    onnx.checker.check_model(onnx.load_from_string(replaced(model, new)))


@pytest.mark.parametrize("name", ["net.norm.bias", "net.neck.fold.weight", "net.body.5.mix.weight"])
def test_a_change_is_added_however_the_array_is_stored(model: bytes, name: str) -> None:
    before = plain(initialisers(model), name)
    change = np.random.default_rng(0).normal(0, 0.01, before.shape).astype(np.float32)
    after = plain(initialisers(changed(model, {name: change})), name)
    np.testing.assert_allclose(after, before + change, rtol=1e-3, atol=1e-6)


def test_what_is_computed_with_in_whole_steps_is_rounded_to_as_many_again(model: bytes) -> None:
    name = "net.body.5.up.weight"
    before = plain(initialisers(model), name)
    change = np.random.default_rng(0).normal(0, 0.01, before.shape).astype(np.float32)
    new = initialisers(changed(model, {name: change}))
    assert new[f"{name}.bytes"].dtype == np.int8
    assert np.abs(new[f"{name}.bytes"]).max() == np.abs(initialisers(model)[f"{name}.bytes"]).max()
    assert (np.abs(plain(new, name) - before - change) <= new[f"{name}.scale"] * 1.01).all()


def test_a_change_of_less_than_a_step_is_not_rounded_away(model: bytes) -> None:
    name = "net.body.5.up.weight"
    stored = initialisers(model)
    before, step = plain(stored, name), stored[f"{name}.scale"]
    inner = np.abs(stored[f"{name}.bytes"]) < 60  # the largest would make all steps larger
    change = np.where(inner, 0.3 * step, 0).astype(np.float32)
    new = initialisers(changed(model, {name: change}))
    np.testing.assert_array_equal(new[f"{name}.scale"], step)
    moved = (plain(new, name) - before) / step
    assert moved[inner].mean() == pytest.approx(0.3, abs=0.01)
    assert not moved[~inner].any()


def test_two_matrices_add_their_product(model: bytes) -> None:
    name = "net.neck.attend.0.up.weight"
    before = plain(initialisers(model), name)
    first, second = np.ones((len(before), 2), np.float32), np.full((2, before.shape[1]), 0.25, np.float32)
    after = plain(initialisers(changed(model, {f"{name}:first": first, f"{name}:second": second})), name)
    np.testing.assert_allclose(after, before + 0.5, rtol=1e-3)


@pytest.mark.parametrize(
    "changes",
    [
        {"net.nowhere": np.zeros(3, np.float32)},
        {"net.norm.bias": np.zeros(3, np.float32)},
        {"net.norm.bias:first": np.zeros((256, 1), np.float32)},
        {"net.norm.bias:first": np.zeros((9, 1), np.float32), "net.norm.bias:second": np.zeros((1, 9))},
        {
            "net.norm.bias:first": np.zeros((1 << 24, 1), np.int8),
            "net.norm.bias:second": np.zeros((1, 1 << 24), np.int8),
        },
    ],
)
def test_a_change_that_does_not_fit_is_refused(model: bytes, changes: dict[str, np.ndarray]) -> None:
    with pytest.raises(ModelError, match="no net"):
        changed(model, changes)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        found = initialisers(data)
    except ModelError:
        return
    assert isinstance(found, dict)


@pytest.mark.parametrize(
    "tensor",
    [
        b"\x08\x02\x10\x01\x42\x01a\x4a\x03abc",  # two float32 in three bytes
        b"\x08\x02\x10\x01\x42\x01a\x48\x07",  # a number where the bytes should be
    ],
)
def test_arrays_that_do_not_fit_their_bytes_are_refused(tensor: bytes) -> None:
    graph = b"\x2a" + bytes([len(tensor)]) + tensor
    with pytest.raises(ModelError, match="not the bytes of an ONNX file"):
        initialisers(b"\x3a" + bytes([len(graph)]) + graph)


def test_a_number_where_the_graph_should_be_is_refused() -> None:
    with pytest.raises(ModelError, match="not the bytes of an ONNX file"):
        initialisers(b"\x38\x01")


def test_a_name_that_is_no_text_is_another_name() -> None:
    tensor = b"\x08\x01\x10\x03\x42\x01\xff\x4a\x01\x05"
    graph = b"\x2a" + bytes([len(tensor)]) + tensor
    found = initialisers(b"\x3a" + bytes([len(graph)]) + graph)
    assert [a.tolist() for a in found.values()] == [[5]]


def test_a_sum_that_16_bits_cannot_hold_is_refused(model: bytes) -> None:
    name = next(n.removesuffix(".half") for n in initialisers(model) if n.endswith(".half"))
    value = plain(initialisers(model), name)
    with pytest.raises(ModelError, match="no numbers"):
        changed(model, {name: np.full(value.shape, 1e6, np.float32)})
