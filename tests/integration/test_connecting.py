"""How a server is reached."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fsm_ghost.errors import FsmGhostError, UsageError
from fsm_ghost.mysql.session import Session, connect_arguments
from fsm_ghost.settings import ServerSettings
from tests.integration.driving import reached
from tests.servers import Database

PASSWORD = "pä#'s \"wörd\\ 🐘"  # noqa: S105 - nobody's


@pytest.fixture
def account(database: Database) -> ServerSettings:
    database.execute("DROP USER IF EXISTS somebody")
    database.execute(f"CREATE USER somebody IDENTIFIED BY {database_literal(PASSWORD)}")
    return replace(reached(database.server), user="somebody", password=PASSWORD)


def database_literal(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def cipher(settings: ServerSettings) -> str:
    session = Session(connect_arguments(settings), "connecting as the test")
    try:
        return str(session.query("SHOW STATUS LIKE 'Ssl_cipher'")[0][1])
    finally:
        session.close()


def test_a_password_may_hold_any_character(account: ServerSettings) -> None:
    cipher(account)
    cipher(replace(account, socket=""))


def test_a_socket_of_this_host_is_not_encrypted_unless_that_is_asked_for(account: ServerSettings) -> None:
    assert cipher(account) == ""
    if has_certificates(account):
        assert cipher(replace(account, ssl=True, ssl_allow_insecure=True))


def has_certificates(account: ServerSettings) -> bool:
    return bool(cipher(replace(account, socket="")))


def test_encryption_that_was_asked_for_is_never_done_without(account: ServerSettings) -> None:
    insecure = replace(account, socket="", ssl=True, ssl_allow_insecure=True)
    if has_certificates(account):
        assert cipher(insecure)
        with pytest.raises(FsmGhostError, match="certificate"):
            cipher(replace(insecure, ssl_allow_insecure=False))
    else:
        with pytest.raises(FsmGhostError, match="SSL"):
            cipher(insecure)


def test_certificates_that_are_not_there_are_named(account: ServerSettings) -> None:
    with pytest.raises(UsageError, match="--ssl-ca"):
        cipher(replace(account, ssl=True, ssl_ca="there is none"))
