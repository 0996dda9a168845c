"""Puts the web page together: API, static files, guard."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

import unscrawl
from unscrawl.errors import ModelError, OutputError, UnscrawlError
from unscrawl.web import api, pages
from unscrawl.web import hands as hand_routes
from unscrawl.web.desk import Desk, Worker
from unscrawl.web.lessons import Hands
from unscrawl.web.limits import MAX_UPLOAD, Guard
from unscrawl.web.refused import RefusedError
from unscrawl.web.store import Store

__all__ = ["create_app"]

_STATIC: Final = Path(__file__).parent / "static"
_STATUS: Final[dict[type[Exception], int]] = {OutputError: 507, ModelError: 500}
"""What is not the client's fault; everything else that goes wrong on purpose is."""


def create_app(
    store: Store,
    hands: Hands,
    *,
    loopback: bool = True,
    names: Collection[str] = (),
    key: str | None = None,
    max_upload: int = MAX_UPLOAD,
    seconds: float = 120.0,
) -> ASGIApp:
    """Return the application: the API under /api, the page under /. The other arguments are `Guard`'s."""

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        yield
        app.state.desk.thorough.close()
        app.state.slow.close()
        app.state.quick.close()
        store.close()

    app = FastAPI(
        title="unscrawl",
        version=unscrawl.__version__,
        summary="Reads handwriting, and learns the hand it is reading.",
        openapi_url="/api/openapi.json",
        docs_url=None,  # both pages load scripts from elsewhere
        redoc_url=None,
        lifespan=life,
    )
    app.state.desk = Desk(store, hands)
    app.state.slow, app.state.quick = Worker(), Worker()
    app.state.max_upload = max_upload
    app.add_exception_handler(UnscrawlError, _failed)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(Exception, _broken)
    app.include_router(api.router)
    app.include_router(hand_routes.router)
    app.include_router(pages.router)
    app.mount("/", StaticFiles(directory=_STATIC, html=True))
    return Guard(app, loopback=loopback, names=names, key=key, max_upload=max_upload, seconds=seconds)


async def _failed(request: Request, error: Exception) -> JSONResponse:
    status = error.status if isinstance(error, RefusedError) else _STATUS.get(type(error), 422)
    return JSONResponse({"error": " ".join(str(error).split())}, status)


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"] if part != "body")
    return JSONResponse({"error": f"{where or 'the request'}: {first['msg']}"}, 422)


async def _broken(request: Request, error: Exception) -> JSONResponse:
    return JSONResponse(
        {"error": f"a mistake in unscrawl ({type(error).__name__}): what was saved is safe"}, 500
    )


async def _refused(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": str(error.detail)}, error.status_code, error.headers)
