"""Hooks: which files run, what they are told, callables of packages, a URL, and the status from time to time."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from fsm_ghost.cli.ui import document
from fsm_ghost.errors import UsageError
from fsm_ghost.model.occasion import HookResult, Occasion, Passage
from fsm_ghost.model.phase import Moment, Phase
from fsm_ghost.model.picture import dumps
from fsm_ghost.services.hooks import notifier
from fsm_ghost.services.hooks.briefing import Briefing
from fsm_ghost.services.hooks.callables import Callables
from fsm_ghost.services.hooks.executables import Executables
from fsm_ghost.services.hooks.hooks import Hooks, Sources
from fsm_ghost.services.hooks.notifier import Notifier
from fsm_ghost.settings import HookSettings, ServerSettings, Settings
from tests.unit.cli.made_up import COPYING, NOW, PLAN

PATIENCE = 30.0  # seconds for anything that is waited for
_SETTINGS = Settings(
    ServerSettings(host="db1", password="hunter2"),  # noqa: S106
    "shop",
    "orders",
    "ADD COLUMN note TEXT",
    hooks=HookSettings(hint="ticket 4711", hint_owner="me", hint_token="s3cret", notify_url="http://h/k3y"),  # noqa: S106
)
_COPIED = Occasion(
    "fsm-ghost-on-copy-copied",
    "abc:3:fsm-ghost-on-copy-copied",
    2,
    ("gh-ost-on-row-copy-complete", "fsm-ghost-on-copy-copied", "fsm-ghost-on-enter-sync"),
    Passage(3, Phase.COPY, "copied", Phase.SYNC, ""),
)


def briefing(occasion: Occasion = _COPIED) -> Briefing:
    return Briefing(_SETTINGS, PLAN.names, occasion, COPYING, copying=71.2, now=NOW)


def hooks(settings: HookSettings, excused: list[float] | None = None) -> Hooks:
    noted = [] if excused is None else excused
    sources = Sources(PLAN.names, lambda: COPYING, lambda: 71.2, noted.append)
    return Hooks(replace(_SETTINGS, hooks=settings), sources)


def until(wanted: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not wanted():
        assert time.monotonic() < deadline
        time.sleep(0.005)


# Files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "hooks"
    made.mkdir()
    return made


def add(folder: Path, name: str, script: str, mode: int = 0o755) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(mode)


def test_files_are_found_by_how_their_names_begin_when_they_are_needed(folder: Path) -> None:
    files = Executables(str(folder), 60)
    assert files.wanted(["a-on-success"]) == ()
    add(folder, "a-on-success-mail", "true")
    add(folder, "a-on-failure", "true", mode=0o644)
    (folder / "a-on-startup").mkdir()
    assert files.wanted(["a-on-startup", "a-on-success", "a-on-failure"]) == ("a-on-success",)


def test_without_a_folder_there_is_nothing_to_run() -> None:
    assert Executables("", 60).wanted(["a"]) == ()
    assert Executables("", 60).run("a", {}, "") == HookResult(ok=True, output="")


def test_a_folder_that_is_gone_is_no_reason_to_go_on_without_its_hooks(folder: Path) -> None:
    files = Executables(str(folder / "gone"), 60)
    assert files.wanted(["a", "b"]) == ("a", "b")
    result = files.run("a", {}, "")
    assert not result.ok
    assert "cannot be read" in result.output


def test_files_run_in_the_order_of_their_names_until_one_fails(folder: Path) -> None:
    add(folder, "a-1", "echo one")
    add(folder, "a-2", "echo two; exit 3")
    add(folder, "a-3", "echo three")
    result = Executables(str(folder), 60).run("a", {}, "")
    assert (result.ok, result.output) == (False, "one\ntwo\n\na-2: exit code 3\n")


def test_a_file_gets_variables_and_the_context_whether_it_reads_it_or_not(folder: Path) -> None:
    add(folder, "a-1", "true")
    add(folder, "a-2", 'echo "$TOLD: $(cat)"')
    long = "é" * 1_000_000
    result = Executables(str(folder), 60).run("a", {"TOLD": "it"}, long)
    assert result == HookResult(ok=True, output=f"it: {long}\n")


def test_a_file_that_takes_too_long_is_killed_with_its_children(folder: Path) -> None:
    add(folder, "a", "sleep 600 & wait")
    result = Executables(str(folder), 0.2).run("a", {}, "")
    assert result == HookResult(ok=False, output="a: killed after 0.2 s\n")


def test_a_file_that_is_no_program_has_failed(folder: Path) -> None:
    (folder / "a").write_text("no program", encoding="utf-8")
    (folder / "a").chmod(0o755)
    result = Executables(str(folder), 60).run("a", {}, "")
    assert not result.ok
    assert "a: cannot be run" in result.output


# What they are told


def test_the_context_says_of_the_migration_what_status_says() -> None:
    told = json.loads(briefing().context)
    shown = json.loads(dumps(document.of_snapshot(COPYING, NOW)))
    assert told["migration"] == {name: value for name, value in shown.items() if name != "doing"}


def test_the_context_says_why_the_hook_runs() -> None:
    told = json.loads(briefing().context)
    assert (told["schema"], told["id"], told["attempt"]) == (1, _COPIED.key, 2)
    assert (told["moment"], told["moments"]) == (_COPIED.moment, list(_COPIED.moments))
    assert told["transition"] == {"number": 3, "from": "copy", "outcome": "copied", "to": "sync", "reason": None}
    assert told["hint"] == {"text": "ticket 4711", "owner": "me"}
    status = json.loads(briefing(Occasion(Moment.STATUS, "abc:1:status")).context)
    assert (status["transition"], status["command"], status["moments"]) == (None, None, [Moment.STATUS])


@pytest.mark.parametrize("secret", ["hunter2", "s3cret", "k3y"])
def test_no_secret_is_in_the_context(secret: str) -> None:
    assert secret not in briefing().context


def test_the_variables_are_gh_osts_and_say_why_the_hook_runs() -> None:
    told = briefing().variables
    assert told["GH_OST_TABLE_NAME"] == told["FSM_GHOST_TABLE_NAME"] == "orders"
    assert (told["GH_OST_HOOKS_HINT_TOKEN"], told["GH_OST_ELAPSED_COPY_SECONDS"]) == ("s3cret", "71")
    assert told["GH_OST_STATUS"].startswith("Copy: 524288/1000000 52.4%; Applied: ")
    assert (told["FSM_GHOST_HOOK_FROM"], told["FSM_GHOST_HOOK_OUTCOME"], told["FSM_GHOST_HOOK_TO"]) == (
        "copy",
        "copied",
        "sync",
    )
    unknown = replace(COPYING, readings=replace(COPYING.readings, eta=None))
    assert replace(briefing(), snapshot=unknown).variables["GH_OST_ETA_SECONDS"] == str(-(2**63))


# Callables


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Installs a package with these entry points, whose code is `code`."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def install(code: str, **offered: str) -> None:
        info = tmp_path / "made_up_hooks-1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: made-up-hooks\nVersion: 1\n", encoding="utf-8")
        points = "\n".join(f"{name} = made_up_hooks:{what}" for name, what in offered.items())
        (info / "entry_points.txt").write_text(f"[fsm_ghost.hooks]\n{points}\n", encoding="utf-8")
        (tmp_path / "made_up_hooks.py").write_text(code, encoding="utf-8")

    yield install
    sys.modules.pop("made_up_hooks", None)


Install = Callable[..., None]


def called() -> list[Any]:
    seen: list[Any] = sys.modules["made_up_hooks"].seen
    return seen


def test_a_callable_gets_the_context(package: Install) -> None:
    package(
        "seen = []\ndef second(told): seen.append((2, told))\ndef first(told): seen.append((1, told))",
        b="second",
        a="first",
    )
    assert Callables(60).run('{"moment": "x"}') == HookResult(ok=True, output="")
    assert called() == [(1, {"moment": "x"}), (2, {"moment": "x"})]


def test_what_one_callable_does_to_the_context_the_next_one_does_not_see(package: Install) -> None:
    package("seen = []\ndef one(told): seen.append(dict(told)); told.clear()", a="one", b="one")
    assert Callables(60).run('{"moment": "x"}').ok
    assert called() == [{"moment": "x"}] * 2


@pytest.mark.parametrize(
    "code,problem",
    [
        ("def one(told): raise ValueError('the board says no')", "ValueError: the board says no"),
        ("def one(told): raise SystemExit(0)", "SystemExit: 0"),
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("other = 1", "AttributeError: module 'made_up_hooks' has no attribute 'one'"),
    ],
)
def test_a_callable_that_raises_or_cannot_be_loaded_has_failed(package: Install, code: str, problem: str) -> None:
    package(code, a="one")
    assert Callables(60).run("{}") == HookResult(ok=False, output=f"a (made_up_hooks:one): {problem}\n")


def test_a_callable_that_takes_too_long_has_failed(package: Install) -> None:
    package("import threading\nseen = threading.Event()\ndef one(told): seen.wait()", a="one")
    result = Callables(0.05).run("{}")
    sys.modules["made_up_hooks"].seen.set()
    assert result == HookResult(ok=False, output="a (made_up_hooks:one): has not returned after 0.05 s\n")


def test_files_come_before_callables_and_one_that_fails_ends_the_row(folder: Path, package: Install) -> None:
    package("seen = []\ndef one(told): seen.append(told['moment'])", a="one")
    run = hooks(HookSettings(path=str(folder)))
    assert run.wanted(["x", "y"]) == ("x", "y")
    assert run.run(_COPIED).ok
    assert called() == [_COPIED.moment]
    add(folder, _COPIED.moment, "echo no; exit 1")
    assert not run.run(_COPIED).ok
    assert len(called()) == 1


def test_for_as_long_as_hooks_run_there_is_an_excuse_for_no_sign_of_life() -> None:
    excused: list[float] = []
    hooks(HookSettings(timeout=7), excused).run(_COPIED)
    assert excused == [7, 0]


# A URL


class Listening(BaseHTTPRequestHandler):
    """Answers with the statuses that are set, and then with 204."""

    statuses: ClassVar[deque[int]] = deque()
    heard: ClassVar[list[tuple[dict[str, str], str]]] = []
    silent: threading.Event | None = None

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.heard.append((dict(self.headers), body))
        if self.silent is not None:
            self.silent.wait(PATIENCE)
        status = self.statuses.popleft() if self.statuses else 204
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/elsewhere")
        self.end_headers()

    do_GET = do_POST  # noqa: N815 - what the server calls

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(notifier, "PAUSES", (0.01, 0.01))
    monkeypatch.setattr(Listening, "statuses", deque())
    monkeypatch.setattr(Listening, "heard", [])
    monkeypatch.setattr(Listening, "silent", None)
    server = HTTPServer(("127.0.0.1", 0), Listening)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/k3y"
    if Listening.silent is not None:
        Listening.silent.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def telling(url: str) -> Iterator[Notifier]:
    made = Notifier(url)
    yield made
    made.close()


def test_what_is_posted_arrives_in_order_with_the_id(telling: Notifier) -> None:
    telling.post("id-1", '{"é": 1}')
    telling.post("id-2", "{}")
    assert telling.results(PATIENCE) == [
        ("id-1", HookResult(ok=True, output="")),
        ("id-2", HookResult(ok=True, output="")),
    ]
    assert telling.results(0) == []
    (headers, body), _ = Listening.heard
    assert (headers["Idempotency-Key"], headers["Content-Type"], body) == ("id-1", "application/json", '{"é": 1}')


def test_a_post_is_tried_a_few_times_with_the_same_id(telling: Notifier) -> None:
    Listening.statuses.extend([503, 429])
    telling.post("id-1", "{}")
    assert telling.results(PATIENCE) == [("id-1", HookResult(ok=True, output=""))]
    assert [headers["Idempotency-Key"] for headers, _ in Listening.heard] == ["id-1"] * 3


@pytest.mark.parametrize("statuses,tries", [([503] * 9, 3), ([404], 1), ([302], 1)])
def test_a_post_that_is_not_taken_is_given_up_and_the_url_is_not_shown(
    telling: Notifier, statuses: list[int], tries: int
) -> None:
    Listening.statuses.extend(statuses)
    telling.post("id-1", "{}")
    ((_, result),) = telling.results(PATIENCE)
    assert (result.ok, result.output) == (False, f"http://127.0.0.1/… was not told: it answers {statuses[0]}")
    assert len(Listening.heard) == tries


def test_nobody_listening_is_a_failure(url: str) -> None:
    assert url
    nobody = Notifier("http://127.0.0.1:1/k3y")
    nobody.post("id-1", "{}")
    ((_, result),) = nobody.results(PATIENCE)
    nobody.close()
    assert not result.ok
    assert "k3y" not in result.output


def test_who_does_not_answer_keeps_nobody_waiting(telling: Notifier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Listening, "silent", threading.Event())
    telling.post("id-1", "{}")
    assert telling.results(0) == []
    assert not telling.is_idle


def test_a_url_that_was_given_up_is_told_so() -> None:
    run = hooks(HookSettings())
    run.notify(_COPIED)
    assert run.notified(0) == [(_COPIED.key, HookResult(ok=False, output="there is no --notify-url any more"))]


def test_a_url_gets_the_context(url: str) -> None:
    run = hooks(HookSettings(notify_url=url))
    run.notify(_COPIED)
    assert [result.ok for _, result in run.notified(PATIENCE)] == [True]
    run.close()
    told = json.loads(Listening.heard[0][1])
    assert (told["id"], told["transition"]["number"], told["migration"]["state"]) == (_COPIED.key, 3, "copy")


@pytest.mark.parametrize("wrong", ["ftp://h/", "file:///etc/passwd", "http://", "h/x", "https://me:hunter2@h/"])
def test_a_url_of_another_kind_or_with_a_password_is_refused(wrong: str) -> None:
    with pytest.raises(UsageError, match="--notify-url") as refused:
        HookSettings(notify_url=wrong)
    assert "hunter2" not in str(refused.value)


# The status


def ticking(run: Hooks, monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """What lets the status be due, so many seconds from now."""

    def tick(later: float) -> None:
        now = time.monotonic()
        with monkeypatch.context() as patched:
            patched.setattr("fsm_ghost.services.hooks.hooks.time.monotonic", lambda: now + later)
            run.tick(COPYING)

    return tick


def test_the_status_is_told_from_time_to_time_and_never_twice_at_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(
        folder,
        "gh-ost-on-status",
        f'echo "$GH_OST_STATUS" >> {folder}/told\nwhile [ ! -e {folder}/go ]; do sleep 0.02; done',
    )
    run = hooks(HookSettings(path=str(folder), status_interval=60))
    tick, told = ticking(run, monkeypatch), folder / "told"
    tick(30)
    assert run._status is None, "it is not yet time"
    tick(61)
    until(told.exists)
    tick(999)
    until(lambda: run._status_files._process is not None)  # the file can be there before its program is known
    (folder / "go").touch()
    until(lambda: not run._is_telling())
    assert len(told.read_text(encoding="utf-8").splitlines()) == 1, "the first one was not over"
    tick(999)
    until(lambda: len(told.read_text(encoding="utf-8").splitlines()) == 2)
    run.close()


def test_a_status_hook_that_runs_at_the_end_is_killed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add(folder, "gh-ost-on-status", f"touch {folder}/began; sleep 600")
    run = hooks(HookSettings(path=str(folder)))
    ticking(run, monkeypatch)(61)
    until((folder / "began").exists)
    run.close()
    assert not run._is_telling()


def test_a_url_that_is_still_being_told_is_not_told_the_status(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Listening, "silent", threading.Event())
    run = hooks(HookSettings(notify_url=url, status_interval=60))
    tick = ticking(run, monkeypatch)
    for later in (61, 122, 183):
        tick(later)
    assert Listening.silent is not None
    Listening.silent.set()
    assert len(run.notified(PATIENCE)) == 1
    run.close()
    assert json.loads(Listening.heard[0][1])["moment"] == Moment.STATUS


@pytest.mark.parametrize("interval", [0, 60])
def test_where_there_is_no_status_hook_or_it_is_not_wanted_no_thread_is_started(
    folder: Path, interval: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if interval == 0:
        add(folder, "gh-ost-on-status", "true")
    run = hooks(HookSettings(path=str(folder), status_interval=interval))
    ticking(run, monkeypatch)(10_000)
    assert run._status is None
