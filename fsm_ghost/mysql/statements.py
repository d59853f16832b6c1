"""The SQL of a migration, as text: pure functions of the plan."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from fsm_ghost.model.chunk import KeyRange
from fsm_ghost.model.key import Key
from fsm_ghost.model.naming import Names, TableName
from fsm_ghost.model.plan import Flavour, Native, Plan, UniqueKey
from fsm_ghost.mysql import keys as key_sql
from fsm_ghost.mysql.fit import barred
from fsm_ghost.mysql.quoting import quote, table

SENTRY_COMMENT = "fsm-ghost sentry: keeps the swap from happening early; may be dropped when no fsm-ghost runs"


def own_tag(migration: str) -> str:
    """What marks a statement in the binlog as ours."""
    return f"fsm-ghost {migration}"


def share_clause(flavour: Flavour) -> str:
    """How a locking read is spelled."""
    return "FOR SHARE" if flavour is Flavour.MYSQL else "LOCK IN SHARE MODE"


class Statements:
    """The statements of one migration."""

    def __init__(self, plan: Plan, flavour: Flavour, migration: str) -> None:
        self._plan = plan
        self._tag = f"/* {own_tag(migration)} */"
        self._share = share_clause(flavour)
        self._original = table(plan.names.original)
        self._ghost = table(plan.names.ghost)
        self._from_original = f"{self._original} FORCE INDEX ({quote(plan.key.index)})"
        self._columns = plan.key.columns
        self._ghost_columns = tuple(column.as_ghost() for column in plan.key.columns)
        bars = [
            barred(unfit, mapped.original, quote(mapped.original)) for mapped in plan.mapping for unfit in mapped.unfit
        ]
        self._fits = "".join(f" AND {condition}" for condition in bars)
        self._originals = ", ".join(
            [*(c.value(quote(c.original)) for c in plan.mapping), *(c.value for c in plan.filled)]
        )
        self._ghosts = ", ".join(
            quote(name) for name in (*(c.ghost for c in plan.mapping), *(c.ghost for c in plan.filled))
        )

    def edge(self, *, last: bool) -> str:
        """The first or the last key of the original."""
        order = ", ".join(f"{quote(column.name)}{' DESC' if last else ''}" for column in self._columns)
        return f"SELECT {key_sql.select_list(self._columns)} FROM {self._from_original} ORDER BY {order} LIMIT 1"

    def boundary(self, after: Key | None, last: Key, rows: int) -> str:
        """The key of the `rows`th row after `after`; nothing when there are fewer up to `last`."""
        return (
            f"SELECT {key_sql.select_list(self._columns)} FROM {self._from_original}"
            f" WHERE {key_sql.within(self._columns, KeyRange(after, last))}"
            f" ORDER BY {key_sql.ordered(self._columns)} LIMIT 1 OFFSET {rows - 1}"
        )

    def copy(self, key_range: KeyRange) -> str:
        """Copy the rows of a range that the ghost table does not have yet (R3: takes no lock on the original).

        A row that is there already was brought by a refresh, and is newer or dirty. Everything else that does not fit
        is an error: `IGNORE` would turn it into a warning (R4).
        """
        first = quote(self._columns[0].ghost_name)
        return (
            f"INSERT {self._tag} INTO {self._ghost} ({self._ghosts})"
            f" SELECT {self._originals} FROM {self._from_original}"
            f" WHERE {key_sql.within(self._columns, key_range)}{self._fits}"
            f" ON DUPLICATE KEY UPDATE {self._ghost}.{first} = {self._ghost}.{first}"
        )

    def lock(self, keys: Collection[Key], *, wait: bool) -> str:
        """Lock the rows of these keys in the original and return the keys of those that exist (R6, R6a)."""
        return (
            f"SELECT {key_sql.select_list(self._columns)} FROM {self._from_original}"
            f" WHERE {key_sql.equals(self._columns, keys)} {self._share}{'' if wait else ' NOWAIT'}"
        )

    def insert(self, keys: Collection[Key]) -> str:
        """Write the rows of these keys, locked before, to the ghost table, which must not hold them (R9)."""
        return (
            f"INSERT {self._tag} INTO {self._ghost} ({self._ghosts})"
            f" SELECT {self._originals} FROM {self._from_original}"
            f" WHERE {key_sql.equals(self._columns, keys)}{self._fits} {self._share}"
        )

    def clear(self, keys: Collection[Key]) -> str:
        """Delete the rows of these keys, which exist and are locked, from the ghost table; also look-alikes of them."""
        return self._delete(key_sql.equals(self._ghost_columns, keys))

    def missing(self, key_range: KeyRange, most: int) -> str:
        """Keys of a range that the original has and the ghost table has not."""
        same = " AND ".join(
            f"{self._ghost}.{quote(column.ghost_name)} = {self._original}.{quote(column.name)}"
            for column in self._columns
        )
        return (
            f"SELECT {key_sql.select_list(self._columns)} FROM {self._from_original}"
            f" WHERE {key_sql.within(self._columns, key_range)}"
            f" AND NOT EXISTS (SELECT 1 FROM {self._ghost} FORCE INDEX ({quote(self._plan.key.ghost_index)})"
            f" WHERE {same}) LIMIT {most}"
        )

    def remember(self, unique: UniqueKey, key: Key) -> str:
        """Put the values that a ghost row has in a unique key into variables of the session, as the server has them."""
        values = ", ".join(quote(name) for name in unique.columns)
        variables = ", ".join(f"@fsm_ghost_{place}" for place in range(len(unique.columns)))
        return f"SELECT {values} INTO {variables} FROM {self._ghost} WHERE {key_sql.equals(self._ghost_columns, [key])}"

    def holders(self, unique: UniqueKey) -> str:
        """The keys of ghost rows that have the remembered values in a unique key."""
        columns = zip(unique.columns, unique.lengths, strict=True)
        alike = " AND ".join(
            _beginning(quote(name), length) + " = " + _beginning(f"@fsm_ghost_{place}", length)
            for place, (name, length) in enumerate(columns)
        )
        return f"SELECT {key_sql.select_list(self._ghost_columns)} FROM {self._ghost} WHERE {alike}"

    def delete(self, keys: Collection[Key]) -> str:
        """Delete the rows of these keys, spelled like that, from the ghost table.

        A row whose text is only equal may have been brought over since these keys were found to be gone: nothing is
        locked where nothing is (R6b). Every spelling that goes out of use is named by an event of its own.
        """
        return self._delete(key_sql.exactly(self._ghost_columns, keys))

    def _delete(self, predicate: str) -> str:
        return (
            f"DELETE {self._tag} FROM {self._ghost} USING {self._ghost}"
            f" FORCE INDEX ({quote(self._plan.key.ghost_index)}) WHERE {predicate}"
        )

    def replace(self, keys: Collection[Key]) -> str:
        """Write the rows of these keys, locked before, to the ghost table (R6, R9)."""
        return (
            f"REPLACE {self._tag} INTO {self._ghost} ({self._ghosts})"
            f" SELECT {self._originals} FROM {self._from_original}"
            f" WHERE {key_sql.equals(self._columns, keys)}{self._fits} {self._share}"
        )

    def delete_range(self, key_range: KeyRange) -> str:
        """Delete the rows of a range from the original, when it is nobody's table any more."""
        return (
            f"DELETE {self._tag} FROM {self._original} USING {self._from_original}"
            f" WHERE {key_sql.within(self._columns, key_range)}"
        )

    def count(self, key_range: KeyRange) -> str:
        """How many rows of the original lie in a range."""
        return f"SELECT COUNT(*) FROM {self._from_original} WHERE {key_sql.within(self._columns, key_range)}"


def _beginning(value: str, length: int | None) -> str:
    """What an index by prefix compares."""
    return value if length is None else f"LEFT({value}, {length})"


def touch(name: TableName) -> str:
    """Take a table's metadata lock for writing for the rest of the transaction, and nothing else."""
    return f"SELECT 1 FROM {table(name)} WHERE FALSE FOR UPDATE"


def drop_indexes(name: TableName, indexes: Iterable[str], migration: str) -> str:
    """Drop indexes by their names."""
    return alter(name, ", ".join(f"DROP KEY {quote(index)}" for index in indexes), migration)


def add_indexes(name: TableName, clauses: Iterable[str], migration: str) -> str:
    """Add indexes, written as SHOW CREATE TABLE has them, while others write; an error where the server cannot."""
    added = ", ".join(f"ADD {clause}" for clause in clauses)
    return alter(name, f"{added}, ALGORITHM = INPLACE, LOCK = NONE", migration)


def create_like(new: TableName, model: TableName, migration: str) -> str:
    """An empty table of the same definition."""
    return f"CREATE /* {own_tag(migration)} */ TABLE {table(new)} LIKE {table(model)}"


def create_marker(name: TableName, migration: str) -> str:
    """The table whose renaming proves the swap."""
    return (
        f"CREATE /* {own_tag(migration)} */ TABLE {table(name)} (id INT PRIMARY KEY) ENGINE = InnoDB"
        f" COMMENT = '{own_tag(migration)}'"
    )


def create_sentry(name: TableName, migration: str) -> str:
    """The table that keeps its name from being taken by a RENAME, until it is dropped."""
    return (
        f"CREATE /* {own_tag(migration)} */ TABLE {table(name)} (id INT PRIMARY KEY) ENGINE = InnoDB"
        f" COMMENT = '{SENTRY_COMMENT}'"
    )


def analyze(name: TableName) -> str:
    """Fresh statistics, on this server only."""
    return f"ANALYZE LOCAL TABLE {table(name)}"


def drop(name: TableName, migration: str) -> str:
    """Drop a table that must exist."""
    return f"DROP /* {own_tag(migration)} */ TABLE {table(name)}"


def drop_for_people(name: TableName) -> str:
    """The statement that somebody may run later to drop a table."""
    return f"DROP TABLE {table(name)};"


def truncate_partition(name: TableName, partition: str, migration: str) -> str:
    """Empty one partition."""
    return f"ALTER /* {own_tag(migration)} */ TABLE {table(name)} TRUNCATE PARTITION {quote(partition)}"


def alter(name: TableName, clauses: str, migration: str) -> str:
    """The user's ALTER, on the ghost table. His text is passed on as it is."""
    return f"ALTER /* {own_tag(migration)} */ TABLE {table(name)} {clauses}"


def alter_natively(name: TableName, clauses: str, native: Native, migration: str) -> str:
    """The user's ALTER, in a way that the server has to follow; an error where it cannot. COPY leaves it to the server.

    The word comes first: behind a definition of partitions nothing may follow.
    """
    how = {Native.INSTANT: "ALGORITHM = INSTANT, ", Native.INPLACE: "ALGORITHM = INPLACE, LOCK = NONE, "}
    return alter(name, how.get(native, "") + clauses, migration)


def rename(pairs: Sequence[tuple[TableName, TableName]], migration: str) -> str:
    """Rename tables in one statement."""
    moves = ", ".join(f"{table(old)} TO {table(new)}" for old, new in pairs)
    return f"RENAME /* {own_tag(migration)} */ TABLE {moves}"


def swap_pairs(names: Names) -> tuple[tuple[TableName, TableName], ...]:
    """The renames of the swap; the marker's is the proof that it happened (R15)."""
    return ((names.original, names.old), (names.ghost, names.original), (names.marker, names.swapped))
