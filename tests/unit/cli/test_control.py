"""`fsm-ghost control`, and what is said over a socket: every command and form, and what is answered."""

from __future__ import annotations

import json
import os
import re
import socket
import stat
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from fsm_ghost.cli import main
from fsm_ghost.cli.control import asking, desk, gauges, serving
from fsm_ghost.cli.control.desk import Desk
from fsm_ghost.cli.control.reply import Reply
from fsm_ghost.engine import machine
from fsm_ghost.engine.store import Store
from fsm_ghost.engine.tuning import TUNABLE
from fsm_ghost.errors import OwnedElsewhereError, StoppedError, UsageError
from fsm_ghost.model.command import Verb
from fsm_ghost.model.phase import Phase
from fsm_ghost.services.server import listener
from fsm_ghost.services.server.doors import tcp_door, unix_door
from tests.unit.cli.living import (
    ID,
    SHORT,
    Life,
    connected,
    living,
    put,
    record,
    say,
    served,
    until,
    with_control,
    with_metrics,
    with_throttle,
)

WHO = f"migration {SHORT} of shop.orders"
TOKEN = "0123456789abcdef"  # noqa: S105 - nobody's


@pytest.fixture(autouse=True)
def _attentive(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands are looked for before every step, answers all the time, and for as long as it takes."""
    monkeypatch.setattr(machine, "LISTEN_EVERY", 0.0)
    monkeypatch.setattr(machine, "CHECKPOINT_EVERY", 3600.0)
    monkeypatch.setattr(asking, "EVERY", 0.002)
    monkeypatch.setattr(asking, "PATIENCE", dict.fromkeys(asking.PATIENCE, 120.0))


@pytest.fixture
def state_db(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "state.db"
    monkeypatch.setenv("FSM_GHOST_STATE_DB", str(path))
    return path


@pytest.fixture
def life(state_db: Path) -> Iterator[Life]:
    put(state_db)
    with living(state_db) as alive:
        yield alive


@pytest.fixture
def where(state_db: Path, life: Life) -> Iterator[Path]:
    """The socket of a migration that copies."""
    assert life.copying.is_set()
    with served(state_db) as path:
        yield path


# --- A transcript -----------------------------------------------------------------------------------------------------

THROTTLED = f"done: {WHO}: no rows are copied, compared or swapped until somebody says no-throttle"
COMES = f"done: {WHO}: the tables are swapped once all rows are copied and compared"
NOBODY = f"not done: {WHO}: it was not throttled by anybody"
TRANSCRIPT = [
    ("help", "status, info"),
    ("status", r"# Migrating shop\.orders\n# Migrating db1:3307; run by db-host process \d+\n# Migration started at "),
    ("info", r"(?s).*\n# chunk-size: 0; .*max-lag-millis: 1500.*\n.* shop\.orders copy: "),
    ("sup", rf"[^\n]* {SHORT} shop\.orders copy: [^\n]*\n$"),
    ("coordinates", "Coordinates: unknown yet"),
    ("coordinates=?", "Coordinates: unknown yet"),
    ("coordinates=mysql-bin.1:4", "not done: coordinates are read-only"),
    ("applier", "Host: db1:3307, server a server"),
    ("inspector", "Host: db1:3307, server a server"),
    ("cpu-profile=20ms", r"([^\n;]+(;[^\n;]+)* \d+\n)+$"),
    ("cpu-profile=long", "not done: unrecognized cpu profiling option: long"),
    ("chunk-size=500", f"done: {WHO}: chunk-size is 500 now; it was 0"),
    (" chunk-size = 500 ", f"done: {WHO}: chunk-size is 500 already"),
    ("chunk-size=?", "chunk-size: 500"),
    ("chunk-size", "chunk-size: 500"),
    ("chunk-size=many", f"not done: {WHO}: chunk-size cannot be 'many'"),
    ("dml-batch-size=20", "not done: dml-batch-size has no effect here"),
    ("max-lag-millis=900", f"done: {WHO}: max-lag-millis is 900 now; it was 1500"),
    ("max-lag-millis=?", "max-lag-millis: 900"),
    ("nice-ratio=0.5", f"done: {WHO}: nice-ratio is 0.5 now; it was 0"),
    ("max-load=Threads_running=30", f"done: {WHO}: max-load is Threads_running=30 now; it was empty"),
    ("max-load=?", "max-load: Threads_running=30"),
    ('max-load="Threads_running=31"', f"done: {WHO}: max-load is Threads_running=31 now"),
    ("max-load=`Threads_running=32`", f"done: {WHO}: max-load is Threads_running=32 now"),
    ("max-load=", f"done: {WHO}: max-load is empty now"),
    ("max-load=Threads_running", f"not done: {WHO}: --max-load must be written as"),
    ("critical-load=Threads_running=300", f"done: {WHO}: critical-load is Threads_running=300 now"),
    ("replication-lag-query=SELECT 1", "not done: replication-lag-query has no effect here"),
    ("throttle-query=SELECT 1", f"not done: {WHO}: throttle-query is changed only where --allow-throttle-query"),
    ("throttle-http=http://host/may-i", f"done: {WHO}: throttle-http is http://host/may-i now"),
    ("throttle-control-replicas=db2:3306", f"done: {WHO}: throttle-control-replicas is db2:3306 now"),
    ("throttle-control-replicas=?", "throttle-control-replicas: db2:3306"),
    ("throttle", THROTTLED),
    ("pause", THROTTLED),
    ("suspend=orders", THROTTLED),
    ("throttle=shop.orders", THROTTLED),
    ("throttle=items", r"not done: it migrates shop\.orders, not items"),
    ("no-throttle", f"done: {WHO}: it goes on"),
    ("unthrottle", NOBODY),
    ("resume=orders", NOBODY),
    ("continue", NOBODY),
    ("postpone", f"done: {WHO}: the tables are not swapped until somebody asks for it"),
    ("unpostpone", COMES),
    ("unpostpone=orders", COMES),
    ("no-postpone", COMES),
    ("cut-over=orders", COMES),
    ("cut-over=items", "not done: it migrates"),
    ("rehearse", f"not done: {WHO}: a swap can be rehearsed in state sync only"),
    ("panic=items", "not done: it migrates"),
    ("sing", "not done: unknown command: sing\nhelp lists them"),
    ("", "not done: no command was given"),
    ('chunk-size="500', "not done: "),
    ("{", "not done: this is no JSON"),
    ("[]", "not done: unknown command"),
    ('{"command": 5}', "not done: a command in JSON"),
    ('{"command": "sup", "sql": "DROP"}', "not done: a command in JSON"),
    ("panic", f"done: {WHO}: the run stops, with a checkpoint; fsm-ghost resume {SHORT} goes on"),
    ("throttle", f"not yet: no process of this host runs {WHO}: throttle is kept for the next run"),
    ("panic", f"not done: no process of this host runs {WHO}: there is nothing to stop"),
    ("rehearse", f"not done: no process of this host runs {WHO}: nothing was rehearsed"),
    ("sup", f".*{SHORT} shop.orders copy: not running: stopped by panic"),
    ("cpu-profile", "not done: no process of this host runs it"),
]


def test_each_command_of_gh_osts_and_of_ours_answers_in_each_of_its_forms(where: Path) -> None:
    for said, wanted in TRANSCRIPT:
        answer = say(where, f"{said}\n")
        assert re.match(wanted, answer), (said, answer)
        assert answer.endswith("\n")


def test_no_command_is_missing_in_the_transcript() -> None:
    said = {re.split("[ =]", line.strip())[0] for line, _ in TRANSCRIPT}
    every = {*desk._QUESTIONS, *desk._ASKED_FOR, *desk._WITHOUT_EFFECT, "cpu-profile"}
    assert every - said == {"abort"}
    assert [name for name in every - desk._WITHOUT_EFFECT.keys() if not re.search(rf"\b{name}\b", desk.HELP)] == []


def test_what_was_changed_is_in_the_state_file_and_known_to_the_next_run(where: Path, state_db: Path) -> None:
    for said in ("chunk-size=500", "nice-ratio=1", "nice-ratio=no", "critical-load-hibernate-seconds=60"):
        say(where, said)
    asked = record(state_db).asked
    assert (asked.copy.chunk_size, asked.throttle.nice_ratio, asked.throttle.hibernate) == (500, 1.0, 60)


def test_a_program_is_answered_in_json(where: Path) -> None:
    told = json.loads(say(where, '{"command": "chunk-size", "argument": 500}\n'))
    assert told == {
        "schema": 1,
        "took_effect": True,
        "exit_code": 0,
        "said": False,
        "text": f"{WHO}: chunk-size is 500 now; it was 0",
        "remedy": None,
        "data": {},
    }
    assert json.loads(say(where, '{"command": "chunk-size", "argument": "?"}'))["data"] == {"chunk-size": "500"}
    assert json.loads(say(where, '{"command": "ignore-http-errors", "argument": true}'))["took_effect"] is True
    late = json.loads(say(where, '{"command": "rehearse"}'))
    assert (late["took_effect"], late["exit_code"]) == (False, 1)
    status = json.loads(say(where, '{"command": "status"}'))["data"]
    assert (status["migration"]["state"], status["settings"]["chunk-size"]) == ("copy", "500")
    assert status["settings"].keys() == TUNABLE.keys()


def test_the_flag_file_that_is_to_postpone_the_swap_is_made(where: Path, state_db: Path, tmp_path: Path) -> None:
    flag = tmp_path / "postpone"
    assert "not done" in say(where, "postpone-cut-over-flag-file=postpone")
    assert "not done" in say(where, f"postpone-cut-over-flag-file={tmp_path}/nowhere/postpone")
    assert not flag.exists()
    assert say(where, f"postpone-cut-over-flag-file={flag}").startswith("done: ")
    assert flag.exists()
    assert record(state_db).asked.cut_over.postpone_flag_file == str(flag)
    assert f"# postpone-cut-over-flag-file is set: {flag}" in say(where, "status")


def test_giving_up_ends_the_migration(where: Path, state_db: Path) -> None:
    assert say(where, "abort=orders").startswith(f"done: {WHO} is given up")
    until(lambda: record(state_db).is_finished)
    assert record(state_db).phase is Phase.ABORTED
    assert "too late" in say(where, "throttle")
    assert "too late" in say(where, "abort")


# --- Interleavings ----------------------------------------------------------------------------------------------------


def test_what_a_client_has_asked_for_that_left_without_its_answer_is_done(
    where: Path, life: Life, state_db: Path
) -> None:
    life.falls_silent()
    with connected(where) as client:
        client.sendall(b"chunk-size=500\n")
        until(lambda: commands(state_db) == ["change"])
    life.deaf.clear()
    until(lambda: record(state_db).asked.copy.chunk_size == 500)
    assert "chunk-size: 500" in say(where, "chunk-size=?")


def test_while_one_client_waits_others_are_answered_and_all_commands_are_taken_in_order(
    where: Path, life: Life, state_db: Path
) -> None:
    life.falls_silent()
    answers: dict[str, str] = {}

    def ask(said: str) -> None:
        answers[said] = say(where, said)

    clients = []
    for number, said in enumerate(("chunk-size=500", "chunk-size=600"), 1):
        clients.append(threading.Thread(target=ask, args=(said,)))
        clients[-1].start()
        until(lambda wanted=number: len(commands(state_db)) == wanted)  # type: ignore[misc]
    assert "shop.orders" in say(where, "sup")
    assert say(where, "chunk-size=?") == "chunk-size: 0\n"
    assert answers == {}
    life.deaf.clear()
    for client in clients:
        client.join()
    assert "500 now; it was 0" in answers["chunk-size=500"]
    assert "600 now; it was 500" in answers["chunk-size=600"]


def test_a_run_that_is_busy_is_not_waited_for_for_ever_and_does_it_later(
    where: Path, life: Life, state_db: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(asking.PATIENCE, Verb.CHANGE, 0.0)
    life.falls_silent()
    assert say(where, "chunk-size=500").startswith(f"not yet: {WHO} has not answered within 0 s, in state copy")
    life.deaf.clear()
    until(lambda: record(state_db).asked.copy.chunk_size == 500)


def test_whoever_waits_when_the_run_ends_is_told(where: Path, life: Life, state_db: Path) -> None:
    life.falls_silent()
    answers: list[str] = []
    client = threading.Thread(target=lambda: answers.append(say(where, "throttle")))
    client.start()
    until(lambda: commands(state_db) == ["throttle"])
    life.stop.set()  # which counts more than any command
    life.deaf.clear()
    client.join()
    assert answers[0].startswith("not yet: no process of this host runs")
    assert commands(state_db) == ["throttle"]


def commands(state_db: Path) -> list[str]:
    """The commands that no run has taken."""
    with closing(Store.reading(state_db)) as store:
        return [row["verb"] for row in store._db.execute("SELECT verb FROM commands WHERE taken_at IS NULL")]


def test_a_profile_is_made_once_at_a_time(state_db: Path, life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, end = threading.Event(), threading.Event()

    def slow(_: float) -> str:
        begun.set()
        end.wait()
        return "main 1"

    assert life.copying.is_set()
    monkeypatch.setattr("fsm_ghost.cli.control.desk.sampled", slow)
    ours = Desk(state_db, ID)
    first = threading.Thread(target=ours.answer, args=("cpu-profile=1s",))
    first.start()
    assert begun.wait(60)
    assert ours.answer("cpu-profile") == "not done: cpu profiling already in progress\n"
    end.set()
    first.join()
    assert ours.answer("cpu-profile") == "main 1\n"


# --- Panic ------------------------------------------------------------------------------------------------------------


def test_a_panic_flag_file_stops_the_run(
    tmp_path: Path, state_db: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(serving, "PANIC_EVERY", 0.01)
    flag = tmp_path / "panic"
    put(state_db, with_control(panic_flag_file=str(flag), force_named_panic=True))
    with living(state_db) as life, served(state_db):
        flag.symlink_to("nowhere")
        until(lambda: life.error is not None)
    assert life.error is not None
    assert life.error.exit_code == 4
    assert record(state_db).phase is Phase.COPY
    assert caplog.text.count(f"{flag} exists: the run is to stop") == 1
    assert commands(state_db) == []


def test_a_panic_flag_file_asks_once_however_long_the_run_takes_to_hear_it(
    life: Life, tmp_path: Path, state_db: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(asking.PATIENCE, Verb.PANIC, 0.0)
    life.falls_silent()
    flag = serving._PanicFlag(tmp_path / "panic", Desk(state_db, ID), "orders")
    flag.look()
    assert commands(state_db) == []
    (tmp_path / "panic").touch()
    flag.look()
    flag.look()
    assert commands(state_db) == ["panic"]


def test_a_table_has_to_be_named_where_that_was_demanded(state_db: Path) -> None:
    put(state_db, with_control(force_named_panic=True, force_named_cut_over=True))
    with living(state_db), served(state_db) as where:
        for command in ("panic", "cut-over", "unpostpone"):
            assert say(where, command) == f"not done: {command} has to name the table: {command}=orders\n"
        assert say(where, "throttle").startswith("done")
        assert say(where, "cut-over=orders").startswith("done")
        assert say(where, "panic=orders").startswith("done")


# --- Who may ----------------------------------------------------------------------------------------------------------


def test_the_socket_is_for_nobody_else_and_goes_with_the_run(state_db: Path, life: Life) -> None:
    assert life.copying.is_set()
    with served(state_db) as where:
        assert where == state_db.with_name(f"state.db.{SHORT}.sock")
        assert stat.S_IMODE(where.stat().st_mode) == 0o600
    assert not where.exists()


def test_somebody_elses_process_is_not_heard(where: Path, state_db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fsm_ghost.services.server.doors.is_ours", lambda _: False)
    assert say(where, "throttle") == ""
    assert commands(state_db) == []
    assert not record(state_db).progress.throttled


def test_a_dead_runs_socket_goes_a_living_ones_stays(tmp_path: Path) -> None:
    path = tmp_path / "s"
    dead = unix_door(path)
    dead.listening.close()
    again = unix_door(path)
    with pytest.raises(OwnedElsewhereError, match="another process listens"):
        unix_door(path)
    dead.close()  # and leaves what is not its own
    assert path.exists()
    again.close()
    assert not path.exists()


def test_what_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "s"
    path.write_text("mine")
    with pytest.raises(UsageError, match="is no socket"):
        unix_door(path)
    assert path.read_text() == "mine"


def test_a_state_file_in_a_deep_folder_has_a_socket_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / ("d" * 100)
    monkeypatch.setenv("FSM_GHOST_STATE_DB", str(folder / "state.db"))
    put(folder / "state.db")
    with living(folder / "state.db"), served(folder / "state.db") as where:
        assert len(os.fsencode(where)) > 107
        assert stat.S_ISSOCK(where.stat().st_mode)
        assert main(["control", "chunk-size=?"]) == 0
    assert capsys.readouterr().out == "chunk-size: 0\n"


def test_without_its_own_socket_a_run_goes_on_but_not_without_one_that_was_asked_for(
    tmp_path: Path, state_db: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put(state_db)
    state_db.with_name(f"state.db.{SHORT}.sock").write_text("in the way")
    with living(state_db), served(state_db):
        assert main(["control", "chunk-size=500"]) == 0
    assert "commands are taken from the state file alone" in caplog.text
    other = tmp_path / "other.db"
    put(other, with_control(socket_file=str(tmp_path / "nowhere" / "s")))
    with pytest.raises(StoppedError, match="cannot be made"), served(other):
        pass


# --- Over TCP ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def port(tmp_path: Path, state_db: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The port of a migration that copies."""
    monkeypatch.setattr(listener, "_PENALTY", 0.0)
    token = tmp_path / "token"
    token.write_text(f"{TOKEN}\n# the second line counts nothing\n")
    free = tcp_door("127.0.0.1", 0, token)
    number = int(free.shown.rpartition(":")[2])
    free.close()
    put(state_db, with_control(tcp_port=number, token_file=str(token)))
    with living(state_db), served(state_db):
        yield number


def test_over_tcp_only_who_shows_the_token_is_heard(
    port: int, state_db: Path, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = "not done: the first line must be the token\n"
    for said in ("throttle\n", "\nthrottle\n", f"{TOKEN[:-1]}\nthrottle\n", f"{TOKEN}x\nthrottle\n", ""):
        assert say(port, said) == wrong
    assert not record(state_db).progress.throttled
    assert "a client without the token was not heard" in caplog.text
    assert say(port, f"{TOKEN}\nthrottle\n") == f"{THROTTLED}; changes are brought over meanwhile\n"
    assert json.loads(say(port, f'{TOKEN}\n{{"command": "sup"}}\n'))["exit_code"] == 0
    assert TOKEN not in caplog.text


def test_whoever_fills_the_port_keeps_nobody_from_the_socket(
    port: int, state_db: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "_MOST", 1)
    with connected(port):
        until(lambda: say(port, f"{TOKEN}\nsup\n").startswith("not done: too many clients"))
        assert "shop.orders" in say(state_db.with_name(f"state.db.{SHORT}.sock"), "sup")


def test_over_tcp_no_sql_is_taken(port: int) -> None:
    assert say(port, f"{TOKEN}\nthrottle-query=DROP TABLE t\n").startswith("not done")


def test_a_port_without_a_token_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="needs --serve-token-file"):
        with_control(tcp_port=1)
    token = tmp_path / "token"
    with pytest.raises(UsageError, match="cannot be read"):
        tcp_door("127.0.0.1", 0, token)
    token.write_text("short\n")
    with pytest.raises(UsageError, match="too short") as refused:
        tcp_door("127.0.0.1", 0, token)
    assert "short\n" not in str(refused.value)


def test_a_port_that_is_taken_is_told_and_no_door_stays_open(tmp_path: Path, state_db: Path) -> None:
    token = tmp_path / "token"
    token.write_text(TOKEN)
    taken = tcp_door("127.0.0.1", 0, token)
    number = int(taken.shown.rpartition(":")[2])
    put(state_db, with_control(tcp_port=number, token_file=str(token)))
    with pytest.raises(StoppedError, match=f"port {number} of 127.0.0.1") as stopped, served(state_db):
        pass
    assert f"fsm-ghost resume {SHORT}" in stopped.value.remedy
    assert not state_db.with_name(f"state.db.{SHORT}.sock").exists()
    taken.close()


# --- Clients that do not behave ---------------------------------------------------------------------------------------


def test_a_line_that_is_too_long_is_not_taken_for_its_beginning(
    where: Path, state_db: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "_LONGEST", 100)
    assert say(where, "chunk-size=" + "9" * 89) == "not done: the line is too long\n"
    assert commands(state_db) == []


def test_whoever_comes_too_often_is_sent_away_until_others_have_left(
    where: Path, state_db: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "_MOST", 1)
    with connected(where):
        until(lambda: say(where, "chunk-size=500").startswith("not done: too many clients"))
    until(lambda: "shop.orders" in say(where, "sup"))
    assert record(state_db).asked.copy.chunk_size == 0


def test_the_end_of_a_run_does_not_wait_for_whoever_says_nothing(
    state_db: Path, life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "_PATIENCE", 3600.0)
    assert life.copying.is_set()
    with served(state_db) as where:
        silent = connected(where)
        say(where, "sup")
    silent.settimeout(20)
    assert silent.recv(100) in {b"", b"not done: no command was given\nhelp lists them.\n"}
    silent.close()


# --- The command line -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by_socket", [True, False])
def test_the_command_line_finds_the_run_with_or_without_its_socket(
    state_db: Path, life: Life, capsys: pytest.CaptureFixture[str], *, by_socket: bool
) -> None:
    assert life.copying.is_set()
    if by_socket:
        with served(state_db):
            codes = [main(["control", SHORT, "chunk-size=500"]), main(["control", "rehearse"])]
    else:
        codes = [main(["control", SHORT, "chunk-size=500"]), main(["control", "rehearse"])]
    assert codes == [0, 1]
    shown = capsys.readouterr()
    assert shown.out == f"done: {WHO}: chunk-size is 500 now; it was 0\n"
    assert shown.err.startswith(f"fsm-ghost: {WHO}: a swap can be rehearsed")


def test_the_socket_that_was_asked_for_is_the_one_that_is_found(
    tmp_path: Path, state_db: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    put(state_db, with_control(socket_file=str(tmp_path / "own.sock")))
    with living(state_db), served(state_db) as where:
        assert where == tmp_path / "own.sock"
        heard: list[str] = []
        reply = Desk._reply

        def replied(at: Desk, case: desk._Case) -> Reply:
            heard.append(threading.current_thread().name)
            return reply(at, case)

        monkeypatch.setattr(Desk, "_reply", replied)
        assert main(["control", "chunk-size=500", "--json"]) == 0
        assert heard == ["control-client"]
    assert json.loads(capsys.readouterr().out)["took_effect"] is True


def test_a_path_is_meant_from_the_folder_where_it_is_said(
    state_db: Path, life: Life, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert life.copying.is_set()
    monkeypatch.chdir(tmp_path)
    assert main(["control", "throttle-flag-file=stop"]) == 0
    assert record(state_db).asked.throttle.flag_file == str(tmp_path / "stop")


def test_where_nobody_runs_it_questions_are_answered_and_changes_kept(
    state_db: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(state_db, with_throttle(nice_ratio=2))
    assert main(["control", "nice-ratio=?"]) == 0
    assert main(["control", SHORT, "status"]) == 0
    assert "nice-ratio: 2" in capsys.readouterr().out
    assert main(["control", "chunk-size=500"]) == 4
    assert "change is kept for the next run" in capsys.readouterr().err
    assert [main(["control", command]) for command in ("panic", "rehearse", "sing")] == [4, 4, 2]
    assert commands(state_db) == ["change"]
    assert main(["control"]) == 2
    with living(state_db):
        until(lambda: record(state_db).asked.copy.chunk_size == 500)


# --- Metrics ----------------------------------------------------------------------------------------------------------


def free_port() -> int:
    """A port that nobody uses."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def test_whoever_was_named_is_given_figures_while_it_runs_and_the_last_ones_afterwards(
    state_db: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gauges, "STATSD_EVERY", 0.01)
    file, port = tmp_path / "orders.prom", free_port()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as statsd:
        statsd.bind(("127.0.0.1", 0))
        statsd.settimeout(60)
        address = f"127.0.0.1:{statsd.getsockname()[1]}"
        put(state_db, with_metrics(port=port, file=str(file), statsd_addr=address, statsd_tags=("env:test",)))
        with served(state_db), living(state_db) as life:
            until(file.exists)
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as answer:
                scraped = answer.read().decode()
            labels = f'migration="{SHORT}",schema="shop",table="orders"'
            in_state = f'fsm_ghost_state{{migration="{SHORT}",schema="shop",state="%s",table="orders"}} 1.0'
            assert f"fsm_ghost_up{{{labels}}} 1.0" in scraped
            assert in_state % "copy" in scraped
            assert b"gh_ost.throttle.active:0|g|#env:test" in statsd.recv(65_536)
            life.copied.set()
            assert life.syncing.wait(60)
        assert f"fsm_ghost_up{{{labels}}} 0.0" in file.read_text()
        assert in_state % "sync" in file.read_text()
    with pytest.raises(OSError):  # noqa: PT011 - whatever the system calls it
        socket.create_connection(("127.0.0.1", port), timeout=60)


def test_figures_that_nobody_takes_do_not_end_the_run(
    state_db: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put(state_db, with_metrics(file=str(tmp_path / "nowhere" / "orders.prom"), statsd_addr="127.0.0.1:1"))
    with living(state_db), served(state_db) as where:
        until(lambda: "metrics-file: " in caplog.text)
        assert say(where, "chunk-size=500").startswith("done")


def test_metrics_for_prometheus_without_its_package_are_refused_with_what_to_do(
    state_db: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "fsm_ghost.services.metrics.prometheus", None)
    put(state_db, with_metrics(port=1))
    with pytest.raises(StoppedError, match="need the package prometheus_client") as refused, served(state_db):
        pass
    assert "fsm-ghost[metrics]" in refused.value.remedy


# --- Secrets ----------------------------------------------------------------------------------------------------------


def test_no_answer_and_no_log_line_holds_a_secret(
    state_db: Path, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level("DEBUG")
    token = tmp_path / "token"
    token.write_text(TOKEN)
    put(state_db, with_throttle(http="https://host/may-i?token=sesame"))
    with living(state_db), served(state_db) as where:
        answers = [say(where, said) for said, _ in TRANSCRIPT if said not in {"panic", "cpu-profile"}]
        answers += [say(where, '{"command": "status"}'), say(where, '{"command": "throttle-http"}')]
        answers += [say(where, "throttle-http=https://host/other?token=sesame"), say(where, "throttle-http=?")]
    everything = "\n".join([*answers, caplog.text])
    assert "https://host/may-i?(not shown)" in everything
    assert [secret for secret in ("hunter2", "sesame", TOKEN) if secret in everything] == []


def test_a_socket_that_is_no_run_of_ours_is_not_believed(
    state_db: Path, life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where others may write to the folder, one of them may listen in our place."""
    assert life.copying.is_set()
    false = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    false.bind(str(state_db.with_name(f"state.db.{SHORT}.sock")))
    false.listen()
    monkeypatch.setattr("fsm_ghost.services.server.doors.is_ours", lambda _: False)
    assert main(["control", "chunk-size=500"]) == 0
    false.close()
    assert record(state_db).asked.copy.chunk_size == 500
