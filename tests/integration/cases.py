"""The cases of tests/cases: what is in their folders, and for which server. README.md there says how to add one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from fsm_ghost.mysql.private import Flavour

FOLDER = Path(__file__).parents[1] / "cases"
# A statement ends where a line ends with a semicolon.
_END = re.compile(r";[ \t]*$", re.MULTILINE)
_COMMENT = re.compile(r"^--( .*)?\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Case:
    """A folder: a table, an ALTER, changes made while it is migrated, and the refusal that is expected, if any."""

    folder: Path

    def runs_on(self, flavour: Flavour) -> bool:
        """Whether there is a table for this server."""
        return self._file("create.sql", flavour) is not None

    def create(self, flavour: Flavour) -> list[str]:
        """What makes and fills the table `t`."""
        return statements(self._text("create.sql", flavour))

    def alter(self, flavour: Flavour) -> str:
        """The clauses of the ALTER."""
        return self._text("alter.txt", flavour).strip()

    def changes(self, flavour: Flavour) -> list[str]:
        """What is carried out once every row has been copied; nothing when there is no such file."""
        return statements(self._text("changes.sql", flavour) if self._file("changes.sql", flavour) else "")

    def refusal(self, flavour: Flavour) -> list[str]:
        """The texts, one a line, that the reason for refusing or stopping must hold; empty where the ALTER succeeds."""
        return self._text("refusal.txt", flavour).splitlines() if self._file("refusal.txt", flavour) else []

    def _text(self, name: str, flavour: Flavour) -> str:
        file = self._file(name, flavour)
        if file is None:
            raise FileNotFoundError(f"{self.folder} has no {name} for {flavour}")
        return file.read_text(encoding="utf-8")

    def _file(self, name: str, flavour: Flavour) -> Path | None:
        """The file of this name for one server, if there is one; otherwise that for both."""
        stem, _, suffix = name.partition(".")
        files = (self.folder / f"{stem}.{flavour}.{suffix}", self.folder / name)
        return next((file for file in files if file.is_file()), None)


def cases() -> list[Case]:
    """All cases, by name."""
    return [Case(folder) for folder in sorted(FOLDER.iterdir()) if folder.is_dir()]


def statements(text: str) -> list[str]:
    """The statements of a file; lines that begin with `-- ` are comments."""
    return [statement.strip() for statement in _END.split(_COMMENT.sub("", text)) if statement.strip()]
