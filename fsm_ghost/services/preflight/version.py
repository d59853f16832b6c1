"""Rows are locked with NOWAIT, and names renamed as only newer servers do."""

import re

from fsm_ghost.model.finding import Finding
from fsm_ghost.services.preflight.subject import Subject

_MYSQL = (8, 0)
_MARIADB = (10, 5)


def check(subject: Subject) -> Finding | None:
    """Refuse MySQL before 8.0 and MariaDB before 10.5."""
    wanted, name = (_MYSQL, "MySQL") if subject.is_mysql else (_MARIADB, "MariaDB")
    found = re.match(r"(\d+)\.(\d+)", subject.server.version)
    if found is None or (int(found[1]), int(found[2])) >= wanted:
        return None
    return Finding(
        f"the server is {name} {subject.server.version}",
        f"{name} {wanted[0]}.{wanted[1]} or later is needed.",
    )
