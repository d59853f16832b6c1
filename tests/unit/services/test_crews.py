"""When the comparison goes on beside row copy, or beside a build of indexes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from fsm_ghost.model.chunk import Chunk, KeyRange
from fsm_ghost.model.progress import Progress
from fsm_ghost.services.crews import Crews
from fsm_ghost.settings import ThrottleSettings
from tests.unit.model.examples import plan

COPYING = Progress(
    plan=plan(),
    range_known=True,
    first=(1,),
    last=(40,),
    handed_out=(20,),
    open_chunks=(Chunk(1, KeyRange(None, (20,))),),
)
COPIED = replace(COPYING, handed_out=(40,), open_chunks=())


@dataclass
class Verifier:
    """Says how it was asked."""

    asked: list[bool] = field(default_factory=list)  # whether to rest
    busy: int = 0

    def step(self, progress: Progress, *, resting: bool, to_the_end: bool) -> Progress:
        assert not to_the_end
        self.asked.append(resting)
        return replace(progress, verifying=True)


@dataclass
class Activity:
    """An application that is there, or not."""

    is_absent: bool


def crews(*, alone: bool, cores: int, nice: float = 0.0, waiting: int = 0) -> tuple[Crews, Verifier]:
    settings = SimpleNamespace(throttle=ThrottleSettings(nice_ratio=nice))
    applier = cast("Any", SimpleNamespace(ledger=SimpleNamespace(waiting=waiting)))
    made, verifier = Crews(cast("Any", SimpleNamespace(settings=settings)), lambda _: applier), Verifier()
    anything = cast("Any", made)
    anything._verifier, anything.activity, anything._cores = verifier, Activity(alone), cores
    return made, verifier


@pytest.mark.parametrize(
    "progress, alone, cores, goes_on",
    [
        (COPYING, True, 2, True),
        (COPYING, False, 2, False),
        (COPYING, False, 64, False),
        (COPIED, True, 2, True),
        (COPIED, False, 2, False),
        (COPIED, False, 4, True),
    ],
    ids=["copy", "copy, in company", "copy, many cores", "build", "build, in company", "build, many cores"],
)
def test_it_goes_on_beside_row_copy_where_nobody_is_and_beside_a_build_where_cores_are_many_as_well(
    progress: Progress,
    alone: bool,  # noqa: FBT001
    cores: int,
    goes_on: bool,  # noqa: FBT001
) -> None:
    made, verifier = crews(alone=alone, cores=cores)
    made.compared_beside(progress, resting=False)
    assert verifier.asked == ([False] if goes_on else [])


def test_what_has_begun_ends_its_range_when_there_is_no_room_any_more() -> None:
    made, verifier = crews(alone=False, cores=2)
    made.compared_beside(replace(COPYING, verifying=True), resting=False)
    assert verifier.asked == [True]


@pytest.mark.parametrize("verifying, asked", [(False, []), (True, [True])])
def test_throttled_it_begins_nothing(verifying: bool, asked: list[bool]) -> None:  # noqa: FBT001
    made, verifier = crews(alone=True, cores=2)
    made.compared_beside(replace(COPYING, verifying=verifying), resting=True)
    assert verifier.asked == asked


def test_who_was_asked_to_be_nice_compares_when_row_copy_is_done() -> None:
    made, verifier = crews(alone=True, cores=2, nice=0.5)
    made.compared_beside(COPYING, resting=False)
    assert verifier.asked == []


@pytest.mark.parametrize("progress", [COPYING, COPIED])
def test_nothing_is_begun_while_many_rows_are_behind_and_would_differ_for_that(progress: Progress) -> None:
    made, verifier = crews(alone=True, cores=8, waiting=100_000)
    made.compared_beside(progress, resting=False)
    assert verifier.asked == []
