"""What files say: profiles, MySQL's option files, gh-ost's --conf; and whose word counts."""

from __future__ import annotations

import pytest

from fsm_ghost.cli.given import Source
from fsm_ghost.cli.password import password_of
from fsm_ghost.cli.to_settings import change, here, server, settings
from fsm_ghost.errors import UsageError
from fsm_ghost.settings import Encryption, ServerSettings, Settings
from tests.unit.cli.configured import Home


def test_whose_word_counts(home: Home) -> None:
    home.write("etc/my.cnf", "[client]\nuser=etc\nport=1\nhost=etc")
    home.write("etc/mysql/my.cnf", "[client]\nuser=etc-mysql\nport=2")
    home.write(".my.cnf", "[client]\nport=3\n[fsm-ghost]\nchunk-size=30\nnice-ratio=3\nmax-lag-millis=300")
    home.profiles("[profile.prod]\nchunk_size = 40\nnice-ratio = 4\n")
    home.environment = {"FSM_GHOST_CHUNK_SIZE": "50", "MYSQL_TCP_PORT": "6", "MYSQL_HOST": "variable"}
    values = home.parsed("start", "--profile=prod")
    expected = {
        "user": ("etc-mysql", Source.OPTION_FILE, "etc/mysql/my.cnf, line 2"),
        "port": (3, Source.OPTION_FILE, ".my.cnf, line 2"),
        "host": ("etc", Source.OPTION_FILE, "etc/my.cnf, line 4"),
        "max-lag-millis": (300, Source.OPTION_FILE, ".my.cnf, line 6"),
        "nice-ratio": (4.0, Source.PROFILE, ".config/fsm-ghost/config.toml [profile.prod]"),
        "chunk-size": (50, Source.ENVIRONMENT, "FSM_GHOST_CHUNK_SIZE"),
        "profile": ("prod", Source.COMMAND_LINE, "--profile"),
    }
    assert {
        name: (given.value, given.source, given.place.removeprefix(f"{home.path}/"))
        for name, given in values.given.items()
    } == expected
    assert home.given("--profile=prod", "--chunk-size=60")["chunk-size"] == 60


def test_mysqls_variables_count_least(home: Home) -> None:
    home.environment = {"MYSQL_TCP_PORT": "6", "MYSQL_HOST": "db1"}
    assert home.given() == {"port": 6, "host": "db1"}


# --- Option files -----------------------------------------------------------------------------------------------------


def test_of_mysqls_groups_only_what_concerns_connecting_is_taken(home: Home) -> None:
    home.write(
        ".my.cnf",
        "[client]\nuser=me\ndefault-character-set=latin1\nchunk-size=7\nconnect_timeout=4\nloose-port=5\n"
        "[client-server]\nport=7\n[mysqld]\nport=8\n[client-mariadb]\nssl-ca=/ca.pem",
    )
    assert home.given() == {"user": "me", "mysql-timeout": 4.0, "port": 7, "ssl-ca": "/ca.pem", "ssl-mode": "VERIFY_CA"}


def test_our_group_may_hold_any_option(home: Home) -> None:
    home.write(".my.cnf", "[fsm-ghost]\nmax_load=Threads_running=25\npostpone\nskip-verbose\nloose-of-tomorrow=1")
    assert home.given() == {"max-load": "Threads_running=25", "postpone": True, "verbose": False}
    assert home.given(command="status") == {}


@pytest.mark.parametrize(
    "line, complaint, remedy",
    [
        ("chunksize=5", "line 2: there is no option chunksize", "Did you mean chunk-size?"),
        ("chunk-size", "line 2: chunk-size needs a value", ""),
        ("chunk-size=x", "line 2: chunk-size: not a whole number: 'x'", ""),
        ("ui=fancy", "line 2: ui must be one of auto", ""),
        ("profile=x", "profile says which files are read, and cannot stand in one", ""),
        ("revert", "line 2: revert", "The old table is kept"),
    ],
)
def test_what_is_wrong_in_our_group_is_named_with_its_line(home: Home, line: str, complaint: str, remedy: str) -> None:
    home.write(".my.cnf", f"[fsm-ghost]\n{line}")
    with pytest.raises(UsageError, match=complaint) as caught:
        home.given()
    assert caught.value.remedy.startswith(remedy)


def test_which_files_are_read_can_be_said(home: Home) -> None:
    home.write("etc/my.cnf", "[client]\nuser=etc\nport=1\nhost=etc")
    home.write(".my.cnf", "[client]\nuser=home")
    extra = home.write("extra", "[client]\nuser=extra\nport=2\n[client_prod]\nhost=prod")
    assert home.given(f"--defaults-extra-file={extra}")["user"] == "home"
    assert home.given(f"--defaults-extra-file={extra}")["port"] == 2
    assert {"user": "extra", "port": 2}.items() <= home.given(f"--defaults-file={extra}").items()
    assert "host" not in home.given(f"--defaults-file={extra}")
    assert home.given(f"--defaults-file={extra}", "--defaults-group-suffix=_prod")["host"] == "prod"
    assert home.given("--no-defaults") == {"no-defaults": True}
    home.environment = {"MYSQL_GROUP_SUFFIX": "_prod"}
    assert home.given(f"--defaults-file={extra}")["host"] == "prod"
    with pytest.raises(UsageError, match="nothing cannot be read"):
        home.given("--defaults-file=/nothing")


def test_a_file_that_is_left_out_is_warned_of(home: Home) -> None:
    path = home.write(".my.cnf", "[client]\nuser=me", mode=0o666)
    values = home.parsed("start")
    assert "user" not in values
    assert values.remarks() == (f"{path} is left out: everybody may write to it (chmod o-w {path})",)


def test_a_protection_that_is_not_there_is_told(home: Home) -> None:
    home.write(".my.cnf", "[client]\nssl-crl=/crl.pem")
    assert home.parsed("start").remarks() == (f"{home.path}/.my.cnf, line 2: ssl-crl has no effect here",)


@pytest.mark.parametrize(
    "lines, mode",
    [
        ("ssl", "REQUIRED"),
        ("ssl=1", "REQUIRED"),
        ("ssl=0", "DISABLED"),
        ("skip-ssl", "DISABLED"),
        ("ssl\nssl-ca=/ca", "VERIFY_CA"),
        ("ssl\nssl-verify-server-cert", "VERIFY_IDENTITY"),
        ("ssl-ca=/ca\nssl-verify-server-cert", "VERIFY_IDENTITY"),
        ("ssl-mode=verify_ca\nskip-ssl", "VERIFY_CA"),
        ("ssl-cert=/cert", "REQUIRED"),
    ],
)
def test_tls_in_mysqls_groups_means_what_it_means_to_mysql_and_mariadb(home: Home, lines: str, mode: str) -> None:
    home.write(".my.cnf", f"[client]\n{lines}")
    assert home.given()["ssl-mode"] == mode


@pytest.mark.parametrize(
    "lines, arguments, uses_socket",
    [
        ("socket=/s", [], True),
        ("socket=/s\nport=3306", [], True),
        ("socket=/s\nhost=localhost", [], True),
        ("socket=/s\nhost=db1", [], False),
        ("socket=/s\nprotocol=TCP", [], False),
        ("socket=/s", ["--host=db1"], False),
        ("socket=/s", ["--host=localhost"], True),
        ("socket=/s", ["--port=3307"], False),
        ("host=db1", ["--socket=/s"], True),
        ("", ["--socket=/s", "--host=db1"], True),
    ],
)
def test_a_socket_counts_where_mysqls_programs_would_use_it(
    home: Home, lines: str, arguments: list[str], *, uses_socket: bool
) -> None:
    home.write(".my.cnf", f"[client]\n{lines}")
    assert (server(home.parsed("start", *arguments), "").socket == "/s") is uses_socket


def test_a_value_that_is_not_utf_8_is_an_error_only_where_it_is_used(home: Home) -> None:
    (home.path / ".my.cnf").write_bytes(b"# M\xfcller\n[client]\nuser=me\n")
    assert home.given() == {"user": "me"}
    (home.path / ".my.cnf").write_bytes(b"[client]\npassword=M\xfcller\n")
    with pytest.raises(UsageError, match="line 2: the value is not written in UTF-8"):
        home.given()


# --- Profiles ---------------------------------------------------------------------------------------------------------


def test_a_profile_holds_options_of_any_command(home: Home) -> None:
    home.profiles('[profile.default]\nport = 1\n[profile.prod]\nmax-load = ["a=1", "b=2"]\nssl = true\nall = true\n')
    assert home.given() == {"port": 1}
    assert home.given("--profile=") == {"profile": ""}
    assert home.given("--profile=prod") == {
        "profile": "prod", "max-load": "a=1,b=2", "ssl": True, "ssl-mode": "VERIFY_IDENTITY",
    }  # fmt: skip
    assert home.given("--profile=prod", command="list") == {"profile": "prod", "all": True}


@pytest.mark.parametrize(
    "text, complaint",
    [
        ("[profile.prod]\nport = 'x'", r"\[profile.prod\]: port: not a whole number"),
        ("[profile.prod]\nprot = 1", "there is no option prot"),
        ("[profile.prod]\nport = {a = 1}", "must be a text, a number"),
        ("[profile.prod]\nno-defaults = true", "cannot stand in one"),
        ("port = 1\n[profile.prod]", "may hold nothing but profiles"),
        ("profile = 1", "may hold nothing but profiles"),
        ("[profile.prod", "is not TOML"),
        ("[profile.prd]", r"has no \[profile.prod\]"),
    ],
)
def test_what_is_wrong_in_a_profile_is_named(home: Home, text: str, complaint: str) -> None:
    home.profiles(text)
    with pytest.raises(UsageError, match=complaint):
        home.given("--profile=prod")


def test_a_profile_without_a_file_is_an_error_only_when_it_is_asked_for(home: Home) -> None:
    assert home.given() == {}
    with pytest.raises(UsageError, match="is not there, and so no profile prod"):
        home.given("--profile=prod")


def test_profiles_that_others_can_write_or_read_are_told(home: Home) -> None:
    path = home.profiles("[profile.default]\npassword = 'x'", mode=0o644)
    assert home.parsed("start").remarks() == (f"others may read the password in {path} (chmod 600 {path})",)
    home.profiles("", mode=0o666)
    with pytest.raises(UsageError, match="everybody may write to"):
        home.given()


# --- gh-ost's --conf --------------------------------------------------------------------------------------------------


def test_gh_osts_file_names_the_account_and_may_leave_it_to_variables(home: Home) -> None:
    conf = home.write("conf", "[client]\nuser = ${DB_USER}\npassword=a;b#c\nport=1\n[osc]\nchunk_size=1\n")
    home.environment = {"DB_USER": "gromit"}
    values = home.parsed("start", f"--conf={conf}")
    assert {name: values[name] for name in values.given if name != "conf"} == {"user": "gromit", "password": "a;b#c"}
    assert home.given(f"--conf={conf}", "--user=me")["user"] == "me"


@pytest.mark.parametrize(
    "text, complaint",
    [("[client]\nuser=${NOBODY}", "the variable NOBODY is not set"), ("user=x\n", "cannot be used: MissingSection")],
)
def test_what_is_wrong_in_gh_osts_file_is_named(home: Home, text: str, complaint: str) -> None:
    conf = home.write("conf", text)
    with pytest.raises(UsageError, match=complaint):
        home.given(f"--conf={conf}")


# --- Passwords, and what is remembered --------------------------------------------------------------------------------


def password(home: Home, *arguments: str) -> str:
    return password_of(home.parsed("start", *arguments), "me@here", dict(home.environment))


def test_a_password_comes_from_the_strongest_place_that_has_one(home: Home) -> None:
    home.write(".my.cnf", '[client]\npassword="from#file"')
    assert password(home) == "from#file"
    home.write("secret", "from password-file\n")
    home.profiles(
        f"[profile.prod]\npassword-file = '{home.path}/secret'\n[profile.run]\npassword-command = 'printf \"a b\\nc\"'"
    )
    assert password(home, "--profile=prod") == "from password-file"
    assert password(home, "--profile=run") == "a b"
    home.environment = {"MYSQL_PWD": "from MYSQL_PWD"}
    assert password(home, "--profile=prod") == "from MYSQL_PWD"
    home.environment = {"FSM_GHOST_URL": "mysql://me:from%20url@db1"}
    assert password(home, "--profile=prod") == "from url"
    assert password(home, "--password-file", f"{home.path}/secret") == "from password-file"
    assert password(home, "--password=said") == "said"


def test_a_program_that_fails_gives_no_password(home: Home) -> None:
    for command in ("false", "there-is-no-such-program", "'"):
        with pytest.raises(UsageError, match=r"--password-command .* has not worked"):
            password(home, f"--password-command={command}")


def test_a_password_without_a_value_is_asked_for(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.write(".my.cnf", "[client]\npassword")
    monkeypatch.setattr("getpass.getpass", lambda _: "typed")
    assert password(home) == "typed"
    home.environment = {"MYSQL_PWD": "from MYSQL_PWD"}
    assert password(home) == "from MYSQL_PWD"


def test_a_migration_is_not_led_to_another_server_by_files_that_were_not_named(home: Home) -> None:
    known = ServerSettings("db1", 3307, "ghost", encryption=Encryption.VERIFY_CA, ssl_ca="/ca")
    home.write(".my.cnf", "[client]\nuser=me\nsocket=/s\nskip-ssl\npassword=p")
    home.profiles("[profile.default]\nhost = 'db2'\n[profile.named]\nhost = 'db3'")
    named = home.write("named.cnf", "[client]\nhost=db4")
    assert server(home.parsed("resume"), "", known) == known
    assert server(home.parsed("resume", "--profile=named"), "", known).host == "db3"
    assert server(home.parsed("resume", f"--defaults-file={named}"), "", known).host == "db4"
    assert server(home.parsed("resume"), "").host == "db2"  # another host's migration: nothing is remembered
    assert password_of(home.parsed("resume"), "me@here", {}) == "p"


def test_a_file_that_was_named_counts_more_than_one_that_was_found(home: Home) -> None:
    home.profiles("[profile.default]\nuser = 'found'\nport = 1\n[profile.named]\nport = 2")
    conf = home.write("conf", "[client]\nuser=conf")
    named = home.write("named.cnf", "[client]\nuser=defaults-file\nport=3")
    assert home.given(f"--defaults-file={named}")["user"] == "defaults-file"
    assert home.given(f"--defaults-file={named}", f"--conf={conf}")["user"] == "conf"
    assert home.given(f"--defaults-file={named}", f"--conf={conf}", "--profile=named")["port"] == 2


def test_a_statement_counts_more_than_the_schema_in_a_file_or_a_url(home: Home) -> None:
    home.write(".my.cnf", "[client]\ndatabase=test")
    statement = "ALTER TABLE shop.orders ADD c INT"
    assert settings(home.parsed("start", statement), "").schema == "shop"
    assert settings(home.parsed("start", "--url=mysql://db1/test", statement), "").schema == "shop"
    assert settings(home.parsed("start", "ALTER TABLE orders ADD c INT"), "").schema == "test"
    assert settings(home.parsed("start", "--database=said", statement), "").schema == "said"


def test_a_file_that_was_found_does_not_change_what_another_host_has_left(home: Home) -> None:
    left = Settings(ServerSettings(), "shop", "orders", "ADD c INT")
    home.profiles("[profile.default]\ncut-over-kill = 'yes'\nhooks-hint = 'x'")
    assert here(home.parsed("resume", "--from-server"), left, ()) == left


def test_files_ask_for_nothing_anew(home: Home) -> None:
    home.profiles("[profile.named]\npostpone = true\nmax-load = 'a=1'")
    assert change(home.parsed("resume", "--profile=named")) is None
