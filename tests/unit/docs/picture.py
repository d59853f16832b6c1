"""The picture of the live display: a real migration, watched; and the drawing of what was seen.

`python -m tests.unit.docs --picture` migrates a table under load on a private server and keeps one snapshot of it in
docs/pictures/live.json. docs/pictures/live.svg is drawn from that file, by the renderer that a terminal gets.
"""

import io
import json
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree import ElementTree as ET

from rich.console import Console
from rich.terminal_theme import MONOKAI

from fsm_ghost import migration
from fsm_ghost.cli.ui.panel import Extras, panel
from fsm_ghost.engine.store import Store
from fsm_ghost.model import document
from fsm_ghost.model.naming import TableName
from fsm_ghost.model.phase import Phase
from fsm_ghost.model.snapshot import Snapshot
from fsm_ghost.mysql import sample
from fsm_ghost.mysql.private import PrivateServer
from fsm_ghost.mysql.session import Session, connect_arguments
from fsm_ghost.settings import ControlSettings, CopySettings, ServerSettings, Settings

WIDTH = 108
_TABLE = TableName("shop", "orders")
_ROWS = 1_000_000
_ALTER = "ALTER TABLE shop.orders ADD COLUMN note VARCHAR(32) NOT NULL DEFAULT '', ADD INDEX (status, changed_at)"
_SHOWN_AT = 0.62  # share of the table that is copied in the picture
# rich's own template without the web fonts, which a picture in a repository must not load.
_SVG = """<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
    <style>
    .{unique_id}-matrix {{ font-family: monospace; font-size: {char_height}px; line-height: {line_height}px; }}
    .{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: sans-serif; }}
    {styles}
    </style>
    <defs>
    <clipPath id="{unique_id}-clip-terminal">
      <rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
    </clipPath>
    {lines}
    </defs>
    {chrome}
    <g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
    {backgrounds}
    <g class="{unique_id}-matrix">
    {matrix}
    </g>
    </g>
</svg>
"""


@dataclass(frozen=True)
class Sight:
    """What was seen at one moment, and what the display knew besides."""

    snapshot: Snapshot
    now: float
    where: str
    rates: tuple[float, ...]


def read(path: Path) -> Sight:
    return document.load(Sight, path.read_text(encoding="utf-8"))


def drawn(sight: Sight) -> str:
    """The panel as SVG."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(panel(sight.snapshot, sight.now, WIDTH, Extras(sight.where, sight.rates)))
    return console.export_svg(
        title="fsm-ghost start … --execute", theme=MONOKAI, code_format=_SVG, unique_id="live", font_aspect_ratio=0.61
    )


def words_of(svg: str) -> str:
    """The text in a drawing, without its looks."""
    root = ET.fromstring(svg)  # noqa: S314 - drawn here
    return "".join(node.text or "" for node in root.iter("{http://www.w3.org/2000/svg}text")).replace("\u00a0", " ")


def watch() -> Sight:
    """Migrate a table under load on a private server, and look at it once."""
    with under_load() as (store, reach):
        eyes = _Eyes(reach.address)
        migrate(store, begun(store, reach), reach, eyes.publish)
    if eyes.sight is None:
        raise RuntimeError("it was over too soon: there is nothing to show")
    return eyes.sight


@contextmanager
def under_load() -> Iterator[tuple[Store, ServerSettings]]:
    """A private server with a table that is written to, and a state file."""
    with tempfile.TemporaryDirectory() as folder, PrivateServer("mariadb", options={"tmpdir": folder}) as server:
        reach = ServerSettings(host="127.0.0.1", port=server.port, user=server.user)
        session = Session(connect_arguments(reach), "connecting to the private server")
        sample.create(session, _TABLE, _ROWS)
        writers = sample.Writers(connect_arguments(reach), _TABLE, _ROWS, rate=400.0).start()
        try:
            yield Store(Path(folder) / "state.db"), reach
        finally:
            writers.stop()
            session.close()


def begun(store: Store, reach: ServerSettings, **options: ControlSettings | CopySettings) -> str:
    """The migration of that table, with these groups of settings."""
    settings = Settings(reach, _TABLE.schema, _TABLE.name, _ALTER, execute=True)
    return migration.begin(replace(settings, **options), store)  # type: ignore[arg-type] # groups by their names


def migrate(store: Store, number: str, reach: ServerSettings, publish: Callable[[Snapshot], None]) -> None:
    """Bring it to its end."""
    ending = migration.drive(store, number, reach, publish=publish, stop=threading.Event())
    if ending.exit_code:
        raise RuntimeError(f"the migration ended as {ending.phase}: there is nothing to show")


class _Eyes:
    """Watches a migration as the live display does, and remembers one moment of it."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._rates: list[float] = []
        self._sampled_at = 0.0
        self.sight: Sight | None = None

    def publish(self, snapshot: Snapshot) -> None:
        if snapshot.phase is not Phase.COPY or self.sight is not None:
            return
        if time.monotonic() - self._sampled_at >= 1:
            self._sampled_at = time.monotonic()
            self._rates.append(snapshot.readings.rows_per_second or 0.0)
        if snapshot.progress.copied_part >= _SHOWN_AT:
            self.sight = Sight(snapshot, time.time(), self._where, tuple(self._rates))


def keep(sight: Sight, folder: Path) -> None:
    """Write what was seen, and its drawing."""
    text = json.dumps(json.loads(document.dump(sight)), indent=1, ensure_ascii=False)
    (folder / "live.json").write_text(f"{text}\n", encoding="utf-8")
    (folder / "live.svg").write_text(drawn(sight), encoding="utf-8")
