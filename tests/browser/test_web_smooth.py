"""A page of 40 lines stays smooth; limits are generous, for machines that are busy with other things."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import CDPSession, Page, expect
from window import Server, browser, open_page, server, upload

__all__ = ["browser", "open_page", "server"]

LINES = 40
TIMES = 20
WAIT = 0.15
"""Seconds that the page may work for one key; on a quiet machine it takes a thirtieth of that."""


@pytest.fixture
def long(server: Server, open_page: Callable[..., Page]) -> Page:
    return upload(open_page(), LINES)


class Work:
    """What the page has done since it was last asked."""

    def __init__(self, page: Page) -> None:
        self._session: CDPSession = page.context.new_cdp_session(page)
        self._session.send("Performance.enable")
        self._last = self._now()

    def _now(self) -> dict[str, float]:
        return {m["name"]: m["value"] for m in self._session.send("Performance.getMetrics")["metrics"]}

    def done(self) -> tuple[float, float]:
        """Return seconds of scripts, styles and layout, and how often everything was laid out."""
        last, self._last = self._last, self._now()
        spent = {name: value - last[name] for name, value in self._last.items() if name in last}
        parts = ("ScriptDuration", "LayoutDuration", "RecalcStyleDuration")
        return sum(spent[part] for part in parts), spent["LayoutCount"]


pytestmark = pytest.mark.parametrize("server", [{"lines": LINES}], indirect=True)


def test_page_is_drawn_at_once(long: Page) -> None:
    long.reload()
    expect(long.locator(".line")).to_have_count(LINES)
    drawn = """async () => {
        await document.querySelector(".picture img").decode();
        await new Promise((next) => requestAnimationFrame(() => requestAnimationFrame(next)));
        return performance.now();
    }"""
    assert long.evaluate(drawn) < 10_000
    assert Work(long).done()[1] <= 1  # and nothing goes on working then


def test_next_doubtful_word_comes_at_once(long: Page) -> None:
    long.locator(".word.doubtful").first.click()
    work = Work(long)
    for _ in range(TIMES):
        long.keyboard.press("Tab")
    expect(long.locator(f".line:nth-child({TIMES // 3 + 1}) .chosen")).to_have_count(1)
    seconds, layouts = work.done()
    assert seconds < WAIT * TIMES
    assert layouts <= 5 * TIMES


def test_correction_shows_at_once(long: Page) -> None:
    long.locator(".word.doubtful").first.click()
    work = Work(long)
    for _ in range(TIMES):
        long.keyboard.type("xy")
        long.keyboard.press("Enter")
    expect(long.locator("#counts")).to_contain_text(f"{TIMES} corrected · all saved")
    seconds, layouts = work.done()
    assert seconds < WAIT * TIMES
    assert layouts <= 8 * TIMES


def test_scrolling_never_waits_for_scripts(long: Page) -> None:
    work = Work(long)
    frames = """async () => {
        const far = document.documentElement.scrollHeight - innerHeight;
        for (let i = 1; i <= 30; i++) {
            scrollTo(0, (far * i) / 30);
            await new Promise(requestAnimationFrame);
        }
        return far;
    }"""
    assert long.evaluate(frames) > 500
    seconds, layouts = work.done()
    assert seconds < 0.5
    assert layouts <= 30
