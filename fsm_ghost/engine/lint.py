"""What can be wrong with a state table, found before it is used."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from fsm_ghost.engine.state import FINAL, Transition
from fsm_ghost.model.phase import Phase

FIRST = Phase.VALIDATE


def problems_of(table: Sequence[Transition], states: Collection[Phase], guards: Collection[str]) -> list[str]:
    """Everything that is wrong with `table`, in words; empty when it can be used."""
    return [
        *_unknown_guards(table, guards),
        *_missing_states(states),
        *_shadowed(table),
        *_unreachable(table),
        *_dead_ends(table),
    ]


def _unknown_guards(table: Sequence[Transition], guards: Collection[str]) -> list[str]:
    used = {row.guard for row in table if row.guard is not None}
    return [f"the guard {name} does not exist" for name in sorted(used - set(guards))]


def _missing_states(states: Collection[Phase]) -> list[str]:
    working = set(Phase) - FINAL
    return [f"the state {phase} has no implementation" for phase in sorted(working - set(states))] + [
        f"the final state {phase} has an implementation" for phase in sorted(set(states) & FINAL)
    ]


def _shadowed(table: Sequence[Transition]) -> list[str]:
    found = []
    unguarded = set()
    for row in table:
        if (row.source, row.outcome) in unguarded:
            found.append(f"{row.source} --{row.outcome}--> {row.dest} comes after an unguarded row")
        if row.guard is None:
            unguarded.add((row.source, row.outcome))
    return found


def _unreachable(table: Sequence[Transition]) -> list[str]:
    reached = _closure({FIRST}, {(row.source, row.dest) for row in table})
    return [f"the state {phase} cannot be reached" for phase in Phase if phase not in reached]


def _dead_ends(table: Sequence[Transition]) -> list[str]:
    ending = _closure(set(FINAL), {(row.dest, row.source) for row in table})
    return [f"from the state {phase} no end can be reached" for phase in Phase if phase not in ending]


def _closure(start: set[Phase], arrows: set[tuple[Phase, Phase]]) -> set[Phase]:
    reached = set(start)
    while True:
        more = {dest for source, dest in arrows if source in reached} - reached
        if not more:
            return reached
        reached |= more
