"""Thorough teaching in a real browser: begun, seen, stopped, and nobody interrupted by its end."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Page, expect
from window import Server, browser, letter, open_page, server

from web_fake import WRITE

__all__ = ["browser", "letter", "open_page", "server"]

LINES = ["my frlend Andrew", "sent rne this", "lettcr today"]
RIGHT = ["my friend Andrew", "sent me this", "letter today"]
LONG = pytest.mark.parametrize("server", [{"seconds": 600}], indirect=True)
"""The teaching does not end by itself."""


@pytest.fixture
def edith(letter: Page, server: Server) -> Page:
    """A window with a page and the hand of Edith, who was taught enough lines that changed nothing."""
    file = json.dumps(["edith", {word: word for word in "abcdefgh"}]).encode()
    part = {"name": "edith.hand", "mimeType": "application/octet-stream", "buffer": file}
    letter.request.post(f"{server.url}/api/hands", headers=WRITE, multipart={"file": part})
    letter.reload()
    letter.locator("#hand").select_option("edith")
    expect(letter.locator("#told h2")).to_have_text("Read with edith’s hand.")
    return letter


def begin(page: Page) -> None:
    page.get_by_role("button", name="Learn thoroughly").click()


def test_hand_that_does_not_exist_cannot_be_taught_thoroughly(letter: Page) -> None:
    expect(letter.locator("#hand")).to_have_value("")
    expect(letter.locator("#thorough")).to_be_disabled()


def test_hand_is_taught_thoroughly_and_the_text_changes(edith: Page) -> None:
    begin(edith)
    expect(edith.get_by_role("progressbar", name="Learning edith’s hand thoroughly")).to_be_visible()
    expect(edith.locator("#thorough")).to_be_disabled()
    expect(edith.locator("#told h2")).to_have_text("edith was taught thoroughly.")
    expect(edith.locator(".text")).to_have_text(RIGHT)
    expect(edith.locator("#teaching")).to_be_hidden()
    expect(edith.locator("#thorough")).to_be_enabled()


def test_what_was_corrected_is_learnt_first(edith: Page) -> None:
    edith.locator(".word.doubtful").first.click()
    edith.locator("#right").fill("friend")
    edith.keyboard.press("Enter")
    edith.keyboard.press("Escape")
    begin(edith)
    expect(edith.locator("#told h2")).to_have_text("edith was taught 1 line.")
    expect(edith.locator("#told h2")).to_have_text("edith was taught thoroughly.")


def test_end_does_not_interrupt_who_is_typing(edith: Page) -> None:
    begin(edith)
    edith.locator(".word", has_text="rne").click()
    edith.locator("#right").fill("m")
    expect(edith.locator("#teaching")).to_contain_text("edith’s hand is learnt")
    expect(edith.locator("#right")).to_be_focused()
    edith.keyboard.type("e")
    edith.keyboard.press("Enter")
    edith.keyboard.press("Escape")
    expect(edith.locator("#told h2")).to_have_text("edith was taught thoroughly.")
    expect(edith.locator(".text")).to_have_text(RIGHT)
    expect(edith.locator("#counts")).to_contain_text("1 corrected · all saved")


@LONG
def test_teaching_is_seen_again_after_loading_the_page_and_stopped_by_keyboard(edith: Page) -> None:
    begin(edith)
    expect(edith.locator("#teaching")).to_be_focused()
    edith.reload()
    stop = edith.get_by_role("button", name="Stop")
    expect(stop).to_be_visible()
    stop.press("Enter")
    expect(edith.get_by_role("status")).to_have_text("The thorough teaching was stopped: edith is as it was.")
    expect(edith.locator("#teaching")).to_be_hidden()
    expect(edith.locator(".text")).to_have_text(LINES)


@LONG
def test_learning_meanwhile_is_refused_in_one_line(edith: Page) -> None:
    begin(edith)
    edith.locator(".word.doubtful").first.click()
    edith.locator("#right").fill("friend")
    edith.keyboard.press("Enter")
    edith.locator("#learn").click()
    why = "edith is being taught thoroughly: wait for its end or stop it"
    expect(edith.locator("#alert")).to_have_text(why)
    expect(edith.locator(".text").first).to_have_text(RIGHT[0])


@LONG
def test_other_hand_shows_no_progress(edith: Page) -> None:
    begin(edith)
    expect(edith.locator("#teaching")).to_be_visible()
    edith.locator("#hand").select_option("")
    expect(edith.locator("#teaching")).to_be_hidden()
    edith.locator("#hand").select_option("edith")
    expect(edith.locator("#teaching")).to_be_visible()


@LONG
def test_server_that_ended_meanwhile_is_told(edith: Page, server: Server) -> None:
    begin(edith)
    expect(edith.locator("#teaching")).to_be_visible()
    server.kill()
    expect(edith.locator("#alert")).to_contain_text("unscrawl does not answer")
    server.start()
    expect(edith.get_by_role("status")).to_contain_text("The thorough teaching was stopped")
    expect(edith.locator("#alert")).to_be_empty()
