import logging

import pytest

from fsm_ghost.model.finding import Finding
from fsm_ghost.model.phase import Outcome
from fsm_ghost.model.progress import Progress
from fsm_ghost.states.validate import Validate

NO_LOG = Finding("no binary log", "start it with --log-bin")
TRIGGERS = Finding("has triggers", "drop them", ("counting", "adding"))


def test_without_a_refusal_it_has_passed() -> None:
    step = Validate(lambda: ((), ())).step(Progress())
    assert (step.outcome, step.progress, step.reason) == (Outcome.PASSED, Progress(), "")


def test_all_refusals_are_told_at_once_with_what_was_seen_and_what_to_do() -> None:
    step = Validate(lambda: ((NO_LOG, TRIGGERS), ())).step(Progress())
    assert step.outcome is Outcome.REFUSED
    assert step.reason == ("no binary log\n  start it with --log-bin\nhas triggers\n  counting\n  adding\n  drop them")


def test_what_is_refused_has_left_nothing_behind() -> None:
    assert Validate(lambda: ((NO_LOG,), ())).step(Progress()).progress == Progress()


def test_warnings_are_logged_and_stop_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        step = Validate(lambda: ((), (TRIGGERS, NO_LOG))).step(Progress())
    assert step.outcome is Outcome.PASSED
    assert caplog.messages == [
        "has triggers (counting; adding). drop them",
        "no binary log. start it with --log-bin",
    ]


def test_where_it_is_refused_nothing_else_is_said(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        Validate(lambda: ((NO_LOG,), (TRIGGERS,))).step(Progress())
    assert caplog.messages == []
