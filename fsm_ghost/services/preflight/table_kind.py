"""Only base tables of InnoDB can be copied while they are written to."""

from fsm_ghost.model.finding import Finding
from fsm_ghost.services.preflight.subject import Subject

_NATIVELY = "Use a native ALTER statement."
_REMEDIES = {
    "VIEW": "Migrate the table that it is made of.",
    "SYSTEM VERSIONED": "Use a native ALTER TABLE, with system_versioning_alter_history = KEEP: a copy has no history.",
}


def check(subject: Subject) -> Finding | None:
    """Refuse what is missing, or not a table with row locks and snapshots."""
    name, found = subject.names.original, subject.found
    if found is None and subject.missing_grants:
        return None  # it may only be hidden from this account
    if found is None:
        return Finding(f"there is no table {name}", "Check --database and --table.")
    if found.kind != "BASE TABLE":
        return Finding(f"{name} is a {found.kind.lower()}, not a base table", _REMEDIES.get(found.kind, _NATIVELY))
    if found.engine.upper() != "INNODB":
        return Finding(
            f"{name} is kept by {found.engine}, not by InnoDB", "Use a native ALTER TABLE … ENGINE = InnoDB."
        )
    return None
