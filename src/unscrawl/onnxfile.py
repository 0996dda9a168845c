"""The stored arrays of an ONNX file, read and replaced without the package `onnx`: a hand may change them.

An ONNX file is one message in Protocol Buffers' wire format: fields, each a key and a value, where the value
of a message is its fields again. Only the initialisers' are looked into; all else is copied as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import prod
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from unscrawl.errors import ModelError

__all__ = ["SIDES", "added", "changed", "initialisers", "plain", "replaced"]

SIDES: Final = (":first", ":second")
"""Behind the name of an array: two matrices whose product, in the array's shape, is added to it."""
_HALF, _STEPS, _SCALE = ".half", ".steps", ".scale"  # how an array may be stored (see `learn.export`)
_COMPUTED: Final = ".bytes"  # and computed with as it is stored (see `learn.lines.quick`)

_GRAPH: Final = 7  # field of ModelProto
_INITIALISER: Final = 5  # of GraphProto
_DIMS, _TYPE, _NAME, _RAW = 1, 2, 8, 9  # of TensorProto
_WRONG: Final = "these are not the bytes of an ONNX file"
_TYPES: Final = {1: "<f4", 3: "i1", 10: "<f2"}  # TensorProto.DataType
_VARINT, _BYTES = 0, 2  # wire types; ONNX has no other outside of nodes


def initialisers(model: bytes) -> dict[str, NDArray[Any]]:
    """Return the arrays stored in the bytes of an ONNX file, by name: those of float32, float16 and int8.

    Raises:
        ModelError: these are no bytes of an ONNX file.
    """
    found = {}
    for field, value in _fields(model):
        if field == _GRAPH:
            for inner, tensor in _fields(value):
                if inner == _INITIALISER:
                    name, array = _array(tensor)
                    if array is not None:
                        found[name] = array
    return found


def replaced(model: bytes, arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Return an ONNX file's bytes with other arrays of the same names: float32, float16 or int8.

    Raises:
        ModelError: these are no bytes of an ONNX file.
    """
    parts = []
    for field, value in _fields(model):
        if field == _GRAPH:
            graph = []
            for inner, part in _fields(value):
                if inner == _INITIALISER:
                    name = _array(part)[0]
                    part = _tensor(name, arrays[name]) if name in arrays else part
                graph.append(_field(inner, part))
            value = b"".join(graph)
        parts.append(_field(field, value))
    return b"".join(parts)


def plain(stored: Mapping[str, NDArray[Any]], name: str) -> NDArray[np.float32]:
    """Return an array in float32 that is stored as such, as float16, or in 8 bits with its scale.

    Raises:
        KeyError: it is not stored.
    """
    for steps in (_STEPS, _COMPUTED):
        if name + steps in stored:
            return np.asarray(stored[name + steps] * stored[name + _SCALE], np.float32)
    return np.asarray(stored[name + _HALF if name + _HALF in stored else name], np.float32)


def changed(model: bytes, changes: Mapping[str, NDArray[np.float32]]) -> bytes:
    """Return an ONNX file's bytes where `changes` are added to the arrays of these names (see `SIDES`).

    What is computed with in whole steps is rounded to such again.

    Raises:
        ModelError: the file has no such array, or one of another shape, or the sum is too large to be stored.
    """
    stored, new = initialisers(model), dict[str, NDArray[Any]]()
    for name in {name.partition(":")[0] for name in changes}:
        try:
            value = plain(stored, name)
            whole = value + added(changes, name, value.shape)
        except (KeyError, ValueError):
            raise ModelError(f"the network has no {name} that could be changed so") from None
        if name + _STEPS in stored:
            new[name + _STEPS], new[name + _SCALE] = whole, np.ones_like(stored[name + _SCALE])
        elif name + _COMPUTED in stored:
            before = stored[name + _COMPUTED], stored[name + _SCALE]
            new[name + _COMPUTED], new[name + _SCALE] = _in_steps(whole, *before)
        elif name + _HALF in stored:
            with np.errstate(over="ignore"):
                new[name + _HALF] = whole.astype(np.float16)
        else:
            new[name] = whole
    if not all(np.isfinite(value).all() for value in new.values()):
        raise ModelError("the network's weights would be no numbers any longer")
    return replaced(model, new)


def _in_steps(
    whole: NDArray[np.float32], steps: NDArray[np.int8], scale: NDArray[np.float32]
) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Round to whole steps again, as many either way as there were, of the same size where that is enough.

    What was whole and is changed by less than half a step would stay as it was: so one is rounded up as often
    as it is near to it, and what many weights do together is kept.
    """
    most = max(1, int(np.abs(steps.astype(np.int16)).max(initial=0)))
    highest = np.abs(whole).max(axis=tuple(range(1, whole.ndim)), keepdims=True)
    size = np.maximum(scale, highest / np.float32(most))
    chance = np.random.default_rng(0).random(whole.shape, np.float32)
    with np.errstate(invalid="ignore"):  # what is no number is told of by the size
        return np.clip(np.floor(whole / size + chance), -most, most).astype(np.int8), size


def added(
    changes: Mapping[str, NDArray[np.float32]], name: str, shape: tuple[int, ...]
) -> NDArray[np.float32]:
    """Return what `changes` add to the array of that name and shape.

    Raises:
        KeyError, ValueError: nothing, or something of another shape.
    """
    if name in changes:
        return changes[name].reshape(shape)
    first, second = (changes[name + side] for side in SIDES)
    if first.ndim != 2 or second.ndim != 2 or len(first) * second.shape[1] != prod(shape):
        raise ValueError("a product of another size")  # before it can fill the memory
    return np.asarray(first @ second, np.float32).reshape(shape)


def _array(tensor: Any) -> tuple[str, NDArray[Any] | None]:
    """Return name and values of a TensorProto; None for one that is stored in another way."""
    dims, kind, name, raw = [], 0, "", None
    for field, value in _fields(tensor):
        if field == _DIMS:
            dims += [value] if isinstance(value, int) else _varints(value)
        elif field == _TYPE:
            kind = value
        elif field == _NAME:
            name = bytes(value).decode(errors="replace")
        elif field == _RAW:
            raw = value
    if raw is None or kind not in _TYPES:
        return name, None
    try:
        return name, np.frombuffer(raw, _TYPES[kind]).reshape(dims)
    except (TypeError, ValueError):
        raise ModelError(_WRONG) from None


def _tensor(name: str, array: NDArray[Any]) -> bytes:
    kind = next(k for k, code in _TYPES.items() if np.dtype(code) == array.dtype)
    parts = [_field(_DIMS, n) for n in array.shape]
    parts += [_field(_TYPE, kind), _field(_NAME, name.encode()), _field(_RAW, array.tobytes())]
    return b"".join(parts)


def _fields(message: Any) -> Iterator[tuple[int, Any]]:
    """Yield number and value of each field: an int, or the bytes of anything longer."""
    if isinstance(message, int):  # where a message should be
        raise ModelError(_WRONG)
    view, at = memoryview(message), 0
    while at < len(view):
        key, at = _varint(view, at)
        wire = key & 7
        if wire == _VARINT:
            value, at = _varint(view, at)
            yield key >> 3, value
            continue
        length, at = _varint(view, at)
        if wire != _BYTES or at + length > len(view):
            raise ModelError(_WRONG)
        yield key >> 3, view[at : at + length]
        at += length


def _field(number: int, value: Any) -> bytes:
    if isinstance(value, int):
        return _written(number << 3 | _VARINT) + _written(value)
    return _written(number << 3 | _BYTES) + _written(len(value)) + bytes(value)


def _varints(view: memoryview) -> list[int]:
    found, at = [], 0
    while at < len(view):
        value, at = _varint(view, at)
        found.append(value)
    return found


def _varint(view: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(view) and shift < 70:
        byte, at = view[at], at + 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise ModelError(_WRONG)


def _written(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
