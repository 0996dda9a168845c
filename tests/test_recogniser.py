"""The exported network with its card."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest

from unscrawl.alphabet import ALPHABET
from unscrawl.errors import ModelError
from unscrawl.glyph import prepare_all
from unscrawl.recogniser import JUNK, Recogniser


@pytest.fixture(scope="module")
def shipped() -> Recogniser:
    return Recogniser(threads=1)


@pytest.fixture
def copy(tmp_path: Path, shipped: Recogniser) -> Path:
    """The shipped network in a folder of its own, to be damaged."""
    for suffix in (".onnx", ".json"):
        shutil.copy(shipped.path.with_suffix(suffix), tmp_path / f"m{suffix}")
    return tmp_path / "m.onnx"


def linear(path: Path, *form: int, classes: int = 2) -> Path:
    """Write a network of one layer that takes uint8 [N, *form], and its card."""
    types, made = onnx.TensorProto, onnx.helper.make_node
    nodes = [made("Cast", ["x"], ["f"], to=types.FLOAT), made("Flatten", ["f"], ["v"])]
    nodes.append(made("MatMul", ["v", "w"], ["y"]))
    weight = onnx.numpy_helper.from_array(np.zeros((int(np.prod(form)), classes), np.float32), "w")
    taken = onnx.helper.make_tensor_value_info("x", types.UINT8, ["N", *form])
    given = onnx.helper.make_tensor_value_info("y", types.FLOAT, ["N", classes])
    graph = onnx.helper.make_graph(nodes, "linear", [taken], [given], [weight])
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)]), path)
    card = {"classes": list("abcdef"[:classes]), "size": form[0], "channels": form[2] if form[2:] else 1}
    path.with_suffix(".json").write_text(json.dumps(card))
    return path


def test_shipped_classes_are_the_alphabet(shipped: Recogniser) -> None:
    assert shipped.classes == (*ALPHABET, JUNK)


def test_probabilities_sum_to_one(shipped: Recogniser) -> None:
    images = np.random.default_rng(0).integers(0, 256, (7, 28, 28), np.uint8)
    assert np.exp(shipped.log_probabilities(images)).sum(axis=1) == pytest.approx(1, abs=1e-4)


def test_no_pictures_give_no_rows(shipped: Recogniser) -> None:
    assert shipped.logits(np.zeros((0, 28, 28), np.uint8)).shape == (0, len(shipped.classes))


def test_many_pictures_are_run_in_chunks(shipped: Recogniser) -> None:
    images = np.random.default_rng(0).integers(0, 256, (600, 28, 28), np.uint8)
    assert shipped.logits(images)[599] == pytest.approx(shipped.logits(images[599:])[0], abs=1e-3)


def test_two_letters_in_one_box_are_no_character(shipped: Recogniser) -> None:
    pair = np.zeros((64, 128), np.uint8)
    for x in (4, 68):  # H twice
        pair[4:60, x : x + 8] = pair[4:60, x + 44 : x + 52] = pair[28:36, x : x + 52] = 255
    p = np.exp(shipped.log_probabilities(prepare_all([pair, pair[:, :64]])))
    assert shipped.classes[p[1].argmax()] == "H"
    assert p[0, -1] > p[1, -1]


def test_place_on_the_line_tells_comma_from_apostrophe(shipped: Recogniser) -> None:
    even = np.zeros((1, len(shipped.classes)), np.float32)
    low = shipped.with_places(even, np.array([[0.25, -0.28]]))[0]
    high = shipped.with_places(even, np.array([[1.45, 1.0]]))[0]
    comma, apostrophe = ALPHABET.index(","), ALPHABET.index("'")
    assert low[comma] > low[apostrophe]
    assert high[apostrophe] > high[comma]


def test_size_on_the_line_tells_c_from_capital_c(shipped: Recogniser) -> None:
    even = np.zeros((1, len(shipped.classes)), np.float32)
    small = shipped.with_places(even, np.array([[1.0, 0.0]]))[0]
    large = shipped.with_places(even, np.array([[1.45, 0.0]]))[0]
    assert small[ALPHABET.index("c")] > small[ALPHABET.index("C")]
    assert large[ALPHABET.index("C")] > large[ALPHABET.index("c")]


def test_line_of_capitals_is_rescaled(shipped: Recogniser) -> None:
    log_p = np.full((6, len(shipped.classes)), -12.0, np.float32)
    for row, char in enumerate("HELKNT"):
        log_p[row, ALPHABET.index(char)] = -0.01
    taken_for_small = np.tile([1.0, 0.0], (6, 1))  # the layout took the capitals' height for the x-height
    moved = shipped.fit_line(log_p, taken_for_small)
    assert 1.2 < moved[0, 0] < 1.6


def test_missing_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such model"):
        Recogniser(tmp_path / "absent.onnx")


def test_network_without_card(copy: Path) -> None:
    copy.with_suffix(".json").unlink()
    with pytest.raises(ModelError, match="no card"):
        Recogniser(copy)


@pytest.mark.parametrize("content", [b"", b"not a network", b"\x00" * 100])
def test_damaged_network(copy: Path, content: bytes) -> None:
    copy.write_bytes(content)
    with pytest.raises(ModelError):
        Recogniser(copy)


@pytest.mark.parametrize("text", ["", "[]", '{"classes": []}', "{"])
def test_damaged_card(copy: Path, text: str) -> None:
    copy.with_suffix(".json").write_text(text)
    with pytest.raises(ModelError):
        Recogniser(copy)


def test_card_of_another_network(copy: Path) -> None:
    card = json.loads(copy.with_suffix(".json").read_text())
    card["classes"] = card["classes"][:10]
    card.pop("places", None)
    card.pop("bias", None)
    copy.with_suffix(".json").write_text(json.dumps(card))
    with pytest.raises(ModelError, match="10 classes"):
        Recogniser(copy)


@pytest.mark.parametrize(("form", "told"), [((32, 32), "32 x 32 grey"), ((28, 28, 3), "28 x 28 colour")])
def test_network_of_another_form_is_not_for_reading(tmp_path: Path, form: tuple[int, ...], told: str) -> None:
    path = linear(tmp_path / "m.onnx", *form)
    with pytest.raises(ModelError, match=rf"m\.onnx takes {told} pictures, not 28 x 28 grey"):
        Recogniser(path)
    assert Recogniser(path, any_form=True).logits(np.zeros((3, *form), np.uint8)).shape == (3, 2)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("classes", [1, 2]),
        ("size", "large"),
        ("size", [28]),
        ("channels", "grey"),
        ("temperature", "warm"),
        ("bias", ["none", "none"]),
        ("bias", [0.0]),
        ("places", {"mean": [[0, 1]], "spread": [[1, 1]]}),
        ("places", "anywhere"),
    ],
)
def test_card_of_the_wrong_form(tmp_path: Path, key: str, value: object) -> None:
    path = linear(tmp_path / "m.onnx", 28, 28)
    card = path.with_suffix(".json")
    card.write_text(json.dumps(json.loads(card.read_text()) | {key: value}))
    with pytest.raises(ModelError, match=r"m\.json"):
        Recogniser(path)
