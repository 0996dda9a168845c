"""How fast characters are told apart, and how fast a page is read again once its hand has changed.

    python bench/speed.py [PAGE] [--only characters|page] [--rounds 5] [--cores 2] [--out speed.json]

Characters: the shipped classifier as `Recogniser` runs it, beside eager torch with the same network in 32
bits, as it comes and with channels last; from bytes to log probabilities, torch at its best batch size. The
pictures are noise and torch's weights untrained, neither matters to the time; without torch it is left out.

Page: what the web page does when it has learnt from a correction. PAGE, or a made letter of 20 lines, is
looked at once and then told again with a hand that has a layer of its own and the words of the page; that
layer changes nothing, so that every round reads the same. Teaching the hand is timed by bench/teach.py.

Everything runs warm in one process on so many cores; the entrants take turns, so that what else the machine
does falls on all alike. Prints medians, with the least and the most of the rounds, and what the processor's
own clock says: on a busy machine that of one core (--cores 1) is to be believed, for it leaves out waiting.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import Any, Final, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from unscrawl import Reader
from unscrawl.errors import UnscrawlError
from unscrawl.glyph import SIDE
from unscrawl.hand import Hand, LineHead
from unscrawl.image import Picture, load
from unscrawl.recogniser import Recogniser
from unscrawl.synth import Paper, letter
from unscrawl.teach.wording import words_of

PICTURES: Final = 2048
"""Pictures a round."""
BATCHES: Final = (32, 64, 256, 1000)
"""Of these torch's best is told; `Recogniser` has its own."""
OURS: Final = "unscrawl"
EAGER: Final = "eager torch"
LAST: Final = "eager torch, channels last"
LETTER: Final = """Dear Laurence,
the parcel came on Monday, three weeks late,
and half of what was in it was string.
I do not mind: the good kind is hard to find,
and now we can fly the big kite again.
The garden looks better than it ever did.
We have had rain on 14 days out of 20,
so the beans are taller than the fence
and nobody can see what is behind them.
My sister says that there must be a cat,
for the milk is gone every morning by six.
Thank you for the book about bridges.
I have read it twice, the part on arches
even three times, and I still cannot say
why the one at the mill has not come down.
Would you have a look at it with me?
There is a train at 9.45 on Saturdays,
and Max can take you back in his car.
Write soon, and bring your old boots.
Your friend, Edith"""

Work = Callable[[], object]
Seconds = dict[str, list[float]]
"""Of each round, by the clock on the wall and by the processor's."""
Key = TypeVar("Key")


def bind(cores: int) -> None:
    """Keep this process on so many cores, whatever threads a library starts."""
    cv2.setNumThreads(cores)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])


def turns(works: Mapping[Key, Work], rounds: int) -> dict[Key, Seconds]:
    """Time each work, one of each in a round; a first round is not counted."""
    found: dict[Key, Seconds] = {key: {"wall": [], "processor": []} for key in works}
    for _ in range(rounds + 1):
        for key, work in works.items():
            began = time.perf_counter(), time.process_time()
            work()
            found[key]["wall"].append(time.perf_counter() - began[0])
            found[key]["processor"].append(time.process_time() - began[1])
    return {key: {clock: s[1:] for clock, s in seconds.items()} for key, seconds in found.items()}


# ── characters ────────────────────────────────────────────────────────────────────────────────────


def eager(images: NDArray[np.uint8], classes: int, batch: int, *, channels_last: bool) -> Work:
    """Return the work of telling `images` [N, 28, 28] apart by eager torch."""
    import torch

    from unscrawl.learn.batches import normalise, pixels
    from unscrawl.learn.models import build

    layout = torch.channels_last if channels_last else torch.contiguous_format
    model = build("glyph", classes).eval().to(memory_format=layout)  # type: ignore[call-overload]
    x = pixels(images)

    @torch.inference_mode()
    def work() -> None:
        for part in torch.split(x, batch):
            model(normalise(part, (0.13,), (0.31,)).contiguous(memory_format=layout)).log_softmax(1)

    return work


def characters(rounds: int, cores: int) -> dict[str, dict[str, Any]]:
    """Return the seconds that each entrant takes for how many pictures, and its batch size."""
    images = np.random.default_rng(0).integers(0, 256, (PICTURES, SIDE, SIDE), dtype=np.uint8)
    recogniser = Recogniser(threads=cores)
    works: dict[tuple[str, int], Work] = {(OURS, 0): lambda: recogniser.log_probabilities(images)}
    if importlib.util.find_spec("torch"):
        import torch

        torch.set_num_threads(cores)
        for name, last in ((EAGER, False), (LAST, True)):
            for batch in BATCHES:
                works[name, batch] = eager(images, len(recogniser.classes), batch, channels_last=last)
    else:
        print(f"{EAGER} is left out: pip install '.[train]'", file=sys.stderr)
    found: dict[str, dict[str, Any]] = {}
    for (name, batch), seconds in turns(works, rounds).items():
        if name not in found or median(seconds["wall"]) < median(found[name]["wall"]):
            found[name] = {"batch": batch or None, "pictures": PICTURES, **seconds}
    return found


# ── page ──────────────────────────────────────────────────────────────────────────────────────────


def made() -> Picture:
    """Return a photograph of a letter of 20 lines on ruled paper."""
    return load(letter(LETTER, paper=Paper(kind="ruled"), rng=0).picture, "a made letter")


def changed(reader: Reader, text: str) -> Hand:
    """Return a hand with all that the time of reading depends on: a layer of its own, and words."""
    assert reader.line_recogniser is not None
    weight, bias = reader.line_recogniser.head
    line = LineHead(np.zeros_like(weight), np.zeros_like(bias), reader.line_recogniser.fingerprint)
    return Hand("changed", words=words_of(text.splitlines()), line=line)


def page(picture: Picture, rounds: int, cores: int) -> dict[str, Any]:
    """Return the seconds of looking at a page, and of reading it again with a changed hand."""
    reader = Reader(threads=cores)
    seen = reader.look(picture)
    read = reader.tell(seen)
    hand = changed(reader, read.text)
    works = {"look": lambda: reader.look(picture), "again": lambda: reader.with_hand(hand).tell(seen)}
    told = {"page": picture.source, "lines": len(read.lines), "characters": len(list(read.glyphs))}
    return told | turns(works, rounds)


# ── told ──────────────────────────────────────────────────────────────────────────────────────────


def machine(rounds: int, cores: int) -> dict[str, Any]:
    """Say on what this was measured."""
    try:
        facts = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        model = next(line.partition(":")[2].strip() for line in facts if line.startswith("model name"))
    except (OSError, StopIteration):
        model = platform.processor() or platform.machine()
    packages = [name for name in ("numpy", "onnxruntime", "torch") if importlib.util.find_spec(name)]
    versions = {name: importlib.metadata.version(name) for name in ("unscrawl", *packages)}
    return {
        "processor": model,
        "cores": cores,
        "rounds": rounds,
        "python": platform.python_version(),
    } | versions


def table(results: Mapping[str, Any]) -> str:
    """Return the results as a Markdown table."""
    rows = ["| what | median | least | most | processor, median |", "|---" * 5 + "|"]
    for name, found in results.get("characters", {}).items():
        batch = f", batches of {found['batch']}" if found["batch"] else ""
        paces = {clock: [found["pictures"] / s for s in found[clock]] for clock in ("wall", "processor")}
        rows.append(_row(f"characters a second, {name}{batch}", paces, ",.0f"))
    if read := results.get("page"):
        about = f"{read['page']}: {read['lines']} lines, {read['characters']} characters"
        rows.append(_row(f"looking at {about}, seconds", read["look"], ".2f"))
        rows.append(_row("reading it again with a changed hand, seconds", read["again"], ".2f"))
    where = ", ".join(f"{key} {value}" for key, value in results["machine"].items())
    return "\n".join(rows) + f"\n\n{where}.\n"


def _row(what: str, values: Seconds, form: str) -> str:
    wall = values["wall"]
    figures = (median(wall), min(wall), max(wall), median(values["processor"]))
    return f"| {what} | " + " | ".join(f"{value:{form}}" for value in figures) + " |"


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("page", type=Path, nargs="?", metavar="PAGE", help="a picture of a page")
    parser.add_argument("--only", choices=("characters", "page"), help="measure no more than this")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the seconds of all rounds as JSON")
    args = parser.parse_args()
    bind(args.cores)
    try:
        results: dict[str, Any] = {"machine": machine(args.rounds, args.cores)}
        if args.only != "page":
            results["characters"] = characters(args.rounds, args.cores)
        if args.only != "characters":
            picture = load(args.page) if args.page else made()
            results["page"] = page(picture, args.rounds, args.cores)
    except UnscrawlError as error:
        sys.exit(str(error))
    print(table(results))
    if args.out:
        args.out.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
