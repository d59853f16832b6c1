"""The SQLite file under the store: how it is opened, checked, and written to."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

from fsm_ghost.errors import StoreError
from fsm_ghost.faultpoints import fault_point

APPLICATION_ID = 0x66736D67  # "fsmg"
SCHEMA_VERSION = 3
_UPGRADES = {  # what makes a file of one version a file of the next
    1: (
        "ALTER TABLE migrations ADD COLUMN token TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE migrations ADD COLUMN taken_over TEXT NOT NULL DEFAULT ''",
        "UPDATE migrations SET token = lower(hex(randomblob(16)))",
        "ALTER TABLE commands ADD COLUMN answer TEXT",
        "ALTER TABLE commands ADD COLUMN took_effect INTEGER CHECK (took_effect IN (0, 1))",
    ),
    2: (
        "ALTER TABLE commands ADD COLUMN value TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE journal ADD COLUMN facts TEXT NOT NULL DEFAULT '{}'",
    ),
}
_BUSY = 10.0  # seconds to wait for another process's transaction


def must_exist(path: Path) -> None:
    """StoreError when there is no such file."""
    if not path.exists():
        raise StoreError(f"there is no state file at {path}", "Name it with --state-db PATH.")


class Database:
    """One state file. A writer makes it when it is missing; a reader opens it read-only and never holds anybody up."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        if read_only:
            must_exist(path)
        with self.explained():
            if read_only:
                self._connection = self._connected(f"{path.absolute().as_uri()}?mode=ro")
                self._check_kind()
                self._check_up_to_date()
            else:
                path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                path.touch(mode=0o600)
                self._connection = self._connected(path.absolute().as_uri())
                self._check_kind()
                self._set_up()

    def execute(self, statement: str, *values: object) -> sqlite3.Cursor:
        """Carry out a statement."""
        with self.explained():
            return self._connection.execute(statement, values)

    def execute_each(self, statement: str, rows: list[tuple[object, ...]]) -> None:
        """Carry out a statement once for every row of values."""
        self._connection.executemany(statement, rows)

    @contextmanager
    def transaction(self, name: str) -> Iterator[None]:
        """Everything inside is written together, durably, or not at all; the fault points around it carry its name."""
        with self.explained():
            fault_point(f"{name}.before-commit")
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
            fault_point(f"{name}.after-commit")

    @contextmanager
    def explained(self) -> Iterator[None]:
        """SQLite's errors, in words that say what to do."""
        try:
            yield
        except (sqlite3.DatabaseError, OSError) as error:
            raise StoreError(
                f"the state file {self.path} cannot be used: {error}",
                "Is the disk full, the file damaged, or on a network file system? Once it can be used again, resume."
                " Nothing on the server depends on it: the original table is as it was, or wholly swapped.",
            ) from error

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @staticmethod
    def _connected(uri: str) -> sqlite3.Connection:
        connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=_BUSY)
        connection.row_factory = sqlite3.Row
        return connection

    def _set_up(self) -> None:
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            self._connection.execute(f"PRAGMA {pragma}")
        if self._pragma("user_version") == SCHEMA_VERSION:
            return
        with self.transaction("store.schema"):
            for statement in self._missing(self._pragma("user_version")):
                self._connection.execute(statement)
            self._connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            self._connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

    @staticmethod
    def _missing(version: int) -> list[str]:
        """The statements that bring a file of this version up to date; 0 is an empty file."""
        if version:
            return [statement for older in range(version, SCHEMA_VERSION) for statement in _UPGRADES[older]]
        return resources.files("fsm_ghost.engine").joinpath("schema.sql").read_text().split(";\n")

    def _check_up_to_date(self) -> None:
        version = self._pragma("user_version")
        if 0 < version < SCHEMA_VERSION:
            raise StoreError(
                f"{self.path} was written by an older fsm-ghost (format {version}, this one writes {SCHEMA_VERSION})",
                "The next resume, abort or start brings it up to date.",
            )

    def _check_kind(self) -> None:
        version = self._pragma("user_version")
        empty = self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
        if self._pragma("application_id") != APPLICATION_ID and not empty:
            raise StoreError(f"{self.path} is not a state file of fsm-ghost", "Name another one with --state-db PATH.")
        if version > SCHEMA_VERSION:
            raise StoreError(
                f"{self.path} was written by a newer fsm-ghost (format {version}, this one knows {SCHEMA_VERSION})",
                "Use the newer version, or another file with --state-db PATH.",
            )

    def _pragma(self, name: str) -> int:
        return int(self._connection.execute(f"PRAGMA {name}").fetchone()[0])
