"""`fsm-ghost cleanup`: drop what a stopped migration left on the server."""

from __future__ import annotations

from fsm_ghost.cli.arguments import Values
from fsm_ghost.cli.exit_codes import ExitCode
from fsm_ghost.cli.known import named, server_of
from fsm_ghost.cli.store import writing


def run(values: Values) -> int:
    """Drop it, and say what was dropped."""
    with writing(values) as store:
        record = store.find(named(values))
        server = server_of(record, values)
        from fsm_ghost import migration

        for line in migration.take_away(store, record.id, server):
            print(line)
    return ExitCode.DONE
