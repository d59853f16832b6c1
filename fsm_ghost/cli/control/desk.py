"""What each command of gh-ost's, and of ours, is answered with: over a socket, over TCP, or without either."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from fsm_ghost.cli.control.asking import ask, give_up
from fsm_ghost.cli.control.reply import Reply, refused, told
from fsm_ghost.cli.control.request import Request, parse
from fsm_ghost.cli.exit_codes import ExitCode
from fsm_ghost.cli.known import refuse_taken_over
from fsm_ghost.cli.ui import words
from fsm_ghost.cli.ui.document import of_status
from fsm_ghost.cli.ui.plain import line
from fsm_ghost.engine.store import Record, Store
from fsm_ghost.engine.tuning import TUNABLE, shown
from fsm_ghost.errors import FsmGhostError, UsageError
from fsm_ghost.model.command import Verb
from fsm_ghost.services.server.profile import sampled

_ASKED_FOR = {
    **dict.fromkeys(("throttle", "pause", "suspend"), Verb.THROTTLE),
    **dict.fromkeys(("no-throttle", "unthrottle", "resume", "continue"), Verb.NO_THROTTLE),
    **dict.fromkeys(("unpostpone", "no-postpone", "cut-over"), Verb.CUT_OVER),
    "postpone": Verb.POSTPONE,
    "rehearse": Verb.REHEARSE,
    "panic": Verb.PANIC,
    "abort": Verb.ABORT,
}
# gh-ost's, which change nothing here.
_WITHOUT_EFFECT = {
    "dml-batch-size": "rows are refreshed as the backlog demands",
    "replication-lag-query": "lag is measured with our own marker: throttle-control-replicas",
}
HELP = f"""\
status, info              everything there is to know
sup                       the same in a line
coordinates               from where in the binlog a resumed run reads
applier, inspector        the server
throttle, pause, suspend  copy, compare and swap nothing for a while
no-throttle, unthrottle, resume, continue
                          go on
postpone                  do not swap the tables until somebody asks for it
unpostpone, no-postpone, cut-over
                          swap as soon as the tables are equal
rehearse                  lock the tables as a swap would, and say what it cost
abort                     give the migration up; its tables are dropped
panic                     stop the run at once; fsm-ghost resume goes on
cpu-profile[=30s]         where the run spends its time
help                      this

NAME=VALUE changes a setting, NAME=? shows it:
{chr(10).join("  " + name for name in TUNABLE)}
The table may be named, and has to be the one that is migrated: throttle=orders"""


@dataclass(frozen=True, slots=True)
class _Case:
    """What a request is about."""

    store: Store
    record: Record
    request: Request


class Desk:
    """Answers what is asked about one migration, and hands on what is asked of it. Any thread.

    It knows nothing of the run but what is in the state file, so it answers the same when nobody runs the migration.
    """

    def __init__(self, state_file: Path, migration: str) -> None:
        self._state_file = state_file
        self._migration = migration
        self._profiling = threading.Lock()

    def answer(self, line_: str) -> str:
        """The answer to a client's line, in the form that it was asked in."""
        try:
            request = parse(line_)
        except UsageError as error:
            return refused(error.message, error.remedy, ExitCode.USAGE).in_words()
        reply = self.reply(request)
        return reply.in_json() if request.wants_json else reply.in_words()

    def reply(self, request: Request) -> Reply:
        """The answer to a request."""
        try:
            with closing(Store.existing(self._state_file)) as store:
                return self._reply(_Case(store, store.find(self._migration), request))
        except FsmGhostError as error:
            return refused(error.message, error.remedy, ExitCode(error.exit_code))

    def _reply(self, case: _Case) -> Reply:
        name = case.request.command
        if name in _QUESTIONS:
            return _QUESTIONS[name](case)
        if name == "cpu-profile":
            return self._profile(case)
        if name in _WITHOUT_EFFECT:
            return refused(f"{name} has no effect here: {_WITHOUT_EFFECT[name]}")
        if name in TUNABLE:
            return _setting(case)
        if name in _ASKED_FOR:
            return _asked_for(case)
        return refused(f"unknown command: {name}", "help lists them.", ExitCode.USAGE)

    def _profile(self, case: _Case) -> Reply:
        if not case.store.is_running(case.record.id):
            return refused("no process of this host runs it", code=ExitCode.STOPPED)
        if not self._profiling.acquire(blocking=False):
            return refused("cpu profiling already in progress")
        try:
            return told(sampled(_seconds(case.request.argument)))
        finally:
            self._profiling.release()


def _seconds(duration: str | None) -> float:
    """How long a profile is to take, written as Go does: 30s, 500ms, 1m."""
    found = re.fullmatch("([0-9]+(?:[.][0-9]+)?)(ms|s|m)", duration or "30s")
    if found is None:
        raise UsageError(f"unrecognized cpu profiling option: {duration}", "cpu-profile=30s")
    return min(300.0, float(found[1]) * {"ms": 0.001, "s": 1, "m": 60}[found[2]])


def _asked_for(case: _Case) -> Reply:
    """Have the run do something; a table that is named must be the one that it migrates."""
    record, named = case.record, case.request.argument
    refuse_taken_over(record)
    verb, control = _ASKED_FOR[case.request.command], record.asked.control
    must = {Verb.CUT_OVER: control.force_named_cut_over, Verb.PANIC: control.force_named_panic}
    if named and named not in {record.table.name, str(record.table)}:
        return refused(f"it migrates {record.table}, not {named}")
    if must.get(verb) and not named:
        return refused(f"{case.request.command} has to name the table: {case.request.command}={record.table.name}")
    if verb is Verb.ABORT:
        return give_up(case.store, record)
    return ask(case.store, record, verb, record.owner if verb is Verb.PANIC else "")


def _setting(case: _Case) -> Reply:
    """Show a setting, or have it changed."""
    name, value = case.request.command, case.request.argument
    if case.request.is_question or value is None:
        now = shown(case.record.asked, name)
        return told(f"{name}: {now}", **{name: now})
    refuse_taken_over(case.record)
    if name == "postpone-cut-over-flag-file" and value.startswith("/") and not case.record.is_finished:
        try:
            Path(value).touch(mode=0o600)
        except OSError as error:
            return refused(f"{value} cannot be made: {error.strerror}")
    return ask(case.store, case.record, Verb.CHANGE, f"{name}={value}")


def _status(case: _Case) -> Reply:
    store, record, now = case.store, case.record, time.time()
    snapshot = store.snapshot(record)
    settings = {name: shown(record.asked, name) for name in TUNABLE}
    text = "\n".join([*_hints(record, settings), line(snapshot, now)])
    return told(text, **of_status(snapshot, store.journal(record.id), now), settings=settings)


def _hints(record: Record, settings: Mapping[str, str]) -> Iterator[str]:
    """What the migration is about, and how it is set up."""
    plan, control = record.progress.plan, record.asked.control
    yield f"# Migrating {record.table}" + (f"; ghost table is {plan.names.ghost}" if plan else "")
    yield f"# Migrating {record.host}; run by {record.owner or 'nobody yet'}"
    yield f"# Migration started at {words.local(record.created_at)}"
    given = [f"{name}: {value}" for name, value in settings.items() if value not in {"empty", "false"}]
    yield f"# {'; '.join(given)}"
    if control.tcp_port:
        yield f"# Serving on TCP port: {control.tcp_host}:{control.tcp_port}"
    if control.http:
        yield f"# Page: http://{control.http}/"
    files = ("throttle-flag-file", "throttle-additional-flag-file", "postpone-cut-over-flag-file")
    paths = {name: settings[name] for name in files} | {"panic-flag-file": control.panic_flag_file or "empty"}
    yield from (f"# {name} is set: {path}" for name, path in paths.items() if Path(path).exists())


def _sup(case: _Case) -> Reply:
    return told(line(case.store.snapshot(case.record), time.time()))


def _coordinates(case: _Case) -> Reply:
    if not case.request.is_question:
        return refused("coordinates are read-only")
    safe = case.record.progress.safe
    return told(f"Coordinates: {safe or 'unknown yet'}", coordinates=str(safe) if safe else None)


def _server(case: _Case) -> Reply:
    record = case.record
    return told(f"Host: {record.host}, server {record.server}", host=record.host, server=record.server)


_QUESTIONS: Mapping[str, Callable[[_Case], Reply]] = {
    "help": lambda _: told(HELP),
    "status": _status,
    "info": _status,
    "sup": _sup,
    "coordinates": _coordinates,
    "applier": _server,
    "inspector": _server,
}
