"""ALTERs that nobody thought of."""

from __future__ import annotations

import random
from collections.abc import Iterator

from fsm_ghost.mysql.quoting import quote
from tests.soak.kinds import any_characters, any_kind
from tests.soak.tables import Column, Table, any_column, any_index

_OF_THE_TABLE = (
    "ENGINE=InnoDB",
    "ROW_FORMAT=DYNAMIC",
    "COMMENT='new'",
    "AUTO_INCREMENT=5000",
    "DEFAULT CHARSET=latin1",
)


def any_clauses(chance: random.Random, table: Table) -> str:
    """The clauses of an ALTER, one to four; the server may refuse them."""
    return ", ".join(_Clauses(chance, table).some(chance.choice((1, 1, 1, 2, 2, 3, 4))))


class _Clauses:
    """Clauses of one ALTER: none touches a column, an index or the key that another one has touched."""

    def __init__(self, chance: random.Random, table: Table) -> None:
        self._chance = chance
        self._table = table
        self._columns = chance.sample(table.others, len(table.others))
        self._indexes = list(table.indexes)
        self._free = list(table.free)
        self._has_key = False  # whether the key was touched

    def some(self, count: int) -> Iterator[str]:
        of_columns = (self._modify, self._modify, self._change, self._rename, self._drop, self._add, self._convert)
        others = (self._add_index, self._add_unique, self._drop_index, self._other_key, self._of_the_table)
        for maker in self._chance.choices(of_columns + others, k=count):
            yield maker()

    def _modify(self) -> str:
        column = self._next_column()
        return f"MODIFY {self._retyped(column, column.name).definition}{self._place()}" if column else "FORCE"

    def _change(self) -> str:
        column = self._next_column()
        return f"CHANGE {column.quoted} {self._retyped(column, self._free.pop()).definition}" if column else "FORCE"

    def _rename(self) -> str:
        column = self._next_column()
        return f"RENAME COLUMN {column.quoted} TO {quote(self._free.pop())}" if column else "FORCE"

    def _drop(self) -> str:
        column = self._next_column()
        return f"DROP COLUMN {column.quoted}" if column else "FORCE"

    def _add(self) -> str:
        return f"ADD COLUMN {any_column(self._chance, self._free.pop()).definition}{self._place()}"

    def _convert(self) -> str:
        return f"CONVERT TO {any_characters(self._chance)}"

    def _add_index(self) -> str:
        return f"ADD {any_index(self._chance, self._index_name(), self._table.columns).definition}"

    def _add_unique(self) -> str:
        index = any_index(self._chance, self._index_name(), self._table.columns, key=self._table.key)
        return f"ADD {index.definition}"

    def _drop_index(self) -> str:
        return f"DROP KEY {self._indexes.pop().name}" if self._indexes else "FORCE"

    def _other_key(self) -> str:
        """The same columns in another order, or as another kind of key."""
        if self._has_key:
            return "FORCE"
        self._has_key = True
        columns = self._chance.sample(self._table.key, len(self._table.key))
        dropped = "PRIMARY KEY" if self._table.is_primary else "KEY the_key"
        added = self._chance.choice(("PRIMARY KEY", "UNIQUE KEY new_key"))
        return f"DROP {dropped}, ADD {added} ({', '.join(column.quoted for column in columns)})"

    def _of_the_table(self) -> str:
        return self._chance.choice(_OF_THE_TABLE)

    def _next_column(self) -> Column | None:
        """One that no clause has touched; None when there is none left."""
        return self._columns.pop() if self._columns else None

    def _retyped(self, column: Column, name: str) -> Column:
        return any_column(self._chance, name, any_kind(self._chance, column.kind.of.becomes))

    def _index_name(self) -> str:
        return f"new{self._chance.randint(1, 99_999)}"

    def _place(self) -> str:
        return self._chance.choice(("", "", "", " FIRST", f" AFTER {self._table.key[-1].quoted}"))
