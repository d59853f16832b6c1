"""A foreign key belongs to a table, not to its name: after a swap it would be on the old table."""

from fsm_ghost.services.preflight.subject import Refusal, Subject


def check(subject: Subject) -> Refusal | None:
    """Refuse tables that have foreign keys, or that others refer to."""
    if not subject.foreign_keys:
        return None
    listed = ", ".join(f"{key.name} ({key.child} refers to {key.parent})" for key in subject.foreign_keys)
    return Refusal(
        f"foreign keys would stay with the old table: {listed}", "Drop them before, and add them again afterwards."
    )
