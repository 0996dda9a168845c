"""Serve the page with simple hands: `python server.py FILE PORT LINES SECONDS`, for tests that kill it."""

from __future__ import annotations

import sys
from pathlib import Path

import uvicorn

sys.path.insert(0, str(Path(__file__).parents[1]))

from unscrawl.web.app import create_app
from unscrawl.web.store import Store
from web_fake import WRITTEN, FakeHands

if __name__ == "__main__":
    file, port, lines, seconds = sys.argv[1:]
    # Three lines as they are; of more, each is as long as all three.
    written = WRITTEN if int(lines) == len(WRITTEN) else (" ".join(WRITTEN),) * int(lines)
    app = create_app(Store(Path(file)), FakeHands(lines=written, seconds=float(seconds)))
    uvicorn.run(app, port=int(port), log_level="warning")
