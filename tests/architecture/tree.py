"""The checkout: its modules, parsed, and the files that git knows."""

import ast
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "fsm_ghost"


@dataclass(frozen=True)
class Source:
    """A module of the package: its path below fsm_ghost/, and what it says."""

    path: str
    tree: ast.Module


def files() -> list[Path]:
    """Every module of the package, those of the machine as it is imported."""
    own = [path for path in PACKAGE.rglob("*.py") if "states" not in path.relative_to(PACKAGE).parts]
    return sorted([*own, *(PACKAGE / "states").glob("*.py")])


def sources() -> list[Source]:
    """Every module of the package, parsed."""
    return [Source(path.relative_to(PACKAGE).as_posix(), ast.parse(path.read_text())) for path in files()]


def module_names() -> list[str]:
    """Every module by the name that it is imported by."""
    names = []
    for path in files():
        parts = ("fsm_ghost", *path.relative_to(PACKAGE).with_suffix("").parts)
        names.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return names


def tracked() -> list[Path]:
    """The files that git knows; links are what they point to elsewhere."""
    git = shutil.which("git") or "git"
    listed = subprocess.run([git, "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file() and not path.is_symlink()]


SOURCES = sources()
