"""Each rule of the data plane is needed: with it no row is lost, and without it the same interleaving loses some.

The rules are those of the data protocol. A rule is switched off by a patch of one narrow method; the product has no
option for it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace

import pytest

from fsm_ghost.engine.run import Run
from fsm_ghost.errors import ConnectionLostError, MismatchError, StoppedError
from fsm_ghost.model.changes import Changes
from fsm_ghost.model.chunk import Chunk, CopiedChunk, KeyRange
from fsm_ghost.model.coordinates import Coordinates
from fsm_ghost.model.key import Key
from fsm_ghost.model.phase import Phase
from fsm_ghost.model.progress import Progress
from fsm_ghost.mysql import catalog, statements
from fsm_ghost.mysql.connections import Connections
from fsm_ghost.mysql.session import Session
from fsm_ghost.mysql.statements import Statements
from fsm_ghost.services import planner, refresher
from fsm_ghost.services.applier import Applier
from fsm_ghost.services.chunker import Chunker
from fsm_ghost.services.copier import Copier
from fsm_ghost.services.dataplane import DataPlane
from fsm_ghost.services.frontier import Frontier
from fsm_ghost.services.ledger import Ledger, RefreshId
from fsm_ghost.services.refresher import Refresher
from tests.integration.driving import ADD_COLUMN, Driver, old_table
from tests.integration.interleaving import CHUNK, IDS, Scene
from tests.servers import Database

Patch = pytest.MonkeyPatch
Taken = tuple[RefreshId, tuple[Key, ...]] | None


@dataclass(frozen=True)
class Rule:
    """The interleaving in which a rule matters, how it is switched off, and the ids of the rows that this costs."""

    script: Callable[[Scene], None]
    off: Callable[[Patch], None]
    costs: Collection[int]


# --- R1: the visibility barrier ---------------------------------------------------------------------------------------


def a_commit_is_logged_and_not_visible_when_the_migration_begins(scene: Scene) -> None:
    gate = scene.gate(catalog, "coordinates")
    scene.begin()
    scene.until(lambda: gate.reached, "the look at the coordinates")
    with scene.stalled(
        "UPDATE t SET n = 1 WHERE id = 40", "DELETE FROM t WHERE id = 60", "INSERT INTO t VALUES (999, 1)"
    ):
        gate.open()
        scene.until(
            lambda: is_marked(scene) or is_copied(scene, 100), "the marker, or a chunk that did not wait for it"
        )


def is_marked(scene: Scene) -> bool:
    return bool(scene.written("SELECT MAX(id) FROM t_ghc") > 2**32)


def is_copied(scene: Scene, last: int) -> bool:
    return bool(scene.written(f"SELECT COUNT(*) FROM t_gho WHERE id = {last}"))


def a_transaction_is_prepared_when_the_migration_begins(scene: Scene) -> None:
    with scene.prepared("UPDATE t SET n = 1 WHERE id = 40"):
        scene.begin()
        scene.running.until(lambda seen: "XA" in seen.readings.waiting_for or seen.progress.rows > 0)


def ask_for_no_prepared_transactions(patch: Patch) -> None:
    patch.setattr(catalog, "prepared_transactions", lambda _: frozenset())


def pass_the_barrier_at_once(patch: Patch) -> None:
    patch.setattr(DataPlane, "barrier_passed", lambda *_: True)


# --- R2: the fence ----------------------------------------------------------------------------------------------------


def a_chunk_of_a_dead_run_goes_on(scene: Scene) -> None:
    """It waits for row 2. The new run does not: for its chunk there is no such row, for its refreshes it is locked."""
    scene.begin(hold=Phase.COPY)
    with ExitStack() as row:
        with scene.parked(2):
            scene.running.go()
            left_over = scene.parked_chunk()
            scene.stop()
            scene.database.execute("DELETE FROM t WHERE id = 2")
            row.enter_context(scene.transaction("INSERT INTO t VALUES (2, 0)"))
            scene.resume()
            scene.running.until(lambda seen: seen.progress.rows > 0)
            scene.database.execute("DELETE FROM t WHERE id = 40")
            scene.until(lambda: not is_copied(scene, 40), "the refresh of row 40")
        scene.until(lambda: not scene.is_running(left_over), "the end of the chunk of the dead run")


def leave_alone_what_earlier_runs_left(patch: Patch) -> None:
    patch.setattr(Connections, "fence", lambda *_: None)


# --- R4: what does not fit is an error --------------------------------------------------------------------------------

NARROWER = "MODIFY COLUMN n SMALLINT NOT NULL, ADD COLUMN added INT NOT NULL DEFAULT 7"


def a_copied_row_does_not_fit(scene: Scene) -> None:
    """After it was looked for such rows."""
    scene.begin(alter=NARROWER, hold=Phase.COPY)
    scene.database.execute("UPDATE t SET n = 40000 WHERE id = 40")
    scene.running.go()


def a_changed_row_does_not_fit(scene: Scene) -> None:
    scene.begin_and_copy(alter=NARROWER)
    scene.database.execute("UPDATE t SET n = 40000 WHERE id = 40")


def take_what_fits_and_heed_no_warning(patch: Patch) -> None:
    def execute(session: Session, statement: str) -> int:
        session.execute("SET SESSION sql_mode = ''")
        return session.execute(statement)

    patch.setattr(Session, "execute_strictly", execute)
    patch.setattr(statements, "barred", lambda *_: "TRUE")


# --- R5: an error is not an end ---------------------------------------------------------------------------------------


def a_chunk_is_killed(scene: Scene) -> None:
    scene.begin(hold=Phase.COPY)
    with scene.parked(40):
        scene.running.go()
        chunk = scene.parked_chunk()
        scene.database.execute(f"KILL QUERY {chunk}")
        scene.until(lambda: not scene.is_running(chunk), "the end of the chunk")


def take_a_killed_chunk_for_an_empty_one(patch: Patch) -> None:
    real = Session.execute_strictly

    def execute_strictly(session: Session, statement: str) -> int:
        try:
            return real(session, statement)
        except ConnectionLostError:
            return 0

    patch.setattr(Session, "execute_strictly", execute_strictly)


def chunks_are_handed_out_with_a_gap(scene: Scene) -> None:
    hand_out = Chunker.hand_out

    def to_the_end(chunker: Chunker, progress: Progress) -> Progress:
        return replace(progress, handed_out=progress.last) if progress.chunks else hand_out(chunker, progress)

    scene.patch.setattr(Chunker, "hand_out", to_the_end)
    scene.begin()


def believe_that_there_is_no_gap(patch: Patch) -> None:
    patch.setattr(Run, "chain_is_complete", lambda _: True)


# --- R6: a refresh locks ----------------------------------------------------------------------------------------------


def a_change_is_read_before_it_is_visible(scene: Scene) -> None:
    scene.begin_and_copy()
    ends = scene.ends_of(Refresher, "refresh"), scene.ends_of(refresher, "fault_point")
    with scene.stalled(
        "UPDATE t SET n = 1 WHERE id = 40", "DELETE FROM t WHERE id = 60", "INSERT INTO t VALUES (41, 1)"
    ):
        scene.until(lambda: any(end.is_set() for end in ends), "a refresh that has met a lock, or is to be committed")


def read_without_locks(patch: Patch) -> None:
    lock, write = Statements.lock, Statements.replace

    def plain(statement: str) -> str:
        for clause in (" NOWAIT", " FOR SHARE", " LOCK IN SHARE MODE"):
            statement = statement.replace(clause, "")
        return statement

    patch.setattr(Statements, "lock", lambda *keys, **wait: plain(lock(*keys, **wait)))
    patch.setattr(Statements, "replace", lambda *keys: plain(write(*keys)))


# --- R6b: one refresh of a key at a time ------------------------------------------------------------------------------


def a_row_comes_back_while_a_refresh_is_about_to_delete_it(scene: Scene) -> None:
    scene.begin_and_copy()
    gate = scene.gate(Statements, "delete")
    scene.database.execute("DELETE FROM t WHERE id = 40")
    scene.until(lambda: gate.reached, "a refresh that has found no row")
    scene.database.execute("INSERT INTO t VALUES (40, 1)")
    scene.until_followed(changes=2, parked=1)
    gate.open()


def let_another_worker_take_it(patch: Patch) -> None:
    changed, take, refreshed = Ledger.changed, Ledger.take, Ledger.refreshed
    again: list[Key] = []
    second: RefreshId = -1

    def noted(ledger: Ledger, changes: Changes) -> None:
        again.extend(key for key in changes.keys if not ledger.is_clean([key]))
        changed(ledger, replace(changes, keys=changes.keys.difference(again)))

    def taken(ledger: Ledger, most: int) -> Taken:
        if not again:
            return take(ledger, most)
        keys = tuple(again)
        again.clear()
        return second, keys

    def ended(ledger: Ledger, refresh: RefreshId, locked: Collection[Key] = ()) -> int:
        return 0 if refresh == second else refreshed(ledger, refresh, locked)

    patch.setattr(Ledger, "changed", noted)
    patch.setattr(Ledger, "take", taken)
    patch.setattr(Ledger, "refreshed", ended)


def forget_what_happens_to_it_meanwhile(patch: Patch) -> None:
    changed = Ledger.changed

    def noted(ledger: Ledger, changes: Changes) -> None:
        changed(ledger, replace(changes, keys=frozenset(key for key in changes.keys if ledger.is_clean([key]))))

    patch.setattr(Ledger, "changed", noted)


# --- R7: a refresh that overlaps a chunk is not final -----------------------------------------------------------------


def a_row_is_deleted_that_a_chunk_has_read_and_not_written(scene: Scene) -> None:
    scene.begin(hold=Phase.COPY)
    with scene.parked(40):
        scene.running.go()
        scene.parked_chunk()
        scene.database.execute("DELETE FROM t WHERE id = 80")
        scene.until_followed(changes=1)


def pay_no_heed_to_chunks(patch: Patch) -> None:
    patch.setattr(Ledger, "chunk_started", lambda *_: None)


def a_chunk_comes_and_goes_within_a_refresh(scene: Scene) -> None:
    """The refresh has begun, for the client, before the chunk; and it reads, on the server, after it."""
    scene.sent = 0
    scene.begin(hold=Phase.COPY)
    start, end = scene.gate(Refresher, "refresh"), scene.gate(refresher, "fault_point")
    with scene.parked(40):
        with scene.stalled("DELETE FROM t WHERE id = 80"):
            scene.running.go()
            scene.until(lambda: start.reached, "a refresh")
            scene.sent = 1
            scene.parked_chunk()
        start.open()
        scene.until(lambda: end.reached, "a refresh that is to be committed")
    scene.running.until(lambda seen: seen.progress.rows > 0)
    end.open()


def pay_no_heed_to_chunks_that_start_within_a_refresh(patch: Patch) -> None:
    started = Ledger.chunk_started

    def chunk_started(ledger: Ledger, chunk: Chunk) -> None:
        if not ledger.refreshing:
            started(ledger, chunk)

    patch.setattr(Ledger, "chunk_started", chunk_started)


# --- R8: changes ahead of the copy are dropped ------------------------------------------------------------------------


def a_change_ahead_is_followed_by_one_that_is_not_visible(scene: Scene) -> None:
    """The first is held back although it is visible, for the range of the copy is not known yet."""
    barrier = scene.bar(DataPlane, "barrier_passed")
    scene.handed_out = 0
    scene.beat(every=0)
    scene.begin()
    scene.running.until(lambda seen: seen.progress.start is not None)
    scene.database.execute("UPDATE t SET n = 1 WHERE id = 40")
    scene.until_proved_visible(changes=1)
    with scene.stalled("DELETE FROM t WHERE id = 40"):
        scene.until_followed(changes=2)
        barrier.set()
        scene.running.until(lambda seen: seen.phase is Phase.COPY)
        scene.until_looked_around()
        scene.commit_behind("UPDATE t SET n = 1 WHERE id = 60")  # the ledger looks again at what it can drop
        scene.until_followed(changes=3)
        scene.handed_out = 1
        scene.until(lambda: is_copied(scene, 100), "the first half of the rows")
    scene.beat(every=1)


def copy_the_rest(scene: Scene) -> None:
    """Chunk 2 has read its rows, and may not be committed."""
    scene.handed_out = scene.sent = 2
    scene.until(lambda: is_copied(scene, 200), "the second half of the rows")


def go_by_the_first_event_of_a_key(patch: Patch) -> None:
    hold = Frontier.hold

    def held(frontier: Frontier, key: Key, read: int, *, for_good: bool = False) -> None:
        if key not in frontier:
            hold(frontier, key, read, for_good=for_good)

    patch.setattr(Frontier, "hold", held)


def a_change_ahead_is_read_before_it_is_visible(scene: Scene) -> None:
    scene.handed_out = 1
    scene.begin_and_copy()
    with scene.stalled("DELETE FROM t WHERE id = 150"):
        scene.until_followed(changes=1)
        copy_the_rest(scene)


def take_what_was_read_for_visible(patch: Patch) -> None:
    changed = Ledger.changed

    def noted(ledger: Ledger, changes: Changes) -> None:
        changed(ledger, changes)
        ledger.visible(replace(changes.end, position=changes.end.position + 1))

    patch.setattr(Ledger, "changed", noted)


def a_value_moves_from_a_copied_row_to_one_ahead(scene: Scene) -> None:
    """The chunk passes over the row ahead: in the ghost table its value still belongs to the copied one."""
    scene.database.execute("ALTER TABLE t ADD UNIQUE KEY (n)")
    scene.beat(every=0)
    scene.handed_out = 1
    scene.begin_and_copy()
    gate = scene.gate(Refresher, "refresh")
    scene.database.execute("UPDATE t SET n = 0 WHERE id = 40")
    scene.until(lambda: gate.reached, "the refresh of row 40")
    scene.database.execute("UPDATE t SET n = 40 WHERE id = 150")
    scene.until_proved_visible(changes=2, parked=1)
    copy_the_rest(scene)
    scene.running.until(lambda seen: seen.progress.rows > CHUNK)
    gate.open()


def drop_also_where_there_are_unique_keys(patch: Patch) -> None:
    make_plan = planner.make_plan
    patch.setattr(planner, "make_plan", lambda *facts: replace(make_plan(*facts), discards=True))


def a_row_is_deleted_whose_chunk_has_read_it(scene: Scene) -> None:
    scene.beat(every=0)
    scene.handed_out = 1
    scene.begin_and_copy()
    with scene.parked(140):
        scene.handed_out = scene.sent = 2
        scene.parked_chunk()
        scene.database.execute("DELETE FROM t WHERE id = 150")
        scene.until_proved_visible(changes=1)


def a_row_is_deleted_that_a_chunk_of_a_dead_run_has_copied(scene: Scene) -> None:
    scene.beat(every=0)
    scene.begin_and_copy()
    with scene.parked(140):
        scene.sent = 2
        left_over = scene.parked_chunk()
        scene.stop()
    scene.until(lambda: not scene.is_running(left_over), "the end of the chunk of the dead run")
    scene.database.execute("DELETE FROM t WHERE id = 150")
    scene.sent = 1
    scene.resume()
    scene.until_proved_visible(changes=1)


def take_chunks_that_are_not_done_for_chunks_to_come(patch: Patch) -> None:
    ahead = Progress.ahead.fget  # type: ignore[attr-defined] # it is a property

    def after_what_is_done(progress: Progress) -> KeyRange | None:
        if not progress.open_chunks:
            return ahead(progress)  # type: ignore[no-any-return]
        return KeyRange(progress.open_chunks[0].range.after, progress.last)

    patch.setattr(Progress, "ahead", property(after_what_is_done))


def a_row_appears_beyond_the_range_of_the_copy(scene: Scene) -> None:
    scene.beat(every=0)
    scene.handed_out = 1
    scene.begin_and_copy()
    scene.database.execute("INSERT INTO t VALUES (999, 1)")
    scene.until_proved_visible(changes=1)


def drop_also_what_has_no_chunk(patch: Patch) -> None:
    ahead = Progress.ahead.fget  # type: ignore[attr-defined] # it is a property

    def without_end(progress: Progress) -> KeyRange | None:
        return ahead(progress) and KeyRange(progress.handed_out, None)

    patch.setattr(Progress, "ahead", property(without_end))


def a_row_ahead_is_changed_by_a_prepared_transaction(scene: Scene) -> None:
    scene.beat(every=0)
    scene.handed_out = 1
    scene.begin_and_copy()
    with scene.prepared("UPDATE t SET n = 1 WHERE id = 150"):
        scene.until_proved_visible(changes=1)
        copy_the_rest(scene)


def take_prepared_for_committed(patch: Patch) -> None:
    changed = Ledger.changed
    patch.setattr(Ledger, "changed", lambda ledger, changes: changed(ledger, replace(changes, prepared=frozenset())))


# --- R9: no row displaces another -------------------------------------------------------------------------------------

UNIQUE = f"{ADD_COLUMN}, ADD UNIQUE KEY once (n)"


def a_changed_row_is_like_another(scene: Scene) -> None:
    """Until it is mended."""
    scene.begin_and_copy(alter=UNIQUE)
    scene.database.execute("UPDATE t SET n = 60 WHERE id = 40")
    scene.running.until(
        lambda seen: seen.progress.changes > 0 and ("(60,)" in seen.readings.concern or seen.readings.backlog == 0)
    )
    scene.database.execute("UPDATE t SET n = 1 WHERE id = 40")


def let_one_row_displace_another(patch: Patch) -> None:
    make_plan = planner.make_plan
    patch.setattr(planner, "make_plan", lambda *facts: replace(make_plan(*facts), demanded=()))


def a_copied_row_is_like_another(scene: Scene) -> None:
    """Until the other one is mended."""
    scene.database.execute("UPDATE t SET n = 40 WHERE id = 60")
    scene.begin(alter=UNIQUE, quarantine=True)
    scene.running.until(lambda seen: seen.progress.rows > 0)
    scene.database.execute("UPDATE t SET n = 1 WHERE id = 40")


def look_for_no_row_that_a_chunk_left_out(patch: Patch) -> None:
    missing = Statements.missing
    patch.setattr(Statements, "missing", lambda of, key_range, _: missing(of, key_range, 0))


# --- R11: the checkpoint is never ahead -------------------------------------------------------------------------------


def a_run_ends_before_a_changed_row_was_refreshed(scene: Scene) -> None:
    scene.beat(every=0)
    scene.begin_and_copy()
    with pytest.MonkeyPatch.context() as busy:
        busy.setattr(Ledger, "take", lambda *_: None)
        scene.database.execute("UPDATE t SET n = 1 WHERE id = 40")
        scene.until_followed(changes=1)
        scene.stop()
    scene.resume()


def store_the_end_of_what_was_read(patch: Patch) -> None:
    changed, safe = Ledger.changed, Ledger.safe.fget  # type: ignore[attr-defined] # it is a property
    ends: list[Coordinates] = []

    def noted(ledger: Ledger, changes: Changes) -> None:
        ends.append(changes.end)
        changed(ledger, changes)

    patch.setattr(Ledger, "changed", noted)
    patch.setattr(Ledger, "safe", property(lambda ledger: ends[-1] if ends else safe(ledger)))


def a_run_ends_while_a_changed_row_is_locked(scene: Scene) -> None:
    scene.beat(every=0)
    scene.begin_and_copy()
    tried = scene.ends_of(Refresher, "refresh")
    with scene.prepared("UPDATE t SET n = 1 WHERE id = 40"):
        scene.until(tried.is_set, "a refresh that meets the lock")
        scene.until_looked_around()
        scene.stop()
    scene.resume()


def store_no_names_of_locked_keys(patch: Patch) -> None:
    patch.setattr(Ledger, "carried", frozenset())


def a_run_ends_while_a_chunk_is_being_copied(scene: Scene) -> None:
    scene.begin(hold=Phase.COPY)
    with scene.parked(40):
        scene.running.go()
        scene.parked_chunk()
        scene.until_looked_around()
        scene.stop()
        scene.resume()
        scene.until_looked_around()


def record_chunks_before_their_commit(patch: Patch) -> None:
    started, copied = Applier.chunk_started, Copier.copied
    sent: list[Chunk] = []

    def chunk_started(applier: Applier, chunk: Chunk) -> None:
        sent.append(chunk)
        started(applier, chunk)

    def copied_at_once(copier: Copier) -> list[CopiedChunk]:
        copied(copier)
        chunks = [CopiedChunk(chunk, 0, 0.0) for chunk in sent]
        sent.clear()
        return chunks

    patch.setattr(Applier, "chunk_started", chunk_started)
    patch.setattr(Copier, "copied", copied_at_once)


# --- The tests --------------------------------------------------------------------------------------------------------

FIRST, SECOND = IDS[:CHUNK], IDS[CHUNK:]
RULES = {
    "R1": Rule(
        a_commit_is_logged_and_not_visible_when_the_migration_begins, pass_the_barrier_at_once, costs={40, 60, 999}
    ),
    "R1, prepared transactions": Rule(
        a_transaction_is_prepared_when_the_migration_begins, ask_for_no_prepared_transactions, costs={40}
    ),
    "R2": Rule(a_chunk_of_a_dead_run_goes_on, leave_alone_what_earlier_runs_left, costs={40}),
    "R5": Rule(a_chunk_is_killed, take_a_killed_chunk_for_an_empty_one, costs=FIRST),
    "R6": Rule(a_change_is_read_before_it_is_visible, read_without_locks, costs={40, 41, 60}),
    "R6b, two workers": Rule(
        a_row_comes_back_while_a_refresh_is_about_to_delete_it, let_another_worker_take_it, costs={40}
    ),
    "R6b, the next round": Rule(
        a_row_comes_back_while_a_refresh_is_about_to_delete_it, forget_what_happens_to_it_meanwhile, costs={40}
    ),
    "R7": Rule(a_row_is_deleted_that_a_chunk_has_read_and_not_written, pay_no_heed_to_chunks, costs={80}),
    "R7, overlap": Rule(
        a_chunk_comes_and_goes_within_a_refresh, pay_no_heed_to_chunks_that_start_within_a_refresh, costs={80}
    ),
    "R8 (i), the newest event": Rule(
        a_change_ahead_is_followed_by_one_that_is_not_visible, go_by_the_first_event_of_a_key, costs={40}
    ),
    "R8 (i), a COMMIT that has returned": Rule(
        a_change_ahead_is_read_before_it_is_visible, take_what_was_read_for_visible, costs={150}
    ),
    "R8 (i), prepared transactions": Rule(
        a_row_ahead_is_changed_by_a_prepared_transaction, take_prepared_for_committed, costs={150}
    ),
    "R8 (iii)": Rule(a_value_moves_from_a_copied_row_to_one_ahead, drop_also_where_there_are_unique_keys, costs={150}),
    "R8 (iv), this run": Rule(
        a_row_is_deleted_whose_chunk_has_read_it, take_chunks_that_are_not_done_for_chunks_to_come, costs={150}
    ),
    "R8 (iv), an earlier run": Rule(
        a_row_is_deleted_that_a_chunk_of_a_dead_run_has_copied,
        take_chunks_that_are_not_done_for_chunks_to_come,
        costs={150},
    ),
    "R8, the range": Rule(a_row_appears_beyond_the_range_of_the_copy, drop_also_what_has_no_chunk, costs={999}),
    "R9, refresh": Rule(a_changed_row_is_like_another, let_one_row_displace_another, costs={60}),
    "R9, copy": Rule(a_copied_row_is_like_another, look_for_no_row_that_a_chunk_left_out, costs={60}),
    "R11, coordinates": Rule(a_run_ends_before_a_changed_row_was_refreshed, store_the_end_of_what_was_read, costs={40}),
    "R11, locked keys": Rule(a_run_ends_while_a_changed_row_is_locked, store_no_names_of_locked_keys, costs={40}),
    "R11, chunks": Rule(a_run_ends_while_a_chunk_is_being_copied, record_chunks_before_their_commit, costs=FIRST),
}


UNFIT = {
    "R4, copy": Rule(a_copied_row_does_not_fit, take_what_fits_and_heed_no_warning, costs={40}),
    "R4, refresh": Rule(a_changed_row_does_not_fit, take_what_fits_and_heed_no_warning, costs={40}),
}
GAP = {"R5, the chain": Rule(chunks_are_handed_out_with_a_gap, believe_that_there_is_no_gap, costs=SECOND)}


@pytest.fixture
def scene(database: Database, driver: Driver, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    made = Scene(database, driver, monkeypatch)
    yield made
    made.close()


def each(rules: Mapping[str, Rule]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("rule", list(rules.values()), ids=list(rules))


@each(RULES)
def test_with_the_rule_no_row_is_lost(scene: Scene, rule: Rule) -> None:
    rule.script(scene)
    assert scene.ending().phase is Phase.DONE
    assert scene.differing(old_table(scene.database, "t")) == set()


@each(UNFIT)
def test_with_the_rule_a_row_that_does_not_fit_is_named_and_can_be_mended(scene: Scene, rule: Rule) -> None:
    rule.script(scene)
    ending = scene.ending()
    assert (ending.phase, ending.exit_code) == (Phase.FAILED, MismatchError.exit_code)
    assert "(40,)" in ending.snapshot.reason
    assert "added" not in scene.definition()
    scene.database.execute("UPDATE t SET n = 1 WHERE id = 40")
    assert scene.retry().phase is Phase.DONE
    assert scene.differing(old_table(scene.database, "t")) == set()


@each(GAP)
def test_with_the_rule_a_gap_between_chunks_stops_the_run(scene: Scene, rule: Rule) -> None:
    rule.script(scene)
    with pytest.raises(StoppedError, match="does not bear out"):
        scene.ending()
    assert "added" not in scene.definition()


@each(RULES | UNFIT | GAP)
def test_without_the_rule_rows_are_lost(scene: Scene, rule: Rule) -> None:
    rule.off(scene.patch)
    scene.verify = False
    rule.script(scene)
    assert scene.ending().phase is Phase.DONE
    assert scene.differing(old_table(scene.database, "t")) == set(rule.costs)


@each(RULES | UNFIT | GAP)
def test_without_the_rule_verification_finds_the_rows_and_nothing_is_swapped(scene: Scene, rule: Rule) -> None:
    rule.off(scene.patch)
    rule.script(scene)
    ending = scene.ending()
    assert (ending.phase, ending.exit_code) == (Phase.FAILED, MismatchError.exit_code)
    assert scene.differing("t_gho") == set(rule.costs)
    assert "added" not in scene.definition()
