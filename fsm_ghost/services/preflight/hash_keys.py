"""MariaDB keeps what is too long for a B-tree unique by a hash, and logs that hash as a hidden column."""

from fsm_ghost.model.finding import Finding
from fsm_ghost.services.preflight.subject import Subject, few


def check(subject: Subject) -> Finding | None:
    """Refuse tables with such keys: their rows in the binary log have columns that the catalogue does not know."""
    indexes = subject.definition.indexes if subject.definition else ()
    found = [index.name for index in indexes if index.unique and index.type == "HASH"]
    if not found or subject.definition is None or subject.definition.engine.upper() != "INNODB":
        return None
    return Finding(
        f"{subject.names.original} has unique keys USING HASH, for which MariaDB logs hidden columns",
        "Use a native ALTER TABLE, or drop them before and add them again afterwards.",
        few(found),
    )
