"""Private servers: a MariaDB or MySQL of one's own, for the demo and for tests.

A private server has its own data directory in the temporary folder, listens on 127.0.0.1 only, and ends with the
process that started it. The first server of a flavour and version initialises a data directory that later ones copy.

    with PrivateServer("mariadb", {"innodb-lock-wait-timeout": 2}) as primary:
        replica = PrivateServer.replica_of(primary)
"""

import fcntl
import functools
import hashlib
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, Self, TypeAlias

import pymysql
from pymysql.connections import Connection
from pymysql.cursors import Cursor

Flavour: TypeAlias = Literal["mariadb", "mysql"]
Options: TypeAlias = Mapping[str, str | int]

NO_OPTIONS: Final[Options] = {}
VARIABLES: Final = {"mariadb": "FSM_GHOST_MARIADBD", "mysql": "FSM_GHOST_MYSQLD"}
STARTED_WITHIN: Final = 60.0
STOPPED_WITHIN: Final = 30.0
POLLED_EVERY: Final = 0.01
ABANDONED_AFTER: Final = 60.0
TEMPLATE_RECIPE: Final = "1"
PORTS: Final = range(10_000, 32_000)

_CHECKOUT: Final = Path(__file__).resolve().parents[2]
_SYSTEM_FOLDERS: Final = ("/usr/sbin", "/usr/libexec", "/usr/local/sbin")

# Sets PR_SET_PDEATHSIG and becomes the server: a program of its own, for a preexec_fn may dead-lock beside threads.
_DIE_WITH_PARENT: Final = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGKILL)
if os.getppid() == int(sys.argv[1]): os.execv(sys.argv[2], sys.argv[2:])
"""

_DEFAULTS: Final[Options] = {
    "bind-address": "127.0.0.1",
    "loose-binlog-format": "ROW",
    "binlog-row-image": "FULL",
    "character-set-server": "utf8mb4",
    "innodb-buffer-pool-size": "128M",
    "innodb-flush-log-at-trx-commit": 1,
    "log-bin": "binlog",
    "max-connections": 200,
    "relay-log": "relay",
    "secure-file-priv": "",
    "sync-binlog": 1,
}
_FLAVOUR_DEFAULTS: Final[Mapping[Flavour, Options]] = {
    "mariadb": {"innodb-log-file-size": "16M", "log-slave-updates": 1},
    "mysql": {"loose-innodb-redo-log-capacity": "16M", "loose-mysqlx": 0},  # loose: not every release knows them
}
_TEMPLATE_OPTIONS: Final[Options] = {
    "innodb-flush-log-at-trx-commit": 0,
    "innodb-doublewrite": 0,
    "secure-file-priv": "",
}
_SYSTEM_TABLES: Final = (
    ("mariadb_system_tables.sql", "mysql_system_tables.sql"),
    ("mariadb_performance_tables.sql", "mysql_performance_tables.sql"),
    ("mariadb_system_tables_data.sql", "mysql_system_tables_data.sql"),
    ("fill_help_tables.sql",),
    ("maria_add_gis_sp_bootstrap.sql",),
    ("mariadb_sys_schema.sql", "mysql_sys_schema.sql"),
)


class ServerUnavailableError(Exception):
    """No server of the flavour was found, or it did not start; the message says what to do."""


@dataclass(frozen=True, slots=True)
class ServerBinary:
    """A server program found on this machine; its flavour and version are what it says itself."""

    flavour: Flavour
    executable: Path
    version: str


# --- Finding one ------------------------------------------------------------------------------------------------------


def find_server(flavour: Flavour) -> ServerBinary | None:
    """The server to use: the one FSM_GHOST_MARIADBD or FSM_GHOST_MYSQLD names, an installed or a fetched one, or None.

    Raises ServerUnavailableError when the environment variable names something else.
    """
    if named := os.environ.get(VARIABLES[flavour]):
        return _named_server(flavour, named)
    probed = (_probe(path) for path in _candidates(flavour) if os.access(path, os.X_OK))
    return next((binary for binary in probed if binary and binary.flavour == flavour), None)


def _named_server(flavour: Flavour, named: str) -> ServerBinary:
    binary = _probe(Path(named))
    if binary is None or binary.flavour != flavour:
        raise ServerUnavailableError(f"{VARIABLES[flavour]} is {named}, which does not run as a {flavour} server")
    return binary


def _candidates(flavour: Flavour) -> Iterator[Path]:
    installed = [*os.get_exec_path(), *_SYSTEM_FOLDERS]
    fetched = [root / ".servers" / flavour / "bin" for root in (Path.cwd(), _CHECKOUT)]
    for folder in (*map(Path, installed), *fetched):
        yield from (folder / "mariadbd", folder / "mysqld")


@functools.cache
def _probe(path: Path) -> ServerBinary | None:
    try:
        said = subprocess.run([path, "--no-defaults", "--version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    version = re.search(r"Ver (\S+)", said)
    flavour: Flavour = "mariadb" if "MariaDB" in said else "mysql"
    return ServerBinary(flavour, path.absolute(), version[1]) if version else None


def _found(flavour: Flavour) -> ServerBinary:
    binary = find_server(flavour)
    if binary is None:
        remedy = f"run `contrib/fetch-server {flavour}` in a checkout, or set {VARIABLES[flavour]} to its path"
        raise ServerUnavailableError(f"no {flavour} server was found on this machine: {remedy}")
    return binary


# --- The data directory that servers start from -----------------------------------------------------------------------


def _template(binary: ServerBinary) -> Path:
    """The initialised data directory of this server program; made by the first process that asks, the others wait."""
    cache = _cache_folder()
    identity = f"{binary.executable} {binary.executable.stat().st_mtime_ns} {TEMPLATE_RECIPE}"
    template = cache / f"{binary.flavour}-{binary.version}-{hashlib.sha256(identity.encode()).hexdigest()[:12]}"
    with (cache / f"{template.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not template.exists():
            _initialise_into(template, binary)
    return template


def _cache_folder() -> Path:
    """`.servers/cache` of the checkout, or a folder of the user's own below the temporary one."""
    servers = next((root / ".servers" for root in (Path.cwd(), _CHECKOUT) if (root / ".servers").is_dir()), None)
    if servers and os.access(servers, os.W_OK):
        folder = servers / "cache"
    else:
        folder = Path(tempfile.gettempdir()) / f"fsm-ghost-cache-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise ServerUnavailableError(f"{folder} belongs to somebody else: set TMPDIR to a folder of your own")
    return folder


def _initialise_into(template: Path, binary: ServerBinary) -> None:
    work = Path(tempfile.mkdtemp(prefix=f"{template.name}.", dir=template.parent))
    try:
        data = work / "data"
        data.mkdir(mode=0o750)
        initialise = _initialise_mariadb if binary.flavour == "mariadb" else _initialise_mysql
        initialise(binary, data)
        (data / "auto.cnf").unlink(missing_ok=True)  # each copy is to be a server with a UUID of its own
        data.rename(template)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _initialise_mysql(binary: ServerBinary, data: Path) -> None:
    options = {**_FLAVOUR_DEFAULTS["mysql"], **_TEMPLATE_OPTIONS, "datadir": str(data)}
    _run_to_end(_command(binary, options, "disable-log-bin", "initialize-insecure"), statements="")


def _initialise_mariadb(binary: ServerBinary, data: Path) -> None:
    """What mariadb-install-db does, without the helpers that it needs beside it (resolveip, my_print_defaults)."""
    (data / "mysql").mkdir()
    options = {**_FLAVOUR_DEFAULTS["mariadb"], **_TEMPLATE_OPTIONS, "datadir": str(data)}
    head = "create database if not exists mysql;\nuse mysql;\nset @auth_root_socket=NULL, @skip_auth_anonymous=1;\n"
    _run_to_end(_command(binary, options, "bootstrap"), statements=head + _system_tables(binary))


def _system_tables(binary: ServerBinary) -> str:
    folders = _share_folders(binary)
    files = [folder / name for names in _SYSTEM_TABLES for folder in folders for name in names]
    scripts = [path for path in files if path.is_file()]
    if len(scripts) < len(_SYSTEM_TABLES) - 1:
        looked = ", ".join(map(str, folders))
        raise ServerUnavailableError(f"{binary.executable} came without its *.sql system tables (looked in {looked})")
    return "\n".join(path.read_text(encoding="utf-8", errors="replace") for path in scripts)


def _share_folders(binary: ServerBinary) -> list[Path]:
    """The folder that holds the system tables, of those the server calls its own; empty when none does."""
    said = _run_to_end(_command(binary, {}, "verbose", "help"), statements="")
    paths = dict(re.findall(r"^(basedir|lc-messages-dir)\s+(\S+)$", said, re.MULTILINE))
    base = Path(paths["basedir"])
    candidates = [Path(paths.get("lc-messages-dir", base)), *(base / "share" / sub for sub in ("mysql", "mariadb", ""))]
    return [folder for folder in candidates if list(folder.glob("*_system_tables.sql"))][:1]


def _run_to_end(command: list[str], statements: str) -> str:
    done = subprocess.run(command, input=statements, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode != 0:
        said = (done.stderr or done.stdout)[-2000:]
        raise ServerUnavailableError(f"{command[0]} could not make a data directory:\n{said}")
    return done.stdout


def _command(binary: ServerBinary, options: Options, *flags: str) -> list[str]:
    user = ["--user=root"] if os.geteuid() == 0 else []
    settings = [f"--{name}={value}" for name, value in options.items()]
    return [str(binary.executable), "--no-defaults", *user, *(f"--{flag}" for flag in flags), *settings]


def _hyphenated(options: Options) -> dict[str, str | int]:
    return {name.replace("_", "-"): value for name, value in options.items()}


# --- A running one ----------------------------------------------------------------------------------------------------


class PrivateServer:
    """One server: `start`, `stop`, `kill` and `restart` it, or use it as a context manager.

    options: server options by their names without dashes in front (`{"binlog-row-image": "MINIMAL"}`; `_` and `-` are
    the same). They stand over the defaults: row binlog, full images, durable commits, 128M buffer pool, 16M redo log.

    The server ends with the *thread* that started it (that is how Linux reads PR_SET_PDEATHSIG): start it in one that
    lives long enough, such as the main thread.
    """

    user: Final = "root"
    password: Final = ""
    host: Final = "127.0.0.1"

    def __init__(self, flavour: Flavour = "mariadb", options: Options = NO_OPTIONS, server_id: int = 1) -> None:
        self.binary = _found(flavour)
        self.flavour: Final = flavour
        self.server_id: Final = server_id
        self.options = _hyphenated(options)
        self.port = _free_port()
        self._home: _Home | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    @classmethod
    def replica_of(cls, primary: "PrivateServer", options: Options = NO_OPTIONS, server_id: int = 2) -> Self:
        """A started server that follows `primary` from its first binary log on; stop it like any other."""
        replica = cls(primary.flavour, options, server_id)
        replica.start()
        try:
            replica.follow(primary)
        except BaseException:
            replica.stop()
            raise
        return replica

    @property
    def home(self) -> Path:
        """The server's own folder: data directory, socket, log. Raises ServerUnavailableError before `start`."""
        if self._home is None:
            raise ServerUnavailableError(f"this private {self.flavour} has not been started: call start() first")
        return self._home.path

    @property
    def datadir(self) -> Path:
        """The data directory; there from `start` until `stop`, also after `kill`."""
        return self.home / "data"

    @property
    def socket(self) -> str:
        """The path of the Unix socket."""
        return str(self.home / "socket")

    @property
    def pid(self) -> int:
        """The process id. Raises ServerUnavailableError when the server is not running."""
        if self._process is None:
            raise ServerUnavailableError(f"this private {self.flavour} is not running: call start() first")
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process is alive."""
        return self._process is not None and self._process.poll() is None

    @property
    def log(self) -> str:
        """What the server has written to its error log."""
        return (self.home / "log").read_text(encoding="utf-8", errors="replace")

    def start(self) -> None:
        """Start it and return when it takes connections; after `kill`, on the data that is there.

        Raises ServerUnavailableError with the end of the server's log when it does not come up within 60 seconds.
        """
        if self.running:
            return
        try:
            if self._home is None:
                self._home = _Home()
                shutil.copytree(_template(self.binary), self.datadir)
            self._launch()
            self._await_ready()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End it and remove its folder; harmless when it is not running.

        By force: an orderly end serves the data, which goes with it, and takes a MySQL that replicates ten seconds.
        """
        self._end(signal.SIGKILL)
        if self._home is not None:
            self._home.remove()
            self._home = None

    def kill(self) -> None:
        """End the process as a crash would (SIGKILL); the data stays and `start` recovers it."""
        self._end(signal.SIGKILL)

    def restart(self, options: Options = NO_OPTIONS) -> None:
        """Shut it down in order (by force after 30 seconds) and start it on the same data and port.

        `options` are added to those it had.
        """
        self._end(signal.SIGTERM)
        self.options |= _hyphenated(options)
        self.start()

    def connect(self, database: str | None = None, *, autocommit: bool = True) -> "Connection[Cursor]":
        """A new connection as root through the socket; the caller closes it. Raises `pymysql.err.OperationalError`."""
        return pymysql.connect(
            unix_socket=self.socket,
            ssl_disabled=True,  # MySQL would offer it; nobody can listen to a socket, and it takes longer than all else
            user=self.user,
            database=database,
            charset="utf8mb4",
            autocommit=autocommit,
        )

    def execute(self, *statements: str) -> list[tuple[Any, ...]]:
        """Run the statements on a connection of their own; returns the rows of the last one."""
        with self.connect() as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return list(cursor.fetchall())

    def follow(self, primary: "PrivateServer") -> None:
        """Replicate from `primary` on, by GTID where both have it (MariaDB always, MySQL with gtid-mode=ON)."""
        who = {"HOST": f"'{primary.host}'", "PORT": primary.port, "USER": f"'{primary.user}'", "PASSWORD": "''"}
        if self.flavour == "mariadb":
            address = ", ".join(f"MASTER_{name}={value}" for name, value in who.items())
            self.execute(f"CHANGE MASTER TO {address}, MASTER_USE_GTID=slave_pos", "START SLAVE")
        else:
            address = ", ".join(f"SOURCE_{name}={value}" for name, value in who.items())
            self.execute(f"CHANGE REPLICATION SOURCE TO {address}, {_mysql_start_of(primary)}", "START REPLICA")

    def catch_up(self, primary: "PrivateServer", seconds: float = 10) -> None:
        """Wait until this replica has applied everything that `primary` has logged by now.

        Raises ServerUnavailableError when it does not get there in time; the message carries the replication status.
        """
        status, wait = ("BINARY LOG", "SOURCE") if self.flavour == "mysql" else ("MASTER", "MASTER")
        file, position, *_ = primary.execute(f"SHOW {status} STATUS")[0]
        reached = self.execute(f"SELECT {wait}_POS_WAIT('{file}', {position}, {seconds})")[0][0]
        if reached is None or reached < 0:
            detail = self.execute("SHOW REPLICA STATUS" if self.flavour == "mysql" else "SHOW SLAVE STATUS")
            raise ServerUnavailableError(f"the replica did not reach {file}:{position} in {seconds} s: {detail}")

    def _launch(self) -> None:
        own: Options = {
            "datadir": str(self.datadir),
            "pid-file": str(self.home / "pid"),
            "port": self.port,
            "server-id": self.server_id,
            "socket": self.socket,
            # A server that starts removes what looks like another one's temporary tables.
            "tmpdir": str(self.home),
        }
        command = _command(self.binary, {**_DEFAULTS, **_FLAVOUR_DEFAULTS[self.flavour], **own, **self.options})
        wrapper = [sys.executable, "-I", "-S", "-c", _DIE_WITH_PARENT, str(os.getpid())]
        with (self.home / "log").open("ab") as log:
            self._process = subprocess.Popen(wrapper + command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def _await_ready(self) -> None:
        until = time.monotonic() + STARTED_WITHIN
        while not self._takes_connections():
            if not self.running or time.monotonic() > until:
                raise ServerUnavailableError(f"{self.binary.executable} did not start: {self.log[-3000:]}")
            time.sleep(POLLED_EVERY)

    def _takes_connections(self) -> bool:
        try:
            with socket.socket(socket.AF_UNIX) as probe:  # pymysql would leave its socket open when nobody listens
                probe.connect(self.socket)
            self.connect().close()
        except (OSError, pymysql.err.OperationalError):
            return False
        return True

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(how)
        try:
            process.wait(STOPPED_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        Path(self.socket).unlink(missing_ok=True)


def _mysql_start_of(primary: PrivateServer) -> str:
    if primary.execute("SELECT @@gtid_mode")[0][0] == "ON":
        return "SOURCE_AUTO_POSITION=1, GET_SOURCE_PUBLIC_KEY=1"
    first = primary.execute("SHOW BINARY LOGS")[0][0]
    return f"SOURCE_LOG_FILE='{first}', SOURCE_LOG_POS=4, GET_SOURCE_PUBLIC_KEY=1"


def _free_port() -> int:
    """A port below those the system gives to outgoing connections: nobody takes it while the server is down."""
    return next(port for port in random.sample(PORTS, 200) if _can_be_bound(port))


def _can_be_bound(port: int) -> bool:
    with socket.socket() as probe, suppress(OSError):
        probe.bind(("127.0.0.1", port))
        return True
    return False


class _Home:
    """A server's folder, locked while its owner lives, so that what a killed process left is known and removed."""

    def __init__(self) -> None:
        _remove_abandoned()
        self.path: Final = Path(tempfile.mkdtemp(prefix="fsm-ghost-server-"))
        self._claim = (self.path / "claim").open("w")
        fcntl.flock(self._claim, fcntl.LOCK_EX)

    def remove(self) -> None:
        self._claim.close()
        shutil.rmtree(self.path, ignore_errors=True)


def _remove_abandoned() -> None:
    for claim in Path(tempfile.gettempdir()).glob("fsm-ghost-server-*/claim"):
        with suppress(OSError), _unclaimed(claim):
            shutil.rmtree(claim.parent, ignore_errors=True)


@contextmanager
def _unclaimed(claim: Path) -> Iterator[None]:
    """Hold the claim that nobody holds any more. Raises OSError when somebody does, or may be about to."""
    if time.time() - claim.stat().st_mtime < ABANDONED_AFTER:
        raise BlockingIOError
    with claim.open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
