"""The server's own tables are changed by the server."""

from fsm_ghost.model.finding import Finding
from fsm_ghost.services.preflight.subject import Subject

_OWN = frozenset({"mysql", "sys", "performance_schema", "information_schema"})


def check(subject: Subject) -> Finding | None:
    """Refuse tables of the server itself."""
    schema = subject.names.original.schema
    if schema.lower() not in _OWN:
        return None
    return Finding(f"{schema} belongs to the server", "Let the server's own upgrade change it.")
