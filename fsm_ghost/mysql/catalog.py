"""What the server says about itself and its tables."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from fsm_ghost.errors import ServerError, StoppedError
from fsm_ghost.model.coordinates import Coordinates
from fsm_ghost.model.key import KeyKind
from fsm_ghost.model.naming import TableName
from fsm_ghost.model.plan import Flavour, ServerIdentity
from fsm_ghost.model.table import Column, Definition, Index
from fsm_ghost.mysql import sessions, types
from fsm_ghost.mysql.faults import NO_SUCH_TABLE
from fsm_ghost.mysql.quoting import literal, table
from fsm_ghost.mysql.session import Session

_SYNTAX_ERROR = 1064
_LAST_CHARACTER = "\uffff"  # of those that an identifier may have
# It stands right behind the engine; the comment of the table may say the same words.
_COUNTER = re.compile(r"^(\)[^'\n]* ENGINE=\w+) AUTO_INCREMENT=(\d+)", re.MULTILINE)
_KINDS = {
    "year": KeyKind.YEAR,
    "bit": KeyKind.BIT,
    "decimal": KeyKind.DECIMAL,
    "date": KeyKind.DATE,
    "datetime": KeyKind.DATETIME,
    "timestamp": KeyKind.TIMESTAMP,
    "time": KeyKind.TIME,
    "uuid": KeyKind.UUID,
    "char": KeyKind.TEXT,
    "varchar": KeyKind.TEXT,
    "binary": KeyKind.BINARY,
    "varbinary": KeyKind.BINARY,
}


@dataclass(frozen=True, slots=True)
class FoundTable:
    """A table that exists; `kind` is BASE TABLE, VIEW, SYSTEM VERSIONED or SEQUENCE."""

    name: TableName
    kind: str
    engine: str
    comment: str


def key_kind(column: Column) -> KeyKind | None:
    """How a column's values are carried in a migration key; None when they cannot be."""
    return KeyKind.INTEGER if column.data_type in types.INTEGERS else _KINDS.get(column.data_type)


def identity(session: Session) -> ServerIdentity:
    """Which server this is."""
    version, server_id = session.query("SELECT VERSION(), @@GLOBAL.server_id")[0]
    flavour = Flavour.MARIADB if "mariadb" in str(version).lower() else Flavour.MYSQL
    if flavour is Flavour.MYSQL:
        uuid = str(session.value("SELECT @@GLOBAL.server_uuid"))
    else:
        facts = session.query("SELECT @@GLOBAL.hostname, @@GLOBAL.port, @@GLOBAL.datadir, @@GLOBAL.server_id")[0]
        uuid = hashlib.sha256(repr(facts).encode()).hexdigest()[:36]
    return ServerIdentity(uuid, flavour, str(version), int(server_id))


def coordinates(session: Session) -> Coordinates:
    """Where the server writes the binlog now; StoppedError when it writes none."""
    try:
        rows = session.query("SHOW BINARY LOG STATUS")
    except ServerError as error:
        if error.code != _SYNTAX_ERROR:
            raise
        rows = session.query("SHOW MASTER STATUS")  # MySQL before 8.2, MariaDB
    if not rows:
        raise StoppedError("the server does not write a binary log", "Start it with --log-bin.")
    return Coordinates(str(rows[0][0]), int(rows[0][1]))


def every_variable(session: Session) -> dict[str, str]:
    """The global variables, names in lower case."""
    return {str(name).lower(): str(value) for name, value in session.query("SHOW GLOBAL VARIABLES")}


def variables(session: Session, names: Collection[str]) -> dict[str, str]:
    """Those of these global variables that the server has, names in lower case."""
    rows = session.query(f"SHOW GLOBAL VARIABLES WHERE {_named(session, names)}")
    return {str(name).lower(): str(value) for name, value in rows}


def variable(session: Session, name: str) -> str:
    """A global variable, named in lower case; empty when the server does not have it."""
    return variables(session, [name]).get(name, "")


def _named(session: Session, names: Collection[str]) -> str:
    return f"Variable_name IN ({', '.join(session.quote(name) for name in names)})"


def status(session: Session, names: Collection[str]) -> dict[str, float]:
    """Those of these global status variables that are numbers, names in lower case."""
    rows = session.query(f"SHOW GLOBAL STATUS WHERE {_named(session, names)}")
    return {str(name).lower(): float(value) for name, value in rows if re.fullmatch(r"-?\d+(\.\d+)?", str(value))}


def tells_case(session: Session) -> bool:
    """Whether the server takes names of tables that differ only in case for two."""
    return bool(session.value("SELECT @@lower_case_table_names = 0"))


def found_tables(session: Session, names: Collection[TableName]) -> dict[TableName, FoundTable]:
    """Which of these tables exist. Names are compared as the server does."""
    found = {}
    for name in filter(_can_be, names):
        rows = session.query(
            f"SELECT TABLE_TYPE, ENGINE, TABLE_COMMENT FROM information_schema.TABLES WHERE {_is(session, name)}"
        )
        if rows:
            found[name] = FoundTable(name, *(str(value or "") for value in rows[0]))
    return found


def _can_be(name: TableName) -> bool:
    """Whether servers take such names. They do not always say no: space at the end is overlooked where they compare."""
    return all(part and not part.endswith(" ") and max(part) <= _LAST_CHARACTER for part in (name.schema, name.name))


def definition(session: Session, name: TableName) -> Definition | None:
    """A table's definition, or None when there is no such table."""
    where = f"WHERE {_is(session, name)}"
    tables = session.named(
        f"SELECT ENGINE, AUTO_INCREMENT, TABLE_ROWS, DATA_LENGTH, INDEX_LENGTH FROM information_schema.TABLES {where}"
    )
    create = _create_statement(session, name)
    if not tables or create is None:
        return None
    columns = session.named(f"SELECT * FROM information_schema.COLUMNS {where} ORDER BY ORDINAL_POSITION")
    statistics = session.named(f"SELECT * FROM information_schema.STATISTICS {where} ORDER BY INDEX_NAME, SEQ_IN_INDEX")
    facts = tables[0]
    return Definition(
        name=name,
        engine=str(facts["engine"] or ""),
        create=create,
        columns=tuple(_column(row) for row in columns),
        indexes=_indexes(statistics),
        auto_increment=None if facts["auto_increment"] is None else int(facts["auto_increment"]),
        rows=int(facts["table_rows"] or 0),
        bytes=int(facts["data_length"] or 0) + int(facts["index_length"] or 0),
    )


def size(session: Session, name: TableName) -> tuple[int, int]:
    """The bytes of a table's rows and of its secondary indexes, as the server estimates them now."""
    rows = session.query(f"SELECT DATA_LENGTH, INDEX_LENGTH FROM information_schema.TABLES WHERE {_is(session, name)}")
    return (int(rows[0][0] or 0), int(rows[0][1] or 0)) if rows else (0, 0)


def last_write(session: Session, name: TableName) -> str:
    """When the server has last seen a write to a table, in whole seconds; empty when it does not know of any."""
    session.ask_anew()
    rows = session.query(f"SELECT UPDATE_TIME FROM information_schema.TABLES WHERE {_is(session, name)}")
    return str(rows[0][0] or "") if rows else ""


def fingerprint(session: Session, name: TableName) -> str | None:
    """SHOW CREATE TABLE without the AUTO_INCREMENT counter; None when there is no such table."""
    return _create_statement(session, name)


def auto_increment(session: Session, name: TableName) -> int | None:
    """The table's AUTO_INCREMENT counter as SHOW CREATE TABLE has it; None when it has none beyond 1."""
    statement = session.shown(f"SHOW CREATE TABLE {table(name)}")
    counter = _COUNTER.search(statement)
    return int(counter[2]) if counter else None


def prepared_transactions(session: Session) -> frozenset[str]:
    """The XA transactions that are prepared and wait for their COMMIT or ROLLBACK, as texts."""
    return frozenset(repr(row) for row in session.query("XA RECOVER"))


def waits_for_table_lock(session: Session, connection: int) -> bool:
    """Whether a connection of ours is seen waiting for a table's metadata lock with a RENAME."""
    return any(
        each.connection == connection and each.waits_for_table and "RENAME" in each.statement
        for each in sessions.listed(session)
    )


def plain_indexes(create: str) -> dict[str, str]:
    """The indexes of a SHOW CREATE TABLE that are neither unique, nor for full text or places: clauses by name."""
    lines = re.finditer(r"^  (KEY `((?:[^`]|``)+)` .*?),?$", create, re.MULTILINE)
    return {line[2].replace("``", "`"): line[1] for line in lines}


def others_reading_binlog(session: Session) -> int:
    """How many connections read the server's binlog: replicas, and others that follow the changes."""
    return sum(each.command.startswith("Binlog Dump") for each in sessions.listed(session))


def build_progress(session: Session, connection: int) -> float | None:
    """How much of its ALTER TABLE a connection has done, 0..1; None where the server does not tell."""
    return next((each.progress for each in sessions.listed(session) if each.connection == connection), None)


def partitions(session: Session, name: TableName) -> list[str]:
    """The names of a table's partitions; none for a table without."""
    rows = session.query(
        "SELECT DISTINCT PARTITION_NAME FROM information_schema.PARTITIONS WHERE PARTITION_NAME IS NOT NULL"
        f" AND {_is(session, name)}"
    )
    return [str(row[0]) for row in rows]


def _is(session: Session, name: TableName) -> str:
    """A predicate for what information_schema says of a table."""
    return f"TABLE_SCHEMA = {session.quote(name.schema)} AND TABLE_NAME = {session.quote(name.name)}"


def _create_statement(session: Session, name: TableName) -> str | None:
    try:
        statement = session.shown(f"SHOW CREATE TABLE {table(name)}")
    except ServerError as error:
        if error.code == NO_SUCH_TABLE:
            return None
        raise
    return _COUNTER.sub(r"\1", statement)


def _column(row: dict[str, Any]) -> Column:
    length = row["character_octet_length"]
    return Column(
        name=str(row["column_name"]),
        type=str(row["column_type"]),
        data_type=str(row["data_type"]).lower(),
        nullable=row["is_nullable"] == "YES",
        charset=row["character_set_name"],
        collation=row["collation_name"],
        octet_length=None if length is None else int(length),
        generated=bool(row["generation_expression"]),
        auto_increment="auto_increment" in str(row["extra"]).lower(),
        has_default=row["column_default"] is not None,
        default=_default(row),
        expression=str(row["generation_expression"] or ""),
        stored="stored" in str(row["extra"]).lower(),
    )


def _default(row: dict[str, Any]) -> str | None:
    """A column's default in SQL: MariaDB shows it so, MySQL shows the value of a literal."""
    shown = row["column_default"]
    if shown is None:
        return None
    is_mysql = "srs_id" in row
    is_literal = is_mysql and "DEFAULT_GENERATED" not in str(row["extra"])
    if is_literal and str(row["data_type"]).lower() not in {"bit", "binary", "varbinary"}:
        return literal(str(shown))
    return f"({shown})"


def _indexes(rows: list[dict[str, Any]]) -> tuple[Index, ...]:
    parts: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        parts[str(row["index_name"])].append(row)
    return tuple(
        Index(
            name=name,
            unique=int(columns[0]["non_unique"]) == 0,
            columns=tuple(str(part["column_name"]) for part in columns),
            prefixed=any(part["sub_part"] is not None or part["column_name"] is None for part in columns),
            type=str(columns[0]["index_type"]),
            lengths=tuple(None if part["sub_part"] is None else int(part["sub_part"]) for part in columns),
            expressions=tuple(str(part["expression"]) for part in columns if part.get("expression") is not None),
            hidden=columns[0].get("is_visible") == "NO" or columns[0].get("ignored") == "YES",
        )
        for name, columns in parts.items()
    )
