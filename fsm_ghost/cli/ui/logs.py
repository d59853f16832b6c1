"""Log records on their way to a display."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager


def shown_by(handler: logging.Handler, level: int) -> AbstractContextManager[None]:
    """While this is entered, our log records of at least `level` go to `handler`, and nowhere else."""
    return _shown_by(handler, level)


@contextmanager
def _shown_by(handler: logging.Handler, level: int) -> Iterator[None]:
    logger = logging.getLogger("fsm_ghost")
    before = logger.handlers, logger.level, logger.propagate
    logger.handlers, logger.propagate = [handler], False
    logger.setLevel(level)
    try:
        yield
    finally:
        logger.handlers, logger.level, logger.propagate = before


def on_stderr() -> logging.Handler:
    """A handler that writes lines with the time, for terminals and log files alike."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%d %H:%M:%S"))
    return handler
