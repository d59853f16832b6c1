"""A home with files of options in it, and what comes of a command line there."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from fsm_ghost.cli.arguments import Values, parse
from fsm_ghost.cli.files import beneath


@dataclass
class Home:
    """Option files of the machine are no part of it: the fixture that makes it points to `etc` instead."""

    path: Path
    environment: dict[str, str] = field(default_factory=dict)

    def write(self, name: str, text: str, mode: int = 0o600) -> Path:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
        return path

    def profiles(self, text: str, mode: int = 0o600) -> Path:
        return self.write(".config/fsm-ghost/config.toml", text, mode)

    def parsed(self, command: str, *arguments: str) -> Values:
        return parse(command, arguments, {"HOME": str(self.path), **self.environment}, beneath)

    def given(self, *arguments: str, command: str = "start") -> dict[str, object]:
        return {name: given.value for name, given in self.parsed(command, *arguments).given.items()}
