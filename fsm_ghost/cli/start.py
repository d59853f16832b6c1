"""`fsm-ghost start`: begin a migration, and run it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from fsm_ghost.cli.arguments import Values
from fsm_ghost.cli.password import account_at, password_of
from fsm_ghost.cli.running import carry_out
from fsm_ghost.cli.store import making
from fsm_ghost.cli.to_settings import settings
from fsm_ghost.errors import UsageError


def run(values: Values) -> int:
    """Begin and run; the exit code."""
    asked = settings(values, "")
    account = account_at(asked.server.user, asked.server.address)
    asked = replace(asked, server=replace(asked.server, password=password_of(values, account)))
    if asked.execute and values.is_on("make-postpone-flag-file"):
        _make(asked.cut_over.postpone_flag_file)
    with making(values) as store:
        from fsm_ghost import migration

        return carry_out(values, store, lambda: migration.begin(asked, store), asked.server)


def _make(flag_file: str) -> None:
    """Make the file that holds up the swap, if one is named; UsageError where that cannot be done."""
    try:
        if flag_file:
            Path(flag_file).touch()
    except OSError as error:
        raise UsageError(f"--postpone-cut-over-flag-file {flag_file} cannot be made: {error.strerror}") from error
