"""Accuracy against seconds on MNIST: ours beside what people commonly run, on this machine, same data.

    python bench/mnist.py --data-dir FOLDER [--seeds 5] [--only quick,example] [--out bench/results]
                          [--keep RUNS] [--average best,best-7]

Every run is a process of its own. Its clock starts before the process does, so Python's start, imports
and loading the data count; the seconds of `import torch` are given beside. The rivals test after every
epoch, as the official example does, ours once, at the end. Writes results.json, table.md and two plots;
what results.json already has is not run again, and is in the table and the plots too.

With --keep our runs stay, as RUNS/NAME-SEED. A run that is there already, as `unscrawl train mnist --recipe
NAME --seed SEED --out RUNS/NAME-SEED` leaves it, is measured and not trained again; one that was broken off
goes on. Neither was timed from its start to its end here, so it has an accuracy and no seconds. --average
takes what the finished runs of some recipes say together: the mean of their probabilities. The rivals:

    example    the official PyTorch example's network and loop: Dataset by sample, ToTensor, Normalize,
               batch 64, Adadelta 1.0, step 0.7, 14 epochs
    exercise   the course's loop: the same pipeline, LeNet with dropout, Adam 1e-3, five epochs
    keras      Keras' "Simple MNIST convnet" (needs keras; its backend is torch unless KERAS_BACKEND says)
    sklearn    MLPClassifier with 128 hidden units (needs scikit-learn)
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import mnistours
from mnistfigures import AVERAGE, OURS, Result, plots, table
from mnistours import Report

# ── the rivals, written as their authors write them ───────────────────────────────────────────────


def arrays(folder: str) -> list[NDArray[Any]]:
    """Return training images [60000, 28, 28], labels, test images and labels."""
    import gzip

    parts: list[NDArray[Any]] = []
    for name, start in (("train-images-idx3", 16), ("train-labels-idx1", 8)) * 2:
        name = name.replace("train", "t10k") if len(parts) > 1 else name
        found = next(p for p in Path(folder).rglob(f"{name}-ubyte.gz"))
        parts.append(np.frombuffer(gzip.decompress(found.read_bytes()), np.uint8, offset=start))
    x, y, test_x, test_y = parts
    return [x.reshape(-1, 28, 28), y, test_x.reshape(-1, 28, 28), test_y]


def plain_torch(
    name: str, optimizer: str, epochs: int, gamma: float, seed: int, folder: str, report: Report
) -> int:
    """The loop of https://github.com/pytorch/examples/blob/main/mnist/main.py, without torchvision."""
    import torch
    import torch.nn.functional as F
    from PIL import Image
    from torch.utils.data import DataLoader, Dataset

    from unscrawl.learn.models import build, parameters

    class Plain(Dataset[Any]):
        """torchvision's MNIST with ToTensor and Normalize, sample by sample."""

        def __init__(self, images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> None:
            self.images, self.labels = images, labels

        def __len__(self) -> int:
            return len(self.labels)

        def __getitem__(self, index: int) -> tuple[Any, int]:
            image = Image.fromarray(self.images[index])
            x = torch.from_numpy(np.array(image, np.uint8)).view(28, 28, 1).permute(2, 0, 1).contiguous()
            x = x.to(torch.float32).div(255)
            return x.sub_(torch.tensor(0.1307)).div_(torch.tensor(0.3081)), int(self.labels[index])

    torch.manual_seed(seed)
    x, y, test_x, test_y = arrays(folder)
    train_loader = DataLoader(Plain(x, y), batch_size=64, shuffle=True)
    test_loader = DataLoader(Plain(test_x, test_y), batch_size=1000)
    model = build(name, 10)
    chosen = torch.optim.Adadelta(model.parameters(), lr=1.0)
    stepper: torch.optim.Optimizer = chosen
    if optimizer == "adam":
        stepper = torch.optim.Adam(model.parameters(), lr=1e-3)
    scheduler = torch.optim.lr_scheduler.StepLR(stepper, step_size=1, gamma=gamma)
    for _ in range(epochs):
        model.train()
        for data, target in train_loader:
            stepper.zero_grad()
            loss = F.nll_loss(F.log_softmax(model(data), dim=1), target)
            loss.backward()  # type: ignore[no-untyped-call]
            stepper.step()
        model.eval()
        right = 0
        with torch.no_grad():
            for data, target in test_loader:
                right += int((model(data).argmax(dim=1) == target).sum())
        report(right / len(test_y))
        scheduler.step()
    return parameters(model)


def keras_convnet(seed: int, folder: str, report: Report) -> int:
    """https://keras.io/examples/vision/mnist_convnet/: 15 epochs, batch 128."""
    os.environ.setdefault("KERAS_BACKEND", "torch")
    import keras
    from keras import layers

    keras.utils.set_random_seed(seed)
    x, y, test_x, test_y = arrays(folder)
    x, test_x = (a.astype("float32")[..., None] / 255 for a in (x, test_x))
    model = keras.Sequential(
        [
            keras.Input(shape=(28, 28, 1)),
            layers.Conv2D(32, kernel_size=(3, 3), activation="relu"),
            layers.MaxPooling2D(pool_size=(2, 2)),
            layers.Conv2D(64, kernel_size=(3, 3), activation="relu"),
            layers.MaxPooling2D(pool_size=(2, 2)),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    one_hot = keras.utils.to_categorical(y, 10)
    for _ in range(15):
        model.fit(x, one_hot, batch_size=128, epochs=1, validation_split=0.1, verbose=0)
        report(float((model.predict(test_x, verbose=0).argmax(1) == test_y).mean()))
    return int(model.count_params())


def sklearn_mlp(seed: int, folder: str, report: Report) -> int:
    """scikit-learn's MLPClassifier with its defaults but the 128 units, epoch by epoch."""
    from sklearn.neural_network import MLPClassifier

    x, y, test_x, test_y = arrays(folder)
    x, test_x = (a.reshape(-1, 784) / 255.0 for a in (x, test_x))
    model = MLPClassifier((128,), random_state=seed)
    for _ in range(20):
        model.partial_fit(x, y, classes=np.arange(10))
        report(float(model.score(test_x, test_y)))
    return sum(a.size for a in (*model.coefs_, *model.intercepts_))


RIVALS: dict[str, Callable[[int, str, Report], int]] = {
    "example": lambda *a: plain_torch("example", "adadelta", 14, 0.7, *a),
    "exercise": lambda *a: plain_torch("lenet-dropout", "adam", 5, 1.0, *a),
    "keras": keras_convnet,
    "sklearn": sklearn_mlp,
}


# ── running and telling ───────────────────────────────────────────────────────────────────────────


def child(name: str, seed: int, folder: str, keep: Path | None, began: float) -> None:
    """Run one entrant in this process and print what came of it as one JSON line."""
    before = time.time()
    if name != "sklearn":  # which does without
        with contextlib.suppress(ImportError):
            import torch  # noqa: F401
    imported = time.time() - before
    curve: list[tuple[float | None, float]] = []

    def report(accuracy: float) -> None:
        curve.append((round(time.time() - began, 2), round(accuracy, 4)))

    timed = True
    if name in OURS:
        size, timed = mnistours.ours(name, seed, folder, keep, report)
    else:
        size = RIVALS[name](seed, folder, report)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "linux" else 2**20)
    result = {"curve": curve, "parameters": size, "import": round(imported, 2), "mb": round(memory)}
    if not timed:
        result |= {"curve": [(None, accuracy) for _, accuracy in curve], "import": None, "mb": None}
    print(json.dumps(result))


def runs(
    names: list[str], seeds: int, folder: str, keep: Path | None, done: dict[str, Result]
) -> Iterator[tuple[str, Result]]:
    """Yield (name/seed, result) of every run that is not `done`, one process after the other."""
    for seed in range(seeds):
        for name in names:
            if f"{name}/{seed}" in done:
                continue
            command = [sys.executable, __file__, "--child", name, "--seed", str(seed), "--data-dir", folder]
            command += ["--keep", str(keep)] if keep else []
            ended = subprocess.run(
                [*command, "--began", repr(time.time())], stdout=subprocess.PIPE, text=True, check=False
            )
            if ended.returncode:
                print(f"{name}: left out, it ended with {ended.returncode}", file=sys.stderr)
                continue
            yield f"{name}/{seed}", json.loads(ended.stdout.splitlines()[-1])


def together(recipes: list[str], seeds: int, folder: str, keep: Path, results: dict[str, Result]) -> None:
    """Put the average of some recipes' kept runs into `results`, in place of one of fewer or more."""
    from unscrawl.errors import UnscrawlError

    try:
        name, result = mnistours.averaged(recipes, seeds, folder, keep)
    except UnscrawlError as error:
        sys.exit(str(error))
    same = " " + "+".join(recipes)
    for key in [k for k in results if k.startswith(AVERAGE) and k.split("/")[0].endswith(same)]:
        del results[key]
    results[f"{name}/0"] = result


def main() -> None:
    """Run what is asked for and write it down after every run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-dir", required=True, help="folder with the four MNIST .gz files in it")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", default="quick,example,exercise,keras,sklearn", help="names, with commas")
    parser.add_argument("--keep", type=Path, metavar="RUNS", help="folder of our runs: NAME-SEED")
    parser.add_argument("--average", metavar="NAMES", help="measure the kept runs of these together too")
    parser.add_argument("--out", type=Path, default=Path("bench/results"))
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--began", type=float, default=0.0, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.child:
        child(chosen.child, chosen.seed, chosen.data_dir, chosen.keep, chosen.began)
        return
    names = chosen.only.split(",")
    if wrong := [n for n in names if n not in OURS and n not in RIVALS]:
        parser.error(f"unknown: {', '.join(wrong)}; there are {', '.join((*OURS, *RIVALS))}")
    average = chosen.average.split(",") if chosen.average else []
    if wrong := [n for n in average if n not in OURS]:
        parser.error(f"cannot be averaged: {', '.join(wrong)}; there are {', '.join(OURS)}")
    if average and not chosen.keep:
        parser.error("--average needs --keep: the folder of the runs")
    chosen.out.mkdir(parents=True, exist_ok=True)
    record = chosen.out / "results.json"
    results: dict[str, Result] = json.loads(record.read_text()) if record.exists() else {}
    for key, result in runs(names, chosen.seeds, chosen.data_dir, chosen.keep, results):
        results[key] = result
        record.write_text(json.dumps(results, indent=1) + "\n")
        print(key, result["curve"][-1], file=sys.stderr)
    if average:
        together(average, chosen.seeds, chosen.data_dir, chosen.keep, results)
        record.write_text(json.dumps(results, indent=1) + "\n")
    if not results:
        sys.exit("not one run succeeded")
    told = table(results)
    (chosen.out / "table.md").write_text(told)
    try:
        plots(results, chosen.out)
    except ImportError:
        print("no plots: pip install matplotlib", file=sys.stderr)
    print(told)


if __name__ == "__main__":
    main()
