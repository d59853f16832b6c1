"""The sources that are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from fsm_ghost.model.naming import Names
from fsm_ghost.model.plan import Flavour
from fsm_ghost.mysql.latencies import latencies
from fsm_ghost.mysql.session import Session, connect_arguments
from fsm_ghost.services.throttle.flag_file import FlagFile
from fsm_ghost.services.throttle.lag import Heartbeats, Lag
from fsm_ghost.services.throttle.latency import Latency
from fsm_ghost.services.throttle.load import CriticalLoad, Load
from fsm_ghost.services.throttle.query import Query
from fsm_ghost.services.throttle.source import Wanted
from fsm_ghost.services.throttle.url import Url
from fsm_ghost.settings import Limit, ServerSettings, ThrottleSettings

_MILLI = 1000


@dataclass(frozen=True, slots=True)
class Means:
    """What sources ask with; `session` is opened once, if any of them asks the server that is migrated on."""

    server: ServerSettings
    names: Names
    flavour: Flavour
    heartbeats: Heartbeats
    session: Callable[[], Session]


def wanted(settings: ThrottleSettings, means: Means) -> Iterator[Wanted]:
    """All of them. Owner thread only: the session is opened here."""
    for path in filter(None, (settings.flag_file, settings.additional_flag_file)):
        yield Wanted(("file", path), partial(FlagFile, path))
    yield from _by_server(settings, means)
    if settings.http:
        every, timeout = settings.http_interval_millis / _MILLI, settings.http_timeout_millis / _MILLI
        ignore = settings.ignore_http_errors
        made = partial(Url, settings.http, every=every, timeout=timeout, ignore_errors=ignore)
        yield Wanted(("http", settings.http, every, timeout, ignore), made)
    limit = settings.max_lag_millis / _MILLI
    for host, port in settings.replicas():
        there = replace(means.server, host=host, port=port, socket="")
        opened = partial(_open_replica, there)
        lag = partial(Lag, there.address, means.names.changelog, means.heartbeats, limit, opened)
        yield Wanted(("lag", there.address, limit), lag)


def _by_server(settings: ThrottleSettings, means: Means) -> Iterator[Wanted]:
    """Those that ask the server that is migrated on."""
    if settings.critical_load:
        limits = Limit.parse("--critical-load", settings.critical_load)
        interval, rest = settings.critical_interval_millis / _MILLI, settings.hibernate
        made = partial(CriticalLoad, means.session(), limits, interval=interval, rest=rest)
        yield Wanted(("critical load", limits, interval, rest), made)
    if settings.max_load:
        limits = Limit.parse("--max-load", settings.max_load)
        yield Wanted(("load", limits), partial(Load, means.session(), limits))
    if settings.max_latency_growth:
        read = partial(latencies, means.session(), means.flavour, means.names.original, means.names.ghost)
        growth = settings.max_latency_growth
        yield Wanted(("latency", growth), partial(Latency, read, growth))
    if settings.query:
        yield Wanted(("query", settings.query), partial(Query, means.session(), settings.query))


def _open_replica(server: ServerSettings) -> Session:
    return Session(connect_arguments(server) | {"read_timeout": 5}, f"connecting to {server.address}")
