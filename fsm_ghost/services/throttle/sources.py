"""The sources that were asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

from fsm_ghost.model.naming import TableName
from fsm_ghost.mysql.session import Session, connect_arguments
from fsm_ghost.services.throttle.flag_file import FlagFile
from fsm_ghost.services.throttle.lag import Heartbeats, Lag
from fsm_ghost.services.throttle.load import CriticalLoad, Load
from fsm_ghost.services.throttle.query import Query
from fsm_ghost.services.throttle.source import Source
from fsm_ghost.services.throttle.url import Url
from fsm_ghost.settings import Limit, ServerSettings, ThrottleSettings

_MILLI = 1000


def sources(
    settings: ThrottleSettings,
    server: ServerSettings,
    changelog: TableName,
    heartbeats: Heartbeats,
    open_session: Callable[[], Session],
) -> Iterator[Source]:
    """All of them; `open_session` is called once, if any of them asks the server that is migrated on."""
    for path in filter(None, (settings.flag_file, settings.additional_flag_file)):
        yield FlagFile(path)
    limits = Limit.parse("--max-load", settings.max_load)
    critical = Limit.parse("--critical-load", settings.critical_load)
    session = open_session() if limits or critical or settings.query else None
    if session is not None and critical:
        interval = settings.critical_interval_millis / _MILLI
        yield CriticalLoad(session, critical, interval=interval, rest=settings.hibernate)
    if session is not None and limits:
        yield Load(session, limits)
    if session is not None and settings.query:
        yield Query(session, settings.query)
    if settings.http:
        every, timeout = settings.http_interval_millis / _MILLI, settings.http_timeout_millis / _MILLI
        yield Url(settings.http, every=every, timeout=timeout, ignore_errors=settings.ignore_http_errors)
    for host, port in settings.replicas():
        there = replace(server, host=host, port=port, socket="")
        opened = partial(_open_replica, there)
        yield Lag(there.address, changelog, heartbeats, settings.max_lag_millis / _MILLI, opened)


def _open_replica(server: ServerSettings) -> Session:
    return Session(connect_arguments(server) | {"read_timeout": 5}, f"connecting to {server.address}")
