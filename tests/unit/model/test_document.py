"""Everything that is checkpointed comes back as it was."""

import dataclasses
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fsm_ghost.model import document
from fsm_ghost.model.chunk import Chunk, CopiedChunk, KeyRange
from fsm_ghost.model.coordinates import Coordinates
from fsm_ghost.model.finding import Finding
from fsm_ghost.model.forecast import Forecast
from fsm_ghost.model.key import Key
from fsm_ghost.model.naming import Names, TableName
from fsm_ghost.model.phase import Phase
from fsm_ghost.model.plan import (
    Deferral,
    Flavour,
    Lossy,
    MappedColumn,
    Native,
    Plan,
    ServerIdentity,
    SwapMethod,
    UniqueKey,
)
from fsm_ghost.model.probe import Offence, Probe
from fsm_ghost.model.progress import Progress, Swap
from fsm_ghost.model.readings import Readings
from fsm_ghost.settings import (
    CopySettings,
    CutOverSettings,
    DefinitionSettings,
    Encryption,
    HookSettings,
    IndexBuild,
    Kill,
    ServerSettings,
    Settings,
    Where,
)
from tests.unit.model.examples import COMPOSITE_KEY, INTEGER_KEY, STARTED_AT, TEXT_KEY, at, plan

_ODD_KEYS: list[Key] = [
    (0,),
    (-(2**63),),
    (2**64 - 1,),
    ("",),
    ("00ff" * 100,),
    ("e8a1a8",),
    ("-0.00000000000000000000000000001",),
    ("99999999999999999999999999999999999.999999999999999999999999999999",),
    ("0000-00-00 00:00:00.000000",),
    ("-838:59:59.5",),
    ("123e4567-e89b-12d3-a456-426655440000",),
    ("1",),
    (1,),
    ("NULL", "null", 'a"b\\c', "\u2028\x00é表🐘"),
    (1, "1", "01", -1),
]
_PROGRESS = Progress(
    warnings=(Finding("it is odd", "Look at it.", ("odd = 1",)),),
    plan=replace(
        plan(COMPOSITE_KEY, swap=SwapMethod.SENTRY),
        demanded=(UniqueKey("u", ("remark", "n"), (10, None)),),
        unproved=("u",),
        deferral=Deferral("as asked", ("KEY `k` (`n`)",), "CREATE …"),
        native=Native.INSTANT,
        renamed_checks=(MappedColumn("positive", "orders_chk_1"),),
        zoned=True,
        remarks=("n numbers rows",),
    ),
    prepared=True,
    probe=Probe(
        done=True,
        began=True,
        last=(9,),
        upto=(8,),
        rows=7,
        scanned=True,
        uniques=1,
        offences=(Offence("c", "is too long", 3, ("(1,)",), Lossy.TRUNCATE, (Lossy.TRUNCATE, Lossy.DEFAULT)),),
        unknown=("whether rows are alike under u",),
    ),
    forecast=Forecast(9, 8, 7.5, 6.5, 5.5, 4.5, 3, 2, 1, 0.5),
    altering=True,
    alter_tries=2,
    altered=True,
    start=at(4),
    safe=Coordinates("a:b.c-bin.1000000", 2**33),
    marker=2**33 + 5,
    changes=12,
    refreshed=7,
    range_known=True,
    first=("2024-01-01", "1.50", "00"),
    last=("2024-12-31", "2.50", "ff"),
    handed_out=("2024-06-01", "1.00", "0a"),
    started_upto=("2024-05-31", "0.00", "ff"),
    open_chunks=(Chunk(1, KeyRange(None, ("2024-06-01", "1.00", "0a"))), Chunk(2, KeyRange(("a",), None))),
    chunks=2,
    rows=10**12,
    carried=(("2024-01-02", "1.00", "0a"),),
    copied_part=0.1 + 0.2,
    indexed=True,
    verifying=True,
    verify_last=("z",),
    verified_upto=("y",),
    verified_rows=3,
    verified_part=1 / 3,
    verified=True,
    uncompared=("note",),
    verified_at=1795258731.25,
    postponed=True,
    throttled=True,
    rehearsal=17,
    attempts=4,
    swapping=True,
    swap=Swap(at(77), 0.25, escaped=2),
)
_SETTINGS = Settings(
    server=ServerSettings(
        "db1",
        3307,
        "ghost",
        socket="/run/my.sock",
        encryption=Encryption.VERIFY_CA,
        ssl_ca="ca.pem",
        ssl_cert="c",
        ssl_key="k",
    ),
    schema="süd",
    table="表",
    alter="ADD COLUMN `e``x` ENUM('it''s', \"a\\\\b\") COMMENT '🐘 % {} \n'",
    execute=True,
    verify=False,
    where=Where.REPLICA,
    definition=DefinitionSettings((("a", "b,`c"),), (("d", Lossy.CLAMP),), quarantine=True, attempt_instant=True),
    copy=CopySettings(500, 0.1, 4, IndexBuild.DEFERRED, 5.0),
    cut_over=CutOverSettings(
        0.5,
        3,
        "/flag",
        drop_old_table=True,
        postpone=True,
        window="22:00-04:30",
        kill=Kill.YES,
        kill_age=60,
        kill_users=("app", "süd"),
    ),
    hooks=HookSettings("", "hint", "owner", "token", 1.5),
)
_STORED = [
    Progress(),
    _PROGRESS,
    replace(_PROGRESS, swap=Swap(None, 0.0)),
    plan(),
    plan(TEXT_KEY),
    plan(COMPOSITE_KEY, swap=SwapMethod.SENTRY),
    _SETTINGS,
    Settings(ServerSettings(), "s", "t", "FORCE"),
    Readings(),
    Readings(1.5, 3, 0.0, 0.001, 1000, 0.25, 1e9, 2.0, "a lock on «表»", "too much", "1 of 2: why", 3),
    Names.for_table(TableName("s", "t" * 64), STARTED_AT),
    ServerIdentity("uuid", Flavour.MARIADB, "10.11.19-MariaDB", 2**32 - 1),
    CopiedChunk(Chunk(7, KeyRange((1,), (2,))), 1000, 0.5, 2, ((2,),)),
]


@pytest.mark.parametrize("value", _STORED, ids=lambda value: type(value).__name__)
def test_every_stored_value_comes_back_equal_and_of_the_same_types(value: object) -> None:
    text = document.dump(value)
    loaded = document.load(type(value), text)
    assert loaded == value
    assert _types(loaded) == _types(value)
    assert document.dump(loaded) == text


@pytest.mark.parametrize("key", _ODD_KEYS, ids=str)
def test_every_key_comes_back_with_numbers_as_numbers_and_texts_as_texts(key: Key) -> None:
    progress = Progress(first=key, last=key, open_chunks=(Chunk(1, KeyRange(key, key)),), verified_upto=key)
    loaded = document.load(Progress, document.dump(progress))
    assert loaded == progress
    assert loaded.first is not None
    assert [type(part) for part in loaded.first] == [type(part) for part in key]


def test_the_examples_set_every_field_to_something_else_than_its_default() -> None:
    """A field that is forgotten here would not be tested above."""
    examples = (
        (_PROGRESS, Progress()),
        (_SETTINGS, None),
        (_SETTINGS.copy, CopySettings()),
        (_SETTINGS.cut_over, CutOverSettings()),
        (_STORED[9], Readings()),
    )
    for value, plain in examples:
        for field in dataclasses.fields(value):  # type: ignore[arg-type]
            default = field.default if plain is None else getattr(plain, field.name)
            assert getattr(value, field.name) != default, field.name


def test_a_field_that_the_document_lacks_takes_its_default() -> None:
    assert document.load(Progress, '{"rows":5}') == Progress(rows=5)
    assert document.load(CutOverSettings, "{}") == CutOverSettings()


def test_a_field_that_the_class_lacks_is_an_error_and_not_lost() -> None:
    with pytest.raises(ValueError, match="Progress"):
        document.load(Progress, '{"rows":5,"invented_later":1}')


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        '{"open_chunks":[{"number":1}]}',
        '{"open_chunks":7}',
        "null",
        "[]",
        "7",
        '"text"',
        '{"safe":3}',
    ],
)
def test_a_text_that_is_no_such_document_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        document.load(Progress, text)


def test_a_required_field_must_be_there() -> None:
    with pytest.raises(ValueError, match="Chunk"):
        document.load(Chunk, '{"number":1}')


def test_an_unknown_member_of_an_enumeration_is_an_error() -> None:
    text = document.dump(plan()).replace("same-session", "by-magic")
    with pytest.raises(ValueError, match="by-magic"):
        document.load(Plan, text)


def test_a_whole_number_where_seconds_are_expected_is_seconds() -> None:
    loaded = document.load(Readings, '{"stream_delay":1}')
    assert loaded.stream_delay == 1.0
    assert isinstance(loaded.stream_delay, float)


def test_moments_and_enumerations_have_one_form() -> None:
    @dataclasses.dataclass(frozen=True)
    class Stamp:
        at: datetime
        phase: Phase
        tags: frozenset[str] = frozenset()

    assert document.dump(Stamp(datetime(2026, 1, 2, tzinfo=UTC), Phase.COPY)) == (
        '{"at":"2026-01-02T00:00:00+00:00","phase":"copy","tags":[]}'
    )


def test_documents_are_json_that_sqlite_takes() -> None:
    for value in _STORED:
        json.loads(document.dump(value), parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


def test_a_password_is_never_stored_or_shown() -> None:
    settings = replace(_SETTINGS, server=replace(_SETTINGS.server, password="hunter2"))  # noqa: S106
    assert "hunter2" not in document.dump(settings.without_secrets())
    assert "hunter2" not in repr(settings)
    assert settings.without_secrets() == _SETTINGS


def test_stored_settings_can_be_read_after_their_hooks_directory_has_gone(tmp_path: Path) -> None:
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    text = document.dump(replace(_SETTINGS, hooks=HookSettings(str(hooks))))
    hooks.rmdir()
    assert document.load(Settings, text).hooks.path == str(hooks)


def test_names_of_the_integer_key_are_what_the_columns_are() -> None:
    loaded = document.load(Plan, document.dump(plan(INTEGER_KEY)))
    assert loaded.key == INTEGER_KEY
    assert loaded.key.is_ordered


def _types(value: object) -> tuple[object, ...]:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return type(value), *(_types(getattr(value, field.name)) for field in dataclasses.fields(value))
    if isinstance(value, tuple):
        return tuple, *(_types(item) for item in value)
    return (type(value),)
