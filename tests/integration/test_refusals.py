"""What is refused: with one clear reason, what to do about it, the right exit code, and nothing touched."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count

import pytest

from fsm_ghost.errors import ConnectionLostError, FsmGhostError, RefusedError, StoppedError
from fsm_ghost.model.naming import Names
from fsm_ghost.model.phase import Phase
from fsm_ghost.mysql import catalog
from fsm_ghost.mysql.private import Flavour, PrivateServer
from fsm_ghost.mysql.privileges import GLOBAL, GLOBAL_ON_MARIADB, GLOBAL_ON_MYSQL, ON_SCHEMA
from fsm_ghost.mysql.session import Session, connect_arguments
from fsm_ghost.services import inspector, preflight
from fsm_ghost.settings import ServerSettings, Settings
from tests.conftest import ServerFactory
from tests.integration.accounts import account, all_grants
from tests.integration.driving import ADD_COLUMN, Driver, old_table, table_of, tables, unchanged
from tests.servers import Database

REFUSED = RefusedError.exit_code
_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Answer:
    """What somebody is told whose migration came to nothing."""

    exit_code: int
    text: str

    @property
    def reasons(self) -> list[str]:
        """The lines that are neither a remedy nor a statement to be run."""
        return [line for line in self.text.splitlines() if line and not line.startswith(("  ", "GRANT "))]


def told(driver: Driver, settings: Settings) -> Answer:
    """Start a migration that does not come far."""
    try:
        ending = driver.run(settings)
    except FsmGhostError as raised:
        return Answer(raised.exit_code, f"{raised.message}\n  {_remedy(raised)}")
    assert ending.phase in {Phase.FAILED, Phase.ABORTED}
    assert driver.record().is_finished, "there is nothing that could be resumed"
    assert "\n" in ending.snapshot.reason, f"no remedy: {ending.snapshot.reason!r}"
    return Answer(ending.exit_code, "\n  ".join(ending.snapshot.reason.split("\n", 1)))


def _remedy(error: FsmGhostError) -> str:
    assert error.remedy, f"no remedy: {error}"
    return error.remedy


def refused(driver: Driver, settings: Settings, reason: str, *, exit_code: int = REFUSED) -> str:
    """A migration is refused for one reason, and nothing was touched; all that was said."""
    with unchanged(driver.database):
        answer = told(driver, settings)
    assert re.search(reason, answer.text), answer.text
    assert len(answer.reasons) == 1, f"more than one reason: {answer.text}"
    assert answer.exit_code == exit_code, answer.text
    return answer.text


@pytest.fixture
def plain(database: Database) -> Database:
    """A database with a table `t`."""
    database.execute("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20), n INT)")
    database.execute("INSERT INTO t VALUES (1, 'one', 1), (2, 'two', 1), (3, 'three', 1)")
    return database


# --- The server -------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("plain")
def test_a_wrong_password_is_refused(driver: Driver) -> None:
    with account(driver, ()) as limited:
        settings = driver.settings(server=replace(limited, password="wrong"))  # noqa: S106 - of an account of our own
        assert "password" in refused(driver, settings, "Access denied")


@pytest.mark.usefixtures("plain")
def test_an_unknown_user_is_refused(driver: Driver) -> None:
    nobody = replace(driver.server, user="nobody")
    refused(driver, driver.settings(server=nobody), "Access denied")


@pytest.mark.usefixtures("plain")
def test_a_server_that_cannot_be_reached_is_named(driver: Driver, fresh_server: ServerFactory) -> None:
    gone = fresh_server()
    port = gone.port
    gone.stop()
    settings = driver.settings(server=ServerSettings(host="127.0.0.1", port=port, user="root"))
    said = refused(driver, settings, f"127.0.0.1:{port}", exit_code=ConnectionLostError.exit_code)
    assert "--host" in said


@contextmanager
def globally(server: PrivateServer, name: str, value: str) -> Iterator[None]:
    """A global variable has another value for a while."""
    ((before,),) = server.execute(f"SELECT @@GLOBAL.{name}")
    server.execute(f"SET GLOBAL {name} = '{value}'" if not value.isdigit() else f"SET GLOBAL {name} = {value}")
    try:
        yield
    finally:
        server.execute(f"SET GLOBAL {name} = {before!r}")


@pytest.mark.parametrize("value", ["MIXED", "STATEMENT"])
def test_another_binlog_format_is_refused(plain: Database, driver: Driver, value: str) -> None:
    with globally(plain.server, "binlog_format", value):
        said = refused(driver, driver.settings(), f"binlog_format is {value}")
        assert "SET GLOBAL binlog_format" in said


def test_minimal_row_images_are_refused(plain: Database, driver: Driver) -> None:
    with globally(plain.server, "binlog_row_image", "MINIMAL"):
        refused(driver, driver.settings(), "binlog_row_image is MINIMAL")


def test_a_read_only_server_is_refused(plain: Database, driver: Driver) -> None:
    with globally(plain.server, "read_only", "1"):
        refused(driver, driver.settings(), "read-only")


@pytest.mark.mysql_only
def test_commits_that_do_not_become_visible_in_order_are_refused(plain: Database, driver: Driver) -> None:
    with globally(plain.server, "binlog_order_commits", "0"):
        refused(driver, driver.settings(), "binlog_order_commits")


def test_a_server_without_a_binary_log_is_refused(
    fresh_server: ServerFactory, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = Database(fresh_server({"skip-log-bin": 1}))
    elsewhere.execute("CREATE TABLE t (id INT PRIMARY KEY)")
    driver = Driver(elsewhere, tmp_path_factory.mktemp("store"))
    refused(driver, driver.settings(), "binary log")


def test_a_replica_is_refused(fresh_server: ServerFactory, tmp_path_factory: pytest.TempPathFactory) -> None:
    primary = fresh_server()
    replica = fresh_server(server_id=2, replica_of=primary)
    primary.execute("CREATE DATABASE shop", "CREATE TABLE shop.t (id INT PRIMARY KEY)")
    replica.catch_up(primary)
    here = Database(replica)
    driver = Driver(here, tmp_path_factory.mktemp("store"))
    refused(driver, replace(driver.settings(), schema="shop"), "replica")


@pytest.mark.usefixtures("plain")
def test_a_replica_by_another_channel_is_refused(driver: Driver, flavour: Flavour) -> None:
    server = driver.database.server
    if flavour == "mysql":
        begin = "CHANGE REPLICATION SOURCE TO SOURCE_HOST = '127.0.0.1', SOURCE_PORT = 1 FOR CHANNEL 'other'"
        end = "RESET REPLICA ALL FOR CHANNEL 'other'"
    else:
        begin = "CHANGE MASTER 'other' TO MASTER_HOST = '127.0.0.1', MASTER_PORT = 1"
        end = "RESET SLAVE 'other' ALL"
    server.execute(begin)
    try:
        refused(driver, driver.settings(), "replica")
    finally:
        server.execute(end)


def test_what_the_binary_log_leaves_out_is_refused_and_what_it_alone_has_is_migrated(
    fresh_server: ServerFactory, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """What happens from then on stands in the binary log, in the order in which a replica has to do it."""
    here = Database(fresh_server({"binlog-do-db": "shop"}))
    here.execute("CREATE DATABASE shop")
    here.execute("CREATE TABLE shop.t (id INT PRIMARY KEY, v INT NOT NULL)")
    here.execute(f"INSERT INTO shop.t VALUES {', '.join(f'({number}, 0)' for number in range(500))}")
    here.execute("CREATE TABLE t (id INT PRIMARY KEY)")
    driver = Driver(here, tmp_path_factory.mktemp("store"))
    refused(driver, driver.settings(), f"leaves out {here.name}")
    settings = driver.postponed(schema="shop", alter="ADD COLUMN added INT NOT NULL DEFAULT 7, ADD INDEX v (v)")
    running = driver.start(settings)
    running.until_postponed()
    here.execute("UPDATE shop.t SET v = 1 WHERE id % 3 = 0")
    running.stop()
    with pytest.raises(StoppedError):
        running.ending()
    here.execute("DELETE FROM shop.t WHERE id % 5 = 0")
    here.execute("INSERT INTO shop.t VALUES (1000, 2)")
    driver.flag_file.unlink()
    assert driver.resume(running.id).exit_code == 0
    wanted = [(n, int(n % 3 == 0), 7) for n in range(500) if n % 5] + [(1000, 2, 7)]
    assert here.query("SELECT id, v, added FROM shop.t ORDER BY id") == wanted
    logged = statements_logged(here)
    made = [text.split()[0] for text in logged if running.id in text]
    assert [verb for verb in made if verb in {"CREATE", "RENAME"}][-1] == "RENAME"
    assert sum("_ghc" in text for text in logged if text.startswith(("CREATE", "DROP"))) == 2, "made and dropped"


def statements_logged(database: Database) -> list[str]:
    """The statements in the binary log."""
    files = [row[0] for row in database.query("SHOW BINARY LOGS")]
    events = [event for file in files for event in database.query(f"SHOW BINLOG EVENTS IN '{file}'")]
    return [str(event[5]).removeprefix("use `shop`; ") for event in events if event[2] == "Query"]


def test_what_sessions_are_up_to_is_a_warning(plain: Database, driver: Driver, flavour: Flavour) -> None:
    plain.execute("CREATE TABLE other (id INT PRIMARY KEY)")
    reader, silent = plain.connect(autocommit=False), plain.connect()
    reader.query("SELECT * FROM t")
    silent.query("SET SESSION sql_log_bin = 0")
    for statement in ("XA START 'forgotten'", "INSERT INTO other VALUES (1)", "XA END 'forgotten'"):
        plain.execute(statement)
    plain.execute("XA PREPARE 'forgotten'")
    session = Session(connect_arguments(driver.server))
    try:
        names = Names.for_table(table_of(plain, "t"), datetime.now(UTC))
        found = inspector.survey(session, catalog.identity(session), names)
        assert reader.thread_id() in {each.connection for each in found.blockers}  # type: ignore[no-untyped-call]
        said = "\n".join(map(str, preflight.warnings(found)))
        assert "forgotten" in said
        expected = f"connection {silent.thread_id()} "  # type: ignore[no-untyped-call]
        assert (expected in said) is (flavour == "mysql"), "MariaDB does not tell"
        assert preflight.refusals(found) == ()
    finally:
        session.close()
        plain.execute("XA ROLLBACK 'forgotten'")


# --- The account ------------------------------------------------------------------------------------------------------


def granted_as_told(driver: Driver, text: str) -> None:
    """Run exactly the GRANT statements in what was said."""
    statements = [line.strip() for line in text.splitlines() if line.strip().startswith("GRANT ")]
    assert statements
    driver.database.server.execute(*statements)


def test_an_account_without_any_privilege_is_told_the_grants_and_they_are_enough(
    plain: Database, driver: Driver
) -> None:
    with account(driver, ()) as limited:
        settings = driver.settings(server=limited)
        said = refused(driver, settings, "the account lacks privileges")
        granted_as_told(driver, said)
        assert driver.run(settings).exit_code == 0
    assert tables(plain).keys() == {"t", old_table(plain, "t")}


@pytest.mark.parametrize(
    "missing",
    [*GLOBAL, *ON_SCHEMA]
    + [pytest.param(name, marks=pytest.mark.mysql_only) for name in GLOBAL_ON_MYSQL if name not in GLOBAL]
    + [pytest.param(name, marks=pytest.mark.mariadb_only) for name in GLOBAL_ON_MARIADB if name not in GLOBAL],
)
def test_a_single_missing_privilege_is_told_as_the_one_grant_that_mends_it(
    plain: Database, driver: Driver, missing: str
) -> None:
    with account(driver, all_grants(plain, without=missing)) as limited:
        settings = driver.settings(server=limited)
        said = refused(driver, settings, "the account lacks privileges")
        assert re.findall(r"GRANT (.+) ON", said) == [missing]
        granted_as_told(driver, said)
        assert driver.run(replace(settings, execute=False)).exit_code == 0


@contextmanager
def role(driver: Driver, grants: tuple[str, ...]) -> Iterator[str]:
    """A role with these grants."""
    server, name = driver.database.server, f"migrator{next(_numbers)}"
    server.execute(f"CREATE ROLE `{name}`")
    try:
        for grant in grants:
            server.execute(grant.replace("$", f"`{name}`"))
        yield name
    finally:
        server.execute(f"DROP ROLE `{name}`")


def test_privileges_that_a_default_role_gives_are_enough(plain: Database, driver: Driver, flavour: Flavour) -> None:
    with role(driver, all_grants(plain)) as name, account(driver, (f"GRANT `{name}` TO $",)) as limited:
        what = f"`{name}` {'TO' if flavour == 'mysql' else 'FOR'}"
        plain.server.execute(f"SET DEFAULT ROLE {what} `{limited.user}`@`%`")
        assert driver.run(driver.settings(server=limited)).exit_code == 0


def test_privileges_of_a_role_that_is_not_active_do_not_count(plain: Database, driver: Driver) -> None:
    with role(driver, all_grants(plain)) as name, account(driver, (f"GRANT `{name}` TO $",)) as limited:
        settings = driver.settings(server=limited)
        granted_as_told(driver, refused(driver, settings, "the account lacks privileges"))
        assert driver.run(replace(settings, execute=False)).exit_code == 0


def test_an_account_that_lacks_what_a_role_does_not_give_is_told_the_rest(
    plain: Database, driver: Driver, flavour: Flavour
) -> None:
    with (
        role(driver, all_grants(plain, without="ALTER")) as name,
        account(driver, (f"GRANT `{name}` TO $",)) as limited,
    ):
        what = f"`{name}` {'TO' if flavour == 'mysql' else 'FOR'}"
        plain.server.execute(f"SET DEFAULT ROLE {what} `{limited.user}`@`%`")
        settings = driver.settings(server=limited)
        said = refused(driver, settings, "the account lacks privileges")
        assert re.findall(r"GRANT (.+) ON", said) == ["ALTER"]
        granted_as_told(driver, said)
        assert driver.run(settings).exit_code == 0


@pytest.mark.mysql_only
def test_what_was_revoked_for_the_schema_is_lacking(plain: Database, driver: Driver) -> None:
    everything = f"GRANT {', '.join((*GLOBAL_ON_MYSQL, *ON_SCHEMA))} ON *.* TO $"
    grants = (everything, f"REVOKE DROP, ALTER ON `{plain.name}`.* FROM $")
    with globally(plain.server, "partial_revokes", "1"), account(driver, grants) as limited:
        settings = driver.settings(server=limited)
        said = refused(driver, settings, "the account lacks privileges")
        assert re.findall(r"GRANT (.+) ON", said) == ["DROP, ALTER"]
        granted_as_told(driver, said)
        assert driver.run(replace(settings, execute=False)).exit_code == 0


def test_triggers_that_the_account_may_not_see_do_not_escape(plain: Database, driver: Driver) -> None:
    plain.execute("CREATE TRIGGER counting BEFORE INSERT ON t FOR EACH ROW SET NEW.n = 5")
    with account(driver, all_grants(plain)) as limited:
        with unchanged(plain):
            answer = told(driver, driver.settings(server=limited))
        assert answer.exit_code == REFUSED
        assert re.search("trigger", answer.text, re.IGNORECASE)


def test_foreign_keys_that_the_account_may_not_see_do_not_escape(plain: Database, driver: Driver) -> None:
    other = Database(plain.server)
    other.execute(f"CREATE TABLE child (id INT PRIMARY KEY, t INT, FOREIGN KEY (t) REFERENCES `{plain.name}`.t (id))")
    try:
        with account(driver, all_grants(plain)) as limited:
            with unchanged(plain), unchanged(other):
                answer = told(driver, driver.settings(server=limited))
            assert answer.exit_code == REFUSED
    finally:
        other.drop()


# --- The table --------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("plain")
def test_a_table_that_does_not_exist_is_refused(driver: Driver) -> None:
    refused(driver, driver.settings("missing"), r"there is no table .*\.missing")


@pytest.mark.usefixtures("plain")
def test_a_database_that_does_not_exist_is_refused(driver: Driver) -> None:
    refused(driver, replace(driver.settings(), schema="no_such_database"), "there is no table no_such_database.t")


def test_a_view_is_refused(plain: Database, driver: Driver) -> None:
    plain.execute("CREATE VIEW seen AS SELECT * FROM t")
    refused(driver, driver.settings("seen"), "seen is a view")


@pytest.mark.parametrize("engine", ["MyISAM", "MEMORY"])
def test_a_table_of_another_engine_is_refused(database: Database, driver: Driver, engine: str) -> None:
    database.execute(f"CREATE TABLE t (id INT PRIMARY KEY) ENGINE = {engine}")
    refused(driver, driver.settings(), f"kept by {engine}")


@pytest.mark.parametrize(
    "definition",
    [
        "id INT, v INT",
        "id INT, v INT, UNIQUE KEY (id)",
        "v VARCHAR(50) NOT NULL, UNIQUE KEY (v(10))",
        "id DOUBLE PRIMARY KEY",
        "id ENUM('a', 'b') PRIMARY KEY",
        "id INT NOT NULL, v INT, KEY (id)",
    ],
)
def test_a_table_without_a_usable_key_is_refused(database: Database, driver: Driver, definition: str) -> None:
    database.execute(f"CREATE TABLE t ({definition})")
    refused(driver, driver.settings(), "no usable key")


def test_a_table_that_refers_to_another_one_is_refused(plain: Database, driver: Driver) -> None:
    plain.execute("CREATE TABLE child (id INT PRIMARY KEY, t INT, CONSTRAINT refers FOREIGN KEY (t) REFERENCES t (id))")
    refused(driver, driver.settings("child"), "refers .*child refers to")


def test_a_table_that_another_one_refers_to_is_refused(plain: Database, driver: Driver) -> None:
    plain.execute("CREATE TABLE child (id INT PRIMARY KEY, t INT, CONSTRAINT refers FOREIGN KEY (t) REFERENCES t (id))")
    refused(driver, driver.settings(), "refers .*child refers to")


def test_a_table_that_refers_to_itself_is_refused(database: Database, driver: Driver) -> None:
    database.execute("CREATE TABLE t (id INT PRIMARY KEY, up INT, CONSTRAINT up FOREIGN KEY (up) REFERENCES t (id))")
    refused(driver, driver.settings(), "up .*t refers to")


@pytest.mark.parametrize("timing", ["BEFORE INSERT", "AFTER UPDATE", "AFTER DELETE"])
def test_a_table_with_triggers_is_refused(plain: Database, driver: Driver, timing: str) -> None:
    plain.execute("CREATE TABLE log (id INT)")
    plain.execute(f"CREATE TRIGGER counting {timing} ON t FOR EACH ROW INSERT INTO log VALUES (1)")
    refused(driver, driver.settings(), "counting")


@pytest.mark.parametrize("suffix", ["_gho", "_ghc", "_ghm", "_ghs"])
def test_a_table_of_somebody_else_with_one_of_our_names_is_refused_and_kept(
    plain: Database, driver: Driver, suffix: str
) -> None:
    plain.execute(f"CREATE TABLE t{suffix} (id INT PRIMARY KEY, mine VARCHAR(10))")
    plain.execute(f"INSERT INTO t{suffix} VALUES (1, 'precious')")
    refused(driver, driver.settings(), f"t{suffix}")


def test_a_view_with_one_of_our_names_is_refused_and_kept(plain: Database, driver: Driver) -> None:
    plain.execute("CREATE VIEW t_gho AS SELECT * FROM t")
    refused(driver, driver.settings(), "t_gho")


@pytest.mark.mysql_only
@pytest.mark.parametrize(
    "length, name, check, reason",
    [
        (55, "n", "positive", "too long"),  # the ghost table's could not be made
        (40, "n", "generated", "too long"),  # the old table could not be called as it should
        (1, "t", "positive", "are taken"),  # the new table could not be called as the original
    ],
)
def test_a_table_whose_checks_could_not_be_named_is_refused_before_it_is_copied(
    database: Database, driver: Driver, length: int, name: str, check: str, reason: str
) -> None:
    long = name * length
    called = f"{long}_chk_1" if check == "generated" else check
    database.execute(f"CREATE TABLE {long} (id INT PRIMARY KEY, CONSTRAINT {called} CHECK (id > 0))")
    database.execute("CREATE TABLE other (id INT, CONSTRAINT T_CHK_1 CHECK (id > 0))")
    refused(driver, driver.settings(long), reason)


@pytest.mark.mysql_only
@pytest.mark.parametrize("length, check", [(54, "positive"), (39, "generated")])
def test_checks_that_can_just_be_named_are_migrated(
    database: Database, driver: Driver, caplog: pytest.LogCaptureFixture, length: int, check: str
) -> None:
    name = "n" * length
    called = f"{name}_chk_1" if check == "generated" else check
    database.execute(f"CREATE TABLE {name} (id INT PRIMARY KEY, CONSTRAINT {called} CHECK (id > 0))")
    with caplog.at_level(logging.WARNING):
        assert driver.run(driver.settings(name)).exit_code == 0
    assert f"CONSTRAINT `{name}_chk_1` CHECK" in tables(database)[name]
    assert ("CHECK constraints will be called" in caplog.text) is (check == "positive")


# --- The ALTER --------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize(
    "alter, reason",
    [
        ("RENAME TO other", "renames the table"),
        ("ADD COLUMN a INT, RENAME other", "renames the table"),
        ("ALTER TABLE t RENAME AS other", "renames the table"),
        ("ADD COLUMN a INT; DROP TABLE t", "more than one statement"),
        ("ADD COLUMN a INT, ALGORITHM=INPLACE", "ALGORITHM"),
        ("ADD COLUMN a INT, LOCK = NONE", "LOCK"),
        ("ALTER TABLE other ADD COLUMN a INT", "not for"),
        ("EXCHANGE PARTITION p WITH TABLE other", "EXCHANGE"),
        ("TRUNCATE PARTITION p", "TRUNCATE"),
        ("ADD COLUMN a INT,", "empty clause"),
        ("ADD COLUMN", "ends too early"),
    ],
)
def test_an_alter_that_would_escape_the_ghost_table_is_refused(driver: Driver, alter: str, reason: str) -> None:
    refused(driver, driver.settings(alter=alter), reason)


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize(
    "alter, reason",
    [
        ("ADD COLUM a INT", "the server refuses the ALTER"),
        ("ADD COLUMN v INT", "Duplicate column"),
        ("DROP COLUMN missing", "missing"),
        ("ADD COLUMN a INT NOT NULL DEFAULT 'x'", "Invalid default"),
        ("ADD INDEX missing (missing)", "missing"),
        ("DROP PRIMARY KEY", "no unique key"),
        ("MODIFY id INT UNSIGNED NOT NULL", "no unique key"),
        ("DROP COLUMN id", "no unique key"),
        ("ENGINE = MyISAM", "MyISAM"),
        ("ADD FOREIGN KEY (n) REFERENCES t (id)", "foreign key"),
        ("ADD COLUMN up INT, ADD CONSTRAINT up FOREIGN KEY (up) REFERENCES parent (id)", "foreign key"),
    ],
)
def test_an_alter_that_cannot_be_carried_out_is_refused_and_nothing_is_left(
    driver: Driver, alter: str, reason: str
) -> None:
    driver.database.execute("CREATE TABLE parent (id INT PRIMARY KEY)")
    refused(driver, driver.settings(alter=alter), f"(?i){reason}")


def test_a_time_is_not_given_the_day_on_which_it_is_copied(plain: Database, driver: Driver) -> None:
    plain.execute("ALTER TABLE t ADD at TIME DEFAULT '10:00'")
    said = refused(driver, driver.settings(alter="MODIFY at DATE"), "at changes from time to date: .* the day on which")
    assert "Add a column of the new type" in said


def test_after_a_refusal_the_same_table_can_be_migrated(plain: Database, driver: Driver) -> None:
    refused(driver, driver.settings(alter="DROP PRIMARY KEY"), "no unique key")
    assert driver.run(driver.settings(alter=ADD_COLUMN)).exit_code == 0
    assert "`added`" in tables(plain)["t"]
