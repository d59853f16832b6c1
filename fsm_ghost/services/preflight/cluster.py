"""Galera and Group Replication take writes on several servers; a lock on one of them stops only its own."""

from fsm_ghost.model.finding import Finding
from fsm_ghost.services.preflight.subject import Subject


def check(subject: Subject) -> Finding | None:
    """Refuse members of such clusters."""
    if subject.variable("wsrep_on") == "ON" and subject.variable("wsrep_provider") not in {"", "NONE"}:
        return Finding(
            "the server is a Galera node: LOCK TABLES does not reach the others",
            "Use its own online DDL (wsrep_OSU_method).",
        )
    if (
        subject.variables.get("group_replication_group_name")
        and subject.variable("group_replication_single_primary_mode") == "OFF"
    ):
        return Finding(
            "the server takes part in multi-primary group replication",
            "Switch to single-primary mode for the migration.",
        )
    return None
