"""What the user asked for: frozen groups, validated once."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import time
from enum import StrEnum
from ipaddress import ip_address

from fsm_ghost.errors import UsageError
from fsm_ghost.model.plan import Lossy


class Encryption(StrEnum):
    """What is demanded of a connection, in MySQL's words."""

    DISABLED = "DISABLED"
    PREFERRED = "PREFERRED"  # where the server offers it; not on a socket of this host
    REQUIRED = "REQUIRED"
    VERIFY_CA = "VERIFY_CA"  # and the certificate is signed by an authority that we know
    VERIFY_IDENTITY = "VERIFY_IDENTITY"  # and it is for the host that we asked for


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """How to reach the server. The password is never stored, shown, or put into a representation.

    `connect_timeout` is in seconds.
    """

    host: str = "127.0.0.1"
    port: int = 3306
    user: str = ""
    socket: str = ""
    encryption: Encryption = Encryption.PREFERRED
    ssl_ca: str = ""
    ssl_cert: str = ""
    ssl_key: str = ""
    connect_timeout: float = 10.0
    password: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        if not 0 < self.port < 2**16:
            raise UsageError(f"--port must lie between 1 and 65535, not {self.port}")
        _within("--mysql-timeout", self.connect_timeout, 0.1, 3600)

    @property
    def address(self) -> str:
        """For messages: where the server is."""
        return self.socket or f"{self.host}:{self.port}"

    def without_secrets(self) -> ServerSettings:
        """The same, fit to be stored."""
        return replace(self, password="")


class Where(StrEnum):
    """On which kind of server a migration runs."""

    PRIMARY = "primary"
    REPLICA = "replica"  # that alone is changed
    TEST = "test"  # a replica: the tables are compared, and not swapped


@dataclass(frozen=True, slots=True)
class DefinitionSettings:
    """How the new definition is to be taken.

    `mapped` are columns that become others, in the user's words; `lossy` says for which columns values that do not fit
    may become others. With `quarantine` rows that do not fit only hold up the swap. With `attempt_instant` the server
    is to change the table by itself, if it can do so in its dictionary alone.
    """

    mapped: tuple[tuple[str, str], ...] = ()
    lossy: tuple[tuple[str, Lossy], ...] = ()
    quarantine: bool = False
    attempt_instant: bool = False


class IndexBuild(StrEnum):
    """When the ghost table gets its secondary indexes that are not unique."""

    AUTO = "auto"
    INLINE = "inline"  # with the table: row copy keeps them up
    DEFERRED = "deferred"  # after row copy, by one online ALTER TABLE


@dataclass(frozen=True, slots=True)
class CopySettings:
    """Row copy: `chunk_size` rows in a chunk, or 0 to aim at `chunk_seconds`.

    `workers` is how many chunks are copied at the same time, at most; 0: up to half of the server's cores, 8 at most.
    A dry run copies a sample for `sample_seconds` to make its forecast; 0: it makes none.
    """

    chunk_size: int = 0
    chunk_seconds: float = 0.25
    workers: int = 0
    index_build: IndexBuild = IndexBuild.AUTO
    sample_seconds: float = 2.0

    def __post_init__(self) -> None:
        _within("--chunk-size", self.chunk_size, 0, 1_000_000)
        _within("--copy-workers", self.workers, 0, 32)
        _within("--sample-seconds", self.sample_seconds, 0, 600)


@dataclass(frozen=True, slots=True)
class Window:
    """A time of day, from `begins` up to `ends`, over midnight if it ends before it begins."""

    begins: time
    ends: time

    @classmethod
    def parse(cls, text: str) -> Window:
        """The window written as HH:MM-HH:MM; UsageError when it is not, or would never be open."""
        match = re.fullmatch("([0-9]{2}:[0-9]{2})-([0-9]{2}:[0-9]{2})", text)
        try:
            begins, ends = (time.fromisoformat(part) for part in (match.groups() if match else ()))
        except ValueError:
            raise UsageError(f"--cut-over-window must be written as 02:00-04:00, not {text}") from None
        if begins == ends:
            raise UsageError(f"--cut-over-window {text} is never open")
        return cls(begins, ends)

    def is_open(self, now: time) -> bool:
        """Whether a time of day lies in it."""
        if self.begins <= self.ends:
            return self.begins <= now < self.ends
        return now >= self.begins or now < self.ends


class Kill(StrEnum):
    """What to do about sessions that keep the table from being locked."""

    NO = "no"
    LIST = "list"  # say whom `yes` would kill
    YES = "yes"


@dataclass(frozen=True, slots=True)
class CutOverSettings:
    """The swap: writers wait at most `lock_timeout` seconds for it; after `attempts` it is left to a person.

    It is held up while `postpone_flag_file` exists, outside of `window` ("02:00-04:00", local time), and with
    `postpone` until somebody says so. `kill` sessions of `kill_users` (all, if there are none) whose transaction is
    `kill_age` seconds old.
    """

    lock_timeout: float = 1.0
    attempts: int = 60
    postpone_flag_file: str = ""
    drop_old_table: bool = False
    postpone: bool = False
    window: str = ""
    kill: Kill = Kill.NO
    kill_age: int = 5
    kill_users: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.window:
            Window.parse(self.window)
        _within("--cut-over-kill-age", self.kill_age, 0, 86_400)
        _within("--cut-over-lock-timeout-seconds", self.lock_timeout, 0.1, 60)
        _within("--default-retries", self.attempts, 1, 100_000)


@dataclass(frozen=True, slots=True)
class Limit:
    """A status variable of the server, and the value from which on it is too high."""

    variable: str
    value: int

    @classmethod
    def parse(cls, flag: str, text: str) -> tuple[Limit, ...]:
        """The limits in a list such as Threads_running=25,Threads_connected=300; UsageError when it is none."""
        found = []
        for part in filter(None, (part.strip() for part in text.split(","))):
            match = re.fullmatch(r"(\w+)\s*=\s*([0-9]+)", part)
            if match is None:
                raise UsageError(f"{flag} must be written as Threads_running=25,Threads_connected=300, not {part}")
            found.append(cls(match[1], int(match[2])))
        return tuple(found)


@dataclass(frozen=True, slots=True)
class ThrottleSettings:
    """What row copy has to wait for, and when a run has to stop: see docs/explanation/throttling.md.

    `max_load` and `critical_load` are lists of limits, `control_replicas` is one of HOST:PORT. After a critical load a
    run rests for `hibernate` seconds; 0: it stops. The application may become slower by `max_latency_growth` percent;
    0: that is not looked at.
    """

    max_load: str = ""
    critical_load: str = ""
    critical_interval_millis: int = 0
    hibernate: int = 0
    nice_ratio: float = 0.0
    max_lag_millis: int = 1500
    max_latency_growth: int = 0
    control_replicas: str = ""
    query: str = ""
    http: str = ""
    http_interval_millis: int = 100
    http_timeout_millis: int = 1000
    ignore_http_errors: bool = False
    flag_file: str = ""
    additional_flag_file: str = ""

    def __post_init__(self) -> None:
        Limit.parse("--max-load", self.max_load)
        Limit.parse("--critical-load", self.critical_load)
        _within("--nice-ratio", self.nice_ratio, 0, 100)
        _within("--max-latency-growth", self.max_latency_growth, 0, 10_000)
        _within("--max-lag-millis", self.max_lag_millis, 100, 86_400_000)
        _within("--throttle-http-interval-millis", self.http_interval_millis, 10, 3_600_000)
        _within("--throttle-http-timeout-millis", self.http_timeout_millis, 10, 60_000)
        _within("--critical-load-interval-millis", self.critical_interval_millis, 0, 86_400_000)
        _within("--critical-load-hibernate-seconds", self.hibernate, 0, 86_400)
        if self.http and not _is_url(self.http):
            raise UsageError(
                "--throttle-http must begin with http:// or https:// and a host, without an account before it"
            )
        self.replicas()

    def replicas(self) -> tuple[tuple[str, int], ...]:
        """Host and port of each control replica; UsageError for what is none."""
        found = []
        for part in filter(None, (part.strip() for part in self.control_replicas.split(","))):
            match = re.fullmatch(r"(?:\[([^\]]+)\]|([^:\[\]]+))(?::([0-9]{1,5}))?", part)
            if match is None:
                raise UsageError(f"--throttle-control-replicas must be written as HOST:PORT,HOST:PORT, not {part}")
            found.append((match[1] or match[2], int(match[3] or 3306)))
        return tuple(found)


def masked(text: str) -> str:
    """A text whose URLs have neither their account nor their query, which may hold a token: for people."""
    return re.sub(r"(https?://)(?:[^\s?]*@)?([^\s?]*)(\?\S+)?", _without_secrets, text)


def _without_secrets(url: re.Match[str]) -> str:
    return f"{url[1]}{url[2]}{'?(not shown)' if url[3] else ''}"


@dataclass(frozen=True, slots=True)
class ControlSettings:
    """Who may ask what of a running migration, and where: see docs/how-to/control-a-running-migration.md.

    `socket_file` is empty for the one beside the state file. Over TCP whoever shows the first line of `token_file` is
    heard. Browsers find the page at `http`, HOST:PORT: where others than this host can reach it they need the token for
    everything, elsewhere for commands. The run stops when there is a `panic_flag_file`.
    """

    socket_file: str = ""
    tcp_port: int = 0
    tcp_host: str = "127.0.0.1"
    token_file: str = ""
    http: str = ""
    allow_throttle_query: bool = False
    force_named_cut_over: bool = False
    force_named_panic: bool = False
    panic_flag_file: str = ""

    def __post_init__(self) -> None:
        _within("--serve-tcp-port", self.tcp_port, 0, 65_535)
        if self.tcp_port and not self.token_file:
            raise UsageError(
                "--serve-tcp-port needs --serve-token-file PATH", "Whoever shows the token in its first line is heard."
            )
        if self.http and not is_loopback(self.page()[0]) and not self.token_file:
            raise UsageError(
                f"--http {self.http} can be reached from elsewhere, and needs --serve-token-file PATH",
                "Or listen on 127.0.0.1, and go through SSH: ssh -L 9105:127.0.0.1:9105 HOST",
            )

    def page(self) -> tuple[str, int]:
        """Host and port of the page; UsageError when `http` says none."""
        match = re.fullmatch(r"(?:\[([^\]]+)\]|([^:\[\]]+)):([0-9]{1,5})", self.http)
        if match is None or not 0 < int(match[3]) < 2**16:
            raise UsageError(f"--http must be written as 127.0.0.1:9105, not {self.http}")
        return match[1] or match[2], int(match[3])


@dataclass(frozen=True, slots=True)
class MetricsSettings:
    """Who is given figures: Prometheus at a port (0: nobody) or by a file, StatsD at an address, with tags."""

    port: int = 0
    host: str = "127.0.0.1"
    file: str = ""
    statsd_addr: str = ""
    statsd_tags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _within("--metrics-port", self.port, 0, 65_535)


@dataclass(frozen=True, slots=True)
class HookSettings:
    """Hooks: executables in `path`; the hints are handed to them. Times are in seconds.

    `status_interval` is the time between hooks that tell the status; 0: there are none. `notify_url` is told of every
    moment.
    """

    path: str = ""
    hint: str = ""
    hint_owner: str = ""
    hint_token: str = field(default="", repr=False)
    timeout: float = 600.0
    status_interval: int = 60
    notify_url: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        _within("--hooks-timeout", self.timeout, 0.1, 86_400)
        _within("--hooks-status-interval", self.status_interval, 0, 86_400)
        if self.notify_url and not _is_url(self.notify_url):
            raise UsageError(
                "--notify-url must begin with http:// or https:// and a host, without an account before it",
                "A key that is needed there may be part of its path.",
            )


@dataclass(frozen=True, slots=True)
class Settings:
    """One migration, as it was asked for."""

    server: ServerSettings
    schema: str
    table: str
    alter: str
    execute: bool = False
    verify: bool = True
    where: Where = Where.PRIMARY
    definition: DefinitionSettings = field(default_factory=DefinitionSettings)
    copy: CopySettings = field(default_factory=CopySettings)
    cut_over: CutOverSettings = field(default_factory=CutOverSettings)
    throttle: ThrottleSettings = field(default_factory=ThrottleSettings)
    hooks: HookSettings = field(default_factory=HookSettings)
    control: ControlSettings = field(default_factory=ControlSettings)
    metrics: MetricsSettings = field(default_factory=MetricsSettings)

    def __post_init__(self) -> None:
        for flag, value in (("--database", self.schema), ("--table", self.table), ("--alter", self.alter)):
            if not value.strip():
                raise UsageError(f"{flag} is missing", "See: fsm-ghost start -h")
        if self.where is Where.TEST and not self.verify:
            raise UsageError("--test-on-replica and --no-verify contradict each other: a test is the comparison")

    def without_secrets(self) -> Settings:
        """The same, fit to be stored."""
        return replace(self, server=self.server.without_secrets())


def _is_url(text: str) -> bool:
    """Whether a text is a URL that urllib can ask: it takes an account for a part of the host's name."""
    return re.match(r"https?://[^/?#@]+([/?#]|$)", text) is not None


def is_loopback(host: str) -> bool:
    """Whether only this host can reach an address. A name other than localhost can mean anything."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _within(flag: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        raise UsageError(f"{flag} must lie between {least:g} and {most:g}, not {value:g}")
