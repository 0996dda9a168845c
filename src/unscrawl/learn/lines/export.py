"""Hand the line recogniser on: trunk as ONNX, head as arrays, and a card."""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from unscrawl.alphabet import LINE
from unscrawl.distort import plain
from unscrawl.errors import ModelError
from unscrawl.learn.checkpoint import write
from unscrawl.learn.export import store_bytes, store_half
from unscrawl.learn.lines.backwards import backwards
from unscrawl.learn.lines.batches import encode
from unscrawl.learn.lines.evaluation import Score, features_of, log_probabilities, score_of
from unscrawl.learn.lines.net import Net, fuse
from unscrawl.learn.lines.quick import quicken
from unscrawl.learn.lines.sources import Sample
from unscrawl.learn.lines.teachable import make_teachable
from unscrawl.line_recogniser import LESSON

__all__ = ["export", "fit_temperature", "trunk"]

_LOOKED_AT: Final = 200  # lines on which the ranges of what layers see are found
_REPLAYED: Final = 5000  # lines to train on that are read again, at most: of more the means are the same
TOLERANCE: Final = 1e-3  # of the largest feature: ONNX Runtime sums in another order


class _Trunk(nn.Module):
    def __init__(self, net: Net) -> None:
        super().__init__()
        self.net = net

    def forward(self, strip: Tensor) -> Tensor:  # uint8 [B, 40, W] → [B, T, D]
        return self.net.frames(strip)


def trunk(net: Net) -> onnx.ModelProto:
    """Return the trunk as an ONNX model whose initialisers bear the names of the fused network's parameters.

    Dense layers' weights are stored transposed; those of the recurrent layer as ONNX has them, `net.context`
    and `.W`, `.R`, `.B`.

    Raises:
        ModelError: ONNX Runtime disagrees with torch.
    """
    module = _Trunk(fuse(net)).eval()
    buffer = io.BytesIO()
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            (_noise(2, 96),),
            buffer,  # type: ignore[arg-type]
            dynamo=False,
            input_names=["strip"],
            output_names=["features"],
            dynamic_axes={"strip": {0: "B", 2: "W"}, "features": {0: "B", 1: "T"}},
        )
    model = onnx.load_from_string(buffer.getvalue())
    _name_weights(model.graph, module)
    for wide in (64, 320):
        strips = _noise(3, wide)
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        theirs = np.asarray(session.run(None, {"strip": strips.numpy()})[0])
        with torch.inference_mode():
            ours = module(strips).numpy()
        if float(np.abs(ours - theirs).max()) > TOLERANCE * max(1.0, float(np.abs(ours).max())):
            raise ModelError("ONNX Runtime and torch disagree about this network; not written")
    return model


def _name_weights(graph: onnx.GraphProto, module: nn.Module) -> None:
    """Give back their names to weights that the exporter stored in another form."""
    layers = {name: part for name, part in module.named_modules() if isinstance(part, nn.Linear)}
    names = {part.weight.detach().numpy().T.tobytes(): f"{name}.weight" for name, part in layers.items()}
    stored = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        for i, old in enumerate(node.input):
            new = names.get(stored[old].raw_data) if node.op_type == "MatMul" and old in stored else None
            new = f"net.context.{'XWRB'[i]}" if node.op_type == "LSTM" and 1 <= i <= 3 else new
            if new is not None:
                stored[old].name = node.input[i] = new


def _noise(count: int, wide: int) -> Tensor:
    return torch.from_numpy(np.random.default_rng(0).integers(0, 256, (count, 40, wide), dtype=np.uint8))


def export(
    net: Net, path: Path, held: Sequence[Sample], training: Sequence[Sample] = (), **facts: Any
) -> Score:
    """Write `path` (.onnx), the head (.npz) and the card (.json); return the score on the held-back lines.

    With the head go the way forth and back through the trunk (see `backwards`), for teaching it, and what
    stands for the lines of `training`, so that teaching a hand does not forget.

    Weights are stored as float16, or in 8 bits (see `store_bytes`), and computed in float32 but for the
    perceptrons of a pretrained network (see `quick`); the temperature is fitted on `held`. `facts` go into
    the card (licences, command, …).

    Raises:
        ModelError: the network cannot be expressed in ONNX.
        OutputError: the files cannot be written.
    """
    model = trunk(net)
    fixed = {f"net.{name}" for name, parameter in net.named_parameters() if not parameter.requires_grad}
    lesson = backwards(model, fixed)
    lines = training or held
    quicken(model, [plain(s.ink, s.rows) for s in lines[:: -(-len(lines) // _LOOKED_AT)]])
    store_bytes(model, "/body")  # most of a pretrained network
    store_half(model)
    make_teachable(model)
    log_p = log_probabilities(net, held)
    score = score_of(held, log_p)
    temperature = fit_temperature(log_p, [s.text for s in held])
    card = {
        "model": "line",
        "net": net.config,
        "classes": LINE,
        "stride": round(net.stride, 6),
        "input": {"name": "strip", "type": "uint8", "shape": ["B", 40, "W"], "ink": "white on black"},
        "output": {"name": "features", "type": "float32", "shape": ["B", "T", net.features]},
        "temperature": round(temperature, 4),
        "preprocessing": "unscrawl.strip.prepare",
        "figures": {
            "held back, read greedily": {"lines": len(held), "CER": round(score.pooled, 4)},
            **{name: round(cer, 4) for name, cer in score.by_set.items()},
        },
        **facts,
    }
    head = io.BytesIO()
    arrays: dict[str, Any] = {
        "weight": net.head.weight.detach().cpu().numpy().T.astype(np.float16),
        "bias": net.head.bias.detach().cpu().numpy().astype(np.float32),
    }
    for name, graph in zip(LESSON, lesson, strict=True):
        arrays[name] = np.frombuffer(graph.SerializeToString(), np.uint8)
    if training:
        arrays |= _replay(net, training[:: -(-len(training) // _REPLAYED)])
    np.savez_compressed(head, **arrays)
    write(path.with_suffix(".npz"), head.getvalue())
    write(path.with_suffix(".json"), (json.dumps(card, indent=1, ensure_ascii=False) + "\n").encode())
    write(path.with_suffix(".onnx"), model.SerializeToString())
    return score


def _replay(net: Net, samples: Sequence[Sample]) -> dict[str, NDArray[Any]]:
    """Return the mean feature of the frames of each class, their number, and the mean of f fᵀ over all."""
    classes, width = len(LINE) + 1, net.features
    total, second = np.zeros((classes, width)), np.zeros((width, width))
    count = np.zeros(classes)
    for features in features_of(net, samples):
        best = (features @ net.head.weight.detach().numpy().T + net.head.bias.detach().numpy()).argmax(axis=1)
        np.add.at(total, best, features)
        count += np.bincount(best, minlength=classes)
        second += features.T @ features
    mean = total / np.maximum(count, 1)[:, None]
    return {
        "mean": mean.astype(np.float16),
        "count": count.astype(np.float32),
        "second": (second / count.sum()).astype(np.float32),
    }


def fit_temperature(log_p: Sequence[NDArray[np.float32]], texts: Sequence[str]) -> float:
    """Return what to divide logits by so that the texts are most probable by CTC; found by trying."""
    best = (np.inf, 1.0)
    for temperature in np.geomspace(0.8, 2.5, 18):
        loss, count = 0.0, 0
        for frames, text in zip(log_p, texts, strict=True):
            scaled = torch.from_numpy(frames / np.float32(temperature)).log_softmax(1)
            target = torch.tensor([encode(text)])
            value = nn.functional.ctc_loss(
                scaled[:, None],
                target,
                torch.tensor([len(frames)]),
                torch.tensor([len(text)]),
                reduction="sum",
                zero_infinity=True,
            )
            loss, count = loss + float(value), count + len(text)
        best = min(best, (loss / max(1, count), float(temperature)))
    return best[1]
