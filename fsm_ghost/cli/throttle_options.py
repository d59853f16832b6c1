"""The options that say what row copy has to wait for."""

from __future__ import annotations

from fsm_ghost.cli.option import RESUME, START, Group, Kind, Option, Value


def _throttling(
    name: str, kind: Kind, sets: str, help_: str, *, default: Value = "", metavar: str = "", gh_ost: bool = True
) -> Option:
    return Option(
        name, kind, Group.THROTTLE, help_, (START, RESUME), default, metavar, sets=f"throttle.{sets}", gh_ost=gh_ost
    )


THROTTLE: tuple[Option, ...] = (
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
)
