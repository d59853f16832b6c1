"""The state file: what is written is there, what must not be written is not, and what cannot be used says why."""

import sqlite3
import stat
from collections.abc import Callable
from dataclasses import replace
from io import TextIOWrapper
from pathlib import Path

import pytest

from fsm_ghost.engine.database import APPLICATION_ID, SCHEMA_VERSION
from fsm_ghost.engine.run import Run
from fsm_ghost.engine.state import Step
from fsm_ghost.engine.store import Store, default_path
from fsm_ghost.errors import OwnedElsewhereError, StoreError, UsageError
from fsm_ghost.model import document
from fsm_ghost.model.chunk import Chunk, KeyRange
from fsm_ghost.model.command import Answer, Command, Verb
from fsm_ghost.model.naming import TableName
from fsm_ghost.model.phase import Moment, Outcome, Phase
from fsm_ghost.model.progress import Progress
from fsm_ghost.model.readings import Readings
from fsm_ghost.settings import ServerSettings, Settings
from tests.unit.engine.begun import BROKEN, MIGRATION, NO_READINGS, OTHER, PASSED, REFUSED, begin, chunks, step
from tests.unit.model.examples import COMPOSITE_KEY, at, plan


def raw(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.row_factory = sqlite3.Row
    return connection


def rows(path: Path, statement: str) -> list[tuple[object, ...]]:
    connection = raw(path)
    try:
        return [tuple(row) for row in connection.execute(statement)]
    finally:
        connection.close()


# The file


def test_a_missing_file_is_made_with_its_directory_for_its_owner_only(path: Path, store: Store) -> None:
    assert store.migrations() == ()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.usefixtures("store")
def test_the_file_says_what_it_is_and_is_durable(path: Path) -> None:
    assert rows(path, "PRAGMA application_id") == [(APPLICATION_ID,)]
    assert rows(path, "PRAGMA user_version") == [(SCHEMA_VERSION,)]
    assert rows(path, "PRAGMA journal_mode") == [("wal",)]


def test_every_write_waits_for_the_disk_and_foreign_keys_hold(store: Store) -> None:
    assert store._db.execute("PRAGMA synchronous").fetchone()[0] == 2  # FULL
    assert store._db.execute("PRAGMA foreign_keys").fetchone()[0] == 1


@pytest.mark.usefixtures("store")
def test_every_table_is_strict_and_every_index_is_there(path: Path) -> None:
    made = {str(name): str(sql) for name, sql in rows(path, "SELECT name, sql FROM sqlite_master")}
    assert set(made) >= {"migrations", "journal", "progress", "chunks", "connections", "hook_runs", "commands"}
    assert all("STRICT" in sql for sql in made.values() if sql.startswith("CREATE TABLE"))
    assert "one_unfinished_migration_per_table" in made


def test_a_file_is_opened_again_with_what_it_holds(path: Path) -> None:
    first = Store(path)
    begin(first)
    first.close()
    again = Store(path)
    assert [record.id for record in again.migrations()] == [MIGRATION]
    again.close()


def test_an_empty_file_becomes_a_state_file(path: Path) -> None:
    path.parent.mkdir()
    path.touch()
    store = Store(path)
    assert store.migrations() == ()
    store.close()


def test_reading_a_missing_file_says_so_and_makes_none(path: Path) -> None:
    with pytest.raises(StoreError, match="there is no state file at"):
        Store.reading(path)
    assert not path.exists()


def not_sqlite(path: Path) -> None:
    path.write_bytes(b"these are my notes, not a database\n" * 100)


def foreign(path: Path) -> None:
    connection = raw(path)
    connection.executescript("CREATE TABLE contacts (name TEXT); INSERT INTO contacts VALUES ('Ada')")
    connection.close()


def newer(path: Path) -> None:
    Store(path).close()
    connection = raw(path)
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    connection.close()


@pytest.mark.parametrize(
    "spoil,message",
    [
        (not_sqlite, "cannot be used: file is not a database"),
        (foreign, "is not a state file of fsm-ghost"),
        (newer, f"written by a newer fsm-ghost \\(format {SCHEMA_VERSION + 1}, this one knows {SCHEMA_VERSION}\\)"),
    ],
)
@pytest.mark.parametrize("opened", [Store, Store.reading], ids=["for writing", "for reading"])
def test_a_file_that_is_not_ours_to_use_is_refused_in_words(
    path: Path, spoil: Callable[[Path], None], message: str, opened: Callable[[Path], Store]
) -> None:
    path.parent.mkdir()
    spoil(path)
    before = path.read_bytes()
    with pytest.raises(StoreError, match=message) as refused:
        opened(path)
    assert refused.value.remedy
    assert path.read_bytes() == before


def make_older(path: Path) -> None:
    """Make the file one of version 1."""
    connection = raw(path)
    for column in ("token", "taken_over"):
        connection.execute(f"ALTER TABLE migrations DROP COLUMN {column}")
    connection.execute("ALTER TABLE journal DROP COLUMN facts")
    for column in ("took_effect", "answer", "value"):
        connection.execute(f"ALTER TABLE commands DROP COLUMN {column}")
    connection.execute("PRAGMA user_version = 1")
    connection.close()


def test_a_file_of_an_older_version_is_brought_up_to_date_by_who_may_write(path: Path) -> None:
    first = Store(path)
    begin(first)
    begin(first, OTHER, TableName("shop", "items"))
    first.close()
    make_older(path)
    with pytest.raises(StoreError, match="written by an older fsm-ghost") as refused:
        Store.reading(path)
    assert "brings it up to date" in refused.value.remedy
    again = Store.existing(path)
    tokens = {record.token for record in again.migrations()}
    assert (len(tokens), {len(token) for token in tokens}) == (2, {32})
    assert [record.taken_over for record in again.migrations()] == ["", ""]
    again.close()
    assert rows(path, "PRAGMA user_version") == [(SCHEMA_VERSION,)]
    new = path.with_name("new.db")
    Store(new).close()
    assert columns(path) == columns(new)


def columns(path: Path) -> dict[str, set[str]]:
    """The columns of each table."""
    tables = [str(name) for (name,) in rows(path, "SELECT name FROM sqlite_master WHERE type = 'table'")]
    return {table: {str(row[1]) for row in rows(path, f"PRAGMA table_info({table})")} for table in tables}


def test_a_file_that_must_be_there_is_not_made(path: Path) -> None:
    with pytest.raises(StoreError, match="there is no state file at"):
        Store.existing(path)
    assert not path.exists()


def test_a_foreign_file_keeps_its_permissions(path: Path) -> None:
    path.parent.mkdir()
    foreign(path)
    path.chmod(0o644)
    with pytest.raises(StoreError):
        Store(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_a_directory_or_a_path_below_a_file_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be used"):
        Store(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot be used"):
        Store(tmp_path / "file" / "state.db")


def test_a_damaged_page_is_refused_in_words(path: Path) -> None:
    store = Store(path)
    for number in range(50):
        begin(store, f"{number:032x}", TableName("shop", f"t{number}"))
    store.close()
    content = bytearray(path.read_bytes())
    for offset in range(4096, len(content)):
        content[offset] = 0xA5
    path.write_bytes(bytes(content))
    with pytest.raises(StoreError, match="cannot be used"):
        Store.reading(path).migrations()


def test_a_document_that_cannot_be_read_is_refused_in_words(path: Path, store: Store) -> None:
    begin(store)
    connection = raw(path)
    connection.execute("""UPDATE progress SET document = '{"invented_later":1}'""")
    connection.close()
    with pytest.raises(StoreError, match="the state file"):
        store.migrations()


def test_the_default_place_is_the_users_state_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert default_path() == tmp_path / "fsm-ghost" / "state.db"
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", "/home/ada")
    assert default_path() == Path("/home/ada/.local/state/fsm-ghost/state.db")


# Migrations


def test_a_new_migration_begins_at_the_beginning(store: Store) -> None:
    begin(store)
    record = store.find(MIGRATION)
    assert (record.phase, record.came_from, record.seq, record.epoch) == (Phase.VALIDATE, None, 0, 0)
    assert record.progress == Progress()
    assert record.readings == Readings()
    assert record.table == TableName("shop", "orders")
    assert (record.is_finished, record.checkpoints, record.checkpoint_at) == (False, 0, None)
    assert record.short_id == "01234567"


def test_each_migration_has_a_token_of_its_own(store: Store) -> None:
    begin(store)
    begin(store, OTHER, TableName("shop", "items"))
    assert len({record.token for record in store.migrations()} - {""}) == 2


def test_what_was_taken_over_is_finished_here_and_says_why(store: Store, run: Run) -> None:
    run.enter(PASSED, Step(Progress(), Outcome.PASSED), NO_READINGS)
    run.taken_over("taken over by host two")
    record = store.find(MIGRATION)
    assert (record.phase, record.is_finished) == (Phase.PREPARE, True)
    assert record.taken_over == record.reason == "taken over by host two"
    begin(store, OTHER)


def test_there_is_one_unfinished_migration_per_table_and_server(store: Store) -> None:
    begin(store)
    with pytest.raises(StoreError, match="UNIQUE"):
        begin(store, OTHER)
    begin(store, OTHER, server="server-2")
    begin(store, "f" * 32, TableName("shop", "Orders"))
    assert len(store.migrations()) == 3


def test_a_finished_migration_makes_room_for_the_next_one(store: Store, run: Run) -> None:
    run.enter(REFUSED, Step(Progress(), Outcome.REFUSED, reason="no key"), NO_READINGS)
    assert store.find(MIGRATION).is_finished
    assert store.unfinished("server-1", TableName("shop", "orders")) is None
    begin(store, OTHER)
    found = store.unfinished("server-1", TableName("shop", "orders"))
    assert found is not None
    assert found.id == OTHER


def test_a_migration_is_found_by_the_beginning_of_its_id_and_by_its_table(store: Store) -> None:
    begin(store)
    begin(store, OTHER, TableName("shop", "items"))
    assert store.find("0123").id == MIGRATION
    assert store.find("FEDC").id == OTHER
    assert store.find("shop.items").id == OTHER


def test_without_a_name_the_only_unfinished_migration_is_meant(store: Store, run: Run) -> None:
    assert store.find(None).id == MIGRATION
    begin(store, OTHER, TableName("shop", "items"))
    with pytest.raises(UsageError, match=r"more than one unfinished migration: .*shop\.items"):
        store.find(None)
    run.enter(REFUSED, Step(Progress(), Outcome.REFUSED), NO_READINGS)
    assert store.find(None).id == OTHER


def test_of_several_migrations_of_a_table_the_unfinished_or_the_newest_is_meant(store: Store) -> None:
    for migration in (MIGRATION, OTHER):
        begin(store, migration)
        run = store.drive(migration, "me")
        run.enter(REFUSED, Step(Progress(), Outcome.REFUSED), NO_READINGS)
        run.release()
    assert store.find("shop.orders").id == OTHER
    begin(store, "a" * 32)
    assert store.find("shop.orders").id == "a" * 32


@pytest.mark.parametrize("wanted", ["abc", "shop.nothing", "orders", "0123456789abcdef0123456789abcdef0"])
def test_what_is_not_there_is_not_found(store: Store, wanted: str) -> None:
    begin(store)
    with pytest.raises(UsageError, match="there is no migration"):
        store.find(wanted)


@pytest.mark.parametrize("wanted", ["%", "_", "0_2"])
def test_a_wildcard_is_not_the_beginning_of_an_id(store: Store, wanted: str) -> None:
    begin(store)
    with pytest.raises(UsageError):
        store.find(wanted)


# What a run writes


def test_a_checkpoint_comes_back_whole(store: Store, run: Run) -> None:
    progress = Progress(
        plan=plan(COMPOSITE_KEY), prepared=True, start=at(4), safe=at(99), range_known=True, first=("a",), last=("z",)
    )
    readings = Readings(backlog=5, waiting_for="a lock")
    run.checkpoint(Step(progress), readings)
    record = store.find(MIGRATION)
    assert (record.progress, record.readings, record.checkpoints) == (progress, readings, 1)
    assert record.checkpoint_at is not None


def test_the_plan_is_written_once_and_stays(store: Store, run: Run) -> None:
    progress = Progress(plan=plan())
    run.checkpoint(Step(progress), NO_READINGS)
    run.checkpoint(Step(replace(progress, changes=5)), NO_READINGS)
    assert store.find(MIGRATION).progress == replace(progress, changes=5)


def test_a_later_run_finds_the_plan_and_can_change_it(store: Store, run: Run) -> None:
    run.checkpoint(Step(Progress(plan=plan())), NO_READINGS)
    run.release()
    later = store.drive(MIGRATION, "later")
    assert later.record.progress.plan == plan()
    later.checkpoint(Step(Progress(plan=plan(COMPOSITE_KEY))), NO_READINGS)
    assert store.find(MIGRATION).progress.plan == plan(COMPOSITE_KEY)
    later.release()


def test_coordinates_can_be_read_without_a_json_parser(path: Path, run: Run) -> None:
    run.checkpoint(Step(Progress(start=at(4), safe=at(99))), NO_READINGS)
    assert rows(path, "SELECT start_at, safe_at FROM progress") == [("binlog.000001:4", "binlog.000001:99")]


def test_a_transition_is_stored_with_journal_state_progress_and_hooks_at_once(store: Store, run: Run) -> None:
    run.enter(PASSED, Step(Progress(changes=7), Outcome.PASSED, reason="fine"), NO_READINGS, PASSED.hooks)
    record = store.find(MIGRATION)
    assert (record.phase, record.seq, record.reason, record.progress.changes) == (Phase.PREPARE, 1, "fine", 7)
    assert (run.record.phase, run.record.seq) == (Phase.PREPARE, 1)
    entry = store.journal(MIGRATION)[0]
    assert (entry.seq, entry.source, entry.outcome, entry.dest) == (1, Phase.VALIDATE, Outcome.PASSED, Phase.PREPARE)
    assert (entry.reason, entry.epoch) == ("fine", 1)
    assert [(hook.seq, hook.moment, hook.attempt) for hook in run.pending_hooks()] == [(1, Moment.STARTUP, 1)]


def test_a_transition_whose_journal_cannot_be_written_leaves_everything_as_it_was(
    path: Path, store: Store, run: Run
) -> None:
    connection = raw(path)
    connection.execute("CREATE TRIGGER full BEFORE INSERT ON hook_runs BEGIN SELECT RAISE(FAIL, 'disk full'); END")
    connection.close()
    with pytest.raises(StoreError, match="disk full"):
        run.enter(PASSED, Step(Progress(changes=7), Outcome.PASSED), NO_READINGS, PASSED.hooks)
    record = store.find(MIGRATION)
    assert (record.phase, record.seq, record.progress, record.checkpoints) == (Phase.VALIDATE, 0, Progress(), 0)
    assert store.journal(MIGRATION) == ()
    assert run.pending_hooks() == ()
    assert (run.record.phase, run.record.seq) == (Phase.VALIDATE, 0)


@pytest.mark.parametrize(
    "source,outcome,dest,finished",
    [
        (Phase.VALIDATE, Outcome.REFUSED, Phase.FAILED, True),
        (Phase.COPY, Outcome.BROKEN, Phase.FAILED, False),
        (Phase.VERIFY, Outcome.DIFFERS, Phase.FAILED, False),
        (Phase.CLEANUP, Outcome.CLEANED, Phase.DONE, True),
        (Phase.ROLLBACK, Outcome.ROLLED_BACK, Phase.ABORTED, True),
        (Phase.SYNC, Outcome.CAUGHT_UP, Phase.VERIFY, False),
    ],
)
def test_a_migration_is_finished_when_nothing_of_it_is_left_to_do(
    store: Store, run: Run, source: Phase, outcome: Outcome, dest: Phase, *, finished: bool
) -> None:
    run.enter(replace(PASSED, source=source, outcome=outcome, dest=dest), Step(Progress(), outcome), NO_READINGS)
    assert store.find(MIGRATION).is_finished == finished


def test_a_failed_migration_remembers_which_state_it_left_and_forgets_it_when_it_goes_on(
    store: Store, run: Run
) -> None:
    run.enter(BROKEN, Step(Progress(), Outcome.BROKEN, reason="does not fit"), NO_READINGS)
    assert store.find(MIGRATION).came_from is Phase.COPY
    retry = replace(BROKEN, source=Phase.FAILED, outcome=Outcome.RETRY, dest=Phase.COPY)
    run.enter(retry, Step(Progress(), Outcome.RETRY), NO_READINGS)
    assert store.find(MIGRATION).came_from is None


def test_why_a_run_stopped_is_noted_without_moving_anything(store: Store, run: Run) -> None:
    run.stopped("the server was shut down")
    record = store.find(MIGRATION)
    assert (record.reason, record.phase, record.seq) == ("the server was shut down", Phase.VALIDATE, 0)


def test_the_journal_of_a_migration_is_its_own_and_in_order(store: Store, run: Run) -> None:
    begin(store, OTHER, TableName("shop", "items"))
    run.enter(PASSED, Step(Progress(), Outcome.PASSED), NO_READINGS)
    run.enter(replace(BROKEN, source=Phase.PREPARE), Step(Progress(), Outcome.BROKEN), NO_READINGS)
    assert [entry.seq for entry in store.journal(MIGRATION)] == [1, 2]
    assert store.journal(OTHER) == ()


# One driver


def test_a_second_driver_is_refused_and_told_who_has_it(path: Path, run: Run) -> None:
    other = Store(path)
    with pytest.raises(OwnedElsewhereError, match=r"01234567 of shop\.orders is being run by host one process 1"):
        other.drive(MIGRATION, "host one process 2")
    assert run.record.epoch == other.find(MIGRATION).epoch
    run.checkpoint(Step(Progress(changes=1)), NO_READINGS)
    other.close()


def test_a_migration_that_was_let_go_can_be_driven_again_with_a_higher_epoch(store: Store, run: Run) -> None:
    assert store.is_running(MIGRATION)
    run.release()
    assert not store.is_running(MIGRATION)
    again = store.drive(MIGRATION, "host one process 2")
    assert (again.record.epoch, again.record.owner) == (2, "host one process 2")
    assert store.is_running(MIGRATION)
    again.release()


def test_a_migration_that_never_ran_is_not_running(store: Store) -> None:
    begin(store)
    assert not store.is_running(MIGRATION)


def asked_anew(settings: Settings, progress: Progress) -> tuple[Settings, Progress]:
    return replace(settings, execute=True), replace(progress, postponed=None, changes=progress.changes + 1)


def begun_with_settings(store: Store) -> Progress:
    """A migration in the middle of something; its progress."""
    begin(store)
    settings = document.dump(Settings(ServerSettings("db1"), "shop", "orders", "ADD c INT"))
    store._db.execute("UPDATE migrations SET settings = ?", settings)
    run = store.drive(MIGRATION, "before")
    progress = Progress(plan=plan(), changes=7, postponed=False)
    run.checkpoint(Step(progress), NO_READINGS)
    run.release()
    return progress


def test_what_is_asked_for_anew_is_stored_before_the_run_begins_and_stays(store: Store) -> None:
    progress = begun_with_settings(store)
    run = store.drive(MIGRATION, "me", asked_anew)
    run.release()
    later = store.drive(MIGRATION, "later")
    later.release()
    for record in (run.record, store.find(MIGRATION), later.record):
        assert record.asked == Settings(ServerSettings("db1"), "shop", "orders", "ADD c INT", execute=True)
        assert record.progress == replace(progress, postponed=None, changes=8)


def test_what_cannot_be_asked_for_changes_nothing_and_lets_the_lock_go(store: Store) -> None:
    begun_with_settings(store)
    before = store.find(MIGRATION)

    def nonsense(*_: object) -> tuple[Settings, Progress]:
        raise UsageError("that makes no sense")

    with pytest.raises(UsageError):
        store.drive(MIGRATION, "me", nonsense)
    assert store.find(MIGRATION) == before
    assert not store.is_running(MIGRATION)


def test_two_migrations_are_driven_side_by_side(store: Store, run: Run) -> None:
    begin(store, OTHER, TableName("shop", "items"))
    other = store.drive(OTHER, "host one process 2")
    run.checkpoint(Step(Progress(changes=1)), NO_READINGS)
    other.checkpoint(Step(Progress(changes=2)), NO_READINGS)
    assert [store.find(name).progress.changes for name in (MIGRATION, OTHER)] == [1, 2]
    other.release()


def test_a_drive_that_fails_lets_the_lock_go(store: Store) -> None:
    with pytest.raises(UsageError) as refused:  # which keeps the frames alive, as a traceback that is logged does
        store.drive("0" * 32, "me")
    left_open = store.is_running("0" * 32)
    for entry in refused.traceback:
        if isinstance(lock := entry.frame.f_locals.get("lock"), TextIOWrapper):
            lock.close()
    assert not left_open


def writes(run: Run) -> list[Callable[[], object]]:
    hook = run.pending_hooks()[0]
    return [
        lambda: run.checkpoint(Step(Progress(changes=99)), NO_READINGS),
        lambda: run.enter(BROKEN, Step(Progress(changes=99), Outcome.BROKEN), NO_READINGS),
        lambda: run.stopped("superseded"),
        lambda: run.taken_over("superseded"),
        lambda: run.add_connection("late"),
        lambda: run.connections_gone((1,)),
        lambda: run.answer(answered(1), NO_READINGS),
        run.take_aborts,
        lambda: run.hooks_due(["gh-ost-on-begin-postponed"]),
        lambda: run.hook_begins(hook),
        lambda: run.hook_ended(hook, "ok", ""),
    ]


def test_a_superseded_run_cannot_write_anything_any_more(path: Path, store: Store, run: Run) -> None:
    run.enter(PASSED, Step(Progress(changes=1), Outcome.PASSED), NO_READINGS, PASSED.hooks)
    run.add_connection("owner")
    run.release()  # its lock is gone (a network file system, a copied file), but it still believes to be the driver
    later = store.drive(MIGRATION, "host two process 1")
    store.order(MIGRATION, "abort")
    before = dump(path)
    for write in writes(run):
        with pytest.raises(OwnedElsewhereError, match="taken over by another run"):
            write()
    assert dump(path) == before
    later.checkpoint(Step(Progress(changes=2)), NO_READINGS)
    assert store.find(MIGRATION).progress.changes == 2
    later.release()


def dump(path: Path) -> list[list[tuple[object, ...]]]:
    tables = ("migrations", "journal", "progress", "chunks", "connections", "hook_runs", "commands")
    return [rows(path, f"SELECT * FROM {table}") for table in tables]


# Reading beside a writer


def test_status_is_read_while_a_writer_is_in_a_transaction(path: Path, store: Store, run: Run) -> None:
    run.checkpoint(Step(Progress(changes=1)), NO_READINGS)
    writer = raw(path)
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("UPDATE migrations SET reason = 'not committed'")
    reader = Store.reading(path)
    record = reader.find(MIGRATION)
    assert (record.reason, record.progress.changes) == ("", 1)
    assert reader.is_running(MIGRATION)
    writer.execute("COMMIT")
    assert reader.find(MIGRATION).reason == "not committed"
    writer.close()
    reader.close()
    assert store.find(MIGRATION).reason == "not committed"


def test_a_reader_in_the_middle_of_its_reading_does_not_hold_up_the_writer(path: Path, run: Run) -> None:
    reader = raw(path)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM migrations").fetchone()
    run.checkpoint(Step(Progress(changes=1)), NO_READINGS)
    reader.close()


def test_a_reader_cannot_write(path: Path, store: Store) -> None:
    begin(store)
    reader = Store.reading(path)
    with pytest.raises(StoreError, match="readonly"):
        reader.order(MIGRATION, "abort")
    reader.close()


# The chain of chunks (R5)


def chain(run: Run, made: tuple[Chunk, ...], done: tuple[Chunk, ...], last: int | None) -> bool:
    """Whether the chain is complete once `made` were handed out and `done` were committed."""
    ends = (None, None) if last is None else ((1,), (last,))
    progress = Progress(open_chunks=made).range_found(*ends)
    run.checkpoint(Step(progress), NO_READINGS)
    run.checkpoint(step(replace(progress, open_chunks=()), *done), NO_READINGS)
    return run.chain_is_complete()


def test_a_chain_from_the_first_key_to_the_last_is_complete(run: Run) -> None:
    made = chunks(10, 20, 30)
    assert chain(run, made, (made[2], made[0], made[1]), 30)


def test_a_chunk_that_is_not_known_to_be_committed_keeps_the_chain_open(run: Run) -> None:
    made = chunks(10, 20, 30)
    for missing in range(3):
        assert not chain(run, made, made[:missing], 30)
    assert chain(run, made, made, 30)


def test_a_gap_keeps_the_chain_open(run: Run) -> None:
    made = (Chunk(1, KeyRange(None, (10,))), Chunk(2, KeyRange((11,), (30,))))
    assert not chain(run, made, made, 30)


def test_a_chunk_that_was_never_recorded_keeps_the_chain_open(run: Run) -> None:
    made = chunks(10, 20, 30)
    assert not chain(run, (made[0], made[2]), (made[0], made[2]), 30)


@pytest.mark.parametrize("last", [29, 31, None])
def test_a_chain_that_ends_elsewhere_is_not_complete(run: Run, last: int | None) -> None:
    made = chunks(10, 20, 30)
    assert not chain(run, made, made, last)


def test_a_chain_that_begins_behind_the_first_key_is_not_complete(run: Run) -> None:
    made = (Chunk(1, KeyRange((0,), (30,))),)
    assert not chain(run, made, made, 30)


def test_of_an_empty_table_no_chunk_is_needed_but_of_an_unknown_range_all_are(run: Run) -> None:
    assert not run.chain_is_complete()
    assert chain(run, (), (), None)


def test_an_end_is_compared_as_a_value_of_its_type(run: Run) -> None:
    progress = Progress(open_chunks=(Chunk(1, KeyRange(None, ("30",))),)).range_found((1,), (30,))
    run.checkpoint(Step(progress), NO_READINGS)
    run.checkpoint(step(progress, *progress.open_chunks), NO_READINGS)
    assert not run.chain_is_complete()


def test_how_long_chunks_took_is_known_of_those_that_are_copied(store: Store, run: Run) -> None:
    made = chunks(10, 20, 30)
    progress = Progress(open_chunks=made).range_found((1,), (30,))
    run.checkpoint(Step(progress), NO_READINGS)
    done = step(progress, made[0], made[2])
    run.checkpoint(done, NO_READINGS)
    assert store.chunk_seconds(MIGRATION, 1, 3) == {each.chunk.number: each.seconds for each in done.copied}
    assert store.chunk_seconds(MIGRATION, 2, 2) == {}
    assert store.chunk_seconds(OTHER, 1, 3) == {}


def test_a_chunk_is_recorded_once_and_stays_committed_when_it_is_reported_open_again(path: Path, run: Run) -> None:
    made = chunks(10)
    assert chain(run, made, made, 10)
    run.checkpoint(Step(Progress(open_chunks=made).range_found((1,), (10,))), NO_READINGS)
    assert rows(path, "SELECT number, after, upto, rows FROM chunks") == [(1, None, "[10]", 10)]


def test_chunks_of_another_migration_do_not_complete_a_chain(store: Store, run: Run) -> None:
    begin(store, OTHER, TableName("shop", "items"))
    other = store.drive(OTHER, "me")
    assert chain(other, chunks(10), chunks(10), 10)
    run.checkpoint(Step(Progress().range_found((1,), (10,))), NO_READINGS)
    assert not run.chain_is_complete()
    other.release()


# Connections, commands, hooks


def test_connections_of_earlier_runs_are_remembered_until_they_are_gone(store: Store, run: Run) -> None:
    assert [run.add_connection(purpose) for purpose in ("owner", "copy", "refresh")] == [1, 2, 3]
    assert run.earlier_connections() == ()
    run.release()
    later = store.drive(MIGRATION, "later")
    assert later.add_connection("owner") == 4
    assert later.earlier_connections() == (1, 2, 3)
    later.connections_gone((1, 3))
    assert later.earlier_connections() == (2,)
    later.release()


def answered(number: int, *, took_effect: bool = True, text: str = "it is") -> Step:
    """A step with the answer to a command, and what came of it."""
    return Step(Progress(postponed=True), answers=(Answer(number, took_effect, text),))


def test_commands_are_there_in_order_until_they_are_answered(store: Store, run: Run) -> None:
    first, second = (store.order(MIGRATION, verb) for verb in (Verb.POSTPONE, Verb.CUT_OVER))
    both = (Command(first, Verb.POSTPONE), Command(second, Verb.CUT_OVER))
    assert run.commands() == run.commands() == both
    assert not store.was_taken(first)
    run.answer(answered(first), NO_READINGS)
    assert store.was_taken(first)
    assert run.commands() == both[1:]
    assert not store.was_taken(999)


def test_a_command_of_a_later_version_is_there_too(store: Store, run: Run) -> None:
    number = store.order(MIGRATION, "sing")
    assert run.commands() == (Command(number, Verb.UNKNOWN),)


@pytest.mark.parametrize("took_effect", [True, False])
def test_an_answer_is_stored_with_what_the_command_did(store: Store, run: Run, *, took_effect: bool) -> None:
    number = store.order(MIGRATION, Verb.POSTPONE)
    assert store.answer(number) is None
    run.answer(answered(number, took_effect=took_effect, text="for ever: «表»"), NO_READINGS)
    assert store.answer(number) == Answer(number, took_effect, "for ever: «表»")
    assert store.find(MIGRATION).progress.postponed is True


def test_what_is_taken_and_not_yet_answered_has_no_answer(store: Store, run: Run) -> None:
    number = store.order(MIGRATION, Verb.REHEARSE)
    run.answer(Step(Progress(rehearsal=number), answers=(Answer(number, took_effect=True),)), NO_READINGS)
    assert (store.was_taken(number), store.answer(number), run.commands()) == (True, None, ())
    run.checkpoint(answered(number, took_effect=False, text="too slow"), NO_READINGS)
    assert store.answer(number) == Answer(number, took_effect=False, text="too slow")


def test_an_answer_may_come_with_a_transition(store: Store, run: Run) -> None:
    number = store.order(MIGRATION, Verb.POSTPONE)
    run.enter(PASSED, replace(answered(number), outcome=Outcome.PASSED), NO_READINGS)
    assert store.answer(number) == Answer(number, took_effect=True, text="it is")


@pytest.mark.parametrize("table", ["commands", "progress"])
def test_a_command_its_effect_and_its_answer_are_stored_together_or_not_at_all(
    path: Path, store: Store, run: Run, table: str
) -> None:
    number = store.order(MIGRATION, Verb.POSTPONE)
    connection = raw(path)
    connection.execute(f"CREATE TRIGGER full BEFORE UPDATE ON {table} BEGIN SELECT RAISE(FAIL, 'disk full'); END")
    with pytest.raises(StoreError, match="disk full"):
        run.answer(answered(number), NO_READINGS)
    assert (store.was_taken(number), store.answer(number)) == (False, None)
    assert store.find(MIGRATION).progress == Progress()
    connection.execute("DROP TRIGGER full")
    connection.close()
    run.answer(answered(number), NO_READINGS)
    assert store.answer(number) is not None


def test_a_superseded_run_answers_nothing(store: Store, run: Run) -> None:
    number = store.order(MIGRATION, Verb.POSTPONE)
    run.release()
    later = store.drive(MIGRATION, "later")
    with pytest.raises(OwnedElsewhereError):
        run.answer(answered(number), NO_READINGS)
    assert store.answer(number) is None
    assert later.commands() == (Command(number, Verb.POSTPONE),)
    later.release()


def test_an_abort_is_taken_once_and_never_forgotten(path: Path, store: Store, run: Run) -> None:
    first, second = (store.order(MIGRATION, Verb.ABORT) for _ in range(2))
    run.take_aborts()
    taken = rows(path, "SELECT taken_at FROM commands")
    run.take_aborts()
    assert rows(path, "SELECT taken_at FROM commands") == taken
    assert store.was_taken(first)
    assert store.was_taken(second)
    run.release()
    later = store.drive(MIGRATION, "later")
    assert later.commands() == (Command(first, Verb.ABORT), Command(second, Verb.ABORT))
    later.release()


def test_whoever_hears_an_abort_takes_nothing_else(store: Store, run: Run) -> None:
    number = store.order(MIGRATION, Verb.POSTPONE)
    store.order(MIGRATION, Verb.ABORT)
    run.take_aborts()
    assert not store.was_taken(number)


def test_a_command_left_while_nobody_runs_is_taken_by_the_next_run(store: Store, run: Run) -> None:
    run.release()
    number = store.order(MIGRATION, Verb.POSTPONE)
    later = store.drive(MIGRATION, "later")
    assert later.commands() == (Command(number, Verb.POSTPONE),)
    later.release()


@pytest.mark.parametrize("taken", [True, False])
def test_a_rehearsal_that_a_run_did_not_come_to_is_not_made_by_the_next_one_and_is_answered(
    store: Store, run: Run, *, taken: bool
) -> None:
    number = store.order(MIGRATION, Verb.REHEARSE)
    if taken:
        run.answer(Step(Progress(rehearsal=number), answers=(Answer(number, took_effect=True),)), NO_READINGS)
    run.release()
    later = store.drive(MIGRATION, "later")
    assert (later.commands(), later.record.progress.rehearsal) == ((), None)
    answer = store.answer(number)
    assert answer is not None
    assert not answer.took_effect
    assert "ask again" in answer.text
    later.release()


def test_what_was_rehearsed_keeps_its_answer(store: Store, run: Run) -> None:
    number = store.order(MIGRATION, Verb.REHEARSE)
    run.answer(answered(number, text="in 20 ms"), NO_READINGS)
    run.release()
    store.drive(MIGRATION, "later").release()
    assert store.answer(number) == Answer(number, took_effect=True, text="in 20 ms")


def test_a_command_for_another_migration_is_left_alone(store: Store, run: Run) -> None:
    begin(store, OTHER, TableName("shop", "items"))
    abort, rehearsal = store.order(OTHER, Verb.ABORT), store.order(OTHER, Verb.REHEARSE)
    assert run.commands() == ()
    run.take_aborts()
    run.release()
    store.drive(MIGRATION, "later").release()
    assert not store.was_taken(abort)
    assert not store.was_taken(rehearsal)


def test_a_hook_that_was_begun_and_not_ended_is_pending_with_one_attempt_more(store: Store, run: Run) -> None:
    run.enter(PASSED, Step(Progress(), Outcome.PASSED), NO_READINGS, PASSED.hooks)
    run.hook_begins(run.pending_hooks()[0])
    run.release()
    later = store.drive(MIGRATION, "later")
    assert [hook.attempt for hook in later.pending_hooks()] == [2]
    later.release()


@pytest.mark.parametrize("status,left", [("ok", 0), ("failed", 0), ("pending", 1)])
def test_a_hook_that_ended_is_pending_only_when_it_is_to_run_again(run: Run, status: str, left: int) -> None:
    run.enter(PASSED, Step(Progress(), Outcome.PASSED), NO_READINGS, PASSED.hooks)
    hook = run.pending_hooks()[0]
    run.hook_begins(hook)
    run.hook_ended(hook, status, "printed")
    assert len(run.pending_hooks()) == left


def test_of_what_a_hook_printed_a_page_is_kept(path: Path, run: Run) -> None:
    run.enter(PASSED, Step(Progress(), Outcome.PASSED), NO_READINGS, PASSED.hooks)
    run.hook_ended(run.pending_hooks()[0], "ok", "é" * 1_000_000)
    assert rows(path, "SELECT length(output) FROM hook_runs") == [(4096,)]


def test_a_moment_between_transitions_comes_once_until_the_next_one_and_after_those_of_the_last(run: Run) -> None:
    run.enter(PASSED, Step(Progress(), Outcome.PASSED), NO_READINGS, PASSED.hooks)
    run.hooks_due([Moment.BEGIN_POSTPONED, "POST gh-ost-on-begin-postponed"])
    run.hook_ended(run.pending_hooks()[1], "ok", "")
    run.hooks_due([Moment.BEGIN_POSTPONED])
    pending = [(hook.seq, hook.moment) for hook in run.pending_hooks()]
    assert pending == [(1, Moment.STARTUP), (1, "POST gh-ost-on-begin-postponed")]
    run.enter(BROKEN, Step(Progress(), Outcome.BROKEN), NO_READINGS)
    run.hooks_due([Moment.BEGIN_POSTPONED])
    assert [(hook.seq, hook.moment) for hook in run.pending_hooks()][2:] == [(2, Moment.BEGIN_POSTPONED)]


def test_hooks_of_one_transition_run_in_the_order_in_which_they_were_noted(run: Run) -> None:
    run.enter(PASSED, Step(Progress(), Outcome.PASSED), NO_READINGS, (Moment.VALIDATED, Moment.BEFORE_ROW_COPY))
    assert [hook.moment for hook in run.pending_hooks()] == [Moment.VALIDATED, Moment.BEFORE_ROW_COPY]


def test_no_other_file_than_the_state_and_its_lock_is_left(path: Path) -> None:
    store = Store(path)
    begin(store)
    store.drive(MIGRATION, "me").release()
    store.close()
    assert sorted(file.name for file in path.parent.iterdir()) == ["state.db", "state.db.01234567.lock"]
