"""How a migration is shown while it runs: live on a terminal, as lines (plain, gh-ost's, JSON), or not at all."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Protocol, Self, TextIO

from fsm_ghost.cli.ui.ended import Ended
from fsm_ghost.model.snapshot import Snapshot


class Screen(Protocol):
    """Shows a migration between `with` and its end; `publish` is called often and must be cheap."""

    def __enter__(self) -> Self:
        """Begin to show."""
        ...

    def __exit__(self, kind: object, error: object, traceback: object, /) -> None:
        """Show the last picture, and leave the terminal as it was."""
        ...

    def publish(self, snapshot: Snapshot) -> None:
        """The newest picture."""
        ...

    def stopping(self) -> None:
        """The user wants it to stop; called from a signal handler."""
        ...

    def abandon(self) -> None:
        """Leave the terminal as it was, at once; called from a signal handler before the process ends."""
        ...

    def ended(self, how: Ended) -> None:
        """Say how it ended, after the last picture."""
        ...


def choose(wanted: str, stream: TextIO, environment: Mapping[str, str] = os.environ) -> str:
    """The kind of display that `auto` stands for here; others are taken as they are."""
    if wanted != "auto":
        return wanted
    dumb = environment.get("TERM", "") in {"", "dumb", "unknown"} or bool(environment.get("CI"))
    return "live" if stream.isatty() and not dumb else "plain"


def screen(wanted: str, *, where: str = "", log_level: int | None = None) -> Screen:
    """The display; `where` is the server's address, `log_level` the least severity of log lines to be shown.

    Besides those that can be asked for there is "plan": one document in the end.
    """
    kind = choose(wanted, sys.stdout)
    if kind == "plan":
        from fsm_ghost.cli.ui.json import PlanScreen

        return PlanScreen(log_level)
    if kind == "live":
        from fsm_ghost.cli.ui.live import LiveScreen

        return LiveScreen(where, log_level)
    if kind == "json":
        from fsm_ghost.cli.ui.json import JsonScreen

        return JsonScreen(log_level)
    if kind == "gh-ost":
        from fsm_ghost.cli.ui.gh_ost import GhOstScreen

        return GhOstScreen(where, log_level)
    from fsm_ghost.cli.ui.plain import NoScreen, PlainScreen

    return PlainScreen(log_level) if kind == "plain" else NoScreen(log_level)
