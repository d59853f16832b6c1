"""Rows are copied and refreshed by a unique key that no row can do without."""

from fsm_ghost.model.finding import Finding
from fsm_ghost.services.planner import usable_keys
from fsm_ghost.services.preflight.subject import Subject


def check(subject: Subject) -> Finding | None:
    """Refuse a table without one."""
    if subject.definition is None or usable_keys(subject.definition):
        return None
    if subject.definition.engine.upper() != "INNODB":
        return None  # that is what has to be changed first
    return Finding(
        f"{subject.names.original} has no usable key: a primary or unique key of NOT NULL columns, without prefixes,"
        " of integers, decimals, text, bytes, dates, times or UUIDs",
        "Add one first; a native ALTER TABLE … ADD PRIMARY KEY may be needed.",
    )
