"""What inspection found out, once, before the first row is copied."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from fsm_ghost.model.key import KeyKind, MigrationKey
from fsm_ghost.model.naming import Names


class Flavour(StrEnum):
    """The two families of servers."""

    MYSQL = "mysql"
    MARIADB = "mariadb"


class SwapMethod(StrEnum):
    """How the tables are swapped (protocol R14); found by trying on our own marker table."""

    SAME_SESSION = "same-session"  # the session that holds the locks issues the RENAME
    SENTRY = "sentry"  # a second session's RENAME waits behind the locks, fenced by a sentry table


@dataclass(frozen=True, slots=True)
class ServerIdentity:
    """Which server this is: enough to notice that a connection reaches another one."""

    uuid: str  # MySQL: @@server_uuid. MariaDB has none: server_id, host name and data directory, digested
    flavour: Flavour
    version: str
    server_id: int


class Lossy(StrEnum):
    """What may become of a value that does not fit its new column."""

    TRUNCATE = "truncate"  # what is too much is cut or rounded off
    CLAMP = "clamp"  # the nearest value that fits
    DEFAULT = "default"  # the new column's default


PLACE = "\0"  # stands for the column in an expression; no name in SQL can hold it


@dataclass(frozen=True, slots=True)
class Unfit:
    """Values that must not be brought over: those for which `condition` holds, with PLACE for the column."""

    what: str
    condition: str


@dataclass(frozen=True, slots=True)
class MappedColumn:
    """A column that lives on: its name in the original and in the ghost table.

    `instead` is an expression for what is stored where that is not simply the value: the user has allowed another one,
    or a native ALTER TABLE would convert it otherwise. PLACE stands in it for the column of the original.
    """

    original: str
    ghost: str
    instead: str = ""
    unfit: tuple[Unfit, ...] = ()

    def value(self, column: str) -> str:
        """The value that the ghost table gets, in SQL, for `column`, the quoted column of the original."""
        return self.instead.replace(PLACE, column) if self.instead else column


class Native(StrEnum):
    """How the server would change the table by itself."""

    INSTANT = "INSTANT"  # in its dictionary only
    INPLACE = "INPLACE"  # while others write
    COPY = "COPY"  # while nobody writes


@dataclass(frozen=True, slots=True)
class FilledColumn:
    """A new column without a default that no row may lack: its name, and the value that every row gets, in SQL."""

    ghost: str
    value: str


@dataclass(frozen=True, slots=True)
class UniqueKey:
    """A unique index of the ghost table: its columns, and how much of each counts; None for all of it."""

    name: str
    columns: tuple[str, ...]
    lengths: tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class Deferral:
    """Which indexes of the ghost table are built after row copy, as clauses of SHOW CREATE TABLE, and why.

    Without them the ghost table's fingerprint is `bare_create`; both are empty where all indexes are there at once.
    """

    reason: str
    indexes: tuple[str, ...] = ()
    bare_create: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """How one table is migrated.

    `mapping` lists the columns that are copied, `filled` those that get a value of their own. `original_create` and
    `ghost_create` are the definitions' fingerprints, `rows` and `bytes` the server's estimates of the original.
    `exclusive` says that a chunk and a refresh must not run at the same time; `discards` that changes ahead of row copy
    need not be followed (protocol R8). `demanded` are the unique keys of the ghost table, but the migration key, if
    rows of the original may break one of them (protocol R9); `unproved` names those that do not hold already.
    `deferral` says which indexes are built after row copy, `native` how the server would do it. `renamed_checks` are
    CHECKs that will have another name after the swap. `zoned`: some value of the new table follows from a time zone,
    which is the server's own; anything else is done in UTC. `remarks` are what to know about new columns; `server` is
    the one that was asked.
    """

    names: Names
    alter: str
    key: MigrationKey
    mapping: tuple[MappedColumn, ...]
    filled: tuple[FilledColumn, ...]
    original_create: str
    ghost_create: str
    rows: int
    bytes: int
    swap: SwapMethod
    exclusive: bool
    discards: bool = False
    demanded: tuple[UniqueKey, ...] = ()
    unproved: tuple[str, ...] = ()
    deferral: Deferral = Deferral("")
    native: Native = Native.COPY
    renamed_checks: tuple[MappedColumn, ...] = ()
    zoned: bool = False
    remarks: tuple[str, ...] = ()
    server: ServerIdentity | None = None

    @property
    def finds_by_timestamp(self) -> bool:
        """Whether rows are found by a TIMESTAMP, whose literals only UTC makes unambiguous."""
        return any(column.kind is KeyKind.TIMESTAMP for column in self.key.columns)
