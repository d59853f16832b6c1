"""Triggers stay with the table that they were made on."""

from fsm_ghost.model.finding import Finding
from fsm_ghost.services.preflight.subject import Subject, few


def check(subject: Subject) -> Finding | None:
    """Refuse tables with triggers: the new table would not have them."""
    if not subject.triggers:
        return None
    return Finding(
        f"{subject.names.original} has triggers, which the new table would lack",
        "Drop them before, and create them again afterwards.",
        few(subject.triggers),
    )
