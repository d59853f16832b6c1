"""The names that we are going to use must be free."""

from fsm_ghost.model.finding import Finding
from fsm_ghost.mysql import statements
from fsm_ghost.services.preflight.subject import Subject


def check(subject: Subject) -> Finding | None:
    """Refuse when a table of one of our names is there, whoever made it."""
    if not subject.neighbours:
        return None
    names = ", ".join(str(name) for name in subject.neighbours)
    by = f"; its changelog was last signed by {subject.neighbour_owner}" if subject.neighbour_owner else ""
    drops = " ".join(statements.drop_for_people(name) for name in subject.neighbours)
    return Finding(
        f"a table with a name that this migration needs exists: {names}{by}",
        "If an fsm-ghost left it: fsm-ghost list, then fsm-ghost cleanup ID; from another host: fsm-ghost resume"
        " --from-server. If it is yours, rename it."
        f" If nobody needs it: {drops}",
    )
