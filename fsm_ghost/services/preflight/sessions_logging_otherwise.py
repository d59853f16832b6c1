"""A session may log otherwise than the server's global variables say: statements, parts of rows, or nothing."""

from fsm_ghost.model.finding import Finding
from fsm_ghost.services.preflight.subject import Subject, few


def check(subject: Subject) -> Finding | None:
    """Warn of such sessions: what they write stops the run or, if it is not logged, is lost."""
    if not subject.deviations:
        return None
    unlogged = any(each.variable == "sql_log_bin" for each in subject.deviations)
    lost = "; what is not logged at all is seen by the comparison only" if unlogged else ""
    return Finding(
        f"sessions do not log whole rows: if they write to the table, the run stops{lost}",
        "Have them reconnect, or see that they do not write to the table.",
        few([str(each) for each in subject.deviations]),
    )
