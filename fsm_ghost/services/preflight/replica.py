"""The migration runs where the application writes."""

from fsm_ghost.services.preflight.subject import Finding, Subject


def check(subject: Subject) -> Finding | None:
    """Refuse a replica."""
    return Finding("the server is a replica", "Give the primary as --host.") if subject.is_replica else None
