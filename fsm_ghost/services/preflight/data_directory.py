"""CREATE TABLE … LIKE, which makes the ghost table, leaves out where the model's files lie."""

import re

from fsm_ghost.model.finding import Finding
from fsm_ghost.services.preflight.subject import Subject, few

_OPTION = re.compile(r"^.*\b(?:DATA|INDEX) DIRECTORY ?= ?'([^']*)'", re.MULTILINE)


def check(subject: Subject) -> Finding | None:
    """Warn of tables, or partitions, with a DATA DIRECTORY."""
    create = subject.definition.create if subject.definition else ""
    found = [
        line[1] for line in _OPTION.finditer(create) if line[0].startswith((")", " PARTITION", "(PARTITION", "/*"))
    ]
    if not found:
        return None
    return Finding(
        "the new table will lie in the server's own directory, not in its DATA DIRECTORY",
        "See that there is room, or use a native ALTER TABLE.",
        few(list(dict.fromkeys(found))),
    )
