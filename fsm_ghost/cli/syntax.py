"""Go's syntax of flags, as gh-ost has it: `-flag`, `--flag`, `--flag=value`, `--flag value`, `--switch=false`, `--`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fsm_ghost.cli.option import TAKES, Option
from fsm_ghost.cli.options import OPTIONS, options_of
from fsm_ghost.errors import UsageError


def named(command: str) -> dict[str, Option]:
    """The options that a command takes, by name."""
    return {option.name: option for option in options_of(command)}


def split(command: str, arguments: Sequence[str]) -> tuple[list[tuple[Option, str]], tuple[str, ...]]:
    """The options with the texts of their values, and the words beside them. UsageError says what was meant."""
    flags: list[tuple[Option, str]] = []
    words: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        if argument == "--":
            words.extend(rest)
        elif argument.startswith("-") and argument != "-":
            flags.append(_flag(command, argument, rest))
        else:
            words.append(argument)
    _check_number(command, words)
    return flags, tuple(words)


def _flag(command: str, argument: str, rest: Iterator[str]) -> tuple[Option, str]:
    """One option with its value; the next argument where it has none of its own."""
    options = named(command)
    name, equals, value = argument.lstrip("-").partition("=")
    short = next((option for option in options.values() if option.short == argument[:2]), None)
    if short is not None and not argument.startswith("--") and name not in options:
        attached = argument[2:].removeprefix("=")
        return short, attached or _next_value(command, short, rest)
    option = options.get(name)
    if option is None:
        raise _unknown(command, argument.partition("=")[0], name)
    if equals:
        return option, value
    return option, "true" if option.is_switch else _next_value(command, option, rest)


def _next_value(command: str, option: Option, rest: Iterator[str]) -> str:
    value = next(rest, None)
    if value is None:
        raise UsageError(f"{option.flag} needs a value", see(command))
    return value


def _check_number(command: str, words: Sequence[str]) -> None:
    """UsageError when there are more words than the command takes."""
    taken = TAKES.get(command, ())
    if len(words) > len(taken):
        takes = f"one {' and one '.join(taken)}, not {len(words)} words" if taken else f"no arguments like {words[0]!r}"
        raise UsageError(f"{command} takes {takes}", "Put it in quotes." if "statement" in taken else see(command))


def _unknown(command: str, flag: str, name: str) -> UsageError:
    elsewhere = sorted({where for option in OPTIONS if option.name == name for where in option.commands})
    if elsewhere:
        return UsageError(f"{command} has no {flag}; it belongs to: {', '.join(elsewhere)}", see(command))
    meant = closest(name, [option.name for option in options_of(command)])
    return UsageError(f"unknown flag {flag}", f"Did you mean --{meant}?" if meant else see(command))


def closest(name: str, names: Sequence[str]) -> str:
    """The name that was probably meant; empty when none is close."""
    from difflib import get_close_matches

    folded = name.lower().replace("_", "-")
    if folded in names:
        return folded
    return next(iter(get_close_matches(folded, names, 1, 0.7)), "")


def did_you_mean(word: str, words: Sequence[str]) -> str:
    """A question that names the closest of `words`; empty when none is close."""
    meant = closest(word, words)
    return f"Did you mean {meant}?" if meant else ""


def see(command: str) -> str:
    """Where a command's options are explained."""
    return f"See: fsm-ghost {command} -h"
