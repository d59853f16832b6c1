"""Watching a migration that another process drives, through the state file."""

from __future__ import annotations

import time
from collections.abc import Callable

from fsm_ghost.cli.arguments import Values
from fsm_ghost.cli.exit_codes import ExitCode
from fsm_ghost.cli.ui import screen
from fsm_ghost.engine.store import Record, Store
from fsm_ghost.model.snapshot import Snapshot

EVERY = 0.25  # seconds between looks


def watch(values: Values, store: Store, record: Record) -> int:
    """Show a migration until it is finished, or Ctrl-C."""
    kind = "json" if values.is_on("json") else values.text("ui")
    shown = screen(kind, where=record.host)
    with shown:
        try:
            follow(store, record.id, shown.publish, lambda snapshot: snapshot.finished_at is not None)
        except KeyboardInterrupt:
            return ExitCode.DONE
    return ExitCode.DONE


def follow(
    store: Store, migration: str, publish: Callable[[Snapshot], None], is_over: Callable[[Snapshot], bool]
) -> Snapshot:
    """Publish what the state file shows until `is_over`; the last picture."""
    while True:
        snapshot = store.snapshot(store.find(migration))
        publish(snapshot)
        if is_over(snapshot):
            return snapshot
        time.sleep(EVERY)
