"""Fixtures of the tests that migrate."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.driving import Driver
from tests.servers import Database


@pytest.fixture
def driver(database: Database, tmp_path: Path) -> Iterator[Driver]:
    """Drives migrations in the test's own database."""
    own = Driver(database, tmp_path)
    yield own
    own.close()
