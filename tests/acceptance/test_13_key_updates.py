"""Scenario 13: rows get another key, before they are copied, while they are, and afterwards, across chunks both ways.

Also into ranges that no chunk has, back and forth, round in a circle, and 'a' to 'A' where both are the same key. The
tables are equal in the end, and have exactly the rows that the application has left.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fsm_ghost.model.phase import Phase
from fsm_ghost.settings import CopySettings
from tests.integration.driving import Driver, contents, old_table, tables
from tests.integration.interleaving import EVERY_CHUNK, IDS, Scene
from tests.servers import Database

# Chunk 1 has the rows 2 to 100, chunk 2 those from 102 to 200. Each transaction: which row gets which key, in order.
MOVES: dict[str, list[tuple[int, int]]] = {
    "within chunk 1": [(40, 41)],
    "within chunk 2": [(152, 153)],
    "from chunk 1 to chunk 2": [(42, 155)],
    "from chunk 2 to chunk 1": [(158, 43)],
    "from chunk 1 to beyond": [(44, 999)],
    "from chunk 2 to beyond": [(160, 1000)],
    "from chunk 1 to before": [(46, -1)],
    "from chunk 2 to before": [(162, -2)],
    "there and back": [(48, 165), (165, 48)],
    "from chunk 2 to chunk 1 and on to chunk 2": [(164, 49), (49, 167)],
    "two rows change places": [(50, 5000), (168, 50), (5000, 168)],
    "three rows go round in chunk 1": [(52, 5000), (54, 52), (56, 54), (5000, 56)],
    "the first row": [(2, 103)],
    "the last row": [(200, 3)],
}


@pytest.fixture
def scene(database: Database, driver: Driver, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    made = Scene(database, driver, monkeypatch)
    yield made
    made.close()


def move(scene: Scene) -> dict[int, int]:
    """Move rows, one transaction after another; what `t` has to hold then."""
    expected = {number: number for number in IDS}
    for moves in MOVES.values():
        with scene.database.connect(autocommit=False) as connection, connection.cursor() as cursor:
            for old, new in moves:
                assert cursor.execute(f"UPDATE t SET id = {new} WHERE id = {old}") == 1
                expected[new] = expected.pop(old)
            connection.commit()
    return expected


def changes() -> int:
    return sum(len(moves) for moves in MOVES.values())


def finished(scene: Scene, expected: dict[int, int]) -> None:
    ending = scene.ending()
    assert (ending.phase, ending.exit_code) == (Phase.DONE, 0)
    old = old_table(scene.database, "t")
    assert dict(scene.database.query("SELECT id, n FROM t")) == expected
    assert scene.differing(old) == set()
    assert tables(scene.database).keys() == {"t", old}


def test_keys_change_before_any_row_is_copied(scene: Scene) -> None:
    scene.sent = scene.handed_out = 0
    scene.begin()
    scene.running.until(lambda seen: seen.phase is Phase.COPY)
    expected = move(scene)
    scene.until_followed(changes())
    finished(scene, expected)


def test_keys_change_while_the_first_chunk_has_read_its_rows_and_not_written_them(scene: Scene) -> None:
    scene.begin(hold=Phase.COPY)
    with scene.parked(90):
        scene.running.go()
        scene.parked_chunk()
        expected = move(scene)
        scene.until_followed(changes())
    finished(scene, expected)


def test_keys_change_between_the_first_chunk_and_the_second(scene: Scene) -> None:
    scene.handed_out = 1
    scene.begin_and_copy()
    expected = move(scene)
    scene.until_followed(changes())
    finished(scene, expected)


def test_keys_change_while_the_second_chunk_has_read_its_rows_and_not_written_them(scene: Scene) -> None:
    scene.begin_and_copy()
    with scene.parked(190):
        scene.sent = EVERY_CHUNK
        scene.parked_chunk()
        expected = move(scene)
        scene.until_followed(changes())
    finished(scene, expected)


def test_keys_change_after_all_rows_are_copied(scene: Scene) -> None:
    scene.sent = EVERY_CHUNK
    scene.begin(hold=Phase.VERIFY)
    expected = move(scene)
    finished(scene, expected)


SPELLED_ANEW = (
    "UPDATE t SET id = UPPER(id) WHERE id IN ('e001', 'e050', 'e051', 'e100', 'e101', 'e199')",
    "UPDATE t SET id = 'é010' WHERE id = 'E010'",
    "UPDATE t SET id = 'é110' WHERE id = 'E110'",
    "UPDATE t SET id = 'e020 ' WHERE id = 'e020'",
    "UPDATE t SET id = 'e120 ' WHERE id = 'e120'",
    "DELETE FROM t WHERE id IN ('e030', 'e130')",
    "INSERT INTO t VALUES ('É030', 1), ('É130', 1)",
    "UPDATE t SET id = 'E040' WHERE id = 'e040'; UPDATE t SET id = 'e040' WHERE id = 'e040'",
    "UPDATE t SET id = 'E140' WHERE id = 'e140'; UPDATE t SET id = 'e140' WHERE id = 'e140'",
    "UPDATE t SET id = 'E160x' WHERE id = 'e060'; UPDATE t SET id = 'É060' WHERE id = 'e161'",
    "UPDATE t SET id = '?' WHERE id = 'e070'; UPDATE t SET id = 'E070' WHERE id = 'e170'",
    "UPDATE t SET id = 'é170' WHERE id = '?'",
)


@pytest.mark.parametrize("moment", ["before row copy", "when half of the rows are copied", "after row copy"])
def test_keys_are_spelled_anew(database: Database, driver: Driver, moment: str) -> None:
    database.execute("CREATE TABLE t (id VARCHAR(9) COLLATE utf8mb4_general_ci PRIMARY KEY, n INT) CHARSET utf8mb4")
    filling = ", ".join(f"('e{number:03}', 0)" for number in range(200))
    database.execute(f"INSERT INTO t VALUES {filling}")
    rows = 100 if "half" in moment else 0
    settings = driver.postponed(copy=CopySettings(chunk_size=50, workers=1))
    running = driver.start(settings, hold=lambda seen: seen.phase is Phase.COPY and seen.progress.rows >= rows)
    running.until_held()
    if "after" in moment:
        running.go()
        running.until_postponed()
    for transaction in SPELLED_ANEW:
        with database.connect(autocommit=False) as connection, connection.cursor() as cursor:
            for statement in transaction.split("; "):
                assert cursor.execute(statement) > 0
            connection.commit()
    written = contents(database, "t")
    running.go()
    driver.flag_file.unlink()
    ending = running.ending()
    old = old_table(database, "t")
    assert (ending.phase, ending.exit_code) == (Phase.DONE, 0)
    assert contents(database, "t", ["id", "n"]) == written
    assert contents(database, old) == written
    assert tables(database).keys() == {"t", old}
