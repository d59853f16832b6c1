"""Numbers, times and states in words; shared by every display."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime

from fsm_ghost.model.phase import Phase
from fsm_ghost.model.progress import Progress
from fsm_ghost.model.readings import Readings
from fsm_ghost.model.snapshot import Snapshot

UNKNOWN = "—"
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_FEW = 10  # below it, a number gets a digit behind the point
_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")
_NAME = r"(?:`(?:[^`]|``)+`|[\w$]+)"
_HEAD = re.compile(rf"ALTER (?:ONLINE |OFFLINE |IGNORE )*TABLE {_NAME}(?: ?\. ?{_NAME})? ", re.IGNORECASE)


def count(number: float) -> str:
    """A whole number with separators: 1,234,567."""
    return f"{number:,.0f}"


def many(number: float, thing: str) -> str:
    """A number of things: 1 row, 1,234 rows."""
    return f"{count(number)} {thing}{'' if round(number) == 1 else 's'}"


def rate(per_second: float | None) -> str:
    """Things in a second, with a digit behind the point where there are few."""
    if per_second is None or not math.isfinite(per_second):
        return UNKNOWN
    return f"{per_second:.1f}" if 0 < per_second < _FEW else count(max(0.0, per_second))


def percent(part: float, *, complete: bool) -> str:
    """A share of 0..1 in percent, rounded down: 100 % only when it is complete, and never more."""
    if complete:
        return "100 %"
    tenths = math.floor(part * 1000) if math.isfinite(part) else 0
    return f"{min(999, max(0, tenths)) / 10:.1f} %"


def duration(seconds: float) -> str:
    """A time span, as short as it can be read: 340 ms, 23 s, 3 m 12 s, 2 h 05 m, 3 d 4 h."""
    thousandths = round(max(0.0, seconds) * 1000)
    if thousandths < 1000:  # noqa: PLR2004 - milliseconds in a second
        return f"{thousandths} ms"
    whole = round(thousandths / 1000)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} m {whole % _MINUTE:02} s"
    if whole < _DAY:
        return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE:02} m"
    return f"{whole // _DAY} d {whole % _DAY // _HOUR} h"


def age(seconds: float) -> str:
    """How long ago something was; clocks may differ a little."""
    return "now" if seconds < 1 else f"{duration(math.floor(seconds))} ago"


def delay(seconds: float | None) -> str:
    """A delay to the hundredth of a second while it is short."""
    if seconds is None or not math.isfinite(seconds):
        return UNKNOWN
    return f"{max(0.0, seconds):.2f} s" if seconds < _FEW else duration(seconds)


def eta(readings: Readings) -> str:
    """When row copy ends, with the uncertainty: 3 m 12 s ± 20 s; a dash while it is not known."""
    if readings.eta is None or not math.isfinite(readings.eta):
        return UNKNOWN
    left = duration(max(1, math.ceil(readings.eta)))
    spread = readings.eta_spread
    if spread is None or not math.isfinite(spread) or round(spread) == 0:
        return left
    return f"{left} ± {duration(round(spread))}"


def size(in_bytes: float) -> str:
    """A size: 92.4 MiB."""
    power = min(len(_UNITS) - 1, max(0, int(in_bytes).bit_length() - 1) // 10)
    return f"{in_bytes / 1024**power:.{1 if power else 0}f} {_UNITS[power]}"


def local(moment: float) -> str:
    """A time as the wall shows it: 2026-11-20 12:04:31."""
    return datetime.fromtimestamp(moment, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def clauses(statement: str) -> str:
    """What an ALTER does, on one line, without naming the table again."""
    line = " ".join(statement.split()).rstrip("; ")
    return _HEAD.sub("", line, count=1)


def state(phase: Phase) -> str:
    """A state's name for people."""
    return str(phase).replace("_", " ")


def fitted(parts: Sequence[str], width: int, between: str = " · ") -> str:
    """As many of the parts as fit into `width` columns, the first ones first."""
    line = ""
    for part in filter(None, parts):
        longer = line + between + part if line else part
        if len(longer) > width:
            break
        line = longer
    return line


def copied_rows(progress: Progress) -> str:
    """How many rows of how many; the estimate is left out once it is shown to be wrong."""
    if progress.is_copied:
        return many(progress.rows, "row")
    estimate = progress.plan.rows if progress.plan else 0
    return (
        f"{count(progress.rows)} of ~{count(estimate)} rows" if estimate > progress.rows else many(progress.rows, "row")
    )


def compared(snapshot: Snapshot) -> str:
    """How far the comparison has come beside something else; empty where it has not begun, or is what is being done."""
    progress = snapshot.progress
    if not progress.verifying or snapshot.phase not in {Phase.COPY, Phase.INDEX}:
        return ""
    return f"compared up to {percent(progress.verified_part, complete=progress.verified)}"


def workers(snapshot: Snapshot) -> str:
    """How many workers copy or compare, and why; empty where there can be only one, or nobody works."""
    told = snapshot.readings.workers
    return "" if not snapshot.alive or not told or told == "1 of 1" else f"workers: {told}"


def stuck_in(snapshot: Snapshot) -> Phase:
    """The state in which a migration failed or was given up, as far as its progress tells."""
    progress = snapshot.progress
    if progress.plan is None and snapshot.phase is Phase.FAILED:
        return Phase.VALIDATE
    if not progress.range_known:
        return Phase.PREPARE
    if not progress.is_copied:
        return Phase.COPY
    if progress.lacks_indexes:
        return Phase.INDEX
    if progress.swapping:
        return Phase.CUT_OVER
    return Phase.VERIFY if progress.verifying and not progress.verified else Phase.SYNC


_DOING = {
    Phase.VALIDATE: "looking at the table, the server and the statement",
    Phase.PREPARE: "building the ghost table",
    Phase.COPY: "copying rows, and bringing over every change made meanwhile",
    Phase.INDEX: "building indexes, while changes go on",
    Phase.SYNC: "bringing over changes, until there are few left",
    Phase.VERIFY: "comparing every row, while changes go on",
    Phase.CUT_OVER: "swapping the tables",
    Phase.CLEANUP: "taking away what is not needed any more",
    Phase.ROLLBACK: "dropping what was made; the original is untouched",
    Phase.DONE: "done",
    Phase.FAILED: "failed",
    Phase.ABORTED: "aborted: the original table is as it was",
}


def doing(snapshot: Snapshot) -> str:
    """What a migration is doing, or what it waits for, in words."""
    if snapshot.phase is Phase.FAILED or not (snapshot.alive or snapshot.phase in {Phase.DONE, Phase.ABORTED}):
        return _halted(snapshot)
    if snapshot.phase is Phase.DONE:
        return _done(snapshot)
    if snapshot.alive and (held_up := _held_up(snapshot.readings)):
        return held_up
    return _working(snapshot)


def _working(snapshot: Snapshot) -> str:
    if snapshot.phase is Phase.SYNC and snapshot.progress.verified:
        return "bringing over the last changes before the swap"
    if snapshot.phase is Phase.CUT_OVER and snapshot.progress.attempts > 1:
        return f"swapping the tables, attempt {snapshot.progress.attempts}"
    if snapshot.phase is Phase.VERIFY and workers(snapshot):
        return f"comparing every row with {snapshot.readings.workers.partition(':')[0]} workers, while changes go on"
    if snapshot.phase is Phase.COPY and (beside := compared(snapshot)):
        return f"copying rows, while changes go on; {beside}"
    return _DOING[snapshot.phase]


def _held_up(readings: Readings) -> str:
    """What may keep a migration from its end, or does so for now; empty when nothing does."""
    return readings.concern or (f"waiting: {readings.waiting_for}" if readings.waiting_for else "")


def _halted(snapshot: Snapshot) -> str:
    """Refused, failed, or stopped in a state that can be gone on with, or is gone on with elsewhere."""
    refused = snapshot.progress.plan is None
    what = ("refused" if refused else "failed") if snapshot.phase is Phase.FAILED else "not running"
    reason = snapshot.reason.splitlines()[0] if snapshot.reason else ""
    return f"{what}: {reason}" if reason else what


def is_taken_over(snapshot: Snapshot) -> bool:
    """Whether another host goes on with a migration: for this one it is finished, and yet in no final state."""
    return snapshot.finished_at is not None and snapshot.phase not in {Phase.DONE, Phase.FAILED, Phase.ABORTED}


def _done(snapshot: Snapshot) -> str:
    if not snapshot.execute:
        return "dry run done: nothing was changed"
    swap, end = snapshot.progress.swap, snapshot.finished_at
    took = f" in {duration(end - snapshot.created_at)}" if end is not None else ""
    stall = f"; the swap held up writers for {duration(swap.stall)}" if swap and swap.stall > 0 else ""
    return f"done{took}{stall}"


def next_commands(snapshot: Snapshot) -> tuple[str, ...]:
    """What can be done with a migration now, as commands."""
    short = snapshot.id[:8]
    if snapshot.finished_at is not None:
        return ()
    if snapshot.alive:
        now = (f"fsm-ghost cut-over {short}",) if snapshot.is_postponed else ()
        return (f"fsm-ghost status {short} --watch", *now, f"fsm-ghost abort {short}")
    retry = " --retry" if snapshot.phase is Phase.FAILED else ""
    return (f"fsm-ghost resume {short}{retry}", f"fsm-ghost abort {short}")
