"""What belongs to a table and does not go by its name: foreign keys, triggers, and the names of CHECK constraints."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from fsm_ghost.errors import ServerError
from fsm_ghost.model.naming import TableName
from fsm_ghost.mysql import catalog
from fsm_ghost.mysql.quoting import quote, table
from fsm_ghost.mysql.session import Session

# Where InnoDB lists foreign keys, and how it spells names there: MySQL, MariaDB.
_FOREIGN_KEYS = (("INNODB_FOREIGN", "{}"), ("INNODB_SYS_FOREIGN", "CONVERT({} USING filename)"))
_HIDDEN_ACTIONS = {1: "ON DELETE CASCADE", 2: "ON DELETE SET NULL", 4: "ON UPDATE CASCADE", 8: "ON UPDATE SET NULL"}
_ACTS = frozenset({"CASCADE", "SET NULL", "SET DEFAULT"})


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A foreign key that `child` has to `parent`; `actions` are what it does to rows of the child by itself."""

    name: str
    child: TableName
    parent: TableName
    actions: tuple[str, ...] = ()

    @property
    def drop(self) -> str:
        """The statement that drops it, for people."""
        return f"ALTER TABLE {table(self.child)} DROP FOREIGN KEY {quote(self.name)};"

    def __str__(self) -> str:
        return " ".join((f"{self.name} ({self.child} refers to {self.parent})", *self.actions))


def foreign_keys(session: Session, name: TableName) -> tuple[ForeignKey, ...]:
    """Foreign keys that the table has, or that others have to it, also from schemas that the account cannot see."""
    schema, table_name = session.quote(name.schema), session.quote(name.name)
    rows = session.query(
        "SELECT DISTINCT CONSTRAINT_NAME, TABLE_SCHEMA, TABLE_NAME, REFERENCED_TABLE_SCHEMA, REFERENCED_TABLE_NAME"
        " FROM information_schema.KEY_COLUMN_USAGE WHERE REFERENCED_TABLE_NAME IS NOT NULL"
        f" AND ((TABLE_SCHEMA = {schema} AND TABLE_NAME = {table_name})"
        f" OR (REFERENCED_TABLE_SCHEMA = {schema} AND REFERENCED_TABLE_NAME = {table_name}))"
    )
    found = [ForeignKey(row[0], TableName(row[1], row[2]), TableName(row[3], row[4])) for row in rows]
    same = _sameness(session, name)
    seen = [key for key in found if same(key.child) or same(key.parent)]
    return tuple(replace(key, actions=_actions(session, key)) for key in seen) or _hidden_foreign_keys(session, name)


def triggers(session: Session, name: TableName) -> tuple[str, ...]:
    """The table's triggers: their names, and when they act."""
    rows = session.query(
        "SELECT TRIGGER_NAME, ACTION_TIMING, EVENT_MANIPULATION, EVENT_OBJECT_SCHEMA, EVENT_OBJECT_TABLE"
        " FROM information_schema.TRIGGERS"
        f" WHERE EVENT_OBJECT_SCHEMA = {session.quote(name.schema)} AND EVENT_OBJECT_TABLE = {session.quote(name.name)}"
    )
    same = _sameness(session, name)
    return tuple(f"{row[0]} ({row[1]} {row[2]})" for row in rows if same(TableName(row[3], row[4])))


def has_overlaps_key(create: str) -> bool:
    """Whether a SHOW CREATE TABLE has a key WITHOUT OVERLAPS (MariaDB)."""
    return re.search(r"^  (?:PRIMARY|UNIQUE) KEY .* WITHOUT OVERLAPS\),?$", create, re.MULTILINE) is not None


def constraints(session: Session, schema: str) -> frozenset[str]:
    """The names of all CHECK constraints of a schema, in lower case."""
    rows = session.query(
        "SELECT CONSTRAINT_NAME FROM information_schema.CHECK_CONSTRAINTS"
        f" WHERE CONSTRAINT_SCHEMA = {session.quote(schema)}"
    )
    return frozenset(str(row[0]).lower() for row in rows)


def _actions(session: Session, key: ForeignKey) -> tuple[str, ...]:
    rows = session.query(
        "SELECT DELETE_RULE, UPDATE_RULE FROM information_schema.REFERENTIAL_CONSTRAINTS"
        f" WHERE CONSTRAINT_SCHEMA = {session.quote(key.child.schema)} AND TABLE_NAME = {session.quote(key.child.name)}"
        f" AND CONSTRAINT_NAME = {session.quote(key.name)}"
    )
    return tuple(
        f"ON {event} {rule}"
        for row in rows
        for event, rule in zip(("DELETE", "UPDATE"), row, strict=True)
        if rule in _ACTS
    )


def _sameness(session: Session, name: TableName) -> Callable[[TableName], bool]:
    """What tells this table from others: MariaDB's own views of tables overlook case and accents."""
    if catalog.tells_case(session):
        return lambda other: other == name
    return lambda other: str(other).lower() == str(name).lower()


def _hidden_foreign_keys(session: Session, name: TableName) -> tuple[ForeignKey, ...]:
    """What InnoDB's own dictionary says; nothing without the PROCESS privilege, which the preflight demands."""
    parts = (name.schema, name.name) if catalog.tells_case(session) else (name.schema.lower(), name.name.lower())
    for view, spelled in _FOREIGN_KEYS:
        schema, table_name = (f"CAST({spelled.format(session.quote(part))} AS BINARY)" for part in parts)
        path = f"CONCAT({schema}, '/', {table_name})"
        try:
            rows = session.query(
                f"SELECT ID, FOR_NAME, REF_NAME, TYPE FROM information_schema.{view}"
                f" WHERE CAST(REF_NAME AS BINARY) = {path} OR CAST(FOR_NAME AS BINARY) = {path}"
            )
        except ServerError:
            continue
        return tuple(_hidden(*row) for row in rows)
    return ()


def _hidden(path: object, child: object, parent: object, kind: int) -> ForeignKey:
    """A foreign key as InnoDB lists it."""
    actions = tuple(action for bit, action in _HIDDEN_ACTIONS.items() if kind & bit)
    return ForeignKey(str(path).rpartition("/")[2], _from_path(child), _from_path(parent), actions)


def _from_path(path: object) -> TableName:
    schema, _, name = str(path).partition("/")
    return TableName(schema, name)
