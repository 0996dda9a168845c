"""The API as a script uses it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from web_fake import WRITE, Site, picture, serve, site

__all__ = ["site"]


JSON = {"Content-Type": "application/json"}


def error(answer: Any) -> tuple[int, str]:
    body = answer.json()
    assert list(body) == ["error"]
    assert "\n" not in body["error"]
    return answer.status_code, body["error"]


def test_upload_gives_the_page_with_its_doubtful_words(site: Site) -> None:
    page = site.upload()
    assert page["text"] == "my frlend Andrew\nsent rne this\nlettcr today"
    assert (page["doubtful"], page["corrected"], page["width"], page["height"]) == (3, 0, 600, 240)


def test_correction_is_there_for_the_next_who_asks(site: Site) -> None:
    key = site.upload()["id"]
    saved = site.correct(key, "0 1", "friend").json()
    assert (saved["line"]["text"], saved["doubtful"], saved["corrected"]) == ("my friend Andrew", 2, 1)
    assert site.page(key)["text"].startswith("my friend Andrew")


def test_second_window_that_saw_an_older_version_is_told(site: Site) -> None:
    key = site.upload()["id"]
    site.correct(key, "0 1", "friend")
    status, message = error(site.correct(key, "0 1", "fiend"))
    assert (status, "another window" in message) == (409, True)
    assert site.correct(key, "0 1", "fiend", version=1).status_code == 200


def test_correction_is_taken_back(site: Site) -> None:
    key = site.upload()["id"]
    site.correct(key, "0 1", "friend")
    query = {"reading": 1, "version": 1}
    saved = site.client.delete(f"/api/pages/{key}/lines/0/words/1", params=query).json()
    assert (saved["line"]["words"][1]["text"], saved["doubtful"]) == ("frlend", 3)


def test_word_is_struck_out(site: Site) -> None:
    key = site.upload()["id"]
    site.correct(key, "1 1", None)
    assert site.page(key)["text"].splitlines()[1] == "sent this"


def test_whole_line_is_corrected(site: Site) -> None:
    key = site.upload()["id"]
    right = {"reading": 1, "versions": [0, 0, 0], "text": "sent me thisp"}
    saved = site.client.put(f"/api/pages/{key}/lines/1", json=right).json()
    assert [word["text"] for word in saved["line"]["words"]] == ["sent", "me", "thisp"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"text": " "}, "text is empty"),
        ({"text": "\ud800"}, "half a character"),
        ({"text": 7}, "text: Input should be a valid string"),
        ({"versions": [0]}, "this line has 3 words"),
        ({"colour": "red"}, "colour: Extra inputs"),
    ],
)
def test_bad_line_is_refused_with_the_reason(site: Site, change: dict[str, Any], says: str) -> None:
    key = site.upload()["id"]
    right = {"reading": 1, "versions": [0, 0, 0], "text": "sent me this"} | change
    status, message = error(
        site.client.put(f"/api/pages/{key}/lines/1", content=json.dumps(right), headers=JSON)
    )
    assert (status, says in message) == (422, True)


@pytest.mark.parametrize("place", ["9 0", "0 9"])
def test_word_that_is_not_there_is_not_found(site: Site, place: str) -> None:
    assert error(site.correct(site.upload()["id"], place, "x"))[0] == 404


def test_page_that_is_not_there_is_not_found(site: Site) -> None:
    for path in ("", "/picture", "/text", "/json", "/corrections"):
        assert error(site.client.get(f"/api/pages/none{path}")) == (
            404,
            "there is no such page: it may have been deleted",
        )


def test_learning_reads_the_page_again_and_tells_what_it_changed(site: Site) -> None:
    key = site.upload()["id"]
    site.correct(key, "0 1", "friend")
    told = site.client.post(f"/api/pages/{key}/learn", json={"hand": "andrew"}).json()
    assert [(c["before"], c["after"]) for c in told["changes"]] == [("frlend", "friend")]
    assert (told["saved"], told["wrong"], told["taught"]["used"]) == (1, 1, 1)
    assert (told["page"]["hand"], told["page"]["reading"]) == ("andrew", 2)
    assert told["page"]["text"].startswith("my friend Andrew")


def test_learning_is_given_the_picture_where_the_words_are(site: Site) -> None:
    key = site.upload()["id"]
    site.correct(key, "1 1", "me")
    site.client.post(f"/api/pages/{key}/learn", json={"hand": "andrew"})
    (lesson,) = site.hands.seen
    assert (lesson.text, lesson.picture.rgb.shape) == ("sent me this", (240, 600, 3))
    assert lesson.box == tuple(site.page(key)["lines"][1]["box"])


def test_learning_without_corrections_says_what_to_do(site: Site) -> None:
    answer = site.client.post(f"/api/pages/{site.upload()['id']}/learn", json={"hand": "andrew"})
    assert error(answer) == (422, "there is nothing to learn from yet: correct or confirm some words first")


def test_teaching_that_would_not_help_leaves_the_reading_as_it_was(site: Site) -> None:
    key = site.upload()["id"]
    site.correct(key, "0 1", "friend")
    site.hands.useful = False
    told = site.client.post(f"/api/pages/{key}/learn", json={"hand": "andrew"}).json()
    assert (told["taught"]["kept"], told["changes"], told["page"]["hand"]) == (False, [], None)


def test_page_is_read_again_with_another_hand_and_keeps_its_corrections(site: Site) -> None:
    key = site.upload()["id"]
    site.correct(key, "0 1", "fiend")
    site.hands.taught["bob"] = {"rne": "me"}
    told = site.client.post(f"/api/pages/{key}/read", json={"reading": 1, "hand": "bob"}).json()
    assert told["page"]["text"] == "my fiend Andrew\nsent me this\nlettcr today"


def test_unknown_hand_is_refused(site: Site) -> None:
    answer = site.client.post("/api/read", files={"picture": picture()}, data={"hand": "nobody"})
    assert error(answer) == (422, "there is no hand 'nobody'")


def test_history_has_every_correction(site: Site) -> None:
    key = site.upload()["id"]
    site.correct(key, "0 1", "fiend")
    site.correct(key, "0 1", "friend", version=1)
    history = site.client.get(f"/api/pages/{key}/corrections").json()
    assert [(entry["version"], entry["text"]) for entry in history] == [(1, "fiend"), (2, "friend")]


def test_exports_hold_the_corrected_text(site: Site) -> None:
    key = site.upload()["id"]
    site.correct(key, "0 1", "friend")
    text = site.client.get(f"/api/pages/{key}/text")
    assert text.text == "my friend Andrew\nsent rne this\nlettcr today\n"
    assert text.headers["content-disposition"] == 'attachment; filename="letter.txt"'
    page = site.client.get(f"/api/pages/{key}/json").json()
    assert [page["lines"][0]["words"][1][name] for name in ("text", "read")] == ["friend", "frlend"]


def test_read_answers_as_the_command_line_does_and_keeps_nothing(site: Site) -> None:
    page = site.client.post("/api/read", files={"picture": ("a.png", picture())}).json()
    assert list(page) == ["source", "text", "confidence", "lines"]
    assert list(page["lines"][0]["words"][0]) == ["text", "confidence", "box", "glyphs"]
    assert site.client.get("/api/pages").json() == []


def test_classify_shows_what_the_network_saw(site: Site) -> None:
    one = site.client.post("/api/classify", files={"picture": picture()}).json()
    assert (one["label"], len(one["seen"]), len(one["seen"][0]), one["blank"]) == ("4", 28, 28, True)


def test_hand_is_taught_one_line_undone_and_forgotten(site: Site) -> None:
    files = {"picture": ("line.png", picture())}
    taught = site.client.post("/api/hands/andrew/teach", files=files, data={"text": "my friend"}).json()
    assert (taught["used"], taught["left_out"][0]["why"]) == (1, "too short")
    assert site.client.get("/api/hands").json() == ["andrew"]
    assert site.client.post("/api/hands/andrew/undo").status_code == 204
    assert site.client.delete("/api/hands/andrew").status_code == 204
    assert error(site.client.delete("/api/hands/andrew"))[0] == 422


def test_picture_is_shown_upright_and_smaller(site: Site) -> None:
    files = {"picture": ("big.png", picture(3000, 1500))}
    page = site.client.post("/api/pages", files=files).json()
    answer = site.client.get(f"/api/pages/{page['id']}/picture")
    shown = Image.open(answer)
    assert (page["width"], shown.size, shown.format) == (3000, (2000, 1000), "JPEG")


def test_deleted_page_is_gone(site: Site) -> None:
    key = site.upload()["id"]
    assert site.client.delete(f"/api/pages/{key}").status_code == 204
    assert site.client.get("/api/pages").json() == []


@pytest.mark.parametrize("name", ["../../etc/passwd", "C:\\secret\\letter.png", "\x00.png", "x" * 500])
def test_name_of_a_file_is_only_a_name(site: Site, name: str, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    page = site.client.post("/api/pages", files={"picture": (name, picture())}).json()
    assert "/" not in page["name"]
    assert "\\" not in page["name"]
    assert len(page["name"]) <= 100
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("layout", ["cut", "../x"])
def test_layouts_are_those_of_one_picture(site: Site, layout: str) -> None:
    answer = site.client.post("/api/read", files={"picture": picture()}, data={"layout": layout})
    assert error(answer)[0] == 422


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is empty"),
        (b"Dear Edith,", "not a sound picture"),
        (picture()[:200], "damaged"),
        (picture(2, 2), "too small"),
    ],
)
def test_file_that_is_no_picture_is_refused_whatever_its_name(site: Site, data: bytes, says: str) -> None:
    status, message = error(site.client.post("/api/pages", files={"picture": ("letter.png", data)}))
    assert (status, says in message, "letter.png" in message) == (422, True, True)


def test_decompression_bomb_is_refused_by_its_header(site: Site) -> None:
    bomb = bytearray(picture())
    bomb[16:24] = (60_000).to_bytes(4, "big") * 2  # IHDR: width and height
    import zlib

    bomb[29:33] = zlib.crc32(bomb[12:29]).to_bytes(4, "big")
    status, message = error(site.client.post("/api/pages", files={"picture": bytes(bomb)}))
    assert (status, "pixels" in message) == (422, True)


def test_pages_are_there_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "pages.sqlite"
    with serve(path) as site:
        key = site.upload()["id"]
        site.correct(key, "0 1", "friend")
    with serve(path) as site:
        assert site.page(key)["text"].startswith("my friend")
        told = site.client.post(f"/api/pages/{key}/learn", json={"hand": "andrew"}, headers=WRITE)
        assert told.json()["saved"] == 1


def test_mistake_in_the_program_is_one_line_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(tmp_path / "pages.sqlite") as site:
        monkeypatch.setattr(site.hands, "names", lambda: 1 / 0)
        site.client._transport.raise_server_exceptions = False
        status, message = error(site.client.get("/api/hands"))
    assert (status, "ZeroDivisionError" in message) == (500, True)


def test_everything_the_page_needs_is_served_from_here(site: Site) -> None:
    html = site.client.get("/").text
    for part in ("app.js", "style.css", "icon.svg"):
        assert part in html
        assert site.client.get(f"/{part}").status_code == 200
    assert "//" not in html.replace("<!doctype", "")
