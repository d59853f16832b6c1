"""The migration runs where the application writes."""

from fsm_ghost.services.preflight.subject import Refusal, Subject


def check(subject: Subject) -> Refusal | None:
    """Refuse a replica, and a server that takes no writes."""
    if subject.is_replica:
        return Refusal("the server is a replica", "Give the primary as --host.")
    if subject.variable("read_only") in {"ON", "1"} or subject.variable("super_read_only") == "ON":
        return Refusal("the server is read-only", "Give the primary as --host.")
    return None
