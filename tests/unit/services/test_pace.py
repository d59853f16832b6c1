"""What is seen of the server, and by whom."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from fsm_ghost.model.pressure import Pressure
from fsm_ghost.services.activity import Activity
from fsm_ghost.services.governor import Governor, Most
from fsm_ghost.services.pace import Pace


@pytest.mark.parametrize("most", [1, 2])
def test_others_are_seen_also_where_there_is_never_more_than_one_worker(
    most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    applier = cast("Any", SimpleNamespace(ledger=SimpleNamespace(waiting=0), take_commit_seconds=lambda: None, delay=0))
    activity, seconds = Activity(), iter(range(100, 200))
    pressure = Pressure(running=3, redo=None, lock_waits=None, free_waits=None, history=None)
    pace = Pace(Governor(Most(most, most), 2), applier, activity, lambda: pressure)
    monkeypatch.setattr("fsm_ghost.services.pace.time", SimpleNamespace(monotonic=lambda: float(next(seconds))))
    for _ in range(3):
        pace.look()
    assert not activity.is_absent
