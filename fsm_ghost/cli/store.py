"""The state file that a command works with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fsm_ghost.cli.arguments import Values
from fsm_ghost.engine.store import Store, default_path


def path_of(values: Values) -> Path:
    """Where the state file is: as asked for, or in the user's state directory."""
    return Path(values.text("state-db")) if "state-db" in values else default_path()


@contextmanager
def making(values: Values) -> Iterator[Store]:
    """The state file for reading and writing; it is made if it is not there."""
    store = Store(path_of(values))
    try:
        yield store
    finally:
        store.close()


@contextmanager
def writing(values: Values) -> Iterator[Store]:
    """The state file for reading and writing. StoreError when there is none."""
    store = Store.existing(path_of(values))
    try:
        yield store
    finally:
        store.close()


@contextmanager
def reading(values: Values) -> Iterator[Store]:
    """The state file for reading only. StoreError when there is none."""
    store = Store.reading(path_of(values))
    try:
        yield store
    finally:
        store.close()
