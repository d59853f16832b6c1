"""The data protocol as a model to be explored exhaustively: R1–R3, R5–R9, R11, R12 and the drain of R14.

To be read beside the page. Each section is one of its chapters, each method the steps one part of our client can take;
where a rule can be switched off, its name stands in the line that is the rule. The rest of the world is in `server.py`.

Not modelled: what compares values (R4, R8 ii), the stream's refusals (R10), the identities R13 verifies, and the RENAME
itself (R14's name order, R15, R16).
"""

from collections.abc import Callable, Iterable, Iterator

from tests.model.rules import ALL_RULES, Begin, Rule, Scope
from tests.model.server import COMMIT, ServerSide, Steps, with_chunk, with_refresh
from tests.model.state import (
    ABSENT,
    BEFORE_ALL,
    CLEAN,
    MARKER,
    Cells,
    Chunk,
    Client,
    Copying,
    Entry,
    Key,
    Keys,
    Phase,
    Refresh,
    Server,
    Stage,
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

    def initial(self) -> Iterator[State]:
        no, nothing = (False,) * len(self.scope.chunks), (False,) * len(self.scope.keys)
        for table in self.scope.tables:
            store, ghost = Store(Phase.NEW, no, no, nothing, nothing), (ABSENT,) * len(table)
            if self.scope.begin is not Begin.START:
                store = _with_range(store, table, self.scope)
            if self.scope.begin is Begin.COPIED:
                every = (True,) * len(no)
                store, ghost = store._replace(started=every, done=every), table
            yield State(Server(table, ghost), store, _client_of(store), self.scope.writes, self.scope.faults)

    def successors(self, state: State) -> Steps:
        if state.store.phase is Phase.SWAPPED:
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
        if state.store.phase is not Phase.NEW:
            yield from self.mirror(state)
            yield from self.former_owner(state)
            if state.faults:
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
            yield "marker: its COMMIT returns", self._marker_returned(state, client)
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

    def _marker_returned(self, state: State, client: Client) -> State:
        """What lies before the marker is visible; not what came between it and its COMMIT."""
        proved = client.marker if Rule.R8_ASKED in self.rules else len(state.server.binlog)
        return state._replace(
            server=state.server._replace(committing=without(state.server.committing, MARKER)),
            client=client._replace(marker=None, proved=proved),
        )

    def _range_stored(self, state: State, client: Client) -> State:
        store = _with_range(state.store, state.server.table, self.scope)
        return state._replace(store=store, client=client._replace(copying=_copying(store)))

    # ---- the stream: a key is dirty from the moment its event is read ------------------------------------------------

    def stream(self, state: State, client: Client) -> Steps:
        if client.read == len(state.server.binlog):
            return
        event = state.server.binlog[client.read]

        def named(entry: Entry) -> Entry:
            marked = entry.named(client.read)
            return marked._replace(newest=client.read, xa=entry.xa or event.xa) if self.scope.discard else marked

        after = _ledger(client, event.keys, named)._replace(read=client.read + 1)
        yield f"stream: reads an event of {names(event.keys)}", state._replace(client=after)

    # ---- Row copy (R3, R5) -----------------------------------------------------------------------------------------

    def copy(self, state: State, client: Client) -> Steps:
        """Chunks are sent in key order and may be in flight together; each of them runs in `server.py`."""
        store = state.store
        for number in self.scope.numbers:
            actor, known = f"chunk {number + 1}", client.copying[number]
            ours = next((each for each in state.server.chunks if each.ours and each.number == number), None)
            if known is Copying.IDLE and all(store.started[:number]):
                yield f"{actor}: its start is stored, it is sent", self._chunk_sent(state, client, number)
            if known is Copying.RUNNING and (ours is None or ours.stage is Stage.LOOKED):
                yield f"{actor}: its reply comes", self._chunk_replied(state, client, number, ours)
            if ours is not None and not ours.has_committed:
                failed = state._replace(client=self._chunk_ended(state, client, number, Copying.IDLE))
                yield f"{actor}: fails (1205, 1213), rolled back", with_chunk(failed, ours, None)
            if known is Copying.LOST:
                yield self._lost_chunk_given_up(state, client, number)
            has_committed = known is Copying.ENDED or (Rule.R11_DONE not in self.rules and known is Copying.RUNNING)
            if has_committed and not store.done[number]:
                carried = _carried(client) if Rule.R9_STORED in self.rules else store.carried
                done = store._replace(done=replaced(store.done, number, new=True), carried=carried)
                yield f"{actor}: is recorded as done", state._replace(store=done)

    def _chunk_sent(self, state: State, client: Client, number: int) -> State:
        """R7, R8 (iv): in memory and in the store the chunk has started before its statement is sent."""
        overlapped = _ledger(
            client._replace(copying=replaced(client.copying, number, Copying.RUNNING)),
            (key for key in self._keys_of(state.store, number) if client.ledger[key].taken is not None),
            lambda entry: entry._replace(overlapped=True),
        )
        return state._replace(
            server=self._with_new_chunk(state.server, Chunk(number, self.scope.untouched)),
            store=state.store._replace(started=replaced(state.store.started, number, new=True)),
            client=overlapped,
        )

    def _with_new_chunk(self, server: Server, chunk: Chunk) -> Server:
        return server._replace(chunks=tuple(sorted((*server.chunks, chunk))))

    def _chunk_replied(self, state: State, client: Client, number: int, ours: Chunk | None) -> State:
        """It has committed. R9: what it left out is dirty from now on."""
        ended = self._chunk_ended(state, client, number, Copying.ENDED)
        if ours is None:
            return state._replace(client=ended)
        told = _ledger(ended, (key for key, _ in ours.rows), Entry.missing)
        return with_chunk(state._replace(client=told), ours, None)

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

    # ---- Changes: refresh keys (R6, R7, R9) --------------------------------------------------------------------------

    def refresh(self, state: State, client: Client) -> Steps:
        """A refresh begins, runs in `server.py`, and then fails or its COMMIT returns."""
        if len(state.server.refreshes) < self.scope.refreshers:
            for keys in (*self._free_batches(state, client), *self._clashing_batches(client)):
                yield f"refresh {names(keys)}: begins", self._refresh_begun(state, client, keys)
        for each in state.server.refreshes:
            if each.ours and each.todo:
                yield from self._refresh_failed(state, client, each)
            elif each.ours:
                ledger = list(client.ledger)
                for key in each.keys:
                    ledger[key] = self._refreshed(state.store, client, key)
                ended = state._replace(client=client._replace(ledger=tuple(ledger)))
                yield f"refresh {names(each.keys)}: its COMMIT returns", with_refresh(ended, each, None)

    def _free_batches(self, state: State, client: Client) -> Iterator[Keys]:
        """Dirty keys in any batch; under the lock also those that otherwise have to be refreshed alone."""
        for keys in self.scope.batches:
            wanted = (None, ()) if len(keys) == 1 or state.server.locked else (None,)
            if all(
                self._may_be_refreshed(state.store, client, key) and client.ledger[key].others in wanted for key in keys
            ):
                yield keys

    def _clashing_batches(self, client: Client) -> Iterator[Keys]:
        """R9: rows that are alike, all at once."""
        for key, entry in enumerate(client.ledger):
            if entry.is_clashing:
                keys = self._together(client, key) if Rule.R9_TOGETHER in self.rules else (key,)
                if all(client.ledger[each].taken is None for each in keys):
                    yield keys

    def _together(self, client: Client, key: Key) -> Keys:
        """A key, those whose rows its own is like, and so on."""
        keys = [key]
        for each in keys:  # the list grows while it is walked
            keys += [other for other in client.ledger[each].others or () if other not in keys]
            if Rule.R9_CYCLE not in self.rules:
                break
        return tuple(sorted(keys))

    def _may_be_refreshed(self, store: Store, client: Client, key: Key) -> bool:
        """R6b: one refresh per key at a time. R8: a key ahead is kept, never refreshed."""
        entry = client.ledger[key]
        is_kept = self.scope.discard and Rule.R8_AHEAD in self.rules and self._is_ahead(store, key)
        return entry.dirty is not None and entry.taken is None and not is_kept

    def _is_ahead(self, store: Store, key: Key) -> bool:
        """No chunk that can contain the key has been started, but one will be."""
        return store.in_range[key] and not store.started[self._chunk_of(key)] and not store.is_below_floor(key)

    def _refresh_begun(self, state: State, client: Client, keys: Keys) -> State:
        client = _ledger(client, keys, lambda entry: entry.missing() if entry.is_clean else entry)
        for key in keys:
            begun = client.ledger[key].begun(overlapped=self._is_chunk_in_flight(state.store, client, key))
            client = client._replace(ledger=replaced(client.ledger, key, begun))
        refresh = Refresh(keys, self.scope.untouched, todo=tuple(("lock", key) for key in keys))
        refreshes = tuple(sorted((*state.server.refreshes, refresh)))
        return state._replace(server=state.server._replace(refreshes=refreshes), client=client)

    def _refresh_failed(self, state: State, client: Client, refresh: Refresh) -> Steps:
        """R6a: a key that is locked does not hold up the others, R9: nor does a row that is like others in G."""
        actor, (verb, key) = f"refresh {names(refresh.keys)}", refresh.todo[0]
        clash = self.server_side.clash(state.server, refresh)
        if not self.scope.demanded:
            again = state._replace(client=_ledger(client, refresh.keys, Entry.again))
            yield f"{actor}: fails, rolled back", with_refresh(again, refresh, None)
        is_left = self.scope.carries or self.scope.demanded
        if is_left and clash is None and self.server_side.cannot_go_on(state.server, refresh):
            left = state._replace(client=_ledger(client, refresh.keys, lambda entry: entry.left(())))
            yield f"{actor}: cannot {verb} {name(key)} now, rolled back", with_refresh(left, refresh, None)
        if clash is not None:
            culprit, others = clash
            told = _ledger(client, refresh.keys, lambda entry: entry.left(()))
            told = _ledger(told, (culprit,), lambda entry: entry._replace(others=others))
            what = f"{name(culprit)} is like {names(others)}, rolled back"
            yield f"{actor}: {what}", with_refresh(state._replace(client=told), refresh, None)

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
        dirty = [key for key in self.scope.keys if client.ledger[key].dirty is not None]
        is_anything_kept = any(not self._may_be_refreshed(state.store, client, key) for key in dirty)
        if is_anything_kept and client.marker is None and len(state.server.binlog) > (client.proved or 0):
            yield "discard: writes a marker", _marker_written(state, client)
        for key in dirty:
            if self._may_be_dropped(state.store, client, key):
                dropped = _ledger(client, (key,), lambda _: CLEAN)
                yield f"discard: {name(key)} is dropped", state._replace(client=dropped)

    def _may_be_dropped(self, store: Store, client: Client, key: Key) -> bool:
        entry = client.ledger[key]
        if entry.taken is not None or entry.held is not None:
            return False
        if Rule.R8_UNIQUE in self.rules and self.scope.is_unique_in_ghost:
            return False
        if Rule.R8_RANGE in self.rules and not store.in_range[key]:
            return False
        if Rule.R8_XA in self.rules and entry.xa:
            return False
        return self._will_be_seen(client, entry) and not self._has_started(store, client, key)

    def _will_be_seen(self, client: Client, entry: Entry) -> bool:
        """R8 (i): the newest event lies before a marker whose COMMIT has returned."""
        event = entry.newest if Rule.R8_NEWEST in self.rules else entry.dirty
        marker = client.proved
        if Rule.R8_RETURNED not in self.rules and client.marker is not None and client.marker <= client.read:
            marker = client.marker
        return event is not None and marker is not None and event < marker

    def _has_started(self, store: Store, client: Client, key: Key) -> bool:
        """R8 (iv): its chunk has been started, by this run or by an earlier one, or by one that nothing is known of."""
        number = self._chunk_of(key)
        if client.copying[number] is not Copying.IDLE:
            return Rule.R8_STARTED in self.rules
        if store.is_below_floor(key):
            return True
        return Rule.R8_STARTED_EARLIER in self.rules and store.started[number]

    # ---- Checkpoint and resume (R2, R11, R12) ------------------------------------------------------------------------

    def checkpoint(self, state: State, client: Client) -> Steps:
        """R11: the coordinates pass no event that is still needed, but for those of keys stored by name with them.

        (For chunks see `copy`.)
        """
        store, carried = state.store, _carried(client)
        coordinates = min([client.read, *self._events_needed(client)])
        both = store._replace(coordinates=max(store.coordinates, coordinates), carried=carried)
        stored = both if {Rule.R11_NAMED, Rule.R11_AT_ONCE} <= self.rules else both._replace(carried=store.carried)
        if stored != store:
            yield "checkpoint: coordinates are stored", _without_old_binlog(state._replace(store=stored))
        if Rule.R11_AT_ONCE not in self.rules and carried != store.carried:
            yield "checkpoint: keys are stored", state._replace(store=store._replace(carried=carried))

    def _events_needed(self, client: Client) -> Iterator[int]:
        for entry in client.ledger:
            if entry.carried:
                continue
            if entry.dirty is not None and Rule.R11_DIRTY in self.rules:
                yield entry.dirty
            if entry.taken is not None and Rule.R11_TAKEN in self.rules:
                yield entry.taken
            if entry.held is not None and Rule.R11_HELD in self.rules:
                yield entry.held

    def mirror(self, state: State) -> Steps:
        """R12: what is stored is kept on the server as well, some time later."""
        if self.scope.mirror and state.mirror != state.store:
            yield "mirror: is written", _without_old_binlog(state._replace(mirror=state.store))

    def faults(self, state: State, client: Client) -> Steps:
        """The client dies, or a connection does; what the server was executing for it may live on and commit (R2)."""
        state = state._replace(faults=state.faults - 1)
        yield "CRASH", _crashed(state)
        if state.mirror is not None:
            yield "TAKE-OVER by another host", self._taken_over(state, state.mirror)
        for number in self.scope.numbers:
            if client.copying[number] is Copying.RUNNING:
                left = state._replace(client=client._replace(copying=replaced(client.copying, number, Copying.LOST)))
                for chunk in state.server.chunks:
                    if chunk.ours and chunk.number == number:
                        left = with_chunk(left, chunk, _left_over_chunk(chunk))
                yield f"chunk {number + 1}: its connection is LOST", left
        for refresh in state.server.refreshes:
            if refresh.ours:
                again = state._replace(client=_ledger(client, refresh.keys, Entry.again))
                left = with_refresh(again, refresh, _left_over_refresh(refresh))
                yield f"refresh {names(refresh.keys)}: its connection is LOST", left

    def _taken_over(self, state: State, mirror: Store) -> State:
        """R12: the new owner has the mirror instead of the store. The former one may have frozen, and go on later."""
        unsent = tuple(number for number in self.scope.numbers if not state.store.done[number])
        asked = None if Rule.R12_FLOOR_LAST in self.rules else self._floor(state)
        return _crashed(state)._replace(
            store=mirror._replace(floor=asked), ousted=() if Rule.R12_LEASE in self.rules else unsent
        )

    def resume(self, state: State) -> tuple[str, State]:
        """R13: fence, then run the stored state again, with the stream from the stored coordinates."""
        is_taken_over = state.store.floor is None
        is_fenced = (Rule.R12_FENCE if is_taken_over else Rule.R2_FENCE) in self.rules
        if is_fenced:
            state = state._replace(server=state.server._replace(chunks=(), refreshes=()))
        if is_taken_over:
            state = state._replace(store=state.store._replace(floor=self._floor(state)))
        resumed = state._replace(client=_client_of(state.store))
        what = "earlier connections are gone" if is_fenced else "without a look at what is left"
        return f"resume: {what}", resumed

    def _floor(self, state: State) -> Key:
        """MAX(key in G), in the range that is copied: beyond it lies no row that a chunk has left."""
        if Rule.R12_FLOOR not in self.rules:
            return BEFORE_ALL
        is_copied = state.store.in_range if state.store.phase is Phase.COPY else (True,) * len(self.scope.keys)
        there = (key for key in self.scope.keys if is_copied[key] and state.server.ghost[key] != ABSENT)
        return max(there, default=BEFORE_ALL)

    def former_owner(self, state: State) -> Steps:
        """R12: who was taken over goes on, as long as nothing tells him."""
        for number in state.ousted:
            chunk = Chunk(number, self.scope.untouched, ours=False)
            sent = state._replace(
                server=self._with_new_chunk(state.server, chunk),
                ousted=tuple(each for each in state.ousted if each != number),
            )
            yield f"former owner: sends chunk {number + 1}", sent

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
        if is_drained and not server.refreshes and not any(self._holds_up_the_swap(entry) for entry in client.ledger):
            yield "swap: RENAME", state._replace(store=store._replace(phase=Phase.SWAPPED))

    def _holds_up_the_swap(self, entry: Entry) -> bool:
        return not entry.is_clean and (Rule.R9_CLASH in self.rules or not entry.is_clashing)

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
                if not self._is_accounted_for_in(state.store, server, key):
                    return f"{name(key)} differs, and a crash now would lose it"
                if state.mirror is not None and not self._is_accounted_for_in(state.mirror, server, key):
                    return f"{name(key)} differs, and a take-over now would lose it"
                if state.client is not None and not self._is_accounted_for(state, state.client, key):
                    return f"{name(key)} differs, and nothing will make it equal"
        return None

    def _is_accounted_for(self, state: State, client: Client, key: Key) -> bool:
        """It is (a) in a range not yet copied, (b) dirty or being refreshed, (c) named by an event not yet read."""
        is_copied = not state.store.in_range[key] or client.copying[self._chunk_of(key)] is Copying.ENDED
        unread = state.server.binlog[client.read :]
        return not is_copied or not client.ledger[key].is_clean or any(key in event.keys for event in unread)

    def _is_accounted_for_in(self, store: Store, server: Server, key: Key) -> bool:
        """The same for a run that would resume now: its chunk is not done, or it is stored, or will be read again."""
        if store.phase is not Phase.COPY or store.carried[key]:
            return True
        is_done = not store.in_range[key] or store.done[self._chunk_of(key)]
        return not is_done or any(key in event.keys for event in server.binlog[store.coordinates :])

    def is_done(self, state: State) -> bool:
        """It has been swapped; or it rightly waits, having told which rows are alike (R9)."""
        return state.store.phase is Phase.SWAPPED or self._has_told_a_clash(state)

    def _has_told_a_clash(self, state: State) -> bool:
        table = state.server.table
        return state.client is not None and any(
            table[key] != ABSENT and table[key] == table[other]
            for key, entry in enumerate(state.client.ledger)
            for other in entry.others or ()
        )

    def describe(self, state: State) -> str:
        return sentence(state)


def _ledger(client: Client, keys: Iterable[Key], change: Callable[[Entry], Entry]) -> Client:
    """`client` with the lines of `keys` changed."""
    ledger = client.ledger
    for key in keys:
        ledger = replaced(ledger, key, change(ledger[key]))
    return client._replace(ledger=ledger)


def _with_range(store: Store, table: Cells, scope: Scope) -> Store:
    """What lies outside MIN and MAX belongs to no chunk; a chunk without keys is done."""
    there = [key for key in scope.keys if table[key] != ABSENT]
    in_range = tuple(bool(there) and there[0] <= key <= there[-1] for key in scope.keys)
    empty = tuple(not any(in_range[key] for key in keys) for keys in scope.chunks)
    return store._replace(phase=Phase.COPY, started=empty, done=empty, in_range=in_range)


def _marker_written(state: State, client: Client) -> State:
    """The marker is in the binlog: its place is after all that is there now. Its COMMIT returns later."""
    return state._replace(
        server=state.server._replace(committing=(*state.server.committing, MARKER)),
        client=client._replace(marker=len(state.server.binlog)),
    )


def _copying(store: Store) -> tuple[Copying, ...]:
    """What a client that has only the store knows of the chunks."""
    return tuple(Copying.ENDED if done else Copying.IDLE for done in store.done)


def _client_of(store: Store) -> Client:
    """A client that has only the store."""
    ledger = tuple(CLEAN.missing() if is_carried else CLEAN for is_carried in store.carried)
    return Client(ledger, _copying(store), read=store.coordinates)


def _carried(client: Client) -> tuple[bool, ...]:
    return tuple(entry.carried for entry in client.ledger)


def _without_old_binlog(state: State) -> State:
    """What lies before all stored coordinates is never read again; positions are counted from there."""
    stores = [state.store, *([state.mirror] if state.mirror else [])]
    oldest = min(store.coordinates for store in stores)
    if not oldest or state.client is None:
        return state
    client = state.client
    store, *mirror = (each._replace(coordinates=each.coordinates - oldest) for each in stores)
    return state._replace(
        server=state.server._replace(binlog=state.server.binlog[oldest:]),
        store=store,
        mirror=mirror[0] if mirror else None,
        client=client._replace(
            ledger=tuple(entry.counted_from(oldest) for entry in client.ledger),
            read=client.read - oldest,
            marker=moved(client.marker, oldest),
            proved=moved(client.proved, oldest),
        ),
    )


def _crashed(state: State) -> State:
    server = state.server
    chunks = (_left_over_chunk(each) if each.ours else each for each in server.chunks)
    refreshes = (_left_over_refresh(each) if each.ours else each for each in server.refreshes)
    return state._replace(
        client=None,
        server=server._replace(
            chunks=tuple(sorted(filter(None, chunks))),
            refreshes=tuple(sorted(filter(None, refreshes))),
            committing=tuple(each for each in server.committing if each != MARKER),
            locked=False,
        ),
    )


def _left_over_chunk(chunk: Chunk) -> Chunk | None:
    """What a dead client leaves of a chunk: the statement goes on."""
    return None if chunk.has_committed else chunk._replace(ours=False)


def _left_over_refresh(refresh: Refresh) -> Refresh | None:
    """What a dead client leaves of a refresh: it commits only if the COMMIT may have been sent, else it rolls back."""
    return refresh._replace(ours=False) if refresh.todo == (COMMIT,) else None
