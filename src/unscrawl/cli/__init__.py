"""The command line: `unscrawl read`, `classify`, and the workbench (`data`, `train`, `evaluate`, …).

Every command lives in a module of its own that is imported when it is called, so that reading a letter
never waits for what training needs. Whatever goes wrong is one line on standard error and exit code 2.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from unscrawl import __version__
from unscrawl.cli.console import put, say, speak_utf8
from unscrawl.errors import UnscrawlError

__all__ = ["app", "main"]

_HOMES: Final = {
    "read": "unscrawl.cli.read",
    "classify": "unscrawl.cli.classify",
    "teach": "unscrawl.cli.teach",
    "hands": "unscrawl.cli.hands",
    "serve": "unscrawl.cli.serve",
    "data": "unscrawl.cli.data",
    "synth": "unscrawl.cli.synth",
    "train": "unscrawl.cli.learning",
    "evaluate": "unscrawl.cli.learning",
    "compare": "unscrawl.cli.learning",
    "export": "unscrawl.cli.learning",
    "learn-lines": "unscrawl.cli.lines",
}
"""Where each command is defined, in the order of the help text."""

_TRAIN: Final = ("torch", "onnx", "onnxscript", "jinja2", "accelerate", "wordfreq")
_WEB: Final = ("fastapi", "uvicorn", "starlette", "multipart", "python_multipart")
_EXTRAS: Final = dict.fromkeys(_TRAIN, "train") | dict.fromkeys(_WEB, "web")
"""Packages that only an extra installs: told apart from a broken installation."""

_FAILURE: Final = 2
_INTERRUPTED: Final = 130


class _Commands(TyperGroup):
    """A group that imports a command when it is asked for it, and speaks one line when something fails."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(_HOMES)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in _HOMES:
            return None
        home = import_module(_HOMES[cmd_name])
        part = typer.Typer(rich_markup_mode=None)
        if hasattr(home, "register"):
            home.register(part)
        else:
            part.add_typer(home.app, name=cmd_name)
        return typer.main.get_group(part).commands[cmd_name]

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and not args[0].startswith("-") and args[0] not in _HOMES:
            from unscrawl.learn.names import unknown

            raise unknown("command", args[0], _HOMES)
        return super().resolve_command(ctx, args)

    def main(self, *args: Any, **options: Any) -> Any:
        """Run one command line and exit: 0 all well, 2 something failed, 130 interrupted."""
        speak_utf8()
        try:
            code = super().main(*args, **{**options, "standalone_mode": False})
        except UnscrawlError as error:
            say(str(error))
            code = _FAILURE
        except TyperException as error:
            context = getattr(error, "ctx", None)
            message = error.format_message().replace("Value error, ", "").rstrip(".")
            say(message + (f" (see {context.command_path} --help)" if context else ""))
            code = _FAILURE
        except (KeyboardInterrupt, typer.Abort):
            code = _INTERRUPTED
        except ModuleNotFoundError as error:
            package = (error.name or "").partition(".")[0]
            if package not in _EXTRAS:
                raise
            say(f"this needs {package}: pip install 'unscrawl[{_EXTRAS[package]}]'")
            code = _FAILURE
        except OSError as error:  # where none of our own errors was prepared, such as help on a full disk
            say(f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror or error))
            code = _FAILURE
        sys.exit(code or 0)


app = typer.Typer(
    cls=_Commands,
    help="Read handwriting in photographs, and teach the networks that do it.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback(invoke_without_command=True)
def _options(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        put(f"unscrawl {__version__}\n")
        raise typer.Exit
    if context.invoked_subcommand is None:
        put(context.get_help() + "\n")


def main() -> None:
    """Run the command line of this process: the entry point of `unscrawl`."""
    app(prog_name="unscrawl")
