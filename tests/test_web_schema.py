"""Whatever fits the API's own description, or just does not, is answered as the description says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

schemathesis = pytest.importorskip("schemathesis", reason="needs schemathesis: pip install 'unscrawl[dev]'")

from hypothesis import HealthCheck, settings  # noqa: E402

from unscrawl.web.app import create_app  # noqa: E402
from unscrawl.web.store import Store  # noqa: E402
from web_fake import WRITE, FakeHands  # noqa: E402


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    store = Store(Path(tmp_path_factory.mktemp("api")) / "pages.sqlite")
    app = create_app(store, FakeHands(taught={"andrew": {}}))
    yield schemathesis.openapi.from_asgi("/api/openapi.json", app, headers={"Host": "localhost"})
    store.close()


schema = schemathesis.pytest.from_fixture("api")


@schema.parametrize()
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
def test_answers_are_as_described(case: Any) -> None:
    case.call_and_validate(headers={**WRITE, "Host": "localhost"})
