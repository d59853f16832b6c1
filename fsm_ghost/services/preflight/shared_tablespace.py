"""What is written into InnoDB's shared tablespace makes it larger for good."""

from fsm_ghost.model.finding import Finding
from fsm_ghost.services.preflight.subject import Subject


def check(subject: Subject) -> Finding | None:
    """Warn of innodb_file_per_table = OFF."""
    if subject.variable("innodb_file_per_table") != "OFF":
        return None
    return Finding(
        "the new table will lie in the shared tablespace, which never gets smaller again",
        "SET GLOBAL innodb_file_per_table = ON;",
        ("innodb_file_per_table = OFF",),
    )
