"""Where the password comes from, and how it is kept from being seen.

It is never stored, logged or represented. One that was given on the command line is overwritten in this process's
memory, which is what `ps` and /proc/PID/cmdline show; one from the environment is not handed on to hooks.
"""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import MutableMapping
from pathlib import Path

from fsm_ghost.cli.arguments import Values
from fsm_ghost.cli.complaint import complain
from fsm_ghost.errors import UsageError

VARIABLES = ("FSM_GHOST_PASSWORD", "MYSQL_PWD")
_WARNING = (
    "others could see the password that was given on the command line; better: --ask-pass, --password-file or MYSQL_PWD"
)


def account_at(user: str, address: str) -> str:
    """Whose password is asked for, in words."""
    return f"{user}@{address}" if user else address


def password_of(values: Values, account: str, environment: MutableMapping[str, str] = os.environ) -> str:
    """The password, from the first source that was named; empty when there is none. Warns of one that could be seen."""
    if was_on_command_line(values):
        complain(_WARNING)
    inherited = [environment.pop(name, "") for name in VARIABLES]
    if values.is_on("ask-pass"):
        return getpass.getpass(f"Password for {account}: ")
    if "password-file" in values and not was_on_command_line(values):
        return _first_line(Path(values.text("password-file")))
    return values.text("password") or next(filter(None, inherited), "")


def was_on_command_line(values: Values) -> bool:
    """Whether a password was given where others could see it."""
    return "password" in values and "password" not in values.from_environment


def hide_from_process_list() -> bool:
    """Overwrite the values of --password in the process's own argument list; whether nothing is left to be seen."""
    arguments = sys.argv[1:]
    secrets = dict(_secrets(arguments))
    if not secrets:
        return True
    try:
        hidden = _overwrite(arguments, secrets)
    except (OSError, ValueError, IndexError):
        hidden = False
    for place, text in secrets.items():
        for shown in (sys.argv, sys.orig_argv):
            _replace(shown, place - len(arguments), text)
    return hidden


def _secrets(arguments: list[str]) -> list[tuple[int, str]]:
    """Where passwords stand, and which."""
    found = []
    for place, argument in enumerate(arguments):
        name, equals, value = argument.lstrip("-").partition("=")
        if argument.startswith("-") and name == "password":
            follows = place + 1 < len(arguments) and not equals
            found.append((place + 1, arguments[place + 1]) if follows else (place, value))
    return [(place, secret) for place, secret in found if secret]


def _replace(arguments: list[str], place: int, secret: str) -> None:
    if -place <= len(arguments) and arguments[place].endswith(secret):
        arguments[place] = arguments[place].removesuffix(secret) + "x" * len(secret)


def _overwrite(arguments: list[str], secrets: dict[int, str]) -> bool:
    """Write over the kernel's view of our arguments: the memory between arg_start and arg_end (proc_pid_stat(5))."""
    import ctypes

    start, end = _argument_memory()
    raw = ctypes.string_at(start, end - start)
    ends = [place for place, byte in enumerate(raw) if byte == 0]
    done = True
    for place, text in secrets.items():
        secret = os.fsencode(text)
        upto = ends[place - len(arguments)]
        if raw[upto - len(secret) : upto] == secret:
            ctypes.memmove(start + upto - len(secret), b"x" * len(secret), len(secret))
        else:
            done = False
    return done


def _argument_memory() -> tuple[int, int]:
    """First and last address of the process's arguments: fields 48 and 49 of its stat file."""
    # The second field, the program's name in parentheses, may hold anything; the third follows the last parenthesis.
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    return int(fields[48 - 3]), int(fields[49 - 3])


def _first_line(path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            return file.readline().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--password-file {path} cannot be read: {error}") from error
