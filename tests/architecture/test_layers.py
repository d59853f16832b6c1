"""Which module may import which, and what may stand only in one room."""

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.tree import ROOT, SOURCES, Source, module_names, sources

SQL = re.compile(
    r"\s*(SELECT|INSERT|UPDATE|DELETE|REPLACE|CREATE|DROP|ALTER|RENAME|LOCK|UNLOCK|KILL|SET SESSION|SHOW|TRUNCATE"
    r"|ANALYZE|START TRANSACTION|XA|FLUSH|GRANT) [A-Z/*@`{(]",
)
SQLITE = {"engine/database.py", "engine/run.py", "engine/store.py"}
# Modules that show statements to people, and send none.
FOR_PEOPLE = {"cli/ui/words.py", "demo.py", "cli/demo.py"}


def test_imports_point_one_way() -> None:
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_contract_of_the_imports_was_taken_away() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    assert text.count("[[tool.importlinter.contracts]]") >= 4
    assert "exhaustive = true" in text


def texts(source: Source) -> Iterator[tuple[int, str]]:
    """Every text in a module that is not a docstring; of an f-string its beginning."""
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(source.tree)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    inner = {id(part) for node in ast.walk(source.tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(source.tree):
        if isinstance(node, ast.JoinedStr) and node.values:
            whole = "".join(str(part.value) if isinstance(part, ast.Constant) else "{" for part in node.values)
            yield node.lineno, whole
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and not {id(node)} & (docstrings | inner):
            yield node.lineno, node.value


def test_the_scan_for_sql_finds_sql() -> None:
    made = Source(
        "x.py", ast.parse("'''SELECT a FROM b'''\nf'INSERT INTO {x}'\n'DROP TABLE t'\n'select one'\nf'{x} DROP'")
    )
    assert [text for _, text in texts(made) if SQL.match(text)] == ["INSERT INTO {", "DROP TABLE t"]


def test_sql_is_spelled_in_one_room() -> None:
    """The engine's SQL is SQLite's: the state file is its business, and no text there reaches a server."""
    found = [
        f"{source.path}:{line}: {text}"
        for source in SOURCES
        if not source.path.startswith("mysql/") and source.path not in SQLITE | FOR_PEOPLE
        for line, text in texts(source)
        if SQL.match(text)
    ]
    assert found == []


def imported(source: Source) -> set[str]:
    names = set()
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return names


def test_drivers_are_imported_only_where_sql_is_spelled() -> None:
    drivers = {"pymysql", "pymysqlreplication", "MySQLdb", "mysql", "mariadb"}
    assert [s.path for s in SOURCES if imported(s) & drivers and not s.path.startswith("mysql/")] == []


def test_sqlite_is_imported_only_by_the_engine() -> None:
    assert {s.path for s in SOURCES if "sqlite3" in imported(s)} <= {"engine/database.py", "engine/record.py"}


def test_the_state_machine_library_is_imported_only_by_the_engine() -> None:
    assert [s.path for s in SOURCES if "transitions" in imported(s)] == ["engine/machine.py"]


def test_the_model_needs_nothing_but_the_standard_library() -> None:
    for source in SOURCES:
        if source.path.startswith("model/"):
            assert imported(source) <= set(sys.stdlib_module_names) | {"fsm_ghost"}, source.path


def prints(node: ast.AST) -> bool:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return node.func.id in {"print", "input"}
    return isinstance(node, ast.Attribute) and ast.unparse(node) in {"sys.stdout", "sys.stderr", "sys.stdin"}


def test_only_the_command_line_prints() -> None:
    found = [
        f"{source.path}:{getattr(node, 'lineno', 0)}"
        for source in SOURCES
        if not source.path.startswith("cli/")
        for node in ast.walk(source.tree)
        if prints(node)
    ]
    assert found == []


def test_states_name_no_other_state_but_in_the_table() -> None:
    for source in SOURCES:
        if source.path.startswith("states/") and source.path not in {"states/table.py", "states/guards.py"}:
            named = [ast.unparse(n) for n in ast.walk(source.tree) if isinstance(n, ast.Attribute)]
            assert not [name for name in named if name.startswith("Phase.")], source.path


# Imports what is not ours, once; then every module in a process of its own that has none of ours yet.
_ALONE = """
import importlib, os, sys, traceback
for name in sys.argv[1].split():
    importlib.import_module(name)
for name in sys.argv[2].split():
    assert not any(loaded.partition(".")[0] == "fsm_ghost" for loaded in sys.modules)
    child = os.fork()
    if child == 0:
        try:
            importlib.import_module(name)
        except BaseException:
            print(name, traceback.format_exc(), flush=True)
        os._exit(0)
    os.waitpid(child, 0)
"""
_FOREIGN = (
    "prometheus_client pymysql pymysqlreplication transitions rich.live zstandard sqlite3 ssl argparse"
    " importlib.resources"
)


def test_every_module_can_be_imported_first_and_alone() -> None:
    names = [name for name in module_names() if not name.endswith("__main__")]
    assert len(names) > 80
    command = [sys.executable, "-c", _ALONE, _FOREIGN, " ".join(names)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_machine_is_imported_under_one_name_only() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import states"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert "import fsm_ghost.states, not states" in done.stderr


def test_the_sources_are_what_the_scans_have_looked_at() -> None:
    assert {"engine/machine.py", "states/table.py", "mysql/session.py", "model/key.py"} <= {s.path for s in sources()}
    assert shutil.which("git")
