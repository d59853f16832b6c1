"""`fsm-ghost diagram`: the state machine as a Mermaid chart, from the table that drives it."""

from __future__ import annotations

from collections.abc import Sequence

from fsm_ghost.cli.arguments import Values
from fsm_ghost.cli.exit_codes import ExitCode
from fsm_ghost.engine.state import FINAL, Transition
from fsm_ghost.states.table import TABLE


def run(_: Values) -> int:
    """Print the chart."""
    print(mermaid())
    return ExitCode.DONE


def mermaid(table: Sequence[Transition] = TABLE) -> str:
    """The chart as a Mermaid stateDiagram-v2: outcomes on the arrows, guards in brackets. Without a final newline."""
    lines = ["stateDiagram-v2", f"    [*] --> {table[0].source}"]
    lines += [f"    {row.source} --> {row.dest}: {_label(row)}" for row in table]
    lines += [f"    {phase} --> [*]" for phase in sorted(FINAL) if any(row.dest is phase for row in table)]
    return "\n".join(lines)


def _label(row: Transition) -> str:
    guard = f" [{row.guard.replace('_', ' ')}]" if row.guard else ""
    return f"{row.outcome.replace('_', ' ')}{guard}"
