"""The server must take writes."""

from fsm_ghost.model.finding import Finding
from fsm_ghost.services.preflight.subject import Subject

_VARIABLES = (
    "read_only",
    "super_read_only",
    "innodb_read_only",
    "offline_mode",
)
_USUAL_ON_REPLICAS = "read_only"  # which does not keep those out who may write nevertheless
_LEAST_THAT_FORBIDS = 3  # of innodb_force_recovery


def check(subject: Subject) -> Finding | None:
    """Refuse a server that takes no writes, or not from everybody."""
    found = [name for name in _VARIABLES if subject.variable(name) not in {"", "OFF", "0"}]
    if subject.wants_replica and _USUAL_ON_REPLICAS in found and "super_read_only" not in found:
        found.remove(_USUAL_ON_REPLICAS)
    if subject.number("innodb_force_recovery") >= _LEAST_THAT_FORBIDS:
        found.append("innodb_force_recovery")
    if not found:
        return None
    return Finding(
        "the server is read-only",
        "Give the primary as --host.",
        tuple(f"{name} = {subject.variables[name]}" for name in found),
    )
