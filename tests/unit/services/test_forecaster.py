"""By whose speed a forecast goes: by that of the workers that will begin the copy."""

import pytest

from fsm_ghost.services.forecaster import _Measured, _Sample

ONE = _Sample((100,), rows=100, seconds=1.0)
FASTER = _Sample((400,), rows=300, seconds=2.0)
NO_FASTER = _Sample((180,), rows=80, seconds=1.0)
NOTHING = _Sample((100,), rows=0, seconds=0.0)


def measured(two: _Sample, *, is_written: bool = False) -> _Measured:
    return _Measured(ONE, 1, two, indexing=1.0, comparing=1.0, is_written=is_written, data=1, indexes=1)


@pytest.mark.parametrize(
    "two, is_written, gain",
    [(FASTER, False, 1.5), (FASTER, True, 1.0), (NO_FASTER, False, 1.0), (NOTHING, False, 1.0)],
    ids=["faster", "somebody writes", "no faster", "there may be only one"],
)
def test_two_count_where_they_are_faster_and_nobody_writes(two: _Sample, is_written: bool, gain: float) -> None:  # noqa: FBT001
    found = measured(two, is_written=is_written)
    assert (found.gain, found.speed) == (gain, 100.0 * gain)


def test_what_both_have_copied_is_the_sample() -> None:
    assert (measured(FASTER).rows, measured(NOTHING).rows) == (400, 100)
