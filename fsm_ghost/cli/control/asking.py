"""Asking the run of a migration for something, and waiting for what it answers.

The state file is the only way to a run: a command is left there, the run takes it between two steps, and answers there.
So a command line, a socket and a port are one queue, nothing of the run is touched by any other thread, and whatever
was asked for survives the end of whoever asked, and of the run.
"""

from __future__ import annotations

import time
from pathlib import Path

from fsm_ghost.cli.control.reply import Reply, refused
from fsm_ghost.cli.exit_codes import ExitCode
from fsm_ghost.engine.store import Record, Store
from fsm_ghost.model.command import Answer, Verb

EVERY = 0.1  # seconds between looks
PATIENCE = dict.fromkeys(Verb, 5.0) | {Verb.REHEARSE: 60.0}  # seconds
# What is not kept for the next run: nobody would want it by then.
_OF_THE_MOMENT = {Verb.REHEARSE: "nothing was rehearsed", Verb.PANIC: "there is nothing to stop"}


def socket_of(store: Store, record: Record) -> Path:
    """Where the run of a migration listens."""
    own = record.asked.control.socket_file
    return Path(own) if own else store.path.with_name(f"{store.path.name}.{record.short_id}.sock")


def ask(store: Store, record: Record, verb: Verb, value: str = "") -> Reply:
    """Leave a command, and wait for its answer; what came of it.

    STOPPED when no process of this host runs the migration: what makes sense later is taken by the next run before it
    does anything. TRANSIENT when the run has not answered in time: it is going to.
    """
    if record.is_finished:
        return _too_late(record)
    if verb in _OF_THE_MOMENT and not store.is_running(record.id):
        return _not_running(record, verb)
    command = store.order(record.id, verb, value)
    answer, alive = _answer(store, record, command, PATIENCE[verb])
    if answer is not None:
        return _answered(record, answer)
    if alive:
        return _not_yet(store.find(record.id), verb)
    return _too_late(ended) if (ended := store.find(record.id)).is_finished else _not_running(record, verb)


def _answer(store: Store, record: Record, command: int, patience: float) -> tuple[Answer | None, bool]:
    """The answer, if there is one in time, and whether there is somebody to give it."""
    deadline = time.monotonic() + patience
    while True:
        alive = store.is_running(record.id)  # asked first: who has ended has answered before
        answer = store.answer(command)
        if answer is not None or not alive or time.monotonic() > deadline:
            return answer, alive
        time.sleep(EVERY)


def _answered(record: Record, answer: Answer) -> Reply:
    text = f"migration {record.short_id} of {record.table}: {answer.text}"
    return Reply(text) if answer.took_effect else refused(text)


def _too_late(record: Record) -> Reply:
    return refused(f"it is too late: migration {record.short_id} of {record.table} is {record.phase}")


def _not_running(record: Record, verb: Verb) -> Reply:
    gone = _OF_THE_MOMENT.get(verb)
    return Reply(
        f"no process of this host runs migration {record.short_id} of {record.table}: "
        + (gone or f"{verb} is kept for the next run, which takes it before it does anything else"),
        ExitCode.STOPPED,
        took_effect=False if gone else None,
        remedy=f"fsm-ghost resume {record.short_id}",
    )


def _not_yet(record: Record, verb: Verb) -> Reply:
    held_up = f" (waiting: {record.readings.waiting_for})" if record.readings.waiting_for else ""
    return Reply(
        f"migration {record.short_id} of {record.table} has not answered within {PATIENCE[verb]:g} s, in state"
        f" {record.phase}{held_up}: {verb} is kept, and carried out as soon as the run comes to it",
        ExitCode.TRANSIENT,
        took_effect=None,
        remedy=f"See what keeps it: fsm-ghost status {record.short_id}",
    )


def give_up(store: Store, record: Record) -> Reply:
    """Ask for the migration to be given up; it answers by ending, which may take longer than anybody waits here."""
    if record.is_finished:
        return _too_late(record)
    command, deadline = store.order(record.id, Verb.ABORT), time.monotonic() + PATIENCE[Verb.ABORT]
    while True:
        alive = store.is_running(record.id)  # asked first: who has ended has taken it before
        if store.was_taken(command):
            break
        if not alive:
            return _not_running(record, Verb.ABORT)
        if time.monotonic() > deadline:
            return _not_yet(store.find(record.id), Verb.ABORT)
        time.sleep(EVERY)
    return Reply(
        f"migration {record.short_id} of {record.table} is given up, unless its tables are swapped already",
        remedy=f"See what comes of it: fsm-ghost status {record.short_id}",
    )
