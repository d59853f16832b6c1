"""Texts become the values of options, wherever the texts come from."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

from fsm_ghost.cli.option import Group, Kind, Option, Value
from fsm_ghost.cli.options import OPTIONS
from fsm_ghost.cli.syntax import did_you_mean
from fsm_ghost.errors import UsageError

_BY_NAME = {option.name: option for option in OPTIONS}
_TRUE = frozenset(["1", "t", "true", "y", "yes", "on"])
_FALSE = frozenset(["0", "f", "false", "n", "no", "off"])


def read(option: Option, text: str, place: str = "") -> Value:
    """The value of an option; UsageError when the text is none. `place` is what the error names, instead of the flag.

    An option without effect may be left empty, and one that is refused must ask for nothing.
    """
    where = place or option.flag
    try:
        value = _READERS[option.kind](text)
    except ValueError as error:
        raise UsageError(f"{where}: {error}") from None
    if option.choices and not (option.group is Group.GH_OST and not text):
        value = _chosen(option, text, where)
    if option.is_refused and value:
        whose = "gh-ost's " if option.gh_ost else ""
        raise UsageError(f"fsm-ghost does not have {whose}{where}", option.help)
    return value


def option_in_file(name: str, place: str) -> Option:
    """The option that a file names; UsageError when there is none, or when it may not be said in a file."""
    folded = name.replace("_", "-")
    option = _BY_NAME.get(folded)
    if option is None:
        raise UsageError(f"{place}: there is no option {name}", did_you_mean(folded, [*_BY_NAME]))
    if option.group is Group.ORIGIN:
        raise UsageError(f"{place}: {name} says which files are read, and cannot stand in one")
    return option


def _chosen(option: Option, text: str, where: str) -> str:
    """One of an option's choices, in its own spelling."""
    for choice in option.choices:
        if choice.lower() == text.lower():
            return choice
    raise UsageError(f"{where} must be one of {', '.join(option.choices)}, not {text!r}")


def _path(text: str) -> str:
    """An absolute path: it is remembered, and may be used from another folder."""
    return str(Path(text).expanduser().absolute()) if text else ""


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"not a whole number: {text!r}") from None


def _decimal(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"not a number: {text!r}")
    return value


def _switch(text: str) -> bool:
    folded = text.lower()
    if folded not in _TRUE | _FALSE:
        raise ValueError(f"neither true nor false: {text!r}")
    return folded in _TRUE


_READERS: dict[Kind, Callable[[str], Value]] = {
    Kind.TEXT: str,
    Kind.PATH: _path,
    Kind.NUMBER: _number,
    Kind.DECIMAL: _decimal,
    Kind.SWITCH: _switch,
}
