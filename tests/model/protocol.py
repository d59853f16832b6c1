"""The data protocol as a model to be explored exhaustively: R1–R3, R5–R9, R11, R12 and the drain of R14.

To be read beside the page. Each section is one of its chapters, each method the steps one part of our client can take;
where a rule can be switched off, its name stands in the line that is the rule. The rest of the world is in `server.py`.

Not modelled: what compares values (R4, R8 ii), new uniqueness (R9's conflicts), the stream's refusals (R10), the
identities R13 verifies, and the RENAME itself (R14's name order, R15, R16).
"""

from collections.abc import Callable, Iterable, Iterator

from tests.model.rules import ALL_RULES, Keys, Rule, Scope
from tests.model.server import COMMIT, ServerSide, Steps, with_chunk, with_refresh
from tests.model.state import (
    ABSENT,
    CLEAN,
    MARKER,
    UNTOUCHED,
    Chunk,
    Client,
    Copying,
    Entry,
    Key,
    Phase,
    Refresh,
    Server,
    State,
    Store,
    moved,
    replaced,
    without,
)
from tests.model.wording import name, names, sentence


class DataPlane:
    """The model. With `only_swap` the Invariant is asked at the swap alone, so that a trace ends with the row lost."""

    def __init__(self, scope: Scope, rules: Iterable[Rule] = ALL_RULES, *, only_swap: bool = False) -> None:
        self.scope = scope
        self.rules = frozenset(rules)
        self.only_swap = only_swap
        self.server_side = ServerSide(scope, self.rules)
        self.untouched = (UNTOUCHED,) * len(scope.keys)

    def initial(self) -> Iterator[State]:
        no = (False,) * len(self.scope.chunks)
        for table in self.scope.tables:
            store = Store(Phase.NEW, started=no, done=no, in_range=(False,) * len(table))
            server = Server(table, ghost=(ABSENT,) * len(table))
            yield State(server, store, self._new_client(store), self.scope.writes, self.scope.faults)

    def successors(self, state: State) -> Steps:
        if self.is_done(state):
            return
        yield from self.server_side.steps(state)
        if state.client is None:
            yield self.resume(state)
            return
        yield from self.start(state, state.client)
        yield from self.stream(state, state.client)
        if state.store.phase is Phase.COPY:
            yield from self.copy(state, state.client)
            yield from self.refresh(state, state.client)
            yield from self.discard(state, state.client)
            yield from self.checkpoint(state, state.client)
            yield from self.swap(state, state.client)
        if state.faults and state.store.phase is not Phase.NEW:
            yield from self.faults(state, state.client)

    # ---- Start (R1) ------------------------------------------------------------------------------------------------

    def start(self, state: State, client: Client) -> Steps:
        """Read P0, start the stream, write a marker, wait for its COMMIT, read MIN and MAX."""
        server, store = state.server, state.store
        if store.phase is Phase.NEW:
            barrier = store._replace(phase=Phase.BARRIER)
            yield "start: P0 is stored, the stream starts", state._replace(store=barrier)
        if store.phase is Phase.BARRIER and client.marker is None and client.proved is None:
            yield "start: writes a marker", _marker_written(state, client)
        if client.marker is not None and MARKER in self.server_side.next_to_commit(server):
            yield (
                "marker: its COMMIT returns",
                state._replace(
                    server=server._replace(committing=without(server.committing, MARKER)),
                    client=client._replace(marker=None, proved=client.marker),
                ),
            )
        if store.phase is Phase.BARRIER and self._has_passed_the_barrier(server, client):
            yield "start: MIN and MAX are stored", self._range_stored(state, client)

    def _has_passed_the_barrier(self, server: Server, client: Client) -> bool:
        """The marker's COMMIT has returned and it has come back through the stream, which alone proves nothing."""
        marker = client.proved
        if Rule.R1_BARRIER not in self.rules and marker is None:
            marker = client.marker
        if Rule.R1_XA in self.rules and server.prepared:
            return False
        return marker is not None and client.read >= marker

    def _range_stored(self, state: State, client: Client) -> State:
        """What lies outside MIN and MAX belongs to no chunk; a chunk without keys is done."""
        there = [key for key, cell in enumerate(state.server.table) if cell != ABSENT]
        in_range = tuple(bool(there) and there[0] <= key <= there[-1] for key in self.scope.keys)
        empty = tuple(not any(in_range[key] for key in keys) for keys in self.scope.chunks)
        store = Store(Phase.COPY, started=empty, done=empty, in_range=in_range)
        return state._replace(store=store, client=client._replace(copying=_copying(store)))

    # ---- the stream: a key is dirty from the moment its event is read ------------------------------------------------

    def stream(self, state: State, client: Client) -> Steps:
        if client.read == len(state.server.binlog):
            return
        event = state.server.binlog[client.read]

        def dirty(entry: Entry) -> Entry:
            marked = entry._replace(dirty=client.read if entry.dirty is None else entry.dirty)
            return marked._replace(newest=client.read, xa=entry.xa or event.xa) if self.scope.discard else marked

        after = _ledger(client, event.keys, dirty)._replace(read=client.read + 1)
        yield f"stream: reads an event of {names(event.keys)}", state._replace(client=after)

    # ---- Row copy (R3, R5) -----------------------------------------------------------------------------------------

    def copy(self, state: State, client: Client) -> Steps:
        """Chunks are sent in key order and may be in flight together; each of them runs in `server.py`."""
        store = state.store
        for number in self.scope.numbers:
            actor, known = f"chunk {number + 1}", client.copying[number]
            ours = [each for each in state.server.chunks if each.ours and each.number == number]
            if known is Copying.IDLE and all(store.started[:number]):
                yield f"{actor}: its start is stored, it is sent", self._chunk_sent(state, client, number)
            if known is Copying.RUNNING and not ours:
                ended = self._chunk_ended(state, client, number, Copying.ENDED)
                yield f"{actor}: its reply comes", state._replace(client=ended)
            for statement in ours:
                failed = state._replace(client=self._chunk_ended(state, client, number, Copying.IDLE))
                yield f"{actor}: fails (1205, 1213), rolled back", with_chunk(failed, statement, None)
            if known is Copying.LOST:
                yield self._lost_chunk_given_up(state, client, number)
            has_committed = known is Copying.ENDED or (Rule.R11_DONE not in self.rules and known is Copying.RUNNING)
            if has_committed and not store.done[number]:
                done = store._replace(done=replaced(store.done, number, new=True))
                yield f"{actor}: is recorded as done", state._replace(store=done)

    def _chunk_sent(self, state: State, client: Client, number: int) -> State:
        """R7, R8 (iv): in memory and in the store the chunk has started before its statement is sent."""
        overlapped = _ledger(
            client._replace(copying=replaced(client.copying, number, Copying.RUNNING)),
            (key for key in self._keys_of(state.store, number) if client.ledger[key].taken is not None),
            lambda entry: entry._replace(overlapped=True),
        )
        return state._replace(
            server=state.server._replace(chunks=tuple(sorted((*state.server.chunks, Chunk(number, self.untouched))))),
            store=state.store._replace(started=replaced(state.store.started, number, new=True)),
            client=overlapped,
        )

    def _chunk_ended(self, state: State, client: Client, number: int, known: Copying) -> Client:
        """R7: what the chunk kept from being clean is dirty again."""
        ended = client._replace(copying=replaced(client.copying, number, known))
        return _ledger(ended, self._keys_of(state.store, number), Entry.released)

    def _lost_chunk_given_up(self, state: State, client: Client, number: int) -> tuple[str, State]:
        """R2 for a single connection: KILL it and wait until it has left the process list, then repeat the chunk."""
        given_up = state._replace(client=self._chunk_ended(state, client, number, Copying.IDLE))
        if Rule.R2_LOST not in self.rules:
            return f"chunk {number + 1}: is given up", given_up
        left = tuple(each for each in state.server.chunks if each.number != number)
        return f"chunk {number + 1}: its connection is gone", given_up._replace(
            server=state.server._replace(chunks=left)
        )

    def _keys_of(self, store: Store, number: int) -> Keys:
        """The keys a chunk can insert."""
        return tuple(key for key in self.scope.chunks[number] if store.in_range[key])

    def _chunk_of(self, key: Key) -> int:
        return next(number for number in self.scope.numbers if key in self.scope.chunks[number])

    # ---- Changes: refresh keys (R6, R7) ------------------------------------------------------------------------------

    def refresh(self, state: State, client: Client) -> Steps:
        """A refresh begins, runs in `server.py`, and then fails or its COMMIT returns."""
        if len(state.server.refreshes) < self.scope.refreshers:
            for keys in self.scope.batches:
                if all(self._may_be_refreshed(state.store, client, key) for key in keys):
                    yield f"refresh {names(keys)}: begins", self._refresh_begun(state, client, keys)
        for each in state.server.refreshes:
            if not each.ours:
                continue
            if each.todo:
                failed = state._replace(client=_ledger(client, each.keys, Entry.again))
                yield f"refresh {names(each.keys)}: fails, rolled back", with_refresh(failed, each, None)
            else:
                ledger = list(client.ledger)
                for key in each.keys:
                    ledger[key] = self._refreshed(state.store, client, key)
                ended = state._replace(client=client._replace(ledger=tuple(ledger)))
                yield f"refresh {names(each.keys)}: its COMMIT returns", with_refresh(ended, each, None)

    def _may_be_refreshed(self, store: Store, client: Client, key: Key) -> bool:
        """R6b: one refresh per key at a time. R8: above the frontier a key is kept, never refreshed."""
        entry = client.ledger[key]
        is_above_frontier = store.in_range[key] and not store.started[self._chunk_of(key)]
        return entry.dirty is not None and entry.taken is None and not (self.scope.discard and is_above_frontier)

    def _refresh_begun(self, state: State, client: Client, keys: Keys) -> State:
        for key in keys:
            overlapped = self._is_chunk_in_flight(state.store, client, key)
            client = client._replace(
                ledger=replaced(client.ledger, key, client.ledger[key].begun(overlapped=overlapped))
            )
        begun = Refresh(keys, self.untouched, todo=tuple(("lock", key) for key in keys))
        refreshes = tuple(sorted((*state.server.refreshes, begun)))
        return state._replace(server=state.server._replace(refreshes=refreshes), client=client)

    def _refreshed(self, store: Store, client: Client, key: Key) -> Entry:
        """R7: a refresh is final only if no chunk that can contain the key was in flight at any moment of it."""
        entry = client.ledger[key]
        is_in_flight = self._is_chunk_in_flight(store, client, key)
        was_in_flight = entry.overlapped and Rule.R7_ANY_MOMENT in self.rules
        if Rule.R7 in self.rules and is_in_flight:
            return entry.kept_until_the_chunk_ends()
        if Rule.R7 in self.rules and was_in_flight:
            return entry.again()
        return entry.refreshed()

    def _is_chunk_in_flight(self, store: Store, client: Client, key: Key) -> bool:
        return store.in_range[key] and client.copying[self._chunk_of(key)].is_in_flight

    # ---- Discarding above the frontier (R8) --------------------------------------------------------------------------

    def discard(self, state: State, client: Client) -> Steps:
        """A kept key may be dropped when its chunk is sure to see the change."""
        if not self.scope.discard:
            return
        waiting = [key for key in self.scope.keys if client.ledger[key].dirty is not None]
        kept = any(not self._may_be_refreshed(state.store, client, key) for key in waiting)
        if kept and client.marker is None and len(state.server.binlog) > (client.proved or 0):
            yield "discard: writes a marker", _marker_written(state, client)
        for key in waiting:
            if self._may_be_dropped(state.store, client, key):
                dropped = _ledger(client, (key,), lambda _: CLEAN)
                yield f"discard: {name(key)} is dropped", state._replace(client=dropped)

    def _may_be_dropped(self, store: Store, client: Client, key: Key) -> bool:
        entry = client.ledger[key]
        if entry.taken is not None or entry.held is not None:
            return False
        if Rule.R8_UNIQUE in self.rules and self.scope.unique:
            return False
        if Rule.R8_RANGE in self.rules and not store.in_range[key]:
            return False
        if Rule.R8_XA in self.rules and entry.xa:
            return False
        return self._will_be_seen(client, entry) and not self._has_started(store, client, self._chunk_of(key))

    def _will_be_seen(self, client: Client, entry: Entry) -> bool:
        """R8 (i): the newest event lies before a marker whose COMMIT has returned."""
        event = entry.newest if Rule.R8_NEWEST in self.rules else entry.dirty
        marker = client.proved
        if Rule.R8_RETURNED not in self.rules and client.marker is not None and client.marker <= client.read:
            marker = client.marker
        return event is not None and marker is not None and event < marker

    def _has_started(self, store: Store, client: Client, number: int) -> bool:
        """R8 (iv): the chunk has been started, by this run or by an earlier one."""
        if client.copying[number] is not Copying.IDLE:
            return Rule.R8_STARTED in self.rules
        return Rule.R8_STARTED_EARLIER in self.rules and store.started[number]

    # ---- Checkpoint and resume (R2, R11, R12) ------------------------------------------------------------------------

    def checkpoint(self, state: State, client: Client) -> Steps:
        """R11: the coordinates never pass an event that is still needed. (For chunks see `copy`.)"""
        coordinates = min([client.read, *self._events_needed(client)])
        if not coordinates:
            return
        ledger = tuple(entry.counted_from(coordinates) for entry in client.ledger)
        marker, proved = moved(client.marker, coordinates), moved(client.proved, coordinates)
        yield (
            "checkpoint: coordinates are stored",
            state._replace(
                server=state.server._replace(binlog=state.server.binlog[coordinates:]),
                client=Client(ledger, client.copying, client.read - coordinates, marker, proved),
            ),
        )

    def _events_needed(self, client: Client) -> Iterator[int]:
        for entry in client.ledger:
            if entry.dirty is not None and Rule.R11_DIRTY in self.rules:
                yield entry.dirty
            if entry.taken is not None and Rule.R11_TAKEN in self.rules:
                yield entry.taken
            if entry.held is not None and Rule.R11_HELD in self.rules:
                yield entry.held

    def faults(self, state: State, client: Client) -> Steps:
        """The client dies, or a connection does; what the server was executing for it may live on and commit (R2)."""
        state = state._replace(faults=state.faults - 1)
        yield "CRASH", _crashed(state)
        for number in self.scope.numbers:
            if client.copying[number] is Copying.RUNNING:
                left = state._replace(client=client._replace(copying=replaced(client.copying, number, Copying.LOST)))
                for chunk in state.server.chunks:
                    if chunk.ours and chunk.number == number:
                        left = with_chunk(left, chunk, chunk._replace(ours=False))
                yield f"chunk {number + 1}: its connection is LOST", left
        for refresh in state.server.refreshes:
            if refresh.ours:
                again = state._replace(client=_ledger(client, refresh.keys, Entry.again))
                left = with_refresh(again, refresh, _left_over(refresh))
                yield f"refresh {names(refresh.keys)}: its connection is LOST", left

    def resume(self, state: State) -> tuple[str, State]:
        """R13: fence, then run the stored state again, with the stream from the stored coordinates."""
        resumed = state._replace(client=self._new_client(state.store))
        if Rule.R2_FENCE not in self.rules:
            return "resume: without a look at what is left", resumed
        fenced = state.server._replace(chunks=(), refreshes=())
        return "resume: earlier connections are gone", resumed._replace(server=fenced)

    def _new_client(self, store: Store) -> Client:
        return Client(ledger=(CLEAN,) * len(self.scope.keys), copying=_copying(store))

    # ---- Swap (R14) --------------------------------------------------------------------------------------------------

    def swap(self, state: State, client: Client) -> Steps:
        """Under the lock: a marker (nothing can follow it), the stream up to it, the last refreshes, the RENAME."""
        server, store = state.server, state.store
        if not all(store.done):
            return
        if not server.locked:
            if self.server_side.table_is_free(server):
                yield "swap: LOCK TABLES", state._replace(server=server._replace(locked=True))
            return
        yield "swap: given up, UNLOCK TABLES", state._replace(server=server._replace(locked=False))
        is_drained = client.read == len(server.binlog) or Rule.R14_DRAIN not in self.rules
        if is_drained and not server.refreshes and all(entry.is_clean for entry in client.ledger):
            yield "swap: RENAME", state._replace(store=store._replace(phase=Phase.SWAPPED))

    # ---- The Invariant -----------------------------------------------------------------------------------------------

    def violation(self, state: State) -> str | None:
        """Every difference between G and O is accounted for: none at the swap, in memory and in the store before it."""
        server, phase = state.server, state.store.phase
        for key in self.scope.keys:
            if server.ghost[key] == server.table[key]:
                continue
            if phase is Phase.SWAPPED:
                return f"the swap made {name(key)} {server.ghost[key]} where the application left {server.table[key]}"
            if phase is Phase.COPY and not self.only_swap:
                if not self._is_accounted_for_in_the_store(state, key):
                    return f"{name(key)} differs, and a crash now would lose it"
                if state.client is not None and not self._is_accounted_for(state, state.client, key):
                    return f"{name(key)} differs, and nothing will make it equal"
        return None

    def _is_accounted_for(self, state: State, client: Client, key: Key) -> bool:
        """It is (a) in a range not yet copied, (b) dirty or being refreshed, (c) named by an event not yet read."""
        is_copied = not state.store.in_range[key] or client.copying[self._chunk_of(key)] is Copying.ENDED
        unread = state.server.binlog[client.read :]
        return not is_copied or not client.ledger[key].is_clean or any(key in event.keys for event in unread)

    def _is_accounted_for_in_the_store(self, state: State, key: Key) -> bool:
        """The same for the run that would resume now: its chunk is not done, or the stream will name it again."""
        is_done = not state.store.in_range[key] or state.store.done[self._chunk_of(key)]
        return not is_done or any(key in event.keys for event in state.server.binlog)

    def is_done(self, state: State) -> bool:
        return state.store.phase is Phase.SWAPPED

    def describe(self, state: State) -> str:
        return sentence(state)


def _ledger(client: Client, keys: Iterable[Key], change: Callable[[Entry], Entry]) -> Client:
    """`client` with the lines of `keys` changed."""
    ledger = client.ledger
    for key in keys:
        ledger = replaced(ledger, key, change(ledger[key]))
    return client._replace(ledger=ledger)


def _marker_written(state: State, client: Client) -> State:
    """The marker is in the binlog: its place is after all that is there now. Its COMMIT returns later."""
    return state._replace(
        server=state.server._replace(committing=(*state.server.committing, MARKER)),
        client=client._replace(marker=len(state.server.binlog)),
    )


def _copying(store: Store) -> tuple[Copying, ...]:
    """What a client that has only the store knows of the chunks."""
    return tuple(Copying.ENDED if done else Copying.IDLE for done in store.done)


def _crashed(state: State) -> State:
    server = state.server
    left = (_left_over(each) for each in server.refreshes if each.ours)
    return state._replace(
        client=None,
        server=server._replace(
            chunks=tuple(sorted(each._replace(ours=False) for each in server.chunks)),
            refreshes=tuple(sorted([*(each for each in server.refreshes if not each.ours), *filter(None, left)])),
            committing=tuple(each for each in server.committing if each != MARKER),
            locked=False,
        ),
    )


def _left_over(refresh: Refresh) -> Refresh | None:
    """What a dead client leaves of a refresh: it commits only if the COMMIT may have been sent, else it rolls back."""
    return refresh._replace(ours=False) if refresh.todo == (COMMIT,) else None
