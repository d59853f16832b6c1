"""A connection must be one session of the server: locks of tables, named locks, and KILL rely on it."""

from fsm_ghost.model.finding import Finding
from fsm_ghost.services.preflight.subject import Subject


def check(subject: Subject) -> Finding | None:
    """Refuse a proxy that deals out the statements of a connection to several, such as one that splits reads off."""
    if not subject.affinity:
        return None
    return Finding(
        "something between us and the server shares connections out: table locks, named locks and KILL would miss",
        "Give the server itself as --host and --port, or a port of the proxy that only passes bytes on.",
        (subject.affinity,),
    )
