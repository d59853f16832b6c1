"""The swap waits for transactions that use the table, and an old one makes every row's history longer."""

from fsm_ghost.model.finding import Finding
from fsm_ghost.services.preflight.subject import Subject, few

_LONG = 60  # seconds


def check(subject: Subject) -> Finding | None:
    """Warn of sessions that have been using the table, or may have, for a minute."""
    long = [str(each) for each in subject.blockers if each.seconds >= _LONG]
    if not long:
        return None
    return Finding(
        "the swap would have to wait for transactions that have been open for long",
        "Let them end. --cut-over-kill can end them when it comes to the swap.",
        few(long),
    )
