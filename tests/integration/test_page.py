"""The page of a migration of a real table."""

from __future__ import annotations

import http.client
import json
import socket
from contextlib import closing
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from fsm_ghost.cli.control import asking
from fsm_ghost.cli.control.serving import Serving
from fsm_ghost.engine.store import Store
from fsm_ghost.model.phase import Phase
from fsm_ghost.settings import ControlSettings, CutOverSettings
from tests.integration.driving import PATIENCE, Driver
from tests.servers import Database

TOKEN = "0123456789abcdef"  # noqa: S105 - nobody's


def asked(port: int, path: str, command: str | None = None, token: str = "") -> tuple[int, Any]:
    """Status and document; of a refusal its text."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)) as connection:
        body = None if command is None else json.dumps({"command": command})
        connection.request("GET" if body is None else "POST", path, body, {"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        text = answer.read().decode()
        return answer.status, json.loads(text) if text.startswith("{") else text


def test_the_page_shows_a_running_migration_and_takes_commands_from_who_knows_the_token(
    database: Database, driver: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fsm_ghost.engine.machine.LISTEN_EVERY", 0.0)
    monkeypatch.setattr(asking, "PATIENCE", dict.fromkeys(asking.PATIENCE, PATIENCE))
    (tmp_path / "token").write_text(TOKEN)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    database.execute("CREATE TABLE t (id INT PRIMARY KEY)")
    database.execute("INSERT INTO t VALUES (1), (2)")
    control = ControlSettings(http=f"127.0.0.1:{port}", token_file=str(tmp_path / "token"))
    settings = driver.settings(control=control, cut_over=CutOverSettings(postpone=True))
    running = driver.start(settings, hold=Phase.COPY)
    running.until_held()
    with closing(Store.existing(driver.state_file)) as store, Serving(store, running.id) as serving:
        serving.begin()
        _, found = asked(port, "/status.json")
        migration = found["migration"]
        assert (migration["schema_name"], migration["table_name"]) == (database.name, "t")
        assert (migration["state"], migration["alive"]) == ("copy", True)
        assert [entry["to"] for entry in found["journal"]] == ["prepare", "copy"]
        assert found["plan"]["key"]["columns"] == ["id"]
        assert asked(port, "/command", "throttle")[0] == HTTPStatus.FORBIDDEN
        running.go()
        assert asked(port, "/command", "throttle", TOKEN)[1]["took_effect"] is True
        _, found = asked(port, "/status.json")
        assert [(order["verb"], order["took_effect"]) for order in found["commands"]] == [("throttle", True)]
    running.stop()
