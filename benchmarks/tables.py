"""The tables that the benchmarks migrate. Their rows are numbered from 1: a number gives the key of its row."""

from __future__ import annotations

# ruff: noqa: INP001, S608 - a script's part; the SQL is its own
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, permutations
from typing import Final

Key = tuple[int | bytes, ...]

SCHEMA: Final = "bench"
FILLED_AT_ONCE: Final = 100_000  # rows; a power of ten
MOST_INDEXES: Final = 64  # secondary ones that InnoDB takes
_TENANTS: Final = 1000


@dataclass(frozen=True)
class Table:
    """A table: `values` gives each column as SQL over a row's number {n}; `k`, an INT, is what writers count in."""

    name: str
    about: str
    definition: tuple[str, ...]
    key: tuple[str, ...]
    key_of: Callable[[int], Key]
    values: Mapping[str, str]
    alter: str
    rows: int = 1_000_000

    @property
    def create(self) -> str:
        """The statement that makes it."""
        return f"CREATE TABLE {SCHEMA}.{self.name} ({', '.join(self.definition)}) ENGINE = InnoDB"

    @property
    def columns(self) -> str:
        """All columns, for a statement."""
        return ", ".join(self.values)

    @property
    def scan(self) -> str:
        """A statement that reads every column of every row through the primary key."""
        lengths = " + ".join(f"SUM(LENGTH({column}))" for column in self.values)
        return f"SELECT {lengths} FROM {SCHEMA}.{self.name} FORCE INDEX (PRIMARY)"

    def fill(self, rows: int) -> Iterator[str]:
        """Statements that insert rows 1 to `rows`, out of a table `digits` with the column d."""
        places = range(len(str(FILLED_AT_ONCE)) - 1)
        number = " + ".join(f"d{place}.d * {10**place}" for place in places)
        joined = ", ".join(f"{SCHEMA}.digits AS d{place}" for place in places)
        values = ", ".join(text.format(n="n") for text in self.values.values())
        for first in range(1, rows + 1, FILLED_AT_ONCE):
            yield (
                f"INSERT INTO {SCHEMA}.{self.name} ({self.columns}) SELECT {values}"
                f" FROM (SELECT {first} + {number} AS n FROM {joined}) AS numbers WHERE n <= {rows} ORDER BY n"
            )

    def where(self, numbers: Sequence[int]) -> str:
        """The condition that finds these rows; a list of alternatives, for MariaDB scans for lists of pairs."""
        if len(self.key) == 1:
            return f"{self.key[0]} IN ({', '.join(literal(self.key_of(number)[0]) for number in numbers)})"
        return " OR ".join(f"({self._equals(number)})" for number in numbers)

    def insert(self, held: Mapping[int, int]) -> str:
        """The statement that inserts rows, each with its k."""
        rows = ", ".join(f"({', '.join(self._row(number, k))})" for number, k in held.items())
        return f"INSERT INTO {SCHEMA}.{self.name} ({self.columns}) VALUES {rows}"

    def _row(self, number: int, k: int) -> Iterator[str]:
        for column, text in self.values.items():
            yield str(k) if column == "k" else text.format(n=number)

    def _equals(self, number: int) -> str:
        pairs = zip(self.key, self.key_of(number), strict=True)
        return " AND ".join(f"{column} = {literal(value)}" for column, value in pairs)


def literal(value: int | bytes) -> str:
    """A value of a key, for a statement."""
    return str(value) if isinstance(value, int) else f"X'{value.hex()}'"


def _number(number: int) -> Key:
    return (number,)


def _digest(number: int) -> Key:
    return (hashlib.sha256(str(number).encode()).digest()[:16],)


def _tenant(number: int) -> Key:
    return (number % _TENANTS, number)


_ID: Final = "id INT NOT NULL AUTO_INCREMENT PRIMARY KEY"
_TEXTS: Final = ("c CHAR(120) NOT NULL DEFAULT ''", "pad CHAR(60) NOT NULL DEFAULT ''")
_SYSBENCH: Final = ("k INT NOT NULL DEFAULT 0", *_TEXTS)
_K: Final = {"k": "{n} * 7919 % 1000003"}  # spread, and the same each time
_FILLED_TEXTS: Final = {
    "c": "CONCAT(SHA2(RAND(), 256), LEFT(SHA2(RAND(), 256), 55))",
    "pad": "LEFT(SHA2(RAND(), 256), 59)",
}
_FILLED: Final = {**_K, **_FILLED_TEXTS}
_COLUMN: Final = "ADD COLUMN note varchar(32) NOT NULL DEFAULT ''"
_COLUMN_AND_INDEX: Final = f"{_COLUMN}, ADD INDEX (c(10))"
_MORE: Final = ("k2", "k3", "k4", "k5", "k6")

_ALL: Final = (
    Table(
        "sbtest",
        "sysbench's table",
        (_ID, *_SYSBENCH, "KEY k_1 (k)"),
        ("id",),
        _number,
        {"id": "{n}", **_FILLED},
        _COLUMN_AND_INDEX,
    ),
    Table("plain", "no secondary index", (_ID, *_SYSBENCH), ("id",), _number, {"id": "{n}", **_FILLED}, _COLUMN),
    Table(
        "indexed",
        "eight secondary indexes",
        (
            _ID,
            "k INT NOT NULL DEFAULT 0",
            *(f"{column} INT NOT NULL DEFAULT 0" for column in _MORE),
            *_TEXTS,
            "KEY k_1 (k)",
            *(f"KEY {column}_1 ({column})" for column in _MORE),
            "KEY k_pad (k2, pad(10))",
            "KEY pad_1 (pad(20))",
        ),
        ("id",),
        _number,
        {"id": "{n}", **_K, **dict.fromkeys(_MORE, "FLOOR(RAND() * 1000000)"), **_FILLED_TEXTS},
        _COLUMN_AND_INDEX,
    ),
    Table(
        "wide",
        "blobs of 0.5 to 20 kB",
        (_ID, "k INT NOT NULL DEFAULT 0", "c CHAR(120) NOT NULL DEFAULT ''", "body MEDIUMBLOB NOT NULL", "KEY k_1 (k)"),
        ("id",),
        _number,
        {"id": "{n}", **_K, "c": _FILLED["c"], "body": "REPEAT(UNHEX(SHA2(RAND(), 256)), 16 + {n} * 7919 % 600)"},
        _COLUMN_AND_INDEX,
        rows=100_000,
    ),
    Table(
        "uuid",
        "a random BINARY(16) as primary key",
        ("id BINARY(16) NOT NULL PRIMARY KEY", *_SYSBENCH, "KEY k_1 (k)"),
        ("id",),
        _digest,
        {"id": "UNHEX(LEFT(SHA2({n}, 256), 32))", **_FILLED},
        _COLUMN_AND_INDEX,
    ),
    Table(
        "composite",
        "a primary key of two columns",
        (
            "tenant INT NOT NULL",
            "number BIGINT NOT NULL",
            *_SYSBENCH,
            "PRIMARY KEY (tenant, number)",
            "KEY k_1 (k)",
        ),
        ("tenant", "number"),
        _tenant,
        {"tenant": f"{{n}} % {_TENANTS}", "number": "{n}", **_FILLED},
        _COLUMN_AND_INDEX,
    ),
)
TABLES: Final[Mapping[str, Table]] = {table.name: table for table in _ALL}


def many_indexes(count: int) -> Table:
    """A table with so many secondary indexes, each over two of nine columns, that are there with any number of them."""
    columns = ("k", *(f"k{number}" for number in range(2, 10)))
    pairs = islice(permutations(columns, 2), count)
    return Table(
        "many",
        f"secondary indexes, each over two integers: {count}",
        (
            _ID,
            *(f"{column} INT NOT NULL DEFAULT 0" for column in columns),
            *_TEXTS,
            *(f"KEY {one}_{other} ({one}, {other})" for one, other in pairs),
        ),
        ("id",),
        _number,
        {"id": "{n}", **_K, **dict.fromkeys(columns[1:], "FLOOR(RAND() * 1000000)"), **_FILLED_TEXTS},
        _COLUMN,
    )
