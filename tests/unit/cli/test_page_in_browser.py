"""The page in a browser: what it shows of a running migration, and that it needs nothing from anywhere else."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from fsm_ghost.cli.control import asking
from fsm_ghost.engine.store import Store
from tests.unit.cli.browser import Page, browsing, found
from tests.unit.cli.living import PATIENCE, living, put, record, served, until, with_control

PROGRAM = found()
pytestmark = pytest.mark.skipif(PROGRAM is None, reason="no Chromium: apt-get install chromium")
TOKEN = "0123456789abcdef"  # noqa: S105 - nobody's
MARKUP = "<img src=x onerror=document.title='taken'>"


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with browsing(str(PROGRAM)) as opened:
        yield opened


@pytest.fixture
def state_db(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


@pytest.fixture
def host() -> str:
    """The address that the page is to be at."""
    return "127.0.0.1"


@pytest.fixture
def origin(tmp_path: Path, state_db: Path, host: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Where the page of a migration is to be; its statement looks like markup."""
    monkeypatch.setattr(asking, "PATIENCE", dict.fromkeys(asking.PATIENCE, PATIENCE))
    (tmp_path / "token").write_text(TOKEN)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    put(state_db, with_control(http=f"{host}:{port}", token_file=str(tmp_path / "token")))
    with closing(Store(state_db)) as store:
        store._db.execute("UPDATE migrations SET statement = ?", MARKUP)
    return f"http://127.0.0.1:{port}/"


def box(state: str) -> str:
    """The classes of a state's box in the chart."""
    return f"document.querySelector('[data-state={state}]')?.getAttribute('class').trim()"


def text(name: str) -> str:
    return f"document.getElementById('{name}').textContent"


def enter(page: Page, token: str) -> None:
    page.value(f"document.getElementById('token').value = '{token}'")
    page.value("document.querySelector('#token-form button').click()")


def test_a_migration_is_watched_and_commanded(page: Page, origin: str, state_db: Path) -> None:
    page.looks(390, 844, "dark")
    with living(state_db) as life:
        with served(state_db):
            page.open(origin)
            page.until(f"{box('copy')} === 'box now'")
            assert page.value(text("table")) == "shop.orders"
            assert page.value(text("statement")) == MARKUP
            assert page.value(box("validate")) == page.value(box("prepare")) == "box way"
            assert page.value(box("failed")) == page.value(box("sync")) == "box"
            assert "validate → prepare: passed after" in page.value(text("journal"))
            assert page.value("document.querySelector('#chart svg').getAttribute('aria-label')").endswith(
                "The way taken: validate, prepare, copy."
            )
            assert page.value("document.documentElement.scrollWidth") <= 390

            page.value("document.querySelector('#buttons button').click()")
            page.until(f"{text('answer')}.startsWith('not done: the token is missing')")
            page.complaints.clear()  # the browser logs what was refused
            enter(page, TOKEN)
            page.value("document.querySelector('#buttons button').click()")
            page.until(f"{text('answer')}.startsWith('done: ')")
            assert record(state_db).progress.throttled
            page.until(f"{text('journal')}.includes('asked: throttle')")
            page.until("document.querySelectorAll('.plot')[1].getAttribute('d').includes('L')")
            assert page.complaints == []
            assert page.value("document.title").startswith("copy")
            assert [url for url in page.requested if not url.startswith((origin, "data:"))] == []
            life.copied.set()
            page.until(f"{box('sync')} === 'box now' && {box('copy')} === 'box way'")
        page.until(f"{text('connection')}.startsWith('No answer since')")
        assert page.value(text("table")) == "shop.orders", "what was seen last stays"


def test_a_page_that_was_left_alone_finds_a_run_that_has_come_back(page: Page, origin: str, state_db: Path) -> None:
    with living(state_db):
        with served(state_db):
            page.open(origin)
            page.until(f"{box('copy')} === 'box now'")
        page.until(f"{text('connection')}.startsWith('No answer since')")
        with served(state_db):
            page.until("document.getElementById('connection').hidden")


def test_a_migration_that_has_ended_is_not_asked_for_again(page: Page, origin: str, state_db: Path) -> None:
    with living(state_db) as life, served(state_db):
        page.open(origin)
        page.until(f"{box('copy')} === 'box now'")
        with closing(Store.existing(state_db)) as store:
            store.order(record(state_db).id, "abort")
        until(lambda: record(state_db).is_finished)
        page.until(f"{text('connection')}.startsWith('The migration has ended')")
        assert page.value(box("aborted")) == "box now"
        assert life.error is None or life.error.exit_code


@pytest.mark.parametrize("host", ["0.0.0.0"])  # noqa: S104 - for the second that the test takes
def test_where_others_can_reach_it_the_page_asks_for_the_token(
    page: Page, origin: str, state_db: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fsm_ghost.services.server.http._PENALTY", 0.0)
    with living(state_db), served(state_db):
        page.open(origin)
        page.until(f"{text('connection')}.startsWith('Only who knows the token')")
        enter(page, "wrong")
        page.until(f"{text('connection')}.includes('is not the right one')")
        assert page.value(text("table")) == "fsm-ghost"
        enter(page, TOKEN)
        page.until(f"{box('copy')} === 'box now' && document.getElementById('connection').hidden")
