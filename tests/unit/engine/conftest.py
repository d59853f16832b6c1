from collections.abc import Iterator
from pathlib import Path

import pytest

from fsm_ghost.engine.run import Run
from fsm_ghost.engine.store import Store
from tests.unit.engine.begun import MIGRATION, begin


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "state.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    made = Store(path)
    yield made
    made.close()


@pytest.fixture
def run(store: Store) -> Iterator[Run]:
    begin(store)
    driven = store.drive(MIGRATION, "host one process 1")
    yield driven
    driven.release()
