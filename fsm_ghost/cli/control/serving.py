"""Opens the doors of a running migration, and begins to report about it, once it is ours; ends it with the run."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Self

from fsm_ghost.cli.control.asking import socket_of
from fsm_ghost.cli.control.desk import Desk
from fsm_ghost.cli.control.gauges import Closable, Look, begin
from fsm_ghost.cli.control.request import Request
from fsm_ghost.cli.page.gate import Gate
from fsm_ghost.cli.page.site import Site
from fsm_ghost.engine.store import Record, Store
from fsm_ghost.errors import FsmGhostError, StoppedError
from fsm_ghost.services.server.doors import Door, http_door, tcp_door, unix_door
from fsm_ghost.services.server.http import Http
from fsm_ghost.services.server.listener import Lines, Listener
from fsm_ghost.services.server.ticker import Ticker
from fsm_ghost.settings import ControlSettings, is_loopback

log = logging.getLogger(__name__)


PANIC_EVERY = 0.5  # seconds between looks for the panic flag file


class Serving:
    """The doors of one run. `begin` and leaving the `with` belong to the thread that drives it."""

    def __init__(self, store: Store, migration: str) -> None:
        self._store = store
        self._migration = migration
        self._begun: list[Closable] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, traceback: object, /) -> None:
        for each in reversed(self._begun):
            each.close()

    def begin(self) -> None:
        """Listen, if nobody does yet. To be called by who holds the migration: what lies there then is a dead run's.

        StoppedError for what was asked for and cannot be had: nobody is to believe that he is heard.
        """
        if self._begun:
            return
        record = self._store.find(self._migration)
        try:
            self._begin(record)
        except FsmGhostError as error:
            again = f"Then, or with another option in its place: fsm-ghost resume {record.short_id}"
            raise StoppedError(error.message, "\n".join(filter(None, (error.remedy, again)))) from error

    def _begin(self, record: Record) -> None:
        doors = self._doors(record)
        desk = Desk(self._store.path, self._migration)
        self._begun.append(Listener(doors, Lines(desk.answer)))
        log.info("listening at %s", ", ".join(door.shown for door in doors) or "no door")
        if record.asked.control.http:
            self._begun.append(self._page(record.asked.control, desk))
        if record.asked.control.panic_flag_file:
            flag = _PanicFlag(Path(record.asked.control.panic_flag_file), desk, record.table.name)
            self._begun.append(Ticker("panic-flag", PANIC_EVERY, flag.look))
        for each in begin(self._store.path, record):
            self._begun.append(each)

    def _page(self, settings: ControlSettings, desk: Desk) -> Listener:
        """Browsers have threads of their own: whoever fills them keeps nobody from the socket."""
        host, port = settings.page()
        door = http_door(host, port, Path(settings.token_file) if settings.token_file else None)
        gate = Gate(host, door.token, is_local=is_loopback(host))
        log.info("the page is at http://%s/", settings.http)
        return Listener([door], Http(Site(Look(self._store.path, self._migration), desk.answer, gate).respond))

    def _doors(self, record: Record) -> list[Door]:
        settings = record.asked.control
        doors: list[Door] = []
        try:
            doors += self._unix_door(record, settings)
            if settings.tcp_port:
                doors.append(tcp_door(settings.tcp_host, settings.tcp_port, Path(settings.token_file)))
        except FsmGhostError:
            for door in doors:
                door.close()
            raise
        return doors

    def _unix_door(self, record: Record, settings: ControlSettings) -> list[Door]:
        """Nobody has asked for the one beside the state file; without it there is still the state file itself."""
        try:
            return [unix_door(socket_of(self._store, record))]
        except FsmGhostError as error:
            if settings.socket_file:
                raise
            log.warning("%s; commands are taken from the state file alone", error.message)
            return []


class _PanicFlag:
    """A file that stops the run, once."""

    def __init__(self, path: Path, desk: Desk, table: str) -> None:
        self._path = path
        self._desk = desk
        self._table = table
        self._seen = False

    def look(self) -> None:
        """Ask the run to stop when the file is there; a run that is busy does so later."""
        if not self._seen and os.path.lexists(self._path):
            self._seen = True
            log.warning("%s exists: the run is to stop", self._path)
            self._desk.reply(Request("panic", self._table))
