"""What rows take in the binary log is reckoned from their pages."""

import pytest

from fsm_ghost.services.forecaster import logged


@pytest.mark.parametrize("rows, data, found", [(30_000, 7_880_704, 6_718_567), (30_000, 6_832_128, 5_723_242)])
def test_what_is_written_to_the_binary_log_is_as_it_was_measured(rows: int, data: int, found: int) -> None:
    assert logged(data, rows) == pytest.approx(found, rel=0.05)


def test_rows_that_take_hardly_any_room_are_still_logged() -> None:
    assert logged(16_384, 1000) == 1000
