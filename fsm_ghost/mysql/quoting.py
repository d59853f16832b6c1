"""Names and texts in SQL."""

from __future__ import annotations

from fsm_ghost.model.naming import TableName


def quote(name: str) -> str:
    """`name` as an identifier, whatever characters it holds."""
    return "`" + name.replace("`", "``") + "`"


def table(name: TableName) -> str:
    """The table with its schema, so that no default database is needed."""
    return f"{quote(name.schema)}.{quote(name.name)}"


def literal(text: str) -> str:
    """A text as a literal, for sessions in which a backslash escapes."""
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"
