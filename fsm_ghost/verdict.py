"""What a migration came to: its exit code, what people are told in the end, and what was not proved."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fsm_ghost.engine.record import JournalEntry, Record
from fsm_ghost.errors import AbortedError, FsmGhostError, MismatchError, RefusedError
from fsm_ghost.model.naming import Names
from fsm_ghost.model.phase import Outcome, Phase
from fsm_ghost.model.plan import Lossy
from fsm_ghost.model.progress import Progress, Swap
from fsm_ghost.mysql import statements
from fsm_ghost.settings import Settings, Where

_MOST_KEYS = 10  # shown


@dataclass(frozen=True, slots=True)
class Replaced:
    """A column whose values may be replaced where they do not fit; before row copy that were so many `rows`."""

    column: str
    how: Lossy
    rows: int


def exit_code(record: Record, journal: Sequence[JournalEntry]) -> int:
    """The exit code of a migration in a final state."""
    kind: type[FsmGhostError] | None = None
    if record.phase is Phase.DONE and record.progress.swap is not None and record.progress.swap.escaped:
        kind = MismatchError
    elif Outcome.REFUSED in [entry.outcome for entry in journal]:
        kind = RefusedError
    elif record.phase is Phase.FAILED:
        kind = MismatchError
    elif record.phase is Phase.ABORTED:
        kind = AbortedError
    return kind.exit_code if kind else 0


def closing(record: Record) -> tuple[str, ...]:
    """What is told at the end of the run that has brought a migration into a final state."""
    progress, short, settings = record.progress, record.short_id, record.asked
    if record.phase is Phase.FAILED and not record.is_finished:
        return (
            "The original table is untouched; the ghost table is kept for a look.",
            f"fsm-ghost resume {short} --retry   or   fsm-ghost abort {short}",
        )
    if progress.altered:
        return (f"The server has changed {record.table} by itself (ALGORITHM=INSTANT); nothing was copied.",)
    done = (
        f"{progress.rows} rows copied, {progress.changes} changes followed, {progress.verified_rows} rows found equal."
    )
    if progress.swap is None:
        tested = record.phase is Phase.DONE and was_tested(progress, settings)
        ended = "It was a test: nothing was swapped, and the replica is as it was."
        return (done, ended, *doubts(progress, settings)) if tested else ()
    drop = statements.drop_for_people(progress.the_plan.names.old)
    kept = f"The old table is kept. When it is not needed any more: {drop}"
    return (
        done,
        *_cost(progress.swap),
        *doubts(progress, settings),
        *(() if settings.cut_over.drop_old_table else (kept,)),
    )


def _cost(swap: Swap) -> Iterator[str]:
    if not was_found_done(swap):
        yield f"Writers were held up for {swap.stall * 1000:.0f} ms by the swap."
    if swap.escaped:
        yield (
            f"{swap.escaped} rows were written to the old table after its lock;"
            f" {swap.healed} of them were brought over."
        )


def original(progress: Progress) -> str:
    """What has become of the original table, in words."""
    if progress.is_in_doubt:
        return "not known"
    if progress.swap is not None:
        return "swapped for the ghost table"
    return "changed by the server itself (ALGORITHM=INSTANT)" if progress.altered else "as it was"


def was_compared(progress: Progress) -> bool:
    """Whether all rows were found equal; without the comparison a migration passes as verified too."""
    return progress.verified and progress.verifying


def was_tested(progress: Progress, settings: Settings) -> bool:
    """Whether a test, which swaps nothing, has found the tables equal."""
    return settings.where is Where.TEST and was_compared(progress)


def was_found_done(swap: Swap) -> bool:
    """Whether the run that swapped the tables did not live to say so: what the swap cost is not known then."""
    return swap.stall == 0


def replaced(progress: Progress, settings: Settings) -> tuple[Replaced, ...]:
    """The columns whose values were allowed to become others."""
    offences = progress.probe.offences
    return tuple(
        Replaced(column, how, sum(each.rows for each in offences if each.subject.lower() == column.lower()))
        for column, how in settings.definition.lossy
    )


def doubts(progress: Progress, settings: Settings) -> tuple[str, ...]:
    """What was not proved here, although other migrations prove it; in sentences."""
    if progress.is_in_doubt:
        attempt = "swap the tables" if progress.swapping else "have the server change the table by itself"
        return (f"What came of an attempt to {attempt} is not known yet: the run that goes on looks.",)
    if progress.swap is None:
        return tuple(_of_rows(progress, settings)) if was_tested(progress, settings) else ()
    return (*_of_rows(progress, settings), *_of_swap(progress.swap, progress.the_plan.names))


def _of_rows(progress: Progress, settings: Settings) -> Iterator[str]:
    if not was_compared(progress):
        yield "Old and new table were not compared, as asked: nobody has looked whether they are equal."
    elif progress.uncompared:
        yield f"Not compared, because of how their types change: {', '.join(progress.uncompared)}."
    yield from _changed(progress, settings)


def _changed(progress: Progress, settings: Settings) -> Iterator[str]:
    """Where the comparison expects what was allowed, and not the old value."""
    later = "; later ones were not counted, and the comparison expects the new value"
    for each in progress.probe.offences:
        if each.allowed:
            rows = f"{each.rows} rows when it began"
            yield f"Changed as allowed ({each.allowed}): {each.subject} {each.what}, {rows}{later}."
    for column in (each for each in replaced(progress, settings) if not each.rows):
        yield f"May be changed as allowed ({column.how}): {column.column}, no row when it began{later}."


def _of_swap(swap: Swap, names: Names) -> Iterator[str]:
    """What the audit of a swap could not find out."""
    if was_found_done(swap):
        yield "The swap was found done after its run had ended: for how long it held writers up is not known."
    if swap.escaped is None:
        yield "The binlog was not read up to the swap: nobody looked for writes between lock and RENAME."
    if swap.unclear:
        shown = ", ".join(str(key) for key in swap.unclear[:_MOST_KEYS])
        yield f"Written again since, so compare them in {names.old} and {names.original}: {shown}"


def limits(progress: Progress, settings: Settings) -> tuple[str, ...]:
    """What no migration of this kind proves; in sentences."""
    if progress.altered:
        return ("The server has changed the table by itself: that its rows are right was not looked at.",)
    swapped = progress.swap is not None
    return tuple(_of_any(progress, settings)) if swapped or was_tested(progress, settings) else ()


def _of_any(progress: Progress, settings: Settings) -> Iterator[str]:
    if was_compared(progress):
        yield (
            "A row that was written after it had been compared was brought over like every change, and not compared"
            " again."
        )
    if progress.attempts > 1:
        budget = settings.cut_over.lock_timeout
        yield f"Attempts to swap that were given up held writers up for about {budget:g} s each, at most: not measured."
    yield "Only this server was looked at, and none that replicates from it or to it."
