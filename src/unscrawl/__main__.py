"""`python -m unscrawl` is the command `unscrawl`."""

from __future__ import annotations

from unscrawl.cli import main

if __name__ == "__main__":
    main()
