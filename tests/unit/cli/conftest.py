from __future__ import annotations

from pathlib import Path

import pytest

from fsm_ghost.cli import defaults
from tests.unit.cli.configured import Home


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home of its own; /etc is the folder `etc` in it."""
    monkeypatch.setattr(defaults, "GLOBAL", (f"{tmp_path}/etc/my.cnf", f"{tmp_path}/etc/mysql/my.cnf"))
    return Home(tmp_path)
