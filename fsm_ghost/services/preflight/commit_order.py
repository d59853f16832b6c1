"""Commits must become visible in the order of the binary log (protocol R1)."""

from fsm_ghost.model.finding import Finding
from fsm_ghost.services.preflight.subject import Subject


def check(subject: Subject) -> Finding | None:
    """Refuse MySQL with binlog_order_commits=OFF; MariaDB always keeps the order."""
    if not subject.is_mysql or subject.variable("binlog_order_commits") in {"", "ON"}:
        return None
    return Finding("binlog_order_commits is OFF", "SET GLOBAL binlog_order_commits = ON;")
