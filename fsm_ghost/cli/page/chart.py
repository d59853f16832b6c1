"""What the page draws the state chart from: the table that drives the machine, and which states stand where."""

from __future__ import annotations

from collections.abc import Sequence

from fsm_ghost.engine.state import Transition
from fsm_ghost.model.phase import Outcome, Phase
from fsm_ghost.model.picture import Document
from fsm_ghost.states.table import TABLE


def chart(table: Sequence[Transition] = TABLE) -> Document:
    """The rows of the table; `main` are the states from which `done` can still be reached, `side` all others.

    A state that is left for `done` only once a person has removed a cause (`retry`) is a side state.
    """
    states = list(dict.fromkeys(phase for row in table for phase in (row.source, row.dest)))
    hopeful = {Phase.DONE}
    while more := {row.source for row in table if row.dest in hopeful and row.outcome is not Outcome.RETRY} - hopeful:
        hopeful |= more
    return {
        "main": [str(state) for state in Phase if state in hopeful],
        "side": [str(state) for state in states if state not in hopeful],
        "rows": [
            {"from": str(row.source), "outcome": str(row.outcome), "guard": row.guard, "to": str(row.dest)}
            for row in table
        ],
    }
