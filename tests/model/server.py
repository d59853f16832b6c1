"""What happens on the server: the application's transactions, and the statements that a client has sent.

The steps are as fine as the server's: whatever another session could see, or slip into, is a state of its own. Of the
locks in G only those on uncommitted rows are modelled: leaving out the others only allows more interleavings.
"""

from collections.abc import Iterable, Iterator
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
    Keys,
    Phase,
    Refresh,
    Server,
    Stage,
    State,
    Transaction,
    replaced,
    without,
    written,
)
from tests.model.wording import changes, name, names, rows

Steps: TypeAlias = Iterator[tuple[str, State]]

COMMIT = ("commit", -1)  # the last statement of every refresh


class ServerSide:
    """The steps nobody has to ask our client for."""

    def __init__(self, scope: Scope, rules: frozenset[Rule]) -> None:
        self.scope = scope
        self.rules = rules
        self.transactions = scope.transactions or _every_transaction(scope)
        self.replaces = scope.replace or (scope.demanded and Rule.R9_INSERT not in rules)

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
        """What a transaction can write now without waiting for a lock or violating a unique key of O."""
        locked = self._locked_in_table(server)
        for writes in self.transactions:
            touched = [key for key, cell in enumerate(writes) if cell != UNTOUCHED]
            if all(key not in locked and writes[key] != server.table[key] for key in touched) and (
                not self._violates_unique(server, writes)
            ):
                yield writes

    def _locked_in_table(self, server: Server) -> set[Key]:
        """The keys locked in O. A refresh locks the rows that exist: READ COMMITTED locks no gap."""
        locked = {key for each in server.in_flight for key in self.scope.keys if each.touches(key)}
        if Rule.R6_LOCK in self.rules:
            locked.update(key for each in server.refreshes if each.todo for key in each.found)
        return {each for key in locked for each in self.scope.equal_to(key)} if self.scope.alike else locked

    def _violates_unique(self, server: Server, writes: Cells) -> bool:
        if not self.scope.unique and not self.scope.alike:
            return False
        present = [cell for cell in written(server.table, writes) if cell != ABSENT]
        if self.scope.alike:
            return len(present) > 1
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
            if chunk.stage is Stage.SENT:
                read = chunk._replace(stage=Stage.READ, rows=self._rows_of(state, chunk))
                yield f"{actor}: takes its snapshot", with_chunk(state, chunk, read)
            elif chunk.stage is Stage.COMMITTED:
                missing = tuple((key, cell) for key, cell in self._rows_of(state, chunk) if server.ghost[key] == ABSENT)
                looked = chunk._replace(stage=Stage.LOOKED, rows=missing)
                yield f"{actor}: finds that G lacks {rows(missing)}", with_chunk(state, chunk, looked)
            elif chunk.stage is Stage.LOOKED:
                continue
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
                looks = self.scope.demanded and chunk.ours and Rule.R9_MISSING in self.rules
                rest = chunk._replace(stage=Stage.COMMITTED, writes=self.scope.untouched) if looks else None
                yield f"{actor}: commits", with_chunk(state._replace(server=committed), chunk, rest)

    def _rows_of(self, state: State, chunk: Chunk) -> tuple[tuple[Key, Cell], ...]:
        """What a plain reader sees in a chunk's range of O."""
        return tuple(
            (key, state.server.table[key])
            for key in self.scope.chunks[chunk.number]
            if state.store.in_range[key] and state.server.table[key] != ABSENT
        )

    # ---- R6: a refresh locks and reads its keys in O, deletes and inserts them in G, and commits ---------------------

    def refreshes(self, state: State) -> Steps:
        for refresh in state.server.refreshes:
            actor = f"refresh {names(refresh.keys)}" if refresh.ours else f"left-over refresh {names(refresh.keys)}"
            if not refresh.todo:
                continue
            if refresh.todo == (COMMIT,):
                yield f"{actor}: commits", _committed(state, refresh)
                continue
            for what, after in self._next_statement(state.server, refresh):
                yield f"{actor}: {what}", with_refresh(state, refresh, after)

    def cannot_go_on(self, server: Server, refresh: Refresh) -> bool:
        """Whether its next statement cannot be carried out now: it waits for a lock, or meets 1062."""
        return refresh.todo != (COMMIT,) and not any(self._next_statement(server, refresh))

    def _next_statement(self, server: Server, refresh: Refresh) -> Iterator[tuple[str, Refresh]]:
        (verb, key), *later = refresh.todo
        rest = refresh._replace(todo=tuple(later))
        if verb == "lock":
            return self._lock(server, rest, key)
        if verb == "delete":
            return self._delete(server, refresh, rest, key)
        return self._insert(server, refresh, rest, key)

    def _lock(self, server: Server, rest: Refresh, key: Key) -> Iterator[tuple[str, Refresh]]:
        """The locking read waits for whoever has changed the row, and then sees the outcome."""
        if self.is_locked(server, key):
            return
        for row in self.scope.equal_to(key):
            if server.table[row] != ABSENT and row not in rest.found:
                rest = rest._replace(found=(*rest.found, row))
        if not rest.todo:
            absent = tuple(each for each in rest.keys if each not in rest.found)
            deleted = absent if self.replaces else (*absent, *rest.found)
            deletes = tuple(("delete", each) for each in deleted)
            rest = rest._replace(todo=(*deletes, *(("insert", each) for each in rest.found), COMMIT))
        verb = "locks and reads" if Rule.R6_LOCK in self.rules else "reads"
        yield f"{verb} {name(key)}={server.table[key]}", rest

    def is_locked(self, server: Server, key: Key) -> bool:
        """Whether a locking read of this key has to wait."""
        equal = self.scope.equal_to(key)
        return Rule.R6_LOCK in self.rules and any(each.touches(row) for each in server.in_flight for row in equal)

    def _delete(self, server: Server, refresh: Refresh, rest: Refresh, key: Key) -> Iterator[tuple[str, Refresh]]:
        """The DELETE of a row that is not there locks nothing (R7)."""
        if self._waits_in_ghost(server, refresh, key, ABSENT):
            return
        by_spelling = Rule.R6_SPELLING in self.rules and key not in refresh.found
        for row in (key,) if by_spelling else self.scope.equal_to(key):
            if server.ghost[row] != ABSENT:
                rest = rest._replace(writes=replaced(rest.writes, row, ABSENT))
        yield f"DELETE {name(key)}", rest

    def _insert(self, server: Server, refresh: Refresh, rest: Refresh, key: Key) -> Iterator[tuple[str, Refresh]]:
        """REPLACE removes every conflicting row (R9); INSERT meets 1062 and can only be rolled back (R6b)."""
        cell = server.table[key]
        if self._waits_in_ghost(server, refresh, key, cell):
            return
        conflicts = self._conflicts_in_ghost(server, refresh.writes, key, cell)
        if conflicts and not self.replaces:
            return
        writes = refresh.writes
        for row in conflicts:
            writes = replaced(writes, row, ABSENT)
        verb = "REPLACE" if self.replaces else "INSERT"
        yield f"{verb} {name(key)}={cell}", rest._replace(writes=replaced(writes, key, cell))

    def clash(self, server: Server, refresh: Refresh) -> tuple[Key, Keys] | None:
        """R9: the row whose INSERT fails now because it is like others in G, and those; None if none does."""
        verb, key = refresh.todo[0]
        cell = server.table[key]
        if not self.scope.demanded or verb != "insert" or self._waits_in_ghost(server, refresh, key, cell):
            return None
        view = written(server.ghost, refresh.writes)
        others = tuple(row for row in self.scope.keys if row != key and view[row] == cell)
        return (key, others) if others else None

    def _waits_in_ghost(self, server: Server, me: Chunk | Refresh, key: Key, cell: Cell) -> bool:
        """Whether writing `cell` at `key` meets a row of G that another session has written and not committed."""
        others: list[Chunk | Refresh] = [*server.chunks, *server.refreshes]
        for other in others:
            if other is me:
                continue
            if any(other.writes[row] != UNTOUCHED for row in self.scope.equal_to(key)):
                return True
            if self.scope.is_unique_in_ghost and cell != ABSENT:
                rows = (row for row in self.scope.keys if other.writes[row] != UNTOUCHED)
                if any(cell in (server.ghost[row], other.writes[row]) for row in rows):
                    return True
        return False

    def _conflicts_in_ghost(self, server: Server, writes: Cells, key: Key, cell: Cell) -> list[Key]:
        """The rows of G that have the migration key, or the unique value, of the row to be inserted."""
        view = written(server.ghost, writes)
        equal = self.scope.equal_to(key)
        return [
            row
            for row in self.scope.keys
            if view[row] != ABSENT and (row in equal or (self.scope.is_unique_in_ghost and view[row] == cell))
        ]


def _every_transaction(scope: Scope) -> tuple[Cells, ...]:
    every: Iterable[Cells] = product((UNTOUCHED, *scope.any_of()), repeat=len(scope.keys))
    return tuple(writes for writes in every if any(cell != UNTOUCHED for cell in writes))


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
