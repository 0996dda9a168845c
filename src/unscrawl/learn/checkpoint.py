"""A run's folder: the record (run.json), the network (model.safetensors), where it stood (state.safetensors).

A network of the user's own lies beside these as model.py, a copy of the file it was built from: what becomes
of that file later does not change the run. What the file imports from its own folder is not copied.

Every file is written under a temporary name beside its own and then renamed, so that a full disk, a
crash or an impatient hand leaves the old one whole. Nothing is pickled.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

from unscrawl.errors import ModelError, OutputError
from unscrawl.learn import models

__all__ = ["Run", "kept_source", "load", "load_state", "read", "save_state", "write"]

RUN, MODEL, STATE, SOURCE = "run.json", "model.safetensors", "state.safetensors", "model.py"


@dataclass
class Run:
    """One training run: its record and its network."""

    folder: Path
    model: nn.Module
    """In evaluation mode, on the CPU when loaded."""
    model_name: str
    classes: tuple[str, ...]
    channels: int
    size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    recipe: dict[str, Any]
    seed: int
    data: str = ""
    temperature: float = 1.0
    """Divide logits by this for calibrated probabilities (fitted on the validation part)."""
    tta: bool = False
    history: list[dict[str, float]] = field(default_factory=list)
    """One entry an epoch: epoch, loss, accuracy (training), validation_loss, validation_accuracy, seconds."""
    seconds: float = 0.0
    device: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    command: str = ""
    samples: dict[str, int] = field(default_factory=dict)
    """Number of pictures per part."""

    @property
    def validation_accuracy(self) -> float | None:
        """Share right of the pictures held back, with the weights that were kept; None without such."""
        seen = [entry["validation_accuracy"] for entry in self.history if "validation_accuracy" in entry]
        return (seen[-1] if self.recipe.get("keep") == "last" else max(seen)) if seen else None

    def save(self) -> None:
        """Write the record and the network into the run's folder."""
        record = {k: v for k, v in asdict(_without_model(self)).items() if k not in ("folder", "model")}
        weights = {k: v.detach().cpu().contiguous() for k, v in self.model.state_dict().items()}
        if (source := models.source(self.model)) is not None:
            write(self.folder / SOURCE, source)
        write(self.folder / MODEL, to_bytes(weights, {"model": self.model_name}))
        write(self.folder / RUN, (json.dumps(record, indent=1, ensure_ascii=False) + "\n").encode())


def _without_model(run: Run) -> Run:
    """A shallow copy that `asdict` does not have to copy a network for."""
    return Run(**{**vars(run), "model": None})


def load(folder: str | os.PathLike[str]) -> Run:
    """Read a run: record and network, ready for evaluation on the CPU.

    Raises:
        ModelError: nothing there, half-written or damaged files, weights of another network.
    """
    folder = Path(folder)
    try:
        record = json.loads((folder / RUN).read_text("utf-8"))
        for name in ("classes", "mean", "std"):
            record[name] = tuple(record[name])
        name, form = record["model_name"], (len(record["classes"]), record["channels"], record["size"])
        model = models.build(name, *form, copy=kept_source(folder, name))
        run = Run(folder=folder, model=model, **record)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ModelError(f"{folder}: no training run here ({RUN} is missing)") from error
    except KeyError as error:
        raise ModelError(f"{folder / RUN}: damaged record: {error} is missing; train again") from error
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise ModelError(f"{folder / RUN}: damaged record: {error}; train again") from error
    tensors = read(folder / MODEL)
    fit_into(model, tensors, f"{folder / MODEL}")
    model.eval()
    return run


def kept_source(folder: Path, model_name: str) -> Path | None:
    """Return the run's copy of the file of a network of one's own; None where there is none."""
    copy = folder / SOURCE
    return copy if models.is_own(model_name) and copy.is_file() else None


def fit_into(model: nn.Module, tensors: Mapping[str, Tensor], where: str) -> None:
    """Load `tensors` into `model`; a `ModelError` names the first that is missing, strange or misshapen."""
    own = model.state_dict()
    for name in (*own, *tensors):
        if name not in tensors or name not in own:
            raise ModelError(f"{where}: weights of another network ({name} has no counterpart)")
        if own[name].shape != tensors[name].shape:
            raise ModelError(
                f"{where}: weights of another network or class list "
                f"({name} is {list(tensors[name].shape)}, expected {list(own[name].shape)})"
            )
    model.load_state_dict(dict(tensors))


def save_state(folder: Path, tree: Mapping[str, Any]) -> None:
    """Write `tree` (nested dicts and lists of tensors and JSON values) as the point to resume from."""
    tensors: dict[str, Tensor] = {}
    plain = _split(tree, "", tensors)
    write(folder / STATE, to_bytes(tensors, {"tree": json.dumps(plain)}))


def load_state(folder: Path) -> dict[str, Any]:
    """Read back what `save_state` wrote.

    Raises:
        ModelError: nothing to resume, or a damaged file.
    """
    if not (folder / STATE).exists():
        raise ModelError(f"{folder}: nothing to resume here ({STATE} is missing); train without --resume")
    try:
        tensors, metadata = _read(folder / STATE)
        tree: dict[str, Any] = _join(json.loads(metadata["tree"]), tensors)
    except (ModelError, KeyError, ValueError, RecursionError) as error:
        raise ModelError(
            f"{folder / STATE}: damaged or half-written; train again, into another folder"
        ) from error
    return tree


def write(path: Path, content: bytes) -> None:
    """Put `content` at `path` whole or not at all.

    Raises:
        OutputError: no room, no right; what was there before is untouched.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(part, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror}; what was there is kept") from error
    finally:
        with suppress(OSError):
            part.unlink()


def read(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a safetensors file.

    Raises:
        ModelError: no such file, or a damaged one.
    """
    return _read(path)[0]


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except FileNotFoundError as error:
        raise ModelError(f"{path}: no such file") from error
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{path}: damaged or half-written ({error})") from error


def _split(value: Any, path: str, tensors: dict[str, Tensor]) -> Any:
    """Move tensors out of a tree into `tensors`, leaving {"tensor": name}; dict keys become pairs."""
    if isinstance(value, Tensor):
        tensors[path] = value.detach().cpu().contiguous().clone()
        return {"tensor": path}
    if isinstance(value, Mapping):
        return {"pairs": [[k, _split(v, f"{path}/{k}", tensors)] for k, v in value.items()]}
    if isinstance(value, (list, tuple)):
        return [_split(v, f"{path}/{i}", tensors) for i, v in enumerate(value)]
    return value


def _join(value: Any, tensors: Mapping[str, Tensor]) -> Any:
    """Undo `_split`; keys keep their kind, for JSON pairs do."""
    if isinstance(value, dict):
        if "tensor" in value:
            return tensors[value["tensor"]]
        return {k: _join(v, tensors) for k, v in value["pairs"]}
    if isinstance(value, list):
        return [_join(v, tensors) for v in value]
    return value
