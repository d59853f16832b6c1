"""Forecasts that were off are named, growth is fitted to what worked, and lists of numbers are read."""

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.growth import Case, drawing, growth, read, report, told
from benchmarks.tables import MOST_INDEXES

CASE = Case(100_000, 10, 1, said=1.0, wall=1.0)
CASES = [
    Case(rows, indexes, 1, said=1.0, wall=0.5 + rows * (7e-6 + 0.8e-6 * indexes))
    for rows in (100_000, 1_000_000)
    for indexes in (1, 10, 60)
]
FAILED = replace(CASE, trouble="start: exit code 8: gone", wall=1e6)


@pytest.mark.parametrize("said, off", [(0.69, True), (0.71, False), (1.29, False), (1.31, True)])
def test_a_forecast_may_be_off_by_the_tolerance_in_both_directions(said: float, off: bool) -> None:  # noqa: FBT001
    assert replace(CASE, said=said).is_off(0.3) is off


def test_a_run_that_failed_says_nothing_of_its_forecast() -> None:
    assert not replace(FAILED, said=9.0).is_off(0.3)


def test_forecasts_that_were_off_are_counted_and_named() -> None:
    lines = [*report([CASE, replace(CASE, indexes=60, wall=2.0), FAILED], 0.3)]
    assert lines[-2:] == [
        "1 of 2 forecasts were off by more than 30%",
        "  100,000 rows, 60 indexes: 1.00 s said, 2.00 s taken",
    ]
    assert any(line.endswith("start: exit code 8: gone") for line in lines)


def test_growth_is_that_of_the_runs_that_worked() -> None:
    fit = growth([*CASES, FAILED])
    assert fit is not None
    assert fit.factors == pytest.approx((0.5, 7e-6, 0.8e-6))
    lines = [*told(fit, [*CASES, FAILED])]
    assert lines[0].startswith("wall = 0.50 s + rows × (7.00 µs + 0.800 µs × indexes)")
    assert len(lines) == 1 + len(CASES)


def test_one_number_of_rows_gives_no_growth() -> None:
    assert [*told(growth(CASES[:3]), CASES[:3])] == [
        "no fit: it takes at least two numbers of rows, and two of indexes"
    ]


def test_the_drawing_has_a_line_for_each_number_of_indexes_and_its_forecast() -> None:
    svg = drawing("mariadb", "ADD COLUMN a", [*CASES, FAILED])
    assert svg.count("<polyline") == 6
    assert svg.count("stroke-dasharray") == 3
    assert [name for name in ("1 index", "10 indexes", "60 indexes") if f">{name}</text>" in svg] == [
        "1 index",
        "10 indexes",
        "60 indexes",
    ]


def test_without_options_it_is_what_a_quarter_of_an_hour_can_measure() -> None:
    wanted = read(["mysql"])
    assert (wanted.rows, wanted.indexes, wanted.tolerance) == ((100_000, 1_000_000), (1, 10, 60), 0.3)
    assert (wanted.base.flavour, wanted.base.load, wanted.base.rounds) == ("mysql", None, 1)
    assert "innodb-redo-log-capacity" in wanted.base.options


def test_numbers_are_each_taken_once_and_in_order() -> None:
    wanted = read(["mariadb", "--rows", "20000,5000,20000", "--indexes", "0,64", "--plot", "a.svg"])
    assert (wanted.rows, wanted.indexes, wanted.plot) == ((5000, 20_000), (0, MOST_INDEXES), Path("a.svg"))


@pytest.mark.parametrize(
    "words",
    [["--rows", "999"], ["--rows", "a"], ["--rows", ""], ["--indexes", "1,65"], ["--indexes", "-1"], ["--rounds", "0"]],
)
def test_what_cannot_be_measured_is_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        read(["mariadb", f"{words[0]}={words[1]}"])
    assert words[0] in capsys.readouterr().err
