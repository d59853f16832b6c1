"""Fixtures of the tests that migrate."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fsm_ghost.mysql.private import PrivateServer
from tests.integration.driving import Driver
from tests.servers import Database


@pytest.fixture
def driver(database: Database, tmp_path: Path) -> Iterator[Driver]:
    """Drives migrations in the test's own database."""
    own = Driver(database, tmp_path)
    yield own
    own.close()


@pytest.fixture
def twin(server: PrivateServer) -> Iterator[Database]:
    """A database in which the same is done, but natively."""
    own = Database(server)
    yield own
    own.drop()
