"""CHECK constraints keep what they say and not what they are called."""

from fsm_ghost.model.finding import Finding
from fsm_ghost.services.preflight import check_names
from fsm_ghost.services.preflight.subject import Subject, few


def check(subject: Subject) -> Finding | None:
    """Warn of CHECKs with names of their own (MySQL): a name is given once in a schema, and the old table has it."""
    if not subject.is_mysql:
        return None
    named = [name for name in check_names.own_names(subject) if not check_names.generated_number(subject, name)]
    if not named:
        return None
    return Finding(
        f"CHECK constraints will be called {subject.names.original.name}_chk_1 and so on: MySQL names them anew",
        "If something goes by their names, drop and add them natively afterwards.",
        few(named),
    )
