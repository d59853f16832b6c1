"""What the documentation states about the code is what the code says."""

import json
import re
import sqlite3
from importlib import resources
from pathlib import Path

import pytest

from fsm_ghost.cli.exit_codes import ExitCode
from fsm_ghost.cli.help import COMMANDS
from fsm_ghost.cli.option import Group
from fsm_ghost.cli.options import OPTIONS, options_of
from fsm_ghost.model.occasion import Occasion
from fsm_ghost.model.phase import Moment, Phase
from fsm_ghost.services import preflight
from fsm_ghost.services.hooks.briefing import Briefing
from fsm_ghost.settings import ServerSettings, Settings
from tests.model.rules import Rule
from tests.unit.cli.made_up import COPYING, PLAN
from tests.unit.cli.test_report import every_kind
from tests.unit.docs.pages import DOCS, PAGES, ROOT

WRITE = "run: python -m tests.unit.docs"
_CODE_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def _text(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_equals_what_its_generator_makes(name: str) -> None:
    assert _text(name) == PAGES[name](), WRITE


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_and_each_of_its_flags_is_in_the_reference(command: str) -> None:
    page = _text("reference/commands.md")
    assert f"\n## {command}\n" in page
    shown = [option for option in options_of(command) if option.group not in {Group.GH_OST, Group.REFUSED}]
    assert [option.flag for option in shown if f"`{option.flag}" not in _normal(page)] == []


def _normal(page: str) -> str:
    """The page without the short forms in front of flags."""
    return re.sub(r"`-\w --", "`--", page)


def test_every_flag_of_gh_ost_is_in_the_reference_with_what_becomes_of_it() -> None:
    flags = json.loads((ROOT / "tests/unit/cli/gh-ost-flags.json").read_text(encoding="utf-8"))
    page = _text("reference/gh-ost-flags.md")
    rows = re.findall(r"^\| `--(\S+)` \| (works|no effect|refused) \| \S.+ \|$", page, re.MULTILINE)
    assert sorted(name for name, _ in rows) == sorted(flag["name"] for flag in flags)


def test_every_exit_code_is_in_the_readme_with_its_meaning() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [code for code in ExitCode if f"| {int(code)} | {code.meaning} |" not in readme] == []


def test_every_table_and_column_of_the_state_file_is_described() -> None:
    page = _text("reference/state-file.md")
    undescribed = []
    for table, columns in _schema().items():
        section = page.partition(f"\n## {table}\n")[2].partition("\n## ")[0]
        described = {name for row in re.findall(r"^\| (`.+?) \|", section, re.MULTILINE) for name in _names(row)}
        undescribed += [f"{table}.{column}" for column in columns if column not in described]
    assert undescribed == []


def test_no_table_is_described_that_the_state_file_does_not_have() -> None:
    described: list[str] = re.findall(r"^## (.+)$", _text("reference/state-file.md"), re.MULTILINE)
    assert described == [*_schema()]


def _names(text: str) -> list[str]:
    return re.findall(r"`(\w+)`", text)


def _schema() -> dict[str, list[str]]:
    """The columns of each table that schema.sql makes."""
    connection = sqlite3.connect(":memory:")
    try:
        connection.executescript(resources.files("fsm_ghost.engine").joinpath("schema.sql").read_text(encoding="utf-8"))
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY rowid").fetchall()
        return {
            name: [row[1] for row in connection.execute(f"PRAGMA table_info({name})").fetchall()] for (name,) in tables
        }
    finally:
        connection.close()


def test_every_key_of_a_report_is_described_and_no_other() -> None:
    head, *sections = _text("reference/report.md").partition("\n## The document\n")[2].split("\n## ")
    described = {section.partition("\n")[0]: _described(section) for section in sections}
    report = every_kind()
    assert _described(head) == set(report)
    of_parts = {part: _keys(value) for part, value in report.items() if part != "settings"}  # these are the options
    assert described == {part: keys for part, keys in of_parts.items() if keys}


def _described(section: str) -> set[str]:
    """The names in the first column of a section's table."""
    rows: list[str] = re.findall(r"^\| (`.+?) \|", section, re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`([\w.]+)`", row)}


def _keys(value: object, path: str = "") -> set[str]:
    """The keys of a part of a document, with dots: those of an object in another, and of the objects of a list."""
    if isinstance(value, dict):
        return {found for key, inner in value.items() for found in _keys(inner, f"{path}.{key}".lstrip("."))}
    objects = [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
    return {found for item in objects for found in _keys(item, path)} if objects else {path} - {""}


def test_every_preflight_check_is_listed_with_what_to_do() -> None:
    checks = {check.__module__.rpartition(".")[2] for check in (*preflight.REFUSALS, *preflight.WARNINGS)}
    modules = {path.stem for path in Path(preflight.__file__).parent.glob("*.py")} - {"__init__", "subject"}
    listed = set(re.findall(r"^\| `(\w+)` \|", _text("reference/refusals.md"), re.MULTILINE))
    assert listed == modules == checks


def test_every_moment_and_variable_of_hooks_is_described() -> None:
    page = _text("reference/hooks-environment.md")
    settings = Settings(ServerSettings(), "s", "t", "ADD a INT")
    briefing = Briefing(settings, PLAN.names, Occasion(Moment.SUCCESS, "key"), COPYING, copying=1, now=2)
    alone = {name for name in briefing.variables if name.startswith(("GH_OST_", "FSM_GHOST_HOOK_"))}
    doubles = {name for name in alone if name.startswith("FSM_GHOST_HOOKS_")}
    wanted = [*Moment, *(alone - doubles), *json.loads(briefing.context)]
    assert [name for name in wanted if f"`{name}`" not in page] == []


def test_every_state_is_described() -> None:
    page = _text("explanation/state-machine.md").partition("## What each state does")[2]
    assert [phase for phase in Phase if f"`{phase}`" not in page] == []


def test_every_rule_of_the_protocol_says_what_the_model_does_with_it() -> None:
    page = _text("explanation/protocol.md")
    assert [f"R{number}" for number in range(1, 17) if f"| **R{number}** " not in page] == []
    unnamed = [rule.name for rule in Rule if f"`{rule.name}`" not in page and not rule.name.startswith("R8_")]
    assert unnamed == []


def test_decisions_are_numbered_without_a_gap_and_say_context_decision_consequence() -> None:
    decisions = sorted((DOCS / "decisions").glob("*.md"))
    assert [path.name[:4] for path in decisions] == [f"{number:04}" for number in range(1, len(decisions) + 1)]
    for path in decisions:
        text = path.read_text(encoding="utf-8")
        assert text.startswith(f"# {path.name[:4]} ")
        assert [part for part in ("**Context.**", "**Decision.**", "**Consequence.**") if part not in text] == []


# --- Links and commands -----------------------------------------------------------------------------------------------

TEXTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(path: Path) -> None:
    text = _CODE_FENCE.sub("", path.read_text(encoding="utf-8"))
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"https?://", target):
            continue
        file, _, anchor = target.partition("#")
        there = (path.parent / file).resolve() if file else path
        if not there.exists() or (anchor and anchor not in _anchors(there)):
            broken.append(target)
    assert broken == []


def _anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as forges make them."""
    headings = _HEADING.findall(_CODE_FENCE.sub("", page.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", sorted(DOCS.rglob("*.md")), ids=lambda path: str(path.relative_to(DOCS)))
def test_every_page_can_be_reached_from_the_readme(path: Path) -> None:
    assert path in _reachable(ROOT / "README.md", set())


def _reachable(page: Path, seen: set[Path]) -> set[Path]:
    seen.add(page)
    for target in re.findall(r"\]\(([^)\s#]+)", page.read_text(encoding="utf-8")):
        there = (page.parent / target).resolve()
        pages = sorted(there.glob("*.md")) if there.is_dir() else [there]
        for found in pages:
            if found.suffix == ".md" and found.exists() and found not in seen:
                _reachable(found, seen)
    return seen


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_and_flag_that_a_page_shows_exists(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    flags = {option.flag for option in OPTIONS} | {"--help-all", "--help"}
    wrong = []
    for line in re.findall(r"\bfsm-ghost (.*)", text):
        command = re.match(r"[a-z]+\b", line)
        called = command is not None and command[0] in COMMANDS
        wrong += [flag for flag in re.findall(r"(?<![\w-])--[a-z][a-z-]+", line) if called and flag not in flags]
    shown = re.findall(r"^(?:\.venv/bin/)?fsm-ghost (\S+)", text, re.MULTILINE)
    wrong += [command for command in shown if command not in COMMANDS and command.islower() and command.isalpha()]
    assert _only_commands(path, wrong) == []


def _only_commands(path: Path, wrong: list[str]) -> list[str]:
    """Outside of code fences a line of prose may begin with the program's name."""
    fences = "\n".join(_CODE_FENCE.findall(path.read_text(encoding="utf-8")))
    return [word for word in wrong if word.startswith("--") or re.search(rf"fsm-ghost {word}\b", fences)]


def test_every_file_that_the_architecture_page_names_exists() -> None:
    page = _text("explanation/architecture.md").partition("## I look for")[2].partition("## The threads")[0]
    named: list[str] = re.findall(r"`((?:states|fsm_ghost|tests)/[^`<]*)`", page)
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []
