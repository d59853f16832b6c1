"""`fsm-ghost list`: the migrations of a state file."""

from __future__ import annotations

import time

from fsm_ghost.cli.arguments import Values
from fsm_ghost.cli.exit_codes import ExitCode
from fsm_ghost.cli.store import path_of, reading
from fsm_ghost.engine.store import Record
from fsm_ghost.model.snapshot import Snapshot


def run(values: Values) -> int:
    """Print them."""
    found = _snapshots(values)
    if values.is_on("json"):
        from fsm_ghost.cli.ui.document import of_list
        from fsm_ghost.model.picture import dumps

        print(dumps(of_list(found, time.time()), indent=2))
    elif found:
        from fsm_ghost.cli.ui.summary import console, print_list

        print_list(found, time.time(), console())
    else:
        print("No migration." if values.is_on("all") else "No unfinished migration. All of them: fsm-ghost list --all")
    return ExitCode.DONE


def _snapshots(values: Values) -> list[Snapshot]:
    """What is to be listed; nothing when there is no state file yet."""
    if not path_of(values).exists():
        return []
    with reading(values) as store:
        return [store.snapshot(record) for record in store.migrations() if values.is_on("all") or _is_open(record)]


def _is_open(record: Record) -> bool:
    """Whether it goes on, here or elsewhere as far as is known here."""
    return not record.is_finished or bool(record.taken_over)
