"""The fixtures of the acceptance scenarios: those of the tests that migrate, and of those that kill."""

from tests.crash.conftest import make_stage, stage
from tests.integration.conftest import driver

__all__ = ["driver", "make_stage", "stage"]
