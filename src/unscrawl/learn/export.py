"""Hand a trained network on: an ONNX file that takes raw pixels, and a card that says what it is.

The file needs nothing but ONNX Runtime. Its input "image" is uint8 [N, size, size] (grey, white ink on
black) or [N, size, size, C]; its output "logits" is float32 [N, classes]. Scaling and normalising are
part of the graph, so no caller can get them wrong; batch norm is folded into the convolutions.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import re
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from unscrawl.errors import ModelError
from unscrawl.learn.batches import normalise
from unscrawl.learn.checkpoint import Run, write
from unscrawl.learn.quantise import quantise
from unscrawl.learn.scoring import check_form

__all__ = ["card", "export", "store_bytes", "store_half"]

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_LARGE = 1024  # values from which a weight is worth storing in less
TOLERANCE = 1e-4
"""Largest difference between torch's and ONNX Runtime's logits, as a share of the largest logit above 1."""


class _FromBytes(nn.Module):
    """The network with the preparation of its input in front."""

    def __init__(self, run: Run) -> None:
        super().__init__()
        self.net, self.mean, self.std = run.model, run.mean, run.std

    def forward(self, image: Tensor) -> Tensor:
        """Map uint8 [N, H, W] or [N, H, W, C] to logits."""
        x = image.unsqueeze(1) if image.ndim == 3 else image.permute(0, 3, 1, 2)
        out: Tensor = self.net(normalise(x, self.mean, self.std))
        return out


def export(
    run: Run, path: str | Path, *, half: bool = False, int8: NDArray[np.uint8] | None = None, **facts: Any
) -> Path:
    """Write `run`'s network to `path` and its card beside it; return `path`, which ends in .onnx.

    `half` stores the larger weights as float16: half the size, logits change in the third digit; they
    are computed in float32 either way. `int8`, pictures that were trained on, has convolutions computed in
    8-bit integers: quicker by far (see `quantise`), logits change in the second digit. `facts` go into the
    card (licences, figures, …).

    Raises:
        ModelError: it cannot be expressed in ONNX or in 8 bits, or ONNX Runtime disagrees with torch.
        DataError: pictures `int8` of another form than the network takes.
        OutputError: the files cannot be written.
    """
    if int8 is not None:
        check_form(int8, run.size, run.channels, str(run.folder))
    path = Path(path)
    path = path if path.suffix == ".onnx" else path.with_name(f"{path.name}.onnx")
    net = _FromBytes(run).cpu().eval()
    model = _to_onnx(net, _noise(run, 2))
    difference = _difference(model, net, _noise(run, 64))
    if difference > TOLERANCE:
        raise ModelError(f"{path}: ONNX Runtime differs from torch by {difference:.1e}; not written")
    if int8 is not None:
        model = quantise(model, int8)
        facts = {"convolutions": "8-bit integers", **facts}
    if half:
        store_half(model)
    write(path, model.SerializeToString())
    text = json.dumps(card(run, facts), indent=1, ensure_ascii=False) + "\n"
    write(path.with_suffix(".json"), text.encode())
    return path


def card(run: Run, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return what someone who has only the exported file needs to know about it."""
    return {
        "model": run.model_name,
        "classes": list(run.classes),
        "size": run.size,
        "channels": run.channels,
        "input": {"name": "image", "type": "uint8", "shape": _shape(run, "N"), "ink": "white on black"},
        "output": {"name": "logits", "type": "float32", "shape": ["N", len(run.classes)]},
        "temperature": run.temperature,
        "mean": list(run.mean),
        "std": list(run.std),
        "parameters": sum(p.numel() for p in run.model.parameters()),
        "data": run.data,
        "samples": run.samples,
        "seed": run.seed,
        "recipe": run.recipe,
        "command": run.command,
        "versions": run.versions,
        "seconds": round(run.seconds, 1),
        "last_epoch": run.history[-1] if run.history else {},
        **facts,
    }


def _shape(run: Run, count: Any) -> list[Any]:
    return [count, run.size, run.size, *([run.channels] if run.channels > 1 else [])]


def _noise(run: Run, count: int) -> Tensor:
    """Random pictures, the same every time: uint8 [count, H, W(, C)]."""
    values = np.random.default_rng(0).integers(0, 256, _shape(run, count), dtype=np.uint8)
    return torch.from_numpy(values)


def _to_onnx(net: nn.Module, example: Tensor) -> onnx.ModelProto:
    try:
        with _quiet():
            program = torch.onnx.export(
                net,
                (example,),
                dynamo=True,
                input_names=["image"],
                output_names=["logits"],
                dynamic_shapes=({0: torch.export.Dim("N")},),
                verbose=False,
            )
    except (torch.onnx.OnnxExporterError, RuntimeError) as error:
        raise ModelError(f"this network cannot be expressed in ONNX: {_reason(error)}") from error
    if program is None:
        raise ModelError("torch exported nothing")
    model = program.model_proto
    graph = model.graph
    parts: list[Any] = [graph.node, graph.input, graph.output, graph.value_info, graph.initializer]
    for part in (*parts, [model, graph]):
        for item in part:
            item.ClearField("metadata_props")  # notes on torch's own tracing
    onnx.checker.check_model(model, full_check=True)
    return model


def _reason(error: BaseException) -> str:
    """Return in one line why torch's exporter failed, and what to do where that is known."""
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause  # the first is the one that says why
    if "DataDependent" in type(error).__name__:
        return "its forward decides by the values of tensors; use torch.where there, no `if` or `while`"
    text = _COLOUR.sub("", str(error)).strip()
    return text.splitlines()[0] if text else type(error).__name__


def _difference(model: onnx.ModelProto, net: nn.Module, images: Tensor) -> float:
    """Largest difference of a logit, relative to the largest logit where that is above 1."""
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    theirs = session.run(["logits"], {"image": images.numpy()})[0]
    with torch.no_grad():
        ours = net(images).numpy()
    return float(np.abs(ours - theirs).max() / max(1.0, float(np.abs(ours).max())))


def store_half(model: onnx.ModelProto) -> None:
    """Keep weights of 1,024 values and more as float16, cast back to float32 when the file is loaded."""
    casts = []
    for tensor in model.graph.initializer:
        values = onnx.numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < _LARGE:
            continue
        name = tensor.name
        tensor.CopyFrom(onnx.numpy_helper.from_array(values.astype(np.float16), f"{name}.half"))
        casts.append(onnx.helper.make_node("Cast", [f"{name}.half"], [name], to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.checker.check_model(model, full_check=True)


def store_bytes(model: onnx.ModelProto, within: str) -> None:
    """Keep the weights of convolutions as 8-bit integers with a scale for each output channel.

    Brought back to float32 when the file is loaded, unlike what `quantise` does: a quarter of the size, each
    weight off by 0.4 % of the channel's largest at most, no quicker.

    Args:
        model: changed in place.
        within: what the names of the convolutions begin with that are meant; small ones stay as they are.
    """
    named = {tensor.name: tensor for tensor in model.graph.initializer}
    nodes = []
    for node in [n for n in model.graph.node if n.op_type == "Conv" and n.name.startswith(within)]:
        tensor = named[node.input[1]]
        values, name = onnx.numpy_helper.to_array(tensor), tensor.name
        if values.dtype != np.float32 or values.size < _LARGE:
            continue
        scale = np.abs(values).max(axis=(1, 2, 3), keepdims=True) / 127 + np.float32(1e-12)
        steps = np.rint(values / scale).astype(np.int8)
        tensor.CopyFrom(onnx.numpy_helper.from_array(steps, f"{name}.steps"))
        model.graph.initializer.append(onnx.numpy_helper.from_array(scale, f"{name}.scale"))
        whole = onnx.helper.make_node("Cast", [f"{name}.steps"], [f"{name}.whole"], to=onnx.TensorProto.FLOAT)
        nodes += [whole, onnx.helper.make_node("Mul", [f"{name}.whole", f"{name}.scale"], [name])]
    nodes += model.graph.node
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.checker.check_model(model, full_check=True)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep torch's exporter from warning about itself, and from printing a graph that it cannot take."""
    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)  # torch's loggers hold on to standard error as it once was
    sink = io.StringIO()
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(sink),
            contextlib.redirect_stderr(sink),
        ):
            warnings.filterwarnings("ignore", category=FutureWarning, module="copyreg")
            warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"(torch|onnx|copyreg)")
            yield
    finally:
        logging.disable(level)
