"""What stands between a browser and the API: who may ask, how much, and for how long.

The server has no accounts and answers with private letters, so nobody but its own page may use it:

- the `Host` must be an address in digits or a name that was allowed. A page on another site whose name is
  made to point at this machine (DNS rebinding) still sends its own name;
- `Origin` and `Sec-Fetch-Site` must not tell of another site, and no CORS header is ever sent;
- what changes anything needs the header `X-Unscrawl`. Forms cannot send it, and scripts of other sites only
  after asking by a preflight that is refused (OWASP, Cross-Site Request Forgery Prevention, custom headers);
- beyond loopback, a key is asked for as well: it comes once in the address and stays in a cookie.
"""

from __future__ import annotations

import asyncio
import ipaddress
import secrets
from collections.abc import Collection, Mapping
from http.cookies import CookieError, SimpleCookie
from typing import Final
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from unscrawl.web.refused import RefusedError

__all__ = ["HEADER", "MAX_UPLOAD", "Guard"]

HEADER: Final = "X-Unscrawl"
"""The header that every writing request carries; any value will do."""
MAX_UPLOAD: Final = 30 << 20
"""Most bytes of a request: a photograph of 108 megapixels fits."""

_TIME: Final = 120.0  # seconds for a whole request, the slowest upload and reading included
_DRAIN: Final = 1 << 30  # bytes read and thrown away so that the browser hears why, and not just a hang-up
_COOKIE: Final = "unscrawl-key"
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' blob: data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


class Guard:
    """ASGI middleware that applies the limits above to every request and answers in JSON where it refuses.

    Args:
        app: what is guarded.
        loopback: only addresses of this machine may be asked for.
        names: host names to answer to besides addresses in digits and "localhost".
        key: what a browser must know, None where none is asked for.
        max_upload: most bytes of a request's body.
        seconds: longest time a request may take.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        loopback: bool = True,
        names: Collection[str] = (),
        key: str | None = None,
        max_upload: int = MAX_UPLOAD,
        seconds: float = _TIME,
    ) -> None:
        self.app = app
        self.loopback = loopback
        self.names = {"localhost", *names}
        self.key = key
        self.max_upload = max_upload
        self.seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        answer = _Answer(send)
        try:
            async with asyncio.timeout(self.seconds):
                await self._answer(scope, receive, answer)
        except TimeoutError:
            await answer.refuse(
                scope, receive, 504, f"this took more than {self.seconds:g} seconds: try a smaller picture"
            )
        except RefusedError as refusal:
            await answer.refuse(scope, receive, refusal.status, str(refusal))

    async def _answer(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        headers = Headers(scope=scope)
        self._check_host(headers)
        _check_site(scope["method"], headers)
        if self.key is not None and not _knows(self.key, headers.get("cookie", "")):
            given = parse_qs(scope["query_string"].decode("latin-1")).get("key", [""])[0]
            if not secrets.compare_digest(given.encode(), self.key.encode()):
                raise RefusedError(401, "open the address that unscrawl serve printed, with its key")
            await _hand_over(self.key)(scope, receive, answer)
            return
        body = _Body(receive, self.max_upload)
        await body.check(headers.get("content-length"))

        async def unless_over(message: Message) -> None:
            # The framework takes whatever stops it reading a form for a malformed one, and would say so.
            if not body.over:
                await answer(message)

        await self.app(scope, body, unless_over)
        if body.over:
            raise body.refusal()

    def _check_host(self, headers: Headers) -> None:
        try:
            host = urlsplit(f"//{headers.get('host', '')}").hostname or ""
        except ValueError:  # no address at all
            host = ""
        try:
            allowed = ipaddress.ip_address(host).is_loopback or not self.loopback
        except ValueError:
            allowed = host in self.names
        if not allowed:
            raise RefusedError(403, "this address is not served: use the one that unscrawl serve printed")


def _check_site(method: str, headers: Mapping[str, str]) -> None:
    origin, host = headers.get("origin"), headers.get("host", "")
    if origin is not None and _site(origin) != host:
        raise RefusedError(403, "another site may not use this one")
    if (
        headers.get("sec-fetch-site", "none") in {"cross-site", "same-site"}
        and headers.get("sec-fetch-mode") != "navigate"
    ):
        raise RefusedError(403, "another site may not use this one")
    if method not in _SAFE and HEADER.lower() not in headers:
        raise RefusedError(403, f"the header {HEADER} is missing: it shows that no other site sent this")


def _site(origin: str) -> str | None:
    """Return host and port of an origin, None where it is none."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None


def _knows(key: str, cookie: str) -> bool:
    try:
        found = SimpleCookie(cookie).get(_COOKIE)
    except CookieError:
        return False
    return found is not None and secrets.compare_digest(found.value.encode(), key.encode())


def _hand_over(key: str) -> RedirectResponse:
    """Put the key from the address into a cookie, so that it leaves the address and the history."""
    response = RedirectResponse("/", 303)
    response.set_cookie(_COOKIE, key, httponly=True, samesite="strict")
    return response


class _Body:
    """The request's body, counted: over the limit, the rest is read and thrown away."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self.receive = receive
        self.limit = limit
        self.count = 0

    @property
    def over(self) -> bool:
        return self.count > self.limit

    def refusal(self) -> RefusedError:
        return RefusedError(
            413, f"this is larger than the limit of {self.limit >> 20} MB: reduce the picture"
        )

    async def check(self, declared: str | None) -> None:
        """Refuse at once what says that it is too large."""
        if declared is not None and declared.isdecimal() and float(declared) > self.limit:
            self.count = self.limit + 1
            await self._drain()

    async def __call__(self) -> Message:
        message = await self.receive()
        self.count += len(message.get("body", b""))
        if self.over:
            await self._drain(message.get("more_body", False))
        return message

    async def _drain(self, more: bool = True) -> None:
        while more and self.count < _DRAIN:
            message = await self.receive()
            self.count += len(message.get("body", b""))
            more = message.get("more_body", False)
        raise self.refusal()


class _Answer:
    """Sends the answer with the headers of every answer, and knows whether it has begun."""

    def __init__(self, send: Send) -> None:
        self.send = send
        self.started = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
        await self.send(message)

    async def refuse(self, scope: Scope, receive: Receive, status: int, message: str) -> None:
        """Say no, unless something else was said already."""
        if not self.started:
            await JSONResponse({"error": message}, status)(scope, receive, self)
