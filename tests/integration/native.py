"""What a native ALTER TABLE makes of a table: the oracle, on the same server, in a database of its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from pymysql.connections import Connection
from pymysql.cursors import Cursor

from fsm_ghost.model.phase import Phase
from fsm_ghost.model.snapshot import Snapshot
from fsm_ghost.mysql.quoting import quote
from tests.servers import Database

# As the tool has it: what does not fit is an error, what is stored may stay.
_MODE = "STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES"
# MySQL gives the CHECKs of the ghost table names of its own: they are unique in a database.
_CHECK = re.compile(r"^  CONSTRAINT `(?:[^`]|``)*` CHECK .*?,?\n", re.MULTILINE)
_NAME = re.compile(r"^  CONSTRAINT `(?:[^`]|``)*`")


@dataclass(frozen=True, slots=True)
class Picture:
    """A table `t`: its definition with the counter, its rows, and who may use it."""

    create: str
    facts: dict[str, Any]
    rows: list[tuple[Any, ...]]
    privileges: list[tuple[Any, ...]]


def carry_out(database: Database, statements: Iterable[str]) -> None:
    """Run statements in a connection of their own, as the application would."""
    with database.connect() as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def alter_natively(database: Database, clauses: str, zone: str = "@@GLOBAL.time_zone") -> None:
    """Alter the table `t`, in a time zone; `zone` is an expression."""
    carry_out(database, [f"SET sql_mode = '{_MODE}', time_zone = {zone}", f"ALTER TABLE t {clauses}"])


def once_copied(act: Callable[[], None]) -> Callable[[Snapshot], None]:
    """What publishes pictures of a migration, and acts when all rows have been copied and none has been compared."""
    waiting = [act]

    def publish(seen: Snapshot) -> None:
        if seen.phase is Phase.SYNC and waiting:
            waiting.pop()()

    return publish


def picture(database: Database) -> Picture:
    """What there is to see of the table `t`, every value in a form that no other value has."""
    with database.connect() as connection:
        _ask(connection, "SET time_zone = '+00:00', sql_mode = ''")
        create = str(_ask(connection, "SHOW CREATE TABLE t")[0][1]).replace(f"`{database.name}`.", "")
        return Picture(
            create=without_check_names(create) if database.server.flavour == "mysql" else create,
            facts=_facts(connection),
            rows=_rows(connection),
            privileges=_privileges(connection),
        )


def without_check_names(create: str) -> str:
    """A definition with its CHECKs at the end, in the order of their texts, and without their names."""
    checks = sorted(_NAME.sub("", line).rstrip(",\n") for line in _CHECK.findall(create))
    return "\n".join([_CHECK.sub("", create), *checks])


def _facts(connection: Connection[Cursor]) -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute("SHOW TABLE STATUS LIKE 't'")
        names = [column[0] for column in cursor.description]
        found = dict(zip(names, cursor.fetchone() or (), strict=True))
    return {name: found[name] for name in ("Engine", "Row_format", "Collation", "Create_options", "Comment")}


def _rows(connection: Connection[Cursor]) -> list[tuple[Any, ...]]:
    columns = _ask(
        connection,
        "SELECT COLUMN_NAME, DATA_TYPE FROM information_schema.COLUMNS"
        " WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 't' ORDER BY ORDINAL_POSITION",
    )
    shown = ", ".join(_exact(quote(str(name)), str(kind).lower()) for name, kind in columns)
    return sorted(_ask(connection, f"SELECT {shown} FROM t"), key=repr)


def _exact(name: str, kind: str) -> str:
    """A value as a text that tells it from every other one."""
    digits = f"HEX(CAST({name} AS BINARY))"
    if kind in {"float", "double"}:
        return f"CAST({name} * 1E0 AS CHAR)"  # alone, a FLOAT shows but six digits
    if kind in {"enum", "set"}:
        return f"CONCAT({name} + 0, ' ', {digits})"  # the label '' and the error value look alike
    return f"CONCAT(JSON_TYPE({name}), ' ', {digits})" if kind == "json" else digits


def _privileges(connection: Connection[Cursor]) -> list[tuple[Any, ...]]:
    asked = "SELECT GRANTEE, {}, PRIVILEGE_TYPE FROM information_schema.{} WHERE TABLE_SCHEMA = DATABASE()"
    views = {"TABLE_PRIVILEGES": "TABLE_NAME", "COLUMN_PRIVILEGES": "COLUMN_NAME"}
    return sorted(row for view, name in views.items() for row in _ask(connection, asked.format(name, view)))


def _ask(connection: Connection[Cursor], statement: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return list(cursor.fetchall())
