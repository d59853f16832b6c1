"""The terminal's settings while something is drawn on it."""

from __future__ import annotations

import termios
from collections.abc import Iterator
from contextlib import contextmanager

_LOCAL_MODES = 3  # place of c_lflag in what tcgetattr returns


@contextmanager
def quiet_control_keys(terminal: int = 0) -> Iterator[None]:
    """Keep the terminal from writing ^C into the picture. Nothing else is changed: a killed run leaves it usable."""
    try:
        before = termios.tcgetattr(terminal)
    except (OSError, termios.error):
        yield  # no terminal to be typed at
        return
    quiet = [*before]
    quiet[_LOCAL_MODES] = before[_LOCAL_MODES] & ~termios.ECHOCTL
    termios.tcsetattr(terminal, termios.TCSANOW, quiet)
    try:
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSANOW, before)
