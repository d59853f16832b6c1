"""`fsm-ghost history`: what happened to a migration, told by its state file alone."""

from __future__ import annotations

import json
import re
from contextlib import closing
from pathlib import Path

import pytest

from fsm_ghost.cli import main
from fsm_ghost.engine.state import Step, Transition
from fsm_ghost.engine.store import Store
from fsm_ghost.model.command import Answer
from fsm_ghost.model.phase import Outcome, Phase
from fsm_ghost.model.progress import Progress
from fsm_ghost.model.readings import Readings
from tests.unit.cli.living import ID, SHORT, put

COPIED = Progress(rows=12_345, chunks=13, changes=7)


@pytest.fixture
def state_db(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A migration that went through two runs and failed, and was asked for this and that; nobody runs it."""
    path = tmp_path / "state.db"
    monkeypatch.setenv("FSM_GHOST_STATE_DB", str(path))
    monkeypatch.setenv("TZ", "UTC")
    put(path)
    now = 1_795_000_000.0
    monkeypatch.setattr("time.time", lambda: now)
    with closing(Store(path)) as store:
        store._db.execute("UPDATE migrations SET created_at = ?", now)
        run = store.drive(ID, "host one process 1")
        now += 2
        run.enter(Transition(Phase.VALIDATE, Outcome.PASSED, Phase.PREPARE), Step(Progress()), Readings())
        run.enter(Transition(Phase.PREPARE, Outcome.PREPARED, Phase.COPY), Step(Progress()), Readings())
        now += 10
        first = store.order(ID, "change", "throttle-http=https://host/may-i?token=sesame")
        run.answer(Step(COPIED, answers=(Answer(first, took_effect=True, text="it is so now"),)), Readings())
        run.release()
        run = store.drive(ID, "host one process 2")
        now += 90
        why = "a row does not fit\nits key is 5"
        run.enter(Transition(Phase.COPY, Outcome.BROKEN, Phase.FAILED), Step(COPIED, reason=why), Readings())
        run.release()
        now += 3600
        store.order(ID, "throttle")
    return path


def test_a_person_reads_it_from_the_beginning_with_durations_reasons_and_what_it_had_come_to(
    state_db: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert state_db.exists()
    assert main(["history"]) == 0
    told = re.sub(r"^  \d.{18}  ", "  AT  ", capsys.readouterr().out, flags=re.MULTILINE)
    indent = " " * 25
    assert told.splitlines() == [
        f"migration {SHORT} of shop.orders: ADD c INT",
        "  AT  begun",
        "  AT  validate → prepare: passed after 2 s (run 1)",
        "  AT  prepare → copy: prepared after 0 ms",
        "  AT  asked: change throttle-http=https://host/may-i?(not shown)",
        f"{indent}done: it is so now",
        "  AT  copy → failed: broken after 1 m 40 s (run 2)",
        f"{indent}a row does not fit",
        f"{indent}its key is 5",
        f"{indent}rows 12,345, chunks 13, changes 7",
        "  AT  asked: throttle",
        f"{indent}no run has taken it yet",
        "  AT  failed for 1 h 00 m so far: refused: a row does not fit",
    ]


def test_a_program_reads_the_same(state_db: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert state_db.exists()
    assert main(["history", SHORT, "--json"]) == 0
    text = capsys.readouterr().out
    told = json.loads(text)
    assert "sesame" not in text
    assert [(entry["to"], entry["seconds"], entry["epoch"]) for entry in told["transitions"]] == [
        ("prepare", 2.0, 1),
        ("copy", 0.0, 1),
        ("failed", 100.0, 2),
    ]
    assert told["transitions"][-1]["facts"] == {"rows": 12_345, "chunks": 13, "changes": 7}
    assert told["transitions"][-1]["reason"] == "a row does not fit\nits key is 5"
    asked = [(order["verb"], order["took_effect"], order["taken_at_ms"] is not None) for order in told["commands"]]
    assert asked == [("change", True, True), ("throttle", None, False)]
    assert told["migration"]["alive"] is False
