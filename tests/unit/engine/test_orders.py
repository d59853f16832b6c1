"""What each command does to a migration, and what it answers, in every state."""

import itertools
from collections.abc import Iterator
from dataclasses import replace

import pytest

from fsm_ghost.engine.orders import obey
from fsm_ghost.model.command import Answer, Command, Verb
from fsm_ghost.model.phase import Phase
from fsm_ghost.model.progress import Progress

BEFORE = [Phase.VALIDATE, Phase.PREPARE, Phase.COPY, Phase.INDEX, Phase.SYNC, Phase.VERIFY, Phase.CUT_OVER]
TOO_LATE = [phase for phase in Phase if phase not in BEFORE]
COPYING = Progress(rows=7)
VERIFIED = Progress(rows=7, verified=True)
SWAPPING = Progress(rows=7, verified=True, swapping=True, attempts=1)


def asked(verb: Verb, phase: Phase, progress: Progress) -> tuple[Progress, Answer]:
    return obey(Command(5, verb), phase, progress)


def possible(phase: Phase) -> Iterator[Progress]:
    """What a migration may have come to in a state, whatever was asked for before."""
    asked_for = itertools.product((None, True, False), (True, False))
    for (postponed, throttled), progress in itertools.product(asked_for, (COPYING, VERIFIED, SWAPPING)):
        if phase is Phase.CUT_OVER or not progress.swapping:
            yield replace(progress, postponed=postponed, throttled=throttled)


@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("verb", [verb for verb in Verb if verb is not Verb.ABORT])
def test_every_answer_is_to_the_command_and_nothing_but_what_was_asked_for_changes(verb: Verb, phase: Phase) -> None:
    for before in possible(phase):
        progress, answer = asked(verb, phase, before)
        assert answer.command == 5
        assert replace(progress, postponed=before.postponed, throttled=before.throttled, rehearsal=None) == before
        assert answer.text or progress.rehearsal == 5, "without words it is still to be answered"
        if answer.took_effect and answer.text:
            assert progress.postponed is {Verb.POSTPONE: True, Verb.CUT_OVER: False}.get(verb, before.postponed)
            assert progress.throttled is {Verb.THROTTLE: True, Verb.NO_THROTTLE: False}.get(verb, before.throttled)


@pytest.mark.parametrize("phase", [phase for phase in BEFORE if phase is not Phase.CUT_OVER])
def test_whoever_throttles_is_obeyed_until_somebody_takes_it_back(phase: Phase) -> None:
    throttled, answer = asked(Verb.THROTTLE, phase, COPYING)
    assert (throttled, answer.took_effect) == (replace(COPYING, throttled=True), True)
    free, answer = asked(Verb.NO_THROTTLE, phase, throttled)
    assert (free, answer.took_effect) == (COPYING, True)
    _, answer = asked(Verb.NO_THROTTLE, phase, free)
    assert not answer.took_effect


@pytest.mark.parametrize("phase", [*TOO_LATE, Phase.CUT_OVER])
def test_a_swap_that_is_under_way_is_not_throttled(phase: Phase) -> None:
    progress, answer = asked(Verb.THROTTLE, phase, VERIFIED)
    assert (progress, answer.took_effect) == (VERIFIED, False)
    assert "too late" in answer.text


@pytest.mark.parametrize("phase", BEFORE)
@pytest.mark.parametrize("before", [None, True, False])
def test_a_postponed_swap_waits_until_it_is_asked_for(phase: Phase, *, before: bool | None) -> None:
    progress, answer = asked(Verb.POSTPONE, phase, replace(COPYING, postponed=before))
    assert (progress.postponed, answer.took_effect) == (True, True)
    assert "until somebody asks for it" in answer.text


def test_a_swap_that_is_under_way_is_postponed_only_if_it_comes_to_nothing_and_that_is_said() -> None:
    progress, answer = asked(Verb.POSTPONE, Phase.CUT_OVER, SWAPPING)
    assert (progress.postponed, answer.took_effect) == (True, False)
    assert "being swapped" in answer.text


@pytest.mark.parametrize("phase", BEFORE)
@pytest.mark.parametrize("before", [None, True, False])
def test_a_swap_that_is_asked_for_waits_for_nothing_that_people_have_said(phase: Phase, *, before: bool | None) -> None:
    progress, answer = asked(Verb.CUT_OVER, phase, replace(COPYING, postponed=before))
    assert (progress.postponed, answer.took_effect) == (False, True)


@pytest.mark.parametrize(
    "phase, progress, when",
    [
        (Phase.COPY, COPYING, "once all rows are copied and compared"),
        (Phase.SYNC, COPYING, "once all rows are copied and compared"),
        (Phase.SYNC, VERIFIED, "as soon as the last changes are brought over"),
        (Phase.VERIFY, COPYING, "once all rows are copied and compared"),
        (Phase.CUT_OVER, SWAPPING, "the tables are being swapped"),
    ],
)
def test_whoever_asks_for_the_swap_is_told_when_it_comes(phase: Phase, progress: Progress, when: str) -> None:
    assert when in asked(Verb.CUT_OVER, phase, progress)[1].text


@pytest.mark.parametrize("verb", [Verb.POSTPONE, Verb.CUT_OVER])
@pytest.mark.parametrize("phase", TOO_LATE)
def test_after_the_swap_and_when_it_is_given_up_it_is_too_late(phase: Phase, verb: Verb) -> None:
    progress, answer = asked(verb, phase, VERIFIED)
    assert progress is VERIFIED
    assert answer == Answer(5, took_effect=False, text=f"too late: the migration is in state {phase}")


@pytest.mark.parametrize("progress", [COPYING, VERIFIED])
def test_a_rehearsal_in_sync_is_answered_once_it_has_been_made(progress: Progress) -> None:
    assert asked(Verb.REHEARSE, Phase.SYNC, progress) == (
        replace(progress, rehearsal=5),
        Answer(5, took_effect=True, text=""),
    )


@pytest.mark.parametrize("phase", [phase for phase in Phase if phase is not Phase.SYNC])
def test_a_rehearsal_in_another_state_is_refused(phase: Phase) -> None:
    progress, answer = asked(Verb.REHEARSE, phase, VERIFIED)
    assert (progress.rehearsal, answer.took_effect) == (None, False)
    assert f"not in {phase}" in answer.text


def test_a_second_rehearsal_at_the_same_time_is_refused_and_the_first_one_stays() -> None:
    progress, answer = asked(Verb.REHEARSE, Phase.SYNC, replace(VERIFIED, rehearsal=3))
    assert (progress.rehearsal, answer.took_effect) == (3, False)


@pytest.mark.parametrize("phase", Phase)
def test_what_is_not_known_is_not_done_and_that_is_said(phase: Phase) -> None:
    progress, answer = asked(Verb.UNKNOWN, phase, VERIFIED)
    assert (progress, answer.took_effect) == (VERIFIED, False)
    assert "does not know" in answer.text
