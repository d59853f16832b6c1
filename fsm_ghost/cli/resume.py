"""`fsm-ghost resume`: go on with a migration that was stopped, killed, has failed, or was left by another host."""

from __future__ import annotations

from functools import partial

from fsm_ghost.cli.arguments import Values
from fsm_ghost.cli.known import refuse_taken_over, server_of
from fsm_ghost.cli.password import account_at, password_of
from fsm_ghost.cli.running import carry_out
from fsm_ghost.cli.store import making, writing
from fsm_ghost.cli.to_settings import change, here, server
from fsm_ghost.engine.store import Record, Store
from fsm_ghost.errors import UsageError
from fsm_ghost.model.naming import TableName
from fsm_ghost.model.phase import Phase
from fsm_ghost.settings import ServerSettings

_WITH_FROM_SERVER = ("take-over", "database", "table", "hooks-path", "postpone-cut-over-flag-file")


def run(values: Values) -> int:
    """Go on; the exit code."""
    order = "retry" if values.is_on("retry") else None
    if values.is_on("from-server"):
        return _from_server(values, order)
    _refuse_what_needs_the_server(values)
    with writing(values) as store:
        record = store.find(values.word)
        _refuse_the_hopeless(store, record, retry=values.is_on("retry"))
        return carry_out(values, store, lambda: record.id, server_of(record, values), order, change(values))


def _from_server(values: Values, order: str | None) -> int:
    """Go on with the migration that a table has on the server."""
    with making(values) as store:
        table, reach = _table_and_server(values, store)
        from fsm_ghost import migration

        def taken_over() -> str:
            adapted = partial(here, values)
            return migration.take_over(store, table, reach, force=values.is_on("take-over"), adapted=adapted)

        return carry_out(values, store, taken_over, reach, order, change(values))


def _table_and_server(values: Values, store: Store) -> tuple[TableName, ServerSettings]:
    """What is meant: a table by its name, or that of a migration which the state file knows."""
    if values.word is not None:
        record = store.find(values.word)
        return record.table, server_of(record, values)
    schema, table = values.text("database"), values.text("table")
    if not schema or not table:
        raise UsageError(
            "--from-server needs the table whose migration is to go on",
            "fsm-ghost resume --from-server --host HOST --database NAME --table NAME",
        )
    given = server(values, "")
    return TableName(schema, table), server(values, password_of(values, account_at(given.user, given.address)))


def _refuse_what_needs_the_server(values: Values) -> None:
    """UsageError for what means nothing to a migration of this state file."""
    for name in _WITH_FROM_SERVER:
        if values.is_said(name):
            raise UsageError(f"--{name} belongs to --from-server", "See: fsm-ghost resume -h")


def _refuse_the_hopeless(store: Store, record: Record, *, retry: bool) -> None:
    """UsageError where going on means nothing; OwnedElsewhereError where another host does."""
    short = record.short_id
    refuse_taken_over(record)
    if record.is_finished and not store.has_pending_hooks(record.id):
        raise UsageError(
            f"migration {short} of {record.table} is finished: {record.phase}", "See: fsm-ghost list --all"
        )
    if record.phase is Phase.FAILED and not record.is_finished and not retry:
        raise UsageError(
            f"migration {short} of {record.table} has failed: {record.reason}",
            f"Once the cause is removed: fsm-ghost resume {short} --retry\nTo give it up: fsm-ghost abort {short}",
        )
