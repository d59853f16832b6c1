"""A command's arguments: from Go's syntax and the environment to checked values.

`-flag`, `--flag`, `--flag=value`, `--flag value`, `--switch=false` and `--` mean what they mean to gh-ost. All of it is
brought into one form, `--flag=value`, before argparse sees it.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from fsm_ghost.cli.gh_ost import MISSING
from fsm_ghost.cli.option import TAKES, Kind, Option, Value
from fsm_ghost.cli.options import OPTIONS, options_of
from fsm_ghost.errors import UsageError

_TRUE = frozenset(["1", "t", "true", "y", "yes", "on"])
_FALSE = frozenset(["0", "f", "false", "n", "no", "off"])


@dataclass(frozen=True, slots=True)
class Values:
    """What was asked for: `given` on the command line or, as `from_environment`, by variables; `words` are the rest.

    A password may be among them, so its representation shows names only.
    """

    command: str
    given: Mapping[str, Value] = field(default_factory=dict)
    words: tuple[str, ...] = ()
    from_environment: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        return f"Values({self.command!r}, given={sorted(self.given)!r}, words={self.words!r})"

    def __getitem__(self, name: str) -> Value:
        """The value of an option: as given, or its default."""
        return self.given[name] if name in self.given else _named(self.command)[name].default

    def __contains__(self, name: str) -> bool:
        return name in self.given

    def text(self, name: str) -> str:
        """The value of a text option."""
        return str(self[name])

    def is_on(self, name: str) -> bool:
        """Whether a switch is on; also for commands that do not have it."""
        return name in _named(self.command) and bool(self[name])

    @property
    def word(self) -> str | None:
        """The one argument that is not an option, if there is one."""
        return self.words[0] if self.words else None

    def settings(self) -> Iterator[tuple[Option, Value]]:
        """The given options that become part of Settings."""
        for name, value in self.given.items():
            option = _named(self.command)[name]
            if option.sets:
                yield option, value

    def remarks(self) -> tuple[str, ...]:
        """What there is to say about given options."""
        return tuple(remark for name in self.given if (remark := _named(self.command)[name].remark))


def parse(command: str, arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> Values:
    """The values of a command's options and its words. UsageError says what is wrong, and what was meant."""
    flags, words = in_one_form(command, arguments)
    _check_number(command, words)
    given: dict[str, Value] = vars(_parser(command).parse_args(flags))
    present = {option.name: environment.get(option.variable, "") for option in options_of(command)}
    inherited = {name: text for name, text in present.items() if text and name not in given}
    for name, text in inherited.items():
        given[name] = _from_variable(_named(command)[name], text)
    return Values(command, given, words, frozenset(inherited))


def _check_number(command: str, words: Sequence[str]) -> None:
    """UsageError when there are more words than the command takes."""
    what = TAKES.get(command)
    if len(words) > (0 if what is None else 1):
        takes = f"one {what}, not {len(words)} words" if what else f"no arguments like {words[0]!r}"
        raise UsageError(f"{command} takes {takes}", "Put it in quotes." if what == "statement" else _see(command))


def in_one_form(command: str, arguments: Sequence[str]) -> tuple[list[str], tuple[str, ...]]:
    """The options as `--name=value` each, and the words beside them. UsageError for an unknown flag."""
    flags: list[str] = []
    words: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        if argument == "--":
            words.extend(rest)
        elif argument.startswith("-") and argument != "-":
            flags.append(_complete(command, argument, rest))
        else:
            words.append(argument)
    return flags, tuple(words)


def _complete(command: str, argument: str, rest: Iterator[str]) -> str:
    """One option with its value; the next argument where it has none of its own."""
    short = next((option for option in options_of(command) if option.short == argument[:2]), None)
    if short is not None and not argument.startswith("--") and _name_of(argument) not in _named(command):
        attached = argument[2:].removeprefix("=")
        return f"{short.flag}={attached or _next_value(command, short.flag, rest)}"
    name, equals, value = argument.lstrip("-").partition("=")
    option = _named(command).get(name)
    if option is None:
        raise _unknown(command, argument, name)
    if equals:
        return f"{option.flag}={value}"
    return f"{option.flag}={'true' if option.is_switch else _next_value(command, option.flag, rest)}"


def _name_of(argument: str) -> str:
    return argument.lstrip("-").partition("=")[0]


def _next_value(command: str, flag: str, rest: Iterator[str]) -> str:
    value = next(rest, None)
    if value is None:
        raise UsageError(f"{flag} needs a value", _see(command))
    return value


def _unknown(command: str, argument: str, name: str) -> UsageError:
    flag = argument.partition("=")[0]
    if name in MISSING:
        return UsageError(f"fsm-ghost does not have gh-ost's {flag}", MISSING[name] or _see(command))
    elsewhere = sorted({where for option in OPTIONS if option.name == name for where in option.commands})
    if elsewhere:
        return UsageError(f"{command} has no {flag}; it belongs to: {', '.join(elsewhere)}", _see(command))
    meant = _closest(name, [option.name for option in options_of(command)])
    return UsageError(f"unknown flag {flag}", f"Did you mean --{meant}?" if meant else _see(command))


def _closest(name: str, names: Sequence[str]) -> str:
    """The name that was probably meant; empty when none is close."""
    from difflib import get_close_matches

    folded = name.lower().replace("_", "-")
    if folded in names:
        return folded
    return next(iter(get_close_matches(folded, names, 1, 0.7)), "")


def did_you_mean(word: str, words: Sequence[str]) -> str:
    """A question that names the closest of `words`; empty when none is close."""
    meant = _closest(word, words)
    return f"Did you mean {meant}?" if meant else ""


def _see(command: str) -> str:
    return f"See: fsm-ghost {command} -h"


class _Parser(argparse.ArgumentParser):
    """argparse that raises instead of exiting."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message.removeprefix("argument "), _see(self.prog.rpartition(" ")[2]))


def _parser(command: str) -> _Parser:
    parser = _Parser(
        prog=f"fsm-ghost {command}", add_help=False, allow_abbrev=False, argument_default=argparse.SUPPRESS
    )
    for option in options_of(command):
        parser.add_argument(
            option.flag, dest=option.name, type=_reader(option), choices=option.choices or None, metavar="VALUE"
        )
    return parser


def _named(command: str) -> dict[str, Option]:
    return {option.name: option for option in options_of(command)}


def _from_variable(option: Option, text: str) -> Value:
    try:
        value = _reader(option)(text)
    except argparse.ArgumentTypeError as error:
        raise UsageError(f"{option.variable}: {error}") from None
    if option.choices and value not in option.choices:
        raise UsageError(f"{option.variable} must be one of {', '.join(option.choices)}, not {text}")
    return value


def _reader(option: Option) -> Callable[[str], Value]:
    return _READERS[option.kind]


def _path(text: str) -> str:
    """An absolute path: it is remembered, and may be used from another folder."""
    return str(Path(text).expanduser().absolute()) if text else ""


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"not a whole number: {text!r}") from None


def _decimal(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"not a number: {text!r}") from None
    if value != value or value in {float("inf"), float("-inf")}:  # noqa: PLR0124 - NaN is not equal to itself
        raise argparse.ArgumentTypeError(f"not a number: {text!r}")
    return value


def _switch(text: str) -> bool:
    folded = text.lower()
    if folded not in _TRUE | _FALSE:
        raise argparse.ArgumentTypeError(f"neither true nor false: {text!r}")
    return folded in _TRUE


_READERS: dict[Kind, Callable[[str], Value]] = {
    Kind.TEXT: str,
    Kind.PATH: _path,
    Kind.NUMBER: _number,
    Kind.DECIMAL: _decimal,
    Kind.SWITCH: _switch,
}
