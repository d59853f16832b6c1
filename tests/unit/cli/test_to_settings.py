# ruff: noqa: S106 - passwords of nobody
from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from fsm_ghost.cli.arguments import parse
from fsm_ghost.cli.options import options_of
from fsm_ghost.cli.to_settings import change, here, named_table, server, settings
from fsm_ghost.errors import UsageError
from fsm_ghost.model.plan import Lossy
from fsm_ghost.model.progress import Progress
from fsm_ghost.settings import (
    CutOverSettings,
    Encryption,
    HookSettings,
    Kill,
    ServerSettings,
    Settings,
    ThrottleSettings,
)

_NOWHERE: dict[str, str] = {}
_WHAT = ("--database=shop", "--table=orders", "--alter=ADD c INT")


def asked(*arguments: str, password: str = "") -> Settings:
    return settings(parse("start", arguments, _NOWHERE), password)


def test_what_is_not_asked_for_is_what_settings_have_by_default() -> None:
    assert asked(*_WHAT) == Settings(ServerSettings(), "shop", "orders", "ADD c INT")


def test_the_defaults_that_help_shows_are_those_of_settings() -> None:
    for option in options_of("start"):
        if option.sets and option.sets not in {"schema", "table", "alter"}:
            assert asked(*_WHAT, f"{option.flag}={option.default}") == asked(*_WHAT), option.name


def test_copy_workers_are_a_number_or_left_to_the_server() -> None:
    assert asked(*_WHAT, "--copy-workers=3").copy.workers == 3
    assert asked(*_WHAT, "--copy-workers=auto").copy.workers == 0


def test_a_whole_gh_ost_command_line_becomes_settings(tmp_path: Path) -> None:
    found = asked(
        "-host=db1", "-port", "3307", "-user=ghost", "-database", "shop", "-table=orders", "-alter", "ADD c INT",
        "-allow-on-master", "-chunk-size=500", "-cut-over-lock-timeout-seconds", "3", "-default-retries=120",
        "-ok-to-drop-table", "-initially-drop-ghost-table", "-exact-rowcount=true", "-assume-rbr", "-cut-over=default",
        f"-postpone-cut-over-flag-file={tmp_path}/flag", f"-hooks-path={tmp_path}", "-verbose", "-execute",
        password="pw",
    )  # fmt: skip
    assert found.server == ServerSettings("db1", 3307, "ghost", password="pw")
    assert (found.schema, found.table, found.alter, found.execute) == ("shop", "orders", "ADD c INT", True)
    assert found.copy.chunk_size == 500
    assert (found.cut_over.lock_timeout, found.cut_over.attempts, found.cut_over.drop_old_table) == (3.0, 120, True)
    assert (found.cut_over.postpone_flag_file, found.hooks.path) == (f"{tmp_path}/flag", str(tmp_path))


def test_how_the_cut_over_is_steered_is_asked_for() -> None:
    found = asked(
        *_WHAT, "--postpone", "--cut-over-window", "22:00-04:30", "--cut-over-kill=yes", "--cut-over-kill-age=60",
        "--cut-over-kill-users", "app, reports,",
    )  # fmt: skip
    assert found.cut_over == CutOverSettings(
        postpone=True, window="22:00-04:30", kill=Kill.YES, kill_age=60, kill_users=("app", "reports")
    )


@pytest.mark.parametrize("kill", Kill)
def test_a_policy_of_killing_has_the_name_that_help_shows(kill: Kill) -> None:
    assert asked(*_WHAT, f"--cut-over-kill={kill}").cut_over.kill is kill
    (option,) = (option for option in options_of("start") if option.name == "cut-over-kill")
    assert set(option.choices) == set(Kill)


def test_verification_can_be_left_out() -> None:
    assert asked(*_WHAT, "--no-verify").verify is False
    assert asked(*_WHAT, "--no-verify=false").verify is True


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE shop.orders ADD c INT",
        "alter  online table\n`shop` . `orders` add c int;",
        "/* ticket 7 */ ALTER IGNORE TABLE shop.orders ADD c INT",
    ],
)
def test_a_whole_statement_names_its_table(statement: str) -> None:
    found = asked(statement)
    assert (found.schema, found.table) == ("shop", "orders")
    assert "c" in found.alter


def test_a_statement_may_leave_the_schema_to_a_flag() -> None:
    assert asked("ALTER TABLE orders ADD c INT", "--database", "shop").schema == "shop"


def test_a_whole_statement_may_also_be_given_as_alter() -> None:
    found = asked("--alter=ALTER TABLE shop.orders ADD c INT")
    assert (found.schema, found.table) == ("shop", "orders")


def test_names_are_taken_out_of_their_quotes() -> None:
    assert named_table("ALTER TABLE `a.b`.`c``d` ADD e INT") == ("a.b", "c`d")


@pytest.mark.parametrize("text", ["ADD c INT", "ALTER VIEW v", "ALTER TABLE", "DROP TABLE a.b", "", "ALTER TABLE ()"])
def test_other_texts_name_no_table(text: str) -> None:
    assert named_table(text) is None


@pytest.mark.parametrize(
    "arguments, complaint",
    [
        (["ADD c INT"], "no ALTER TABLE, CREATE INDEX or DROP INDEX statement"),
        (["ALTER", "TABLE", "shop.orders"], "start takes one statement, not 3 words"),
        (["ALTER TABLE a.b ADD c INT", "--alter=ADD d INT"], "two statements"),
        (["ALTER TABLE orders ADD c INT"], "--database is missing"),
        (["--database=shop", "--alter=ADD c INT"], "--table is missing"),
        (["--database=shop", "--table=orders"], "--alter is missing"),
        ([*_WHAT, "--port=0"], "--port must lie between"),
        ([*_WHAT, "--ssl-key=/x"], "--ssl-key needs --ssl-cert"),
        ([*_WHAT, "--chunk-size=-1"], "--chunk-size must lie between"),
        ([*_WHAT, "--copy-workers=0"], "--copy-workers must be a number from 1 on, or auto, not '0'"),
        ([*_WHAT, "--copy-workers=many"], "--copy-workers must be a number from 1 on, or auto, not 'many'"),
        ([*_WHAT, "--copy-workers=33"], "--copy-workers must lie between"),
        ([*_WHAT, "--hooks-path=/nowhere/at/all"], "not a directory"),
        ([*_WHAT, "--cut-over-window=2-4"], "--cut-over-window must be written as 02:00-04:00, not 2-4"),
        ([*_WHAT, "--cut-over-window=04:00-04:00"], "never open"),
        ([*_WHAT, "--cut-over-kill=perhaps"], "--cut-over-kill must be one of no, list, yes"),
        ([*_WHAT, "--cut-over-kill-age=-1"], "--cut-over-kill-age must lie between"),
        ([*_WHAT, "--cut-over-kill-age=1.5"], "--cut-over-kill-age: not a whole number"),
    ],
)
def test_what_cannot_be_carried_out_is_refused_with_a_reason(arguments: list[str], complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        asked(*arguments)


def test_a_server_is_remembered_but_for_what_is_given_again() -> None:
    known = ServerSettings("db1", 3307, "ghost", encryption=Encryption.VERIFY_CA, ssl_ca="/ca.pem")
    found = server(parse("resume", ["--user=root"], _NOWHERE), "pw", known)
    assert found == replace(known, user="root", password="pw")


def test_a_host_given_again_replaces_a_remembered_socket() -> None:
    known = ServerSettings(socket="/run/mysqld.sock", user="ghost")
    found = server(parse("resume", ["--host=db2"], _NOWHERE), "", known)
    assert (found.host, found.socket) == ("db2", "")


def test_host_and_socket_may_be_given_together() -> None:
    found = server(parse("start", ["--host=db2", "-S", "/s"], _NOWHERE), "")
    assert (found.host, found.socket) == ("db2", "/s")


# --- What is asked for anew by a resume -------------------------------------------------------------------------------

_BEGUN = Settings(
    ServerSettings(),
    "shop",
    "orders",
    "ADD c INT",
    execute=True,
    cut_over=CutOverSettings(0.5, 7, "/flag", drop_old_table=True, window="01:00-02:00", kill=Kill.LIST, kill_age=9),
)
_COPYING = Progress(rows=7)


def resumed(*arguments: str, postponed: bool | None = None) -> tuple[CutOverSettings, bool | None]:
    """The settings with which a migration goes on, and what counts of what was asked for while it ran."""
    changed = change(parse("resume", arguments, _NOWHERE))
    assert changed is not None
    found, progress = changed(_BEGUN, replace(_COPYING, postponed=postponed))
    assert replace(found, cut_over=_BEGUN.cut_over) == _BEGUN
    assert replace(progress, postponed=None) == _COPYING
    return found.cut_over, progress.postponed


def test_what_is_not_said_again_stays_as_it_was() -> None:
    assert change(parse("resume", ["--host=db2", "--user=root"], _NOWHERE)) is None
    assert resumed("--cut-over-kill=yes")[0] == replace(_BEGUN.cut_over, kill=Kill.YES)


def test_what_is_said_again_counts() -> None:
    found, _ = resumed("--postpone", "--cut-over-window=", "--cut-over-kill-age=60", "--cut-over-kill-users=app")
    assert found == replace(_BEGUN.cut_over, postpone=True, window="", kill_age=60, kill_users=("app",))


@pytest.mark.parametrize(
    "argument, asked_before, counts",
    [
        ("--postpone", False, None),
        ("--postpone", True, None),
        ("--postpone=false", True, None),
        ("--cut-over-window=03:00-04:00", False, None),
        ("--cut-over-window=03:00-04:00", True, True),
        ("--cut-over-window=", False, False),
        ("--cut-over-kill=yes", False, False),
        ("--cut-over-kill=yes", True, True),
    ],
)
def test_the_last_word_on_when_to_swap_counts(argument: str, *, asked_before: bool, counts: bool | None) -> None:
    assert resumed(argument, postponed=asked_before)[1] is counts


def test_who_is_told_of_a_migration_may_be_changed_on_the_way() -> None:
    changed = change(parse("resume", ["--notify-url=https://h/new"], _NOWHERE))
    assert changed is not None
    told = replace(_BEGUN, hooks=HookSettings(hint="x", notify_url="https://h/old"))
    assert changed(told, _COPYING)[0] == replace(told, hooks=HookSettings(hint="x", notify_url="https://h/new"))
    with pytest.raises(UsageError, match="--notify-url"):
        change(parse("resume", ["--notify-url=file:///etc/passwd"], _NOWHERE))


def taken_over_with(*arguments: str) -> Settings:
    """What a migration is asked for once another host has it that was begun with secrets."""
    left = replace(_BEGUN, cut_over=CutOverSettings())
    return here(parse("resume", ("--from-server", *arguments), _NOWHERE), left, ("hooks-hint-token", "throttle-http"))


def test_secrets_that_are_not_on_the_server_are_asked_for_anew() -> None:
    with pytest.raises(UsageError, match="--hooks-hint-token and --throttle-http; ") as refused:
        taken_over_with()
    assert "--hooks-hint-token= --throttle-http=" in refused.value.remedy
    with pytest.raises(UsageError, match="begun with --throttle-http; "):
        taken_over_with("--hooks-hint-token=new")
    found = taken_over_with("--hooks-hint-token=new", "--throttle-http=https://h/?key=new")
    assert (found.hooks.hint_token, found.throttle.http) == ("new", "https://h/?key=new")


def test_one_may_go_on_without_the_secrets_of_another_host() -> None:
    found = taken_over_with("--hooks-hint-token=", "--throttle-http=")
    assert (found.hooks.hint_token, found.throttle) == ("", ThrottleSettings())


def test_what_is_asked_of_hooks_is_in_the_settings() -> None:
    found = asked(*_WHAT, "--hooks-status-interval=0", "--hooks-timeout=2.5", "--notify-url=http://h/")
    assert found.hooks == HookSettings(timeout=2.5, status_interval=0, notify_url="http://h/")


@pytest.mark.parametrize("wrong", ["--hooks-timeout=0", "--hooks-status-interval=-1"])
def test_times_of_hooks_that_make_no_sense_are_refused(wrong: str) -> None:
    with pytest.raises(UsageError, match="must lie between"):
        asked(*_WHAT, wrong)


def test_the_environment_is_for_beginning_a_migration() -> None:
    """A `cut-over` would be forgotten whenever somebody resumes where the variable is still set."""
    assert change(parse("resume", [], {"FSM_GHOST_POSTPONE": "true"})) is None


def test_what_makes_no_sense_is_refused_before_anything_is_resumed() -> None:
    with pytest.raises(UsageError, match="must be written as"):
        change(parse("resume", ["--cut-over-window=tonight"], _NOWHERE))


def test_columns_that_become_others_and_what_may_be_lost_are_lists_of_pairs() -> None:
    found = asked(
        *_WHAT, "--map", "a=b,`c,d`=`e=f`", "--allow-lossy", "a=truncate,g=default", "--quarantine"
    ).definition
    assert found.mapped == (("a", "b"), ("c,d", "e=f"))
    assert found.lossy == (("a", Lossy.TRUNCATE), ("g", Lossy.DEFAULT))
    assert found.quarantine


@pytest.mark.parametrize("words", [("--map", "a"), ("--map", "a=b=c"), ("--allow-lossy", "a=guess")])
def test_a_list_of_pairs_that_is_none_is_refused(words: tuple[str, str]) -> None:
    with pytest.raises(UsageError, match="must be"):
        asked(*_WHAT, *words)


def test_whoever_resumes_may_change_what_could_be_changed_while_it_ran_and_who_is_told_about_it(tmp_path: Path) -> None:
    given = ("--chunk-size=500", "--default-retries=7", "--serve-tcp-port=4711", f"--serve-token-file={tmp_path}/t")
    asked_anew = change(parse("resume", [*given, "--statsd-tags=env:test, team:db", "--metrics-port=9104"], _NOWHERE))
    assert asked_anew is not None
    before = asked(*_WHAT, "--nice-ratio=2", "--metrics-host=0.0.0.0")
    after, _ = asked_anew(before, Progress())
    assert (after.copy.chunk_size, after.cut_over.attempts, after.throttle) == (500, 7, before.throttle)
    assert (after.control.tcp_port, after.control.token_file) == (4711, f"{tmp_path}/t")
    assert (after.metrics.port, after.metrics.host) == (9104, "0.0.0.0")  # noqa: S104 - nobody listens
    assert after.metrics.statsd_tags == ("env:test", "team:db")
