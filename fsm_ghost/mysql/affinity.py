"""Whether a connection is one session of the server, and not one of a proxy that deals statements out to several.

Table locks, named locks and KILL are worth nothing behind such a proxy. It greets us with a number of its own as a
rule; and what a session remembers is not there when a statement goes elsewhere.
"""

from __future__ import annotations

from fsm_ghost.mysql.session import Session

_GREETED_BITS = 32  # the greeting has no room for more
_ROUNDS = 2  # a proxy may take turns


def broken(session: Session) -> str:
    """How statements of a connection do not reach the one session that greeted it; empty when they do."""
    lock = f"fsm-ghost:affinity:{session.id}"
    session.execute("SET @fsm_ghost_connection = CONNECTION_ID()")
    session.value(f"SELECT GET_LOCK('{lock}', 0)")
    try:
        for _ in range(_ROUNDS):
            # Several columns: proxies answer a bare SELECT CONNECTION_ID() themselves.
            ((here, before, holder),) = session.query(
                f"SELECT CONNECTION_ID(), @fsm_ghost_connection, IS_USED_LOCK('{lock}')"
            )
            if reason := _judge(session.id, here, before, holder):
                return reason
    finally:
        session.value(f"SELECT RELEASE_LOCK('{lock}')")
    return ""


def _judge(greeted: int, here: int, before: int | None, holder: int | None) -> str:
    if before is None or int(before) != here:
        return f"a statement ran in connection {here} of the server, the one before it in another"
    if here % 2**_GREETED_BITS != greeted % 2**_GREETED_BITS:
        return f"connection {greeted} was greeted, and its statements run in connection {here} of the server"
    if holder != here:
        return f"a named lock that connection {here} took is {f'held by {holder}' if holder else 'not there'}"
    return ""
