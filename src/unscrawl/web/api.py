"""The API where nothing is kept: about, read, classify; and what all routes share."""

from __future__ import annotations

import re
from pathlib import PureWindowsPath
from typing import Annotated, Any, Final
from urllib.parse import quote

from fastapi import APIRouter, Depends, File, Form, Path, Request, Response, UploadFile

import unscrawl
from unscrawl.web.desk import Desk, Worker
from unscrawl.web.lessons import Report
from unscrawl.web.schema import (
    About,
    Alphabet,
    Character,
    Failure,
    HandName,
    LayoutName,
    LeftOut,
    ReadPage,
    Taught,
)

__all__ = [
    "FAILURES",
    "At",
    "Hand",
    "Name",
    "Picture",
    "Quick",
    "Slow",
    "as_file",
    "file_answer",
    "file_name",
    "router",
    "taught",
]

FAILURES: Final[dict[int | str, dict[str, Any]]] = {
    status: {"model": Failure} for status in (400, 401, 403, 404, 405, 409, 413, 422, 500, 503, 504, 507)
}
_NAMED: Final = 100  # characters kept of a file's name

router = APIRouter(prefix="/api", responses=FAILURES)


def _desk(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


def _slow(request: Request) -> Worker:
    worker: Worker = request.app.state.slow
    return worker


def _quick(request: Request) -> Worker:
    worker: Worker = request.app.state.quick
    return worker


At = Annotated[Desk, Depends(_desk)]
Slow = Annotated[Worker, Depends(_slow)]
Quick = Annotated[Worker, Depends(_quick)]
Picture = Annotated[
    UploadFile, File(description="JPEG, PNG, WebP, TIFF, BMP or GIF, by content and not by name")
]
Name = Annotated[HandName, Path()]
Hand = Annotated[HandName | None, Form(description="read with this hand")]


def file_name(upload: UploadFile) -> str:
    """Return what to call an upload in messages and results; it is never used as a path."""
    name = PureWindowsPath(upload.filename or "").name  # takes both kinds of slashes for separators
    return "".join(c for c in name if c.isprintable())[-_NAMED:] or "picture"


def file_answer(kind: str) -> dict[str, Any]:
    """Describe a route that answers with a file, and with JSON where it fails as all others do."""
    content = {kind: {"schema": {"type": "string"}}}
    return {"response_class": Response, "responses": {**FAILURES, 200: {"content": content}}}


def as_file(stem: str, ending: str) -> dict[str, str]:
    """Return the header that has a browser keep the answer as a file (RFC 6266)."""
    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", stem).strip("-") or "unscrawl"
    header = f'attachment; filename="{plain}.{ending}"'
    if plain != stem:
        header += f"; filename*=UTF-8''{quote(stem, safe='')}.{ending}"
    return {"Content-Disposition": header}


def taught(report: Report) -> Taught:
    """Bring a report on its way."""
    left_out = [LeftOut(name=name, why=why) for name, why in report.left_out]
    return Taught(
        used=report.used, left_out=left_out, before=report.before, after=report.after, kept=report.kept
    )


@router.get("/about", summary="Version, limits, hands")
def about(desk: At, request: Request) -> About:
    limit = request.app.state.max_upload
    return About(version=unscrawl.__version__, max_upload=limit, hands=desk.hands.names())


@router.post("/read", summary="Read a picture and keep nothing", response_model_exclude_unset=True)
async def read(
    desk: At, slow: Slow, picture: Picture, layout: Annotated[LayoutName, Form()] = "page", hand: Hand = None
) -> ReadPage:
    page = await slow(desk.read, await picture.read(), file_name(picture), layout, hand)
    return ReadPage.model_validate(page.export())


@router.post("/classify", summary="Read a picture of one character")
async def classify(
    desk: At, quick: Quick, picture: Picture, alphabet: Annotated[Alphabet, Form()] = "all"
) -> Character:
    one = await quick(desk.classify, await picture.read(), file_name(picture), alphabet)
    return Character(**one.export(), seen=one.seen.tolist(), blank=not one.seen.any())
