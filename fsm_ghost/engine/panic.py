"""Panic: the run that is named stops at once; where the server is away as well, and no state can be stepped."""

from __future__ import annotations

from fsm_ghost.engine.record import Record
from fsm_ghost.engine.run import Run
from fsm_ghost.engine.state import Step
from fsm_ghost.errors import StoppedError
from fsm_ghost.model.command import Answer, Command, Verb


def answer_to(command: Command, record: Record) -> Answer:
    """Whether a run stops for a panic: one that names its process, for the next run is begun by who wants it to run."""
    if command.value != record.owner:
        return Answer(command.id, took_effect=False, text="the run that was to stop has ended before")
    text = f"the run stops, with a checkpoint; fsm-ghost resume {record.short_id} goes on"
    return Answer(command.id, took_effect=True, text=text)


def heed(run: Run) -> None:
    """StoppedError if the run is told to stop, while nothing else can be done; other commands are left alone."""
    for command in run.commands():
        if command.verb is Verb.PANIC:
            stored, answer = run.reread(), answer_to(command, run.record)
            run.answer(Step(stored.progress, answers=(answer,)), stored.readings)
            if answer.took_effect:
                raise StoppedError("stopped by panic", f"Go on with: fsm-ghost resume {run.record.short_id}")
