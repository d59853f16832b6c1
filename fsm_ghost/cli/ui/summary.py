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
from fsm_ghost.model.forecast import Forecast
from fsm_ghost.model.phase import Phase
from fsm_ghost.model.plan import Lossy, Native, Plan, SwapMethod
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
    share = words.percent(progress.copied_part, complete=progress.is_copied) if progress.range_known else ""
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
    if how.is_dry_run and how.snapshot.progress.plan is not None:
        print_plan(how.snapshot)
    for line in how.report:
        print(line)


def print_plan(snapshot: Snapshot) -> None:
    """What a dry run found out."""
    for name, text in _plan(snapshot.progress.the_plan, snapshot):
        print(f"{name:<11}{text}".rstrip())
    print("\nNothing was changed. To run it: fsm-ghost start with the same options, and --execute")


def _indexes(plan: Plan) -> str:
    deferral = plan.deferral
    when = f"{len(deferral.indexes)} are built after row copy" if deferral.indexes else "all are built with the table"
    return f"{when}: {deferral.reason}" if deferral.reason else when


def _columns(plan: Plan) -> str:
    renamed = [f"{pair.original} → {pair.ghost}" for pair in plan.mapping if pair.original != pair.ghost]
    return f"{words.count(len(plan.mapping))} are copied" + (f"; renamed: {', '.join(renamed)}" * bool(renamed))


_DONE = {
    Lossy.TRUNCATE: "cut or rounded",
    Lossy.CLAMP: "replaced by the nearest value that fits",
    Lossy.DEFAULT: "replaced by the default",
}
_NATIVE = {
    Native.INSTANT: "at once, in its dictionary only (INSTANT): --attempt-instant-ddl lets it",
    Native.INPLACE: "by itself while others write (INPLACE); replicas would fall behind for as long as it takes",
    Native.COPY: "by copying the table while nobody writes (COPY)",
}


def _key(plan: Plan) -> str:
    columns = ", ".join(column.name for column in plan.key.columns)
    order = "changes ahead of row copy are skipped" if plan.discards else "all changes are followed from the beginning"
    return f"{plan.key.index} ({columns}); {order}"


def _plan(plan: Plan, snapshot: Snapshot) -> list[tuple[str, str]]:
    probe, forecast = snapshot.progress.probe, snapshot.progress.forecast
    told = [
        ("", f"{offence}" + (f"; it is {_DONE[offence.allowed]}" if offence.allowed else ""))
        for offence in probe.offences
    ]
    return [
        ("table", f"{plan.names.original}, ~{words.count(plan.rows)} rows, {words.size(plan.bytes)}"),
        ("change", words.clauses(snapshot.statement)),
        ("server", f"could do it {_NATIVE[plan.native]}"),
        ("key", _key(plan)),
        ("columns", _columns(plan)),
        *([("filled", ", ".join(f"{new.ghost} with {new.value}" for new in plan.filled))] if plan.filled else []),
        ("rows", "all fit the new definition" if not probe.offences else "not all of them fit the new definition:"),
        *told,
        *(("unknown", question) for question in probe.unknown),
        *(("note", remark) for remark in plan.remarks),
        ("indexes", _indexes(plan)),
        ("ghost", str(plan.names.ghost)),
        ("old", f"kept as {plan.names.old.name} (the time stamp will be that of the run)"),
        ("swap", _SWAPS[plan.swap]),
        *(_forecast(forecast) if forecast and forecast.sampled else []),
        *(("warning", finding.line) for finding in snapshot.progress.warnings),
    ]


def _forecast(forecast: Forecast) -> list[tuple[str, str]]:
    parts = [
        ("row copy", forecast.copy_seconds),
        ("indexes", forecast.index_seconds),
        ("comparison", forecast.verify_seconds),
        ("the rest", forecast.rest_seconds),
    ]
    shown = ", ".join(f"{name} {words.duration(seconds)}" for name, seconds in parts if seconds)
    if forecast.beside_seconds:
        shown += f"; comparing beside the others saves {words.duration(forecast.beside_seconds)}"
    least = f", less with up to {forecast.workers} workers" if forecast.workers > forecast.copiers else ""
    return [
        ("time", f"about {words.duration(forecast.seconds)} ({shown}){least}, with the load that there is now"),
        ("disk", f"about {words.size(forecast.disk)} more while both tables exist"),
        ("binlog", f"about {words.size(forecast.binlog)} for the copy alone"),
        ("reckoned", f"from {words.count(forecast.sampled)} rows, copied in {forecast.sample_seconds:.1f} s"),
    ]
