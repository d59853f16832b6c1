"""`fsm-ghost status`: one migration, once or until it ends."""

from __future__ import annotations

import time

from fsm_ghost.cli.arguments import Values
from fsm_ghost.cli.exit_codes import ExitCode
from fsm_ghost.cli.known import newest
from fsm_ghost.cli.store import reading
from fsm_ghost.engine.store import Record, Store


def run(values: Values) -> int:
    """Show it."""
    with reading(values) as store:
        record = newest(store, values)
        if values.is_on("watch"):
            from fsm_ghost.cli.watching import watch

            return watch(values, store, record)
        if values.is_on("json"):
            _print_document(store, record)
        else:
            _print_panel(store, record)
    return ExitCode.DONE


def _print_document(store: Store, record: Record) -> None:
    from fsm_ghost.cli.ui.document import of_status
    from fsm_ghost.model.picture import dumps

    print(dumps(of_status(store.snapshot(record), store.journal(record.id), time.time()), indent=2))


def _print_panel(store: Store, record: Record) -> None:
    from fsm_ghost.cli.ui.summary import console, print_status

    print_status(store.snapshot(record), store.journal(record.id), record.host, time.time(), console())
