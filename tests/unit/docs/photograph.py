"""The picture of the page: a real migration, seen in a headless Chromium."""

import socket
import tempfile
from pathlib import Path

from fsm_ghost.cli.control.serving import Serving
from fsm_ghost.model.snapshot import Snapshot
from fsm_ghost.settings import ControlSettings, CopySettings
from tests.unit.cli.browser import Page, browsing, found
from tests.unit.docs.picture import begun, migrate, under_load

_WIDTH, _HEIGHT = 960, 800
_SCALE = 0.75
_SHOWN_AT = 0.5  # share of the table that is compared in the picture


def taken() -> bytes:
    """A picture of the page in the middle of the comparison, as PNG."""
    program = found()
    if program is None:
        raise RuntimeError("there is no Chromium: apt-get install chromium")
    with tempfile.TemporaryDirectory() as folder, under_load() as (store, reach), browsing(program) as page:
        token = Path(folder) / "token"
        token.write_text("0123456789abcdef")
        with socket.create_server(("127.0.0.1", 0)) as free:
            where = f"127.0.0.1:{free.getsockname()[1]}"
        control = ControlSettings(http=where, token_file=str(token))
        number = begun(store, reach, control=control, copy=CopySettings(workers=1))
        with Serving(store, number) as serving:
            photographer = _Photographer(serving, page, f"http://{where}/")
            migrate(store, number, reach, photographer.publish)
    return photographer.picture


class _Photographer:
    """Opens the page when it is there, and takes its picture when there is something to see."""

    def __init__(self, serving: Serving, page: Page, url: str) -> None:
        self._serving = serving
        self._page = page
        self._url = url
        self._is_open = False
        self.picture = b""

    def publish(self, snapshot: Snapshot) -> None:
        if not self._is_open:
            self._serving.begin()
            self._page.looks(_WIDTH, _HEIGHT, "light")
            self._page.open(self._url)
            self._is_open = True
        if not self.picture and snapshot.progress.verified_part >= _SHOWN_AT:
            self.picture = self._page.picture(_SCALE)
