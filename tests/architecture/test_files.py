"""What no file of the checkout may hold, be called, or grow to."""

import ast
import re

import pytest

from tests.architecture.tree import ROOT, SOURCES, files, tracked

MOST_LINES_OF_A_FUNCTION = 60
MOST_LINES_OF_A_MODULE = 600
VAGUE = {"utils", "util", "helpers", "helper", "common", "base", "manager", "context", "misc", "core"}
# Put together here, so that this file does not hold what it looks for.
MACHINE_PATHS = re.compile(
    rb"(?<![\w.~-])(?<!\w\")/(?:" + b"|".join([b"work" + b"/(?:main|shared)", b"root" + b"/", b"Us" + b"ers/"]) + rb")"
)
REGISTRIES = re.compile(
    rb"https?://[^\s/\"')]*(?:" + b"|".join([b"py" + b"pi", b"nex" + b"us", b"artif" + b"actory"]) + rb")[^\s]*"
)
PUBLIC = re.compile(rb"https?://(?:pypi\.org|files\.pythonhosted\.org)/?")
TEXTS = {".py", ".md", ".toml", ".ini", ".sql", ".sh", ".yml", ".yaml", ".cfg", ".in", ".txt", ".json", ""}


def texts() -> list[tuple[str, bytes]]:
    return [(path.relative_to(ROOT).as_posix(), path.read_bytes()) for path in tracked() if path.suffix in TEXTS]


def test_no_file_knows_the_machine_that_it_was_written_on() -> None:
    found = {name: match[0] for name, content in texts() if (match := MACHINE_PATHS.search(content))}
    assert found == {}


def test_no_file_knows_a_package_registry_of_its_own() -> None:
    found = {
        name: match[0]
        for name, content in texts()
        for match in REGISTRIES.finditer(content)
        if not PUBLIC.match(match[0])
    }
    assert found == {}


def test_no_file_holds_a_conflict_or_a_windows_line_end() -> None:
    for name, content in texts():
        assert b"\r\n" not in content, name
        assert not re.search(rb"^(<<<<<<<|>>>>>>>) ", content, re.MULTILINE), name


def test_no_module_has_a_name_that_says_nothing() -> None:
    stems = {path.relative_to(ROOT).as_posix(): path.stem for path in tracked() if path.suffix == ".py"}
    folders = {parent.name for path in tracked() for parent in path.parents if ROOT in parent.parents}
    assert {name: stem for name, stem in stems.items() if VAGUE & set(stem.split("_"))} == {}
    assert folders & VAGUE == set()


def test_no_class_or_function_has_a_name_that_says_nothing() -> None:
    found = [
        f"{source.path}:{node.lineno} {node.name}"
        for source in SOURCES
        for node in ast.walk(source.tree)
        if isinstance(node, (ast.ClassDef, ast.FunctionDef))
        and VAGUE & {word.lower() for word in re.findall(r"[A-Z]?[a-z]+", node.name)} - {"context", "base", "core"}
    ]
    assert found == []


def test_no_function_is_longer_than_a_screen() -> None:
    found = [
        f"{source.path}:{node.lineno} {node.name}: {lines} lines"
        for source in SOURCES
        for node in ast.walk(source.tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and (lines := (node.end_lineno or node.lineno) - node.lineno + 1) > MOST_LINES_OF_A_FUNCTION
    ]
    assert found == []


def test_no_module_is_longer_than_can_be_read() -> None:
    found = {
        path.name: lines for path in files() if (lines := len(path.read_text().splitlines())) > MOST_LINES_OF_A_MODULE
    }
    assert found == {}


def test_most_functions_are_short() -> None:
    """Not a limit for one of them, but what all of them together should be like."""
    lengths = sorted(
        (node.end_lineno or node.lineno) - node.lineno + 1
        for source in SOURCES
        for node in ast.walk(source.tree)
        if isinstance(node, ast.FunctionDef)
    )
    assert lengths[len(lengths) // 2] <= 9
    assert lengths[len(lengths) * 9 // 10] <= 40


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.path)
def test_every_module_says_what_it_is_for(source: object) -> None:
    tree = getattr(source, "tree")  # noqa: B009 - parametrised by object
    path = str(getattr(source, "path"))  # noqa: B009
    assert ast.get_docstring(tree) or path.endswith(("__init__.py", "__main__.py")), path
