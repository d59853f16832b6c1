"""Thousands of random reads, refreshes and chunks: after each, the ledger and the naive reference agree."""

import random
from dataclasses import dataclass, field, replace

import pytest

from fsm_ghost.model.changes import Changes
from fsm_ghost.model.chunk import Chunk, KeyRange
from fsm_ghost.model.coordinates import Coordinates
from fsm_ghost.model.key import Key, KeyColumn, KeyKind, MigrationKey
from fsm_ghost.services.ledger import Ledger
from tests.unit.model.examples import COMPOSITE_KEY, INTEGER_KEY, TEXT_KEY, at
from tests.unit.services.reference import Reference

OPERATIONS = 3000
_DECIMAL_KEY = MigrationKey("PRIMARY", (KeyColumn("id", "id", KeyKind.DECIMAL),))
_UNIVERSES: dict[str, tuple[MigrationKey, list[Key]]] = {
    "integers": (INTEGER_KEY, [(number,) for number in range(-6, 12)]),
    "decimals": (_DECIMAL_KEY, [(f"{number}.50",) for number in range(-3, 14)]),
    "composite": (
        COMPOSITE_KEY,
        [(f"2024-01-0{d}", f"{n}.0", h) for d in (1, 2) for n in (9, 10) for h in ("0a", "ff")],
    ),
    "texts": (TEXT_KEY, [(f"{0x61 + number:02x}",) for number in range(10)]),
}


def divmod_1000(position: int) -> tuple[int, int]:
    """Position and file number; the numbers cross 999999 → 1000000."""
    return position % 1000, 999_998 + position // 1000


@dataclass
class Both:
    """The ledger and its reference, told the same things."""

    random: random.Random
    keys: list[Key]
    ledger: Ledger
    reference: Reference
    position: int = 200
    chunks: int = 0
    transaction: Coordinates | None = None  # a long transaction whose end has not been read
    in_flight: list[Chunk] = field(default_factory=list)
    handed_out: set[Key] = field(default_factory=set)
    last_safe: Coordinates = field(default_factory=lambda: at(100, 999_998))

    def read(self) -> None:
        start = self.transaction or self.here
        self.position += self.random.randint(1, 50)
        self.transaction = start if self.random.random() < 0.2 else None
        end = self.transaction or self.here
        keys = frozenset(self.random.sample(self.keys, self.random.choice([0, 1, 1, 2, 5])))
        prepared = keys if self.random.random() < 0.1 else frozenset[Key]()
        changes = Changes(start, end, keys, prepared=prepared)
        self.ledger.changed(changes)
        self.reference.changed(changes)

    def carry(self) -> None:
        """A chunk has left rows out; they lie where it has been."""
        keys = frozenset(key for key in self.random.sample(self.keys, 2) if not self.reference.is_ahead(key))
        self.ledger.carry(keys)
        self.reference.carry(keys)

    def prove(self) -> None:
        """Our own COMMIT has returned: what was read long ago is visible, or even what will only be read soon."""
        upto = at(*divmod_1000(self.position + self.random.randint(-60, 60)))
        if self.reference.visible_upto is None or upto > self.reference.visible_upto:
            self.ledger.visible(upto)
            self.reference.visible(upto)

    def advance(self) -> None:
        """Row copy finds out the range of its keys, or hands out the next chunk and sends it."""
        progress = self.reference.progress
        if progress.is_handed_out:
            return
        inside = self.keys[1:-2]
        if progress.range_known:
            rest = [key for key in inside if key not in self.handed_out]
            upto = rest[min(self.random.randint(0, 3), len(rest) - 1)]
            self.handed_out |= {key for key in rest if rest.index(key) <= rest.index(upto)}
            progress = progress.chunk_handed_out(upto)
        else:
            started = self.random.choice([None, None, None, inside[2]])
            progress = replace(progress.range_found(inside[0], inside[-1]), started_upto=started)
        self.reference.progress = progress
        self.ledger.advanced(progress)
        if progress.open_chunks:
            self.send(progress.open_chunks[-1])

    def watch(self) -> None:
        self.ledger.watch()
        self.reference.watch()

    def unwatch(self) -> None:
        self.ledger.unwatch()
        self.reference.unwatch()

    def take(self) -> None:
        blocked = self.random.random() < 0.4
        most = self.random.choice([1, 2, 5, 100])
        expected = self.reference.may_be_taken(blocked=blocked)
        taken = self.ledger.take_blocked(most) if blocked else self.ledger.take(most)
        if taken is None:
            assert not expected
            return
        number, keys = taken
        assert set(keys) <= expected
        assert len(keys) == len(set(keys)) == min(most, len(expected))
        self.reference.taken(number, keys)

    def end_refresh(self) -> None:
        if self.reference.refreshes:
            number = self.random.choice(list(self.reference.refreshes))
            keys = self.reference.refreshes[number].keys
            locked = frozenset(key for key in keys if self.random.random() < 0.25)
            assert self.ledger.refreshed(number, locked) == self.reference.refreshed(number, locked)

    def start_chunk(self) -> None:
        self.chunks += 1
        low, high = sorted(self.random.sample(range(len(self.keys)), 2))
        after = self.keys[low] if self.random.random() < 0.9 else None
        upto = self.keys[high] if self.random.random() < 0.9 else None
        self.send(Chunk(self.chunks, KeyRange(after, upto)))

    def send(self, chunk: Chunk) -> None:
        self.in_flight.append(chunk)
        self.ledger.chunk_started(chunk)
        self.reference.chunk_started(chunk)

    def end_chunk(self) -> None:
        if self.in_flight:
            chunk = self.in_flight.pop(self.random.randrange(len(self.in_flight)))
            self.ledger.chunk_ended(chunk)
            self.reference.chunk_ended(chunk)

    @property
    def here(self) -> Coordinates:
        return at(*divmod_1000(self.position))

    def agree(self) -> None:
        safe, unclean = self.ledger.safe, self.reference.unclean
        assert safe == self.reference.safe
        assert safe >= self.last_safe
        assert len(self.ledger) == len(unclean)
        assert all(self.ledger.is_clean([key]) == (key not in unclean) for key in self.keys)
        assert self.ledger.carried == self.reference.carried
        assert self.ledger.refreshing == len(self.reference.refreshes)
        ahead = {key for key in unclean if self.reference.is_ahead(key)}
        assert self.ledger.held_back == len(ahead)
        assert self.ledger.waiting == len(unclean - self.reference.blocked - self.reference.being_refreshed - ahead)
        assert set(self.ledger.restless(self.keys)) == (self.reference.restless or set())
        self.last_safe = safe

    def settle(self) -> None:
        """Everything under way ends, nothing new happens: all becomes clean."""
        while self.in_flight:
            self.end_chunk()
        for number in list(self.reference.refreshes):
            assert self.ledger.refreshed(number) == self.reference.refreshed(number, frozenset())
        while (taken := self.ledger.take(100) or self.ledger.take_blocked(100)) is not None:
            self.reference.taken(*taken)
            assert self.ledger.refreshed(taken[0]) == self.reference.refreshed(taken[0], frozenset())
        self.agree()
        assert len(self.ledger) == 0
        assert self.ledger.safe == (self.transaction or self.here)


@pytest.mark.parametrize("exclusive", [False, True], ids=["side by side", "exclusive"])
@pytest.mark.parametrize("universe", _UNIVERSES)
@pytest.mark.parametrize("seed", range(2))
def test_the_ledger_agrees_with_the_reference_after_every_operation(
    universe: str, seed: int, *, exclusive: bool
) -> None:
    key, keys = _UNIVERSES[universe]
    begin = at(200, 999_998)
    both = Both(
        random=random.Random(f"{universe} {seed} {exclusive}"),
        keys=sorted(keys, key=key.order) if key.is_ordered else keys,
        ledger=Ledger(key, begin, exclusive=exclusive),
        reference=Reference(key, begin, exclusive or not key.is_ordered),
    )
    operations = [both.read, both.unwatch, both.watch, both.take, both.end_refresh, both.start_chunk, both.end_chunk]
    operations.append(both.carry)
    weights = [8, 0.1, 0.3, 8, 7, 2, 2.2, 0.5]
    for _ in range(OPERATIONS // 8):
        for operation in both.random.choices(operations, weights, k=8):
            operation()
            both.agree()
        if both.random.random() < 0.03:
            both.settle()
    both.settle()


@pytest.mark.parametrize("exclusive", [False, True], ids=["side by side", "exclusive"])
@pytest.mark.parametrize("universe", [name for name, (key, _) in _UNIVERSES.items() if key.is_ordered])
def test_they_agree_about_what_lies_ahead_of_row_copy_as_well(universe: str, *, exclusive: bool) -> None:
    key, keys = _UNIVERSES[universe]
    begin = at(200, 999_998)
    for world in range(40):
        both = Both(
            random=random.Random(f"{universe} {world} {exclusive}"),
            keys=sorted(keys, key=key.order),
            ledger=Ledger(key, begin, exclusive=exclusive, discards=True),
            reference=Reference(key, begin, exclusive, discards=True),
        )
        operations = [both.read, both.take, both.end_refresh, both.prove, both.advance, both.end_chunk, both.watch]
        for _ in range(15):
            for operation in both.random.choices(operations, [8, 6, 6, 3, 1.5, 2, 0.2], k=8):
                operation()
                both.agree()
        while not both.reference.progress.is_handed_out:
            both.advance()
            both.agree()
        both.settle()
