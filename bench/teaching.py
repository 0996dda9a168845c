"""What the measurements of teaching have in common: their options, and how they tell their figures."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any


def options(about: str | None, data: str) -> argparse.ArgumentParser:
    """Return a parser of the options they share; `data` says what is in the folder."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help=data)
    parser.add_argument("sets", nargs="*", help="only these sets")
    parser.add_argument("--model", type=Path, help="another network than the shipped one")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--json", type=Path, help="write the figures of each row")
    return parser


def tell(summary: Iterable[str], rows: Sequence[Any], path: Path | None) -> None:
    """Print the summary, and write it to `path` together with `rows`, dataclasses all of them."""
    lines = list(summary)
    print("\n".join(lines))
    if path:
        figures = {"summary": lines, "rows": [asdict(row) for row in rows]}
        path.write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n", "utf-8")
