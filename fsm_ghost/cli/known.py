"""Migrations that the state file knows: finding the one that is meant, and reaching its server again."""

from __future__ import annotations

from fsm_ghost.cli.arguments import Values
from fsm_ghost.engine.store import Record, Store
from fsm_ghost.errors import UsageError
from fsm_ghost.settings import ServerSettings


def named(values: Values) -> str:
    """The id, for commands that do not guess."""
    if values.word is None:
        raise UsageError(f"{values.command} needs the ID of a migration", "See: fsm-ghost list")
    return values.word


def newest(store: Store, values: Values) -> Record:
    """The migration that is meant; without an id the only unfinished one, or the newest when all are finished."""
    records = store.migrations() if values.word is None else ()
    if records and all(record.is_finished for record in records):
        return records[0]
    return store.find(values.word)


def server_of(record: Record, values: Values) -> ServerSettings:
    """How to reach a migration's server: as remembered, but for what is given again; with the password."""
    from fsm_ghost.cli.password import password_of
    from fsm_ghost.cli.to_settings import server

    known = record.asked.server
    user = values.text("user") or known.user
    return server(values, password_of(values, f"{user}@{record.host}" if user else record.host), known)
