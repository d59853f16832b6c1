"""What went wrong, on stderr: one clear line, and below it what to do."""

from __future__ import annotations

import os
import sys
from typing import TextIO


def complain(message: str, remedy: str = "", stream: TextIO | None = None) -> None:
    """Print an error: its message, and the remedy's lines below it."""
    where = stream or sys.stderr
    first, *more = message.splitlines() or [""]
    print(f"{_in_red('fsm-ghost:', where)} {first}", file=where)
    for line in [*more, *remedy.splitlines()]:
        print(f"  {line}" if line.strip() else "", file=where)


def _in_red(text: str, where: TextIO) -> str:
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") in {None, "dumb"} or not where.isatty()
    return text if plain else f"\x1b[1;31m{text}\x1b[0m"
