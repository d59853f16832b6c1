"""The express brings what the careful path brings, whatever a server writes, and however that is spoilt on the way."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import product
from random import Random

import pytest

from fsm_ghost.errors import FsmGhostError
from fsm_ghost.model.changes import Changes
from fsm_ghost.model.coordinates import Coordinates
from fsm_ghost.model.key import KeyColumn, KeyKind, MigrationKey
from fsm_ghost.model.naming import TableName
from fsm_ghost.model.table import Column
from fsm_ghost.mysql.binlog.decoder import Decoder
from fsm_ghost.mysql.binlog.queries import QueryReader
from fsm_ghost.mysql.binlog.reader import Reader
from fsm_ghost.mysql.binlog.tables import Changelog, Original
from tests.unit.mysql.binlog.scribe import FILE, START, Scribe, disordered, heads_of, spoilt

NAME = TableName("shop", "orders")
COLUMNS = tuple(
    Column(name, column_type, column_type.partition("(")[0], False, None, None, None, False, False, False)
    for name, column_type in (("id", "bigint"), ("v", "varchar(20)"))
)
KEY = MigrationKey("PRIMARY", (KeyColumn("id", "id", KeyKind.INTEGER),))
FLAVOURS = ("mariadb", "mysql")


@dataclass
class Outcome:
    """All that reading has brought, and how it ended."""

    changes: list[Changes]
    events: int = 0
    error: str = ""


def read(pieces: list[bytes], *, careful: bool, start: int = START) -> Outcome:
    original, changelog = Original(NAME, COLUMNS, KEY), Changelog(TableName("shop", "orders_ghc"))
    reader = Reader(Coordinates(FILE, start), original, changelog, QueryReader(NAME, "ours"), careful=careful)
    outcome = Outcome([])
    try:
        for piece in pieces:
            reader.feed(piece)
            while (changes := reader.read()) is not None:
                outcome.changes.append(changes)
    except FsmGhostError as error:
        outcome.error = f"{type(error).__name__}: {error}"
    outcome.events = reader.events
    return outcome


def cut(random: Random, data: bytes) -> list[bytes]:
    """The same in pieces, few or many of them."""
    most = random.choice([len(data), 5000, 300])
    pieces, at = [], 0
    while at < len(data):
        size = random.randint(1, most)
        pieces.append(data[at : at + size])
        at += size
    return pieces


def written(
    random: Random, flavour: str, *, usual: bool = False, checksums: float = 0.8, transactions: int = 25
) -> bytes:
    scribe = Scribe(random, mariadb=flavour == "mariadb", checksums=checksums)
    if not usual and random.random() < 0.1:
        scribe.leap()
    for _ in range(transactions):
        scribe.write(usual=usual)
    return scribe.dump()


@pytest.fixture(autouse=True)
def _few_keys_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("decoder", "express"):
        monkeypatch.setattr(f"fsm_ghost.mysql.binlog.{module}.MANY_KEYS", 25)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("flavour", FLAVOURS)
def test_the_express_brings_what_the_careful_path_brings(flavour: str, seed: int) -> None:
    random = Random(seed)
    data = written(random, flavour)
    assert not read([data], careful=True).error
    for variant in (data, *(spoilt(random, data) for _ in range(6)), *(disordered(random, data) for _ in range(6))):
        pieces, start = cut(random, variant), random.choice([START, START + 500])
        assert read(pieces, careful=False, start=start) == read(pieces, careful=True, start=start)


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_no_byte_of_a_head_can_be_wrong_without_the_same_consequence(flavour: str) -> None:
    data = written(Random(15), flavour, usual=True, transactions=3)
    usual = read([data], careful=True)
    outcomes = []
    for at, mask in product((head + place for head in heads_of(data)[3:] for place in range(24)), (0x01, 0x08, 0x40)):
        variant = data[:at] + bytes([data[at] ^ mask]) + data[at + 1 :]
        outcomes.append(read([variant], careful=True))
        assert read([variant], careful=False) == outcomes[-1], at
    assert 0.2 < outcomes.count(usual) / len(outcomes) < 0.8


@pytest.mark.parametrize("checksums", [0, 1])
@pytest.mark.parametrize("flavour", FLAVOURS)
def test_usual_transactions_go_by_the_express(flavour: str, checksums: int, monkeypatch: pytest.MonkeyPatch) -> None:
    careful: Counter[int] = Counter()
    handle = Decoder.handle

    def counted(self: Decoder, kind: int, *rest: object) -> None:
        careful[kind] += 1
        handle(self, kind, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Decoder, "handle", counted)
    outcome = read([written(Random(1), flavour, usual=True, checksums=checksums)], careful=False)
    assert not outcome.error
    assert outcome.changes[0].keys
    assert outcome.events > 100
    assert careful.total() < 12  # the beginning of the file, and the first sight of each table
