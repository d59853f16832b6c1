"""Triggers stay with the table that they were made on."""

from fsm_ghost.services.preflight.subject import Refusal, Subject


def check(subject: Subject) -> Refusal | None:
    """Refuse tables with triggers: the new table would not have them."""
    if not subject.triggers:
        return None
    return Refusal(
        f"{subject.names.original} has triggers, which the new table would lack: {', '.join(subject.triggers)}",
        "Drop them before, and create them again afterwards.",
    )
