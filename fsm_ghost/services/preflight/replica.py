"""The migration runs where the application writes; or on a replica that logs what it is sent, where that is wanted."""

from fsm_ghost.model.finding import Finding
from fsm_ghost.services.preflight.subject import Subject


def check(subject: Subject) -> Finding | None:
    """Refuse a replica that is not wanted, a primary where a replica is, and a replica that keeps changes to itself."""
    if not subject.wants_replica:
        return Finding("the server is a replica", "Give the primary as --host.") if subject.is_replica else None
    if not subject.is_replica:
        return Finding("the server is not a replica", "Give a replica as --host; or leave out --migrate-on-replica.")
    # MySQL has the first name since 8.0.26, before that and on MariaDB it is the second.
    logs = subject.variable("log_replica_updates") or subject.variable("log_slave_updates")
    if logs != "ON":
        return Finding(
            "the replica does not log the changes that it is sent, so that they cannot be followed",
            "Start it with log_slave_updates (MariaDB) or log_replica_updates (MySQL).",
        )
    return None
