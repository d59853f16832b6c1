"""R1: coordinates are stored, then the stream starts, then a marker comes back, and only then the range is read."""

from dataclasses import replace

import pytest

from fsm_ghost.errors import ConnectionLostError, RefusedError
from fsm_ghost.model.coordinates import Coordinates
from fsm_ghost.model.phase import Outcome
from fsm_ghost.model.plan import Plan
from fsm_ghost.model.probe import Probe
from fsm_ghost.model.progress import Progress
from fsm_ghost.states.prepare import Prepare
from tests.states.fakes import FakePlane, following
from tests.unit.model.examples import at, plan

BUILT = Progress(plan=plan(), prepared=True)
PROBED = replace(BUILT, probe=Probe(done=True))
STARTED = replace(PROBED, start=at(7), safe=at(7))


def prepare(fake: FakePlane, *, execute: bool = True) -> Prepare:
    def build() -> Plan:
        fake.log.append("build")
        return plan()

    def coordinates() -> Coordinates:
        fake.log.append("coordinates")
        return at(7)

    return Prepare(build, coordinates, fake.plane, fake.scout, execute)


def test_first_the_ghost_table_is_built_and_nothing_else() -> None:
    fake = FakePlane()
    step = prepare(fake).step(Progress())
    assert (step.progress, step.outcome, fake.log) == (BUILT, None, ["build"])


def test_then_the_coordinates_are_fixed_before_anything_is_read_from_them() -> None:
    fake = FakePlane()
    step = prepare(fake).step(PROBED)
    assert (step.progress, step.outcome, fake.log) == (STARTED, None, ["coordinates"])


def test_while_the_marker_has_not_come_back_the_range_is_not_read() -> None:
    fake = FakePlane(barrier=False, follows=following(safe=at(9)))
    step = prepare(fake).step(STARTED)
    assert step.outcome is None
    assert step.wait > 0
    assert (step.progress.safe, step.progress.range_known) == (at(9), False)
    assert fake.log == ["follow", "barrier"]


def test_the_range_is_read_after_the_marker_has_come_back() -> None:
    fake = FakePlane()
    step = prepare(fake).step(STARTED)
    assert step.outcome is Outcome.PREPARED
    assert (step.progress.range_known, step.progress.first, step.progress.last) == (True, (1,), (40,))
    assert fake.log.index("barrier") < fake.log.index("edges")


def test_an_empty_table_has_a_known_range_without_edges() -> None:
    fake = FakePlane()
    fake.the_chunker.ends = (None, None)
    step = prepare(fake).step(STARTED)
    assert (step.outcome, step.progress.range_known, step.progress.is_handed_out) == (Outcome.PREPARED, True, True)


def test_the_start_is_fixed_once_and_not_moved_by_a_second_run() -> None:
    fake = FakePlane(barrier=False)
    step = prepare(fake).step(replace(STARTED, safe=at(50)))
    assert (step.progress.start, step.progress.safe) == (at(7), at(50))
    assert "coordinates" not in fake.log


def test_a_dry_run_ends_when_the_ghost_table_is_built_and_follows_nothing() -> None:
    fake = FakePlane()
    state = prepare(fake, execute=False)
    step = state.step(state.step(state.step(Progress()).progress).progress)
    assert (step.outcome, step.progress, fake.log) == (Outcome.DRY_RUN, PROBED, ["build", "probed"])


def test_an_alter_that_is_refused_is_an_outcome() -> None:
    def refuse() -> Plan:
        raise RefusedError("the server refuses the ALTER", "Mend --alter.")

    step = Prepare(refuse, lambda: at(7), FakePlane().plane, FakePlane().scout, execute=True).step(Progress())
    assert (step.outcome, step.progress) == (Outcome.REFUSED, Progress())
    assert "the server refuses the ALTER" in step.reason


def test_a_lost_connection_is_no_outcome() -> None:
    def lose() -> Plan:
        raise ConnectionLostError("gone")

    with pytest.raises(ConnectionLostError):
        Prepare(lose, lambda: at(7), FakePlane().plane, FakePlane().scout, execute=True).step(Progress())
