"""The one table of options: parsing, environment variables, help and Settings all come from it.

Names are gh-ost's wherever it has one, so that its command lines work here. What gh-ost has and we do not is in the
table too: either without effect, with the reason, or in MISSING, since leaving out a protection silently is no service.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a value is; the text stands for it in help."""

    TEXT = "TEXT"
    PATH = "PATH"
    NUMBER = "N"
    DECIMAL = "SECONDS"
    SWITCH = ""


class Group(StrEnum):
    """The sections of --help-all."""

    CHANGE = "What to change"
    SERVER = "The server"
    COPY = "Row copy"
    CUT_OVER = "Cut-over"
    HOOKS = "Hooks"
    DISPLAY = "State file and display"
    DEMO = "The demo"
    GH_OST = "Accepted for gh-ost's sake, without effect"


Value = str | int | float | bool

START, RESUME, STATUS, LIST, CUT_OVER, POSTPONE, REHEARSE, ABORT, CLEANUP, DIAGRAM, DEMO = (
    "start",
    "resume",
    "status",
    "list",
    "cut-over",
    "postpone",
    "rehearse",
    "abort",
    "cleanup",
    "diagram",
    "demo",
)
STEERING = (CUT_OVER, POSTPONE, REHEARSE)
# The argument beside options.
TAKES = {START: "statement"} | dict.fromkeys((RESUME, STATUS, *STEERING, ABORT, CLEANUP), "ID")
_START = (START,)
_CONNECTING = (START, RESUME, ABORT, CLEANUP)
_DRIVING = (START, RESUME, ABORT)
_STORING = (START, RESUME, STATUS, LIST, *STEERING, ABORT, CLEANUP)


@dataclass(frozen=True, slots=True)
class Option:
    """One option.

    `sets` is the field of Settings that it becomes (dotted; `negated` for `--no-…`), empty where a command reads it
    itself. `brief` options are shown by -h, all by --help-all. `remark` is said when it is given.
    """

    name: str
    kind: Kind
    group: Group
    help: str
    commands: tuple[str, ...] = _START
    default: Value = ""
    metavar: str = ""
    short: str = ""
    choices: tuple[str, ...] = ()
    sets: str = ""
    negated: bool = False
    brief: bool = False
    gh_ost: bool = True
    remark: str = ""

    @property
    def flag(self) -> str:
        """As it is typed."""
        return f"--{self.name}"

    @property
    def variable(self) -> str:
        """The environment variable that stands in for it."""
        return "FSM_GHOST_" + self.name.replace("-", "_").upper()

    @property
    def is_switch(self) -> bool:
        """Whether it needs no value."""
        return self.kind is Kind.SWITCH

    @property
    def synopsis(self) -> str:
        """The flag with its value, for help."""
        value = self.metavar or "|".join(self.choices) or self.kind.value
        return f"{self.short + ' ' if self.short else ''}{self.flag}{' ' + value if value else ''}"


def _without_effect(name: str, kind: Kind, why: str, *, remark: bool = False, choices: tuple[str, ...] = ()) -> Option:
    said = f"--{name} has no effect: {why}" if remark else ""
    return Option(name, kind, Group.GH_OST, why, choices=choices, remark=said)


_LEFTOVERS = "leftovers are only dropped when they are proved to be ours: fsm-ghost cleanup ID"
_NO_GUESS = "which columns are renamed is read from the ALTER, not guessed"
_ROW_COUNT = "progress is measured by key range, not by counting rows"

OPTIONS: tuple[Option, ...] = (
    # What to change
    Option(
        "execute",
        Kind.SWITCH,
        Group.CHANGE,
        "really do it; without it: a dry run",
        default=False,
        sets="execute",
        brief=True,
    ),
    Option(
        "database",
        Kind.TEXT,
        Group.CHANGE,
        "the table's schema",
        (START, RESUME),
        metavar="NAME",
        sets="schema",
        brief=True,
    ),
    Option("table", Kind.TEXT, Group.CHANGE, "the table", (START, RESUME), metavar="NAME", sets="table", brief=True),
    Option(
        "alter",
        Kind.TEXT,
        Group.CHANGE,
        "its clauses, or the whole statement",
        metavar="CLAUSES",
        sets="alter",
        brief=True,
    ),
    # The server
    Option(
        "host",
        Kind.TEXT,
        Group.SERVER,
        "the server: the primary",
        _CONNECTING,
        default="127.0.0.1",
        metavar="NAME",
        sets="server.host",
        brief=True,
    ),
    Option("port", Kind.NUMBER, Group.SERVER, "its port", _CONNECTING, default=3306, sets="server.port", brief=True),
    Option(
        "socket",
        Kind.PATH,
        Group.SERVER,
        "its Unix socket, instead of host and port",
        _CONNECTING,
        short="-S",
        sets="server.socket",
        brief=True,
        gh_ost=False,
    ),
    Option("user", Kind.TEXT, Group.SERVER, "the account", _CONNECTING, metavar="NAME", sets="server.user", brief=True),
    Option("ask-pass", Kind.SWITCH, Group.SERVER, "ask for its password", _CONNECTING, default=False, brief=True),
    Option(
        "password-file",
        Kind.PATH,
        Group.SERVER,
        "file with the password in its first line",
        _CONNECTING,
        brief=True,
        gh_ost=False,
    ),
    Option(
        "password",
        Kind.TEXT,
        Group.SERVER,
        "the password; better in MYSQL_PWD or a file, since others can see it here for a moment",
        _CONNECTING,
    ),
    Option("ssl", Kind.SWITCH, Group.SERVER, "encrypt connections", _CONNECTING, default=False, sets="server.ssl"),
    Option(
        "ssl-ca",
        Kind.PATH,
        Group.SERVER,
        "the certificate authority's certificate (PEM)",
        _CONNECTING,
        sets="server.ssl_ca",
    ),
    Option(
        "ssl-cert",
        Kind.PATH,
        Group.SERVER,
        "our certificate (PEM)",
        _CONNECTING,
        sets="server.ssl_cert",
    ),
    Option("ssl-key", Kind.PATH, Group.SERVER, "its key (PEM)", _CONNECTING, sets="server.ssl_key"),
    Option(
        "ssl-allow-insecure",
        Kind.SWITCH,
        Group.SERVER,
        "encrypt, but do not check who the server is",
        _CONNECTING,
        default=False,
        sets="server.ssl_allow_insecure",
    ),
    # Row copy
    Option(
        "chunk-size",
        Kind.NUMBER,
        Group.COPY,
        "rows in a chunk; 0: aim at 0.25 s a chunk",
        default=0,
        metavar="ROWS",
        sets="copy.chunk_size",
        brief=True,
    ),
    Option(
        "copy-workers",
        Kind.TEXT,
        Group.COPY,
        "chunks at a time, at most",
        default="auto",
        metavar="N",
        sets="copy.workers",
        brief=True,
        gh_ost=False,
    ),
    Option(
        "index-build",
        Kind.TEXT,
        Group.COPY,
        "indexes that are not unique: build them with the table, or after row copy",
        default="auto",
        choices=("auto", "inline", "deferred"),
        sets="copy.index_build",
        gh_ost=False,
    ),
    Option(
        "no-verify",
        Kind.SWITCH,
        Group.COPY,
        "do not compare the tables before the swap",
        default=False,
        sets="verify",
        negated=True,
        gh_ost=False,
    ),
    # Cut-over
    Option(
        "postpone-cut-over-flag-file",
        Kind.PATH,
        Group.CUT_OVER,
        "hold the swap while this file exists",
        (START, RESUME),
        sets="cut_over.postpone_flag_file",
        brief=True,
    ),
    Option(
        "postpone",
        Kind.SWITCH,
        Group.CUT_OVER,
        "hold the swap until somebody says: fsm-ghost cut-over ID",
        (START, RESUME),
        default=False,
        sets="cut_over.postpone",
        gh_ost=False,
    ),
    Option(
        "cut-over-window",
        Kind.TEXT,
        Group.CUT_OVER,
        "swap between these times of day only (local time); 22:00-04:00 goes over midnight",
        (START, RESUME),
        metavar="HH:MM-HH:MM",
        sets="cut_over.window",
        gh_ost=False,
    ),
    Option(
        "cut-over-kill",
        Kind.TEXT,
        Group.CUT_OVER,
        "kill sessions that keep the table from being locked; list: only say whom yes would kill",
        (START, RESUME),
        default="no",
        choices=("no", "list", "yes"),
        sets="cut_over.kill",
        gh_ost=False,
    ),
    Option(
        "cut-over-kill-age",
        Kind.NUMBER,
        Group.CUT_OVER,
        "only those whose transaction is as old as this",
        (START, RESUME),
        default=5,
        metavar="SECONDS",
        sets="cut_over.kill_age",
        gh_ost=False,
    ),
    Option(
        "cut-over-kill-users",
        Kind.TEXT,
        Group.CUT_OVER,
        "only those of these accounts; without it: of all",
        (START, RESUME),
        metavar="U1,U2",
        sets="cut_over.kill_users",
        gh_ost=False,
    ),
    Option(
        "cut-over-lock-timeout-seconds",
        Kind.DECIMAL,
        Group.CUT_OVER,
        "how long writers may be held up by an attempt to swap",
        default=1.0,
        sets="cut_over.lock_timeout",
    ),
    Option(
        "default-retries",
        Kind.NUMBER,
        Group.CUT_OVER,
        "attempts to swap before it is left to you",
        default=60,
        sets="cut_over.attempts",
    ),
    Option(
        "ok-to-drop-table",
        Kind.SWITCH,
        Group.CUT_OVER,
        "drop the old table in the end instead of keeping it",
        default=False,
        sets="cut_over.drop_old_table",
    ),
    # Hooks
    Option(
        "hooks-path",
        Kind.PATH,
        Group.HOOKS,
        "folder of executables with gh-ost's names (gh-ost-on-success …)",
        (START, RESUME),
        sets="hooks.path",
    ),
    Option("hooks-hint", Kind.TEXT, Group.HOOKS, "handed to hooks as GH_OST_HOOKS_HINT", sets="hooks.hint"),
    Option(
        "hooks-hint-owner",
        Kind.TEXT,
        Group.HOOKS,
        "handed to hooks as GH_OST_HOOKS_HINT_OWNER",
        sets="hooks.hint_owner",
    ),
    Option(
        "hooks-hint-token",
        Kind.TEXT,
        Group.HOOKS,
        "handed to hooks as GH_OST_HOOKS_HINT_TOKEN",
        sets="hooks.hint_token",
    ),
    # State file and display
    Option(
        "retry",
        Kind.SWITCH,
        Group.CHANGE,
        "leave `failed`: its cause is removed",
        (RESUME,),
        default=False,
        brief=True,
        gh_ost=False,
    ),
    Option(
        "from-server",
        Kind.SWITCH,
        Group.CHANGE,
        "go on with what another host has left",
        (RESUME,),
        default=False,
        brief=True,
        gh_ost=False,
    ),
    Option(
        "take-over",
        Kind.SWITCH,
        Group.CHANGE,
        "with --from-server: even while it runs",
        (RESUME,),
        default=False,
        brief=True,
        gh_ost=False,
    ),
    Option(
        "json",
        Kind.SWITCH,
        Group.DISPLAY,
        "as a JSON document, for programs",
        (STATUS, LIST),
        default=False,
        brief=True,
        gh_ost=False,
    ),
    Option(
        "watch",
        Kind.SWITCH,
        Group.DISPLAY,
        "keep showing it; Ctrl-C ends only that",
        (STATUS,),
        default=False,
        brief=True,
        gh_ost=False,
    ),
    Option(
        "all",
        Kind.SWITCH,
        Group.DISPLAY,
        "finished migrations as well",
        (LIST,),
        default=False,
        brief=True,
        gh_ost=False,
    ),
    Option(
        "state-db",
        Kind.PATH,
        Group.DISPLAY,
        "the state file",
        _STORING,
        default="~/.local/state/fsm-ghost/state.db",
        brief=True,
        gh_ost=False,
    ),
    Option(
        "ui",
        Kind.TEXT,
        Group.DISPLAY,
        "auto, live, plain, json or none",
        (*_DRIVING, STATUS),
        default="auto",
        metavar="KIND",
        choices=("auto", "live", "plain", "json", "none"),
        brief=True,
        gh_ost=False,
    ),
    Option("verbose", Kind.SWITCH, Group.DISPLAY, "say more", _DRIVING, default=False),
    Option("debug", Kind.SWITCH, Group.DISPLAY, "say everything", (*_CONNECTING, DEMO), default=False),
    Option("quiet", Kind.SWITCH, Group.DISPLAY, "log errors only", _DRIVING, default=False),
    # The demo
    Option(
        "rows",
        Kind.NUMBER,
        Group.DEMO,
        "rows of the table",
        (DEMO,),
        default=1_000_000,
        brief=True,
        gh_ost=False,
    ),
    Option(
        "server",
        Kind.TEXT,
        Group.DEMO,
        "which server",
        (DEMO,),
        default="mariadb",
        choices=("mariadb", "mysql"),
        brief=True,
        gh_ost=False,
    ),
    Option(
        "no-crash",
        Kind.SWITCH,
        Group.DEMO,
        "do not kill the migration on its way",
        (DEMO,),
        default=False,
        brief=True,
        gh_ost=False,
    ),
    # Accepted for gh-ost's sake
    _without_effect("allow-on-master", Kind.SWITCH, "a migration always runs on the server that is named"),
    _without_effect("allow-master-master", Kind.SWITCH, "a migration always runs on the server that is named"),
    _without_effect("assume-rbr", Kind.SWITCH, "binlog_format is looked at, and never changed"),
    _without_effect("switch-to-rbr", Kind.SWITCH, "binlog_format is looked at, and never changed", remark=True),
    _without_effect("initially-drop-ghost-table", Kind.SWITCH, _LEFTOVERS, remark=True),
    _without_effect("initially-drop-old-table", Kind.SWITCH, _LEFTOVERS, remark=True),
    _without_effect("initially-drop-socket-file", Kind.SWITCH, "there is no socket file"),
    _without_effect("timestamp-old-table", Kind.SWITCH, "the old table's name always carries a time stamp"),
    _without_effect("exact-rowcount", Kind.SWITCH, _ROW_COUNT),
    _without_effect("concurrent-rowcount", Kind.SWITCH, _ROW_COUNT),
    _without_effect("approve-renamed-columns", Kind.SWITCH, _NO_GUESS),
    _without_effect("cut-over", Kind.TEXT, "there is one, and it is atomic", choices=("atomic", "default")),
    _without_effect("cut-over-exponential-backoff", Kind.SWITCH, "it always backs off"),
    _without_effect("exponential-backoff-max-interval", Kind.NUMBER, "30 s at most"),
    _without_effect("force-named-cut-over", Kind.SWITCH, "a command has to name one of several migrations"),
    _without_effect("force-named-panic", Kind.SWITCH, "commands always name their migration"),
    _without_effect("storage-engine", Kind.TEXT, "it is always InnoDB", choices=("innodb", "InnoDB")),
    _without_effect("charset", Kind.TEXT, "connections always use utf8mb4"),
    _without_effect("gtid", Kind.SWITCH, "coordinates are file and position"),
    _without_effect("checkpoint", Kind.SWITCH, "there are always checkpoints"),
    _without_effect("checkpoint-seconds", Kind.NUMBER, "there is one several times a second"),
    _without_effect("panic-on-warnings", Kind.SWITCH, "a row that does not fit always ends the migration"),
    _without_effect("dml-batch-size", Kind.NUMBER, "rows are refreshed as the backlog demands"),
    _without_effect("heartbeat-interval-millis", Kind.NUMBER, "the stream's delay is measured as needed"),
    _without_effect("replica-server-id", Kind.NUMBER, "every run takes an id of its own"),
    _without_effect("binlogsyncer-max-reconnect-attempts", Kind.NUMBER, "it reconnects while there is progress"),
    _without_effect("skip-port-validation", Kind.SWITCH, "the server is known by its identity"),
    _without_effect("skip-metadata-lock-check", Kind.SWITCH, "the swap is proved by its traces"),
    _without_effect("allow-setup-metadata-lock-instruments", Kind.SWITCH, "no instruments are needed"),
    _without_effect("analyze-ghost-table-before-cutover", Kind.SWITCH, "the ghost table is always analysed"),
    _without_effect("gcp", Kind.SWITCH, "nothing is different there"),
    _without_effect("azure", Kind.SWITCH, "nothing is different there"),
    _without_effect("aliyun-rds", Kind.SWITCH, "nothing is different there"),
    _without_effect("stack", Kind.SWITCH, "errors come with what to do next"),
)

# Flags of gh-ost's that would promise something we do not do: what to say instead, where there is something to say.
MISSING: dict[str, str] = {
    "max-load": "There is no throttling by load yet; leave it out if that is all right.",
    "critical-load": "There is no throttling by load yet; leave it out if that is all right.",
    "critical-load-interval-millis": "",
    "critical-load-hibernate-seconds": "",
    "nice-ratio": "",
    "max-lag-millis": "There is no throttling by replication lag yet; leave it out if that is all right.",
    "replication-lag-query": "",
    "throttle-control-replicas": "There is no throttling by replication lag yet; leave it out if that is all right.",
    "throttle-query": "",
    "throttle-http": "",
    "throttle-http-interval-millis": "",
    "throttle-http-timeout-millis": "",
    "ignore-http-errors": "",
    "throttle-flag-file": "",
    "throttle-additional-flag-file": "",
    "panic-flag-file": "To end a migration: fsm-ghost abort ID; to stop it for a while: Ctrl-C, then resume.",
    "serve-socket-file": "To look at a running migration: fsm-ghost status; to end it: fsm-ghost abort ID.",
    "serve-tcp-port": "",
    "hooks-status-interval": "",
    "statsd-addr": "",
    "runtime-metrics-interval": "",
    "assume-master-host": "Name the primary with --host.",
    "master-user": "",
    "master-password": "",
    "mysql-timeout": "",
    "conf": "Credentials come from --ask-pass, --password-file, MYSQL_PWD or FSM_GHOST_PASSWORD.",
    "attempt-instant-ddl": "",
    "allow-nullable-unique-key": "",
    "skip-renamed-columns": "",
    "tungsten": "",
    "discard-foreign-keys": "",
    "skip-foreign-key-checks": "",
    "skip-strict-mode": "",
    "allow-zero-in-date": "",
    "test-on-replica": "",
    "test-on-replica-skip-replica-stop": "",
    "migrate-on-replica": "",
    "include-triggers": "",
    "trigger-suffix": "",
    "remove-trigger-suffix-if-exists": "",
    "resume": "To go on with a migration: fsm-ghost resume.",
    "revert": "",
    "old-table": "",
    "force-table-names": "",
    "check-flag": "",
}


def options_of(command: str) -> tuple[Option, ...]:
    """The options that a command takes, in the order of the table."""
    return tuple(option for option in OPTIONS if command in option.commands)
