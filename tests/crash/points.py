"""Every fault point that the product has, read from its source: a new one is covered as soon as it is written."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

BY_TWO_SESSIONS = ("swap.before-sentry-drop", "swap.before-unlock")  # how MariaDB swaps
BY_ONE_SESSION = ("swap.before-rename",)  # how MySQL does
_CHECKOUT = Path(__file__).resolve().parents[2]
_SOURCE = ("fsm_ghost", "states")


def fault_points() -> list[str]:
    """Their names, sorted. Raises ValueError for one whose name cannot be told from the source."""
    files = (path for folder in _SOURCE for path in (_CHECKOUT / folder).rglob("*.py"))
    folders = itertools.groupby(sorted(files), key=lambda path: path.parent)
    found = (fault_points_in({str(path): path.read_text(encoding="utf-8") for path in paths}) for _, paths in folders)
    return sorted(set().union(*found))


def marked(point: str) -> pytest.ParameterSet:
    """A point as a parameter of a test, for the servers on whose way it lies; it may say which time (`name:3`)."""
    name = point.partition(":")[0]
    mariadb, mysql = name in BY_TWO_SESSIONS, name in BY_ONE_SESSION
    return pytest.param(point, marks=[pytest.mark.mariadb_only] * mariadb + [pytest.mark.mysql_only] * mysql)


def swap_points() -> list[pytest.ParameterSet]:
    """The points of a swap, for the servers on whose way they lie."""
    return [marked(point) for point in fault_points() if point.startswith("swap.")]


def fault_points_in(sources: Mapping[str, str]) -> set[str]:
    """The names given to `fault_point` in some modules that call each other.

    A name may be put together from a parameter of the function that it stands in: then the function's calls count.
    """
    calls = _Calls([call for where, text in sources.items() for call in _calls(ast.parse(text), None, where)])
    return {name for call in calls.of("fault_point") for name in calls.values(call.arguments[0], call)}


@dataclass(frozen=True, slots=True)
class _Call:
    """A call of something by its name, from inside a function."""

    name: str
    arguments: list[ast.expr]
    inside: ast.FunctionDef | None
    where: str


@dataclass(frozen=True, slots=True)
class _Calls:
    """All the calls in some modules."""

    calls: list[_Call]

    def of(self, name: str) -> Iterator[_Call]:
        return (call for call in self.calls if call.name == name)

    def values(self, expression: ast.expr, call: _Call) -> set[str]:
        """Every text that an argument of a call can come to."""
        match expression:
            case ast.Constant(value=str(text)):
                return {text}
            case ast.FormattedValue(value=value):
                return self.values(value, call)
            case ast.JoinedStr(values=parts):
                return {"".join(chosen) for chosen in itertools.product(*(self.values(part, call) for part in parts))}
            case ast.Name(id=name) if call.inside is not None and name in _parameters(call.inside):
                return self._given(call.inside, _parameters(call.inside).index(name))
        raise ValueError(f"{call.where}:{expression.lineno}: the name of this fault point cannot be told")

    def _given(self, function: ast.FunctionDef, position: int) -> set[str]:
        """Every text that the callers of a function give it in one place."""
        return {text for call in self.of(function.name) for text in self.values(call.arguments[position], call)}


def _calls(node: ast.AST, inside: ast.FunctionDef | None, where: str) -> Iterator[_Call]:
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=arguments):
                yield _Call(name, arguments, inside, where)
        yield from _calls(child, child if isinstance(child, ast.FunctionDef) else inside, where)


def _parameters(function: ast.FunctionDef) -> list[str]:
    return [argument.arg for argument in function.args.args if argument.arg not in {"self", "cls"}]
