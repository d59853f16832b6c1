"""The options that say who may speak to a run, and those that say who is given figures."""

from __future__ import annotations

from fsm_ghost.cli.option import RESUME, START, Group, Kind, Option, Value


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


CONTROLLING: tuple[Option, ...] = (
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
)
METRICS: tuple[Option, ...] = (
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
)
