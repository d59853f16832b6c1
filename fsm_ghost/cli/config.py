"""`fsm-ghost config show`: what each option is, and where that comes from."""

from __future__ import annotations

from collections.abc import Iterator

from fsm_ghost.cli.arguments import Values
from fsm_ghost.cli.exit_codes import ExitCode
from fsm_ghost.cli.option import Group, Option, Value
from fsm_ghost.cli.options import options_of
from fsm_ghost.errors import UsageError
from fsm_ghost.settings import masked

_MASK = "********"
_DEFAULT = "default"


def run(values: Values) -> int:
    """Print them."""
    if values.word != "show":
        raise UsageError("config takes one word: show", "fsm-ghost config show")
    rows = list(_rows(values))
    if values.is_on("json"):
        import json

        print(
            json.dumps([{"option": name, "value": value, "origin": origin} for name, value, origin in rows], indent=2)
        )
        return ExitCode.DONE
    texts = [(name, _text(value), origin) for name, value, origin in rows]
    first, second = (max(len(row[column]) for row in texts) for column in (0, 1))
    for name, text, origin in texts:
        print(f"{name:<{first}}  {text:<{second}}  {origin}".rstrip())
    return ExitCode.DONE


def _rows(values: Values) -> Iterator[tuple[str, Value, str]]:
    """Each option's name, its value, and where that comes from."""
    from fsm_ghost.cli.password import MYSQLS, where_from

    for option in options_of(values.command):
        given = values.given.get(option.name)
        if option.name == "password" and given is None and where_from(values) == MYSQLS:
            yield option.name, _MASK, MYSQLS
        elif given is not None:
            yield option.name, _shown(option, given.value), given.place
        elif option.group not in {Group.GH_OST, Group.REFUSED}:
            yield option.name, option.default, _DEFAULT


def _shown(option: Option, value: Value) -> Value:
    if option.secret and value:
        return _MASK
    return masked(value) if isinstance(value, str) else value


def _text(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
