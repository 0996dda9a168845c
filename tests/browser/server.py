"""Serve the page with simple hands: `python server.py FILE PORT`, for tests that kill it."""

from __future__ import annotations

import sys
from pathlib import Path

import uvicorn

sys.path.insert(0, str(Path(__file__).parents[1]))

from unscrawl.web.app import create_app
from unscrawl.web.store import Store
from web_fake import FakeHands

if __name__ == "__main__":
    app = create_app(Store(Path(sys.argv[1])), FakeHands())
    uvicorn.run(app, port=int(sys.argv[2]), log_level="warning")
