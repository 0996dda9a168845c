"""`unscrawl serve`: the web page, on this machine."""

from __future__ import annotations

import errno
import ipaddress
import secrets
import socket
import webbrowser
from pathlib import Path
from threading import Timer
from typing import Annotated, Final

import typer

from unscrawl.cli.console import say
from unscrawl.errors import OptionError

__all__ = ["register"]

_OF_PORTS: Final = (errno.EADDRINUSE, errno.EACCES)  # what is said of a port; the rest is of addresses


def register(app: typer.Typer) -> None:
    """Add the command `serve` to `app`."""
    app.command()(serve)


def serve(
    host: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS",
            help="Where to listen. Beyond this machine (0.0.0.0 for a phone, say), the address that is "
            "printed holds a key that the browser needs.",
        ),
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes any that is free.")] = 8765,
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Where pages and corrections are kept; pages.sqlite in the user's data folder if not given.",
            show_default=False,
        ),
    ] = None,
    allow_name: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A host name to answer to besides localhost.", show_default=False),
    ] = None,
    browser: Annotated[bool, typer.Option("--browser", help="Open the page in a browser.")] = False,
) -> None:
    """Read, correct and teach in the browser, until Ctrl-C. Corrections are kept at once."""
    import uvicorn

    from unscrawl.web.app import create_app
    from unscrawl.web.learning import OwnHands
    from unscrawl.web.store import Store, default_path

    listener = _listen(host, port)
    with listener:
        address, port = listener.getsockname()[:2]
        loopback = ipaddress.ip_address(address).is_loopback
        key = None if loopback else secrets.token_urlsafe(12)
        store = Store(data or default_path())
        app = create_app(store, OwnHands(), loopback=loopback, names=allow_name or (), key=key)
        url = _address(address, port, key)
        say(f"open {url} in a browser; Ctrl-C ends")
        if browser:
            Timer(0.5, webbrowser.open, [url]).start()
        config = uvicorn.Config(app, log_level="warning", access_log=False, server_header=False)
        uvicorn.Server(config).run(sockets=[listener])


def _listen(host: str, port: int) -> socket.socket:
    """Return a socket that takes connections already: who opens the address at once just waits a little."""
    listener = None
    try:
        family, kind, proto, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, proto)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen()
    except (OSError, UnicodeError) as error:
        if listener is not None:
            listener.close()
        reason = getattr(error, "strerror", None) or error
        other = "--port" if getattr(error, "errno", None) in _OF_PORTS else "--host"
        raise OptionError(
            f"cannot listen on {host}, port {port} ({reason}): choose another {other}"
        ) from None
    return listener


def _address(address: str, port: int, key: str | None) -> str:
    if ipaddress.ip_address(address).is_unspecified:
        address = _own_address()
    host = f"[{address}]" if ":" in address else address
    return f"http://{host}:{port}/" + (f"?key={key}" if key else "")


def _own_address() -> str:
    """Return this machine's address in its network; connecting a datagram socket sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # reserved for documentation (RFC 5737)
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])
