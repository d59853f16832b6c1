"""A migration in figures: what they are called, and what they say."""

from __future__ import annotations

import socket
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from fsm_ghost.errors import UsageError
from fsm_ghost.model.chunk import Chunk, KeyRange
from fsm_ghost.model.phase import Phase
from fsm_ghost.model.progress import Swap
from fsm_ghost.model.snapshot import Snapshot
from fsm_ghost.services.metrics.figures import figures
from fsm_ghost.services.metrics.prometheus import Exposition, Scrapes
from fsm_ghost.services.metrics.statsd import StatsD
from tests.unit.cli.made_up import COPYING, GALLERY, NOW

THROTTLED = replace(COPYING, readings=replace(COPYING.readings, waiting_for="throttled: too much"))
LABELS = {"migration": "3f2a91c4", "schema": "shop", "table": "orders"}


def of(snapshot: Snapshot) -> dict[str, float | None]:
    """Its figures by name; that of its state with it."""
    return {
        each.name + "".join(f"[{value}]" for value in each.labels.values()): each.value
        for each in figures(snapshot, NOW - 30, NOW)
    }


# --- What is measured -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", GALLERY)
def test_every_migration_has_every_figure_and_is_in_one_state(name: str) -> None:
    found = of(GALLERY[name])
    assert found.keys() == of(COPYING).keys()
    states = [figure for figure, value in found.items() if figure.startswith("state[") and value]
    assert states == [f"state[{GALLERY[name].phase}]"]


def test_the_figures_are_those_of_the_display() -> None:
    found = of(COPYING)
    progress, readings = COPYING.progress, COPYING.readings
    assert (found["rows_copied"], found["rows_estimate"]) == (progress.rows, 1_000_000)
    assert (found["backlog_keys"], found["stream_delay_seconds"]) == (readings.backlog, readings.stream_delay)
    assert (found["up"], found["finished"], found["state_seconds"]) == (1, 0, 30)
    assert found["cut_over_stall_seconds"] is None
    assert of(GALLERY["done"])["cut_over_stall_seconds"] == 0.143


def test_what_is_waited_for_is_a_yes_or_a_no_and_only_while_it_runs() -> None:
    assert (of(COPYING)["throttled"], of(THROTTLED)["throttled"]) == (0, 1)
    assert of(replace(THROTTLED, alive=False))["throttled"] == 0
    assert of(GALLERY["sync, verified, postponed"])["postponed"] == 1
    assert of(GALLERY["sync, falling behind"])["concern"] == 1


# --- Prometheus -------------------------------------------------------------------------------------------------------


@pytest.fixture
def exposition() -> Exposition:
    return Exposition(LABELS, lambda: figures(THROTTLED, NOW - 30, NOW))


def read(text: str) -> dict[str, tuple[str, float, dict[str, str]]]:
    """Kind, value and labels of each sample, by name."""
    return {
        sample.name: (family.type, sample.value, sample.labels)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.labels.get("state", "copy") == "copy"
    }


def test_prometheus_finds_them_at_the_port(exposition: Exposition) -> None:
    scrapes = Scrapes("127.0.0.1", 0, exposition)
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{scrapes.port}/metrics", timeout=60) as answer:
            found = read(answer.read().decode())
    finally:
        scrapes.close()
    assert [found[f"fsm_ghost_{name}"] for name in ("throttled", "rows_copied_total", "state")] == [
        ("gauge", 1.0, LABELS),
        ("counter", THROTTLED.progress.rows, LABELS),
        ("gauge", 1.0, {**LABELS, "state": "copy"}),
    ]
    assert "fsm_ghost_cut_over_stall_seconds" not in found, "what is not known is left out"


def test_a_port_that_is_taken_is_told(exposition: Exposition) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"port {number} of 127.0.0.1 cannot be listened on"):
            Scrapes("127.0.0.1", number, exposition)


def test_a_file_holds_the_same(exposition: Exposition, tmp_path: Path) -> None:
    path = tmp_path / "orders.prom"
    exposition.write(path)
    assert read(path.read_text())["fsm_ghost_throttled"] == ("gauge", 1.0, LABELS)
    assert list(tmp_path.iterdir()) == [path]


def test_no_figure_repeats_a_name_or_says_what_somebody_has_written() -> None:
    secret = replace(
        COPYING, statement="ADD c INT COMMENT 'sesame'", readings=replace(COPYING.readings, waiting_for="sesame")
    )
    every = list(figures(secret, NOW, NOW))
    assert len({(each.name, *each.labels.values()) for each in every}) == len(every)
    assert "sesame" not in "".join(map(repr, every))


# --- StatsD -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def receiver() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as there:
        there.bind(("127.0.0.1", 0))
        there.settimeout(60)
        yield there


@pytest.fixture
def statsd(receiver: socket.socket) -> Iterator[StatsD]:
    made = StatsD(f"127.0.0.1:{receiver.getsockname()[1]}", ("env:test", "team:db"), took)
    yield made
    made.close()


def took(first: int, last: int) -> dict[int, float]:
    """Each chunk took as many milliseconds as its number, but for one of which that is not known."""
    return {number: number / 1000 for number in range(first, last + 1) if number != 7}


def received(statsd: StatsD, receiver: socket.socket, snapshot: Snapshot) -> dict[str, str]:
    """What comes of a picture, by name; all of it fits one datagram here."""
    statsd.send(snapshot)
    lines = receiver.recv(65_536).decode().splitlines()
    assert all(line.startswith("gh_ost.") for line in lines)
    return dict(line.removeprefix("gh_ost.").split(":", 1) for line in lines)


def test_statsd_gets_gh_osts_names_with_the_tags(statsd: StatsD, receiver: socket.socket) -> None:
    found = received(statsd, receiver, COPYING)
    tags = "|#env:test,team:db"
    assert found == {
        "startup": f"1|c{tags}",
        "row_copy.rows_copied": f"{COPYING.progress.rows}|g{tags}",
        "row_copy.rows_estimate": f"1000000|g{tags}",
        "dml.events_applied": f"{COPYING.progress.changes}|g{tags}",
        "binlog.backlog_size": f"236|g{tags}",
        "binlog.backlog_capacity": f"1000000|g{tags}",
        "binlog.backlog_utilization": f"0.000236|g{tags}",
        "lag.heartbeat_seconds": f"0.34|g{tags},throttled:false",
        "throttle.active": f"0|g{tags}",
    }
    assert "startup" not in received(statsd, receiver, COPYING)


def test_a_throttle_is_counted_when_it_begins_and_measured_when_it_ends(
    statsd: StatsD, receiver: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    received(statsd, receiver, COPYING)
    begun = received(statsd, receiver, THROTTLED)
    assert begun["throttle.events_total"].startswith("1|c")
    assert begun["lag.heartbeat_seconds"].endswith(",throttled:true")
    now += 2.5
    assert "throttle.events_total" not in received(statsd, receiver, THROTTLED)
    ended = received(statsd, receiver, COPYING)
    assert ended["throttle.duration_milliseconds"].startswith("2500|h")
    assert "throttle.duration_milliseconds" not in received(statsd, receiver, COPYING)


def test_the_time_that_each_chunk_took_is_sent_once(statsd: StatsD, receiver: socket.socket) -> None:
    def at(chunks: int, *unfinished: int) -> list[str]:
        left = tuple(Chunk(number, KeyRange(None, (number,))) for number in unfinished)
        statsd.send(replace(COPYING, progress=replace(COPYING.progress, chunks=chunks, open_chunks=left)))
        lines = receiver.recv(65_536).decode().splitlines()
        return [line.partition(":")[2] for line in lines if line.startswith("gh_ost.query.duration_milliseconds:")]

    tags = "|h|#env:test,team:db,side:target,kind:chunk_copy,outcome:ok"
    assert at(3, 2) == []
    assert at(5, 2, 5) == [f"4{tags}"]
    assert at(8, 8) == [f"2{tags}", f"5{tags}", f"6{tags}"]
    assert at(8) == [f"8{tags}"]
    assert at(8) == []


def test_attempts_to_swap_are_counted_by_what_came_of_them(statsd: StatsD, receiver: socket.socket) -> None:
    def at(phase: Phase, **changes: object) -> Snapshot:
        return replace(COPYING, phase=phase, progress=replace(COPYING.progress, **changes))  # type: ignore[arg-type]

    received(statsd, receiver, at(Phase.SYNC))
    assert "cut_over.attempts_total" not in received(statsd, receiver, at(Phase.CUT_OVER, attempts=1, swapping=True))
    again = received(statsd, receiver, at(Phase.SYNC, attempts=1))
    assert again["cut_over.attempts_total"] == "1|c|#env:test,team:db,outcome:retry"
    received(statsd, receiver, at(Phase.CUT_OVER, attempts=2, swapping=True))
    swapped = received(statsd, receiver, at(Phase.CLEANUP, attempts=2, swap=Swap(None, 0.021)))
    assert swapped["cut_over.attempts_total"] == "1|c|#env:test,team:db,outcome:success"
    assert swapped["cut_over.total_duration_milliseconds"] == "21|h|#env:test,team:db,outcome:success"


def test_a_unix_socket_will_do_and_long_tags_take_several_datagrams(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as there:
        there.bind(str(tmp_path / "statsd"))
        there.settimeout(60)
        statsd = StatsD(f"unix://{tmp_path}/statsd", ("x" * 500,), took)
        statsd.send(COPYING)
        statsd.close()
        seen = there.recv(65_536).decode()
        while "throttle.active" not in seen:
            part = there.recv(65_536).decode()
            assert len(part) < 1400
            seen += part
    assert "row_copy.rows_copied" in seen


@pytest.mark.parametrize("address", ["nowhere", "host:port", "unix:///nowhere/statsd", "", "host:"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(UsageError, match="--statsd-addr"):
        StatsD(address, (), took)


def test_nobody_there_is_an_error_that_can_be_told(receiver: socket.socket) -> None:
    statsd = StatsD(f"127.0.0.1:{receiver.getsockname()[1]}", (), took)
    receiver.close()
    with pytest.raises(ConnectionRefusedError):
        send_for_a_while(statsd)
    statsd.close()


def send_for_a_while(statsd: StatsD) -> None:
    """Send often: it is known the second time, or as soon as a busy system has come to tell."""
    for _ in range(6000):
        statsd.send(COPYING)
        time.sleep(0.01)
