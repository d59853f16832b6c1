"""Several ways to say one thing: URLs, TLS, the primary in gh-ost's words."""

from __future__ import annotations

import pytest

from fsm_ghost.cli.arguments import parse
from fsm_ghost.cli.to_settings import server
from fsm_ghost.errors import UsageError
from fsm_ghost.settings import Encryption, ServerSettings


def reach(*arguments: str, **environment: str) -> ServerSettings:
    return server(parse("start", arguments, environment), "")


def given(*arguments: str, **environment: str) -> dict[str, object]:
    values = parse("start", arguments, environment)
    return {name: said.value for name, said in values.given.items() if name != "url"}


@pytest.mark.parametrize(
    "url, meant",
    [
        ("mysql://db1", {"host": "db1"}),
        ("mysql://me@db1:3307/shop", {"host": "db1", "port": 3307, "user": "me", "database": "shop"}),
        ("mysql2://m%40e:p%23%2F%3A@db1/", {"host": "db1", "user": "m@e", "password": "p#/:"}),
        ("jdbc:mariadb://[::1]:3306/a%20b", {"host": "::1", "port": 3306, "database": "a b"}),
        ("mysql+pymysql://me@/?unix_socket=/run/s&charset=utf8mb4&pool_size=5", {"user": "me", "socket": "/run/s"}),
        ("mysql://db?ssl-mode=verify-ca&ssl_ca=/ca.pem", {"host": "db", "ssl-mode": "VERIFY_CA", "ssl-ca": "/ca.pem"}),
        ("mysql://db?sslMode=REQUIRED&connect_timeout=3", {"host": "db", "ssl-mode": "REQUIRED", "mysql-timeout": 3.0}),
    ],
)  # fmt: skip
def test_a_url_says_all_of_it_at_once(url: str, meant: dict[str, object]) -> None:
    assert given("--url", url) == meant


def test_what_is_said_beside_a_url_counts_more_but_not_what_is_said_more_weakly() -> None:
    assert reach("--url=mysql://db1:1", "--port=2").port == 2
    assert reach("--url=mysql://db1:1", FSM_GHOST_PORT="2").port == 1
    assert reach("--port=2", FSM_GHOST_URL="mysql://db1:1") == ServerSettings("db1", 2)


def test_a_url_may_be_in_a_variable_of_any_name() -> None:
    assert given("--url=env:DATABASE_URL", DATABASE_URL="mysql://me@db1") == {"user": "me", "host": "db1"}
    with pytest.raises(UsageError, match="the variable DATABASE_URL is not set"):
        given("--url=env:DATABASE_URL")


@pytest.mark.parametrize(
    "url, complaint",
    [
        ("postgres://me:hunter2@db1", "--url is no URL of a server"),
        ("db1:3306 hunter2", "--url is no URL of a server"),
        ("mysql://me:hunter2@db1:port", "--url is no URL of a server"),
        ("mysql://me:hunter2@db1?useSSL=true", "what useSSL demands of the connection is not understood"),
        ("mysql://me:hunter2@db1?tls=skip-verify", "what tls demands"),
        ("mysql://me:hunter2@db1?ssl-mode=maybe", "ssl-mode in --url must be one of"),
    ],
)
def test_a_url_that_is_none_is_refused_without_repeating_it(url: str, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint) as caught:
        given("--url", url)
    assert "hunter2" not in str(caught.value) + caught.value.remedy


@pytest.mark.parametrize(
    "arguments, encryption",
    [
        ([], Encryption.PREFERRED),
        (["--ssl=false"], Encryption.PREFERRED),
        (["--ssl"], Encryption.VERIFY_IDENTITY),
        (["--ssl", "--ssl-allow-insecure"], Encryption.REQUIRED),
        (["--ssl", "--ssl-allow-insecure=false"], Encryption.VERIFY_IDENTITY),
        (["--ssl-allow-insecure"], Encryption.REQUIRED),
        (["--ssl-ca=/ca"], Encryption.VERIFY_CA),
        (["--ssl", "--ssl-ca=/ca"], Encryption.VERIFY_IDENTITY),
        (["--ssl-cert=/c", "--ssl-key=/k"], Encryption.REQUIRED),
        (["--ssl-verify-server-cert"], Encryption.VERIFY_IDENTITY),
        (["--ssl-mode=disabled", "--ssl-ca=/ca"], Encryption.DISABLED),
        (["--ssl-mode=VERIFY_CA", "--ssl-ca=/ca"], Encryption.VERIFY_CA),
    ],
)
def test_tls_may_be_asked_for_in_the_words_of_gh_ost_mysql_and_mariadb(
    arguments: list[str], encryption: Encryption
) -> None:
    assert reach(*arguments).encryption is encryption


def test_the_stronger_place_decides_about_tls() -> None:
    assert reach("--ssl", FSM_GHOST_SSL_MODE="DISABLED").encryption is Encryption.VERIFY_IDENTITY
    assert reach("--ssl-mode=DISABLED", FSM_GHOST_SSL="true").encryption is Encryption.DISABLED


def test_the_primary_may_be_named_as_in_gh_ost() -> None:
    replica = ["--host=replica", "--port=3308", "--user=me"]
    assert reach(*replica, "--assume-master-host=db1:3307") == ServerSettings("db1", 3307, "me")
    assert reach(*replica, "--assume-master-host=db1") == ServerSettings("db1", 3306, "me")
    found = given(*replica, "--assume-master-host=db1", "--master-user=root", "--master-password=p")
    assert (found["user"], found["password"]) == ("root", "p")


@pytest.mark.parametrize("arguments", [["--master-user=root"], ["--master-password=x", "--assume-master-host="]])
def test_an_account_of_the_primary_needs_the_primary(arguments: list[str]) -> None:
    with pytest.raises(UsageError, match="needs --assume-master-host"):
        given(*arguments)


def test_a_primary_that_is_none_is_refused() -> None:
    with pytest.raises(UsageError, match="--assume-master-host must be written as HOST or HOST:PORT, not db1:x"):
        given("--assume-master-host=db1:x")


def test_how_long_connecting_may_take_can_be_left_to_us_as_in_gh_ost() -> None:
    assert reach("--mysql-timeout=2.5").connect_timeout == 2.5
    assert reach("--mysql-timeout=0").connect_timeout == 10
    with pytest.raises(UsageError, match="--mysql-timeout must lie between"):
        reach("--mysql-timeout=-1")
