from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pytest

from fsm_ghost.cli.ui.document import of_list, of_plan, of_snapshot, of_status
from fsm_ghost.engine.store import JournalEntry
from fsm_ghost.model.forecast import Forecast
from fsm_ghost.model.phase import Phase
from fsm_ghost.model.picture import dumps
from fsm_ghost.model.probe import NOT_PROBED, Offence
from fsm_ghost.model.progress import Progress
from fsm_ghost.model.readings import Readings
from tests.unit.cli.made_up import COPYING, GALLERY, NOW, PLAN, STARTED

_JOURNAL = (JournalEntry(1, Phase.VALIDATE, "passed", Phase.PREPARE, "", 1, STARTED + 0.5),)

# The keys that programs rely on. Add to it; a key that is taken away or renamed needs a new `schema`.
_KEYS = {
    "": "alive changes checkpoint binlog concern copy created_at created_at_ms cut_over doing elapsed_seconds execute"
    " finished finished_at finished_at_ms id reason schema_name short_id state statement table_name verify waiting_for",
    "copy": "chunk_rows chunk_seconds chunks complete eta_seconds eta_spread_seconds rows rows_estimate rows_per_second"
    " share workers",
    "changes": "backlog_keys keys_refreshed per_second read stream_delay_seconds stream_reconnects",
    "verify": "complete rows share workers",
    "cut_over": "attempts escaped_writes locked_at postponed stall_seconds swapped",
    "binlog": "safe start",
    "checkpoint": "age_seconds at at_ms number",
}


def read_back(document: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON is anything
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    return json.loads(dumps(document), parse_constant=refuse)


@pytest.mark.parametrize("name", GALLERY)
def test_the_keys_are_the_same_in_every_state(name: str) -> None:
    document = read_back(of_snapshot(GALLERY[name], NOW))
    for part, keys in _KEYS.items():
        assert set(document[part] if part else document) == set(keys.split())


def test_a_status_document_has_a_schema_and_says_what_can_be_done_next() -> None:
    document = read_back(of_status(COPYING, _JOURNAL, NOW))
    assert document["schema"] == 1
    assert set(document) == {"schema", "at", "at_ms", "migration", "plan", "journal", "next"}
    assert document["next"] == ["fsm-ghost status 3f2a91c4 --watch", "fsm-ghost abort 3f2a91c4"]


def test_times_are_given_in_milliseconds_and_in_iso_8601() -> None:
    document = read_back(of_snapshot(GALLERY["done"], NOW))
    assert (document["created_at_ms"], document["created_at"]) == (1795172400000, "2026-11-20T11:00:00.000Z")
    assert (document["finished_at_ms"], document["finished_at"]) == (1795172483000, "2026-11-20T11:01:23.000Z")
    assert document["elapsed_seconds"] == 83


def test_the_journal_is_in_the_document() -> None:
    (entry,) = read_back(of_status(COPYING, _JOURNAL, NOW))["journal"]
    assert entry == {
        "seq": 1,
        "from": "validate",
        "outcome": "passed",
        "to": "prepare",
        "reason": None,
        "epoch": 1,
        "at": "2026-11-20T11:00:00.500Z",
        "at_ms": 1795172400500,
        "facts": {},
    }


def test_what_is_not_known_is_null() -> None:
    document = read_back(of_snapshot(GALLERY["validate"], NOW))
    assert document["copy"]["share"] is None
    assert document["copy"]["eta_seconds"] is None
    assert document["checkpoint"]["age_seconds"] is None
    assert document["binlog"] == {"start": None, "safe": None}
    assert document["finished_at"] is document["reason"] is document["waiting_for"] is None


def test_numbers_that_json_does_not_have_are_null() -> None:
    readings = Readings(rows_per_second=math.nan, eta=math.inf, eta_spread=-math.inf)
    document = read_back(of_snapshot(replace(COPYING, readings=readings), NOW))
    assert document["copy"]["rows_per_second"] is document["copy"]["eta_seconds"] is None


def test_a_share_is_one_only_when_it_is_complete() -> None:
    nearly = read_back(of_snapshot(GALLERY["copy, more rows than estimated"], NOW))["copy"]
    assert nearly["share"] == 0.9999
    assert not nearly["complete"]
    done = read_back(of_snapshot(GALLERY["done"], NOW))
    assert done["copy"]["share"] == done["verify"]["share"] == 1


def test_what_is_waited_for_is_given_while_it_runs() -> None:
    assert read_back(of_snapshot(GALLERY["sync"], NOW))["waiting_for"] == "1203 changed keys to be refreshed"


def test_a_swap_is_postponed_as_long_as_somebody_waits_for_the_time_or_the_word() -> None:
    postponed = GALLERY["sync, verified, postponed"]
    assert read_back(of_snapshot(postponed, NOW))["cut_over"]["postponed"] is True
    for other in (GALLERY["sync"], replace(postponed, alive=False)):
        assert read_back(of_snapshot(other, NOW))["cut_over"]["postponed"] is False


def test_no_key_values_are_given_away() -> None:
    secret = replace(COPYING.progress, first=("alice@example.com",), last=("zoe@example.com",))
    assert "example.com" not in dumps(of_status(replace(COPYING, progress=secret), _JOURNAL, NOW))


def test_a_list_is_a_document_of_migrations() -> None:
    document = read_back(of_list([COPYING, GALLERY["done"]], NOW))
    assert [found["state"] for found in document["migrations"]] == ["copy", "done"]


def test_a_plan_names_the_tables_the_key_and_the_columns() -> None:
    document = read_back(
        of_plan(PLAN, Progress(plan=PLAN, forecast=Forecast(10, 5, 1.0, 2.0, 0.0, 1.0, 100, 50, rest_seconds=0.5)))
    )
    assert document["ghost"] == "shop.orders_gho"
    assert document["key"] == {"index": "PRIMARY", "columns": ["id"]}
    assert document["columns"][1] == {"original": "customer", "ghost": "client", "stored_instead": False}
    assert document["forecast"]["seconds"] == 3.5


def test_only_a_plan_gives_examples_of_rows_that_do_not_fit() -> None:
    progress = Progress(plan=PLAN, probe=NOT_PROBED.found(Offence("c", "is too long", 2, ("(7,)",))))
    assert read_back(of_plan(PLAN, progress))["probe"]["offences"][0]["examples"] is None
    assert read_back(of_plan(PLAN, progress, examples=True))["probe"]["offences"][0]["examples"] == ["(7,)"]
