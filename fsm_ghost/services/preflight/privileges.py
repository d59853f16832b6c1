"""The account must be allowed to do what a migration does."""

from fsm_ghost.model.finding import Finding
from fsm_ghost.services.preflight.subject import Subject


def check(subject: Subject) -> Finding | None:
    """Refuse an account that lacks a privilege, with the GRANT that would mend it."""
    if not subject.missing_grants:
        return None
    return Finding("the account lacks privileges", "\n".join(subject.missing_grants))
