"""MySQL's option files, read as its own programs read them.

Groups, `!include` and `!includedir`, comments at the end of a line, quotes and escapes: what `my_print_defaults` prints
is what is found here, and a test holds the two against each other.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from fsm_ghost.errors import UsageError

_DEEPEST = 10  # files that include each other
_SPACE = " \t\n\v\f\r"
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "s": " ", '"': '"', "'": "'", "\\": "\\"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One option as it is written: its name, and its value if it has one. A password may be among them."""

    group: str
    name: str
    text: str | None = field(repr=False)
    place: str


@dataclass(slots=True)
class OptionFiles:
    """Reads files, and remembers what was found in some groups, in order, and what there is to say of the files."""

    groups: Collection[str]
    entries: list[Entry] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def read(self, path: Path, *, required: bool = False, depth: int = 0) -> None:
        """Read a file and those that it includes. One that is not there is an error if it is `required`.

        UsageError for a file that cannot be read or is not written as an option file. One that everybody could have
        written to is left out, as MySQL does.
        """
        lines = self._lines(path, required=required)
        group = None
        for number, line in enumerate(lines, 1):
            text = line.strip(_SPACE)
            if not text or text[0] in "#;":
                continue
            place = f"{path}, line {number}"
            if text.startswith("!"):
                self._include(text, place, depth)
            elif text.startswith("["):
                group = _group(text, place)
            elif group is None:
                raise UsageError(f"{place}: an option before the first [group]")
            elif group in self.groups:
                self.entries.append(_entry(group, text, place))

    def _lines(self, path: Path, *, required: bool) -> list[str]:
        try:
            mode = path.stat().st_mode
            if stat.S_ISREG(mode) and mode & stat.S_IWOTH:
                self.notes.append(f"{path} is left out: everybody may write to it (chmod o-w {path})")
                return []
            return path.read_text(encoding="utf-8", errors="surrogateescape").split("\n")
        except OSError as error:
            if required:
                raise UsageError(f"the option file {path} cannot be read: {error.strerror}") from error
            return []

    def _include(self, text: str, place: str, depth: int) -> None:
        """Follow `!include FILE` or `!includedir FOLDER`; other words behind an exclamation mark mean nothing."""
        words = re.fullmatch(r"!(include|includedir)[ \t\v\f]+(.+)", text)
        if words is None:
            return
        if depth == _DEEPEST:
            self.notes.append(f"{place}: {text} is left out: too many files include each other")
            return
        where = Path(words[2].strip(_SPACE))
        if words[1] == "include":
            self.read(where, depth=depth + 1)
            return
        try:
            inside = sorted(path for path in where.iterdir() if path.suffix == ".cnf")
        except OSError as error:
            raise UsageError(f"{place}: {where} cannot be read: {error.strerror}") from error
        for path in inside:
            self.read(path, depth=depth + 1)


def _group(text: str, place: str) -> str:
    name, bracket, _ = text[1:].partition("]")
    if not bracket:
        raise UsageError(f"{place}: a [group] without its second bracket")
    return name.rstrip(_SPACE)  # blanks before it belong to the name


def _entry(group: str, text: str, place: str) -> Entry:
    name, equals, value = _without_comment(text).partition("=")
    return Entry(group, name.rstrip(_SPACE), _unquoted(value.strip(_SPACE)) if equals else None, place)


def _without_comment(text: str) -> str:
    """A line up to the first # that stands in no quotes."""
    quote = ""
    escaped = False
    for place, character in enumerate(text):
        if character in "'\"" and not escaped:
            quote = "" if quote == character else quote or character
        if not quote and character == "#":
            return text[:place]
        escaped = bool(quote) and character == "\\" and not escaped
    return text


def _unquoted(value: str) -> str:
    """A value out of the quotes around all of it, its escapes resolved; unknown ones are left as they are."""
    if len(value) > 1 and value[0] in "'\"" and value[-1] == value[0]:
        value = value[1:-1]
    return "".join(_resolved(value))


def _resolved(value: str) -> Iterator[str]:
    rest = iter(value)
    for character in rest:
        if character != "\\":
            yield character
            continue
        escaped = next(rest, None)
        yield character if escaped is None else _ESCAPES.get(escaped, character + escaped)
