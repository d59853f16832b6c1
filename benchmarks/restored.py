"""A private server with one table that is made once, and put back as it was before each run."""

from __future__ import annotations

# ruff: noqa: INP001, S608 - a script's part; the SQL is its own
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pymysql

from benchmarks.contestants import ALGORITHMS, native
from benchmarks.tables import SCHEMA, Table
from fsm_ghost.mysql.private import PrivateServer

ENDED_WITHIN: Final = 600.0  # seconds: an orderly end purges and writes everything
_LOOK_EVERY: Final = 0.05
_SHOWN: Final = (
    "innodb_buffer_pool_size", "innodb_log_file_size", "innodb_redo_log_capacity", "innodb_flush_method",
    "innodb_flush_log_at_trx_commit", "sync_binlog", "innodb_autoinc_lock_mode", "innodb_io_capacity",
    "innodb_doublewrite", "binlog_format", "binlog_row_image", "innodb_sort_buffer_size", "innodb_ddl_threads",
)  # fmt: skip

Shape = tuple[tuple[Any, ...], ...]


@dataclass(frozen=True)
class Used:
    """What the server has used since it was started; written is None where the system does not tell."""

    cpu: float
    written: float | None


class Restored:
    """The server, and a copy of its data directory."""

    def __init__(self, server: PrivateServer, table: Table, rows: int, alter: str, folder: Path) -> None:
        self.server = server
        self._table = table
        self._rows = rows
        self._alter = alter
        self._kept = folder / "kept"
        self._wanted: Shape = ()
        self.algorithms: tuple[str, ...] = ()
        self.refused: dict[str, str] = {}
        self.mib = 0.0
        self.settings: dict[str, str] = {}

    def make(self) -> None:
        """Make the table, find out how the server would change it, and keep everything."""
        self.server.start()
        with closing(self.server.connect()) as connection, closing(connection.cursor()) as cursor:
            cursor.execute("SET SESSION sql_log_bin = 0")
            cursor.execute(f"CREATE DATABASE {SCHEMA}")
            cursor.execute(f"CREATE TABLE {SCHEMA}.digits (d INT PRIMARY KEY)")
            cursor.execute(f"INSERT INTO {SCHEMA}.digits VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)")
            cursor.execute(self._table.create)
            self._try_algorithms(cursor)
            for statement in self._table.fill(self._rows):
                cursor.execute(statement)
            cursor.execute(f"DROP TABLE {SCHEMA}.digits")
            cursor.execute(f"ANALYZE TABLE {SCHEMA}.{self._table.name}")
            self.mib = float(value(cursor, self._size())) / (1 << 20)
            self.settings = dict(self._settings(cursor))
            cursor.execute("SET GLOBAL innodb_fast_shutdown = 0")
        self._end()
        _copy(self.server.datadir, self._kept)

    def restore(self) -> None:
        """The server with the table as it was made, read once so that it is in memory as far as it fits."""
        self.server.kill()
        shutil.rmtree(self.server.datadir)
        _copy(self._kept, self.server.datadir)
        self.server.start()
        self.server.execute(self._table.scan)

    def used(self) -> Used:
        """What the server has used by now."""
        process = Path(f"/proc/{self.server.pid}")
        fields = (process / "stat").read_text(encoding="ascii").rpartition(")")[2].split()
        try:
            written = written_mib((process / "io").read_text(encoding="ascii"))
        except OSError:
            written = None
        return Used((int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), written)

    def is_changed(self) -> bool:
        """Whether the table is now as the ALTER wants it: its columns, and its indexes."""
        with closing(self.server.connect()) as connection, closing(connection.cursor()) as cursor:
            return _shape(cursor, self._table.name) == self._wanted

    def count(self) -> int:
        """How many rows it has."""
        return int(self.server.execute(f"SELECT COUNT(*) FROM {SCHEMA}.{self._table.name}")[0][0])

    def _try_algorithms(self, cursor: pymysql.cursors.Cursor) -> None:
        """On the table while it is empty, and made anew each time: what the server takes, and what comes of it."""
        name = f"{SCHEMA}.{self._table.name}"
        for algorithm in ("", *ALGORITHMS[self.server.flavour]):
            try:
                cursor.execute(native(self._table, self._alter, algorithm).statements[0])
            except pymysql.err.Error as error:
                if not algorithm:
                    raise SystemExit(f"ALTER TABLE {name} {self._alter}: {error.args[-1]}") from None
                self.refused[algorithm] = str(error.args[-1])
                continue
            if algorithm:
                self.algorithms += (algorithm,)
            else:
                self._wanted = _shape(cursor, self._table.name)
            cursor.execute(f"DROP TABLE {name}")
            cursor.execute(self._table.create)

    def _size(self) -> str:
        return (
            "SELECT data_length + index_length FROM information_schema.tables"
            f" WHERE table_schema = '{SCHEMA}' AND table_name = '{self._table.name}'"
        )

    def _settings(self, cursor: pymysql.cursors.Cursor) -> Iterator[tuple[str, str]]:
        cursor.execute("SHOW GLOBAL VARIABLES")
        variables: Mapping[str, str] = dict(cursor.fetchall())
        yield from ((name, variables[name]) for name in _SHOWN if name in variables)

    def _end(self) -> None:
        """An orderly end that keeps the data directory."""
        self.server.execute("SHUTDOWN")
        until = time.monotonic() + ENDED_WITHIN
        while self.server.running:
            if time.monotonic() > until:
                raise SystemExit(f"the server has not ended within {ENDED_WITHIN:.0f} s")
            time.sleep(_LOOK_EVERY)


def written_mib(io: str) -> float:
    """What /proc/PID/io says a process has caused to be written."""
    fields = dict(line.split(": ") for line in io.splitlines())
    return int(fields["write_bytes"]) / (1 << 20)


def value(cursor: pymysql.cursors.Cursor, query: str) -> Any:  # noqa: ANN401 - a column can be anything
    """The first column of the first row."""
    cursor.execute(query)
    row = cursor.fetchone()
    return row[0] if row else None


def _shape(cursor: pymysql.cursors.Cursor, name: str) -> Shape:
    """The columns and indexes of a table, in an order of their own."""
    where = f"WHERE table_schema = '{SCHEMA}' AND table_name = '{name}'"
    cursor.execute(
        f"SELECT column_name, column_type, is_nullable, extra FROM information_schema.columns {where} ORDER BY 1"
    )
    columns = cursor.fetchall()
    cursor.execute(
        "SELECT index_name, seq_in_index, column_name, sub_part, non_unique FROM information_schema.statistics"
        f" {where} ORDER BY 1, 2"
    )
    return (*columns, *cursor.fetchall())


def _copy(source: Path, target: Path) -> None:
    """A copy that is on the disk: what is still to be written would disturb the run that follows."""

    def file(origin: str, copy: str) -> None:
        shutil.copyfile(origin, copy)
        with Path(copy).open("rb") as written:
            os.fsync(written.fileno())

    shutil.copytree(source, target, copy_function=file, ignore=shutil.ignore_patterns("*.pid"))
