"""`fsm-ghost plan`: what a migration would do, what stands in its way, and what it would cost."""

from __future__ import annotations

from dataclasses import replace

from fsm_ghost.cli.arguments import Values
from fsm_ghost.cli.password import account_at, password_of
from fsm_ghost.cli.running import carry_out
from fsm_ghost.cli.store import making
from fsm_ghost.cli.to_settings import settings


def run(values: Values) -> int:
    """Find out, and print it; the exit code. Nothing is left on the server."""
    asked = replace(settings(values, ""), execute=False)
    account = account_at(asked.server.user, asked.server.address)
    asked = replace(asked, server=replace(asked.server, password=password_of(values, account)))
    with making(values) as store:
        from fsm_ghost import migration

        return carry_out(values, store, lambda: migration.begin(asked, store), asked.server)
