"""`unscrawl serve` as a command."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.request import urlopen

from conftest import Ran


def test_taken_port_is_one_clear_line(unscrawl: Callable[..., Ran]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ran = unscrawl("serve", "--port", str(port), "--data", "pages.sqlite")
    why = f"cannot listen on 127.0.0.1, port {port} (Address already in use): choose another --port"
    assert (ran.code, ran.complaints) == (2, [f"unscrawl: {why}"])


def test_address_that_does_not_exist_is_one_clear_line(unscrawl: Callable[..., Ran]) -> None:
    ran = unscrawl("serve", "--host", "nowhere.invalid", "--port", "0", "--data", "pages.sqlite")
    assert (ran.code, len(ran.complaints)) == (2, 1)
    assert ran.complaints[0].endswith("choose another --host")


def test_file_that_is_no_database_is_one_clear_line(unscrawl: Callable[..., Ran], tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear Edith," * 100)
    ran = unscrawl("serve", "--port", "0", "--data", "letter.txt")
    assert ran.code == 2
    assert ran.complaints[0].startswith("unscrawl: letter.txt: cannot be used (file is not a database)")


def test_page_is_served_where_it_says_until_interrupted(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "unscrawl", "serve", "--port", "0", "--data", "pages.sqlite"]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        line = process.stderr.readline()
        url = line.split()[2]
        assert line == f"unscrawl: open {url} in a browser; Ctrl-C ends\n"
        with urlopen(f"{url}api/about") as answer:
            assert json.load(answer)["max_upload"] == 30 << 20
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=60) == (None, "")
        assert process.returncode in (0, 130)
    finally:
        process.kill()
        process.communicate()
