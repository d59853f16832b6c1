"""Compares original and ghost table, range by range, while both are being written.

A range is compared in one statement, in one snapshot, without locks. A row that differs there may only be behind: then
its key was not clean at some time between the statement and the return of a marker written after it, and the row is
compared again once it is clean. A row that differs although its key was clean all the time differs for good: nothing
is repaired in silence.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NoReturn

from fsm_ghost.errors import LockConflictError, MismatchError
from fsm_ghost.model.chunk import KeyRange
from fsm_ghost.model.key import Key, MigrationKey
from fsm_ghost.model.plan import Plan
from fsm_ghost.model.progress import Progress
from fsm_ghost.mysql import keys as key_sql
from fsm_ghost.mysql.compare import Comparison
from fsm_ghost.mysql.session import Session
from fsm_ghost.services.applier import Applier
from fsm_ghost.services.chunker import Chunker, Ruler, place_in_range
from fsm_ghost.services.crew import Crew
from fsm_ghost.services.pace import Pace

log = logging.getLogger(__name__)
_MOST_SUSPECTS = 5000  # of one range in one look; with more of them the range is compared again
_SHOWN = 10  # keys named in a message


@dataclass(frozen=True, slots=True)
class Compared:
    """What a comparison found: `rows` of the original, and the keys that differ; all of them, if `complete`.

    `upto` is where the range ended, and where the next one begins. It took `seconds`; 0:
    that is not known, for only what differed was compared once more.
    """

    range: KeyRange
    upto: Key
    rows: int
    suspects: tuple[Key, ...]
    complete: bool
    seconds: float = 0.0


_Job = Callable[[Session], Compared]


@dataclass(frozen=True, slots=True)
class _Open:
    """A range with keys that differ. Once `marker` has come back, it is known why; None: they are only behind."""

    found: Compared
    marker: int | None


class Verifier:
    """Compares the tables of one migration, in workers of its own. Owner thread only.

    A range is divided between as many workers as the pace allows, and is one range again when all of them are done.
    """

    def __init__(
        self,
        crew: Crew[Compared],
        comparison: Comparison,
        plan: Plan,
        applier: Applier,
        chunker: Chunker,
        ruler: Ruler,
        pace: Pace,
    ) -> None:
        self._crew = crew
        self.pace = pace
        self._range: tuple[KeyRange, Key] = KeyRange(None, None), ()  # that is being compared, and where it ends
        self._parts: list[Compared] = []  # of it that were compared
        self._comparison = comparison
        self._plan = plan
        self._applier = applier
        self._chunker = chunker
        self._ruler = ruler
        self._open: _Open | None = None
        self._nothing_upto: Key | None = None  # row copy was there when no range could be had of what it has copied
        self._goes_to_the_end = False
        self._behind: set[Key] = set()  # keys of that range that differed because they were only behind

    def step(self, progress: Progress, *, resting: bool = False, to_the_end: bool = True) -> Progress:
        """Have the next range compared, or go on with what differs in the last one.

        Unless it may go `to_the_end`, one range at a time of what is copied by now, but for its end: something else is
        under way. When it may, it looks again where the end is: many rows may have come since, and what lies beyond
        is one range. While it is `resting`, no new range is begun. MismatchError when the tables differ.
        """
        begins = not progress.verifying
        if begins or (to_the_end and not self._goes_to_the_end):
            self._goes_to_the_end = to_the_end
            progress = replace(progress, verify_last=self._chunker.edges()[1])
        if begins:
            return replace(progress, verifying=True, uncompared=self._comparison.uncompared)
        for part in self._crew.collect():
            self._parts.append(part)
            if part.seconds and to_the_end:
                self.pace.done(part.rows, part.seconds)
        if to_the_end or progress.is_copied:  # else row copy looks
            self.pace.look()
        if self._parts and not self._crew.busy:
            parts, self._parts = self._parts, []
            progress = self._take(progress, joined(parts, *self._range))
        self._applier.is_awaited = self._open is not None
        if self._open is not None:
            self._go_on(self._open)
        elif not self._crew.busy and not progress.verified and not resting:
            self._send_next(progress, to_the_end=to_the_end)
        return progress

    @property
    def busy(self) -> int:
        """How many statements compare."""
        return self._crew.busy

    def close(self) -> None:
        """Stop comparing."""
        self._crew.close()

    def _send_next(self, progress: Progress, *, to_the_end: bool) -> None:
        parts = list(self._last_parts(progress) if to_the_end else self._part_of_copied(progress))
        if not parts:
            return
        last, upto = parts[-1]
        self._range = KeyRange(progress.verified_upto, last.upto), upto
        self._send(*(compare_range(self._comparison, self._plan.key, *part) for part in parts))

    def _last_parts(self, progress: Progress) -> Iterator[tuple[KeyRange, Key]]:
        """Ranges that follow each other, and where each ends; the last one of all is open."""
        after, last = progress.verified_upto, progress.verify_last
        if last is None:
            yield KeyRange(None, None), ()
            return
        for _ in range(self.pace.workers):
            upto = self._ruler.end(after, last, self._chunker.rows)
            yield KeyRange(after, None if upto == last else upto), upto
            if upto == last:
                return
            after = upto

    def _part_of_copied(self, progress: Progress) -> Iterator[tuple[KeyRange, Key]]:
        """The next range, if so many rows have been copied since the last one."""
        after, copied = progress.verified_upto, progress.copied_upto
        if copied is None or copied == self._nothing_upto:
            return
        upto = self._ruler.end(after, copied, self._chunker.rows)
        if upto == copied:
            self._nothing_upto = copied
        else:
            yield KeyRange(after, upto), upto

    def _send(self, *jobs: _Job) -> None:
        self._applier.ledger.watch()
        for job in jobs:
            self._crew.assign(job)

    def _take(self, progress: Progress, compared: Compared) -> Progress:
        if compared.suspects:
            self._open = _Open(compared, self._applier.write_marker())
            return progress
        self._applier.ledger.unwatch()
        if self._behind:
            self._open = _Open(compared, None)
            return progress
        return self._equal(progress, compared) if compared.complete else progress

    def _go_on(self, range_: _Open) -> None:
        """Find out why keys differ; then compare those that were only behind once more, as soon as each is clean.

        Each by itself: keys that change all the time are hardly ever clean all at once.
        """
        found, ledger = range_.found, self._applier.ledger
        if range_.marker is not None:
            if not self._applier.has_passed(range_.marker):
                return
            behind = set(ledger.restless(found.suspects))
            if really := [key for key in found.suspects if key not in behind]:
                self._open = None
                self._send(tell_difference(self._comparison, self._plan, really))
                return
            ledger.unwatch()  # until something is sent again: that may take as long as somebody keeps a row locked
            self._behind |= behind
            self._open = _Open(replace(found, suspects=()), None)
        if clean := tuple(key for key in self._behind if ledger.is_clean([key])):
            self._behind.difference_update(clean)
            self._open = None
            self._send(compare_keys(self._comparison, self._plan.key, replace(found, suspects=clean)))

    def _equal(self, progress: Progress, compared: Compared) -> Progress:
        """Progress with one more range found equal; the last one completes the verification."""
        upto, rows = compared.upto, compared.rows
        self._ruler.learn(compared.range, rows)
        if compared.range.upto is None:
            total = progress.verified_rows + rows
            return replace(progress, verified=True, verified_upto=upto or None, verified_part=1.0, verified_rows=total)
        place = None
        if progress.first is not None and progress.verify_last is not None:
            place = place_in_range(self._plan.key, progress.first, progress.verify_last, upto)
        by_rows = progress.copied_part * (progress.verified_rows + rows) / max(progress.rows, 1)
        return progress.verified_chunk(upto, rows, min(0.999, by_rows if place is None else max(place, 0.0)))


def patient(job: _Job, key_range: KeyRange, upto: Key) -> _Job:
    """The job, which comes to nothing when somebody keeps the tables locked: the range is compared again then."""

    def tried(session: Session) -> Compared:
        try:
            return job(session)
        except LockConflictError as error:
            log.warning("%s; the keys after %s up to %s are compared again", error.message, key_range.after, upto)
            return Compared(key_range, upto, 0, (), complete=False)

    return tried


def compare_range(comparison: Comparison, key: MigrationKey, key_range: KeyRange, upto: Key) -> _Job:
    """The job that compares one range."""

    def job(session: Session) -> Compared:
        began = time.monotonic()
        total, same, ghosts = (int(count) for count in session.query(comparison.counts(key_range))[0])
        suspects: tuple[Key, ...] = ()
        if not total == same == ghosts:
            suspects = _keys(session, key, comparison.differing(key_range, _MOST_SUSPECTS))
        complete = len(suspects) < _MOST_SUSPECTS
        return Compared(key_range, upto, total, suspects, complete, time.monotonic() - began)

    return patient(job, key_range, upto)


def joined(parts: Sequence[Compared], key_range: KeyRange, upto: Key) -> Compared:
    """The parts of a range as one."""
    return Compared(
        key_range,
        upto,
        sum(part.rows for part in parts),
        tuple(key for part in parts for key in part.suspects),
        all(part.complete for part in parts),
    )


def compare_keys(comparison: Comparison, key: MigrationKey, found: Compared) -> _Job:
    """The job that compares once more what differed in a range."""

    def job(session: Session) -> Compared:
        suspects = _keys(session, key, comparison.differing_among(found.suspects))
        return replace(found, suspects=suspects, seconds=0.0)

    return patient(job, found.range, found.upto)


def tell_difference(comparison: Comparison, plan: Plan, keys: Sequence[Key]) -> Callable[[Session], NoReturn]:
    """The job that ends a comparison which found these keys different: MismatchError, with the columns of the first."""

    def job(session: Session) -> NoReturn:
        shown = keys[:_SHOWN]
        digits = {
            key_sql.parse(plan.key.columns, row[:-1]): row[-1] for row in session.query(comparison.by_column(shown))
        }
        told = "; ".join(f"{key}{_how(comparison, digits.get(key), is_there=key in digits)}" for key in shown)
        more = f"; and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else ""
        raise MismatchError(
            f"{plan.names.ghost} differs from {plan.names.original} in {len(keys)} rows: {told}{more}",
            "The original is untouched. Look at these rows in both tables; then abort, and please report it.",
        )

    return job


def _how(comparison: Comparison, digits: str | None, *, is_there: bool) -> str:
    """In what a row differs, in words."""
    if digits is None:
        return ": not in the ghost table" if is_there else ": only in the ghost table"
    columns = comparison.unequal(digits)
    return f": {', '.join(columns)}" if columns else ""


def _keys(session: Session, key: MigrationKey, statement: str) -> tuple[Key, ...]:
    return tuple(dict.fromkeys(key_sql.parse(key.columns, row) for row in session.query(statement)))
