from __future__ import annotations

import json
from pathlib import Path

import pytest

from fsm_ghost.cli.arguments import Values, parse
from fsm_ghost.cli.option import Group, Kind, Option
from fsm_ghost.cli.options import OPTIONS, options_of
from fsm_ghost.cli.to_settings import settings
from fsm_ghost.errors import UsageError

_NOWHERE: dict[str, str] = {}
_GH_OST = json.loads((Path(__file__).parent / "gh-ost-flags.json").read_text())


def given(command: str, *arguments: str) -> dict[str, object]:
    return {name: said.value for name, said in parse(command, arguments, _NOWHERE).given.items()}


@pytest.mark.parametrize(
    "arguments",
    [["--chunk-size", "500"], ["--chunk-size=500"], ["-chunk-size", "500"], ["-chunk-size=500"]],
)
def test_a_flag_may_have_one_dash_or_two_and_its_value_beside_it_or_behind_an_equals_sign(
    arguments: list[str],
) -> None:
    assert given("start", *arguments) == {"chunk-size": 500}


@pytest.mark.parametrize(
    "text, meant",
    [
        ("--execute", True),
        ("-execute", True),
        ("--execute=true", True),
        ("--execute=T", True),
        ("--execute=1", True),
        ("--execute=false", False),
        ("--execute=0", False),
        ("--execute=F", False),
    ],
)
def test_a_switch_may_be_given_a_truth_value_as_go_takes_it(text: str, *, meant: bool) -> None:
    assert given("start", text) == {"execute": meant}


def test_a_switch_does_not_take_the_next_argument_as_its_value() -> None:
    values = parse("start", ["--execute", "ALTER TABLE a.b ADD c INT"], _NOWHERE)
    assert values.words == ("ALTER TABLE a.b ADD c INT",)
    assert values.is_on("execute")


def test_a_value_may_begin_with_a_dash() -> None:
    assert given("start", "--alter", "-- a comment\nADD c INT") == {"alter": "-- a comment\nADD c INT"}


def test_a_value_may_hold_equals_signs() -> None:
    assert given("start", "--alter=ADD c INT DEFAULT 1 COMMENT 'a=b'") == {"alter": "ADD c INT DEFAULT 1 COMMENT 'a=b'"}


def test_a_value_may_be_empty() -> None:
    assert given("start", "--hooks-hint=", "--password", "") == {"hooks-hint": "", "password": ""}


def test_the_last_of_two_values_counts() -> None:
    assert given("start", "--port=1", "--port=2") == {"port": 2}


def test_after_two_dashes_nothing_is_a_flag() -> None:
    assert parse("start", ["--", "--execute"], _NOWHERE).words == ("--execute",)


@pytest.mark.parametrize("arguments", [["-S", "/run/s"], ["-S/run/s"], ["-S=/run/s"], ["-socket", "/run/s"]])
def test_the_socket_has_a_short_flag(arguments: list[str]) -> None:
    assert given("start", *arguments) == {"socket": "/run/s"}


@pytest.mark.parametrize(
    "typed, meant",
    [
        ("--tabel", "--table"),
        ("-excute", "--execute"),
        ("--chunk_size=5", "--chunk-size"),
        ("--HOST", "--host"),
        ("--postpone-cutover-flag-file", "--postpone-cut-over-flag-file"),
    ],
)
def test_an_unknown_flag_is_answered_with_the_one_that_was_probably_meant(typed: str, meant: str) -> None:
    with pytest.raises(UsageError, match="unknown flag") as caught:
        parse("start", [typed, "x"], _NOWHERE)
    assert caught.value.remedy == f"Did you mean {meant}?"


def test_a_flag_like_no_other_is_answered_with_where_to_look() -> None:
    with pytest.raises(UsageError) as caught:
        parse("start", ["--zzz"], _NOWHERE)
    assert caught.value.remedy == "See: fsm-ghost start -h"


def test_a_value_given_to_an_unknown_flag_is_not_repeated() -> None:
    with pytest.raises(UsageError) as caught:
        parse("start", ["--pasword=hunter2"], _NOWHERE)
    assert "hunter2" not in str(caught.value)


def test_beginnings_of_flags_are_not_guessed() -> None:
    with pytest.raises(UsageError, match="unknown flag --chunk"):
        parse("start", ["--chunk=5"], _NOWHERE)


def test_a_flag_of_another_command_is_named_as_such() -> None:
    with pytest.raises(UsageError, match="resume has no --alter; it belongs to: start"):
        parse("resume", ["--alter", "x"], _NOWHERE)


def test_a_protection_of_gh_osts_that_is_not_there_is_refused_rather_than_ignored() -> None:
    with pytest.raises(UsageError, match="does not have gh-ost's --include-triggers"):
        parse("start", ["--include-triggers"], _NOWHERE)


@pytest.mark.parametrize(
    "arguments, complaint",
    [
        (["--port=x"], "--port: not a whole number: 'x'"),
        (["--port"], "--port needs a value"),
        (["--execute=perhaps"], "--execute: neither true nor false"),
        (["--cut-over-lock-timeout-seconds=nan"], "not a number"),
        (["--cut-over-lock-timeout-seconds=inf"], "not a number"),
        (["--ui=fancy"], "--ui must be one of auto, .*, not 'fancy'"),
        (["--cut-over=two-step"], "--cut-over must be one of atomic, default"),
    ],
)
def test_a_wrong_value_is_named(arguments: list[str], complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        parse("start", arguments, _NOWHERE)


def test_every_option_may_come_from_the_environment() -> None:
    values = parse("start", ["--port=1"], {"FSM_GHOST_PORT": "2", "FSM_GHOST_CHUNK_SIZE": "7", "FSM_GHOST_SSL": "true"})
    assert values["port"] == 1
    assert values["chunk-size"] == 7
    assert values.is_on("ssl")


def test_paths_are_made_absolute_because_they_are_remembered(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/me")
    assert given("start", "--hooks-path=hooks", "--ssl-ca=~/ca.pem", "--socket=") == {
        "hooks-path": f"{tmp_path}/hooks",
        "ssl-ca": "/home/me/ca.pem",
        "ssl-mode": "VERIFY_CA",
        "socket": "",
    }


def test_an_empty_variable_is_none() -> None:
    assert parse("start", [], {"FSM_GHOST_PORT": ""}).given == {}


def test_a_variable_that_is_almost_an_options_is_told() -> None:
    (note,) = parse("start", [], {"FSM_GHOST_MAXLOAD": "Threads_running=25"}).remarks()
    assert note == "the variable FSM_GHOST_MAXLOAD means nothing; did you mean FSM_GHOST_MAX_LOAD?"


@pytest.mark.parametrize("name", ["CRASH_AT", "HOOK_KEY", "HOOK_ATTEMPT", "MYSQLD", "MARIADBD", "TEST_SERVERS", "DEEP"])
def test_variables_with_a_meaning_of_their_own_are_not_told(name: str) -> None:
    assert parse("start", [], {f"FSM_GHOST_{name}": "x"}).remarks() == ()


def test_a_hook_that_calls_us_is_not_told_of_the_variables_that_it_was_given() -> None:
    told = {"FSM_GHOST_TABLE_NAME": "orders", "FSM_GHOST_HOOK_TO": "sync"}
    assert len(parse("status", [], told).remarks()) == 2
    assert parse("status", [], {**told, "FSM_GHOST_HOOK_KEY": "x"}).remarks() == ()


def test_a_wrong_value_in_the_environment_names_the_variable() -> None:
    with pytest.raises(UsageError, match="FSM_GHOST_PORT: not a whole number"):
        parse("start", [], {"FSM_GHOST_PORT": "x"})
    with pytest.raises(UsageError, match="FSM_GHOST_UI must be one of auto"):
        parse("start", [], {"FSM_GHOST_UI": "fancy"})


def test_what_is_not_given_has_the_tables_default() -> None:
    values = parse("start", [], _NOWHERE)
    assert values["host"] == "127.0.0.1"
    assert "host" not in values


def test_the_representation_of_values_shows_no_password() -> None:
    assert "hunter2" not in repr(parse("start", ["--password=hunter2"], _NOWHERE))


def test_flags_with_a_remark_say_it() -> None:
    (remark,) = parse("start", ["--initially-drop-ghost-table", "--allow-on-master"], _NOWHERE).remarks()
    assert "fsm-ghost cleanup" in remark
    assert parse("start", ["--initially-drop-ghost-table=false"], _NOWHERE).remarks() == ()


def test_every_flag_of_gh_ost_is_known() -> None:
    known = {option.name for option in options_of("start")} | {"help", "version"}
    assert {flag["name"] for flag in _GH_OST} <= known


@pytest.mark.parametrize("option", [option for option in OPTIONS if option.is_refused], ids=lambda option: option.name)
def test_a_flag_that_is_refused_may_ask_for_nothing_and_is_answered_with_what_to_do_instead(option: Option) -> None:
    """Wrappers of gh-ost name every flag, with false or nothing as the value."""
    nothing, something = {Kind.SWITCH: ("false", "true"), Kind.NUMBER: ("0", "1")}.get(option.kind, ("", "x"))
    parse("start", [f"{option.flag}={nothing}"], _NOWHERE)
    with pytest.raises(UsageError, match=f"does not have .*{option.flag}") as caught:
        parse("start", [f"{option.flag}={something}"], _NOWHERE)
    assert len(caught.value.remedy) > len("See: fsm-ghost start -h")
    with pytest.raises(UsageError):
        parse("start", [], {option.variable: something})


@pytest.mark.parametrize(
    "option", [option for option in OPTIONS if option.group is Group.GH_OST], ids=lambda option: option.name
)
def test_a_flag_without_effect_is_accepted_changes_nothing_and_has_a_reason(option: Option) -> None:
    value = {Kind.SWITCH: "true", Kind.NUMBER: "7"}.get(option.kind, next(iter(option.choices), "x"))
    what = ["--database=a", "--table=b", "--alter=ADD c INT"]
    assert settings(parse("start", [*what, f"{option.flag}={value}"], _NOWHERE), "") == settings(
        parse("start", what, _NOWHERE), ""
    )
    assert len(option.help) > 5
    if option.kind is Kind.TEXT:
        parse("start", [f"{option.flag}="], _NOWHERE)


def test_flags_with_gh_osts_names_take_what_gh_ost_takes() -> None:
    kinds = {
        "bool": {Kind.SWITCH},
        "int": {Kind.NUMBER, Kind.DECIMAL},
        "float": {Kind.DECIMAL},
        "str": {Kind.TEXT, Kind.PATH},
    }
    ours = {option.name: option for option in options_of("start")}
    for flag in _GH_OST:
        if flag["name"] in ours:
            assert ours[flag["name"]].kind in kinds[flag["type"]], flag["name"]


def test_options_say_truly_whether_their_name_is_gh_osts() -> None:
    names = {flag["name"] for flag in _GH_OST}
    assert [option.name for option in OPTIONS if option.gh_ost != (option.name in names)] == []


def test_no_name_stands_twice_in_the_table() -> None:
    names = [option.name for option in OPTIONS]
    assert len(names) == len(set(names))


def test_values_are_off_for_switches_that_a_command_does_not_have() -> None:
    assert not Values("diagram").is_on("debug")
