"""Turn a trained run into the classifier that ships: calibrated, with a card that says all about it.

    python -m unscrawl.learn.shipped RUN --data-dir DATA --fonts-dir FONTS

writes `weights/glyph.onnx` and `weights/glyph.json` of the package. Everything chosen here is chosen on
the part of the training data that was held back by writer and font.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from unscrawl.alphabet import ALPHABET, MARKS
from unscrawl.learn import checkpoint
from unscrawl.learn.batches import pixels
from unscrawl.learn.checkpoint import Run
from unscrawl.learn.data.characters import JUNK, SOURCES, line_places, load_characters
from unscrawl.learn.evaluation import fit_temperature
from unscrawl.learn.export import export
from unscrawl.learn.predict import logits
from unscrawl.learn.sets import ImageSet

__all__ = ["prior_bias", "ship"]

_CAUTION: Final = (
    1.25  # strangers' hands are further off than held-back samples; found on lines made of these
)
_MARK: Final = 0.3  # how common a mark is taken to be, a letter or digit being 1
_JUNK: Final = 12.0  # the same for a cut that yields no character


def prior_bias(labels: NDArray[np.int64], classes: tuple[str, ...], balance: float) -> NDArray[np.float64]:
    """Return what to add to each logit so that the training set's frequencies do not count.

    A network learns p(class) of its batches along with p(picture | class); MNIST alone would make every
    ring a zero. Taking the logarithm of the frequency off again and adding that of the use in mind is
    logit adjustment (Menon et al. 2021, arXiv:2007.07314).

    Args:
        labels: of the training part, [N].
        classes: their names.
        balance: the recipe's, with which class c makes up n_c ** (1 - balance) of the batches.
    """
    count = np.bincount(labels, minlength=len(classes)).astype(float)
    seen = np.maximum(count, 1) ** (1 - balance)
    wanted = np.array([_JUNK if c == JUNK else _MARK if c in MARKS else 1.0 for c in classes])
    bias: NDArray[np.float64] = np.log(wanted / wanted.sum()) - np.log(seen / seen.sum())
    return bias


def ship(run: Run, data_dir: Path, fonts_dir: Path, out: Path) -> dict[str, Any]:
    """Calibrate `run`, write `out` (.onnx) and its card, and return the card's figures."""
    data = load_characters(data_dir, fonts_dir, run.seed)
    assert data.validation is not None
    held = data.validation
    bias = prior_bias(data.train.labels, data.classes, run.recipe["balance"])
    adjusted = logits(run.model, pixels(held.images), run.mean, run.std).numpy() + bias
    index = _balanced(held.labels, run.seed)
    run.temperature = _CAUTION * fit_temperature(adjusted[index][:, : len(ALPHABET)], held.labels[index])
    mean, spread = line_places(fonts_dir)
    figures = _figures(adjusted / run.temperature, held)
    export(
        run,
        out,
        half=True,
        int8=data.train.images,
        bias=[round(float(b), 4) for b in bias],
        places={"mean": mean.round(3).tolist(), "spread": spread.round(3).tolist()},
        preprocessing="unscrawl.glyph.prepare: ink in a 20 × 20 box, centre of mass at (14, 14) of 28 × 28",
        command="make weights DATA=FOLDER",
        figures=figures,
        licences=[s.licence for s in SOURCES if s.name != "aligned" or (fonts_dir / "aligned.npz").is_file()]
        + ["handwriting fonts, OFL-1.1 or Apache-2.0"],
    )
    return figures


def _balanced(labels: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """Draw 40 held-back pictures of each digit and letter, with replacement.

    MNIST's easy digits and the capitals are plentiful; a temperature fitted to them would be too sure of
    small letters.
    """
    rng = np.random.default_rng(seed)
    classes = [np.flatnonzero(labels == c) for c in range(ALPHABET.index(MARKS[0]))]
    return np.concatenate([rng.choice(c, 40) for c in classes if len(c)])


def _figures(scores: NDArray[np.float64], held: ImageSet) -> dict[str, Any]:
    """Accuracy on the held-back part: all classes, and with case ignored over digits and letters."""
    best = scores.argmax(axis=1)
    letters = held.labels < ALPHABET.index(MARKS[0])
    fold = np.array([ALPHABET.index(c.lower()) if c.isalpha() else i for i, c in enumerate(ALPHABET)])
    among = scores[:, : ALPHABET.index(MARKS[0])].argmax(axis=1)[letters]
    return {
        "held back": len(held),
        "right of 85 classes": round(float((best == held.labels).mean()), 4),
        "right of 62 classes": round(float((among == held.labels[letters]).mean()), 4),
        "right of 62 classes, case ignored": round(
            float((fold[among] == fold[held.labels[letters]]).mean()), 4
        ),
    }


def main() -> None:
    """Ship a run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--fonts-dir", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "weights" / "glyph.onnx")
    args = parser.parse_args()
    figures = ship(checkpoint.load(args.run), args.data_dir, args.fonts_dir, args.out)
    print(f"{args.out}: {figures}")


if __name__ == "__main__":
    main()
