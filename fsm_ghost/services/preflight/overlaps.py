"""Rows of a key WITHOUT OVERLAPS are alike when their periods meet, not when their values are equal."""

from fsm_ghost.model.finding import Finding
from fsm_ghost.mysql.relations import has_overlaps_key
from fsm_ghost.services.preflight.subject import Subject


def check(subject: Subject) -> Finding | None:
    """Refuse tables with such a key (MariaDB)."""
    if subject.definition is None or not has_overlaps_key(subject.definition.create):
        return None
    return Finding(
        f"{subject.names.original} has a key WITHOUT OVERLAPS, and MariaDB takes no INSERT … ON DUPLICATE KEY there",
        "Use a native ALTER TABLE.",
    )
