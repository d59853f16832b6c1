"""When the binlog that a run needs is about to be purged."""

import pytest

from fsm_ghost.model.coordinates import Coordinates
from fsm_ghost.services.retention import concern, seconds_kept

NOW = 1_000_000.0
HERE = Coordinates("bin.000009", 4)


def safe(age: float, file: str = "bin.000007") -> Coordinates:
    return Coordinates(file, 100, int(NOW - age))


def test_a_run_that_is_behind_by_half_of_what_is_kept_is_told() -> None:
    told = concern(7200, safe(age=4000), HERE, NOW)
    assert "bin.000007:100" in told
    assert "1.1 hours; the server keeps it for 2.0" in told


@pytest.mark.parametrize(
    "kept,where",
    [
        (7200, safe(age=3500)),
        (0, safe(age=10**6)),
        (7200, None),
        (7200, Coordinates("bin.000007", 4)),
        (7200, safe(age=10**6, file="bin.000009")),
    ],
    ids=["young", "kept for ever", "nothing is needed", "of no known age", "still written to"],
)
def test_nothing_is_said_where_nothing_is_about_to_be_purged(kept: float, where: Coordinates | None) -> None:
    assert concern(kept, where, HERE, NOW) == ""


@pytest.mark.parametrize(
    "variables,kept",
    [
        ({"binlog_expire_logs_seconds": "3600", "expire_logs_days": "0"}, 3600),
        ({"binlog_expire_logs_seconds": "0", "expire_logs_days": "2.5"}, 216_000),
        ({"binlog_expire_logs_seconds": "3600", "binlog_expire_logs_auto_purge": "OFF"}, 0),
        ({}, 0),
    ],
)
def test_how_long_it_is_kept_is_said_in_several_ways(variables: dict[str, str], kept: float) -> None:
    assert seconds_kept(variables) == kept
