"""The API for hands: teach, look into, take along, bring back, forget."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, File, Form, Response, UploadFile

from unscrawl.shelf import SUFFIX
from unscrawl.web.api import FAILURES, At, Name, Picture, Quick, Slow, as_file, file_answer, file_name, taught
from unscrawl.web.document import right_text
from unscrawl.web.schema import HandAbout, HandName, Taught
from unscrawl.web.thorough import Progress

__all__ = ["router"]

_LINE: Final = 1000  # characters of a taught line

router = APIRouter(prefix="/api/hands", responses=FAILURES)


@router.get("", summary="The names of all hands")
def hands(desk: At) -> list[str]:
    return desk.hands.names()


@router.post("", summary="Keep a hand's file under its own or another name", status_code=201)
async def take(
    desk: At,
    quick: Quick,
    file: Annotated[UploadFile, File(description="what another unscrawl gave as a hand's file")],
    name: Annotated[HandName | None, Form(description="another name for it")] = None,
) -> HandAbout:
    return HandAbout.of(await quick(desk.hands.take, await file.read(), file_name(file), name))


@router.get("/{hand}", summary="What a hand holds")
def about(desk: At, hand: Name) -> HandAbout:
    return HandAbout.of(desk.hands.about(hand))


@router.get("/{hand}/file", summary="A hand as a file", **file_answer("application/octet-stream"))
def as_hand_file(desk: At, hand: Name) -> Response:
    headers = as_file(hand, SUFFIX.removeprefix("."))
    return Response(desk.hands.file(hand), media_type="application/octet-stream", headers=headers)


@router.post("/{hand}/teach", summary="Teach a hand one line: its picture and its right text")
async def teach(desk: At, slow: Slow, hand: Name, picture: Picture, text: Annotated[str, Form()]) -> Taught:
    right = right_text(text, _LINE)
    return taught(await slow(desk.teach, hand, await picture.read(), file_name(picture), right))


@router.post(
    "/{hand}/thorough", summary="Begin to teach a hand thoroughly all that it keeps", status_code=202
)
def begin(desk: At, hand: Name) -> Progress:
    return desk.thorough.start(hand)


@router.get("/{hand}/thorough", summary="How far the thorough teaching of a hand is, or how it ended")
def thorough(desk: At, hand: Name) -> Progress:
    return desk.thorough.of(hand)


@router.delete("/{hand}/thorough", summary="Stop the thorough teaching of a hand, which takes a moment")
def stop(desk: At, hand: Name) -> Progress:
    return desk.thorough.stop(hand)


@router.post("/{hand}/undo", summary="Take back what a hand was taught last", status_code=204)
async def undo(desk: At, slow: Slow, hand: Name) -> None:
    await slow(desk.undo_hand, hand)


@router.delete("/{hand}", summary="Forget a hand", status_code=204)
async def forget(desk: At, slow: Slow, hand: Name) -> None:
    await slow(desk.forget_hand, hand)
