"""Two state files, one migration: whatever their steps' order is, only one of them can write.

A and B are runs of two state files; B takes over from A. Each test is an order of their steps.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from fsm_ghost.errors import ConnectionLostError, OwnedElsewhereError, TakenOverError
from fsm_ghost.model.naming import Names, TableName
from fsm_ghost.mysql import lease
from fsm_ghost.mysql.changelog import Changelog, owner_of
from fsm_ghost.mysql.connections import Connections, Ownership
from fsm_ghost.mysql.lease import Held, Lease
from fsm_ghost.mysql.quoting import table
from fsm_ghost.mysql.session import Session, connect_arguments
from fsm_ghost.services import mirror
from tests.integration.driving import reached
from tests.servers import Database

_IDS = (f"{number:032x}" for number in range(0xABC, 0xFFF))


class Host:
    """One state file's run: its lease, its connections, and the numbers that it has recorded."""

    def __init__(self, database: Database, migration: str, name: str, epoch: int, *, token: str = "") -> None:
        self.migration = migration
        self.names = Names.for_table(TableName(database.name, "t"), datetime.now(UTC))
        self.lease = Lease(self.names.changelog, migration, token or f"token of {name}", name, epoch)
        self.connections = Connections(
            connect_arguments(reached(database.server)), database.name, migration, self, self.lease
        )
        self.session = self.connections.connect("looking around")
        self.recorded: list[int] = []
        self._next = 1

    def next_connection(self) -> int:
        return self._next

    def add_connection(self, _: str) -> int:
        self.recorded.append(self._next)
        self._next += 1
        return self.recorded[-1]

    def count_from(self, number: int) -> None:
        self._next = number

    def found(self) -> Held:
        held = lease.look(self.session, self.names.changelog, self.migration)
        assert held is not None
        return held

    def take_over(self) -> Held:
        """What another state file does first: from here on only this one can write."""
        left = mirror.Left(self.names.original, self.migration, self.names.changelog, self.found())
        held = mirror.take(self.session, left, self.lease)
        self.count_from(held.connections + 1)
        return held


@pytest.fixture(autouse=True)
def _no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever holds the table's lock here does not leave."""
    monkeypatch.setattr(mirror, "_LEAVES_WITHIN", 0.0)


@pytest.fixture
def migration() -> str:
    return next(_IDS)


@pytest.fixture
def a(database: Database, migration: str) -> Iterator[Host]:
    """The first owner: it has made the changelog, and holds the lease at epoch 1."""
    host = Host(database, migration, "host a", 1)
    Changelog(host.session, host.names.changelog, migration, host.lease).create(())
    yield host
    host.connections.close()


@pytest.fixture
def b(database: Database, migration: str) -> Iterator[Host]:
    host = Host(database, migration, "host b", 2)
    yield host
    host.connections.close()


def just_before(monkeypatch: pytest.MonkeyPatch, of: object, method: str, doing: Callable[[], object]) -> None:
    """Do something when a method of an object is called the next time, before that."""
    real = getattr(of, method)

    def called(*arguments: object) -> object:
        monkeypatch.setattr(of, method, real)
        doing()
        return real(*arguments)

    monkeypatch.setattr(of, method, called)


def is_alive(session: Session) -> bool:
    try:
        return bool(session.value("SELECT 1") == 1)
    except ConnectionLostError:
        return False


# --- Connections ------------------------------------------------------------------------------------------------------


def test_a_connection_that_was_let_in_before_is_gone_after_the_take_over(a: Host, b: Host) -> None:
    writing = a.connections.open("copy")
    b.take_over()
    assert not is_alive(writing)


def test_a_connection_that_has_not_got_its_lock_when_it_is_taken_over_is_not_let_in(
    a: Host, b: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    def recorded(purpose: str) -> int:
        number = Host.add_connection(a, purpose)
        b.take_over()
        return number

    monkeypatch.setattr(a, "add_connection", recorded)
    with pytest.raises(TakenOverError):
        a.connections.open("copy")


def test_a_connection_that_has_its_lock_and_no_more_is_found(a: Host, b: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    just_before(monkeypatch, a.lease, "check", b.take_over)
    with pytest.raises(ConnectionLostError):
        a.connections.open("copy")


def test_after_a_take_over_no_number_is_given_out_that_the_new_owner_could_have(a: Host, b: Host) -> None:
    b.take_over()
    a.count_from(65)
    with pytest.raises(TakenOverError):
        a.connections.open("copy")
    assert a.recorded == []


def test_a_bound_raised_in_the_last_moment_is_known_to_who_takes_over(
    a: Host, b: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Session] = []

    def open_one_more() -> None:
        a.count_from(65)
        opened.append(a.connections.open("copy"))

    just_before(monkeypatch, b.lease, "claim", open_one_more)
    held = b.take_over()
    assert held.connections == 128
    assert not is_alive(opened[0])


def test_the_bound_is_raised_once_for_many_connections(a: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    raised = []
    monkeypatch.setattr(a.lease, "_write", lambda *_: raised.append(a.next_connection()))
    for _ in range(130):
        a.lease.cover(a.session, a.next_connection())
        a.add_connection("copy")
    assert raised == [65, 129]


def test_whoever_comes_third_ends_the_connections_of_both_before_it(a: Host, b: Host, database: Database) -> None:
    """B was killed after it had taken the lease, and before it had ended A's connections."""
    of_a = a.connections.open("copy")
    b.lease.take(b.found())
    b.lease.claim(b.session)
    b.count_from(b.found().connections + 1)
    of_b = b.connections.open("copy")
    c = Host(database, a.migration, "host c", 3)
    c.take_over()
    assert (is_alive(of_a), is_alive(of_b)) == (False, False)
    c.connections.close()


# --- The lease --------------------------------------------------------------------------------------------------------


def test_of_two_that_take_over_at_the_same_time_one_gets_it(
    a: Host, b: Host, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    c = Host(database, a.migration, "host c", 2)
    just_before(monkeypatch, b.lease, "claim", c.take_over)
    with pytest.raises(TakenOverError, match="taken over by host c"):
        b.take_over()
    assert (b.found().name, b.found().epoch) == ("host c", 2)
    c.connections.close()


def test_a_run_cannot_claim_what_was_taken_since_it_looked(
    a: Host, b: Host, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = Host(database, a.migration, "host a", 9)
    assert later.lease.find(later.session) is not None
    just_before(monkeypatch, later.lease, "claim", b.take_over)
    with pytest.raises(TakenOverError, match="host b"):
        later.lease.claim(later.session)
    later.connections.close()


def test_epochs_that_were_counted_without_the_server_win_nothing(a: Host, b: Host, database: Database) -> None:
    """A run that could not reach the server for a while has a higher epoch than whoever took over meanwhile."""
    b.take_over()
    back = Host(database, a.migration, "host a", 50)
    with pytest.raises(TakenOverError, match="taken over by host b at 20"):
        back.lease.find(back.session)
    back.connections.close()


def test_a_later_run_of_the_same_state_file_goes_on(a: Host, database: Database) -> None:
    later = Host(database, a.migration, "host a", 5)
    assert later.lease.find(later.session) is not None
    later.lease.claim(later.session)
    assert later.found().epoch == 5
    with pytest.raises(TakenOverError):
        a.lease.store(a.session, "old", None)
    later.connections.close()


def test_a_copy_of_a_state_file_that_was_made_before_its_last_run_is_out_of_date(a: Host, database: Database) -> None:
    copy = Host(database, a.migration, "host a", 1)
    with pytest.raises(TakenOverError):
        copy.lease.find(copy.session)
    copy.connections.close()


def test_without_a_changelog_there_is_nothing_to_ask(a: Host, database: Database) -> None:
    database.execute("DROP TABLE t_ghc")
    later = Host(database, a.migration, "host a", 2)
    assert later.lease.find(later.session) is None
    later.lease.claim(later.session)
    assert is_alive(later.connections.open("copy"))
    later.connections.close()


def test_another_migrations_changelog_is_not_this_ones(a: Host, database: Database) -> None:
    other = Host(database, next(_IDS), "host a", 2)
    assert other.lease.find(other.session) is None
    assert owner_of(a.session, a.names.changelog) == f"migration {a.migration[:8]}, host a"
    other.connections.close()


# --- The checkpoint ---------------------------------------------------------------------------------------------------


def test_a_checkpoint_is_kept_with_what_is_written_less_often(a: Host) -> None:
    a.lease.store(a.session, "it's\n\\ 100 %", "begun ❤")
    a.lease.store(a.session, "later", None)
    assert (a.found().checkpoint, a.found().migration) == ("later", "begun ❤")


def test_a_checkpoint_of_whom_was_taken_over_is_not_written(a: Host, b: Host, database: Database) -> None:
    a.lease.store(a.session, "of a", "")
    b.lease.take(b.found())
    b.lease.claim(b.session)  # and not fenced yet
    with pytest.raises(TakenOverError, match="taken over by host b"):
        a.lease.store(a.session, "too late", None)
    with pytest.raises(TakenOverError, match="taken over by host b"):
        a.lease.check(a.session)
    assert database.query("SELECT value FROM t_ghc WHERE hint = 'checkpoint'") == [("of a",)]


def test_a_write_that_changes_nothing_is_not_taken_for_a_lost_lease(a: Host) -> None:
    a.session.execute("SET timestamp = 1800000000")
    for _ in range(2):
        a.lease.store(a.session, "the same", None)


def test_who_finds_the_changelog_gone_says_that_it_was_ended(a: Host, database: Database) -> None:
    database.execute("DROP TABLE t_ghc")
    with pytest.raises(TakenOverError, match="was ended elsewhere"):
        a.lease.store(a.session, "too late", None)
    with pytest.raises(TakenOverError, match="was ended elsewhere"):
        a.connections.open("copy")
    a.lease.excuse(a.session, 5)  # only a courtesy


# --- Signs of life ----------------------------------------------------------------------------------------------------


def be_silent(host: Host, seconds: int) -> None:
    """Whatever a host has written, and will write, was written so many seconds ago."""
    host.session.execute(f"SET timestamp = {time.time() - seconds}")
    host.session.execute(f"UPDATE {table(host.names.changelog)} SET written_at = CURRENT_TIMESTAMP(6)")


def left_by(host: Host) -> mirror.Left:
    return mirror.Left(host.names.original, host.migration, host.names.changelog, host.found())


def test_an_owner_that_was_seen_a_moment_ago_is_not_taken_over_without_force(a: Host, b: Host) -> None:
    Ownership(a.session, a.names.original).acquire()
    with pytest.raises(OwnedElsewhereError, match=r"being run by host a, seen [0-9] s ago") as refused:
        mirror.refuse_the_living(b.session, left_by(b))
    assert "--take-over" in refused.value.remedy


def test_an_owner_whose_lock_is_free_is_not_running(a: Host, b: Host) -> None:
    assert a.found().silent < 10
    mirror.refuse_the_living(b.session, left_by(b))


def test_an_owner_that_is_just_leaving_is_waited_for(a: Host, b: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mirror, "_LEAVES_WITHIN", 30.0)
    Ownership(a.session, a.names.original).acquire()
    left = left_by(b)
    ask = b.session.value

    def asked(statement: str) -> object:
        if "SLEEP" in statement:
            a.connections.close()
        return ask(statement)

    monkeypatch.setattr(b.session, "value", asked)
    mirror.refuse_the_living(b.session, left)


def test_an_owner_that_has_been_silent_for_long_is_taken_for_frozen(a: Host, b: Host) -> None:
    Ownership(a.session, a.names.original).acquire()
    be_silent(a, 30)
    assert 25 < b.found().silent < 60
    mirror.refuse_the_living(b.session, left_by(b))


def test_a_marker_is_a_sign_of_life(a: Host, b: Host) -> None:
    Ownership(a.session, a.names.original).acquire()
    be_silent(a, 30)
    a.session.execute("SET timestamp = DEFAULT")
    Changelog(a.session, a.names.changelog, a.migration, a.lease).write_marker()
    with pytest.raises(OwnedElsewhereError):
        mirror.refuse_the_living(b.session, left_by(b))


def test_an_owner_that_has_said_that_it_will_be_silent_is_left_alone_for_so_long(a: Host, b: Host) -> None:
    Ownership(a.session, a.names.original).acquire()
    be_silent(a, 30)
    a.lease.excuse(a.session, 600)
    with pytest.raises(OwnedElsewhereError):
        mirror.refuse_the_living(b.session, left_by(b))
    a.lease.excuse(a.session, 0)
    mirror.refuse_the_living(b.session, left_by(b))


def test_who_takes_over_does_not_inherit_the_excuse(a: Host, b: Host) -> None:
    a.lease.excuse(a.session, 600)
    b.take_over()
    assert b.found().excused <= 0


def test_an_owner_whose_statement_the_server_is_carrying_out_is_not_frozen(
    a: Host, b: Host, database: Database
) -> None:
    Ownership(a.session, a.names.original).acquire()
    be_silent(a, 30)
    with database.connect().cursor() as cursor:
        cursor.execute("SELECT GET_LOCK('held up', 0)")
        a.session._connection._execute_command(3, "SELECT GET_LOCK('held up', 20)")  # type: ignore[attr-defined]
        while not Ownership(b.session, b.names.original).is_busy():
            pass
        with pytest.raises(OwnedElsewhereError):
            mirror.refuse_the_living(b.session, left_by(b))
