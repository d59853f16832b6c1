"""A server may end statements that take it too long."""

from fsm_ghost.services.preflight.subject import Finding, Subject


def check(subject: Subject) -> Finding | None:
    """Warn of max_statement_time (MariaDB) and max_execution_time (MySQL: of reads only)."""
    found = [name for name in ("max_statement_time", "max_execution_time") if subject.number(name)]
    if not found:
        return None
    return Finding(
        "the server ends statements that take too long; comparisons and builds of indexes may never get through",
        " ".join(f"SET GLOBAL {name} = 0;" for name in found),
        tuple(f"{name} = {subject.variables[name]}" for name in found),
    )
