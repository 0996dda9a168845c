"""Reading whole lines and pages: unscrawl beside rapidocr and tesserocr, the same pictures in one run.

    python bench/lines.py DATA [--only SET ...] [--limit N] [--without-rivals] [--model FILE.onnx]
                               [--left-out RUNS] [--fresh] [--out out/lines]

DATA is the shared data folder. Lines are those held back of training, whole writers or pages at a time.
Every entrant reads in a process of its own on two cores (--cores), one picture after the other, a line as a
line and a page as a page; tesserocr is told the language. Truth and readings are folded alike (white space,
kinds of quotes and dashes). Writes results.json, table.md and cer.png. What results.json already has of the
same pictures and of the same state of the entrant is not read again; its seconds are of the run that read it.

RUNS holds runs of `unscrawl learn-lines --leave-out SET`, each with the line.onnx and card it ended with; a
run reads the lines of the sets that it did without.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.metadata
import importlib.util
import io
import json
import multiprocessing
import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import linesets
import unscrawl
from linefigures import LEFT_OUT, OURS, RIVALS, Entry, Results, cer, plot, table

Engine = Callable[[bytes, linesets.Set], tuple[str, list[float]]]
"""Takes a picture, gives its text and, where known, the confidence of each character but spaces."""


# ── entrants ──────────────────────────────────────────────────────────────────────────────────────


def ours(model: str | None, cores: int, **options: Any) -> Engine:
    """Read through the public API."""
    chosen = {"line_model": model} if model else {}
    reader = unscrawl.Reader(threads=cores, **chosen, **options)

    def read(picture: bytes, kind: linesets.Set) -> tuple[str, list[float]]:
        page = reader.read(picture, layout=kind.layout)
        return page.text, [g.confidence for g in page.glyphs]

    return read


def rapidocr(cores: int) -> Engine:
    """Its default networks: recognition alone for a line; nothing is withheld for a low score."""
    from rapidocr import RapidOCR

    threads = {"EngineConfig.onnxruntime.intra_op_num_threads": cores}
    engine: Any = RapidOCR(params={**threads, "Global.log_level": "error", "Global.text_score": 0.0})

    def read(picture: bytes, kind: linesets.Set) -> tuple[str, list[float]]:
        page = kind.layout == "page"
        found = engine(picture, use_det=page, use_cls=page)
        return "\n".join(found.txts or ()), []

    return read


def tesserocr(cores: int) -> Engine:
    """Tesseract's networks for English or French, as a single line or a page of any layout."""
    from PIL import Image
    from tesserocr import PSM, PyTessBaseAPI

    os.environ["OMP_THREAD_LIMIT"] = str(cores)
    usual = sorted(Path("/usr/share").glob("tesseract-ocr/*/tessdata"))
    folder = os.environ.get("TESSDATA_PREFIX") or next(map(str, usual), "")

    @cache
    def engine(language: str, layout: str) -> Any:
        mode = PSM.AUTO if layout == "page" else PSM.SINGLE_LINE
        return PyTessBaseAPI(path=folder, lang={"en": "eng", "fr": "fra"}[language], psm=mode)

    def read(picture: bytes, kind: linesets.Set) -> tuple[str, list[float]]:
        api = engine(kind.language, kind.layout)
        api.SetImage(Image.open(io.BytesIO(picture)))
        return api.GetUTF8Text(), []

    return read


@cache
def build(entrant: str, model: str | None, cores: int) -> Engine:
    """Make an entrant ready to read."""
    if entrant in RIVALS:
        return {"rapidocr": rapidocr, "tesserocr": tesserocr}[entrant](cores)
    return ours(model, cores, **({"language": None} if entrant == "ink alone" else {}))


def state(entrant: str, model: str | None) -> str:
    """Name what readings depend on: a rival's version, or a digest of all that ours reads with."""
    if entrant in RIVALS:
        return importlib.metadata.version(entrant)
    digest = hashlib.sha256(Path(model).read_bytes() if model else b"")
    package = Path(unscrawl.__file__).parent
    for path in sorted(package.rglob("*")):
        elsewhere = path.relative_to(package).parts[0] in ("cli", "learn", "synth", "teach", "web")
        if path.suffix in (".py", ".onnx", ".npz") and not elsewhere:
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


# ── reading ───────────────────────────────────────────────────────────────────────────────────────


def bind(cores: int) -> None:
    """Keep this process on so many cores, whatever threads a library starts."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])


def measure(entrant: str, model: str | None, cores: int, kind: linesets.Set) -> Entry:
    """Read a set, its first picture once before the clock starts."""
    engine = build(entrant, model, cores)
    engine(kind.items[0].picture, kind)
    began, worked = time.perf_counter(), time.process_time()
    read = [engine(item.picture, kind) for item in kind.items]
    seconds, worked = time.perf_counter() - began, time.process_time() - worked
    return {
        "lines": kind.lines,
        "seconds": round(seconds, 3),
        "processor seconds": round(worked, 3),
        "peak MB": peak(),
        "readings": [(i.name, i.text, linesets.fold(t)) for i, (t, _) in zip(kind.items, read, strict=True)],
        "confidences": [[round(c, 3) for c in confidences] for _, confidences in read],
    }


def peak() -> int:
    """Return the largest resident memory this process had, in MB."""
    try:  # a child's ru_maxrss begins at its parent's, this does not
        found = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
        return int(found[1]) // 1024 if found else 0
    except OSError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 2**20


def runs(
    entrant: str, model: str | None, cores: int, sets: Sequence[linesets.Set], results: Results
) -> Iterator[str]:
    """Read into `results` what they do not have yet; yield the name of each set that was read."""
    have, now = results.setdefault(entrant, {}), state(entrant, model)
    wanted = [s for s in sets if s.items and not same(have.get(s.name), s, now)]
    if not wanted:
        return
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), bind, (cores,)) as worker:
        for kind in wanted:
            have[kind.name] = {"state": now, **worker.submit(measure, entrant, model, cores, kind).result()}
            yield kind.name


def same(entry: Entry | None, kind: linesets.Set, now: str) -> bool:
    """Tell whether `entry` is of these pictures and this state of the entrant."""
    if entry is None or entry["state"] != now:
        return False
    return [(name, truth) for name, truth, _ in entry["readings"]] == [(i.name, i.text) for i in kind.items]


def left_out(folder: Path) -> list[tuple[str, str]]:
    """Return (set, recogniser trained without it) as the cards of the runs in `folder` tell."""
    cards = {path: json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*/line.json"))}
    found = {name: path for path, card in cards.items() for name in card.get("left out", {})}
    return [(linesets.TITLES.get(name, name), str(path.with_suffix(".onnx"))) for name, path in found.items()]


def main() -> None:
    """Read what is asked for, and write it down after every set."""
    known = linesets.names()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--only", nargs="+", choices=known, default=known, metavar="SET")
    parser.add_argument("--limit", type=int, help="pictures of each set at most, evenly spread over it")
    parser.add_argument("--entrants", nargs="*", choices=(*OURS, *RIVALS), default=(*OURS, *RIVALS))
    parser.add_argument("--without-rivals", dest="entrants", action="store_const", const=OURS)
    parser.add_argument("--model", help="a line recogniser in place of the shipped one")
    parser.add_argument("--left-out", type=Path, metavar="RUNS", help="recognisers that never saw a set")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--fresh", action="store_true", help="read everything again")
    parser.add_argument("--out", type=Path, default=Path("out/lines"))
    args = parser.parse_args()
    try:
        sets = {name: linesets.load(args.data, name, args.limit) for name in known if name in args.only}
    except OSError as error:
        sys.exit(f"{args.data} is not the shared data folder, see bench/README.md: {error}")
    plan = [(e, args.model if e in OURS else None, list(sets.values())) for e in args.entrants]
    if args.left_out:
        plan += [(LEFT_OUT, path, [sets[name]]) for name, path in left_out(args.left_out) if name in sets]
    args.out.mkdir(parents=True, exist_ok=True)
    record = args.out / "results.json"
    results: Results = json.loads(record.read_text("utf-8")) if record.exists() and not args.fresh else {}
    for entrant, model, wanted in plan:
        if entrant in RIVALS and not importlib.util.find_spec(entrant):
            print(f"{entrant} is left out: pip install '.[bench]'", file=sys.stderr)
            continue
        for name in runs(entrant, model, args.cores, wanted, results):
            record.write_text(json.dumps(results, ensure_ascii=False) + "\n", encoding="utf-8")
            print(f"{entrant}: {name}, CER {cer([results[entrant][name]]):.1%}", file=sys.stderr)
    told = table(results, known, args.cores)
    (args.out / "table.md").write_text(told, encoding="utf-8")
    try:
        plot(results, known, args.out / "cer.png")
    except ImportError:
        print("no plot: pip install matplotlib", file=sys.stderr)
    print(told)


if __name__ == "__main__":
    main()
