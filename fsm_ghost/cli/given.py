"""Values with their origins, in layers: what is said in a stronger one counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum, auto

from fsm_ghost.cli.option import Value


class Source(IntEnum):
    """Where a value comes from, the strongest first: a file that was named counts more than one that was found."""

    COMMAND_LINE = auto()
    ENVIRONMENT = auto()
    PROFILE = auto()
    CONF = auto()
    DEFAULTS_FILE = auto()
    DEFAULT_PROFILE = auto()
    OPTION_FILE = auto()
    MYSQL_VARIABLE = auto()  # MYSQL_HOST and the like


@dataclass(frozen=True, slots=True)
class Given:
    """A value; `place` says where it was found, in words. A password may be among them: it has no representation."""

    value: Value
    source: Source
    place: str

    def __repr__(self) -> str:
        return f"Given(from {self.place!r})"


WEAKEST_NAMED = Source.DEFAULTS_FILE
Layer = Mapping[str, Given]
_AS_IN_MYSQL = {Source.DEFAULTS_FILE, Source.OPTION_FILE, Source.MYSQL_VARIABLE}


def merged(layers: Iterable[Layer]) -> dict[str, Given]:
    """For each option the strongest value."""
    found: dict[str, Given] = {}
    for layer in layers:
        for name, given in layer.items():
            if name not in found or given.source < found[name].source:
                found[name] = given
    socket = found.get("socket")
    if socket is not None and _is_overruled(socket, found):
        del found["socket"]
    return found


def _is_overruled(socket: Given, found: Mapping[str, Given]) -> bool:
    """Whether host or port were said more strongly than the socket; where MySQL's programs look, also beside it."""
    host, port = found.get("host"), found.get("port")
    if port is not None and port.source < socket.source:
        return True
    if host is None or host.value == "localhost":
        return False
    return host.source < socket.source or (host.source is socket.source and host.source in _AS_IN_MYSQL)
