"""A command's options and words: from the command line, the environment, and what lies beneath, to checked values."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from fsm_ghost.cli.given import Given, Layer, Source, merged
from fsm_ghost.cli.option import PREFIX, Option, Value
from fsm_ghost.cli.options import OPTIONS
from fsm_ghost.cli.reading import read
from fsm_ghost.cli.spellings import spelled_out
from fsm_ghost.cli.syntax import closest, named, split


@dataclass(frozen=True, slots=True)
class Values:
    """What was asked for: `given` options with their origins, other `words`, and `notes` on them."""

    command: str
    given: Mapping[str, Given] = field(default_factory=dict)
    words: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> Value:
        """The value of an option: as given, or its default."""
        return self.given[name].value if name in self.given else named(self.command)[name].default

    def __contains__(self, name: str) -> bool:
        return name in self.given

    def text(self, name: str) -> str:
        """The value of a text option."""
        return str(self[name])

    def is_on(self, name: str) -> bool:
        """Whether a switch is on; also for commands that do not have it."""
        return name in named(self.command) and bool(self[name])

    def is_said(self, name: str) -> bool:
        """Whether an option stands on the command line by its own name."""
        return name in self.given and self.given[name].place == named(self.command)[name].flag

    @property
    def word(self) -> str | None:
        """The one argument that is not an option, if there is one."""
        return self.words[0] if self.words else None

    def settings(self, weakest: Source = Source.MYSQL_VARIABLE) -> Iterator[tuple[Option, Value]]:
        """The given options that become part of Settings, as far as they were said at least as strongly as this."""
        for name, given in self.given.items():
            option = named(self.command)[name]
            if option.sets and given.source <= weakest:
                yield option, given.value

    def remarks(self) -> tuple[str, ...]:
        """What there is to say about given options."""
        options = named(self.command)
        said = (options[name].remark for name, given in self.given.items() if given.value)
        return (*self.notes, *filter(None, said))


# What lies beneath a command's own layers: for the values so far, more layers and notes.
Beneath = Callable[[str, Layer, Mapping[str, str]], tuple[Sequence[Layer], Sequence[str]]]


def _nothing(*_: object) -> tuple[Sequence[Layer], Sequence[str]]:
    return (), ()


def parse(
    command: str,
    arguments: Sequence[str],
    environment: Mapping[str, str] = os.environ,
    beneath: Beneath = _nothing,
) -> Values:
    """The values of a command's options and its words. UsageError says what is wrong, and what was meant."""
    flags, words = split(command, arguments)
    typed = {option.name: Given(read(option, text), Source.COMMAND_LINE, option.flag) for option, text in flags}
    layers: list[Layer] = [spelled_out(layer, environment) for layer in (typed, _variables(command, environment))]
    more, notes = beneath(command, merged(layers), environment)
    options = named(command)
    found = merged([*layers, *more])
    given = {name: value for name, value in found.items() if name in options}
    return Values(command, given, words, (*_misspelt(environment), *notes))


_TOLD_TO_HOOKS = f"{PREFIX}HOOK_KEY"


def _misspelt(environment: Mapping[str, str]) -> Iterator[str]:
    """What to say of variables that almost are an option's: a protection that was asked for may be missing.

    A hook that calls us has many from whoever runs it, and has asked for nothing by them.
    """
    if _TOLD_TO_HOOKS in environment:
        return
    known = {option.variable: option for option in OPTIONS}
    for variable in environment:
        if variable.startswith(PREFIX) and variable not in known:
            meant = closest(variable.removeprefix(PREFIX), [option.name for option in OPTIONS])
            if meant:
                yield f"the variable {variable} means nothing; did you mean {PREFIX}{meant.upper().replace('-', '_')}?"


def _variables(command: str, environment: Mapping[str, str]) -> dict[str, Given]:
    """The options that are given by variables of their own; an empty one is none."""
    return {
        option.name: Given(read(option, text, option.variable), Source.ENVIRONMENT, option.variable)
        for option in named(command).values()
        if (text := environment.get(option.variable))
    }
