"""Only base tables of InnoDB can be copied while they are written to."""

from fsm_ghost.services.preflight.subject import Refusal, Subject


def check(subject: Subject) -> Refusal | None:
    """Refuse what is missing, or not a table with row locks and snapshots."""
    name, found = subject.names.original, subject.found
    if found is None and subject.missing_grants:
        return None  # it may only be hidden from this account
    if found is None:
        return Refusal(f"there is no table {name}", "Check --database and --table.")
    if found.kind != "BASE TABLE":
        return Refusal(f"{name} is a {found.kind.lower()}, not a base table", "Migrate the table that it is made of.")
    if found.engine.upper() != "INNODB":
        return Refusal(
            f"{name} is kept by {found.engine}, not by InnoDB", "Use a native ALTER TABLE … ENGINE = InnoDB."
        )
    return None
