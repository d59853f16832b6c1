"""Carrying out a migration: a display, signals that stop it, and how it ended."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import FrameType
from typing import TYPE_CHECKING

from fsm_ghost.cli.arguments import Values
from fsm_ghost.cli.control.serving import Serving
from fsm_ghost.cli.exit_codes import ExitCode
from fsm_ghost.cli.report import keep
from fsm_ghost.cli.ui import Screen, screen
from fsm_ghost.cli.ui.ended import Ended
from fsm_ghost.engine.store import Change, Store
from fsm_ghost.model.snapshot import Snapshot
from fsm_ghost.settings import ServerSettings

if TYPE_CHECKING:
    from fsm_ghost.migration import Ending

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def carry_out(
    values: Values,
    store: Store,
    found: Callable[[], str],
    server: ServerSettings,
    order: str | None = None,
    change: Change | None = None,
) -> int:
    """Run the migration whose id `found` returns to its end, showing it; the exit code.

    `order` and `change` are as `migration.drive` takes them. FsmGhostError when it cannot be found or begun, or when
    the run ends before the migration does.
    """
    kind = "plan" if values.is_on("json") else values.text("ui")
    shown = screen(kind, where=server.address, log_level=log_level(values))
    with shown:
        migration = found()
        with stopped_by_signals(shown) as stop, Serving(store, migration) as serving:
            ending = _drive(store, migration, server, shown, stop, order, change, serving)
        kept = keep(store, migration, values.text("report-path"))
    shown.ended(_ended(store, ending, kept))
    return ending.exit_code


def _drive(
    store: Store,
    migration: str,
    server: ServerSettings,
    shown: Screen,
    stop: threading.Event,
    order: str | None,
    change: Change | None,
    serving: Serving,
) -> Ending:
    from fsm_ghost.migration import drive

    if not store.is_running(migration):  # otherwise it is about to be refused, and not ours to show
        shown.publish(replace(store.snapshot(store.find(migration)), alive=True))

    def publish(snapshot: Snapshot) -> None:
        if order != "abort":  # which nothing that was asked for besides may keep from its end
            serving.begin()
        shown.publish(snapshot)

    ending = drive(store, migration, server, publish=publish, stop=stop, order=order, change=change)
    shown.publish(ending.snapshot)
    return ending


def _ended(store: Store, ending: Ending, kept: tuple[str, ...]) -> Ended:
    reason = "" if ending.exit_code == ExitCode.DONE else why(store, ending.snapshot.id)
    return Ended(ending.snapshot, ending.exit_code, (*ending.report, *kept), reason)


def why(store: Store, migration: str) -> str:
    """Why a migration ended as it did: the last reason in its journal."""
    reasons = [entry.reason for entry in store.journal(migration) if entry.reason]
    return reasons[-1] if reasons else ""


def log_level(values: Values) -> int | None:
    """The level that --debug, --verbose or --quiet stand for, as `logging` counts; None when none is given."""
    import logging

    levels = {"debug": logging.DEBUG, "verbose": logging.INFO, "quiet": logging.ERROR}
    return next((level for name, level in levels.items() if values.is_on(name)), None)


@contextmanager
def stopped_by_signals(shown: Screen) -> Iterator[threading.Event]:
    """An event that is set when the process is asked to stop; a second Ctrl-C ends it at once."""
    stop = threading.Event()

    def handle(number: int, _: FrameType | None) -> None:
        if stop.is_set() and number == signal.SIGINT:
            shown.abandon()
            os._exit(ExitCode.INTERRUPTED)
        stop.set()
        shown.stopping()

    before = {number: signal.getsignal(number) for number in _SIGNALS}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:  # nohup and background jobs have their reasons
            signal.signal(number, handle)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
