"""What every new session gets from the server must not spoil ours: some of it is inherited, and never set by us."""

from fsm_ghost.services.preflight.subject import Finding, Subject

_WANTED = {"autocommit": "1", "completion_type": "NO_CHAIN", "sql_safe_updates": "0", "sql_big_selects": "1"}
_PLENTY = 2**63


def check(subject: Subject) -> Finding | None:
    """Refuse a server whose sessions do not commit by themselves, end with a COMMIT, or see only some of the rows."""
    found = {name: value for name, value in subject.session.items() if _WANTED.get(name, value) != value}
    limit = subject.session.get("sql_select_limit", "")
    if limit and int(limit) < _PLENTY:
        found["sql_select_limit"] = limit
    if not found:
        return None
    return Finding(
        "new sessions get variables from the server with which nothing can be migrated",
        " ".join(f"SET GLOBAL {name} = DEFAULT;" for name in found),
        tuple(f"{name} = {value}" for name, value in found.items()),
    )
