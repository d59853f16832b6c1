"""How far the chunks of runs have come that left no record of it."""

from __future__ import annotations

from fsm_ghost.model.chunk import KeyRange
from fsm_ghost.model.key import Key
from fsm_ghost.model.plan import Plan
from fsm_ghost.mysql import keys as key_sql
from fsm_ghost.mysql.quoting import quote, table
from fsm_ghost.mysql.session import Session


def reached(session: Session, plan: Plan, last: Key | None) -> Key | None:
    """The last key up to `last`, the end of row copy, that the ghost table has; None when it has none.

    Beyond it lies no row that a chunk has left, whoever sent it (protocol R8): to be asked when nobody can send one.
    """
    columns = tuple(column.as_ghost() for column in plan.key.columns)
    order = ", ".join(f"{quote(column.name)} DESC" for column in columns)
    rows = session.query(
        f"SELECT {key_sql.select_list(columns)} FROM {table(plan.names.ghost)}"
        f" FORCE INDEX ({quote(plan.key.ghost_index)})"
        f" WHERE {key_sql.within(columns, KeyRange(None, last))} ORDER BY {order} LIMIT 1"
    )
    return key_sql.parse(columns, rows[0]) if rows else None
