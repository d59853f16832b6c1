"""Tables that nobody thought of: their columns, keys and indexes are left to chance."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from fsm_ghost.mysql.quoting import quote
from tests.soak.kinds import Kind, any_characters, any_kind, key_kind

NAMES = ("a", "b", "c", "d", "select", "x y", "ü", "q`t", "p%s", "k'1", 'd"q', "new", "s;c", "back\\slash")


@dataclass(frozen=True, slots=True)
class Column:
    """One that rows are written with; `attributes` follow its type."""

    name: str
    kind: Kind
    attributes: str = ""

    @property
    def quoted(self) -> str:
        return quote(self.name)

    @property
    def definition(self) -> str:
        return f"{self.quoted} {self.kind.sql} {self.attributes}".rstrip()

    @property
    def is_counter(self) -> bool:
        return "AUTO_INCREMENT" in self.attributes

    @property
    def may_be_null(self) -> bool:
        return "NOT NULL" not in self.attributes

    @property
    def part(self) -> str:
        """What an index takes of it."""
        return f"{self.quoted}{self.kind.of.indexed}"


@dataclass(frozen=True, slots=True)
class Index:
    """A secondary one."""

    name: str
    definition: str


@dataclass(frozen=True, slots=True)
class Table:
    """A table `t`; the columns of `key` are its first ones. `free` are names that nothing has yet."""

    key: tuple[Column, ...]
    others: tuple[Column, ...]
    indexes: tuple[Index, ...]
    is_primary: bool
    options: str
    free: tuple[str, ...]

    @property
    def columns(self) -> tuple[Column, ...]:
        return (*self.key, *self.others)

    @property
    def create(self) -> str:
        """The statement that makes it."""
        parts = ", ".join(column.quoted for column in self.key)
        key = f"{'PRIMARY KEY' if self.is_primary else 'UNIQUE KEY the_key'} ({parts})"
        lines = [column.definition for column in self.columns] + [key] + [index.definition for index in self.indexes]
        return f"CREATE TABLE t ({', '.join(lines)}) {self.options}"


def any_table(chance: random.Random) -> Table:
    """A table as chance has it; the server may refuse to make it."""
    names = chance.sample(NAMES, len(NAMES))
    key = _any_key(chance, names)
    others = tuple(any_column(chance, names.pop()) for _ in range(chance.randint(1, 6)))
    indexes = tuple(any_index(chance, f"i{number}", (*key, *others)) for number in range(chance.randint(0, 3)))
    options = f"DEFAULT {any_characters(chance)}" if chance.random() < 0.5 else ""
    return Table(key, others, indexes, chance.random() < 0.8, options, tuple(names))


def any_column(chance: random.Random, name: str, kind: Kind | None = None) -> Column:
    """A column, of any type if none is given."""
    kind = kind or any_kind(chance)
    attributes = []
    if kind.of.defaults and chance.random() < 0.4:
        attributes.append(f"DEFAULT {chance.choice(kind.of.defaults)}")
    if chance.random() < 0.3 and not kind.sql.endswith(" NULL"):
        attributes.append("NOT NULL")
    if chance.random() < 0.1:
        attributes.append("COMMENT 'it''s; CHECK (1)'")
    return Column(name, kind, " ".join(attributes))


def any_index(chance: random.Random, name: str, columns: Sequence[Column], *, key: Sequence[Column] = ()) -> Index:
    """An index over some of the columns; with `key`, a unique one, over these as well."""
    able = [column for column in columns if column.kind.of.indexed is not None]
    chosen = chance.sample(able, min(len(able), chance.randint(1, 3)))
    parts = dict.fromkeys(column.part for column in (*key, *chosen))
    return Index(name, f"{'UNIQUE ' if key else ''}KEY {name} ({', '.join(parts)})")


def _any_key(chance: random.Random, names: list[str]) -> tuple[Column, ...]:
    if chance.random() < 0.3:
        return (Column(names.pop(), Kind("integer", "BIGINT UNSIGNED"), "NOT NULL AUTO_INCREMENT"),)
    kinds = [key_kind(chance) for _ in range(chance.choice((1, 1, 2, 3)))]
    return tuple(Column(names.pop(), kind, "NOT NULL") for kind in kinds)
