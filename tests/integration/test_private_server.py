"""The servers the tests stand on, tested first."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pymysql
import pytest

from fsm_ghost.mysql import private
from fsm_ghost.mysql.private import Flavour, PrivateServer, ServerUnavailableError, find_server
from tests.conftest import ServerFactory
from tests.servers import Database

TABLE = "CREATE TABLE kept.t (id INT PRIMARY KEY)"


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


def test_a_found_server_says_itself_which_flavour_it_is(flavour: Flavour) -> None:
    binary = find_server(flavour)
    assert binary is not None
    assert binary.flavour == flavour
    assert ("MariaDB" in binary.version) == (flavour == "mariadb")


def test_a_server_is_not_taken_for_the_other_flavour_whatever_its_name(
    flavour: Flavour, monkeypatch: pytest.MonkeyPatch
) -> None:
    binary = find_server(flavour)
    other: Flavour = "mysql" if flavour == "mariadb" else "mariadb"
    assert binary is not None
    monkeypatch.setenv(private.VARIABLES[other], str(binary.executable))
    with pytest.raises(ServerUnavailableError, match=f"does not run as a {other} server"):
        find_server(other)


def test_a_server_starts_with_durable_commits_and_full_row_images(server: PrivateServer) -> None:
    variables = "@@binlog_format, @@binlog_row_image, @@sync_binlog, @@innodb_flush_log_at_trx_commit, @@log_bin"
    assert server.execute(f"SELECT {variables}") == [("ROW", "FULL", 1, 1, 1)]


def test_a_server_is_reached_at_its_port_with_its_user_and_password(server: PrivateServer) -> None:
    with pymysql.connect(host=server.host, port=server.port, user=server.user, password=server.password) as connection:
        assert connection.open


def test_a_server_listens_on_the_loopback_address_only(server: PrivateServer) -> None:
    assert server.execute("SELECT @@bind_address") == [("127.0.0.1",)]


def test_options_stand_over_the_defaults_in_either_spelling(fresh_server: ServerFactory) -> None:
    own = fresh_server({"binlog_row_image": "MINIMAL", "sync-binlog": 0}, server_id=7)
    assert own.execute("SELECT @@binlog_row_image, @@sync_binlog, @@server_id") == [("MINIMAL", 0, 7)]


def test_committed_rows_survive_a_kill(fresh_server: ServerFactory) -> None:
    own = fresh_server()
    own.execute("CREATE DATABASE kept", TABLE, "INSERT INTO kept.t VALUES (1)")
    pid = own.pid
    own.kill()
    assert gone(pid)
    assert not own.running
    own.start()
    assert own.execute("SELECT * FROM kept.t") == [(1,)]


def test_a_restart_keeps_data_and_port_and_takes_new_options(fresh_server: ServerFactory) -> None:
    own = fresh_server({"max-connections": 50})
    own.execute("CREATE DATABASE kept", TABLE)
    port = own.port
    own.restart({"binlog-row-image": "MINIMAL"})
    assert own.port == port
    assert own.execute("SELECT @@binlog_row_image, @@max_connections") == [("MINIMAL", 50)]
    assert own.execute("SELECT COUNT(*) FROM kept.t") == [(0,)]


def test_a_stopped_server_leaves_neither_process_nor_folder(flavour: Flavour) -> None:
    own = PrivateServer(flavour)
    own.start()
    pid, home = own.pid, own.home
    own.stop()
    own.stop()
    assert gone(pid)
    assert not home.exists()


def test_a_replica_follows_its_primary_from_the_start(fresh_server: ServerFactory) -> None:
    primary = fresh_server()
    primary.execute("CREATE DATABASE kept", TABLE, "INSERT INTO kept.t VALUES (1)")
    replica = fresh_server(server_id=2, replica_of=primary)
    primary.execute("INSERT INTO kept.t VALUES (2)")
    replica.catch_up(primary)
    assert replica.execute("SELECT id FROM kept.t ORDER BY id") == [(1,), (2,)]


@pytest.mark.mysql_only
def test_a_replica_follows_by_file_and_position_where_there_are_no_gtids(fresh_server: ServerFactory) -> None:
    options = {"gtid-mode": "OFF", "enforce-gtid-consistency": "OFF"}
    primary = fresh_server(options)
    primary.execute("CREATE DATABASE kept", TABLE, "INSERT INTO kept.t VALUES (1)")
    replica = fresh_server(options, server_id=2, replica_of=primary)
    replica.catch_up(primary)
    assert replica.execute("SELECT id FROM kept.t") == [(1,)]


def test_two_servers_are_different_servers_to_replication(fresh_server: ServerFactory, flavour: Flavour) -> None:
    identity = "SELECT @@server_id" if flavour == "mariadb" else "SELECT @@server_uuid"
    assert fresh_server(server_id=1).execute(identity) != fresh_server(server_id=2).execute(identity)


def test_a_server_that_cannot_start_says_what_its_log_says(flavour: Flavour) -> None:
    broken = PrivateServer(flavour, {"no-such-option": 1})
    with pytest.raises(ServerUnavailableError, match="no-such-option"):
        broken.start()
    assert not broken.running


def test_a_missing_server_is_reported_with_the_remedy(flavour: Flavour, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(private, "find_server", lambda _: None)
    with pytest.raises(ServerUnavailableError, match=f"contrib/fetch-server {flavour}"):
        PrivateServer(flavour)


def test_a_server_ends_with_the_process_that_started_it(flavour: Flavour) -> None:
    program = (
        "import sys; from fsm_ghost.mysql.private import PrivateServer\n"
        f"own = PrivateServer({flavour!r}); own.start(); print(own.pid, own.home, flush=True); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout
        pid, home = parent.stdout.readline().split()
        parent.send_signal(signal.SIGKILL)
    until = time.monotonic() + 60
    while not gone(int(pid)) and time.monotonic() < until:
        time.sleep(0.01)
    assert gone(int(pid))
    shutil.rmtree(home.decode())


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A temporary folder for servers alone; `tmp_path` is too long for the address of a socket, 107 characters."""
    with tempfile.TemporaryDirectory() as made:
        monkeypatch.setattr("tempfile.tempdir", made)
        yield Path(made)


def test_what_a_killed_process_left_is_removed_by_the_next_one(folder: Path, flavour: Flavour) -> None:
    left, fresh = folder / "fsm-ghost-server-left", folder / "fsm-ghost-server-fresh"
    for home in (left, fresh):
        home.mkdir()
        (home / "claim").touch()
    os.utime(left / "claim", (0, 0))
    with PrivateServer(flavour) as own:
        os.utime(own.home / "claim", (0, 0))
        with PrivateServer(flavour) as another:
            assert own.home.exists()
            assert another.home.exists()
    assert not left.exists()
    assert fresh.exists(), "its owner may be about to lock it"


def test_a_database_is_empty_and_nobody_elses(database: Database) -> None:
    assert database.query("SHOW TABLES") == []
    assert database.execute("CREATE TABLE t (id INT)") == 0
    assert database.execute("INSERT INTO t VALUES (%s)", [3]) == 1
    assert database.query("SELECT id FROM t") == [(3,)]
    assert database.query("SELECT DATABASE()") == [(database.name,)]


def test_a_database_is_dropped_although_a_transaction_was_left_open(server: PrivateServer) -> None:
    own = Database(server)
    own.execute("CREATE TABLE t (id INT)")
    with own.connect(autocommit=False).cursor() as cursor:
        cursor.execute("INSERT INTO t VALUES (1)")
    own.drop()
    assert server.execute(f"SHOW DATABASES LIKE '{own.name}'") == []
