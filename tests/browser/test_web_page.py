"""The page in a real browser: correct, learn, by keyboard alone, through crashes and in two windows."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from window import Server, browser, letter, open_page, server, upload

__all__ = ["browser", "letter", "open_page", "server"]

LINES = ["my frlend Andrew", "sent rne this", "lettcr today"]
RIGHT = ["my friend Andrew", "sent me this", "letter today"]


def correct(page: Page, *words: str) -> None:
    """Type the right text of one doubtful word after the other."""
    page.locator(".word.doubtful").first.click()
    for word in words:
        page.locator("#right").fill(word)
        page.keyboard.press("Enter")


def learn(page: Page, hand: str) -> None:
    """Teach a new hand."""
    page.locator("#learn").click()
    page.locator("#hand-name").fill(hand)
    page.keyboard.press("Enter")


def test_three_corrections_teach_a_hand_and_the_text_changes(letter: Page) -> None:
    expect(letter.locator(".text")).to_have_text(LINES)
    correct(letter, "friend", "me", "letter")
    expect(letter.locator(".text")).to_have_text(RIGHT)
    expect(letter.locator("#counts")).to_have_text("3 lines · 0 doubtful · 3 corrected · all saved")
    learn(letter, "andrew")
    expect(letter.locator("#told h2")).to_have_text("andrew was taught 3 lines.")
    expect(letter.locator("#told")).to_contain_text(
        "3 of your 3 corrections are now read right without help."
    )
    expect(letter.locator(".changes li")).to_have_text(["frlend → friend", "rne → me", "lettcr → letter"])
    expect(letter.locator("#hand")).to_have_value("andrew")


def test_what_was_learnt_reads_the_next_page(letter: Page) -> None:
    correct(letter, "friend", "me", "letter")
    learn(letter, "andrew")
    expect(letter.locator("#told")).to_be_visible()
    letter.locator("nav a", has_text="Pages").click()
    expect(letter.locator("#hand")).to_have_value("andrew")
    upload(letter)
    expect(letter.locator(".text")).to_have_text(RIGHT)


def test_teaching_is_taken_back(letter: Page) -> None:
    correct(letter, "friend")
    learn(letter, "andrew")
    letter.get_by_role("button", name="Take this teaching back").click()
    expect(letter.locator(".changes li")).to_have_text(["friend → frlend"])


def test_keyboard_alone_suffices(letter: Page) -> None:
    for _ in range(30):
        letter.keyboard.press("Tab")
        if letter.evaluate("document.activeElement.classList.contains('word')"):
            break
    expect(letter.locator(":focus")).to_have_text("frlend")
    letter.keyboard.press("Enter")
    letter.keyboard.type("friend")
    letter.keyboard.press("Enter")
    expect(letter.locator("#right")).to_have_value("rne")
    letter.keyboard.press("Tab")
    expect(letter.locator("#right")).to_have_value("lettcr")
    letter.keyboard.press("Shift+Tab")
    letter.keyboard.type("me")
    letter.keyboard.press("Tab")
    letter.keyboard.press("ArrowDown")
    expect(letter.locator("#right")).to_have_value("letter")
    letter.keyboard.press("Enter")
    expect(letter.locator("#bench")).to_be_hidden()
    expect(letter.locator(":focus")).to_have_text("letter")
    expect(letter.locator(".text")).to_have_text(RIGHT)


def test_arrow_keys_go_from_word_to_word_and_escape_comes_back(letter: Page) -> None:
    letter.locator(".word.doubtful").first.focus()
    letter.keyboard.press("ArrowRight")
    expect(letter.locator(":focus")).to_have_text("Andrew")
    letter.keyboard.press("ArrowDown")
    expect(letter.locator(":focus")).to_have_text("this")
    letter.keyboard.press("Enter")
    expect(letter.locator("#right")).to_be_focused()
    letter.keyboard.press("Escape")
    expect(letter.locator(":focus")).to_have_text("this")


def test_alternative_is_chosen_with_the_mouse(letter: Page) -> None:
    letter.locator(".word", has_text="lettcr").click()
    letter.locator(".glyph").nth(4).locator(".chip", has_text="e").click()
    expect(letter.locator("#right")).to_have_value("letter")
    letter.get_by_role("button", name="Accept").click()
    expect(letter.locator(".text").nth(2)).to_have_text("letter today")


def test_click_in_the_picture_chooses_the_character(letter: Page) -> None:
    frame = letter.locator(".picture").bounding_box()
    assert frame is not None
    scale = frame["width"] / 600
    letter.mouse.click(frame["x"] + (20 + 68 + 24 * 2 + 10) * scale, frame["y"] + 40 * scale)
    expect(letter.locator("#right")).to_have_value("frlend")
    assert letter.evaluate("getSelection().toString()") == "l"


def test_word_is_struck_out_and_taken_back(letter: Page) -> None:
    letter.locator(".word", has_text="today").click()
    letter.get_by_role("button", name="Nothing here").click()
    struck = letter.locator(".word.struck")
    expect(struck).to_have_accessible_name("today, corrected, struck out")
    struck.click()
    letter.get_by_role("button", name="Take back").click()
    expect(struck).to_have_count(0)


def test_whole_line_is_corrected(letter: Page) -> None:
    letter.get_by_role("button", name="Correct line 2 as a whole").click()
    letter.locator("#right").fill("sent me this")
    letter.keyboard.press("Enter")
    expect(letter.locator(".text").nth(1)).to_have_text("sent me this")
    expect(letter.locator(".line").nth(1).locator(".corrected")).to_have_count(3)


def test_kill_and_restart_lose_nothing(letter: Page, server: Server) -> None:
    correct(letter, "friend")
    expect(letter.locator("#counts")).to_contain_text("all saved")
    server.kill()
    letter.locator("#right").fill("me")
    letter.keyboard.press("Enter")
    expect(letter.locator("#alert")).to_contain_text("What you typed is kept here")
    server.start()
    expect(letter.locator("#counts")).to_contain_text("2 corrected · all saved")
    expect(letter.locator("#alert")).to_be_empty()
    letter.reload()
    expect(letter.locator(".text")).to_have_text([*RIGHT[:2], LINES[2]])


def test_two_tabs_show_each_others_corrections(letter: Page) -> None:
    other = letter.context.new_page()
    other.goto(letter.url)
    correct(other, "friend")
    expect(letter.locator(".text").first).to_have_text(RIGHT[0])


def test_two_browsers_do_not_overwrite_each_other(letter: Page, open_page: Callable[..., Page]) -> None:
    other = open_page("/" + letter.url.split("/", 3)[3])
    expect(other.locator(".line")).to_have_count(3)
    correct(letter, "friend")
    expect(letter.locator("#counts")).to_contain_text("1 corrected · all saved")
    correct(other, "fiend")
    expect(other.locator("#alert")).to_contain_text("Not saved: this word was corrected in another window")
    expect(other.locator(".text").first).to_have_text("my friend Andrew")
    expect(other.locator("#right")).to_have_value("fiend")
    other.keyboard.press("Enter")
    expect(other.locator("#counts")).to_contain_text("1 corrected · all saved")
    expect(other.locator(".text").first).to_have_text("my fiend Andrew")


def test_hand_is_taken_along_as_a_file_and_brought_back(letter: Page) -> None:
    correct(letter, "friend", "me", "letter")
    learn(letter, "andrew")
    expect(letter.locator("#told")).to_be_visible()
    letter.locator("nav a", has_text="Hands").click()
    with letter.expect_download() as download:
        letter.get_by_role("link", name="Download andrew").click()
    assert download.value.suggested_filename == "andrew.hand"
    letter.once("dialog", lambda dialog: dialog.accept())
    letter.get_by_role("button", name="Delete andrew").click()
    expect(letter.locator("#no-hands")).to_be_visible()
    letter.set_input_files("#hand-file", download.value.path())
    expect(letter.locator(".hand strong")).to_have_text("andrew")
    expect(letter.locator(".hand p")).to_contain_text("3 lines")


def test_hand_of_a_name_that_is_taken_gets_another(letter: Page) -> None:
    correct(letter, "friend")
    learn(letter, "andrew")
    expect(letter.locator("#told")).to_be_visible()
    letter.locator("nav a", has_text="Hands").click()
    file = {"name": "andrew.hand", "mimeType": "", "buffer": b'["andrew", {"rne": "me"}]'}
    expect(letter.locator(".hand")).to_have_count(1)
    letter.set_input_files("#hand-file", file)
    expect(letter.locator("#name-hand")).to_contain_text("there is a hand called 'andrew' already")
    letter.keyboard.type("other")
    letter.keyboard.press("Enter")
    expect(letter.locator(".hand strong")).to_have_text(["andrew", "other"])


def test_file_that_is_no_hand_is_one_clear_line(open_page: Callable[..., Page]) -> None:
    page = open_page("/#/hands")
    expect(page.locator("#no-hands")).to_be_visible()
    page.set_input_files("#hand-file", {"name": "a.hand", "mimeType": "", "buffer": b"Dear Edith,"})
    expect(page.locator("#alert")).to_have_text("a.hand is not the file of a hand, or is damaged")


def test_file_that_is_no_picture_is_one_clear_line(open_page: Callable[..., Page]) -> None:
    page = open_page()
    expect(page.locator("#hand option")).not_to_have_count(0)
    page.set_input_files("#file", {"name": "a.png", "mimeType": "image/png", "buffer": b"Dear Edith,"})
    expect(page.locator("#alert")).to_contain_text("a.png is not a sound picture")


def test_drawn_character_is_classified_live(open_page: Callable[..., Page]) -> None:
    page = open_page("/#/draw")
    frame = page.locator("#paper").bounding_box()
    assert frame is not None
    page.mouse.move(frame["x"] + 200, frame["y"] + 80)
    page.mouse.down()
    page.mouse.move(frame["x"] + 210, frame["y"] + 300, steps=5)
    expect(page.locator("#guess")).to_have_text("4")  # the pen is still down
    page.mouse.up()
    expect(page.locator("#ranks li")).to_have_count(5)
    middle = "document.querySelector('#seen').getContext('2d').getImageData(14, 14, 1, 1).data[0]"
    page.wait_for_function(f"{middle} > 0")
    page.get_by_role("button", name="Clear").click()
    expect(page.locator("#guess")).to_be_empty()


def test_lines_of_text_stand_beside_their_lines_of_the_picture(letter: Page) -> None:
    frame = letter.locator(".picture").bounding_box()
    assert frame is not None
    for i in range(3):
        text = letter.locator(".text").nth(i).bounding_box()
        assert text is not None
        middle = frame["y"] + (20 + 60 * i + 20) * frame["width"] / 600
        assert text["y"] + text["height"] / 2 == pytest.approx(middle, abs=4)
        assert text["x"] > frame["x"] + frame["width"]


def test_phone_shows_each_line_above_its_text_and_never_scrolls_sideways(
    open_page: Callable[..., Page],
) -> None:
    page = upload(open_page(has_touch=True, is_mobile=True))
    page.set_viewport_size({"width": 390, "height": 844})
    expect(page.locator(".picture")).to_be_hidden()
    expect(page.locator(".strip")).to_have_count(3)
    page.locator(".word.doubtful").first.tap()
    expect(page.locator("#bench")).to_be_visible()
    expect(page.locator(".word.chosen")).to_be_in_viewport()
    expect(page.locator(".strip").first.locator("span")).to_be_visible()  # where the word is in the picture
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_screen_reader_is_told_everything(letter: Page) -> None:
    word = letter.locator(".word.doubtful").first
    expect(word).to_have_role("button")
    expect(word).to_have_accessible_name("frlend, doubtful")
    expect(letter.locator(".lines")).to_have_accessible_name("Text, line by line, with 3 doubtful words")
    correct(letter, "friend", "me", "letter")
    expect(letter.get_by_role("status")).to_contain_text("No doubtful word is left")
    letter.locator(".word").first.click()
    for kind in ("button", "textbox", "combobox", "link", "img"):
        for part in letter.get_by_role(kind).all():
            expect(part).to_have_accessible_name(re.compile(r"\S"))
