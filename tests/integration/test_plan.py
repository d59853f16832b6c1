"""`fsm-ghost plan`: what it says is what then happens, and nothing is left of it."""

from __future__ import annotations

import json
import time
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from fsm_ghost.cli import main
from fsm_ghost.mysql import catalog
from fsm_ghost.mysql.session import Session, connect_arguments
from tests.crash.stage import until
from tests.integration.driving import Driver, contents, table_of, tables
from tests.servers import Database


@pytest.fixture
def orders(database: Database) -> Database:
    database.execute("CREATE TABLE t (id INT PRIMARY KEY, a INT, note VARCHAR(20), KEY (note))")
    database.execute(
        f"INSERT INTO t VALUES {', '.join(f'({n}, {n}, {chr(39)}note {n}{chr(39)})' for n in range(1, 501))}"
    )
    return database


def command(driver: Driver, *words: str) -> list[str]:
    where = ["--socket", driver.server.socket, "--user", driver.server.user, "--state-db", str(driver.state_file)]
    return ["plan", *where, "--database", driver.database.name, "--table", "t", "--no-defaults", *words]


def document(driver: Driver, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any]]:
    code = main(command(driver, "--json", *words))
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return code, found


def test_a_plan_forecasts_from_rows_that_it_copied_and_leaves_nothing_behind(
    orders: Database, driver: Driver, capsys: pytest.CaptureFixture[str]
) -> None:
    before, rows = tables(orders), contents(orders, "t")
    computed, began = time.process_time(), time.monotonic()
    code, found = document(driver, capsys, "--alter", "ADD COLUMN b INT, DROP KEY note, ADD KEY both_of (note, a)")
    plan = found["plan"]
    assert (code, plan["native_algorithm"], plan["probe"]["offences"]) == (0, "INPLACE", [])
    assert (plan["forecast"]["rows"], plan["forecast"]["sampled"]) == (500, 500)
    most = time.process_time() + 2 * (time.monotonic() - began)
    assert computed < plan["forecast"]["rest_seconds"] < plan["forecast"]["seconds"] < 2 * most
    assert plan["forecast"]["rest_seconds"] < most
    assert plan["forecast"]["disk"] > 0
    assert (tables(orders), contents(orders, "t")) == (before, rows)


def test_a_plan_that_cannot_be_carried_out_says_why_for_people_and_programs(
    orders: Database, driver: Driver, capsys: pytest.CaptureFixture[str]
) -> None:
    before = tables(orders)
    alter = ("--alter", "MODIFY note VARCHAR(6), MODIFY a TINYINT NOT NULL")
    code, found = document(driver, capsys, *alter)
    assert code == found["exit_code"] == 3
    offences = {offence["subject"]: offence for offence in found["plan"]["probe"]["offences"]}
    assert (offences["note"]["rows"], offences["note"]["examples"][0]) == (491, "(10,)")
    assert offences["a"]["rows"] == 500 - 127
    assert "--allow-lossy" in found["reason"]
    assert main(command(driver, *alter, "--allow-lossy", "note=truncate,a=clamp")) == 0
    text = capsys.readouterr().out
    assert "491 rows, for example (10,)" in text
    assert "start with the same options, and --execute" in text
    assert tables(orders) == before


def test_a_plan_takes_a_statement_about_an_index(
    orders: Database, driver: Driver, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    words = command(driver)
    del words[words.index("--database") : words.index("--no-defaults")]
    assert main([*words, "--sample-seconds=0", f"CREATE INDEX i ON {orders.name}.t (a)"]) == 0
    out = capsys.readouterr().out
    assert "by itself while others write (INPLACE)" in out
    assert "reckoned" not in out
    assert list(tmp_path.iterdir())


def test_a_write_to_the_table_is_noticed_within_a_second_or_two(database: Database, driver: Driver) -> None:
    database.execute("CREATE TABLE t (id INT PRIMARY KEY)")
    session, name = Session(connect_arguments(driver.server)), table_of(database, "t")
    before = catalog.last_write(session, name)
    database.execute("INSERT INTO t VALUES (1)")
    first = catalog.last_write(session, name)
    assert before < first
    assert catalog.last_write(session, name) == first
    keys = count(2)

    def is_noticed() -> bool:
        database.execute(f"INSERT INTO t VALUES ({next(keys)})")
        return catalog.last_write(session, name) > first

    until(is_noticed, "the server to have noticed")
    session.close()
