from __future__ import annotations

import pytest

from fsm_ghost.cli import main
from fsm_ghost.cli.exit_codes import ExitCode
from fsm_ghost.cli.help import COMMANDS, brief, everything, general
from fsm_ghost.cli.options import OPTIONS, options_of
from fsm_ghost.errors import FsmGhostError


@pytest.mark.parametrize("text", [general(), *map(brief, COMMANDS)], ids=["fsm-ghost", *COMMANDS])
def test_help_fits_a_screen_of_24_lines_and_80_columns(text: str) -> None:
    lines = text.splitlines()
    assert len(lines) <= 23  # and the prompt
    assert max(map(len, lines)) <= 79


@pytest.mark.parametrize("command", COMMANDS)
def test_help_all_names_every_option_and_exit_code_in_80_columns(command: str) -> None:
    text = everything(command)
    assert [option.flag for option in options_of(command) if f"{option.flag} " not in text.replace("\n", " ")] == []
    assert all(f"{code:>3}  {code.meaning}" in text for code in ExitCode)
    assert max(map(len, text.splitlines())) <= 79


def test_every_option_belongs_to_commands_that_there_are() -> None:
    assert {command for option in OPTIONS for command in option.commands} <= COMMANDS.keys()


@pytest.mark.parametrize("flag", ["-h", "--help", "-help"])
def test_help_is_shown_whatever_else_is_said(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["start", "--execute", flag, "--nonsense"]) == 0
    assert capsys.readouterr().out == brief("start") + "\n"


@pytest.mark.parametrize("arguments", [["help", "start", "--help-all"], ["start", "--help-all"]])
def test_all_help_is_a_flag_away(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 0
    assert capsys.readouterr().out == everything("start") + "\n"


@pytest.mark.parametrize("arguments", [[], ["-h"], ["help"], ["--help"]])
def test_without_a_command_there_is_an_overview(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 0
    assert capsys.readouterr().out == general() + "\n"


def _all_errors(kind: type[FsmGhostError]) -> set[type[FsmGhostError]]:
    return {kind}.union(*(_all_errors(child) for child in kind.__subclasses__()))


def test_every_error_has_an_exit_code_that_is_explained() -> None:
    assert {kind.exit_code for kind in _all_errors(FsmGhostError)} <= set(ExitCode)
