"""How a server is reached."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from fsm_ghost.cli import main
from fsm_ghost.errors import FsmGhostError, UsageError
from fsm_ghost.mysql.session import Session, connect_arguments
from fsm_ghost.settings import Encryption, ServerSettings
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
        assert cipher(replace(account, encryption=Encryption.REQUIRED))


def has_certificates(account: ServerSettings) -> bool:
    return bool(cipher(replace(account, socket="")))


def test_encryption_that_was_asked_for_is_never_done_without(account: ServerSettings) -> None:
    insecure = replace(account, socket="", encryption=Encryption.REQUIRED)
    if has_certificates(account):
        assert cipher(insecure)
        for encryption in (Encryption.VERIFY_CA, Encryption.VERIFY_IDENTITY):
            with pytest.raises(FsmGhostError, match="certificate"):
                cipher(replace(insecure, encryption=encryption))
    else:
        with pytest.raises(FsmGhostError, match="SSL"):
            cipher(insecure)


def test_encryption_can_be_done_without(account: ServerSettings) -> None:
    """A new account of MySQL's has caching_sha2_password: its password is encrypted with the server's public key."""
    assert cipher(replace(account, socket="", encryption=Encryption.DISABLED)) == ""


@pytest.mark.mysql_only
def test_an_authority_is_believed_whatever_the_server_is_called_unless_its_name_counts(account: ServerSettings) -> None:
    """MySQL makes its certificates itself, for no host."""
    authority = f"{datadir(account)}ca.pem"
    known = replace(account, socket="", encryption=Encryption.VERIFY_CA, ssl_ca=authority)
    assert cipher(known)
    with pytest.raises(FsmGhostError, match="certificate"):
        cipher(replace(known, encryption=Encryption.VERIFY_IDENTITY))


def settings_in(folder: Path, account: ServerSettings, way: str) -> list[str]:
    """Options that lead to the server, said in one of several ways."""
    if way == "option file":
        quoted = PASSWORD.replace("\\", "\\\\").replace('"', '\\"')
        text = (
            f'[client]\nport={account.port}\nhost=127.0.0.1\n[client_test]\nuser=somebody\npassword="{quoted}" # it\n'
        )
        (folder / "my.cnf").write_text(text, encoding="utf-8")
        return [f"--defaults-file={folder}/my.cnf", "--defaults-group-suffix=_test"]
    (folder / "secret").write_text(PASSWORD, encoding="utf-8")
    return [f"--url=mysql://somebody@127.0.0.1:{account.port}?ssl-mode=DISABLED", f"--password-file={folder}/secret"]


@pytest.mark.parametrize("way", ["option file", "url"])
def test_a_dry_run_reaches_a_server_that_it_was_told_of_in_other_ways_than_by_flags(
    database: Database, account: ServerSettings, tmp_path: Path, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    database.execute("GRANT ALL ON *.* TO somebody")
    database.execute("CREATE TABLE orders (id INT PRIMARY KEY)")
    monkeypatch.delenv("FSM_GHOST_NO_DEFAULTS")
    reach = [*settings_in(tmp_path, account, way), f"--state-db={tmp_path}/state.db", "--ui=none"]
    assert main(["start", *reach, f"ALTER TABLE {database.name}.orders ADD c INT"]) == 0


def datadir(settings: ServerSettings) -> str:
    session = Session(connect_arguments(settings), "connecting as the test")
    try:
        return str(session.value("SELECT @@datadir"))
    finally:
        session.close()


def test_certificates_that_are_not_there_are_named(account: ServerSettings) -> None:
    with pytest.raises(UsageError, match="--ssl-ca"):
        cipher(replace(account, encryption=Encryption.VERIFY_CA, ssl_ca="there is none"))
