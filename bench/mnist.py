"""Accuracy against seconds on MNIST: ours beside what people commonly run, on this machine, same data.

    python bench/mnist.py --data-dir FOLDER [--seeds 5] [--only quick,example] [--out bench/results]

Every run is a process of its own. Its clock starts before the process does, so Python's start, imports
and loading the data count; the seconds of `import torch` are given beside. The rivals test after every
epoch, as the official example does, ours once, at the end. Writes results.json, table.md and two plots;
what results.json already has is not run again, and is in the table and the plots too. The rivals:

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
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

OURS = ("quick", "good", "mlp", "lenet-dropout", "tiny", "best")
LOOKS: Final = {
    "quick": ("#0072B2", "o"), "good": ("#56B4E9", "s"), "mlp": ("#009E73", "D"), "best": ("#D55E00", "*"),
    "lenet-dropout": ("#E69F00", "^"), "tiny": ("#CC79A7", "v"), "example": ("black", "P"),
    "exercise": ("0.3", "X"), "keras": ("0.45", "<"), "sklearn": ("0.6", ">"),
}  # fmt: skip
"""Colour and mark of each entrant: ours in those that the colour-blind tell apart, the others grey."""
SECONDS: Final = {
    5: "5 s", 10: "10 s", 20: "20 s", 60: "1 min", 120: "2 min", 300: "5 min", 600: "10 min", 1800: "30 min",
    7200: "2 h",
}  # fmt: skip
SIZES: Final = {n: f"{n:,}" for n in (3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000)}
ACCURACIES: Final = (90, 95, 97, 98, 98.5, 99, 99.3, 99.5, 99.7, 99.8, 99.9)
Report = Callable[[float], None]
"""Takes the test accuracy so far; notes the time."""


# ── ours ──────────────────────────────────────────────────────────────────────────────────────────


def ours(recipe: str, seed: int, folder: str, report: Report) -> int:
    """Train one of the package's recipes and measure the run it leaves; return its parameters."""
    from unscrawl.learn import data, loop
    from unscrawl.learn import recipe as recipes
    from unscrawl.learn.batches import pixels
    from unscrawl.learn.models import parameters
    from unscrawl.learn.predict import logits

    mnist = data.load("mnist", folder, offline=True)
    assert mnist.test is not None
    with tempfile.TemporaryDirectory() as out:
        run = loop.fit(mnist, recipes.load(recipe), out=out, seed=seed, progress=False)
    scores = logits(run.model, pixels(mnist.test.images), run.mean, run.std, tta=run.tta)
    report(float((scores.argmax(1).numpy() == mnist.test.labels).mean()))
    return parameters(run.model)


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


def child(name: str, seed: int, folder: str, began: float) -> None:
    """Run one entrant in this process and print what came of it as one JSON line."""
    before = time.time()
    if name != "sklearn":  # which does without
        with contextlib.suppress(ImportError):
            import torch  # noqa: F401
    imported = time.time() - before
    curve: list[tuple[float, float]] = []

    def report(accuracy: float) -> None:
        curve.append((round(time.time() - began, 2), round(accuracy, 4)))

    size = ours(name, seed, folder, report) if name in OURS else RIVALS[name](seed, folder, report)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "linux" else 2**20)
    print(json.dumps({"curve": curve, "parameters": size, "import": round(imported, 2), "mb": round(memory)}))


def runs(names: list[str], seeds: int, folder: str, done: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield (name/seed, result) of every run that is not `done`, one process after the other."""
    for seed in range(seeds):
        for name in names:
            if f"{name}/{seed}" in done:
                continue
            command = [sys.executable, __file__, "--child", name, "--seed", str(seed), "--data-dir", folder]
            ended = subprocess.run(
                [*command, "--began", repr(time.time())], stdout=subprocess.PIPE, text=True, check=False
            )
            if ended.returncode:
                print(f"{name}: left out, it ended with {ended.returncode}", file=sys.stderr)
                continue
            yield f"{name}/{seed}", json.loads(ended.stdout.splitlines()[-1])


def reached(curve: list[list[float]], accuracy: float) -> float | None:
    """Return the seconds after which `accuracy` was first measured."""
    return next((seconds for seconds, value in curve if value >= accuracy), None)


def spread(percent: list[float]) -> str:
    """Return the mean of several runs and their deviation."""
    off = f" ± {statistics.pstdev(percent):.2f}" if len(percent) > 1 else ""
    return f"{statistics.mean(percent):.2f}{off} %"


def table(results: dict[str, Any], names: list[str]) -> str:
    """Return the results as a Markdown table, one row an entrant."""
    rows = [
        "| | parameters | test accuracy | least | seconds | to 99 % | import torch | memory |",
        "|---" * 8 + "|",
    ]
    for name in names:
        found = [r for key, r in results.items() if key.split("/")[0] == name]
        if not found:
            continue
        last = [100 * r["curve"][-1][1] for r in found]
        seconds = [r["curve"][-1][0] for r in found]
        to_99 = [reached(r["curve"], 0.99) for r in found]
        quickest = f"{statistics.median([t for t in to_99 if t]):.1f} s" if all(to_99) else "not in every run"
        rows.append(
            f"| {name} | {found[0]['parameters']:,} "
            f"| {spread(last)} "
            f"| {min(last):.2f} % | {statistics.median(seconds):.1f} s | {quickest} "
            f"| {statistics.median(r['import'] for r in found):.1f} s | {max(r['mb'] for r in found)} MB |"
        )
    n = max(len([k for k in results if k.split("/")[0] == name]) for name in names)
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    return (
        "\n".join(rows)
        + f"\n\nUp to {n} seeds each, medians of seconds, mean ± deviation of accuracy; {machine}.\n"
    )


def looks(found: list[dict[str, Any]]) -> list[list[float]]:
    """Return the mean and deviation of seconds, and of the wrong percent, at each look at the test part."""
    rows = []
    for look in zip(*(r["curve"] for r in found), strict=False):
        seconds, wrong = [s for s, _ in look], [100 * (1 - accuracy) for _, accuracy in look]
        rows.append([f(v) for v in (seconds, wrong) for f in (statistics.mean, statistics.pstdev)])
    return [list(column) for column in zip(*rows, strict=True)]


def dress(axes: Any, kind: str) -> None:
    """Give the axes their ticks, in words one would use, and mark 99 and 99.5 %."""
    low, high = axes.get_xlim()
    ticks = SECONDS if kind == "seconds" else SIZES
    x = {value: label for value, label in ticks.items() if low <= value <= high}
    axes.set_xticks(list(x), list(x.values()))
    most, least = (100 - wrong for wrong in sorted(axes.get_ylim()))
    y = {100 - share: f"{share:g} %" for share in ACCURACIES if least <= share <= most}
    axes.set_yticks(list(y), list(y.values()))
    axes.minorticks_off()
    axes.invert_yaxis()
    axes.grid(alpha=0.25)
    for share in (99.0, 99.5):
        if least <= share <= most:
            axes.axhline(100 - share, color="0.35", lw=1, ls=":")
    axes.spines[["top", "right"]].set_visible(False)


def plots(results: dict[str, Any], names: list[str], out: Path) -> None:
    """Draw accuracy against seconds and against the number of parameters (needs matplotlib).

    Mistakes are on a logarithmic scale: from 99 to 99.5 % is as far as from 98 to 99 %.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        print("no plots: pip install matplotlib", file=sys.stderr)
        return
    every = {name: [r for key, r in results.items() if key.split("/")[0] == name] for name in names}
    drawn = [(name, found, looks(found)) for name, found in every.items() if found]
    drawn.sort(key=lambda entrant: entrant[2][2][-1])
    for kind, label in (("seconds", "time from the start of the process"), ("parameters", "parameters")):
        figure = Figure(figsize=(9, 4.6), layout="constrained")
        axes = figure.add_subplot(xscale="log", yscale="log", xlabel=label, ylabel="right on the test part")
        for name, found, (x, late, wrong, off) in drawn:
            size = found[0]["parameters"]
            about = f"{name} ({len(found)})  {spread([100 * r['curve'][-1][1] for r in found])}, "
            about += f"{x[-1]:,.0f} s" if kind == "seconds" else f"{size:,}"
            colour, marker = LOOKS[name]
            if kind == "parameters":
                x, late, wrong, off = [size], [0.0], wrong[-1:], off[-1:]
            axes.errorbar(x, wrong, off, late, fmt="none", ecolor=colour, elinewidth=0.8, capsize=2)
            line, ms = ("-", 7) if name in OURS else ("--", 5)
            axes.plot(x, wrong, line, marker=marker, ms=ms, color=colour, lw=1.2, label=about)
        dress(axes, kind)
        title = f"entrant (seeds), mean ± std\n{platform.machine()}, {os.cpu_count()} cores"
        figure.legend(loc="outside right upper", fontsize=8.5, frameon=False, title=title, title_fontsize=8.5)
        figure.savefig(out / f"{kind}.png", dpi=150)


def main() -> None:
    """Run what is asked for and write it down after every run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-dir", required=True, help="folder with the four MNIST .gz files in it")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", default="quick,example,exercise,keras,sklearn", help="names, with commas")
    parser.add_argument("--out", type=Path, default=Path("bench/results"))
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--began", type=float, default=0.0, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.child:
        child(chosen.child, chosen.seed, chosen.data_dir, chosen.began)
        return
    names = chosen.only.split(",")
    if wrong := [n for n in names if n not in OURS and n not in RIVALS]:
        parser.error(f"unknown: {', '.join(wrong)}; there are {', '.join((*OURS, *RIVALS))}")
    chosen.out.mkdir(parents=True, exist_ok=True)
    record = chosen.out / "results.json"
    results = json.loads(record.read_text()) if record.exists() else {}
    for key, result in runs(names, chosen.seeds, chosen.data_dir, results):
        results[key] = result
        record.write_text(json.dumps(results, indent=1) + "\n")
        print(key, result["curve"][-1], file=sys.stderr)
    names = [name for name in LOOKS if any(key.split("/")[0] == name for key in results)]
    if not names:
        sys.exit("not one run succeeded")
    (chosen.out / "table.md").write_text(table(results, names))
    plots(results, names, chosen.out)
    print(table(results, names))


if __name__ == "__main__":
    main()
