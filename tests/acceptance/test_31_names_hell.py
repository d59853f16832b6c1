"""Scenario 31: names. Every table gets its own rows back under its own name; tables of others are left alone.

`tests/integration/test_alterations.py` migrates tables of many strange names, one at a time. Here are those that could
be taken for one another, those that others have taken, and those that no server takes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

import pytest

from fsm_ghost.errors import AmbiguousError, FsmGhostError, RefusedError
from fsm_ghost.model.phase import Phase
from fsm_ghost.mysql.quoting import quote
from fsm_ghost.settings import ServerSettings, Settings
from tests.conftest import ServerFactory
from tests.integration.driving import Driver, columns, tables
from tests.servers import Database

SHARED = "orders_of_all_customers_in_the_northern_hemisphere_and_beyond"[:60]
ALIKE = [SHARED, *(SHARED + end for end in ("1", "2", "_old", "_del", "~gho", "é"))]
STRANGE = "it's \\ `t` %s #"
NEIGHBOURS = ["_t_gho", "_t_ghc", "_t_del", "t__old", "t_del", "t_gho_gho", "t_20200101000000_del", "t~123456_gho"]


def create(database: Database, name: str, mark: int) -> None:
    """A table whose rows tell whose they are."""
    database.execute(f"CREATE TABLE {quote(name)} (id INT PRIMARY KEY, n INT NOT NULL)")
    database.execute(f"INSERT INTO {quote(name)} VALUES (1, {mark}), (2, {mark})")


def rows(database: Database, name: str) -> list[tuple[int, ...]]:
    return database.query(f"SELECT * FROM {quote(name)} ORDER BY id")


def without_old(database: Database) -> set[str]:
    """The names of the tables, those that were kept by a migration left out."""
    return {name for name in tables(database) if not re.search(r"_20\d{12}_del$", name)}


def assert_migrated(database: Database, names: list[str], changed: int) -> None:
    """Each table has its own rows: the first as it was, the second as it was changed, and the new column."""
    for mark, name in enumerate(names):
        assert rows(database, name) == [(1, mark, 7), (2, changed + mark, 7)], name


def migrate_in_parallel(database: Database, driver: Driver, names: list[str]) -> set[str]:
    """Migrate tables at the same time, each of them changed meanwhile; the tables that there were before the swaps."""
    for mark, name in enumerate(names):
        create(database, name, mark)
    every = [driver.start(driver.postponed(name)) for name in names]
    for running in every:
        running.until_postponed()
    for mark, name in enumerate(names):
        database.execute(f"UPDATE {quote(name)} SET n = {100 + mark} WHERE id = 2")
    shown = set(tables(database))
    driver.flag_file.unlink()
    assert [running.ending().exit_code for running in every] == [0] * len(names)
    assert_migrated(database, names, 100)
    return shown


# --- Names that could be taken for one another ------------------------------------------------------------------------


def test_tables_whose_names_share_sixty_characters_are_migrated_at_the_same_time(
    database: Database, driver: Driver
) -> None:
    shown = migrate_in_parallel(database, driver, ALIKE)
    assert len(shown) == 4 * len(ALIKE), "three tables of its own for each"
    assert without_old(database) == set(ALIKE)
    assert len(tables(database)) == 2 * len(ALIKE)


def test_tables_whose_names_differ_by_an_accent_are_migrated_at_the_same_time(
    database: Database, driver: Driver
) -> None:
    names = ["e", "é", "ê"]
    shown = migrate_in_parallel(database, driver, names)
    assert len(shown) == 4 * len(names)
    assert without_old(database) == set(names)


def test_tables_whose_names_differ_by_case_are_migrated_one_after_the_other(database: Database, driver: Driver) -> None:
    names = ["t", "T", "É", "é"]
    for mark, name in enumerate(names):
        create(database, name, mark)
    for mark, name in enumerate(names):
        running = driver.start(driver.postponed(name))
        running.until_postponed()
        for other in names:
            database.execute(f"UPDATE {quote(other)} SET n = {100 + names.index(other)} WHERE id = 2")
        driver.flag_file.unlink()
        assert running.ending().exit_code == 0
        assert {other for other in names if "added" in columns(database, other)} == set(names[: mark + 1])
    assert_migrated(database, names, 100)


@pytest.mark.parametrize("other", ["T", "É", "è"])
def test_triggers_and_foreign_keys_of_a_table_whose_name_is_alike_are_no_hindrance(
    database: Database, driver: Driver, other: str
) -> None:
    name = "t" if other == "T" else "é"
    create(database, name, 1)
    create(database, other, 2)
    database.execute(f"CREATE TRIGGER counting BEFORE INSERT ON {quote(other)} FOR EACH ROW SET NEW.n = 5")
    database.execute(
        f"CREATE TABLE child (id INT PRIMARY KEY, up INT, FOREIGN KEY (up) REFERENCES {quote(other)} (id))"
    )
    assert driver.run(driver.settings(name)).exit_code == 0
    assert rows(database, name) == [(1, 1, 7), (2, 1, 7)]
    assert rows(database, other) == [(1, 2), (2, 2)]


def test_tables_that_are_called_alike_with_their_databases_are_migrated_at_the_same_time(
    database: Database, driver: Driver
) -> None:
    first, second = f"{database.name}.x", database.name
    with schema(database, first):
        create(database, "x.t", 2)
        database.execute(f"CREATE TABLE {quote(first)}.t LIKE `x.t`")
        database.execute(f"INSERT INTO {quote(first)}.t VALUES (1, 1)")
        both = [
            driver.start(replace(driver.postponed(name), schema=where))
            for where, name in ((first, "t"), (second, "x.t"))
        ]
        for running in both:
            running.until_postponed()
        driver.flag_file.unlink()
        assert [running.ending().exit_code for running in both] == [0, 0]
        assert database.query(f"SELECT * FROM {quote(first)}.t") == [(1, 1, 7)]
        assert rows(database, "x.t") == [(1, 2, 7), (2, 2, 7)]


@pytest.mark.mariadb_only
def test_a_server_that_does_not_tell_case_is_given_a_name_in_another_case(
    fresh_server: ServerFactory, driver: Driver
) -> None:
    """MySQL can be made so only when its data directory is made, which costs a test too much."""
    own = fresh_server({"lower-case-table-names": 1})
    database = Database(own)
    create(database, "Orders", 0)
    driver.database = database
    settings = driver.postponed("ORDERS")
    address = ServerSettings(host=own.host, port=own.port, user=own.user, socket=own.socket)
    running = driver.start(replace(settings, server=address, schema=database.name.upper()))
    running.until_postponed()
    database.execute("UPDATE oRDERS SET n = 100 WHERE id = 2")
    with pytest.raises(FsmGhostError, match=r"unfinished|being migrated|exists"):
        driver.run(replace(settings, server=address, table="orders"))
    driver.flag_file.unlink()
    assert running.ending().exit_code == 0
    assert rows(database, "orders") == [(1, 0, 7), (2, 100, 7)]
    assert without_old(database) == {"orders"}


# --- Names that others have taken -------------------------------------------------------------------------------------


def test_tables_that_are_called_like_those_of_tools_are_left_alone(database: Database, driver: Driver) -> None:
    create(database, "t", 0)
    for mark, name in enumerate(NEIGHBOURS, start=1):
        create(database, name, mark)
    before = {name: (tables(database)[name], rows(database, name)) for name in NEIGHBOURS}
    assert driver.run(driver.settings()).exit_code == 0
    assert {name: (tables(database)[name], rows(database, name)) for name in NEIGHBOURS} == before
    assert rows(database, "t") == [(1, 0, 7), (2, 0, 7)]


def test_a_table_that_takes_the_name_of_the_old_one_during_the_run_is_kept_and_has_to_go(
    database: Database, driver: Driver
) -> None:
    create(database, "t", 0)
    running = driver.start(driver.postponed())
    old = running.until_postponed().progress.the_plan.names.old.name
    create(database, old, 1)
    driver.flag_file.unlink()
    with pytest.raises(AmbiguousError, match=f"{old} exists and is not our sentry") as stopped:
        running.ending()
    assert "rename it" in stopped.value.remedy
    assert rows(database, old) == [(1, 1), (2, 1)]
    assert rows(database, "t") == [(1, 0), (2, 0)]
    with suppress(AmbiguousError):
        driver.resume(running.id)
    database.execute(f"RENAME TABLE {quote(old)} TO mine")
    assert driver.resume(running.id).exit_code == 0
    assert without_old(database) == {"t", "mine"}
    assert rows(database, "mine") == [(1, 1), (2, 1)]
    assert rows(database, "t") == [(1, 0, 7), (2, 0, 7)]


def test_a_table_that_takes_the_name_of_our_proof_during_the_run_is_kept_by_an_abort(
    database: Database, driver: Driver
) -> None:
    create(database, "t", 0)
    running = driver.start(driver.postponed())
    running.until_postponed()
    create(database, "t_ghs", 1)
    driver.order(running.id, "abort")
    with pytest.raises(AmbiguousError, match="t_ghs exists and was not made by"):
        running.ending()
    database.execute("RENAME TABLE t_ghs TO mine")
    assert driver.resume(running.id).phase is Phase.ABORTED
    assert rows(database, "mine") == [(1, 1), (2, 1)]
    assert rows(database, "t") == [(1, 0), (2, 0)]
    assert set(tables(database)) == {"mine", "t"}


# --- Names of databases -----------------------------------------------------------------------------------------------


@contextmanager
def schema(database: Database, name: str) -> Iterator[None]:
    """A database of this name, for a while."""
    database.execute(f"CREATE DATABASE {quote(name)}")
    try:
        yield
    finally:
        database.execute(f"DROP DATABASE {quote(name)}")


@pytest.mark.parametrize(
    "name", ['it\'s `100%` "sure"', "under_score", "select", "#x /* y */ -- z", "ЗАКАЗЫ", "a\\b\\_"]
)
def test_a_database_of_this_name_is_migrated_with_just_the_grants_that_are_asked_for(
    database: Database, driver: Driver, name: str
) -> None:
    table = f"{quote(name)}.{quote(STRANGE)}"
    with schema(database, name):
        database.server.execute(f"CREATE TABLE {table} (id INT PRIMARY KEY)", f"INSERT INTO {table} VALUES (1)")
        with just_enough(driver, replace(driver.settings(STRANGE), schema=name)) as settings:
            assert driver.run(settings).exit_code == 0
        assert database.server.execute(f"SELECT * FROM {table}") == [(1, 7)]


@contextmanager
def just_enough(driver: Driver, settings: Settings) -> Iterator[Settings]:
    """The settings with an account that has the grants which are asked for, and no others."""
    server = driver.database.server
    server.execute("CREATE USER names@`%`")
    try:
        limited = replace(settings, server=replace(settings.server, user="names"))
        server.execute(*re.findall(r"GRANT .* TO .*(?=;)", refused(driver, limited)))
        yield limited
    finally:
        server.execute("DROP USER names@`%`")


@pytest.mark.parametrize("name", ["größe", "ЗАКАЗЫ", "x.y", "it's"])
def test_a_foreign_key_from_a_database_that_the_account_cannot_see_is_found_whatever_the_name(
    database: Database, driver: Driver, name: str
) -> None:
    create(database, name, 0)
    with schema(database, "hiddén"):
        parent = f"{quote(database.name)}.{quote(name)}"
        database.execute(f"CREATE TABLE `hiddén`.child (id INT PRIMARY KEY, FOREIGN KEY (id) REFERENCES {parent} (id))")
        with just_enough(driver, driver.settings(name)) as settings:
            assert "foreign key" in refused(driver, settings)
    assert set(tables(database)) == {name}


# --- Names that no server takes ---------------------------------------------------------------------------------------


def refused(driver: Driver, settings: Settings) -> str:
    """What somebody is told whose migration is refused."""
    try:
        ending = driver.run(settings)
    except RefusedError as error:
        return str(error)
    assert ending.exit_code == RefusedError.exit_code
    return ending.snapshot.reason


@pytest.mark.parametrize("name", ["😀", "t ", "n" * 65, "t\0", "e\u0301"])
def test_a_table_of_a_name_that_cannot_be_is_refused_and_its_neighbour_kept(
    database: Database, driver: Driver, name: str
) -> None:
    """Trailing space counts for nothing where servers compare names."""
    create(database, "t", 0)
    create(database, "é", 0)
    before = tables(database)
    assert "there is no table" in refused(driver, driver.settings(name))
    assert tables(database) == before


@pytest.mark.parametrize("suffix", ["😀", " "])
def test_a_database_of_a_name_that_cannot_be_is_refused(database: Database, driver: Driver, suffix: str) -> None:
    create(database, "t", 0)
    settings = replace(driver.settings(), schema=database.name + suffix)
    assert "there is no table" in refused(driver, settings)
    assert set(tables(database)) == {"t"}
