from __future__ import annotations

import re

import pytest

from fsm_ghost.cli import main
from fsm_ghost.cli.diagram import mermaid
from fsm_ghost.engine.state import Transition
from fsm_ghost.model.phase import Outcome, Phase
from fsm_ghost.states.table import TABLE


def test_the_chart_has_an_arrow_for_every_row_of_the_table() -> None:
    arrows = re.findall(r"^    (\w+) --> (\w+): ", mermaid(), re.MULTILINE)
    assert arrows == [(row.source, row.dest) for row in TABLE]


def test_guards_stand_in_brackets() -> None:
    assert "    sync --> cut_over: caught up [verified]" in mermaid().splitlines()


def test_the_chart_begins_where_a_migration_begins_and_ends_in_the_final_states() -> None:
    lines = mermaid().splitlines()
    assert lines[:2] == ["stateDiagram-v2", "    [*] --> validate"]
    assert lines[-3:] == ["    aborted --> [*]", "    done --> [*]", "    failed --> [*]"]


def test_another_table_gives_another_chart() -> None:
    assert mermaid([Transition(Phase.COPY, Outcome.COPIED, Phase.DONE)]) == (
        "stateDiagram-v2\n    [*] --> copy\n    copy --> done: copied\n    done --> [*]"
    )


def test_the_command_prints_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diagram"]) == 0
    assert capsys.readouterr().out == mermaid() + "\n"
