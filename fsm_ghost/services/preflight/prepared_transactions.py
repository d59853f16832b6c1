"""Rows of a prepared XA transaction are in the binary log, and not yet to be seen: row copy waits for its end."""

from fsm_ghost.model.finding import Finding
from fsm_ghost.services.preflight.subject import Subject, few


def check(subject: Subject) -> Finding | None:
    """Warn of prepared XA transactions, of whatever table."""
    if not subject.prepared:
        return None
    return Finding(
        "row copy will not begin before these prepared XA transactions have ended",
        "Have them committed or rolled back.",
        few(sorted(subject.prepared)),
    )
