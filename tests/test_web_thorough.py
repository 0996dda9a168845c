"""Hands are taught thoroughly in the background, through the API, while everything else goes on."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from unscrawl.errors import OutputError
from unscrawl.web.refused import RefusedError
from unscrawl.web.thorough import Progress, Thorough
from web_fake import SLIPS, FakeHands, Site, picture, serve

LONG = 600.0
"""Seconds of a teaching that is not to end by itself."""
HELD = {word: word for word in "Dear Edith my friend Andrew sent me this".split()}
"""What a hand holds that has eight lines."""
NONE = {"state": "none", "share": 0.0, "kept": None, "error": None}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A site with two hands that can be taught."""
    with serve(tmp_path / "pages.sqlite") as opened:
        opened.hands.taught.update(andrew=HELD, bob=HELD)
        yield opened


def begin(site: Site, hand: str = "andrew") -> Any:
    return site.client.post(f"/api/hands/{hand}/thorough")


def state(site: Site, hand: str = "andrew") -> dict[str, Any]:
    return dict(site.client.get(f"/api/hands/{hand}/thorough").json())


def wait(until: Callable[[], bool]) -> None:
    last = time.monotonic() + 30  # a busy machine is no failure
    while not until():
        assert time.monotonic() < last
        time.sleep(0.01)


def end(site: Site) -> dict[str, Any]:
    """Wait for the end of what andrew is taught and return what came of it."""
    wait(lambda: state(site)["state"] != "running")
    return state(site)


def test_hand_is_taught_thoroughly_in_the_background(site: Site) -> None:
    answer = begin(site)
    assert (answer.status_code, list(answer.json())) == (202, ["state", "share", "kept", "error"])
    assert end(site) == {"state": "done", "share": 1.0, "kept": True, "error": None}
    assert site.hands.taught["andrew"] == HELD | SLIPS


def test_nothing_is_told_of_hands_that_are_not_taught(site: Site) -> None:
    begin(site)
    assert state(site, "bob") == NONE


def test_how_far_it_is_is_told(site: Site) -> None:
    site.hands.seconds = LONG
    assert begin(site).json()["state"] == "running"
    wait(lambda: 0 < state(site)["share"] < 1)


def test_page_is_read_meanwhile(site: Site) -> None:
    site.hands.seconds = LONG
    begin(site)
    key = site.upload()["id"]
    told = site.client.post(f"/api/pages/{key}/read", json={"reading": 1, "hand": "andrew"})
    assert (told.status_code, state(site)["state"]) == (200, "running")


def test_page_is_read_better_afterwards(site: Site) -> None:
    begin(site)
    end(site)
    page = site.client.post("/api/read", files={"picture": picture()}, data={"hand": "andrew"}).json()
    assert page["text"] == "my friend Andrew\nsent me this\nletter today"


@pytest.mark.parametrize("second", ["andrew", "bob"])
def test_one_hand_at_a_time_is_taught(site: Site, second: str) -> None:
    site.hands.seconds = LONG
    begin(site)
    answer = begin(site, second)
    assert answer.status_code == 409
    assert answer.json() == {"error": "andrew is being taught thoroughly: wait for its end or stop it"}


def test_another_hand_is_taught_afterwards(site: Site) -> None:
    begin(site)
    end(site)
    assert begin(site, "bob").status_code == 202
    assert state(site) == NONE


def test_stopped_teaching_leaves_the_hand_as_it_was(site: Site) -> None:
    site.hands.seconds = LONG
    begin(site)
    assert site.client.delete("/api/hands/andrew/thorough").status_code == 200
    told = end(site)
    assert (told["state"], told["kept"], site.hands.taught["andrew"]) == ("stopped", None, HELD)


def test_other_hand_cannot_stop_it(site: Site) -> None:
    site.hands.seconds = LONG
    begin(site)
    assert site.client.delete("/api/hands/bob/thorough").json() == NONE
    assert state(site)["state"] == "running"


def test_teaching_that_finds_nothing_better_says_so(site: Site) -> None:
    site.hands.useful = False
    begin(site)
    assert end(site)["kept"] is False


def test_failed_teaching_tells_why_in_one_line(site: Site) -> None:
    site.hands.trouble = OutputError("the disk\nis full")
    begin(site)
    told = end(site)
    assert (told["state"], told["error"]) == ("failed", "the disk is full")


def test_mistake_in_the_program_is_told_and_logged(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    site.hands.trouble = ZeroDivisionError()
    with caplog.at_level(logging.ERROR):
        begin(site)
        told = end(site)
    assert told["error"] == "a mistake in unscrawl (ZeroDivisionError): the hand is as it was"
    assert "ZeroDivisionError" in caplog.text


def test_hand_that_does_not_exist_is_refused(site: Site) -> None:
    answer = begin(site, "nobody")
    assert (answer.status_code, answer.json()) == (422, {"error": "there is no hand 'nobody'"})


def test_hand_with_too_few_lines_is_refused(site: Site) -> None:
    site.hands.taught["carl"] = {"my": "my"}
    answer = begin(site, "carl")
    why = "a thorough teaching needs 8 lines, carl keeps 1: teach it more first"
    assert (answer.status_code, answer.json()) == (422, {"error": why})


@pytest.mark.parametrize("change", ["learn", "teach", "undo", "forget"])
def test_hand_is_not_changed_meanwhile_and_nobody_waits(site: Site, change: str) -> None:
    key = site.upload()["id"]
    site.correct(key, "0 1", "friend")
    site.hands.seconds = LONG
    begin(site)
    files = {"picture": ("line.png", picture())}
    ask = {
        "learn": lambda: site.client.post(f"/api/pages/{key}/learn", json={"hand": "andrew"}),
        "teach": lambda: site.client.post("/api/hands/andrew/teach", files=files, data={"text": "my friend"}),
        "undo": lambda: site.client.post("/api/hands/andrew/undo"),
        "forget": lambda: site.client.delete("/api/hands/andrew"),
    }
    answer = ask[change]()
    assert answer.status_code == 409
    assert answer.json() == {"error": "andrew is being taught thoroughly: wait for its end or stop it"}


def test_other_hand_is_taught_meanwhile(site: Site) -> None:
    key = site.upload()["id"]
    site.correct(key, "0 1", "friend")
    site.hands.seconds = LONG
    begin(site)
    assert site.client.post(f"/api/pages/{key}/learn", json={"hand": "bob"}).status_code == 200


def test_server_that_ends_stops_it_and_does_not_wait(tmp_path: Path) -> None:
    with serve(tmp_path / "pages.sqlite") as site:
        site.hands.taught["zoe"] = HELD
        site.hands.seconds = LONG
        begin(site, "zoe")
        began = time.monotonic()
    assert time.monotonic() - began < 8
    assert "teaching zoe" not in {thread.name for thread in threading.enumerate()}


class Stubborn(FakeHands):
    """Hears of nothing until it is let go."""

    def __init__(self) -> None:
        super().__init__(taught={"andrew": HELD})
        self.let_go = threading.Event()

    def thoroughly(self, hand: str, watch: Callable[[float], None]) -> Any:
        watch(0.5)
        self.let_go.wait(30)
        return super().thoroughly(hand, watch)


def test_server_ends_even_where_the_teaching_does_not_hear_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unscrawl.web.thorough._PATIENCE", 0.1)
    hands = Stubborn()
    thorough = Thorough(hands)
    thorough.start("andrew")
    thorough.close()
    assert thorough.of("andrew").state == "running"
    hands.let_go.set()
    wait(lambda: thorough.of("andrew").state == "stopped")


def test_share_never_falls_and_stays_within_bounds() -> None:
    class Wild(FakeHands):
        def thoroughly(self, hand: str, watch: Callable[[float], None]) -> Any:
            for share in (0.5, 0.2, 1.5):
                watch(share)
                seen.append(thorough.of(hand))
            return super().thoroughly(hand, watch)

    seen: list[Progress] = []
    thorough = Thorough(Wild(taught={"andrew": HELD}))
    thorough.start("andrew")
    wait(lambda: thorough.of("andrew").state == "done")
    assert [progress.share for progress in seen] == [0.5, 0.5, 1.0]


def test_only_one_of_many_that_begin_at_once_is_taken() -> None:
    thorough = Thorough(FakeHands(taught={"andrew": HELD}, seconds=LONG))
    taken: list[Progress] = []
    refused: list[RefusedError] = []

    def ask() -> None:
        try:
            taken.append(thorough.start("andrew"))
        except RefusedError as error:
            refused.append(error)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    thorough.close()
    assert (len(taken), len(refused)) == (1, 7)
