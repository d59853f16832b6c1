"""Where the password comes from, and how it is kept from being seen.

It is never stored, logged or represented. One that was given on the command line is overwritten in this process's
memory, which is what `ps` and /proc/PID/cmdline show; one from the environment is not handed on to hooks.
"""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Callable, Mapping, MutableMapping
from pathlib import Path

from fsm_ghost.cli.arguments import Values
from fsm_ghost.cli.complaint import complain
from fsm_ghost.cli.given import Source
from fsm_ghost.errors import UsageError

MYSQLS = "MYSQL_PWD"
VARIABLES = ("FSM_GHOST_PASSWORD", "FSM_GHOST_URL", "FSM_GHOST_MASTER_PASSWORD", MYSQLS)
_SECRETS = {"password", "master-password", "url", "notify-url", "hooks-hint-token", "throttle-http"}
_WARNING = (
    "others could see the password that was given on the command line; better: --ask-pass, --password-file or MYSQL_PWD"
)


def account_at(user: str, address: str) -> str:
    """Whose password is asked for, in words."""
    return f"{user}@{address}" if user else address


def password_of(values: Values, account: str, environment: MutableMapping[str, str] = os.environ) -> str:
    """The password, from where it was said most strongly; empty where it was not. Warns of one that could be seen.

    In one place, asking comes before a text, a text before a file, and a file before a program.
    """
    if was_on_command_line(values):
        complain(_WARNING)
    inherited = {name: environment.pop(name, "") for name in VARIABLES}
    name = where_from(values, inherited)
    if name == "ask-pass":
        return getpass.getpass(f"Password for {account}: ")
    return inherited[name] if name == MYSQLS else _SOURCES[name](values.text(name)) if name else ""


def where_from(values: Values, environment: Mapping[str, str] = os.environ) -> str:
    """The option that the password comes from, or MySQL's variable; empty where there is none."""
    ways = ("ask-pass", *_SOURCES)
    named = [(values.given[name].source, order, name) for order, name in enumerate(ways) if values[name]]
    if environment.get(MYSQLS):
        named.append((Source.ENVIRONMENT, len(ways), MYSQLS))
    return min(named, default=(None, 0, ""))[2]


def was_on_command_line(values: Values) -> bool:
    """Whether a password was given where others could see it."""
    given = values.given.get("password")
    return given is not None and given.source is Source.COMMAND_LINE and bool(given.value)


def hide_from_process_list() -> bool:
    """Overwrite passwords in the process's own argument list; whether nothing is left to be seen."""
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
        if name in _SECRETS and (argument.startswith("-") or equals):  # without dashes: `control ID throttle-http=URL`
            follows = place + 1 < len(arguments) and not equals
            found.append((place + 1, arguments[place + 1]) if follows else (place, value))
    return [(place, secret) for place, secret in found if secret and not secret.startswith("env:")]


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


def _first_line(path: str) -> str:
    try:
        with Path(path).open(encoding="utf-8") as file:
            return file.readline().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--password-file {path} cannot be read: {error}") from error


def _printed(command: str) -> str:
    """The first line that a program prints."""
    import shlex
    import subprocess

    try:
        done = subprocess.run(shlex.split(command), stdout=subprocess.PIPE, text=True, check=True)
    except (OSError, ValueError, subprocess.CalledProcessError) as error:
        reason = f"exit code {error.returncode}" if isinstance(error, subprocess.CalledProcessError) else error
        raise UsageError(f"--password-command {command} has not worked: {reason}") from error
    return done.stdout.split("\n", 1)[0].rstrip("\r")


_SOURCES: dict[str, Callable[[str], str]] = {
    "password": str,
    "password-file": _first_line,
    "password-command": _printed,
}
