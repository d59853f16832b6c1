"""How far a migration has come: all that a resumed run needs to know besides its settings."""

from __future__ import annotations

from dataclasses import dataclass, replace

from fsm_ghost.model.chunk import Chunk, CopiedChunk, KeyRange
from fsm_ghost.model.coordinates import Coordinates
from fsm_ghost.model.finding import Finding
from fsm_ghost.model.forecast import Forecast
from fsm_ghost.model.key import Key
from fsm_ghost.model.plan import Plan
from fsm_ghost.model.probe import NOT_PROBED, Probe


@dataclass(frozen=True, slots=True)
class Swap:
    """A swap that has been seen on the server: which coordinates it was locked at, and what it cost."""

    locked_at: Coordinates | None
    stall: float  # seconds for which writers were held up; 0 when it was found done after a crash
    escaped: int | None = None  # keys written to the old table behind its last refresh (R16); None: not looked
    healed: int = 0  # of them brought over afterwards
    unclear: tuple[Key, ...] = ()  # of them written again since the swap: for people to judge


@dataclass(frozen=True, slots=True)
class Progress:
    """One immutable reading of a migration's progress; each change makes a new one, named for the event.

    Chunks are handed out in key order and may be committed in any order: `open_chunks` are those handed out and not
    known to be committed, `handed_out` is the end of the last one. `safe` are the coordinates from which reading the
    binlog again brings every change that the ghost table may lack, but for the keys that are `carried` (protocol R11).

    What it says about the ghost table was committed before `marker` was, and the COMMIT of that has returned. A server
    that does not have this marker any more has lost commits in a crash, or was put back to an earlier state.
    """

    warnings: tuple[Finding, ...] = ()  # what to know, and no reason not to begin
    plan: Plan | None = None
    prepared: bool = False  # the ghost table has its new definition
    probe: Probe = NOT_PROBED  # which rows would not fit it
    forecast: Forecast | None = None  # of a dry run
    altering: bool = False  # a native ALTER TABLE was begun on the original, and what came of it is not known
    alter_tries: int = 0  # native ALTER TABLEs that did not succeed
    altered: bool = False  # it was carried out; there is nothing left to migrate

    start: Coordinates | None = None
    safe: Coordinates | None = None
    marker: int = 0
    changes: int = 0  # row events read on the original
    refreshed: int = 0  # keys refreshed

    range_known: bool = False
    first: Key | None = None
    last: Key | None = None
    handed_out: Key | None = None
    started_upto: Key | None = None  # chunks up to here may have been sent by a run that this store does not know
    open_chunks: tuple[Chunk, ...] = ()
    chunks: int = 0
    rows: int = 0
    carried: tuple[Key, ...] = ()  # keys that are dirty, although their events may lie before `safe`
    copied_part: float = 0.0  # share of the key range that is copied, 0..1
    indexed: bool = False  # the indexes that were deferred have been built

    verifying: bool = False
    verify_last: Key | None = None  # the last key when the comparison began, and anew when it began to go to the end
    verified_upto: Key | None = None
    verified_rows: int = 0
    verified_part: float = 0.0
    verified: bool = False
    uncompared: tuple[str, ...] = ()  # columns whose old and new values SQL cannot compare exactly

    verified_at: float | None = None  # when it was found equal, seconds since the epoch

    postponed: bool | None = None  # the swap was asked to wait, or to wait for nothing; None: as the settings say
    throttled: bool = False  # row copy was asked to wait
    rehearsal: int | None = None  # the command that asked for a rehearsal of the swap
    attempts: int = 0  # swaps tried
    swapping: bool = False  # a swap was begun and what came of it has not been recorded
    swap: Swap | None = None

    @property
    def the_plan(self) -> Plan:
        """The plan, in states that come after validate."""
        if self.plan is None:
            raise LookupError("no plan has been made yet")
        return self.plan

    @property
    def is_in_doubt(self) -> bool:
        """Whether it is not known what came of a statement that cannot be taken back."""
        return self.swapping or self.altering

    @property
    def is_handed_out(self) -> bool:
        """Whether the last chunk of the range has been handed out; an empty table has none."""
        return self.range_known and (self.last is None or self.handed_out == self.last)

    @property
    def copied_upto(self) -> Key | None:
        """Up to where every chunk is known to be copied; None when not even the first one is."""
        return self.open_chunks[0].range.after if self.open_chunks else self.handed_out

    @property
    def is_copied(self) -> bool:
        """Whether every chunk of the key range is known to be copied."""
        return self.is_handed_out and not self.open_chunks

    @property
    def lacks_indexes(self) -> bool:
        """Whether the ghost table is still to get some of its indexes."""
        return not self.indexed and self.plan is not None and bool(self.plan.deferral.indexes)

    @property
    def ahead(self) -> KeyRange | None:
        """The keys that no chunk handed out so far can contain, but one is going to; None when there are none.

        As long as the range is not known, these are all keys.
        """
        if not self.range_known:
            return KeyRange(None, None)
        return None if self.is_handed_out else KeyRange(self.handed_out, self.last)

    def range_found(self, first: Key | None, last: Key | None) -> Progress:
        """The first and the last key that row copy has to cover; None for an empty table."""
        return replace(self, range_known=True, first=first, last=last)

    def chunk_handed_out(self, upto: Key) -> Progress:
        """The next chunk, from where the last one ended up to `upto`."""
        chunk = Chunk(self.chunks + 1, KeyRange(self.handed_out, upto))
        return replace(self, handed_out=upto, chunks=chunk.number, open_chunks=(*self.open_chunks, chunk))

    def chunk_copied(self, copied: CopiedChunk) -> Progress:
        """A chunk's transaction has been committed."""
        still_open = tuple(chunk for chunk in self.open_chunks if chunk.number != copied.chunk.number)
        carried = (*self.carried, *copied.missing)
        return replace(self, open_chunks=still_open, rows=self.rows + copied.rows, carried=carried)

    def to_verify_again(self) -> Progress:
        """Original and ghost table are to be compared from the beginning."""
        return replace(
            self,
            verifying=False,
            verify_last=None,
            verified_upto=None,
            verified_rows=0,
            verified_part=0.0,
            verified=False,
            verified_at=None,
        )

    def verified_chunk(self, upto: Key, rows: int, part: float) -> Progress:
        """Original and ghost table are equal up to here."""
        return replace(self, verified_upto=upto, verified_rows=self.verified_rows + rows, verified_part=part)
