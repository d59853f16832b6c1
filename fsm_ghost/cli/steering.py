"""`cut-over`, `postpone`, `rehearse`, `throttle` and `no-throttle`: ask for something, and say what came of it.

The command is left in the state file. Whoever runs the migration takes it and answers there, within a fraction of a
second where no statement of minutes is in the way.
"""

from __future__ import annotations

import time

from fsm_ghost.cli.arguments import Values
from fsm_ghost.cli.complaint import complain
from fsm_ghost.cli.exit_codes import ExitCode
from fsm_ghost.cli.known import refuse_taken_over
from fsm_ghost.cli.store import writing
from fsm_ghost.engine.store import Record, Store
from fsm_ghost.model.command import Answer, Verb

EVERY = 0.1  # seconds between looks
PATIENCE = dict.fromkeys(Verb, 5.0) | {Verb.REHEARSE: 60.0}  # seconds


def run(values: Values) -> int:
    """Ask; 0 when it took effect, FAILED when it did not.

    STOPPED when no process of this host runs the migration: a rehearsal is not made then, anything else is taken by
    the next run before it does anything. TRANSIENT when the run has not answered in time: it is going to.
    """
    verb = Verb(values.command)
    with writing(values) as store:
        record = store.find(values.word)
        refuse_taken_over(record)
        if record.is_finished:
            return _too_late(record)
        if verb is Verb.REHEARSE and not store.is_running(record.id):
            return _not_running(record, verb)
        command = store.order(record.id, verb)
        answer, alive = _answer(store, record, command, PATIENCE[verb])
        if answer is not None:
            return _told(record, answer)
        if alive:
            return _not_yet(record, verb)
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


def _told(record: Record, answer: Answer) -> int:
    text = f"migration {record.short_id} of {record.table}: {answer.text}"
    if answer.took_effect:
        print(text)
        return ExitCode.DONE
    complain(text)
    return ExitCode.FAILED


def _too_late(record: Record) -> int:
    complain(f"it is too late: migration {record.short_id} of {record.table} is {record.phase}")
    return ExitCode.FAILED


def _not_running(record: Record, verb: Verb) -> int:
    kept = (
        "nothing was rehearsed"
        if verb is Verb.REHEARSE
        else f"{verb} is kept for the next run, which takes it before it does anything else"
    )
    complain(
        f"no process of this host runs migration {record.short_id} of {record.table}: {kept}",
        f"fsm-ghost resume {record.short_id}",
    )
    return ExitCode.STOPPED


def _not_yet(record: Record, verb: Verb) -> int:
    complain(
        f"migration {record.short_id} of {record.table} has not answered within {PATIENCE[verb]:g} s, in state"
        f" {record.phase}: {verb} is kept, and carried out as soon as the run comes to it",
        f"See what keeps it: fsm-ghost status {record.short_id}",
    )
    return ExitCode.TRANSIENT
