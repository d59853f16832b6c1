"""The page of the acceptance scenarios names tests that there are, and every test of a scenario."""

import ast
import functools
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.unit.docs.pages import DOCS, ROOT

TESTS = ROOT / "tests"
SCENARIOS = range(1, 41)
_NODE = re.compile(r"`([\w/]+\.py)(?:::(\w+))?`")


@dataclass(frozen=True)
class Row:
    """A scenario as the page has it; `nodes` are paths below tests/ with the names of tests, or "" for all of them."""

    number: int
    texts: tuple[str, ...]
    nodes: tuple[tuple[str, str], ...]

    @property
    def reservation(self) -> str:
        return self.texts[-1]


def rows() -> list[Row]:
    found = []
    for line in (DOCS / "reference/acceptance.md").read_text(encoding="utf-8").splitlines():
        number, *texts = (cell.strip() for cell in line.strip("|").split("|"))
        if number.isdigit():
            found.append(Row(int(number), tuple(texts), tuple(_NODE.findall(texts[2]))))
    return found


@functools.cache
def names(path: Path) -> frozenset[str]:
    """The tests of a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


def test_every_scenario_has_its_row_in_order() -> None:
    assert [row.number for row in rows()] == [*SCENARIOS]
    assert {len(row.texts) for row in rows()} == {4}


@pytest.mark.parametrize("row", rows(), ids=lambda row: str(row.number))
def test_every_test_that_is_named_is_there(row: Row) -> None:
    assert all((TESTS / path).is_file() for path, _ in row.nodes)
    assert [node for node in row.nodes if node[1] and node[1] not in names(TESTS / node[0])] == []
    assert len(row.nodes) == row.texts[2].count("`") // 2, "something there is not the name of a test"


@pytest.mark.parametrize("row", rows(), ids=lambda row: str(row.number))
def test_what_no_test_shows_is_said_to_be_missing(row: Row) -> None:
    assert row.nodes or row.reservation.startswith(("not yet", "not there", "refused"))


def test_every_test_of_a_scenario_is_named_in_its_row() -> None:
    files = sorted((TESTS / "acceptance").glob("test_*.py"))
    named = {path: row.number for row in rows() for path, _ in row.nodes if path.startswith("acceptance/")}
    assert {f"acceptance/{file.name}": int(file.name[5:7]) for file in files} == named
