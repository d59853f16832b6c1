"""gh-ost's --conf: an INI file with [client], user and password, where ${NAME} stands for a variable."""

from __future__ import annotations

import configparser
import re
from collections.abc import Mapping
from pathlib import Path

from fsm_ghost.cli.given import Given, Layer, Source
from fsm_ghost.errors import UsageError

_VARIABLE = re.compile(r"\$\{(\w+)\}")


def layer(said: Layer, environment: Mapping[str, str]) -> dict[str, Given]:
    """The account in the file; nothing without --conf. Other settings gh-ost does not take from there either."""
    given = said.get("conf")
    if given is None or not given.value:
        return {}
    path = Path(str(given.value))
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True, delimiters=("=",))
    try:
        parser.read_string(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError, configparser.Error) as error:
        what = type(error).__name__ if isinstance(error, configparser.Error) else error
        raise UsageError(f"{given.place} {path} cannot be used: {what}") from error  # its text may hold a password
    found = {}
    for name in ("user", "password"):
        text = parser.get("client", name, fallback=None)
        if text:
            place = f"{path} [client]"
            found[name] = Given(_expanded(_unquoted(text), place, environment), Source.CONF, place)
    return found


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"`" else text


def _expanded(text: str, place: str, environment: Mapping[str, str]) -> str:
    """A value that is ${NAME} is that variable's; others are taken as they are, as in gh-ost."""
    match = _VARIABLE.fullmatch(text)
    if match is None:
        return text
    if match[1] not in environment:
        raise UsageError(f"{place}: the variable {match[1]} is not set")
    return environment[match[1]]
