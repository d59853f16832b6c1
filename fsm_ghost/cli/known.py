"""Migrations that the state file knows: finding the one that is meant, and reaching its server again."""

from __future__ import annotations

from dataclasses import replace

from fsm_ghost.cli.arguments import Values
from fsm_ghost.engine.store import Record, Store
from fsm_ghost.errors import OwnedElsewhereError, UsageError
from fsm_ghost.settings import ServerSettings


def named(values: Values) -> str:
    """The id, for commands that do not guess."""
    if values.word is None:
        raise UsageError(f"{values.command} needs the ID of a migration", "See: fsm-ghost list")
    return values.word


def refuse_taken_over(record: Record) -> None:
    """OwnedElsewhereError when another state file has taken a migration over, and how to take it back."""
    if record.taken_over:
        raise OwnedElsewhereError(
            record.taken_over, f"To take it back: fsm-ghost resume {record.short_id} --from-server"
        )


def newest(store: Store, values: Values) -> Record:
    """The migration that is meant; without an id the only unfinished one, or the newest when all are finished."""
    records = store.migrations() if values.word is None else ()
    if records and all(record.is_finished for record in records):
        return records[0]
    return store.find(values.word)


def server_of(record: Record, values: Values) -> ServerSettings:
    """How to reach a migration's server: as remembered, but for what is given again; with the password."""
    from fsm_ghost.cli.password import account_at, password_of
    from fsm_ghost.cli.to_settings import server

    reach = server(values, "", record.asked.server)
    return replace(reach, password=password_of(values, account_at(reach.user, record.host)))
