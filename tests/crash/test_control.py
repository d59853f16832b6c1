"""The command itself, spoken to from other processes: while it runs, when it was killed, and when it goes on."""

from __future__ import annotations

import json
import signal
import socket
import urllib.request
from pathlib import Path

import pytest

from fsm_ghost.cli import main
from fsm_ghost.cli.control import asking
from fsm_ghost.model.phase import Phase
from tests.crash.stage import PATIENCE, Stage

TOKEN = "0123456789abcdef"  # noqa: S105 - nobody's


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def over_tcp(port: int, *lines: str) -> str:
    with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
        client.sendall("".join(f"{line}\n" for line in lines).encode())
        client.shutdown(socket.SHUT_WR)
        with client.makefile("r") as answer:
            return answer.read()


def test_a_command_is_spoken_to_while_it_runs_when_it_was_killed_and_when_it_goes_on(
    stage: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "PATIENCE", dict.fromkeys(asking.PATIENCE, PATIENCE))
    token, panic, port, scraped = tmp_path / "token", tmp_path / "panic", free_port(), free_port()
    token.write_text(TOKEN)
    stage.flag_file.touch()
    at = ["--state-db", str(stage.state_db)]

    def control(said: str) -> tuple[int, str]:
        code = main(["control", said, *at])
        shown = capsys.readouterr()
        return code, shown.out + shown.err

    flags = ["--serve-tcp-port", str(port), "--serve-token-file", str(token), "--panic-flag-file", str(panic)]
    first = stage.start(*flags, "--metrics-port", str(scraped), "--nice-ratio", "0.1")
    record = stage.await_record(
        first, lambda seen: seen.phase is Phase.SYNC and seen.progress.verified, "the comparison, after which it stays"
    )
    door = stage.state_db.with_name(f"state.db.{record.short_id}.sock")
    assert control("chunk-size=77")[0] == 0
    assert over_tcp(port, TOKEN, "max-lag-millis=900").startswith("done: ")
    assert over_tcp(port, "a guess", "throttle").startswith("not done: ")
    with urllib.request.urlopen(f"http://127.0.0.1:{scraped}/metrics", timeout=60) as answer:
        assert f'fsm_ghost_up{{migration="{record.short_id}"' in answer.read().decode()
    assert door.exists()
    first.send(signal.SIGKILL)
    first.process.wait()

    assert door.exists(), "what a killed process leaves"
    assert "not running" in control("sup")[1]
    code, told = control("chunk-size=88")
    assert (code, "is kept for the next run" in told) == (4, True)
    assert main(["history", *at, "--json"]) == 0
    history = json.loads(capsys.readouterr().out)
    assert [order["took_effect"] for order in history["commands"]] == [True, True, None]
    assert history["transitions"][-1]["to"] == "sync"

    second = stage.resume()
    stage.await_record(second, lambda seen: seen.asked.copy.chunk_size == 88, "the change that was kept")
    assert control("max-lag-millis=?") == (0, "max-lag-millis: 900\n")
    panic.touch()
    assert second.wait() == 4, second.output
    assert f"{panic} exists: the run is to stop" in second.output
    assert not door.exists()

    panic.unlink()
    third = stage.resume()
    stage.await_record(third, lambda seen: seen.epoch == 3, "the third run")
    code, told = control("unpostpone=orders")
    assert code == 0, told
    stage.assert_migrated(third)
    assert TOKEN not in first.output + second.output + third.output
