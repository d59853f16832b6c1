from fsm_ghost.model.phase import Outcome
from fsm_ghost.model.progress import Progress
from fsm_ghost.services.preflight.subject import Refusal
from fsm_ghost.states.validate import Validate


def test_without_a_refusal_it_has_passed() -> None:
    step = Validate(lambda: ()).step(Progress())
    assert (step.outcome, step.progress, step.reason) == (Outcome.PASSED, Progress(), "")


def test_all_refusals_are_told_at_once_with_what_to_do() -> None:
    refusals = (Refusal("no binary log", "start it with --log-bin"), Refusal("has triggers", "drop them"))
    step = Validate(lambda: refusals).step(Progress())
    assert step.outcome is Outcome.REFUSED
    for refusal in refusals:
        assert refusal.reason in step.reason
        assert refusal.remedy in step.reason


def test_what_is_refused_has_left_nothing_behind() -> None:
    assert Validate(lambda: (Refusal("a", "b"),)).step(Progress()).progress == Progress()
