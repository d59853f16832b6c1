# ruff: noqa: S105, S106 - passwords of nobody
from __future__ import annotations

import getpass
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from fsm_ghost.cli import main
from fsm_ghost.cli.arguments import parse
from fsm_ghost.cli.password import _secrets, password_of, was_on_command_line
from fsm_ghost.errors import UsageError

SECRET = "hunter2-sésame"


def found(*arguments: str, **environment: str) -> str:
    return password_of(parse("start", arguments, environment), "ghost@db1", environment)


def test_without_a_source_there_is_no_password() -> None:
    assert found() == ""


def test_it_comes_from_the_command_line_before_the_environment() -> None:
    assert found("--password=one", MYSQL_PWD="two", FSM_GHOST_PASSWORD="three") == "one"


def test_our_own_variable_comes_before_mysqls() -> None:
    assert found(MYSQL_PWD="two", FSM_GHOST_PASSWORD="three") == "three"
    assert found(MYSQL_PWD="two") == "two"


def test_variables_are_taken_out_of_the_environment_so_that_hooks_do_not_get_them() -> None:
    environment = {"MYSQL_PWD": "two", "FSM_GHOST_PASSWORD": "three", "HOME": "/root"}
    password_of(parse("start", [], environment), "ghost@db1", environment)
    assert environment == {"HOME": "/root"}


def test_a_file_gives_its_first_line(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(" top secret \r\nsomething else\n", encoding="utf-8")
    assert found(f"--password-file={file}", MYSQL_PWD="two", FSM_GHOST_PASSWORD="three") == " top secret "


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--password-file .*nothing cannot be read"):
        found(f"--password-file={tmp_path}/nothing")


def test_it_is_asked_for_with_the_account_in_the_prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    prompts: list[str] = []

    def answer(prompt: str) -> str:
        prompts.append(prompt)
        return SECRET

    monkeypatch.setattr(getpass, "getpass", answer)
    assert found("--ask-pass", "--password=one") == SECRET
    assert prompts == ["Password for ghost@db1: "]


def test_only_a_password_on_the_command_line_is_warned_of() -> None:
    assert was_on_command_line(parse("start", ["--password=x"], {}))
    assert not was_on_command_line(parse("start", [], {"FSM_GHOST_PASSWORD": "x"}))


@contextmanager
def a_server_that_never_answers() -> Iterator[int]:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        yield listener.getsockname()[1]


@pytest.mark.parametrize("form", [["--password", SECRET], [f"--password={SECRET}"], [f"-password={SECRET}"]])
def test_a_password_on_the_command_line_vanishes_from_the_process_list(form: list[str], tmp_path: Path) -> None:
    state = f"--state-db={tmp_path}/state.db"
    alter = f"ALTER TABLE shop.orders COMMENT '{SECRET}'"  # only the password's own argument is overwritten
    with a_server_that_never_answers() as port:
        command = [sys.executable, "-m", "fsm_ghost", "start", *form, f"--port={port}", state, alter]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        try:
            shown = _arguments_once(process.pid, hidden=form[-1])
            environment = Path(f"/proc/{process.pid}/environ").read_bytes()
            assert process.stderr is not None
            warning = process.stderr.readline()
        finally:
            process.kill()
            _, more = process.communicate()
    assert shown == [*command[:4], *(_crossed_out(argument) for argument in form), *command[-3:]]
    assert SECRET.encode() not in environment
    assert "--ask-pass" in warning
    assert SECRET not in warning + more


@pytest.mark.parametrize("name", ["notify-url", "hooks-hint-token", "throttle-http"])
def test_whatever_may_be_a_secret_vanishes_from_the_process_list_as_a_password_does(name: str) -> None:
    assert _secrets(["start", f"--{name}", SECRET]) == [(2, SECRET)]
    assert _secrets(["start", f"--{name}={SECRET}"]) == [(1, SECRET)]


def test_a_url_that_is_said_to_a_running_migration_vanishes_from_the_process_list() -> None:
    assert _secrets(["control", "abc", f"throttle-http={SECRET}"]) == [(2, SECRET)]


def test_a_password_in_a_url_vanishes_from_the_process_list(tmp_path: Path) -> None:
    with a_server_that_never_answers() as port:
        url = f"mysql://me:{SECRET}@127.0.0.1:{port}"
        command = [sys.executable, "-m", "fsm_ghost", "start", f"--state-db={tmp_path}/state.db", "--url", url]
        process = subprocess.Popen([*command, "ALTER TABLE a.b ADD c INT"], stderr=subprocess.PIPE, text=True)
        try:
            shown = _arguments_once(process.pid, hidden=url)
            assert process.stderr is not None
            warning = process.stderr.readline()
        finally:
            process.kill()
            _, more = process.communicate()
    assert SECRET not in " ".join(shown) + warning + more
    assert "--ask-pass" in warning


def _crossed_out(argument: str) -> str:
    return argument.replace(SECRET, "x" * len(SECRET.encode()))


def _arguments_once(pid: int, hidden: str) -> list[str]:
    """The arguments that others see, once `hidden` is none of them."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        shown = os.fsdecode(Path(f"/proc/{pid}/cmdline").read_bytes()).split("\0")[:-1]
        if len(shown) > 3 and hidden not in shown:
            return shown
        time.sleep(0.01)
    raise AssertionError("the password is still to be seen")


def test_no_file_of_ours_holds_the_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MYSQL_PWD", SECRET)
    state = tmp_path / "state.db"
    arguments = ["start", "--port=1", f"--state-db={state}", "--debug", "--ui=plain", "ALTER TABLE a.b ADD c INT"]
    assert main(arguments) == 75
    assert all(SECRET.encode() not in file.read_bytes() for file in tmp_path.iterdir())
    assert SECRET not in "".join(capsys.readouterr())
