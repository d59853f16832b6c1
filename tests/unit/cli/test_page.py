"""The page: what is found where, who may read and command, and what a browser is allowed to do with it."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from pathlib import Path

import pytest

from fsm_ghost.cli.control import asking
from fsm_ghost.cli.page import site
from fsm_ghost.cli.page.chart import chart
from fsm_ghost.cli.page.gate import Gate
from fsm_ghost.cli.page.site import Site
from fsm_ghost.cli.ui.document import of_status
from fsm_ghost.errors import StoppedError, StoreError, UsageError
from fsm_ghost.model.phase import Phase
from fsm_ghost.model.picture import Document
from fsm_ghost.services.server import http as http_
from fsm_ghost.services.server import listener
from fsm_ghost.services.server.http import Answered, Asked
from fsm_ghost.settings import ControlSettings
from fsm_ghost.states.table import TABLE
from tests.unit.cli.living import ID, PATIENCE, SHORT, connected, living, put, record, say, served, until, with_control
from tests.unit.cli.made_up import COPYING, GALLERY, NOW, OF_DONE

TOKEN = "0123456789abcdef"  # noqa: S105 - nobody's
LOCAL = {"host": "127.0.0.1:9105"}
KNOWN = {**LOCAL, "authorization": f"Bearer {TOKEN}"}
OPEN, OVER = threading.Event(), threading.Event()
OVER.set()


@dataclass
class Standing:
    """A migration that stands still, and what it was told."""

    document_: Document | None = field(default_factory=lambda: {**of_status(COPYING, OF_DONE, NOW), "commands": []})
    told: list[str] = field(default_factory=list)

    def document(self) -> Document:
        if self.document_ is None:
            raise StoreError("the state file is gone")
        return self.document_

    def tell(self, line: str) -> str:
        self.told.append(line)
        return "{}"

    def ask(self, asked: Asked, *, host: str = "127.0.0.1", token: str = TOKEN) -> Answered:
        """What is answered at a page on this host, or on all addresses."""
        gate = Gate(host, token.encode(), is_local=host == "127.0.0.1")
        return Site(self, self.tell, gate).respond(asked, OVER)


@pytest.fixture
def standing() -> Standing:
    return Standing()


# --- The chart --------------------------------------------------------------------------------------------------------


def test_every_state_and_every_row_of_the_table_is_drawn() -> None:
    drawn = chart()
    assert sorted(drawn["main"] + drawn["side"]) == sorted(Phase)
    rows = [(row["from"], row["outcome"], row["guard"], row["to"]) for row in drawn["rows"]]
    assert rows == [(row.source, row.outcome, row.guard, row.dest) for row in TABLE]


def test_states_that_lead_to_done_by_themselves_stand_in_one_column() -> None:
    assert chart()["side"] == ["failed", "rollback", "aborted"]
    assert (chart()["main"][0], chart()["main"][-1]) == ("validate", "done")


# --- What is found where ----------------------------------------------------------------------------------------------


def test_the_page_may_run_its_own_script_and_ask_where_it_came_from_and_nothing_else(standing: Standing) -> None:
    page = standing.ask(Asked("GET", "/", LOCAL))
    rules = dict(rule.strip().split(" ", 1) for rule in page.headers["Content-Security-Policy"].split(";"))
    (script,) = re.findall("<script>(.*?)</script>", page.body, re.DOTALL)
    assert (page.status, page.kind) == (HTTPStatus.OK, "text/html; charset=utf-8")
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == rules["frame-ancestors"] == "'none'"
    assert rules["script-src"] == f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
    assert rules["connect-src"] == "'self'"
    assert "unsafe" not in page.headers["Content-Security-Policy"]


def test_the_page_needs_nothing_from_elsewhere_and_makes_no_markup_of_values(standing: Standing) -> None:
    page = standing.ask(Asked("GET", "/", LOCAL)).body.replace("http://www.w3.org/2000/svg", "")
    assert re.findall(r"https?:|//\w|@import|url\(", page.replace("// ", "")) == []
    assert re.findall(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|\son\w+=|\sstyle=", page) == []


def test_status_json_holds_the_document_of_status_and_the_commands(standing: Standing) -> None:
    answered = standing.ask(Asked("GET", "/status.json", LOCAL))
    found = json.loads(answered.body)
    assert (answered.status, answered.kind) == (HTTPStatus.OK, "application/json; charset=utf-8")
    assert found.keys() == {*of_status(COPYING, (), NOW), "commands", "takes_commands"}
    assert (found["migration"]["state"], len(found["journal"])) == ("copy", len(OF_DONE))
    assert json.loads(standing.ask(Asked("GET", "/status.json?wait", LOCAL)).body) == found
    assert json.loads(standing.ask(Asked("GET", "/status.json", LOCAL), token="").body)["takes_commands"] is False


def test_machine_json_holds_the_chart(standing: Standing) -> None:
    assert json.loads(standing.ask(Asked("GET", "/machine.json", LOCAL)).body)["main"][2] == "copy"


def test_health_is_whether_somebody_runs_it(standing: Standing) -> None:
    healthy = Asked("GET", "/healthz", LOCAL)
    assert standing.ask(healthy).status == HTTPStatus.OK
    for document in (of_status(GALLERY["stopped"], (), NOW), None):
        assert Standing(document).ask(healthy) == Answered(HTTPStatus.SERVICE_UNAVAILABLE, "not running\n")


def test_a_state_file_that_cannot_be_read_is_told() -> None:
    answered = Standing(None).ask(Asked("GET", "/status.json", LOCAL))
    assert answered == Answered(HTTPStatus.SERVICE_UNAVAILABLE, "the state file is gone\n")


@pytest.mark.parametrize("asked", [("GET", "/etc"), ("GET", "/command"), ("POST", "/status.json"), ("POST", "/")])
def test_what_is_not_there_is_not_there(standing: Standing, asked: tuple[str, str]) -> None:
    assert standing.ask(Asked(*asked, KNOWN, b"throttle")).status == HTTPStatus.NOT_FOUND
    assert standing.told == []


# --- Who may ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/status.json", "/machine.json", "/healthz", "/command"])
def test_a_name_that_another_site_has_made_ours_is_not_answered(standing: Standing, path: str) -> None:
    for host in ("evil.example", "evil.example:9105", "127.0.0.1.evil.example", "localhost.evil.example:80", "[", ""):
        for method in ("GET", "POST"):
            answered = standing.ask(Asked(method, path, {**KNOWN, "host": host}, b"throttle"))
            assert answered.status == HTTPStatus.MISDIRECTED_REQUEST, host
    assert standing.told == []


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8080", "127.0.0.1", "127.0.0.1:1", "[::1]:9105"])
def test_the_names_of_this_host_are_answered_whatever_port_ssh_gives_them(standing: Standing, host: str) -> None:
    assert standing.ask(Asked("GET", "/status.json", {"host": host})).status == HTTPStatus.OK


def test_where_others_can_reach_it_reading_needs_the_token(standing: Standing) -> None:
    for path in ("/status.json", "/machine.json", "/command"):
        for shown, guesses in ((None, False), (f"Bearer {TOKEN}x", True), ("Bearer", False), (f"Basic {TOKEN}", True)):
            headers = {"host": "db1:9105", **({} if shown is None else {"authorization": shown})}
            answered = standing.ask(Asked("GET", path, headers), host="0.0.0.0")  # noqa: S104 - nobody listens
            assert (answered.status, answered.is_guess) == (HTTPStatus.UNAUTHORIZED, guesses)
    known = {"host": "db1:9105", "authorization": f"bearer {TOKEN}"}
    assert standing.ask(Asked("GET", "/status.json", known), host="db1").status == HTTPStatus.OK
    assert "shop" not in standing.ask(Asked("GET", "/", {"host": "db1:9105"}), host="db1").body


def test_without_a_token_the_page_is_for_reading(standing: Standing) -> None:
    for shown in ("", "Bearer ", "Bearer x"):
        asked = Asked("POST", "/command", {**LOCAL, "authorization": shown}, b"throttle")
        answered = standing.ask(asked, token="")
        assert (answered.status, "for reading" in answered.body) == (HTTPStatus.FORBIDDEN, True)
        assert standing.ask(replace(asked, method="GET"), host="db1", token="").status == HTTPStatus.UNAUTHORIZED
    assert standing.told == []


def test_commands_need_the_token(standing: Standing) -> None:
    for shown in ({}, {"authorization": f"Bearer {TOKEN[:-1]}"}, {"authorization": TOKEN}, {"cookie": TOKEN}):
        answered = standing.ask(Asked("POST", "/command", {**LOCAL, **shown}, b"throttle"))
        assert answered.status == HTTPStatus.FORBIDDEN
    assert standing.told == []
    assert standing.ask(Asked("POST", "/command", KNOWN, b' {"command": "sup"}\n')).status == HTTPStatus.OK
    assert standing.told == ['{"command": "sup"}']


@pytest.mark.parametrize(
    "text", ["9105", ":9105", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:65536", "::1:9105", "http://x:1"]
)
def test_an_address_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--http must be written as"):
        ControlSettings(http=text, token_file="t")  # noqa: S106 - a path


def test_an_address_that_others_can_reach_is_refused_without_a_token() -> None:
    assert ControlSettings(http="[::1]:9105").page() == ("::1", 9105)
    assert ControlSettings(http="localhost:9105").page() == ("localhost", 9105)
    for host in ("0.0.0.0", "[::]", "db1", "10.0.0.1"):  # noqa: S104 - nobody listens
        with pytest.raises(UsageError, match="needs --serve-token-file"):
            ControlSettings(http=f"{host}:9105")
        assert ControlSettings(http=f"{host}:9105", token_file="t").page()[1] == 9105  # noqa: S106 - a path


# --- Over HTTP --------------------------------------------------------------------------------------------------------


@pytest.fixture
def state_db(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


@pytest.fixture
def port(tmp_path: Path, state_db: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """Where the page of a migration is to be, that takes commands."""
    monkeypatch.setattr(http_, "_PENALTY", 0.0)
    monkeypatch.setattr(asking, "PATIENCE", dict.fromkeys(asking.PATIENCE, PATIENCE))
    token = tmp_path / "token"
    token.write_text(f"{TOKEN}\n")
    with socket.create_server(("127.0.0.1", 0)) as free:
        number = int(free.getsockname()[1])
    put(state_db, with_control(http=f"127.0.0.1:{number}", token_file=str(token)))
    return number


@pytest.fixture
def opened(port: int, state_db: Path) -> Iterator[int]:
    """The port of a page that is there, of a migration that copies."""
    with living(state_db), served(state_db):
        yield port


def fetched(port: int, method: str, path: str, body: str | None = None, token: str = "") -> tuple[int, str]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)) as connection:
        connection.request(method, path, body, {"Authorization": f"Bearer {token}"} if token else {})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def test_the_page_of_a_running_migration_is_read_and_commands_reach_the_run(
    opened: int, state_db: Path, caplog: pytest.LogCaptureFixture
) -> None:
    found = json.loads(fetched(opened, "GET", "/status.json")[1])
    assert (found["migration"]["table_name"], found["migration"]["state"]) == ("orders", "copy")
    assert fetched(opened, "GET", "/healthz") == (200, "ok\n")
    assert fetched(opened, "POST", "/command", "throttle")[0] == 403
    assert fetched(opened, "POST", "/command", "throttle", f"{TOKEN}x")[0] == 403
    assert not record(state_db).progress.throttled
    status, said = fetched(opened, "POST", "/command", '{"command": "throttle", "argument": "shop.orders"}', TOKEN)
    assert (status, json.loads(said)["took_effect"]) == (200, True)
    assert record(state_db).progress.throttled
    assert [order["verb"] for order in json.loads(fetched(opened, "GET", "/status.json")[1])["commands"]] == [
        "throttle"
    ]
    assert f"Page: http://127.0.0.1:{opened}/" in fetched(opened, "POST", "/command", "status", TOKEN)[1]
    assert fetched(opened, "POST", "/command", '{"command"', TOKEN)[1].startswith("not done: this is no JSON")
    assert "a client without the token was not heard" in caplog.text
    assert TOKEN not in caplog.text + "".join(fetched(opened, "GET", path)[1] for path in ("/", "/status.json"))


@pytest.mark.parametrize("said", ["GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "PUT / HTTP/1.1\r\nHost: x\r\n\r\n"])
def test_every_answer_says_what_a_browser_may_do_with_it(opened: int, said: str) -> None:
    head = say(opened, said).partition("\r\n\r\n")[0]
    for wanted in (
        "Content-Security-Policy: default-src 'none'",
        "nosniff",
        "no-store",
        "Referrer-Policy",
        "same-origin",
    ):
        assert head.count(wanted) == 1
    assert "Access-Control" not in head


def test_what_cannot_be_a_command_is_not_taken_for_one(opened: int, state_db: Path) -> None:
    head = f"POST /command HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n"
    assert " 411 " in say(opened, f"{head}\r\n")
    assert " 413 " in say(opened, f"{head}Content-Length: 65537\r\n\r\n")
    assert say(opened, f"{head}Content-Length: 14\r\n\r\nchunk-size=5") == "", "it has left in the middle"
    assert " 411 " in say(opened, f"{head}Content-Length: -1\r\n\r\n")
    assert " 501 " in say(opened, "OPTIONS /command HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert say(opened, "sing\r\n").startswith("400 ")
    assert record(state_db).asked.copy.chunk_size == 0


def test_whoever_fills_the_page_keeps_nobody_from_the_socket(
    opened: int, state_db: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "_MOST", 1)
    with connected(opened):
        until(lambda: " 503 " in say(opened, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"))
        assert "shop.orders" in say(state_db.with_name(f"state.db.{SHORT}.sock"), "sup")


def test_whoever_waits_for_news_sees_the_end(port: int, state_db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site, "_WAIT", 3600.0)
    with living(state_db) as life:
        with served(state_db):
            client = connected(port)
            client.sendall(b"GET /status.json?wait HTTP/1.1\r\nHost: localhost\r\n\r\n")
            until(lambda: any(thread.name == "control-client" for thread in threading.enumerate()))
            life.copied.set()
            assert life.syncing.wait(PATIENCE)
        with client, client.makefile("rb") as answer:
            told = answer.read().decode()
    assert json.loads(told.partition("\r\n\r\n")[2])["migration"]["state"] == "sync"


def test_a_page_that_cannot_be_had_is_told_and_no_door_stays_open(port: int, state_db: Path) -> None:
    with socket.create_server(("127.0.0.1", port)), pytest.raises(StoppedError) as stopped, served(state_db):
        pass
    assert f"port {port} of 127.0.0.1 cannot be listened on" in str(stopped.value)
    assert f"fsm-ghost resume {SHORT}" in stopped.value.remedy
    assert not state_db.with_name(f"state.db.{SHORT}.sock").exists()
    assert record(state_db).id == ID


def test_the_page_goes_with_the_run(port: int, state_db: Path) -> None:
    with living(state_db), served(state_db):
        assert fetched(port, "GET", "/")[0] == 200
    with pytest.raises(ConnectionRefusedError):
        fetched(port, "GET", "/")
