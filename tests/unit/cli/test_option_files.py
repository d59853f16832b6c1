"""MySQL's option files, held against MySQL's and MariaDB's own reader of them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from fsm_ghost.cli.option_files import OptionFiles
from fsm_ghost.errors import UsageError
from fsm_ghost.mysql.private import Flavour, find_server

GROUPS = ("client", "client_prod", "fsm-ghost")
MAIN = r"""
# a comment
; another
  [client]
user=a b  # said who
password=a#b\sc
single='a#b'
mixed="a'b#c"
escaped="x\"y#z"  # foo
backslashes=a\\b\tc\q
one-quote = 'a"
twice='a' 'b'
nothing=
switch
 blanks =   " sp "
apostrophe=it's # no comment in an open quote
lonely=\
last='\'
doubled="a\\"
half='
empty=''
inside='a\'b#c' # d
skip-ssl
under_score=1
loose-foo = bar
[client_prod ] junk
equals=x=y
!nonsense
!include {folder}/more
still=client_prod
!includedir {folder}/folder
still=client_prod, too
[ client]
blank=before
[other]
not=ours
[fsm-ghost]
chunk-size=5
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    files = {
        "main": MAIN.replace("{folder}", str(tmp_path)),
        "more": "[client]\nmore=1\n[other]\nx=1\n",
        "folder/2.cnf": "[client]\nsecond=2",
        "folder/1.cnf": "[client]\nfirst=1\r\n",
        "folder/3.ini": "[client]\nother-ending=1",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o644)
    return tmp_path


def found(path: Path) -> list[str]:
    files = OptionFiles(GROUPS)
    files.read(path, required=True)
    return [f"--{entry.name}" + ("" if entry.text is None else f"={entry.text}") for entry in files.entries]


def test_an_option_file_is_read_as_expected(folder: Path) -> None:
    lines = found(folder / "main")
    assert lines[:4] == ["--user=a b", "--password=a", "--single=a#b", "--mixed=a'b#c"]
    assert lines[4:6] == ['--escaped=x"y#z', "--backslashes=a\\b\tc\\q"]
    assert lines[-7:] == [
        "--equals=x=y", "--more=1", "--still=client_prod", "--first=1", "--second=2", "--still=client_prod, too",
        "--chunk-size=5",
    ]  # fmt: skip


@pytest.mark.parametrize("flavour, more", [("mysql", ["--show"]), ("mariadb", [])])
def test_an_option_file_is_read_as_the_servers_own_programs_read_it(
    folder: Path, flavour: Flavour, more: list[str]
) -> None:
    server = find_server(flavour)
    folders = [server.executable.parent, server.executable.parent.parent / "bin"] if server else []
    program = next((path for place in folders if (path := place / "my_print_defaults").exists()), None)
    if program is None:
        pytest.skip(f"{flavour}'s my_print_defaults is not here")
    command = [str(program), f"--defaults-file={folder / 'main'}", *more, *GROUPS]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "\n".join(found(folder / "main")) + "\n" == done.stdout


def test_a_file_that_everybody_may_write_to_is_left_out_with_a_warning(folder: Path) -> None:
    (folder / "more").chmod(0o666)
    files = OptionFiles(GROUPS)
    files.read(folder / "main")
    assert "more" not in {entry.name for entry in files.entries}
    assert files.notes == [f"{folder}/more is left out: everybody may write to it (chmod o-w {folder}/more)"]


def test_files_that_include_each_other_come_to_an_end(tmp_path: Path) -> None:
    path = tmp_path / "loop"
    path.write_text(f"[client]\n!include {path}\nuser=me\n")
    files = OptionFiles(GROUPS)
    files.read(path)
    assert len(files.entries) == 11  # as in MySQL
    assert "too many files" in files.notes[0]


@pytest.mark.parametrize(
    "text, complaint",
    [
        ("user=me", "line 1: an option before the first"),
        ("\n[client\nuser=me", r"line 2: a \[group\] without"),
        ("[client]\n!includedir /nowhere/at/all", "/nowhere/at/all cannot be read"),
    ],
)
def test_what_is_no_option_file_is_an_error(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "wrong"
    path.write_text(text)
    with pytest.raises(UsageError, match=complaint):
        found(path)


def test_only_a_file_that_was_asked_for_has_to_be_there(tmp_path: Path) -> None:
    OptionFiles(GROUPS).read(tmp_path / "nothing")
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        OptionFiles(GROUPS).read(tmp_path / "nothing", required=True)


def test_no_value_is_shown_where_entries_are(folder: Path) -> None:
    files = OptionFiles(GROUPS)
    files.read(folder / "main")
    assert "a b" not in repr(files)
