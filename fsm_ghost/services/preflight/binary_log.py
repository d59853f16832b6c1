"""Changes are read from the binary log, in row format."""

from fsm_ghost.model.finding import Finding
from fsm_ghost.services.preflight.subject import Subject


def check(subject: Subject) -> Finding | None:
    """Refuse a server without a binary log, or with one in another format than ROW."""
    if subject.variable("log_bin") != "ON":
        return Finding(
            "the server does not write a binary log", "Start it with --log-bin; no change can be followed without."
        )
    found = subject.variable("binlog_format") or "ROW"
    if found != "ROW":
        return Finding(
            f"binlog_format is {found}, not ROW",
            "SET GLOBAL binlog_format = 'ROW'; and have sessions reconnect that are open already.",
        )
    return None
