"""Whatever fits the API's own description, or just does not, is answered as the description says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("schemathesis", reason="needs schemathesis: pip install 'unscrawl[dev]'")

import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from web_fake import WRITE, serve

QUICK = settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))


def test_answers_are_as_described(tmp_path: Path) -> None:
    with serve(tmp_path / "pages.sqlite") as site:
        site.upload()
        site.hands.taught["andrew"] = {}

        async def running(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "http":  # each case would start and end the application otherwise
                await site.client.app(scope, receive, send)

        schema = schemathesis.openapi.from_asgi("/api/openapi.json", running, headers={"Host": "localhost"})

        def check(case: Any) -> None:
            # That bytes are a picture, or a name one of a hand that exists, is more than a schema can say.
            case.call_and_validate(
                headers={**WRITE, "Host": "localhost"}, excluded_checks=[positive_data_acceptance]
            )

        for found in schema.get_all_operations():
            QUICK(given(found.ok().as_strategy())(check))()
