"""The panel: one snapshot drawn with rich. Nothing here knows of time passing or of a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Group
from rich.panel import Panel
from rich.text import Text

from fsm_ghost.cli.ui import words
from fsm_ghost.model.phase import Phase
from fsm_ghost.model.snapshot import Snapshot

MAIN = (Phase.VALIDATE, Phase.PREPARE, Phase.COPY, Phase.SYNC, Phase.VERIFY, Phase.CUT_OVER, Phase.CLEANUP)
_WITH_INDEXES = (*MAIN[:3], Phase.INDEX, *MAIN[3:])
_DRY = (Phase.VALIDATE, Phase.PREPARE, Phase.CLEANUP)
_GIVEN_UP = frozenset({Phase.ROLLBACK, Phase.ABORTED})
_LABEL = 9  # columns before a gauge
_PERCENT = 8
_FRAME = 4  # columns that the border and its padding take
_WIDE = 100  # columns inside, from which there is room for more than the necessary
_REASON_LINES = 4  # of a reason, at most
_SPARKS = "▁▂▃▄▅▆▇█"

ACCENT, GOOD, WARN, BAD, QUIET = "cyan", "green", "yellow", "red", "bright_black"


@dataclass(frozen=True, slots=True)
class Extras:
    """What a snapshot does not know.

    `where` is the server's address, `rates` rows per second, one for each second. `stopping`: it was asked to stop;
    `parting`: this is the last picture of a run, and what can be done next is said below it.
    """

    where: str = ""
    rates: tuple[float, ...] = ()
    stopping: bool = False
    parting: bool = False


NO_EXTRAS = Extras()


def panel(snapshot: Snapshot, now: float, width: int, extras: Extras = NO_EXTRAS) -> Panel:
    """The whole panel, `width` columns wide; `now` is seconds since the epoch."""
    inner = max(20, width - _FRAME)
    lines = [Text(words.clauses(snapshot.statement), style="italic"), Text(), breadcrumbs(snapshot, inner), Text()]
    if _shows_gauges(snapshot):
        lines += [*_copy(snapshot, inner, extras), *_verify(snapshot, inner)]
        lines += [_changes(snapshot, inner), _binlog(snapshot, now, inner), Text()]
    lines += _status(snapshot, inner, extras)
    for line in lines:
        line.no_wrap, line.overflow = True, "ellipsis"
    return Panel(
        Group(*lines),
        title=_title(snapshot),
        title_align="left",
        subtitle=_subtitle(snapshot, now, inner, extras),
        subtitle_align="right",
        border_style=_border(snapshot),
        box=box.ROUNDED,
        width=width,
    )


def _shows_gauges(snapshot: Snapshot) -> bool:
    """Not where there is nothing to measure, and never will be."""
    return snapshot.execute and (snapshot.alive or snapshot.progress.range_known)


def _title(snapshot: Snapshot) -> Text:
    dry = "" if snapshot.execute else "  dry run"
    return Text.assemble(("fsm-ghost", QUIET), "  ", (str(snapshot.table), "bold"), (dry, f"bold {WARN}"))


def _subtitle(snapshot: Snapshot, now: float, inner: int, extras: Extras) -> Text:
    took = words.duration((snapshot.finished_at or now) - snapshot.created_at)
    return Text(words.fitted((snapshot.id[:8], took, extras.where), inner - 4), style=QUIET)


def _border(snapshot: Snapshot) -> str:
    if snapshot.phase is Phase.DONE:
        return GOOD
    if snapshot.phase is Phase.FAILED:
        return BAD
    return WARN if snapshot.phase in _GIVEN_UP or not snapshot.alive else ACCENT


# --- breadcrumbs ------------------------------------------------------------------------------------------------------


def breadcrumbs(snapshot: Snapshot, inner: int) -> Text:
    """The main states, those behind us ticked, the current one marked."""
    crumbs = list(_crumbs(snapshot))
    line = _joined(crumbs, snapshot)
    if line.cell_len > inner:
        line = _joined([crumb for crumb in crumbs if crumb[0] != "○"], snapshot)
    return line


def _crumbs(snapshot: Snapshot) -> Iterator[tuple[str, Phase, str]]:
    """Mark, state and style of each."""
    path = _path(snapshot)
    here = snapshot.phase
    if here is Phase.DONE:
        yield from (("✔", phase, GOOD) for phase in path)
        return
    stuck = here is Phase.FAILED or here in _GIVEN_UP
    at = words.stuck_in(snapshot) if stuck else here
    for phase in path:
        if phase is at:
            yield _current(snapshot, phase)
            if stuck:
                break
        else:
            yield ("✔", phase, GOOD) if _is_behind(phase, at, path, snapshot) else ("○", phase, QUIET)
    if here in _GIVEN_UP:
        yield ("✔" if here is Phase.ABORTED else "●", here, f"bold {WARN}")


def _path(snapshot: Snapshot) -> tuple[Phase, ...]:
    """The states that a migration goes through when all goes well."""
    if not snapshot.execute:
        return _DRY
    plan = snapshot.progress.plan
    return _WITH_INDEXES if plan is not None and plan.deferral.indexes else MAIN


def _current(snapshot: Snapshot, phase: Phase) -> tuple[str, Phase, str]:
    if snapshot.phase is Phase.FAILED:
        return "✖", phase, f"bold {BAD}"
    if snapshot.phase in _GIVEN_UP or not snapshot.alive:
        return "◼", phase, f"bold {WARN}"
    return "●", phase, f"bold {ACCENT}"


def _is_behind(phase: Phase, at: Phase, path: Sequence[Phase], snapshot: Snapshot) -> bool:
    if phase is Phase.VERIFY and at is Phase.SYNC:
        return snapshot.progress.verified
    return path.index(phase) < path.index(at)


def _joined(crumbs: Sequence[tuple[str, Phase, str]], snapshot: Snapshot) -> Text:
    line = Text()
    returned = snapshot.phase is Phase.SYNC and snapshot.progress.verified
    for number, (mark, phase, style) in enumerate(crumbs):
        if number:
            line.append(" ‹ " if returned and phase is Phase.VERIFY else " › ", style=QUIET)
        line.append(f"{mark} {words.state(phase)}", style=style)
    return line


# --- gauges -----------------------------------------------------------------------------------------------------------


def _copy(snapshot: Snapshot, inner: int, extras: Extras) -> list[Text]:
    progress, complete = snapshot.progress, snapshot.progress.is_copied
    copying = snapshot.phase is Phase.COPY and snapshot.alive
    end = f"ETA {words.eta(snapshot.readings)}" if copying else ""
    gauge = _gauge("copy", progress.copied_part if progress.range_known else None, complete, inner, end)
    detail = _labelled("", words.fitted(_copy_details(snapshot, copying=copying), inner - _LABEL))
    column = gauge.cell_len - len(end)
    if copying and inner >= _WIDE and len(extras.rates) > 1 and detail.cell_len < column:
        detail.append(" " * (column - detail.cell_len))
        detail.append(sparkline(extras.rates, inner - column), style=ACCENT)
    return [gauge, detail]


def _copy_details(snapshot: Snapshot, *, copying: bool) -> list[str]:
    progress = snapshot.progress
    if not progress.range_known:
        return []
    rows = words.copied_rows(progress)
    if copying:
        speed = f"{words.rate(snapshot.readings.rows_per_second)} rows/s"
        return [rows, speed, _chunks(snapshot), words.workers(snapshot)]
    return [rows, words.many(progress.chunks, "chunk")]


def _chunks(snapshot: Snapshot) -> str:
    rows, seconds = snapshot.readings.chunk_rows, snapshot.readings.chunk_seconds
    if rows is None:
        return ""
    return f"chunks of {words.many(rows, 'row')}" + (f", {words.duration(seconds)} each" if seconds is not None else "")


def _verify(snapshot: Snapshot, inner: int) -> list[Text]:
    progress = snapshot.progress
    if progress.verified and not progress.verifying:
        return [_labelled("verify", "left out, as asked")]
    end = f"{words.many(progress.verified_rows, 'row')} equal" if progress.verifying else ""
    part = progress.verified_part if progress.verifying else None
    return [_gauge("verify", part, progress.verified, inner, end)]


def _gauge(label: str, part: float | None, complete: bool, inner: int, end: str) -> Text:  # noqa: FBT001 - see bar
    """A label, a bar, the percentage, and something behind it; `part` is None before it has begun."""
    room = 22 if inner < _WIDE else 26
    length = max(8, inner - _LABEL - _PERCENT - room)
    share = words.UNKNOWN if part is None else words.percent(part, complete=complete)
    line = _labelled(label, "")
    line.append_text(bar(part or 0.0, complete, length, GOOD if complete else ACCENT))
    line.append(f"{share:>{_PERCENT}}", style=QUIET if part is None else "bold")
    return line.append(f"  {end}")


def bar(part: float, complete: bool, length: int, style: str) -> Text:  # noqa: FBT001 - it qualifies `part`
    """A bar of `length` columns, filled in halves of one; full only when complete."""
    halves = 2 * length if complete else min(2 * length - 1, max(0, int(part * 2 * length)))
    full, half = divmod(halves, 2)
    filled = Text("━" * full + ("╸" if half else ""), style=style)
    return filled.append("━" * (length - full - half), style=QUIET)


def _changes(snapshot: Snapshot, inner: int) -> Text:
    progress, readings = snapshot.progress, snapshot.readings
    if progress.start is None:
        return _labelled("changes", words.UNKNOWN)
    parts = [f"{words.count(progress.changes)} read"]
    if snapshot.alive and snapshot.finished_at is None:
        parts.append(f"{words.rate(readings.changes_per_second)}/s")
        parts.append(f"backlog {words.many(readings.backlog, 'key')}")
        parts.append(f"stream delay {words.delay(readings.stream_delay)}")
        if readings.reconnects:
            parts.append(words.many(readings.reconnects, "reconnect"))
    if inner >= _WIDE:
        parts.append(f"{words.many(progress.refreshed, 'key')} refreshed")
    return _labelled("changes", words.fitted(parts, inner - _LABEL))


def _binlog(snapshot: Snapshot, now: float, inner: int) -> Text:
    safe = snapshot.progress.safe
    parts = [f"{safe} (safe)" if safe else words.UNKNOWN]
    if snapshot.checkpoint_at is not None:
        when = "" if snapshot.finished_at else f", {words.age(now - snapshot.checkpoint_at)}"
        parts.append(f"checkpoint {words.count(snapshot.checkpoints)}{when}")
    return _labelled("binlog", words.fitted(parts, inner - _LABEL))


def _labelled(label: str, text: str) -> Text:
    return Text.assemble((f"{label:<{_LABEL}}", QUIET), text)


def sparkline(values: Sequence[float], length: int) -> str:
    """The last values as bars of eight heights."""
    shown = values[-length:] if length > 0 else ()
    most = max(shown, default=0.0)
    return "".join(_SPARKS[min(7, int(value / most * 8))] if most > 0 else _SPARKS[0] for value in shown)


# --- what is going on -------------------------------------------------------------------------------------------------


def _status(snapshot: Snapshot, inner: int, extras: Extras) -> list[Text]:
    """What is going on, and what can be done about it."""
    if extras.stopping and snapshot.alive:
        return [Text("◼ stopping after this step, with a checkpoint (Ctrl-C again: at once)", style=f"bold {WARN}")]
    mark, style = _mark(snapshot)
    first, *more = textwrap.wrap(words.doing(snapshot), inner - 2, max_lines=_REASON_LINES, placeholder=" …")
    lines = [Text.assemble((f"{mark} ", f"bold {style}"), (first, style)), *(Text(f"  {line}", style) for line in more)]
    return (
        lines
        if snapshot.alive or extras.parting
        else [*lines, *(Text(f"  {command}") for command in words.next_commands(snapshot))]
    )


def _mark(snapshot: Snapshot) -> tuple[str, str]:
    if snapshot.phase is Phase.DONE:
        return "✔", GOOD
    if snapshot.phase is Phase.FAILED:
        return "✖", BAD
    if snapshot.phase in _GIVEN_UP:
        return "✔" if snapshot.phase is Phase.ABORTED else "●", WARN
    if not snapshot.alive:
        return "◼", WARN
    return ("◌", WARN) if snapshot.readings.waiting_for or snapshot.readings.concern else ("●", ACCENT)
