"""Reasons to refuse a migration before anything is touched: one module each, all reported at once."""

from __future__ import annotations

from collections.abc import Callable

from fsm_ghost.model.table import Definition
from fsm_ghost.mysql import catalog
from fsm_ghost.mysql.session import Session
from fsm_ghost.services.preflight import (
    binary_log,
    cluster,
    commit_order,
    foreign_keys,
    leftovers,
    migration_key,
    privileges,
    replica,
    row_image,
    table_kind,
    triggers,
)
from fsm_ghost.services.preflight.subject import Refusal, Subject

Check = Callable[[Subject], Refusal | None]

CHECKS: tuple[Check, ...] = (
    table_kind.check,
    privileges.check,
    binary_log.check,
    row_image.check,
    commit_order.check,
    cluster.check,
    replica.check,
    migration_key.check,
    foreign_keys.check,
    triggers.check,
    leftovers.check,
)


def refusals(subject: Subject) -> tuple[Refusal, ...]:
    """Every reason to refuse; empty when the migration may begin."""
    return tuple(refusal for check in CHECKS if (refusal := check(subject)) is not None)


def of_ghost(session: Session, ghost: Definition) -> Refusal | None:
    """A reason not to go on with what the ALTER has made of the ghost table."""
    found = catalog.found_tables(session, (ghost.name,))[ghost.name]
    if found.kind != "BASE TABLE" or found.engine.upper() != "INNODB":
        return Refusal(
            f"the ALTER makes it a {found.kind.lower()} kept by {found.engine}",
            "Only InnoDB tables can be migrated to.",
        )
    if catalog.foreign_keys(session, ghost.name):
        return Refusal(
            "the ALTER adds a foreign key, which would not be checked for the rows there are", "Add it natively."
        )
    return None


__all__ = ["CHECKS", "Refusal", "Subject", "of_ghost", "refusals"]
