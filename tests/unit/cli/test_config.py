from __future__ import annotations

import json

import pytest

from fsm_ghost.cli import config
from fsm_ghost.cli.option import Group
from fsm_ghost.cli.options import options_of
from tests.unit.cli.configured import Home


def shown(home: Home, capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, tuple[object, str]]:
    assert config.run(home.parsed("config", "show", "--json", *arguments)) == 0
    return {row["option"]: (row["value"], row["origin"]) for row in json.loads(capsys.readouterr().out)}


def test_every_option_is_shown_with_its_value_and_its_origin(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    home.write(".my.cnf", "[client]\nuser=me\nssl-ca=/ca")
    home.environment = {"FSM_GHOST_NICE_RATIO": "0.5"}
    found = shown(home, capsys, "--chunk-size=5")
    assert found["user"] == ("me", f"{home.path}/.my.cnf, line 2")
    assert found["ssl-mode"] == ("VERIFY_CA", f"{home.path}/.my.cnf, line 3")
    assert found["nice-ratio"] == (0.5, "FSM_GHOST_NICE_RATIO")
    assert found["chunk-size"] == (5, "--chunk-size")
    assert found["host"] == ("127.0.0.1", "default")
    ours = {option.name for option in options_of("start") if option.group not in {Group.GH_OST, Group.REFUSED}}
    assert ours <= found.keys()


def test_no_password_is_shown(home: Home, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    home.profiles("[profile.prod]\nhooks-hint-token = 'hunter2'\nurl = 'mysql://me:hunter2@db1'")
    named = ("--master-password=hunter2", "--assume-master-host=db1", "--notify-url=https://h/hunter2")
    found = shown(home, capsys, "--profile=prod", *named, "--throttle-http=https://h/may-i?key=hunter2")
    assert "hunter2" not in str(found)
    assert found["password"][0] == found["url"][0] == found["hooks-hint-token"][0] == "********"
    assert found["notify-url"][0] == "********"
    assert found["throttle-http"][0] == "https://h/may-i?(not shown)"
    monkeypatch.setenv("MYSQL_PWD", "hunter2")
    assert shown(home, capsys)["password"] == ("********", "MYSQL_PWD")


def test_people_get_columns(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert config.run(home.parsed("config", "show", "--execute", "--max-load=a=1")) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines if line.startswith(("execute ", "max-load "))] == [
        ["execute", "true", "--execute"],
        ["max-load", "a=1", "--max-load"],
    ]
