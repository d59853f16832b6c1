"""What the folders of tests/cases may hold, and how they are read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fsm_ghost.mysql.private import Flavour
from tests.integration.cases import FOLDER, Case, cases, statements

FLAVOURS: tuple[Flavour, ...] = ("mariadb", "mysql")
_FILE = re.compile(r"(create|changes)(\.mariadb|\.mysql)?\.sql|(alter|refusal)(\.mariadb|\.mysql)?\.txt")


def written(folder: Path, **files: str) -> Case:
    """A case with these files, whose names have `_` for `.`."""
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text, encoding="utf-8")
    return Case(folder)


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.folder.name)
def test_a_case_holds_nothing_but_the_files_that_are_read(case: Case) -> None:
    assert [file.name for file in case.folder.iterdir() if not _FILE.fullmatch(file.name)] == []
    served = [flavour for flavour in FLAVOURS if case.runs_on(flavour)]
    assert served, "it runs nowhere"
    for flavour in served:
        assert case.create(flavour)
        assert case.alter(flavour)


def test_there_are_at_least_eighty_cases_of_each_server() -> None:
    assert min(sum(case.runs_on(flavour) for case in cases()) for flavour in FLAVOURS) >= 80


def test_nothing_else_lies_beside_the_cases() -> None:
    assert [path.name for path in FOLDER.iterdir() if not path.is_dir()] == ["README.md"]


def test_a_statement_ends_where_a_line_ends_with_a_semicolon() -> None:
    text = "-- why\nCREATE TABLE t (\n  a TEXT COMMENT 'x; y'\n);\n\nINSERT INTO t VALUES ('-- text');  \nDELETE FROM t"
    assert statements(text) == [
        "CREATE TABLE t (\n  a TEXT COMMENT 'x; y'\n)",
        "INSERT INTO t VALUES ('-- text')",
        "DELETE FROM t",
    ]


def test_a_file_for_one_server_takes_the_place_of_that_for_both(tmp_path: Path) -> None:
    case = written(tmp_path, create_sql="A;", alter_txt="B\n", alter_mysql_txt="C", refusal_mysql_txt="one\ntwo\n")
    assert [case.alter(flavour) for flavour in FLAVOURS] == ["B", "C"]
    assert [case.refusal(flavour) for flavour in FLAVOURS] == [[], ["one", "two"]]
    assert [case.changes(flavour) for flavour in FLAVOURS] == [[], []]


def test_a_case_runs_where_there_is_a_table_for_it(tmp_path: Path) -> None:
    case = written(tmp_path, create_mariadb_sql="A;", alter_txt="B")
    assert [case.runs_on(flavour) for flavour in FLAVOURS] == [True, False]
