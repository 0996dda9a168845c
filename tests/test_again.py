"""Training on from exported files: torch sees what they hold, with normalisations that can learn again."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray
from onnx import helper
from rich.console import Console

from conftest import Ran
from lines_made import exported, line, png, sample
from unscrawl.alphabet import LINE
from unscrawl.distort import plain
from unscrawl.errors import ModelError
from unscrawl.learn.lines import again, loop
from unscrawl.learn.lines.batches import collate
from unscrawl.learn.lines.net import LineNet, Net
from unscrawl.learn.lines.pretrained import PretrainedNet
from unscrawl.learn.lines.recipe import LineRecipe
from unscrawl.line_recogniser import LineRecogniser

LINES = [sample(text) for text in ("hello", "Ann", "dear", "see me", "1905")]
RECIPE = LineRecipe(batch=2, steps=1, every=1, width=16, blocks=1, look=2, lr=1e-9)
KINDS = pytest.mark.parametrize("kind", ["small", "large", "shipped"])


def made(folder: Path, net: Net) -> LineRecogniser:
    """Export a network of chance with statistics of its own in every batch normalisation."""
    net.train()
    with torch.no_grad():
        for _ in range(3):
            net(torch.randint(0, 256, (2, 40, 64), dtype=torch.uint8))
    return exported(folder, net)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> LineRecogniser:
    torch.manual_seed(0)
    return made(tmp_path_factory.mktemp("small"), LineNet(len(LINE), width=16, blocks=1))


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> LineRecogniser:
    torch.manual_seed(0)
    return made(tmp_path_factory.mktemp("large"), PretrainedNet(len(LINE), width=16, blocks=1))


@pytest.fixture(scope="module")
def shipped() -> LineRecogniser:
    return LineRecogniser(threads=1)


@pytest.fixture
def copied(small: LineRecogniser, tmp_path: Path) -> Path:
    """The small recogniser's files, to be spoilt."""
    for suffix in (".onnx", ".npz", ".json"):
        shutil.copy(small.path.with_suffix(suffix), tmp_path)
    return tmp_path / small.path.name


def strips() -> list[NDArray[np.uint8]]:
    return [plain(s.ink, s.rows) for s in LINES]


def torchs(net: Net) -> NDArray[np.float32]:
    """What torch makes of the lines, all in one batch."""
    with torch.inference_mode():
        out = net(collate(sorted(strips(), key=lambda s: s.shape[1]), [""] * len(LINES)).images)
    return out.log_softmax(2).numpy()  # type: ignore[no-any-return]


def in_floats(file: bytes) -> bytes:
    """The same network, its weights as they are stored; but what its layers see is not rounded to 8 bits."""
    model = onnx.ModelProto.FromString(file)
    nodes: list[onnx.NodeProto] = []
    for node in model.graph.node:
        if node.op_type == "MatMulIntegerToFloat":
            seen = next(n.input[0] for n in nodes if n.output[0] == node.input[0])
            name, scales, bias, out = node.output[0], node.input[3], node.input[6], list(node.output)
            nodes += [
                helper.make_node("Cast", [node.input[1]], [f"{name}/steps"], to=onnx.TensorProto.FLOAT),
                helper.make_node("Mul", [f"{name}/steps", scales], [f"{name}/weight"]),
                helper.make_node("MatMul", [seen, f"{name}/weight"], [f"{name}/product"]),
                helper.make_node("Add", [f"{name}/product", bias], out),
            ]
        else:
            nodes.append(onnx.NodeProto.FromString(node.SerializeToString()))
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model.SerializeToString()


def files(recogniser: LineRecogniser) -> NDArray[np.float32]:
    """What ONNX Runtime makes of the same batch."""
    images = collate(sorted(strips(), key=lambda s: s.shape[1]), [""] * len(LINES)).images.numpy()
    model = in_floats(recogniser.model)
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    features = np.asarray(session.run(["features"], {"strip": images})[0], np.float32)
    logits = torch.tensor(features @ recogniser.head[0] + recogniser.head[1])
    return logits.log_softmax(2).numpy()  # type: ignore[no-any-return]


def test_rounding_what_layers_see_hardly_changes_the_reading(shipped: LineRecogniser) -> None:
    images = collate(sorted(strips(), key=lambda s: s.shape[1]), [""] * len(LINES)).images.numpy()
    rounded = shipped.run(images, ["features"])[0] @ shipped.head[0] + shipped.head[1]
    same = rounded.argmax(2) == files(shipped).argmax(2)
    assert same.mean() > 0.95
    assert not np.allclose(
        files(shipped)[..., 0], torch.tensor(rounded).log_softmax(2)[..., 0].numpy(), atol=1e-4
    )


@KINDS
def test_folded_network_reads_as_the_file(kind: str, request: pytest.FixtureRequest) -> None:
    recogniser = request.getfixturevalue(kind)
    np.testing.assert_allclose(torchs(again.net_of(recogniser)), files(recogniser), atol=2e-3)


@KINDS
def test_restored_network_reads_as_the_file(kind: str, request: pytest.FixtureRequest) -> None:
    recogniser = request.getfixturevalue(kind)
    net = again.restored(recogniser, strips()[:2])  # whatever lines it saw
    np.testing.assert_allclose(torchs(net), files(recogniser), atol=2e-3)


@KINDS
def test_while_training_it_reads_so_the_lines_it_saw(kind: str, request: pytest.FixtureRequest) -> None:
    recogniser = request.getfixturevalue(kind)
    net = again.restored(recogniser, strips()).train()  # normalises by means of the batch, as training does
    net.drop.eval()
    np.testing.assert_allclose(torchs(net), files(recogniser), atol=2e-2)


def test_all_lines_count_whatever_their_batch(small: LineRecogniser) -> None:
    many = strips()[:1] * 40 + strips()[3:4]
    norm = again.restored(small, many).blocks[0].norm
    alone = again.restored(small, many[:40]).blocks[0].norm
    last = again.restored(small, many[40:]).blocks[0].norm
    assert not torch.equal(norm.bias, alone.bias)
    assert (norm.bias - alone.bias).abs().max() < 0.2 * (last.bias - alone.bias).abs().max()


def test_what_is_fixed_stays_so_and_all_else_learns(large: LineRecogniser) -> None:
    fixed = {n for n, p in again.restored(large, strips()).named_parameters() if not p.requires_grad}
    assert fixed == {n for n, _ in again.net_of(large).named_parameters() if n.startswith("stem.")}


def test_recurrent_layer_is_not_fixed(large: LineRecogniser) -> None:
    assert all(p.requires_grad for p in again.net_of(large).context.parameters())


def train(out: Path, recipe: LineRecipe = RECIPE, **options: Any) -> Net:
    silent = Console(file=io.StringIO())
    return loop.train(recipe, LINES[:4], LINES[4:], out, workers=0, console=silent, **options)


def test_training_starts_from_a_file(small: LineRecogniser, tmp_path: Path) -> None:
    trained = train(tmp_path, start_from=small.path)
    for name, value in again.net_of(small).named_parameters():
        if not name.endswith("mix.bias") and "stem" not in name:
            assert torch.allclose(trained.get_parameter(name), value, atol=1e-5), name


def test_one_seed_gives_one_start(small: LineRecogniser, tmp_path: Path) -> None:
    one, two, other = (
        train(tmp_path / name, start_from=small.path, seed=seed).state_dict()
        for name, seed in (("one", 1), ("two", 1), ("other", 2))
    )
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not torch.equal(one["blocks.0.norm.bias"], other["blocks.0.norm.bias"])


def test_normalisations_see_lines_to_train_on_distorted(
    small: LineRecogniser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[NDArray[np.uint8]] = []

    def watched(recogniser: LineRecogniser, images: list[NDArray[np.uint8]]) -> Net:
        seen.extend(images)
        return again.restored(recogniser, images)

    monkeypatch.setattr(loop, "restored", watched)
    monkeypatch.setattr(loop, "_SEEN", 3)
    train(tmp_path, start_from=small.path)
    assert [len(image) for image in seen] == [40, 40, 40]
    assert not any(np.array_equal(image, strip) for image in seen for strip in strips())


@pytest.mark.parametrize("change", [{"width": 32}, {"blocks": 2}, {"network": "pretrained"}], ids=str)
def test_file_of_another_network_is_refused_before_lines_are_read(
    small: LineRecogniser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    monkeypatch.setattr(loop, "restored", None)
    with pytest.raises(ModelError, match=r"line\.onnx: weights of another network") as caught:
        train(tmp_path, replace(RECIPE, **change), start_from=small.path)
    assert "\n" not in str(caught.value)


def test_run_of_a_file_goes_on_without_it(copied: Path, tmp_path: Path) -> None:
    train(tmp_path / "run", start_from=copied)
    copied.unlink()
    train(tmp_path / "run", replace(RECIPE, steps=2), start_from=copied, resume=True)
    assert '"step": 2' in (tmp_path / "run" / loop.RECORD).read_text("utf-8")


def test_folder_may_be_called_like_a_file(tmp_path: Path) -> None:
    folder = tmp_path / "run.onnx"
    before = train(folder)
    after = train(tmp_path / "on", start_from=folder)
    assert torch.allclose(before.head.weight, after.head.weight, atol=1e-5)


def test_file_without_the_names_is_refused(copied: Path) -> None:
    copied.write_bytes(copied.read_bytes().replace(b"net.fold.weight", b"net.gold.weight"))
    with pytest.raises(ModelError, match="does not hold a network's weights by their names"):
        again.net_of(LineRecogniser(copied, threads=1))


def test_card_without_a_network_is_refused(copied: Path) -> None:
    card = copied.with_suffix(".json")
    card.write_text(card.read_text("utf-8").replace('"net"', '"nit"'), "utf-8")
    with pytest.raises(ModelError, match="does not hold a network's weights by their names"):
        again.net_of(LineRecogniser(copied, threads=1))


@pytest.fixture
def learn(unscrawl: Callable[..., Ran], tmp_path: Path) -> Callable[..., Ran]:
    """Run `unscrawl learn-lines` on five lines with a tiny recipe that hardly learns."""
    recipe = "batch = 2\nsteps = 1\nevery = 1\nwidth = 16\nblocks = 1\nlook = 2\nlr = 1e-9\n"
    (tmp_path / "tiny.toml").write_text(recipe, "utf-8")
    for n, text in enumerate(["hello", "dear Ann", "see", "you", "soon"]):
        png(tmp_path / "mine" / f"{n}.png", line(text))
        (tmp_path / "mine" / f"{n}.txt").write_text(text + "\n", "utf-8")
    usual = ("mine", "--recipe", "tiny.toml", "--out", "run", "--workers", 0, "--device", "cpu")
    return lambda *arguments: unscrawl("learn-lines", *usual, *arguments)


def test_command_takes_a_file_and_writes_what_reads_like_it(
    learn: Callable[..., Ran], small: LineRecogniser, tmp_path: Path
) -> None:
    assert learn("--from", small.path).code == 0
    written, chance = (
        LineRecogniser(tmp_path / "run" / "line.onnx", threads=1),
        LineNet(len(LINE), width=16, blocks=1),
    )
    away, far = (np.abs(p - files(small)).mean() for p in (files(written), torchs(chance.eval())))
    assert away < 0.2 * far


@pytest.mark.parametrize(
    ("spoilt", "said"),
    [
        (".onnx", "line.onnx is no line recogniser that can be run"),
        (".npz", "line.onnx is no line recogniser that can be run"),
        (".json", "line.json cannot be read as a model's card"),
    ],
)
def test_damaged_file_is_one_line(learn: Callable[..., Ran], copied: Path, spoilt: str, said: str) -> None:
    copied.with_suffix(spoilt).write_bytes(b"of no use")
    ran = learn("--from", copied)
    assert ran.code == 2
    assert said in ran.complaints[-1]
    assert "Traceback" not in ran.err


def test_missing_file_is_one_line(learn: Callable[..., Ran]) -> None:
    ran = learn("--from", "none.onnx")
    assert ran.code == 2
    assert "none.json: no card for the model" in ran.complaints[-1]
    assert "Traceback" not in ran.err
