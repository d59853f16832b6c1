"""A foreign key belongs to a table, not to its name: after a swap it would be on the old table."""

from fsm_ghost.model.finding import Finding
from fsm_ghost.services.preflight.subject import Subject, few


def check(subject: Subject) -> Finding | None:
    """Refuse tables that have foreign keys, or that others refer to."""
    keys = subject.foreign_keys
    if not keys:
        return None
    drops = " ".join(dict.fromkeys(key.drop for key in keys))
    return Finding(
        f"foreign keys would stay with the old table{_unlogged(subject)}",
        f"Drop them before, and add them again afterwards: {drops}",
        few([str(key) for key in keys]),
    )


def _unlogged(subject: Subject) -> str:
    """What else is in the way: InnoDB changes rows by itself, and they are not in the binary log."""
    acts = any(key.child == subject.names.original and key.actions for key in subject.foreign_keys)
    if not acts or subject.variable("innodb_native_foreign_keys") == "OFF":
        return ""
    server = "this MySQL" if subject.is_mysql else "MariaDB"
    return f"; and {server} does not log what a cascade does to rows of {subject.names.original}"
