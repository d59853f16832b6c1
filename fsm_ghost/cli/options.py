"""The one table of options: command line, variables, profiles, option files, help, completion and pages come from it.

Names are gh-ost's wherever it has one, so that its command lines work here. What gh-ost has and we do not is in the
table too (`gh_ost`): without effect, with the reason, or refused, since leaving out a protection silently is no
service.
"""

from __future__ import annotations

from fsm_ghost.cli.gh_ost import REFUSED, WITHOUT_EFFECT
from fsm_ghost.cli.hook_options import HOOKS
from fsm_ghost.cli.option import (
    AS_START,
    CONFIG,
    CONNECTING,
    CONTROL,
    DEMO,
    DRIVING,
    HISTORY,
    LIST,
    PLAN,
    REPORT,
    RESUME,
    START,
    STATUS,
    STORING,
    Group,
    Kind,
    Option,
    Value,
)
from fsm_ghost.cli.server_options import ORIGIN, SERVER


def _throttling(
    name: str, kind: Kind, sets: str, help_: str, *, default: Value = "", metavar: str = "", gh_ost: bool = True
) -> Option:
    return Option(
        name, kind, Group.THROTTLE, help_, (START, RESUME), default, metavar, sets=f"throttle.{sets}", gh_ost=gh_ost
    )


def _controlling(
    name: str, kind: Kind, sets: str, help_: str, *, default: Value = "", metavar: str = "", gh_ost: bool = True
) -> Option:
    return Option(
        name, kind, Group.CONTROL, help_, (START, RESUME), default, metavar, sets=f"control.{sets}", gh_ost=gh_ost
    )


def _measuring(
    name: str, kind: Kind, sets: str, help_: str, *, default: Value = "", metavar: str = "", gh_ost: bool = False
) -> Option:
    return Option(
        name, kind, Group.METRICS, help_, (START, RESUME), default, metavar, sets=f"metrics.{sets}", gh_ost=gh_ost
    )


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
    *SERVER,
    *ORIGIN,
    # Row copy
    Option(
        "chunk-size",
        Kind.NUMBER,
        Group.COPY,
        "rows in a chunk; 0: aim at 0.25 s a chunk",
        (START, RESUME),
        default=0,
        metavar="ROWS",
        sets="copy.chunk_size",
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
        "map",
        Kind.TEXT,
        Group.CHANGE,
        "which column becomes which, where the ALTER leaves it open",
        metavar="OLD=NEW,...",
        sets="definition.mapped",
        gh_ost=False,
    ),
    Option(
        "allow-lossy",
        Kind.TEXT,
        Group.CHANGE,
        "what may become of values that do not fit: truncate, clamp or default",
        metavar="COLUMN=HOW,...",
        sets="definition.lossy",
        gh_ost=False,
    ),
    Option(
        "quarantine",
        Kind.SWITCH,
        Group.CHANGE,
        "rows that do not fit hold up the swap, and nothing else",
        default=False,
        sets="definition.quarantine",
        gh_ost=False,
    ),
    Option(
        "migrate-on-replica",
        Kind.SWITCH,
        Group.CHANGE,
        "change a replica alone; what it is sent must go on fitting it",
        default=False,
        sets="where",
    ),
    Option(
        "test-on-replica",
        Kind.SWITCH,
        Group.CHANGE,
        "try it on a replica: all but the swap; replication is left running",
        default=False,
        sets="where",
    ),
    Option(
        "attempt-instant-ddl",
        Kind.SWITCH,
        Group.CHANGE,
        "let the server change the table by itself if it can do so at once",
        default=False,
        sets="definition.attempt_instant",
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
        "sample-seconds",
        Kind.DECIMAL,
        Group.COPY,
        "how long a dry run copies a sample into its own table, to say what it will cost",
        default=2.0,
        sets="copy.sample_seconds",
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
    # Throttling
    _throttling(
        "max-load",
        Kind.TEXT,
        "max_load",
        "no row copy while one of these is reached: Threads_running=25,...",
        metavar="LIMITS",
    ),
    _throttling(
        "critical-load",
        Kind.TEXT,
        "critical_load",
        "stop, with a checkpoint, when one of these is reached",
        metavar="LIMITS",
    ),
    _throttling(
        "critical-load-interval-millis",
        Kind.NUMBER,
        "critical_interval_millis",
        "stop only if it is reached still, or again, so much later",
        default=0,
        metavar="MS",
    ),
    _throttling(
        "critical-load-hibernate-seconds",
        Kind.NUMBER,
        "hibernate",
        "do not stop at the critical load: rest for so long",
        default=0,
        metavar="SECONDS",
    ),
    _throttling(
        "nice-ratio",
        Kind.DECIMAL,
        "nice_ratio",
        "rest after each chunk, so many times as long as it took",
        default=0.0,
        metavar="RATIO",
    ),
    _throttling(
        "max-lag-millis",
        Kind.NUMBER,
        "max_lag_millis",
        "no row copy while a control replica is so far behind",
        default=1500,
        metavar="MS",
    ),
    _throttling(
        "max-latency-growth",
        Kind.NUMBER,
        "max_latency_growth",
        "no row copy while the application's statements on the table take longer than without it by so much",
        default=0,
        metavar="PERCENT",
        gh_ost=False,
    ),
    _throttling(
        "throttle-control-replicas", Kind.TEXT, "control_replicas", "replicas whose lag counts", metavar="HOST:PORT,..."
    ),
    _throttling(
        "throttle-query", Kind.TEXT, "query", "no row copy while this returns anything but 0", metavar="SELECT"
    ),
    _throttling(
        "throttle-http", Kind.TEXT, "http", "no row copy while this does not answer a HEAD with 200", metavar="URL"
    ),
    _throttling(
        "throttle-http-interval-millis",
        Kind.NUMBER,
        "http_interval_millis",
        "how often it is asked",
        default=100,
        metavar="MS",
    ),
    _throttling(
        "throttle-http-timeout-millis",
        Kind.NUMBER,
        "http_timeout_millis",
        "how long it may take to answer",
        default=1000,
        metavar="MS",
    ),
    _throttling(
        "ignore-http-errors",
        Kind.SWITCH,
        "ignore_http_errors",
        "copy on while it does not answer at all",
        default=False,
    ),
    _throttling("throttle-flag-file", Kind.PATH, "flag_file", "no row copy while this file exists"),
    _throttling(
        "throttle-additional-flag-file", Kind.PATH, "additional_flag_file", "a second one, for all migrations of a host"
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
        "make-postpone-flag-file",
        Kind.SWITCH,
        Group.CUT_OVER,
        "make that file when the migration is begun, as gh-ost does",
        default=False,
        gh_ost=False,
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
        (START, RESUME),
        default=1.0,
        sets="cut_over.lock_timeout",
    ),
    Option(
        "default-retries",
        Kind.NUMBER,
        Group.CUT_OVER,
        "attempts to swap before it is left to you",
        (START, RESUME),
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
    *HOOKS,
    # Control while it runs
    _controlling("serve-socket-file", Kind.PATH, "socket_file", "the socket; without it: beside the state file"),
    _controlling("serve-tcp-port", Kind.NUMBER, "tcp_port", "a port as well, for who knows the token", default=0),
    _controlling(
        "serve-tcp-host",
        Kind.TEXT,
        "tcp_host",
        "the address of that port; nothing is encrypted",
        default="127.0.0.1",
        metavar="NAME",
        gh_ost=False,
    ),
    _controlling("serve-token-file", Kind.PATH, "token_file", "file with the token in its first line", gh_ost=False),
    _controlling(
        "http",
        Kind.TEXT,
        "http",
        "a page for browsers; commands, and reading from other hosts, need the token",
        metavar="HOST:PORT",
        gh_ost=False,
    ),
    _controlling(
        "allow-throttle-query-commands",
        Kind.SWITCH,
        "allow_throttle_query",
        "commands may change --throttle-query",
        default=False,
        gh_ost=False,
    ),
    _controlling(
        "force-named-cut-over", Kind.SWITCH, "force_named_cut_over", "cut-over=TABLE, not cut-over", default=False
    ),
    _controlling("force-named-panic", Kind.SWITCH, "force_named_panic", "panic=TABLE, not panic", default=False),
    _controlling("panic-flag-file", Kind.PATH, "panic_flag_file", "stop the run when this file exists"),
    # Metrics
    _measuring("metrics-port", Kind.NUMBER, "port", "a port where Prometheus finds /metrics", default=0),
    _measuring("metrics-host", Kind.TEXT, "host", "the address of that port", default="127.0.0.1", metavar="NAME"),
    _measuring("metrics-file", Kind.PATH, "file", "a file for node_exporter's textfile collector (*.prom)"),
    _measuring(
        "statsd-addr",
        Kind.TEXT,
        "statsd_addr",
        "a StatsD server; metrics have gh-ost's names",
        metavar="HOST:PORT",
        gh_ost=True,
    ),
    _measuring("statsd-tags", Kind.TEXT, "statsd_tags", "tags for it", metavar="KEY:VALUE,...", gh_ost=True),
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
        (PLAN, STATUS, REPORT, HISTORY, LIST, CONTROL, CONFIG),
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
        STORING,
        default="~/.local/state/fsm-ghost/state.db",
        brief=True,
        gh_ost=False,
    ),
    Option(
        "report-path",
        Kind.PATH,
        Group.DISPLAY,
        "folder for report.txt and report.json in the end [reports/ID beside the state file]",
        DRIVING,
        metavar="FOLDER",
        gh_ost=False,
    ),
    Option(
        "ui",
        Kind.TEXT,
        Group.DISPLAY,
        "auto, live, plain, json, gh-ost or none",
        (*DRIVING, STATUS),
        default="auto",
        metavar="KIND",
        choices=("auto", "live", "plain", "json", "gh-ost", "none"),
        brief=True,
        gh_ost=False,
    ),
    Option("verbose", Kind.SWITCH, Group.DISPLAY, "say more", DRIVING, default=False),
    Option("debug", Kind.SWITCH, Group.DISPLAY, "say everything", (*CONNECTING, DEMO), default=False),
    Option("quiet", Kind.SWITCH, Group.DISPLAY, "log errors only", DRIVING, default=False),
    Option(
        "check-flag",
        Kind.SWITCH,
        Group.DISPLAY,
        "do nothing: exit code 0 when every flag is known and none is refused",
        default=False,
    ),
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
    *WITHOUT_EFFECT,
    *REFUSED,
)


def options_of(command: str) -> tuple[Option, ...]:
    """The options that a command takes, in the order of the table; some take those of `start`, and their own."""
    commands = {command, START} if command in AS_START else {command}
    return tuple(
        option for option in OPTIONS if commands & set(option.commands) and (command, option.name) != (PLAN, "execute")
    )
