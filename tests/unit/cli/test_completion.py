from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence

import pytest

from fsm_ghost.cli import main
from fsm_ghost.cli.completion import SHELLS
from fsm_ghost.cli.help import COMMANDS
from fsm_ghost.cli.options import OPTIONS

_WORTH_COMPLETING = [option for option in OPTIONS if not option.is_refused]


@pytest.mark.parametrize("shell", SHELLS)
def test_a_script_knows_every_command_and_option(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert [name for name in COMMANDS if name not in script] == []
    flag = "-l {} " if shell == "fish" else "--{}"
    assert [option.name for option in _WORTH_COMPLETING if flag.format(option.name) not in script] == []


def test_a_script_for_another_shell_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "tcsh"]) == 2
    assert "bash, zsh, fish" in capsys.readouterr().err


@pytest.mark.parametrize("shell", SHELLS)
def test_a_script_is_one(shell: str) -> None:
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not here")
    done = subprocess.run([shell, "-n"], input=SHELLS[shell](), text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def completed(*words: str) -> list[str]:
    """What bash proposes for the last word; it takes an equals sign for a word of its own."""
    typed = " ".join(f"'{word}'" for word in words)
    asked = f"COMP_WORDS=({typed}); COMP_CWORD={len(words) - 1}; _fsm_ghost; echo ${{COMPREPLY[@]}}"
    command = ["/bin/bash", "--norc", "-c", f"{SHELLS['bash']()}\n{asked}"]
    done = subprocess.run(command, text=True, capture_output=True, check=True)
    return done.stdout.split()


@pytest.mark.parametrize(
    "words, proposed",
    [
        (["fsm-ghost", "re"], ["resume", "report", "rehearse"]),
        (["fsm-ghost", "start", "--chunk"], ["--chunk-size"]),
        (["fsm-ghost", "start", "--ui", "p"], ["plain"]),
        (["fsm-ghost", "start", "--ui", "=", "p"], ["plain"]),
        (["fsm-ghost", "start", "--ui", "="], ["auto", "live", "plain", "json", "gh-ost", "none"]),
        (["fsm-ghost", "status", "--chunk"], []),
        (["fsm-ghost", "start", "--rever"], []),
        (["fsm-ghost", "completion", "b"], ["bash"]),
        (["fsm-ghost", "config", "sh"], ["show"]),
        (["fsm-ghost", "start", "--ssl-ca", "/dev/nul"], ["/dev/null"]),
    ],
)
def test_bash_proposes_what_fits(words: Sequence[str], proposed: list[str]) -> None:
    assert completed(*words) == proposed
