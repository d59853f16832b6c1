"""`fsm-ghost abort`: give a migration up, whether it is running or not."""

from __future__ import annotations

from fsm_ghost.cli.arguments import Values
from fsm_ghost.cli.complaint import complain
from fsm_ghost.cli.exit_codes import ExitCode
from fsm_ghost.cli.known import named, refuse_taken_over, server_of
from fsm_ghost.cli.running import carry_out
from fsm_ghost.cli.store import writing
from fsm_ghost.cli.ui import screen
from fsm_ghost.cli.watching import follow
from fsm_ghost.engine.store import Record, Store
from fsm_ghost.errors import UsageError
from fsm_ghost.model.phase import Phase
from fsm_ghost.model.snapshot import Snapshot


def run(values: Values) -> int:
    """Give it up; 0 when it has been aborted, as asked."""
    with writing(values) as store:
        record = store.find(named(values))
        refuse_taken_over(record)
        if record.is_finished:
            raise UsageError(f"migration {record.short_id} of {record.table} is finished: {record.phase}")
        if store.is_running(record.id) and _ask(values, store, record):
            return _judged(store, record)
        code = carry_out(values, store, lambda: record.id, server_of(record, values), "abort")
        if code == ExitCode.DONE:
            return _judged(store, record)  # it was too late
        return ExitCode.DONE if code == ExitCode.ABORTED else code


def _ask(values: Values, store: Store, record: Record) -> bool:
    """Ask the process that runs a migration to give it up, and wait; whether the migration ended."""
    command = store.order(record.id, "abort")
    print(f"asked {record.owner} to abort migration {record.short_id} of {record.table}")

    def is_over(snapshot: Snapshot) -> bool:
        return snapshot.finished_at is not None or not snapshot.alive

    with screen(values.text("ui"), where=record.host) as shown:
        last = follow(store, record.id, shown.publish, is_over)
    if last.finished_at is None and not store.was_taken(command):
        print("it ended before it took the command; giving the migration up from here")
    return store.find(record.id).is_finished


def _judged(store: Store, record: Record) -> int:
    ended = store.find(record.id)
    if ended.phase is Phase.ABORTED:
        print(f"aborted: {ended.table} is as it was")
        return ExitCode.DONE
    complain(f"it was too late to abort migration {ended.short_id}: it is {ended.phase}")
    return ExitCode.FAILED
