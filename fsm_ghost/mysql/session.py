"""One connection to the server, set up so that stored values are reproduced exactly."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any

import pymysql

from fsm_ghost.errors import RefusedError, ServerError, UsageError
from fsm_ghost.model.naming import TableName
from fsm_ghost.mysql.faults import translated
from fsm_ghost.mysql.quoting import quote
from fsm_ghost.mysql.quoting import table as quoted_table
from fsm_ghost.settings import Encryption, ServerSettings

Row = tuple[Any, ...]

# STRICT: what does not fit is an error, never a silent change (R4); what the server only notes, such as a decimal
# that loses digits, is seen because notes are counted. NO_AUTO_VALUE_ON_ZERO: a stored 0 stays 0.
# ALLOW_INVALID_DATES and no NO_ZERO_*: whatever date is stored can be stored again.
SQL_MODE = "STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES"
_SETTINGS = (
    (
        f"SET SESSION sql_mode = '{SQL_MODE}', time_zone = '+00:00', sql_notes = 1,"
        " wait_timeout = 28800, net_read_timeout = 600, net_write_timeout = 600, innodb_lock_wait_timeout = 10,"
        " lock_wait_timeout = 60, eq_range_index_dive_limit = 1,"
        # Whatever the server gives to new sessions: the driver believes what it is greeted with.
        " autocommit = 1, completion_type = 'NO_CHAIN', sql_safe_updates = 0, sql_big_selects = 1,"
        " sql_select_limit = 18446744073709551615,"
        # Definitions are read as the server writes them; keys are checked in every case.
        " sql_quote_show_create = 1, unique_checks = 1, foreign_key_checks = 1"
    ),
    # So that reading takes no gap locks, and row copy no locks at all (R3, R6).
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE",
)
# Long lists of keys must stay ranges of the index; each server has its own way of giving up on them.
_OPTIONAL_SETTINGS = (
    (
        "SET SESSION range_optimizer_max_mem_size = 0, max_execution_time = 0"  # MySQL
        " /*!80030 , show_gipk_in_create_table_and_information_schema = ON */"
    ),
    "SET SESSION in_predicate_conversion_threshold = 0, max_statement_time = 0",  # MariaDB
    "SET SESSION optimizer_max_sel_arg_weight = 0",  # MariaDB
)
_LEAST_WARNINGS = 64  # that the server has to keep of a statement: they are looked at
_UNKNOWN_VARIABLE = 1193
_NO_DATABASE = frozenset({1049, 1102, 1300})  # there is none of that name; there can be none
_DEPRECATED = frozenset({1287, 1681})  # said about a character set that a statement names, never about a value
_GIST = 160  # characters of a statement that a message shows


def connect_arguments(settings: ServerSettings) -> dict[str, Any]:
    """Arguments for `pymysql.connect`, also used for the connection that reads the binlog."""
    arguments: dict[str, Any] = {
        "host": settings.host,
        "port": settings.port,
        "user": settings.user or None,
        "password": settings.password.encode(),  # the driver would take a text for latin1
        "charset": "utf8mb4",
        "connect_timeout": settings.connect_timeout,
    }
    if settings.socket:
        arguments["unix_socket"] = settings.socket
    if settings.encryption not in {Encryption.DISABLED, Encryption.PREFERRED}:
        arguments["ssl"] = _encryption(settings)
    elif settings.encryption is Encryption.DISABLED or settings.socket:
        arguments["ssl_disabled"] = True  # what nobody can listen to need not be encrypted
    return arguments


def _encryption(settings: ServerSettings) -> ssl.SSLContext:
    """What makes the driver insist on encryption; UsageError for files that cannot be used."""
    try:
        context = ssl.create_default_context(cafile=settings.ssl_ca or None)
        if settings.ssl_cert:
            context.load_cert_chain(settings.ssl_cert, settings.ssl_key or None)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(f"--ssl-ca, --ssl-cert or --ssl-key cannot be used: {error}") from error
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # the certificates that servers make themselves are not strict
    if settings.encryption is not Encryption.VERIFY_IDENTITY:
        context.check_hostname = False
    if settings.encryption is Encryption.REQUIRED:
        context.verify_mode = ssl.CERT_NONE
    return context


class Session:
    """One connection, for one thread at a time. After ConnectionLostError it must not be used again."""

    def __init__(self, arguments: Mapping[str, Any], what: str = "connecting") -> None:
        with translated(what):
            self._connection = pymysql.connect(**arguments, autocommit=True, program_name="fsm-ghost")
        _notice_dead_links(self._connection)
        for statement in _SETTINGS:
            self.execute(statement)
        for statement in _OPTIONAL_SETTINGS:
            self._execute_unless({_UNKNOWN_VARIABLE}, statement)
        if int(self.value("SELECT @@max_error_count")) < _LEAST_WARNINGS:  # MySQL asks for a privilege
            self.execute(f"SET SESSION max_error_count = {_LEAST_WARNINGS}")

    @property
    def id(self) -> int:
        """The server's number for this connection."""
        return int(self._connection.thread_id())  # type: ignore[no-untyped-call]

    def execute(self, statement: str) -> int:
        """Carry out a statement; how many rows it affected."""
        with translated(_gist(statement)), self._connection.cursor() as cursor:
            return int(cursor.execute(statement))

    def execute_strictly(self, statement: str) -> int:
        """Carry out a statement that may not give a warning about a value; ServerError with the warnings otherwise."""
        with translated(_gist(statement)), self._connection.cursor() as cursor:
            affected = int(cursor.execute(statement))
            if not cursor.warning_count:
                return affected
            cursor.execute("SHOW WARNINGS")
            warnings = [warning for warning in cursor.fetchall() if warning[1] not in _DEPRECATED]
        if not warnings:
            return affected
        first = "; ".join(f"{message} ({code})" for _, code, message in warnings[:3])
        raise ServerError(
            f"{_gist(statement)}: {len(warnings)} warnings, among them: {first}", code=int(warnings[0][1])
        )

    def query(self, statement: str) -> list[Row]:
        """The rows that a statement returns."""
        with translated(_gist(statement)), self._connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall())

    def value(self, statement: str) -> Any:
        """The first column of the first row, or None."""
        rows = self.query(statement)
        return rows[0][0] if rows else None

    def named(self, statement: str) -> list[dict[str, Any]]:
        """The rows that a statement returns, by lower-case column name."""
        with translated(_gist(statement)), self._connection.cursor() as cursor:
            cursor.execute(statement)
            names = [column[0].lower() for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def shown(self, statement: str) -> str:
        """What SHOW CREATE shows; bytes that are no text, such as MariaDB has in a binary default, are escaped."""
        self._connection.use_unicode = False
        try:
            text = self.query(statement)[0][1]
        finally:
            self._connection.use_unicode = True
        return bytes(text).decode(errors="backslashreplace")

    def use_server_time_zone(self) -> None:
        """Convert and default temporal values as a native ALTER TABLE would: in the server's own time zone.

        Not for sessions that find rows by a TIMESTAMP: an hour that is repeated in autumn has two meanings there.
        """
        self.execute("SET SESSION time_zone = @@GLOBAL.time_zone")

    def use_utc(self) -> None:
        """Go back to UTC."""
        self.execute("SET SESSION time_zone = '+00:00'")

    def wait_at_most(self, *, row: int | None = None, table: int | None = None, idle: int | None = None) -> None:
        """How long (seconds) the server lets this session wait for a row's and a table's lock, and lets it be idle."""
        wanted = {"innodb_lock_wait_timeout": row, "lock_wait_timeout": table, "wait_timeout": idle}
        changes = [f"{name} = {seconds}" for name, seconds in wanted.items() if seconds is not None]
        self.execute(f"SET SESSION {', '.join(changes)}")

    def ask_anew(self) -> None:
        """Have information_schema say what is so now; MySQL shows what it found out within the last day otherwise."""
        self._execute_unless({_UNKNOWN_VARIABLE}, "SET SESSION information_schema_stats_expiry = 0")

    def sort_in(self, memory: int) -> None:
        """Have the keys of new indexes sorted in so much memory (bytes) at least, where a session may say so."""
        found = self.query("SHOW SESSION VARIABLES LIKE 'innodb_ddl_buffer_size'")  # MySQL has it, from 8.0.27 on
        if found and int(found[0][1]) < memory:
            with suppress(RefusedError):
                self.execute(f"SET SESSION innodb_ddl_buffer_size = {memory}")

    def lock_tables(self, names: Sequence[TableName]) -> None:
        """Lock tables for writing; LockConflictError when that takes too long."""
        self.execute("LOCK TABLES " + ", ".join(f"{quoted_table(name)} WRITE" for name in names))

    def unlock_tables(self) -> None:
        """Let go of all locked tables."""
        self.execute("UNLOCK TABLES")

    def kill(self, connection: int) -> None:
        """End another connection; its locks go with it."""
        self.execute(f"KILL {connection}")

    def kill_query(self, connection: int) -> None:
        """End the statement that another connection is running."""
        self.execute(f"KILL QUERY {connection}")

    def begin(self) -> None:
        """Start a transaction."""
        self.execute("START TRANSACTION")

    def commit(self) -> None:
        """Commit the transaction."""
        with translated("COMMIT"):
            self._connection.commit()

    def rollback(self) -> None:
        """Roll the transaction back."""
        with translated("ROLLBACK"):
            self._connection.rollback()

    def set_savepoint(self) -> None:
        """Note where the transaction stands."""
        self.execute("SAVEPOINT here")

    def return_to_savepoint(self) -> None:
        """Roll back what was done since the savepoint was set."""
        self.execute("ROLLBACK TO SAVEPOINT here")

    def quote(self, text: str) -> str:
        """A text as a literal."""
        return str(self._connection.escape(text))

    def close(self) -> None:
        """Close the connection; a statement that runs on the server may go on running."""
        if self._connection.open:
            self._connection._force_close()  # type: ignore[attr-defined]  # noqa: SLF001 - COM_QUIT could block on a dead link

    def interrupt(self) -> None:
        """Make a statement that waits in another thread fail with ConnectionLostError."""
        sock = self._connection._sock  # type: ignore[attr-defined]  # noqa: SLF001 - PyMySQL has no such call
        if sock is not None:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                return  # it is closed already

    def use(self, schema: str) -> None:
        """Make a schema the default database, by which filters of the binary log judge DDL.

        Nothing where it does not exist, or the account may not know of it: the preflight says what there is to do.
        """
        with suppress(RefusedError):
            self._execute_unless(_NO_DATABASE, f"USE {quote(schema)}")

    def _execute_unless(self, codes: Collection[int], statement: str) -> None:
        """Carry out a statement; nothing where the server gives one of these errors."""
        try:
            self.execute(statement)
        except ServerError as error:
            if error.code not in codes:
                raise


def _notice_dead_links(connection: Any) -> None:
    """Let the kernel find out within half a minute that the other side is gone, also while a statement runs."""
    sock = connection._sock  # noqa: SLF001 - PyMySQL has no such setting
    if sock.family not in {socket.AF_INET, socket.AF_INET6}:
        return
    for option, seconds in ((socket.TCP_KEEPIDLE, 10), (socket.TCP_KEEPINTVL, 5), (socket.TCP_KEEPCNT, 3)):
        sock.setsockopt(socket.IPPROTO_TCP, option, seconds)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 25_000)


def _gist(statement: str) -> str:
    """The beginning of a statement, for messages."""
    text = " ".join(statement.split())
    return text if len(text) <= _GIST else f"{text[:_GIST]} …"
