"""Scenario 34: foreign keys. They are refused, in both directions, and what is told to do is enough."""

from __future__ import annotations

import re

import pytest

from fsm_ghost.errors import RefusedError
from fsm_ghost.mysql.private import Flavour
from tests.integration.driving import Driver, tables, unchanged
from tests.servers import Database

PARENT = "CREATE TABLE customers (id INT PRIMARY KEY)"
CHILD = (
    "CREATE TABLE orders (id INT PRIMARY KEY, customer INT, origin INT,"
    " CONSTRAINT of_customer FOREIGN KEY (customer) REFERENCES customers (id) ON DELETE CASCADE ON UPDATE CASCADE,"
    " CONSTRAINT of_order FOREIGN KEY (origin) REFERENCES orders (id) ON DELETE SET NULL)"
)
GRANDCHILD = (
    "CREATE TABLE items (id INT PRIMARY KEY, item_of INT,"
    " CONSTRAINT of_item FOREIGN KEY (item_of) REFERENCES orders (id))"
)
ADD_AGAIN = (
    (
        "ALTER TABLE orders ADD CONSTRAINT of_customer FOREIGN KEY (customer) REFERENCES customers (id)"
        " ON DELETE CASCADE ON UPDATE CASCADE,"
        " ADD CONSTRAINT of_order FOREIGN KEY (origin) REFERENCES orders (id) ON DELETE SET NULL"
    ),
    "ALTER TABLE items ADD CONSTRAINT of_item FOREIGN KEY (item_of) REFERENCES orders (id)",
)


@pytest.fixture
def family(database: Database) -> Database:
    """A table that refers to a parent and to itself, with cascades, and is referred to."""
    for statement in (PARENT, CHILD, GRANDCHILD):
        database.execute(statement)
    database.execute("INSERT INTO customers VALUES (1), (2)")
    database.execute("INSERT INTO orders VALUES (1, 1, NULL), (2, 1, 1), (3, 2, 2)")
    database.execute("INSERT INTO items VALUES (1, 3)")
    return database


def refused(driver: Driver, name: str) -> str:
    with unchanged(driver.database):
        ending = driver.run(driver.settings(name))
    assert ending.exit_code == RefusedError.exit_code
    return ending.snapshot.reason


def test_foreign_keys_are_refused_and_what_is_told_to_do_is_enough(
    family: Database, driver: Driver, flavour: Flavour
) -> None:
    said = refused(driver, "orders")
    shop = family.name
    for line in (
        f"of_customer ({shop}.orders refers to {shop}.customers) ON DELETE CASCADE ON UPDATE CASCADE",
        f"of_order ({shop}.orders refers to {shop}.orders) ON DELETE SET NULL",
        f"of_item ({shop}.items refers to {shop}.orders)",
    ):
        assert f"  {line}\n" in said
    assert ("does not log what a cascade does" in said) is (flavour == "mariadb")
    before = tables(family)
    for statement in re.findall(r"ALTER TABLE [^;]+;", said):
        family.execute(statement)
    assert driver.run(driver.settings("orders", alter="ADD COLUMN added INT")).exit_code == 0
    for statement in ADD_AGAIN:
        family.execute(statement)
    after = tables(family)
    assert after["items"] == before["items"]
    assert _foreign_keys(after["orders"]) == _foreign_keys(before["orders"])
    family.execute("DELETE FROM items")
    family.execute("DELETE FROM customers WHERE id = 1")
    assert family.query("SELECT id, origin FROM orders") == [(3, None)], "the cascades work on the new table"


def _foreign_keys(create: str) -> list[str]:
    return [line.strip(" ,") for line in create.splitlines() if "FOREIGN KEY" in line]


def test_a_parent_is_refused_without_a_word_about_cascades(family: Database, driver: Driver) -> None:
    said = refused(driver, "customers")
    assert f"of_customer ({family.name}.orders refers to {family.name}.customers)" in said
    assert "does not log" not in said


def test_what_is_said_about_cascades_is_true(family: Database, flavour: Flavour) -> None:
    """Deleting a customer deletes orders: MySQL 9 logs them, MariaDB does not."""
    ((file, position, *_),) = family.query(f"SHOW {'BINARY LOG' if flavour == 'mysql' else 'MASTER'} STATUS")
    family.execute("DELETE FROM items")
    family.execute("DELETE FROM customers WHERE id = 2")
    events = [(str(row[2]), str(row[5])) for row in family.query(f"SHOW BINLOG EVENTS IN '{file}' FROM {position}")]
    maps = {text.split()[1]: text.split()[2] for kind, text in events if kind == "Table_map"}
    changed = {maps[text.split()[1]] for kind, text in events if kind.startswith("Delete_rows")}
    assert f"({family.name}.customers)" in changed
    assert (f"({family.name}.orders)" in changed) is (flavour == "mysql")
    assert family.query("SELECT id FROM orders") == [(1,), (2,)], "an order was deleted"
