"""The API for kept pages: upload, correct, learn, read again, take away."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Final

from fastapi import APIRouter, Form, Path, Query, Response
from fastapi.responses import PlainTextResponse

from unscrawl.web.api import FAILURES, At, Hand, Picture, Slow, as_file, file_answer, file_name, taught
from unscrawl.web.desk import Reread as Done
from unscrawl.web.document import compose, correct_line, corrected_export, right_text
from unscrawl.web.records import Edit, Reading
from unscrawl.web.refused import RefusedError
from unscrawl.web.schema import (
    Correction,
    LayoutName,
    Learn,
    LineRight,
    Number,
    ReadAgain,
    ReadPage,
    Reread,
    Saved,
    Standing,
    StandingLine,
    Summary,
    WordRight,
)
from unscrawl.web.store import Store

__all__ = ["router"]

_LINE: Final = 1000  # characters of a whole line


router = APIRouter(prefix="/api/pages", responses=FAILURES)

Page = Annotated[str, Path(max_length=64, description="a page's id")]
LineAt = Annotated[Number, Path(description="counted from 0")]
WordAt = Annotated[Number, Path(description="counted from 0")]


@router.get("", summary="All pages, the newest first")
def pages(desk: At) -> list[Summary]:
    return [Summary.of(row) for row in desk.store.pages()]


@router.post("", summary="Read a picture and keep it as a page", status_code=201)
async def add(
    desk: At, slow: Slow, picture: Picture, layout: Annotated[LayoutName, Form()] = "page", hand: Hand = None
) -> Standing:
    return _standing(await slow(desk.add, await picture.read(), file_name(picture), layout, hand))


@router.get("/{page}", summary="A page as it stands")
def page(desk: At, page: Page) -> Standing:
    return _standing(desk.store.reading(page))


@router.delete("/{page}", summary="Delete a page with its corrections", status_code=204)
async def forget(desk: At, slow: Slow, page: Page) -> None:
    await slow(desk.forget, page)


@router.get("/{page}/picture", summary="The upright picture", **file_answer("image/jpeg"))
def picture(desk: At, page: Page) -> Response:
    keep = {"Cache-Control": "private, max-age=600"}
    return Response(desk.store.view(page), media_type="image/jpeg", headers=keep)


@router.put("/{page}/lines/{line}/words/{word}", summary="Correct or confirm a word")
def correct(desk: At, page: Page, line: LineAt, word: WordAt, right: WordRight) -> Saved:
    text = None if right.text is None else right_text(right.text)
    return _save(desk.store, page, right.reading, line, word, [Edit(line, word, text, right.version)])


@router.delete("/{page}/lines/{line}/words/{word}", summary="Take a correction back")
def take_back(
    desk: At,
    page: Page,
    line: LineAt,
    word: WordAt,
    reading: Annotated[Number, Query()],
    version: Annotated[Number, Query()],
) -> Saved:
    edit = Edit(line, word, None, version, standing=False)
    return _save(desk.store, page, reading, line, word, [edit])


@router.put("/{page}/lines/{line}", summary="Correct a whole line")
def correct_whole(desk: At, page: Page, line: LineAt, right: LineRight) -> Saved:
    text = right_text(right.text, _LINE)
    last = desk.store.reading(page)
    words = _words(last, line)
    if len(right.versions) != words:
        raise RefusedError(
            422, f"this line has {words} words: name as many versions, not {len(right.versions)}"
        )
    return _save(desk.store, page, right.reading, line, 0, correct_line(last, line, text, right.versions))


@router.post("/{page}/read", summary="Read a page again, with another hand or none")
async def read_again(desk: At, slow: Slow, page: Page, how: ReadAgain) -> Reread:
    return _reread(*await slow(desk.reread, page, how.hand, how.reading))


@router.post(
    "/{page}/learn", summary="Teach a hand the corrections of a page, and read the page again with it"
)
async def learn(desk: At, slow: Slow, page: Page, how: Learn) -> Reread:
    return _reread(*await slow(desk.learn, page, how.hand))


@router.get("/{page}/corrections", summary="Every correction ever made on a page, the oldest first")
def corrections(desk: At, page: Page) -> list[Correction]:
    return [
        Correction(
            reading=number,
            line=c.line,
            word=c.word,
            version=c.version,
            text=c.text,
            standing=bool(c.standing),
            made=c.made,
        )
        for number, c in desk.store.history(page)
    ]


@router.get("/{page}/text", summary="The text as a file", **file_answer("text/plain"))
def as_text(desk: At, page: Page) -> Response:
    last = desk.store.reading(page)
    text = compose(last)["text"]
    return PlainTextResponse(text + "\n" if text else "", headers=as_file(_stem(last), "txt"))


@router.get("/{page}/json", summary="The page as a file of JSON", response_model_exclude_unset=True)
def as_json(desk: At, page: Page, response: Response) -> ReadPage:
    last = desk.store.reading(page)
    response.headers.update(as_file(_stem(last), "json"))
    return ReadPage.model_validate(corrected_export(last))


def _save(store: Store, page: str, reading: int, line: int, word: int, edits: Iterable[Edit]) -> Saved:
    last = store.reading(page)
    if word >= _words(last, line):
        raise RefusedError(404, f"line {line} has no word {word}: the page may have been read again")
    store.correct(page, reading, edits)
    now = compose(store.reading(page))
    changed = StandingLine.model_validate(now["lines"][line])
    return Saved(line=changed, doubtful=now["doubtful"], corrected=now["corrected"])


def _words(last: Reading, line: int) -> int:
    lines = last.result["lines"]
    if line >= len(lines):
        raise RefusedError(404, f"the page has no line {line}: it may have been read again")
    return len(lines[line]["words"])


def _standing(reading: Reading) -> Standing:
    return Standing.model_validate(compose(reading))


def _reread(reading: Reading, done: Done) -> Reread:
    return Reread.model_validate(
        {
            "page": compose(reading),
            "changes": done.differ,
            "saved": done.saved,
            "wrong": done.wrong,
            "homeless": done.homeless,
            "taught": taught(done.report) if done.report else None,
        }
    )


def _stem(reading: Reading) -> str:
    return reading.page.name.rpartition(".")[0] or reading.page.name
