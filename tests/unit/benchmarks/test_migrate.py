"""The command line of the benchmark says what is measured, and the results tell what was not."""

from pathlib import Path
from typing import cast

import pytest

from benchmarks import figures
from benchmarks.contestants import RAW, Program
from benchmarks.figures import Phase, Run
from benchmarks.load import Kind, Load
from benchmarks.migrate import Trial, drawing, missing, read
from benchmarks.restored import Restored

SEEN = Phase(1.0, 100, 100.0, 1.0, 2.0, 3.0, 4.0, 5.0, {})


def test_without_options_it_is_the_table_that_figures_are_published_for() -> None:
    asked, given = read(["mariadb"])
    assert (asked.table.name, asked.rows, asked.load, asked.rounds) == ("sbtest", 1_000_000, None, 3)
    assert asked.alter == "ADD COLUMN note varchar(32) NOT NULL DEFAULT '', ADD INDEX (c(10))"
    assert (given.json, given.plot) == (None, None)


@pytest.mark.parametrize("flavour, redo", [("mariadb", "innodb-log-file-size"), ("mysql", "innodb-redo-log-capacity")])
def test_commits_are_durable_and_sizes_can_be_chosen(flavour: str, redo: str) -> None:
    asked, _ = read([flavour, "--redo", "1G", "--buffer-pool", "4G"])
    assert {name: asked.options[name] for name in ("sync-binlog", "innodb-flush-log-at-trx-commit")} == {
        "sync-binlog": 1,
        "innodb-flush-log-at-trx-commit": 1,
    }
    assert (asked.options[redo], asked.options["innodb-buffer-pool-size"]) == ("1G", "4G")


def test_tables_loads_and_tools_are_chosen_by_name() -> None:
    asked, _ = read(["mysql", "--table", "wide", "--load", "bulk:20", "--tool", "a=x {port}", "--tool", "b=y"])
    assert (asked.table.name, asked.rows) == ("wide", 100_000)
    assert asked.load == Load("bulk:20", Kind.BULK, 20.0)
    assert asked.tools == (Program("a", ("x", "{port}")), Program("b", ("y",)))


@pytest.mark.parametrize("words", [["--rows", "10"], ["--rounds", "0"], ["--load", "some"], ["--tool", "a=x {y}"]])
def test_what_cannot_be_measured_is_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        read(["mariadb", *words])
    assert words[0].strip("-") in capsys.readouterr().err


def trial(*runs: Run) -> Trial:
    asked, _ = read(["mariadb", "--load", "max"])
    found = Trial(asked, cast("Restored", None), Path())
    found.runs += runs
    return found


def test_what_was_not_measured_is_told() -> None:
    found = trial(Run(RAW, 1, 1.0, load_average=0.5), Run("a", 1, 2.0, load_average=1.25))
    found.absent.append("b: not installed")
    told = [*missing(found)]
    assert told[0] == "b: not installed"
    assert "written MiB: the system does not tell what the server writes" in told
    assert told[-1].endswith("1.2 at most")


def test_the_drawing_has_every_contestant_and_under_load_what_the_application_saw() -> None:
    found = trial(Run(RAW, 1, 1.0), Run("fsm-ghost", 1, 0.5, before=SEEN, during=SEEN), Run("slow", 1, 9.0, "killed"))
    asked, _ = read(["mariadb", "--load", "max"])
    svg = drawing(asked, found, {"server": "mariadb 10.11", "load": "max"})
    assert svg.count(">fsm-ghost</text>") == 3
    assert svg.count(">slow</text>") == 3
    assert svg.count(">no result</text>") == 3
    assert figures.ratio(found.runs, "fsm-ghost", RAW) == 0.5
