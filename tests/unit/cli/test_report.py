"""The report of a migration: the document, the page, the command, and the files that runs leave behind."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fsm_ghost import migration
from fsm_ghost.cli import main
from fsm_ghost.cli.ui.report import Told, of_report
from fsm_ghost.cli.ui.report_text import text
from fsm_ghost.engine.record import JournalEntry
from fsm_ghost.engine.state import Step, Transition
from fsm_ghost.engine.store import Store
from fsm_ghost.errors import StoppedError
from fsm_ghost.migration import Ending
from fsm_ghost.model import document
from fsm_ghost.model.phase import Outcome, Phase
from fsm_ghost.model.plan import Flavour, Lossy, MappedColumn, ServerIdentity
from fsm_ghost.model.probe import NOT_PROBED, Offence
from fsm_ghost.model.progress import Progress, Swap
from fsm_ghost.model.readings import Readings
from fsm_ghost.model.snapshot import Snapshot
from fsm_ghost.settings import (
    CutOverSettings,
    DefinitionSettings,
    HookSettings,
    ServerSettings,
    Settings,
    ThrottleSettings,
    Where,
)
from fsm_ghost.verdict import closing
from tests.unit.cli.made_up import (
    GALLERY,
    NOW,
    OF_DONE,
    PLAN,
    SETTINGS,
    STARTED,
    TABLE,
    UP_TO_CUT_OVER,
    journal,
    record,
)
from tests.unit.cli.test_document import read_back

SERVER = ServerIdentity("6f1c0e1e", Flavour.MARIADB, "10.11.6-MariaDB", 1)
_SWAP = Swap(GALLERY["done"].progress.start, 0.143, escaped=0)
_SWAPPED = replace(GALLERY["done"].progress, plan=replace(PLAN, server=SERVER), attempts=2, swap=_SWAP)
LOSSY = replace(SETTINGS, definition=DefinitionSettings(lossy=(("Customer", Lossy.CLAMP), ("note", Lossy.DEFAULT))))
ABORTED = journal(
    *UP_TO_CUT_OVER[:2],
    (Phase.COPY, Outcome.ABORT, Phase.ROLLBACK, 50.0, "aborted as asked"),
    (Phase.ROLLBACK, Outcome.ROLLED_BACK, Phase.ABORTED, 51.0, ""),
)
REFUSED = journal((Phase.VALIDATE, Outcome.REFUSED, Phase.FAILED, 0.5, "it has triggers"))
BROKEN = (
    *journal(*UP_TO_CUT_OVER[:4]),
    JournalEntry(5, Phase.VERIFY, Outcome.DIFFERS, Phase.FAILED, "3 rows differ", 1, STARTED + 60),
)
UP_TO_TESTED = journal(
    *UP_TO_CUT_OVER[:-1],
    (Phase.SYNC, Outcome.TESTED, Phase.CLEANUP, 75.5, "the tables were found equal; a test swaps nothing"),
    (Phase.CLEANUP, Outcome.CLEANED, Phase.DONE, 76.0, ""),
)
JOURNALS = {"done": OF_DONE, "aborted": ABORTED, "refused": REFUSED, "failed in verify": BROKEN}


def of(
    pictured: Snapshot, entries: tuple[JournalEntry, ...] = OF_DONE, settings: Settings = SETTINGS
) -> dict[str, Any]:
    """The report of a made-up migration, as programs read it."""
    found: dict[str, Any] = read_back(of_report(Told(record(pictured, settings), entries, pictured.alive), NOW))
    return found


def done(settings: Settings = SETTINGS, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - any field of the progress
    """The report of a migration that is done, with these fields of its progress."""
    return of(replace(GALLERY["done"], progress=replace(_SWAPPED, **fields)), settings=settings)


def every_kind() -> dict[str, Any]:
    """A report in which nothing is empty that a migration that is done can have."""
    offence = Offence("customer", "is too large", 12, ("(7,)",), Lossy.CLAMP, (Lossy.CLAMP,))
    remarks = ("note is NULL in old rows",)
    plan = replace(PLAN, server=SERVER, remarks=remarks, renamed_checks=(MappedColumn("positive", "orders_chk_1"),))
    swap = replace(_SWAP, escaped=2, healed=1, unclear=((6,),))
    return done(LOSSY, plan=plan, probe=NOT_PROBED.found(offence), swap=swap)


@pytest.mark.parametrize("name", GALLERY)
def test_the_parts_are_the_same_in_every_state(name: str) -> None:
    report = of(GALLERY[name], JOURNALS.get(name, journal(*UP_TO_CUT_OVER)))
    assert list(report) == list(every_kind())
    assert report["schema"] == 1


def test_a_report_says_what_was_done_where_and_by_what() -> None:
    report = done()
    assert report["server"] == {
        "address": "db1:3307",
        "uuid": "6f1c0e1e-c6a5-11f0-9c1e-0242ac110002",
        "flavour": "mariadb",
        "version": "10.11.6-MariaDB",
    }
    assert report["copy"] == {"rows": 1_000_000, "chunks": 1000, "complete": True}
    assert report["changes"] == {"read": 12_345, "keys_refreshed": 9_876, "stream_reconnects": 0}
    assert report["definitions"]["before"] == {
        "create": "0" * 64,
        "sha256": "60e05bd1b195af2f94112fa7197a5c88289058840ce7c6df9693756bc6250f55",
    }
    assert report["original"] == "swapped for the ghost table"


def test_the_time_in_each_state_is_added_up_however_often_it_was_entered() -> None:
    states = {state["state"]: (state["entered"], state["seconds"], state["at_ms"]) for state in done()["states"]}
    ms = round(STARTED * 1000)
    assert states == {
        "validate": (1, 0.5, ms),
        "prepare": (1, 1.5, ms + 500),
        "copy": (1, 52.0, ms + 2_000),
        "sync": (3, 5.75, ms + 54_000),
        "verify": (1, 20.0, ms + 55_000),
        "cut_over": (2, 2.25, ms + 75_500),
        "cleanup": (1, 1.0, ms + 82_000),
    }


def test_the_state_in_which_it_is_lasts_until_now_and_there_is_no_exit_code_yet() -> None:
    report = of(GALLERY["copy"], journal(*UP_TO_CUT_OVER[:2]))
    assert report["states"][-1]["state"] == "copy"
    assert report["states"][-1]["seconds"] == 81.0
    assert report["exit"] is report["old_table"] is None
    assert "it has not ended" in text(report)
    assert report["next"] == ["fsm-ghost status 3f2a91c4 --watch", "fsm-ghost abort 3f2a91c4"]


def test_what_another_host_has_taken_over_lasted_until_then() -> None:
    report = of(replace(GALLERY["stopped"], finished_at=STARTED + 30), journal(*UP_TO_CUT_OVER[:2]))
    assert (report["states"][-1]["state"], report["states"][-1]["seconds"]) == ("copy", 28.0)
    assert (report["exit"], report["next"]) == (None, [])


@pytest.mark.parametrize(
    "name,code", [("done", 0), ("refused", 3), ("aborted", 6), ("failed in verify", 8), ("dry run, done", 0)]
)
def test_the_exit_code_is_that_of_the_run_that_ended_it(name: str, code: int) -> None:
    report = of(GALLERY[name], JOURNALS.get(name, ()))
    assert report["exit"]["code"] == code
    assert f"exit code   {code}: " in text(report)


def test_an_attempt_that_was_given_up_says_why_and_who_was_killed() -> None:
    swap = done()["swap"]
    assert swap["attempts"] == 2
    (attempt,) = swap["given_up"]
    blocker = "connection 88 (app@web3, running 'SELECT SLEEP(100)', 31 s)"
    assert attempt["reason"] == f"the lock was not granted within 1 s: held up by {blocker}"
    assert swap["sessions_killed"] == [blocker]
    assert (swap["locked_at"], swap["held_up_seconds"]) == ("mysql-bin.000123:44172", 0.143)


def test_a_statement_that_speaks_of_killing_is_nobody_who_was_killed() -> None:
    reason = "not granted: held up by connection 8 (a@b, running 'SELECT 1; killed x', 3 s)"
    entries = journal((Phase.CUT_OVER, Outcome.GIVEN_UP, Phase.SYNC, 1.0, reason))
    swap = of(GALLERY["cut over"], entries)["swap"]
    assert swap["sessions_killed"] == []
    assert swap["given_up"][0]["reason"] == reason


def test_what_is_otherwise_than_one_might_expect_is_on_the_page() -> None:
    page = text(every_kind())
    assert "check       positive is called orders_chk_1 now" in page
    assert "note        note is NULL in old rows" in page


def test_the_old_table_comes_with_the_statement_that_drops_it() -> None:
    old = done()["old_table"]
    assert old["name"] == "shop.orders_20261120110000_del"
    assert old["drop_statement"] == "DROP TABLE `shop`.`orders_20261120110000_del`;"
    assert old["drop_statement"] in text(done())


def test_an_old_table_that_was_dropped_is_not_to_be_dropped() -> None:
    report = done(replace(SETTINGS, cut_over=CutOverSettings(drop_old_table=True)))
    assert report["old_table"] == {
        "name": "shop.orders_20261120110000_del",
        "dropped": True,
        "drop_statement": None,
    }
    assert "was dropped, as asked" in text(report)


# --- What was not proved ----------------------------------------------------------------------------------------------

_ALWAYS = ("A row that was written after it had been compared", "Attempts to swap", "Only this server")


def unproved(settings: Settings = SETTINGS, **fields: Any) -> list[str]:  # noqa: ANN401
    """What is not proved of a migration that is done, but for what never is."""
    told: list[str] = done(settings, **fields)["not_proved"]
    return [sentence for sentence in told if not sentence.startswith(_ALWAYS)]


def test_a_migration_that_has_proved_all_it_can_says_only_what_none_proves() -> None:
    assert unproved() == []
    assert all(told.startswith(start) for told, start in zip(done()["not_proved"], _ALWAYS, strict=True))


def test_attempts_that_were_given_up_are_spoken_of_only_where_there_were_any() -> None:
    assert not any(sentence.startswith("Attempts") for sentence in done(attempts=1)["not_proved"])


def test_tables_that_were_not_compared_are_not_said_to_be_equal() -> None:
    (doubt,) = unproved(verifying=False, verified_rows=0)
    assert "were not compared" in doubt
    report = done(verifying=False, verified_rows=0)
    assert report["verification"]["complete"] is False
    assert report["verification"]["columns_compared"] == []
    assert report["verification"]["ended_at"] is None
    assert "found equal" not in text(report)


def test_columns_that_were_not_compared_are_named() -> None:
    (doubt,) = unproved(uncompared=("customer",))
    assert doubt.endswith(": customer.")
    verification = done(uncompared=("customer",))["verification"]
    assert (verification["columns_compared"], verification["columns_not_compared"]) == (["id"], ["customer"])
    assert verification["why_not"]


def test_values_that_were_replaced_are_counted_by_column() -> None:
    offences = (
        Offence("customer", "is too large", 12, ("(7,)",), Lossy.CLAMP),
        Offence("customer", "is negative", 3, ("(9,)",), Lossy.CLAMP),
        Offence("positive", "is a CHECK that does not hold", 5, ("(8,)",)),
    )
    probe = replace(NOT_PROBED, offences=offences)
    assert done(LOSSY, probe=probe)["replaced"] == [
        {"column": "Customer", "how": "clamp", "rows_before_copy": 15},
        {"column": "note", "how": "default", "rows_before_copy": 0},
    ]
    large, negative, none = unproved(LOSSY, probe=probe)
    assert large.startswith("Changed as allowed (clamp): customer is too large, 12 rows when it began")
    assert negative.startswith("Changed as allowed (clamp): customer is negative, 3 rows when it began")
    assert none.startswith("May be changed as allowed (default): note, no row when it began")


def test_a_swap_that_nobody_lived_to_measure_has_no_cost_of_zero() -> None:
    swap = replace(_SWAP, stall=0.0)
    assert [sentence for sentence in unproved(swap=swap) if "found done" in sentence]
    report = done(swap=swap)
    assert report["swap"]["held_up_seconds"] is report["swap"]["locked_at"] is None
    assert "0 ms" not in text(report).replace("500 ms", "")


def test_a_run_ends_with_what_was_done_what_is_in_doubt_and_how_the_old_table_goes() -> None:
    def told(**fields: Any) -> list[str]:  # noqa: ANN401
        return [*closing(record(replace(GALLERY["done"], progress=replace(_SWAPPED, **fields))))]

    done, cost, old = told()
    assert done == "1000000 rows copied, 12345 changes followed, 1000412 rows found equal."
    assert cost == "Writers were held up for 143 ms by the swap."
    assert old.endswith(": DROP TABLE `shop`.`orders_20261120110000_del`;")
    found_done = told(swap=replace(_SWAP, stall=0.0), uncompared=("customer",))
    assert found_done == [
        done,
        "Not compared, because of how their types change: customer.",
        "The swap was found done after its run had ended: for how long it held writers up is not known.",
        old,
    ]


def test_an_audit_that_was_not_made_is_told() -> None:
    (doubt,) = unproved(swap=replace(_SWAP, escaped=None))
    assert "nobody looked for writes between lock and RENAME" in doubt
    assert "audit" not in text(done(swap=replace(_SWAP, escaped=None)))


def test_keys_that_people_have_to_compare_are_given() -> None:
    swap = replace(_SWAP, escaped=2, healed=1, unclear=((6, "x"),))
    (doubt,) = unproved(swap=swap)
    assert "(6, 'x')" in doubt
    report = done(swap=swap)
    assert report["swap"]["unclear_keys"] == [[6, "x"]]
    assert report["exit"]["code"] == 8
    assert "2 writes to the old table behind its lock, 1 brought over" in text(report)


def test_as_long_as_it_is_not_known_what_came_of_an_attempt_nothing_is_said_about_it() -> None:
    report = of(GALLERY["cut over"], journal(*UP_TO_CUT_OVER))
    assert report["original"] == "not known"
    assert "swap the tables is not known yet" in report["not_proved"][0]
    altering = replace(GALLERY["prepare"], progress=Progress(plan=PLAN, prepared=True, altering=True))
    assert "by itself is not known yet" in of(altering, ())["not_proved"][0]


def test_what_the_server_did_by_itself_was_not_looked_at() -> None:
    altered = replace(GALLERY["done"], progress=Progress(plan=PLAN, prepared=True, altered=True))
    report = of(altered, ())
    assert report["original"] == "changed by the server itself (ALGORITHM=INSTANT)"
    assert len(report["not_proved"]) == 1
    assert "copied" not in text(report)


def test_a_test_on_a_replica_proves_what_a_migration_does_but_for_the_swap() -> None:
    tested = replace(_SWAPPED, swap=None, attempts=0, uncompared=("customer",))
    settings = replace(SETTINGS, where=Where.TEST)
    report = of(replace(GALLERY["done"], progress=tested), UP_TO_TESTED, settings)
    assert (report["original"], report["swap"]["swapped"], report["old_table"]) == ("as it was", False, None)
    assert report["verification"]["complete"]
    assert [sentence.split(",")[0] for sentence in report["not_proved"]] == [
        "Not compared",
        "A row that was written after it had been compared was brought over like every change",
        "Only this server was looked at",
    ]


def test_nothing_had_to_be_proved_where_nothing_was_swapped() -> None:
    report = of(GALLERY["aborted"], ABORTED)
    assert (report["not_proved"], report["original"]) == ([], "as it was")
    assert "What was not proved" not in text(report)


# --- Secrets, and the page --------------------------------------------------------------------------------------------


def test_no_secret_is_in_a_report() -> None:
    report = done(
        replace(
            SETTINGS,
            server=ServerSettings("db1", password="hunter2"),  # noqa: S106 - nobody's
            hooks=HookSettings(hint_token="hunter2"),  # noqa: S106
            throttle=ThrottleSettings(http="https://check.example:8080/orders?token=hunter2"),
        )
    )
    assert "hunter2" not in json.dumps(report)
    assert report["settings"]["throttle"]["http"] == "https://check.example:8080/orders?(not shown)"
    assert "password" not in report["settings"]["server"]


@pytest.mark.parametrize("name", GALLERY)
def test_the_text_is_a_page_without_anything_that_only_programs_read(name: str) -> None:
    page = text(of(GALLERY[name], JOURNALS.get(name, journal(*UP_TO_CUT_OVER))))
    lines = page.splitlines()
    assert len(lines) <= 60
    assert max(len(line) for line in lines) <= 100
    assert "None" not in page
    assert page.startswith("shop.orders: ")


def test_the_fullest_page_is_one_page() -> None:
    reason = journal((Phase.CUT_OVER, Outcome.GIVEN_UP, Phase.SYNC, 76.0, "the lock was not granted within 1 s"))
    swapped = replace(GALLERY["done"], progress=replace(_SWAPPED, attempts=31))
    page = text(of(swapped, (*OF_DONE[:-2], *reason * 30, *OF_DONE[-2:])))
    assert "31 attempts; the last of them:" in page
    assert page.count("the lock was not granted within 1 s") == 5
    assert len(page.splitlines()) <= 60


# --- The command, and the files ---------------------------------------------------------------------------------------


class Ended:
    """Plays `migration.drive`: the migration of the state file is brought into a final state."""

    def __init__(self, state_db: Path) -> None:
        self.state_db = state_db
        self.last = Transition(Phase.VALIDATE, Outcome.ABORT, Phase.ABORTED)

    def note(self, *, execute: bool = True) -> None:
        """Put a migration into the state file."""
        store = Store(self.state_db)
        store.create(
            GALLERY["done"].id,
            server="a server",
            host="db1:3307",
            table=TABLE,
            statement="ADD c INT",
            settings=document.dump(replace(SETTINGS, execute=execute)),
        )
        store.close()

    def drive(self, store: Store, number: str, server: ServerSettings, **_: object) -> Ending:
        """End it."""
        assert server.host == "db1"
        run = store.drive(number, "host7 process 4711")
        run.enter(self.last, Step(Progress(), self.last.outcome, reason="aborted as asked"), Readings())
        run.release()
        ended = store.find(number)
        return Ending(ended.phase, 6, ended.snapshot(alive=False), ("It is over.",))


@pytest.fixture
def ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ended:
    played = Ended(tmp_path / "state" / "state.db")
    monkeypatch.setattr(migration, "drive", played.drive)
    monkeypatch.setenv("FSM_GHOST_STATE_DB", str(played.state_db))
    monkeypatch.delenv("MYSQL_PWD", raising=False)
    return played


RESUME = ["resume", "--ui=plain"]


def test_a_run_that_ends_a_migration_writes_the_report_for_us_only_and_says_where(
    ended: Ended, capsys: pytest.CaptureFixture[str]
) -> None:
    ended.note()
    assert main(RESUME) == 6
    folder = ended.state_db.parent / "reports" / "3f2a91c4"
    assert sorted(path.name for path in folder.iterdir()) == ["report.json", "report.txt"]
    assert json.loads((folder / "report.json").read_text())["exit"]["code"] == 6
    assert (folder / "report.txt").read_text().startswith("shop.orders: aborted")
    modes = {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert (modes, stat.S_IMODE(folder.stat().st_mode)) == ({0o600}, 0o700)
    assert stat.S_IMODE(folder.parent.stat().st_mode) == 0o700
    assert capsys.readouterr().err.splitlines()[-1].endswith(f"{folder / 'report.txt'}, and report.json beside it.")


def test_the_report_is_written_where_it_is_wanted_over_an_older_one(ended: Ended, tmp_path: Path) -> None:
    wanted = tmp_path / "of" / "today"
    wanted.mkdir(parents=True)
    (wanted / "report.txt").write_text("an older one")
    ended.note()
    assert main([*RESUME, f"--report-path={wanted}"]) == 6
    assert (wanted / "report.txt").read_text().startswith("shop.orders: aborted")
    assert sorted(path.name for path in wanted.iterdir()) == ["report.json", "report.txt"]
    assert not (ended.state_db.parent / "reports").exists()


def test_a_report_that_cannot_be_written_is_a_warning(
    ended: Ended, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("no folder")
    ended.note()
    assert main([*RESUME, f"--report-path={tmp_path / 'file' / 'reports'}"]) == 6
    told = capsys.readouterr().err
    assert "the report could not be written" in told
    assert "fsm-ghost report 3f2a91c4" in told
    assert "It is over." in told


def _note_dry_run(ended: Ended) -> None:
    ended.note(execute=False)


def _stop(ended: Ended) -> None:
    ended.note()
    ended.last = Transition(Phase.VALIDATE, Outcome.PASSED, Phase.PREPARE)


@pytest.mark.parametrize("prepare", [_note_dry_run, _stop])
def test_neither_a_dry_run_nor_a_run_that_ends_before_the_migration_leaves_a_report(
    ended: Ended, prepare: Callable[[Ended], None]
) -> None:
    prepare(ended)
    main(RESUME)
    assert not (ended.state_db.parent / "reports").exists()


def test_the_report_is_printed_also_long_after_the_end(ended: Ended, capsys: pytest.CaptureFixture[str]) -> None:
    ended.note()
    main(RESUME)
    capsys.readouterr()
    assert main(["report"]) == main(["report", "3f2a91c4", "--json"]) == 0
    page, _, rest = capsys.readouterr().out.partition("{")
    assert "exit code   6: aborted" in page
    assert json.loads("{" + rest)["migration"]["state"] == "aborted"


def test_the_report_of_a_migration_that_was_stopped_says_how_far_it_came(
    ended: Ended, capsys: pytest.CaptureFixture[str]
) -> None:
    ended.note()
    store = Store(ended.state_db)
    run = store.drive(GALLERY["done"].id, "host7 process 4711")
    run.stopped(StoppedError("stopped as asked").message)
    run.release()
    store.close()
    assert main(["report"]) == 0
    page = capsys.readouterr().out
    assert page.startswith("shop.orders: not running\n")
    assert "reason      stopped as asked" in page
