"""What is printed once: a migration's status, the list of all, and how a run ended."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from fsm_ghost.cli.complaint import complain
from fsm_ghost.cli.ui import words
from fsm_ghost.cli.ui.ended import Ended
from fsm_ghost.cli.ui.panel import ACCENT, BAD, GOOD, QUIET, WARN, Extras, panel
from fsm_ghost.engine.store import JournalEntry
from fsm_ghost.model.phase import Phase
from fsm_ghost.model.plan import Plan, SwapMethod
from fsm_ghost.model.snapshot import Snapshot

_WIDEST = 140
_HISTORY = 8  # transitions shown
_SWAPS = {
    SwapMethod.SAME_SESSION: "atomic: lock and rename in one session",
    SwapMethod.SENTRY: "atomic: the rename waits behind the lock, fenced by a sentry table",
}
_HEADERS = ("ID", "TABLE", "STATE", "COPIED", "STARTED", "ALTER")
_STATE, _SHARE = 2, 3  # columns
_COLOURS = {Phase.DONE: GOOD, Phase.FAILED: BAD, Phase.ABORTED: WARN, Phase.ROLLBACK: WARN}


def console(width: int | None = None) -> Console:
    """A console on stdout; lines are not broken where nobody sees a screen."""
    return Console(file=sys.stdout, highlight=False, width=width)


def print_status(snapshot: Snapshot, journal: Sequence[JournalEntry], where: str, now: float, out: Console) -> None:
    """A migration as a panel, how it came there, and what can be done now."""
    out.print(panel(snapshot, now, min(out.width, _WIDEST), Extras(where)))
    for entry in journal[-_HISTORY:]:
        out.print(_transition(entry), overflow="ellipsis", no_wrap=True)
    if snapshot.alive:
        out.print(Text("\n".join(words.next_commands(snapshot)), style=QUIET))


def _transition(entry: JournalEntry) -> Text:
    reason = " ".join(entry.reason.split())
    return Text.assemble(
        (f" {words.local(entry.at)}  ", QUIET),
        f"{words.state(entry.source)} → {words.state(entry.dest)}",
        (f"  {entry.outcome.replace('_', ' ')}", QUIET),
        (f": {reason}" if reason else "", QUIET),
    )


def print_list(snapshots: Sequence[Snapshot], now: float, out: Console) -> None:
    """Migrations as a table; what does not fit is cut from the end of each line."""
    rows = [_row(snapshot, now) for snapshot in snapshots]
    widths = [max(len(row[column]) for row in (_HEADERS, *rows)) for column in range(len(_HEADERS))]
    out.print(Text("  ".join(_aligned(_HEADERS, widths)), style=QUIET), overflow="ellipsis", no_wrap=True)
    for snapshot, row in zip(snapshots, rows, strict=True):
        cells = [Text(cell) for cell in _aligned(row, widths)]
        cells[_STATE].style = _COLOURS.get(snapshot.phase, ACCENT)
        out.print(Text("  ").join(cells), overflow="ellipsis", no_wrap=True)


def _aligned(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    padded = [cell.ljust(width) for cell, width in zip(row[:-1], widths, strict=False)]
    padded[_SHARE] = row[_SHARE].rjust(widths[_SHARE])
    return [*padded, row[-1]]


def _row(snapshot: Snapshot, now: float) -> tuple[str, ...]:
    progress = snapshot.progress
    running = "" if snapshot.alive or snapshot.finished_at else ", stopped"
    gone = ", taken over" if words.is_taken_over(snapshot) else ""
    dry = "" if snapshot.execute else ", dry run"
    share = words.percent(progress.copied_part, complete=words.is_copied(progress)) if progress.range_known else ""
    return (
        snapshot.id[:8],
        str(snapshot.table),
        words.state(snapshot.phase) + dry + running + gone,
        share,
        words.age(now - snapshot.created_at),
        words.clauses(snapshot.statement),
    )


def print_ended(how: Ended) -> None:
    """How a run ended: the plan after a dry run, the report otherwise; on stderr when it did not go well."""
    if not how.is_good:
        complain(how.reason or words.doing(how.snapshot), "\n".join(how.report))
        return
    plan = how.snapshot.progress.plan
    if how.is_dry_run and plan is not None:
        print_plan(plan, how.snapshot.statement)
    for line in how.report:
        print(line)


def print_plan(plan: Plan, statement: str) -> None:
    """What a dry run found out."""
    for name, text in _plan(plan, statement):
        print(f"{name:<11}{text}".rstrip())
    print("\nNothing was changed. To run it: the same command with --execute")


def _indexes(plan: Plan) -> str:
    deferral = plan.deferral
    when = f"{len(deferral.indexes)} are built after row copy" if deferral.indexes else "all are built with the table"
    return f"{when}: {deferral.reason}" if deferral.reason else when


def _plan(plan: Plan, statement: str) -> list[tuple[str, str]]:
    renamed = [f"{pair.original} → {pair.ghost}" for pair in plan.mapping if pair.original != pair.ghost]
    return [
        ("table", f"{plan.names.original}, ~{words.count(plan.rows)} rows, {words.size(plan.bytes)}"),
        ("change", words.clauses(statement)),
        ("key", f"{plan.key.index} ({', '.join(column.name for column in plan.key.columns)})"),
        (
            "columns",
            f"{words.count(len(plan.mapping))} are copied" + (f"; renamed: {', '.join(renamed)}" * bool(renamed)),
        ),
        *([("filled", ", ".join(f"{new.ghost} with {new.value}" for new in plan.filled))] if plan.filled else []),
        ("indexes", _indexes(plan)),
        ("ghost", str(plan.names.ghost)),
        ("old", f"kept as {plan.names.old.name} (the time stamp will be that of the run)"),
        ("swap", _SWAPS[plan.swap]),
    ]
