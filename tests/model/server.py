"""What happens on the server: the application's transactions, and the statements that a client has sent.

The steps are as fine as the server's: whatever another session could see, or slip into, is a state of its own. Of the
locks in G only those on uncommitted rows are modelled: leaving out the others only allows more interleavings.
"""

from collections.abc import Iterator
from itertools import product
from typing import TypeAlias

from tests.model.rules import Rule, Scope
from tests.model.state import (
    ABSENT,
    MARKER,
    UNTOUCHED,
    Cell,
    Cells,
    Chunk,
    Event,
    Key,
    Phase,
    Refresh,
    Server,
    State,
    Transaction,
    replaced,
    without,
    written,
)
from tests.model.wording import changes, name, names

Steps: TypeAlias = Iterator[tuple[str, State]]

COMMIT = ("commit", -1)  # the last statement of every refresh


class ServerSide:
    """The steps nobody has to ask our client for."""

    def __init__(self, scope: Scope, rules: frozenset[Rule]) -> None:
        self.scope = scope
        self.rules = rules

    def steps(self, state: State) -> Steps:
        yield from self.application(state)
        yield from self.chunks(state)
        yield from self.refreshes(state)

    # ---- the application: any writes, in any order -----------------------------------------------------------------

    def application(self, state: State) -> Steps:
        """A change is in the binlog before plain readers can see it, and locked until then (R1)."""
        server = state.server
        if state.writes and not server.locked:
            for writes in self._possible_writes(server):
                begun = server._replace(open=tuple(sorted((*server.open, Transaction(writes)))))
                yield f"application: writes {changes(writes)}", state._replace(server=begun, writes=state.writes - 1)
        for each in server.open:
            rest = server._replace(open=without(server.open, each))
            yield "application: ROLLBACK", state._replace(server=rest)
            yield "application: COMMIT is logged, not visible", _logged(state, rest, each)
            if self.scope.xa:
                yield "application: XA PREPARE is logged", _logged(state, rest, each._replace(xa=True))
        for each in self.next_to_commit(server):
            rest = server._replace(committing=without(server.committing, each))
            if each.xa:
                prepared = tuple(sorted((*rest.prepared, each)))
                yield "application: is prepared", state._replace(server=rest._replace(prepared=prepared))
            elif each != MARKER:
                yield "application: COMMIT is visible", state._replace(server=_visible(rest, each))
        for each in server.prepared:
            rest = server._replace(prepared=without(server.prepared, each))
            yield "application: XA ROLLBACK", state._replace(server=rest)
            yield "application: XA COMMIT, no row event", state._replace(server=_visible(rest, each))

    def next_to_commit(self, server: Server) -> tuple[Transaction, ...]:
        """R1: commits become visible, and return, in the order of the binlog."""
        return server.committing[:1] if Rule.R1_ORDER in self.rules else server.committing

    def _possible_writes(self, server: Server) -> Iterator[Cells]:
        """What a transaction can write now without waiting for a lock or violating the unique key."""
        locked = self._locked_in_table(server)
        choices = [
            (UNTOUCHED,) if key in locked else (UNTOUCHED, *(each for each in self.scope.any_of() if each != cell))
            for key, cell in enumerate(server.table)
        ]
        for writes in product(*choices):
            if any(cell != UNTOUCHED for cell in writes) and not self._violates_unique(server, writes):
                yield writes

    def _locked_in_table(self, server: Server) -> set[Key]:
        """The keys locked in O. A refresh locks the rows that exist: READ COMMITTED locks no gap."""
        locked = {key for each in server.in_flight for key in self.scope.keys if each.touches(key)}
        if Rule.R6_LOCK in self.rules:
            locked.update(key for each in server.refreshes if each.todo for key in each.found)
        return locked

    def _violates_unique(self, server: Server, writes: Cells) -> bool:
        if not self.scope.unique:
            return False
        present = [cell for cell in written(server.table, writes) if cell != ABSENT]
        locked = {
            cell
            for each in server.in_flight
            for key in self.scope.keys
            if each.touches(key)
            for cell in (server.table[key], each.writes[key])
        }
        return len(set(present)) < len(present) or not locked.isdisjoint(set(writes) - {ABSENT, UNTOUCHED})

    def table_is_free(self, server: Server) -> bool:
        """Whether LOCK TABLES is granted: it waits for everything that uses O, except for a prepared XA transaction.

        MariaDB forgets that one's metadata lock, though not its row locks, when its session ends or the server restarts
        (measured on 10.11.19; MySQL 9.7.4 remembers it). It may even commit under our lock.
        """
        transactions = [*server.open, *(each for each in server.committing if each != MARKER)]
        return not transactions and not server.chunks and not any(each.todo for each in server.refreshes)

    # ---- R3: a chunk reads its snapshot, inserts what is missing in G, and commits -----------------------------------

    def chunks(self, state: State) -> Steps:
        server = state.server
        for chunk in server.chunks:
            actor = f"chunk {chunk.number + 1}" if chunk.ours else f"left-over chunk {chunk.number + 1}"
            if not chunk.has_read:
                rows = tuple(
                    (key, server.table[key])
                    for key in self.scope.chunks[chunk.number]
                    if state.store.in_range[key] and server.table[key] != ABSENT
                )
                read = chunk._replace(has_read=True, rows=rows)
                yield f"{actor}: takes its snapshot", with_chunk(state, chunk, read)
            elif chunk.rows:
                (key, cell), *later = chunk.rows
                if self._waits_in_ghost(server, chunk, key, cell):
                    continue
                conflicts = self._conflicts_in_ghost(server, chunk.writes, key, cell)
                writes = chunk.writes if conflicts else replaced(chunk.writes, key, cell)
                what = f"leaves {name(key)}={cell} out, conflict" if conflicts else f"inserts {name(key)}={cell}"
                yield f"{actor}: {what}", with_chunk(state, chunk, chunk._replace(rows=tuple(later), writes=writes))
            else:
                committed = server._replace(ghost=written(server.ghost, chunk.writes))
                yield f"{actor}: commits", with_chunk(state._replace(server=committed), chunk, None)

    # ---- R6: a refresh locks and reads its keys in O, deletes and inserts them in G, and commits ---------------------

    def refreshes(self, state: State) -> Steps:
        for refresh in state.server.refreshes:
            actor = f"refresh {names(refresh.keys)}" if refresh.ours else f"left-over refresh {names(refresh.keys)}"
            if not refresh.todo:
                continue
            (verb, key), *later = refresh.todo
            rest = refresh._replace(todo=tuple(later))
            if verb == "lock":
                steps = self._lock(state.server, rest, key)
            elif verb == "delete":
                steps = self._delete(state.server, refresh, rest, key)
            elif verb == "insert":
                steps = self._insert(state.server, refresh, rest, key)
            else:
                yield f"{actor}: commits", _committed(state, refresh)
                continue
            for what, after in steps:
                yield f"{actor}: {what}", with_refresh(state, refresh, after)

    def _lock(self, server: Server, rest: Refresh, key: Key) -> Iterator[tuple[str, Refresh]]:
        """The locking read waits for whoever has changed the row, and then sees the outcome."""
        if Rule.R6_LOCK in self.rules and any(each.touches(key) for each in server.in_flight):
            return
        if server.table[key] != ABSENT:
            rest = rest._replace(found=(*rest.found, key))
        if not rest.todo:
            absent = tuple(each for each in rest.keys if each not in rest.found)
            deletes = tuple(("delete", each) for each in (absent if self.scope.replace else rest.keys))
            rest = rest._replace(todo=(*deletes, *(("insert", each) for each in rest.found), COMMIT))
        verb = "locks and reads" if Rule.R6_LOCK in self.rules else "reads"
        yield f"{verb} {name(key)}={server.table[key]}", rest

    def _delete(self, server: Server, refresh: Refresh, rest: Refresh, key: Key) -> Iterator[tuple[str, Refresh]]:
        """The DELETE of a row that is not there locks nothing (R7)."""
        if self._waits_in_ghost(server, refresh, key, ABSENT):
            return
        if server.ghost[key] != ABSENT:
            rest = rest._replace(writes=replaced(rest.writes, key, ABSENT))
        yield f"DELETE {name(key)}", rest

    def _insert(self, server: Server, refresh: Refresh, rest: Refresh, key: Key) -> Iterator[tuple[str, Refresh]]:
        """REPLACE removes every conflicting row (R9); INSERT meets 1062 and can only be rolled back (R6b)."""
        cell = server.table[key]
        if self._waits_in_ghost(server, refresh, key, cell):
            return
        conflicts = self._conflicts_in_ghost(server, refresh.writes, key, cell)
        if conflicts and not self.scope.replace:
            return
        writes = refresh.writes
        for row in conflicts:
            writes = replaced(writes, row, ABSENT)
        verb = "REPLACE" if self.scope.replace else "INSERT"
        yield f"{verb} {name(key)}={cell}", rest._replace(writes=replaced(writes, key, cell))

    def _waits_in_ghost(self, server: Server, me: Chunk | Refresh, key: Key, cell: Cell) -> bool:
        """Whether writing `cell` at `key` meets a row of G that another session has written and not committed."""
        others: list[Chunk | Refresh] = [*server.chunks, *server.refreshes]
        for other in others:
            if other is me:
                continue
            if other.writes[key] != UNTOUCHED:
                return True
            if self.scope.unique and cell != ABSENT:
                rows = (row for row in self.scope.keys if other.writes[row] != UNTOUCHED)
                if any(cell in (server.ghost[row], other.writes[row]) for row in rows):
                    return True
        return False

    def _conflicts_in_ghost(self, server: Server, writes: Cells, key: Key, cell: Cell) -> list[Key]:
        """The rows of G that have the migration key, or the unique value, of the row to be inserted."""
        view = written(server.ghost, writes)
        return [
            row
            for row in self.scope.keys
            if view[row] != ABSENT and (row == key or (self.scope.unique and view[row] == cell))
        ]


def with_chunk(state: State, old: Chunk, new: Chunk | None) -> State:
    """`state` with one chunk statement replaced, or gone."""
    rest = without(state.server.chunks, old)
    chunks = rest if new is None else tuple(sorted((*rest, new)))
    return state._replace(server=state.server._replace(chunks=chunks))


def with_refresh(state: State, old: Refresh, new: Refresh | None) -> State:
    """`state` with one refresh replaced, or gone."""
    rest = without(state.server.refreshes, old)
    refreshes = rest if new is None else tuple(sorted((*rest, new)))
    return state._replace(server=state.server._replace(refreshes=refreshes))


def _committed(state: State, refresh: Refresh) -> State:
    """What it wrote is visible and its locks are free; a client that still lives gets a reply."""
    ghost = written(state.server.ghost, refresh.writes)
    nothing = (UNTOUCHED,) * len(ghost)
    done = refresh._replace(todo=(), found=(), writes=nothing) if refresh.ours else None
    return with_refresh(state._replace(server=state.server._replace(ghost=ghost)), refresh, done)


def _visible(server: Server, transaction: Transaction) -> Server:
    return server._replace(table=written(server.table, transaction.writes))


def _logged(state: State, server: Server, transaction: Transaction) -> State:
    """`transaction` is in the binlog. What is logged before P0 is never read, so it is not kept."""
    if state.store.phase is not Phase.NEW:
        keys = tuple(key for key in range(len(server.table)) if transaction.touches(key))
        server = server._replace(binlog=(*server.binlog, Event(keys, transaction.xa)))
    return state._replace(server=server._replace(committing=(*server.committing, transaction)))
