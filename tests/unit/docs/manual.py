"""The manual page, in roff, from the tables of commands and options."""

from collections.abc import Iterator

from fsm_ghost.cli.exit_codes import ExitCode
from fsm_ghost.cli.help import COMMANDS, Command
from fsm_ghost.cli.option import Group, Option
from fsm_ghost.cli.options import OPTIONS

_ELSEWHERE = {Group.GH_OST, Group.REFUSED}


def manual() -> str:
    """fsm-ghost(1)."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield '.\\" Made by `python -m tests.unit.docs` from the code. Do not edit it here.'
    yield ".TH FSM-GHOST 1"
    yield ".SH NAME"
    yield "fsm\\-ghost \\- online schema change for MySQL and MariaDB"
    yield ".SH SYNOPSIS"
    yield ".nf"
    for name, command in COMMANDS.items():
        yield from (_text(f"fsm-ghost {name} {form}".rstrip()) for form in command.usage)
    yield ".fi"
    yield ".SH COMMANDS"
    for name, command in COMMANDS.items():
        yield from _command(name, command)
    yield ".SH OPTIONS"
    yield "One dash or two, with the value behind an equals sign or a blank. Switches take =true and =false."
    for group in Group:
        if group not in _ELSEWHERE:
            yield f'.SS "{_text(group)}"'
            for option in OPTIONS:
                if option.group is group:
                    yield from _option(option)
    yield ".SH ENVIRONMENT"
    yield _text("Each option has a variable: FSM_GHOST_CHUNK_SIZE for --chunk-size. MYSQL_PWD is a password.")
    yield ".SH FILES"
    for place, what in _FILES:
        yield from (".TP", f"\\fI{_text(place)}\\fR", _text(what))
    yield ".SH EXIT STATUS"
    for code in ExitCode:
        yield from (".TP", str(int(code)), _text(code.meaning))


_FILES = (
    ("~/.config/fsm-ghost/config.toml", "profiles"),
    ("/etc/my.cnf /etc/mysql/my.cnf ~/.my.cnf", "option files of MySQL: [client] and [fsm-ghost]"),
    ("~/.local/state/fsm-ghost/state.db", "the state file"),
)


def _command(name: str, command: Command) -> Iterator[str]:
    yield ".TP"
    yield f"\\fB{_text(name)}\\fR"
    yield _text(f"{command.summary[0].upper()}{command.summary[1:]}. {command.text}")


def _option(option: Option) -> Iterator[str]:
    default = "" if option.is_switch or option.default == "" else f" [{option.default}]"
    flag, _, value = option.synopsis.removeprefix(f"{option.short} ").partition(" ")
    names = ", ".join(f"\\fB{_text(name)}\\fR" for name in filter(None, (option.short, flag)))
    yield ".TP"
    yield f"{names} \\fI{_text(value)}\\fR" if value else names
    yield _text(option.help + default)


def _text(text: str) -> str:
    """A text with what roff would take for its own escaped."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace('"', "\\(dq").replace("'", "\\(aq")
    plain = "".join(letter if letter.isascii() else f"\\[u{ord(letter):04X}]" for letter in escaped)
    return f"\\&{plain}" if plain.startswith(".") else plain
