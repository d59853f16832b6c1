"""Latencies, gaps and medians are what their names say, and runs that failed are not among them."""

from array import array

import pytest

from benchmarks import figures
from benchmarks.figures import Phase, Run, Times


def times(*writes: tuple[float, float, float]) -> Times:
    """Writes that were due, sent and acknowledged at these moments."""
    due, sent, acknowledged = (array("d", column) for column in zip(*writes, strict=True))
    return Times(due, sent, acknowledged)


@pytest.mark.parametrize("share, found", [(0.5, 2.0), (0.51, 3.0), (0.99, 4.0), (1.0, 4.0), (0.0, 1.0)])
def test_a_percentile_is_the_smallest_value_that_enough_values_do_not_exceed(share: float, found: float) -> None:
    assert figures.percentile([1.0, 2.0, 3.0, 4.0], share) == found


def test_a_percentile_of_nothing_is_not_known() -> None:
    assert figures.percentile([], 0.5) is None


def test_the_longest_gap_lies_between_the_writes_of_all_writers() -> None:
    assert figures.longest_gap([4.0, 1.0, 2.0, 2.5], 0.5, 4.5) == 1.5


def test_the_longest_gap_may_reach_from_the_begin_or_to_the_end() -> None:
    assert figures.longest_gap([4.0, 5.0], 1.0, 5.5) == 3.0
    assert figures.longest_gap([1.5, 2.0], 1.0, 5.0) == 3.0
    assert figures.longest_gap([], 1.0, 5.0) == 4.0


def test_writes_outside_of_a_phase_do_not_shorten_its_gaps() -> None:
    assert figures.longest_gap([0.9, 3.0, 5.1], 1.0, 5.0) == 2.0


def test_a_phase_counts_what_was_acknowledged_in_it_and_times_what_was_sent_in_it() -> None:
    early, blocked, within = (0.0, 0.9, 1.1), (1.0, 1.2, 9.0), (1.0, 1.5, 1.75)
    phase = figures.phase([times(early, blocked), times(within)], 1.0, 3.0)
    assert (phase.writes, phase.per_second) == (2, 1.0)
    assert phase.p50 == pytest.approx(250)
    assert phase.worst == pytest.approx(7800)
    assert phase.late99 == pytest.approx(8000)
    assert phase.gap == pytest.approx(1250)


def test_without_a_schedule_nothing_is_late() -> None:
    assert figures.phase([times((1.0, 1.0, 1.1))], 1.0, 2.0, scheduled=False).late99 is None


def test_errors_belong_to_the_phase_in_which_their_write_was_sent() -> None:
    seen = Times(errors=[(0.5, "1213"), (1.5, "1205"), (1.6, "1205"), (2.5, "2013")])
    assert figures.phase([seen], 1.0, 2.0).errors == {"1205": 2}


def test_a_phase_without_writes_has_no_latency_and_one_long_gap() -> None:
    phase = figures.phase([Times()], 1.0, 3.0)
    assert (phase.writes, phase.p99, phase.gap) == (0, None, 2000.0)


def run(name: str, wall: float, trouble: str = "", number: int = 1) -> Run:
    return Run(name, number, wall, trouble)


def test_a_ratio_is_that_of_the_medians_of_runs_that_succeeded() -> None:
    runs = [run("raw", 2.0), run("raw", 4.0), run("raw", 3.0), run("a", 6.0), run("a", 0.1, "exit code 1")]
    assert figures.ratio(runs, "a", "raw") == 2.0
    assert figures.ratio([run("raw", 1.0), run("a", 1.0, "killed")], "a", "raw") is None


def test_a_median_leaves_out_what_was_not_measured() -> None:
    assert figures.median([None, 3.0, 1.0, 2.0]) == figures.Median(2.0, 1.0, 3.0)
    assert figures.median([None]) is None


def test_a_contestant_without_a_successful_run_has_no_figures_and_a_reason() -> None:
    runs = [run("raw", 1.0), run("a", 1.0, "exit code 1: no")]
    assert [line.split() for line in figures.costs(runs, "raw")][-1] == ["a", "no", "run", "succeeded"]
    assert [*figures.remarks(runs)] == ["a: 1 failed: exit code 1: no"]


def test_under_load_the_shares_of_rounds_are_taken_before_their_median() -> None:
    def seen(rate: float) -> Phase:
        return Phase(1.0, int(rate), rate, 1.0, 2.0, 3.0, None, 4.0, {})

    pairs = [(100.0, 50.0), (200.0, 150.0), (400.0, 360.0)]
    runs = [
        Run("a", number, 1.0, before=seen(before), during=seen(during), losses=("row 1",))
        for number, (before, during) in enumerate(pairs)
    ]
    undisturbed, migrating = [line.split() for line in figures.under_load(runs)][1:]
    assert undisturbed == ["a", "undisturbed", "200", "1.0", "2.0", "3", "–", "4", "0"]
    assert migrating == ["migrating", "150", "75", "1.0", "2.0", "3", "–", "4", "0", "3"]
