"""What files say beneath the command line and the environment: a profile, gh-ost's --conf, MySQL's option files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fsm_ghost.cli.given import Given, Layer, Source
from fsm_ghost.cli.option import AS_START, STORING
from fsm_ghost.cli.reading import option_in_file, read
from fsm_ghost.cli.spellings import spelled_out

_MYSQL_VARIABLES = {"MYSQL_HOST": "host", "MYSQL_TCP_PORT": "port", "MYSQL_UNIX_PORT": "socket"}


def beneath(command: str, said: Layer, environment: Mapping[str, str]) -> tuple[Sequence[Layer], Sequence[str]]:
    """The layers that come of files, and what there is to say of them."""
    if command not in {*STORING, *AS_START}:
        return (), ()
    from fsm_ghost.cli import conf, defaults, profiles

    profile, profile_notes = profiles.layer(said, environment)
    options, option_notes = defaults.layer(said, environment)
    layers = (profile, conf.layer(said, environment), options, _mysql_variables(environment))
    return [spelled_out(layer, environment) for layer in layers], [*profile_notes, *option_notes]


def _mysql_variables(environment: Mapping[str, str]) -> dict[str, Given]:
    """What MySQL's own programs take from the environment where nothing else says it."""
    return {
        name: Given(read(option_in_file(name, variable), text, variable), Source.MYSQL_VARIABLE, variable)
        for variable, name in _MYSQL_VARIABLES.items()
        if (text := environment.get(variable))
    }
