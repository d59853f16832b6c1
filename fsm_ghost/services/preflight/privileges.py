"""The account must be allowed to do what a migration does."""

from fsm_ghost.services.preflight.subject import Refusal, Subject


def check(subject: Subject) -> Refusal | None:
    """Refuse an account that lacks a privilege, with the GRANT that would mend it."""
    if not subject.missing_grants:
        return None
    return Refusal("the account lacks privileges", "\n".join(subject.missing_grants))
