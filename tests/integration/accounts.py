"""Accounts that may do just what they are granted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count

from fsm_ghost.mysql.privileges import GLOBAL_ON_MARIADB, GLOBAL_ON_MYSQL, ON_SCHEMA
from fsm_ghost.settings import ServerSettings
from tests.integration.driving import Driver
from tests.servers import Database

_numbers = count(1)


@contextmanager
def account(driver: Driver, grants: tuple[str, ...]) -> Iterator[ServerSettings]:
    """An account with a password and these grants, `$` standing for its name."""
    server, name = driver.database.server, f"limited{next(_numbers)}"
    server.execute(f"CREATE USER `{name}`@`%` IDENTIFIED BY 'secret'")
    try:
        for grant in grants:
            server.execute(grant.replace("$", f"`{name}`@`%`"))
        yield replace(driver.server, user=name, password="secret")  # noqa: S106 - of an account of our own
    finally:
        server.execute(f"DROP USER `{name}`@`%`")


def all_grants(database: Database, without: str = "") -> tuple[str, ...]:
    """The grants that are needed, but one."""
    needed = GLOBAL_ON_MYSQL if database.server.flavour == "mysql" else GLOBAL_ON_MARIADB
    everywhere = ", ".join(privilege for privilege in needed if privilege != without)
    here = ", ".join(privilege for privilege in ON_SCHEMA if privilege != without)
    return (f"GRANT {everywhere} ON *.* TO $", f"GRANT {here} ON `{database.name}`.* TO $")
