"""Who may ask, how much, and for how long."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from starlette.testclient import TestClient

from unscrawl.web.desk import Worker
from unscrawl.web.refused import RefusedError
from web_fake import WRITE, Site, picture, serve, site

__all__ = ["site"]


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8765", "192.168.1.5", "localhost.evil.example", "", "[", "[::1", "a]"],
)
def test_other_hosts_are_refused(site: Site, host: str) -> None:
    assert site.client.get("/api/about", headers={"Host": host}).status_code == 403


@pytest.mark.parametrize("host", ["localhost", "localhost:8765", "127.0.0.1:1", "[::1]:8765"])
def test_addresses_of_this_machine_are_served(site: Site, host: str) -> None:
    assert site.client.get("/api/about", headers={"Host": host}).status_code == 200


def test_beyond_loopback_addresses_in_digits_and_allowed_names_are_served(tmp_path: Path) -> None:
    with serve(tmp_path / "pages.sqlite", loopback=False, names=["laptop.lan"]) as site:
        hosts = ("192.168.1.5:8765", "laptop.lan", "evil.example")
        answers = [site.client.get("/api/about", headers={"Host": host}).status_code for host in hosts]
    assert answers == [200, 200, 403]


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "http://localhost:3000"},
        {"Origin": "null"},
        {"Origin": "http://["},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_other_sites_are_refused(site: Site, headers: dict[str, str]) -> None:
    for method in ("GET", "POST"):
        answer = site.client.request(method, "/api/pages", headers=headers)
        assert (answer.status_code, answer.json()) == (403, {"error": "another site may not use this one"})


def test_link_from_another_site_may_open_the_page(site: Site) -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert site.client.get("/", headers=headers).status_code == 200


def test_writing_needs_the_header_that_no_form_can_send(site: Site) -> None:
    del site.client.headers["X-Unscrawl"]
    answer = site.client.post("/api/pages", files={"picture": picture()})
    assert (answer.status_code, "X-Unscrawl" in answer.json()["error"]) == (403, True)
    assert site.client.get("/api/pages").json() == []


def test_no_answer_lets_other_sites_in(site: Site) -> None:
    preflight = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    for answer in (site.client.get("/api/about"), site.client.options("/api/pages", headers=preflight)):
        assert not [name for name in answer.headers if name.startswith("access-control")]


def test_answers_forbid_foreign_scripts_and_frames(site: Site) -> None:
    for path in ("/", "/api/about", "/api/pages/none"):
        policy = site.client.get(path).headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy


def test_large_upload_is_refused_by_its_declared_size(tmp_path: Path) -> None:
    with serve(tmp_path / "pages.sqlite", max_upload=1 << 20) as site:
        answer = site.client.post("/api/pages", files={"picture": b"x" * (2 << 20)})
    assert answer.status_code == 413
    assert answer.json() == {"error": "this is larger than the limit of 1 MB: reduce the picture"}


def test_large_upload_is_refused_while_it_comes_in(tmp_path: Path) -> None:
    def stream() -> Any:
        yield b'--x\r\nContent-Disposition: form-data; name="picture"; filename="a.png"\r\n\r\n'
        for _ in range(40):
            yield b"x" * (1 << 16)

    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    with serve(tmp_path / "pages.sqlite", max_upload=1 << 20) as site:
        answer = site.client.post("/api/pages", content=stream(), headers=headers)
    assert answer.status_code == 413


def test_request_that_takes_too_long_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(tmp_path / "pages.sqlite", seconds=0.2) as site:
        monkeypatch.setattr(site.hands, "undo", lambda hand: time.sleep(0.6))
        answer = site.client.post("/api/hands/andrew/undo")
    assert answer.status_code == 504
    assert answer.json()["error"].startswith("this took more than 0.2 seconds")


def test_only_so_many_wait_for_the_reader() -> None:
    async def crowd() -> None:
        worker, go = Worker(waiting=2), Event()
        waiting = [asyncio.create_task(worker(go.wait)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(RefusedError, match="busy") as refused:
            await worker(go.wait)
        assert refused.value.status == 503
        go.set()
        assert await asyncio.gather(*waiting) == [True, True]
        worker.close()

    asyncio.run(crowd())


class TestBeyondThisMachine:
    @pytest.fixture
    def client(self, tmp_path: Path) -> Any:
        with serve(tmp_path / "pages.sqlite", loopback=False, key="s3cret") as site:
            yield site.client

    def test_nothing_is_answered_without_the_key(self, client: TestClient) -> None:
        for path in ("/", "/api/pages", "/?key=wrong", "/app.js"):
            answer = client.get(path, follow_redirects=False)
            assert (answer.status_code, list(answer.json())) == (401, ["error"])

    def test_key_in_the_address_moves_into_a_cookie(self, client: TestClient) -> None:
        answer = client.get("/?key=s3cret", follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        assert {"HttpOnly", "SameSite=strict"} <= set(answer.headers["set-cookie"].split("; "))
        assert client.get("/api/pages", headers=WRITE).status_code == 200
