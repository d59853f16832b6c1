"""A file that makes row copy wait for as long as it exists."""

from __future__ import annotations

from pathlib import Path


class FlagFile:
    """One file."""

    every = 0.25  # seconds

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self.name = f"the file {path}"

    def ask(self) -> str:
        """Whether it is there. OSError when that cannot be seen."""
        try:
            self._path.lstat()
        except FileNotFoundError:
            return ""
        return f"{self._path} exists"

    def close(self) -> None:
        """There is nothing to let go of."""
