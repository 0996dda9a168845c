"""A site with the real reader and real hands, kept in the test's own folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from unscrawl.web.app import create_app
from unscrawl.web.learning import OwnHands
from unscrawl.web.store import Store
from web_fake import WRITE


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """What asks the API of an empty site."""
    monkeypatch.setenv("UNSCRAWL_HANDS", str(tmp_path / "hands"))
    app = create_app(Store(tmp_path / "pages.sqlite"), OwnHands(), seconds=600)
    with TestClient(app, base_url="http://localhost", headers=WRITE) as opened:
        yield opened
