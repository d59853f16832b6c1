"""What is found out before anything is touched: reasons to refuse a migration, and what to know when it begins.

One module for each check; all of them are asked, so that everything is reported at once.
"""

from __future__ import annotations

from collections.abc import Callable

from fsm_ghost.model.finding import Finding
from fsm_ghost.model.table import Definition
from fsm_ghost.mysql import catalog, relations
from fsm_ghost.mysql.session import Session
from fsm_ghost.services.preflight import (
    binary_log,
    binlog_filters,
    check_names,
    cluster,
    commit_order,
    data_directory,
    foreign_keys,
    hash_keys,
    leftovers,
    long_transactions,
    migration_key,
    overlaps,
    partitions,
    prepared_transactions,
    privileges,
    read_only,
    renamed_checks,
    replica,
    retention,
    room,
    row_image,
    session_affinity,
    sessions_logging_otherwise,
    shared_tablespace,
    system_schema,
    table_kind,
    triggers,
    unlogged_statements,
    version,
)
from fsm_ghost.services.preflight.subject import Subject

Check = Callable[[Subject], Finding | None]

REFUSALS: tuple[Check, ...] = (
    version.check,
    session_affinity.check,
    table_kind.check,
    system_schema.check,
    privileges.check,
    binary_log.check,
    binlog_filters.check,
    row_image.check,
    commit_order.check,
    cluster.check,
    replica.check,
    read_only.check,
    migration_key.check,
    overlaps.check,
    hash_keys.check,
    foreign_keys.check,
    triggers.check,
    check_names.check,
    leftovers.check,
)
WARNINGS: tuple[Check, ...] = (
    room.check,
    shared_tablespace.check,
    data_directory.check,
    retention.check,
    prepared_transactions.check,
    long_transactions.check,
    sessions_logging_otherwise.check,
    unlogged_statements.check,
    partitions.check,
    renamed_checks.check,
)


def refusals(subject: Subject) -> tuple[Finding, ...]:
    """Every reason to refuse; empty when the migration may begin."""
    return _found(REFUSALS, subject)


def warnings(subject: Subject) -> tuple[Finding, ...]:
    """Everything that is no reason to refuse, and may still be in the way."""
    return _found(WARNINGS, subject)


def _found(checks: tuple[Check, ...], subject: Subject) -> tuple[Finding, ...]:
    return tuple(finding for check in checks if (finding := check(subject)) is not None)


def of_ghost(session: Session, ghost: Definition) -> Finding | None:
    """A reason not to go on with what the ALTER has made of the ghost table."""
    found = catalog.found_tables(session, (ghost.name,))[ghost.name]
    if found.kind != "BASE TABLE" or found.engine.upper() != "INNODB":
        return Finding(
            f"the ALTER makes it a {found.kind.lower()} kept by {found.engine}",
            "Only InnoDB tables can be migrated to.",
        )
    if relations.foreign_keys(session, ghost.name):
        return Finding(
            "the ALTER adds a foreign key, which would not be checked for the rows there are", "Add it natively."
        )
    if relations.has_overlaps_key(ghost.create):
        return Finding("the ALTER adds a key WITHOUT OVERLAPS", "Add it natively.")
    return None


__all__ = ["REFUSALS", "WARNINGS", "Finding", "Subject", "of_ghost", "refusals", "warnings"]
