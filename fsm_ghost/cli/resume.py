"""`fsm-ghost resume`: go on with a migration that was stopped, killed, or has failed."""

from __future__ import annotations

from fsm_ghost.cli.arguments import Values
from fsm_ghost.cli.known import server_of
from fsm_ghost.cli.running import carry_out
from fsm_ghost.cli.store import writing
from fsm_ghost.engine.store import Record
from fsm_ghost.errors import UsageError
from fsm_ghost.model.phase import Phase


def run(values: Values) -> int:
    """Go on; the exit code."""
    with writing(values) as store:
        record = store.find(values.word)
        if not (record.is_finished and store.has_pending_hooks(record.id)):
            _refuse_the_hopeless(record, retry=values.is_on("retry"))
        order = "retry" if values.is_on("retry") else None
        return carry_out(values, store, lambda: record.id, server_of(record, values), order)


def _refuse_the_hopeless(record: Record, *, retry: bool) -> None:
    """UsageError where going on means nothing."""
    short = record.short_id
    if record.is_finished:
        raise UsageError(
            f"migration {short} of {record.table} is finished: {record.phase}", "See: fsm-ghost list --all"
        )
    if record.phase is Phase.FAILED and not retry:
        raise UsageError(
            f"migration {short} of {record.table} has failed: {record.reason}",
            f"Once the cause is removed: fsm-ghost resume {short} --retry\nTo give it up: fsm-ghost abort {short}",
        )
