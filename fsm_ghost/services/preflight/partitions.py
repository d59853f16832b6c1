"""Partitions are copied with the table, and nobody may add or drop one meanwhile."""

import re

from fsm_ghost.model.finding import Finding
from fsm_ghost.services.preflight.subject import Subject

_CLAUSE = re.compile(r"^(?:/\*!\d+)? ?PARTITION BY .*", re.MULTILINE)


def check(subject: Subject) -> Finding | None:
    """Warn of a partitioned table: jobs that add and drop partitions stop the run."""
    found = _CLAUSE.search(subject.definition.create) if subject.definition else None
    if found is None:
        return None
    return Finding(
        "a change of partitions during the migration stops it",
        "Suspend jobs and events that add or drop partitions of the table.",
        (found[0].strip(),),
    )
