"""What a client says in a line: gh-ost's `command` or `command=argument`, or a JSON object with the same."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from fsm_ghost.errors import UsageError


@dataclass(frozen=True, slots=True)
class Request:
    """A command; `argument` is None where none was given, and `?` where its value is asked for."""

    command: str
    argument: str | None = None
    wants_json: bool = False

    @property
    def is_question(self) -> bool:
        """Whether it is asked what something is."""
        return self.argument in {None, "?"}


def parse(line: str) -> Request:
    """The request in a line; UsageError when there is none."""
    if line.lstrip().startswith("{"):
        return _from_json(line)
    command, equals, argument = line.partition("=")
    if not command.strip():
        raise UsageError("no command was given", "help lists them.")
    return Request(command.strip(), _unquoted(argument.strip()) if equals else None)


def written(request: Request) -> str:
    """The line that says this, in JSON."""
    return json.dumps({"command": request.command, "argument": request.argument})


def _from_json(line: str) -> Request:
    try:
        said: dict[str, Any] = json.loads(line)
    except ValueError as error:
        raise UsageError(f"this is no JSON: {error}") from None
    command, argument = said.get("command"), said.get("argument")
    if not isinstance(command, str) or not command.strip() or said.keys() - {"command", "argument"}:
        raise UsageError('a command in JSON is written as {"command": "chunk-size", "argument": 500}')
    return Request(command.strip(), None if argument is None else str(argument), wants_json=True)


def _unquoted(argument: str) -> str:
    """What Go's quotes, single back or double, mean; as it stands where there are none."""
    if len(argument) > 1 and argument[0] == argument[-1]:
        if argument[0] == "`":
            return argument[1:-1]
        if argument[0] == '"':
            try:
                return str(json.loads(argument))
            except ValueError:
                raise UsageError(f"these quotes cannot be read: {argument}") from None
    return argument
