"""What the server's catalogue says about a table."""

from __future__ import annotations

from dataclasses import dataclass, field

from fsm_ghost.model.naming import TableName


@dataclass(frozen=True, slots=True)
class Column:
    """A column as information_schema shows it; `type` is the full COLUMN_TYPE, `data_type` its first word.

    `default` is its default in SQL, None without one; `expression` is what it is generated from. It is `stored` when
    its values are made once, as a row is written.
    """

    name: str
    type: str
    data_type: str
    nullable: bool
    charset: str | None
    collation: str | None
    octet_length: int | None
    generated: bool
    auto_increment: bool
    has_default: bool
    default: str | None = None
    expression: str = ""
    stored: bool = field(default=False, compare=False)

    @property
    def folded(self) -> str:
        """The name for comparisons: column names are case-insensitive."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Index:
    """An index: its columns in order; `prefixed` when one is indexed by prefix or through an expression.

    `lengths` are the lengths of the prefixes, in characters or bytes as the column has them; None for a whole column.
    `expressions` are those that it is made of besides columns. What is `hidden` from the optimizer (INVISIBLE, IGNORED)
    cannot be forced on it either; the index is the same one for all that.
    """

    name: str
    unique: bool
    columns: tuple[str, ...]
    prefixed: bool
    type: str
    lengths: tuple[int | None, ...] = ()
    expressions: tuple[str, ...] = ()
    hidden: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Definition:
    """A table's definition, and what its statistics estimate.

    `create` is SHOW CREATE TABLE without the AUTO_INCREMENT counter, so that two readings of an unchanged table are
    equal. `rows` and `bytes` are the server's estimates.
    """

    name: TableName
    engine: str
    create: str
    columns: tuple[Column, ...]
    indexes: tuple[Index, ...]
    auto_increment: int | None
    rows: int
    bytes: int

    def column(self, name: str) -> Column | None:
        """The column called `name` in any case, or None."""
        return next((column for column in self.columns if column.folded == name.lower()), None)
