"""What a command does to a migration: conditions that are stored with its progress, and an answer."""

from __future__ import annotations

from dataclasses import replace

from fsm_ghost.model.command import Answer, Command, Verb
from fsm_ghost.model.phase import Phase
from fsm_ghost.model.progress import Progress

BEFORE_THE_END = frozenset(
    {Phase.VALIDATE, Phase.PREPARE, Phase.COPY, Phase.INDEX, Phase.SYNC, Phase.VERIFY, Phase.CUT_OVER}
)


def obey(command: Command, phase: Phase, progress: Progress) -> tuple[Progress, Answer]:
    """The progress with what was asked for, and the answer; a rehearsal is answered by the state that makes it."""
    carry_out = {
        Verb.POSTPONE: _postpone,
        Verb.CUT_OVER: _cut_over,
        Verb.REHEARSE: _rehearse,
        Verb.THROTTLE: _throttle,
        Verb.NO_THROTTLE: _no_throttle,
    }
    return carry_out.get(command.verb, _refuse)(command.id, phase, progress)


def _postpone(number: int, phase: Phase, progress: Progress) -> tuple[Progress, Answer]:
    if phase not in BEFORE_THE_END:
        return _too_late(number, phase, progress)
    text = "the tables are not swapped until somebody asks for it"
    if progress.swapping:  # whether they have been swapped already is not known here
        text = f"the tables are being swapped; should that come to nothing, then {text}"
    return replace(progress, postponed=True), Answer(number, not progress.swapping, text)


def _cut_over(number: int, phase: Phase, progress: Progress) -> tuple[Progress, Answer]:
    if phase not in BEFORE_THE_END:
        return _too_late(number, phase, progress)
    if phase is Phase.CUT_OVER:
        text = "the tables are being swapped"
    else:
        caught_up = phase is Phase.SYNC and progress.verified
        when = "as soon as the last changes are brought over" if caught_up else "once all rows are copied and compared"
        text = f"the tables are swapped {when}, whatever was said about a flag file, a window or postponing"
    return replace(progress, postponed=False), Answer(number, took_effect=True, text=text)


def _rehearse(number: int, phase: Phase, progress: Progress) -> tuple[Progress, Answer]:
    if phase is not Phase.SYNC:
        text = f"a swap can be rehearsed in state sync only, not in {phase}"
        return progress, Answer(number, took_effect=False, text=text)
    if progress.rehearsal is not None:
        return progress, Answer(number, took_effect=False, text="a swap is being rehearsed already")
    return replace(progress, rehearsal=number), Answer(number, took_effect=True)


def _throttle(number: int, phase: Phase, progress: Progress) -> tuple[Progress, Answer]:
    if phase not in BEFORE_THE_END or phase is Phase.CUT_OVER:
        return _too_late(number, phase, progress)
    text = "no rows are copied, compared or swapped until somebody says no-throttle; changes are brought over meanwhile"
    return replace(progress, throttled=True), Answer(number, took_effect=True, text=text)


def _no_throttle(number: int, phase: Phase, progress: Progress) -> tuple[Progress, Answer]:
    if phase not in BEFORE_THE_END:
        return _too_late(number, phase, progress)
    text = "it goes on, unless something else holds it up" if progress.throttled else "it was not throttled by anybody"
    return replace(progress, throttled=False), Answer(number, progress.throttled, text)


def _too_late(number: int, phase: Phase, progress: Progress) -> tuple[Progress, Answer]:
    return progress, Answer(number, took_effect=False, text=f"too late: the migration is in state {phase}")


def _refuse(number: int, _: Phase, progress: Progress) -> tuple[Progress, Answer]:
    text = "the version of fsm-ghost that runs the migration does not know this command"
    return progress, Answer(number, took_effect=False, text=text)
