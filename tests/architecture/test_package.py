"""What is shipped: every module, its data files, and one name in site-packages."""

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.architecture.tree import PACKAGE, ROOT, files, tracked


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """A wheel, built from the files that git knows and from nothing that lies around."""
    checkout, dist = tmp_path_factory.mktemp("checkout"), tmp_path_factory.mktemp("dist")
    for path in tracked():
        copy = checkout / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(dist), str(checkout)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return zipfile.ZipFile(next(dist.glob("*.whl")))


@pytest.mark.slow
def test_a_wheel_has_one_top_level_name(wheel: zipfile.ZipFile) -> None:
    names = {name.split("/")[0] for name in wheel.namelist()}
    assert {name for name in names if not name.endswith((".dist-info", ".data"))} == {"fsm_ghost"}


@pytest.mark.slow
def test_a_wheel_holds_every_module_and_every_data_file(wheel: zipfile.ZipFile) -> None:
    known = {path.relative_to(ROOT).as_posix() for path in tracked()}
    wanted = {
        f"fsm_ghost/{path.relative_to(PACKAGE).as_posix()}"
        for path in files()
        if path.relative_to(ROOT).as_posix().removeprefix("fsm_ghost/") in known
        or path.relative_to(ROOT).as_posix() in known
    }
    shipped = {name for name in wheel.namelist() if name.endswith(".py")}
    assert shipped == wanted
    data = {"fsm_ghost/py.typed", "fsm_ghost/cli/page/page.html", "fsm_ghost/engine/schema.sql"}
    assert data <= set(wheel.namelist())


@pytest.mark.slow
def test_a_wheel_holds_the_manual_page(wheel: zipfile.ZipFile) -> None:
    assert any(name.endswith(".data/data/share/man/man1/fsm-ghost.1") for name in wheel.namelist())


@pytest.mark.slow
def test_a_wheel_holds_the_licence_and_the_command(wheel: zipfile.ZipFile) -> None:
    info = next(name for name in wheel.namelist() if name.endswith("entry_points.txt"))
    assert "fsm-ghost = fsm_ghost.cli:main" in wheel.read(info).decode()
    assert any(name.endswith("licenses/LICENSE") for name in wheel.namelist())


def test_every_package_of_the_tree_is_listed_and_every_listed_one_is_there() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    listed = set(project["tool"]["setuptools"]["packages"])
    inits = {path.parent.relative_to(PACKAGE).parts for path in files() if path.name == "__init__.py"}
    assert listed == {".".join(("fsm_ghost", *parts)) for parts in inits}


def test_every_directory_with_modules_is_a_package() -> None:
    for path in files():
        assert (path.parent / "__init__.py").exists(), path


def test_every_data_file_is_listed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    listed = {
        Path(package.replace(".", "/")) / name
        for package, names in project["tool"]["setuptools"]["package-data"].items()
        for name in names
    }
    kept = {path.relative_to(ROOT) for path in tracked() if path.is_relative_to(PACKAGE)}
    assert {path for path in kept if path.suffix != ".py"} == listed


def test_the_machine_is_linked_into_the_package() -> None:
    link = PACKAGE / "states"
    assert link.is_symlink()
    assert link.readlink() == Path("../states")
