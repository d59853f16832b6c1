"""Makes the plan: which column becomes which, by which key rows are brought over, and what has to be refused."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from fsm_ghost.errors import RefusedError
from fsm_ghost.model.key import KeyColumn, KeyKind, MigrationKey
from fsm_ghost.model.naming import Names
from fsm_ghost.model.plan import PLACE, FilledColumn, Lossy, MappedColumn, Plan, SwapMethod, Unfit, UniqueKey
from fsm_ghost.model.table import Column, Definition, Index
from fsm_ghost.mysql import catalog
from fsm_ghost.mysql.alter import Alteration
from fsm_ghost.mysql.checks import checks
from fsm_ghost.mysql.fit import INSTANT, converted, inconvertible, misfits
from fsm_ghost.mysql.types import INTEGER_BITS, implicit_default, is_unsigned
from fsm_ghost.services import zones
from fsm_ghost.settings import DefinitionSettings

# The order in which kinds of leading key columns are preferred: cheap and exactly ordered ones first.
_PREFERENCE = (KeyKind.INTEGER, KeyKind.DECIMAL, KeyKind.DATETIME, KeyKind.TIMESTAMP, KeyKind.DATE, KeyKind.BINARY)


def make_plan(
    names: Names,
    alteration: Alteration,
    original: Definition,
    ghost: Definition,
    swap: SwapMethod,
    autoinc_mode: str,
    asked: DefinitionSettings,
) -> Plan:
    """How the table is migrated, now that the ghost table shows what the ALTER means.

    RefusedError when columns or keys do not correspond well enough to keep every row.
    """
    mapping = map_columns(alteration, original, ghost, dict(asked.mapped))
    mapping = conversions(mapping, original, ghost, dict(asked.lossy))
    key = choose_key(original, ghost, mapping)
    zoned = zones.is_zoned(original, ghost, mapping, key)
    unproved = unproved_keys(original, ghost, mapping)
    counts_up = any(column.auto_increment for column in ghost.columns)
    return Plan(
        names=names,
        alter=alteration.clauses,
        key=key,
        mapping=mapping,
        filled=fill_columns(ghost, mapping),
        original_create=original.create,
        ghost_create=ghost.create,
        rows=original.rows,
        bytes=original.bytes,
        swap=swap,
        # In other modes than "interleaved" a chunk holds the AUTO-INC lock to its end, and a refresh would wait for
        # it while it holds locks on the application's rows.
        exclusive=not key.is_ordered or (counts_up and autoinc_mode != "2"),
        # With another unique key, a chunk could leave a row out because of one that is not up to date.
        demanded=tuple(unique for unique in unique_keys(ghost) if unproved and unique.name != key.ghost_index),
        unproved=unproved,
        renamed_checks=renamed_checks(original, ghost),
        zoned=zoned,
        remarks=tuple(_remarks(ghost, mapping)),
        discards=key.is_ordered and _unique(original) == [key.index] and _unique(ghost) == [key.ghost_index],
    )


def _unique(table: Definition) -> list[str]:
    return [index.name for index in table.indexes if index.unique]


def map_columns(
    alteration: Alteration, original: Definition, ghost: Definition, told: Mapping[str, str]
) -> tuple[MappedColumn, ...]:
    """Which column of the original becomes which of the ghost table; generated ones make their values themselves.

    What the user has told counts: old names to new ones. For every other column the ALTER's text and the two catalogues
    have to agree; RefusedError otherwise.
    """
    _refuse_unknown_names(original, ghost, told)
    renamed = {old.lower(): new for old, new in (alteration.renamed | dict(told)).items()}
    dropped = {name.lower() for name in alteration.dropped}
    added = {name.lower() for name in alteration.added}
    mapping: list[MappedColumn] = []
    lived_on: set[str] = set()
    for column in original.columns:
        new_name = renamed.get(column.folded, column.name)
        target = ghost.column(new_name)
        if column.folded in dropped and column.folded not in renamed:
            continue
        if target is None:
            raise _unclear(f"column {column.name} is gone from the new definition, but the ALTER does not drop it")
        lived_on.add(target.folded)
        if not target.generated:
            mapping.append(MappedColumn(column.name, target.name))
    for column in ghost.columns:
        if column.folded not in lived_on and column.folded not in added:
            raise _unclear(f"column {column.name} is new, but the ALTER does not add it")
    return tuple(mapping)


def _refuse_unknown_names(original: Definition, ghost: Definition, told: Mapping[str, str]) -> None:
    for old, new in told.items():
        for table, name in ((original, old), (ghost, new)):
            if table.column(name) is None:
                which = "old" if table is original else "new"
                raise RefusedError(f"--map {old}={new}: the {which} definition has no column {name}", "Mend --map.")
    if len({new.lower() for new in told.values()}) < len(told):
        raise RefusedError("--map makes one column of two", "Mend --map.")


def conversions(
    mapping: tuple[MappedColumn, ...], original: Definition, ghost: Definition, lossy: Mapping[str, Lossy]
) -> tuple[MappedColumn, ...]:
    """The mapping with how values are converted, what is stored instead where that is allowed, and what is not taken.

    RefusedError for types between which values are not converted.
    """
    allowed = {name.lower(): policy for name, policy in lossy.items()}
    if unknown := allowed.keys() - {mapped.original.lower() for mapped in mapping}:
        raise RefusedError(
            f"--allow-lossy: {', '.join(sorted(unknown))} is no column whose values are copied", "Mend --allow-lossy."
        )
    return tuple(_conversion(mapped, original, ghost, allowed.get(mapped.original.lower())) for mapped in mapping)


def _conversion(mapped: MappedColumn, original: Definition, ghost: Definition, policy: Lossy | None) -> MappedColumn:
    old, new = original.column(mapped.original), ghost.column(mapped.ghost)
    if old is None or new is None:
        return mapped
    if reason := inconvertible(old, new):
        raise RefusedError(
            f"{mapped.original} changes from {old.type} to {new.type}: {reason}",
            "Add a column of the new type, fill it with what is meant, and drop the old one later.",
        )
    value, unfit = converted(old, new), []
    for misfit in misfits(old, new):
        if policy in misfit.instead:
            value = misfit.instead[policy].replace(PLACE, value)
        else:
            unfit.append(Unfit(misfit.what, misfit.condition))
    return replace(mapped, instead="" if value == PLACE else value, unfit=tuple(unfit))


def fill_columns(ghost: Definition, mapping: tuple[MappedColumn, ...]) -> tuple[FilledColumn, ...]:
    """The new columns that the server would not fill by itself in strict mode, with what a native ALTER gives them."""
    copied = {mapped.ghost.lower() for mapped in mapping}
    filled = []
    for column in ghost.columns:
        has_value = column.nullable or column.has_default or column.generated or column.auto_increment
        if column.folded in copied or has_value:
            continue
        value = implicit_default(column)
        if value is None:
            raise RefusedError(
                f"the new column {column.name} must not be NULL, and {column.data_type} has no value to give to rows",
                f"Give {column.name} a DEFAULT.",
            )
        filled.append(FilledColumn(column.name, value))
    return tuple(filled)


def with_instants(plan: Plan, original: Definition, ghost: Definition) -> Plan:
    """The plan for a server that takes a TIMESTAMP that stays one through the session's time zone: MySQL.

    Where the session must not be in UTC, of an hour that comes twice the second would become the first.
    """
    if not plan.zoned:
        return plan
    mapping = (
        replace(mapped, instead=INSTANT)
        if not mapped.instead and _stays_timestamp(original.column(mapped.original), ghost.column(mapped.ghost))
        else mapped
        for mapped in plan.mapping
    )
    return replace(plan, mapping=tuple(mapping))


def _stays_timestamp(old: Column | None, new: Column | None) -> bool:
    return old is not None and new is not None and old.data_type == new.data_type == "timestamp"


def _remarks(ghost: Definition, mapping: tuple[MappedColumn, ...]) -> Iterator[str]:
    """What becomes otherwise than by a native ALTER TABLE, which fills a new column row by row at one moment."""
    copied = {mapped.ghost.lower() for mapped in mapping}
    for column in ghost.columns:
        if column.folded in copied:
            continue
        if column.auto_increment:
            yield f"{column.name} numbers rows as they are brought over, and anew those that are changed meanwhile"
        elif zones.CLOCK.search(column.default or ""):
            yield f"{column.name} gets the moment at which each row is brought over, not that of the swap"


def usable_keys(definition: Definition) -> list[Index]:
    """The keys by which rows could be copied and refreshed, the best first."""
    keys = [index for index in definition.indexes if _is_usable(definition, index)]
    return sorted(keys, key=lambda index: (index.name != "PRIMARY", _preference(definition, index), len(index.columns)))


def choose_key(original: Definition, ghost: Definition, mapping: tuple[MappedColumn, ...]) -> MigrationKey:
    """The best key of the original that is a unique key of the same columns in the ghost table as well."""
    new_names = {mapped.original.lower(): mapped.ghost for mapped in mapping}
    for index in usable_keys(original):
        columns = [column for name in index.columns if (column := original.column(name)) is not None]
        if not all(column.folded in new_names for column in columns):
            continue
        ghost_names = [new_names[column.folded] for column in columns]
        twin = _twin(ghost, ghost_names)
        if twin is None:
            continue
        if all(_is_unchanged(ghost, column, name) for column, name in zip(columns, ghost_names, strict=True)):
            parts = tuple(_key_column(column, name) for column, name in zip(columns, ghost_names, strict=True))
            return MigrationKey(index.name, parts, twin.name)
    raise RefusedError(
        f"no unique key of {original.name} keeps its columns and their types in the new definition",
        "Leave one NOT NULL unique key as it is, and change it in a second migration.",
    )


def renamed_checks(original: Definition, ghost: Definition) -> tuple[MappedColumn, ...]:
    """The CHECKs that will have other names: MySQL makes new ones, which go with the table's name when it changes."""
    there = {check.meaning: check.name for check in checks(ghost.create)}
    renamed = []
    for check in checks(original.create):
        old, new = check.name, there.get(check.meaning, check.name)
        new = original.name.name + new.removeprefix(ghost.name.name) if new.startswith(ghost.name.name) else new
        if new != old:
            renamed.append(MappedColumn(old, new))
    return tuple(renamed)


def unique_keys(table: Definition) -> tuple[UniqueKey, ...]:
    """The unique keys of a table."""
    return tuple(
        UniqueKey(index.name, index.columns, index.lengths or (None,) * len(index.columns))
        for index in table.indexes
        if index.unique
    )


def unproved_keys(original: Definition, ghost: Definition, mapping: tuple[MappedColumn, ...]) -> tuple[str, ...]:
    """The names of the ghost table's unique keys that do not hold already: rows could be alike under them (R9).

    Where there is one, rows may get into each other's way by any unique key. RefusedError for one over an expression:
    nobody could tell which rows are alike.
    """
    held = [_folded(index.columns) for index in original.indexes if index.unique and not index.prefixed]
    unproved = []
    for index in ghost.indexes:
        if not index.unique or _is_kept(original, ghost, index, mapping):
            continue
        olds = [mapped for mapped in mapping if mapped.ghost.lower() in _folded(index.columns)]
        known = _folded(mapped.original for mapped in olds if _is_unchanged_pair(original, ghost, mapped))
        if not index.prefixed and any(key <= known for key in held):
            continue
        if index.expressions:
            raise RefusedError(
                f"the ALTER makes {index.name} unique over an expression: rows that are alike could not be told",
                "Make a generated column of the expression, and that one unique.",
            )
        unproved.append(index.name)
    return tuple(unproved)


def _is_kept(original: Definition, ghost: Definition, index: Index, mapping: tuple[MappedColumn, ...]) -> bool:
    """Whether a unique index was there before, word for word, over columns that are what they were.

    An expression may be about any column, also a generated one.
    """
    if index not in original.indexes:
        return False
    same = _folded(m.ghost for m in mapping if m.original == m.ghost and _is_unchanged_pair(original, ghost, m))
    if index.expressions:
        return _folded(mapped.ghost for mapped in mapping) <= same and _generates_the_same(original, ghost)
    return _folded(index.columns) <= same


def _generates_the_same(original: Definition, ghost: Definition) -> bool:
    """Whether every generated column that stays is what it was; one that an index needs, servers do not drop."""
    return all(ghost.column(old.name) in {old, None} for old in original.columns if old.generated)


def _folded(names: Iterable[str]) -> frozenset[str]:
    return frozenset(name.lower() for name in names)


def _is_unchanged_pair(original: Definition, ghost: Definition, mapped: MappedColumn) -> bool:
    """As `_is_unchanged`; what is stored instead of values that do not fit may make two of them alike."""
    old = original.column(mapped.original)
    return old is not None and not mapped.instead and _is_unchanged(ghost, old, mapped.ghost)


def _is_unchanged(ghost: Definition, old: Column, new_name: str) -> bool:
    """Whether every value stays what it is, and different values stay different, also for an index."""
    new = ghost.column(new_name)
    if new is None:
        return False
    if (old.type, old.charset, old.collation) == (new.type, new.charset, new.collation):
        return True
    return _is_wider_integer(old, new) or _is_longer(old, new)


def _is_wider_integer(old: Column, new: Column) -> bool:
    both = (old.data_type, new.data_type)
    if not all(kind in INTEGER_BITS for kind in both) or "zerofill" in old.type + new.type:
        return False
    return is_unsigned(old) == is_unsigned(new) and INTEGER_BITS[new.data_type] >= INTEGER_BITS[old.data_type]


def _is_longer(old: Column, new: Column) -> bool:
    if old.data_type != new.data_type or old.data_type not in {"varchar", "varbinary"}:
        return False
    same_rules = (old.charset, old.collation) == (new.charset, new.collation)
    return same_rules and _length(new) >= _length(old)


def _length(column: Column) -> int:
    """The n of VARCHAR(n)."""
    return int("".join(character for character in column.type if character.isdigit()) or 0)


def _is_usable(definition: Definition, index: Index) -> bool:
    if not index.unique or index.prefixed or index.hidden or index.type != "BTREE":
        return False
    columns = [definition.column(name) for name in index.columns]
    return all(
        column is not None and not column.nullable and not column.generated and catalog.key_kind(column) is not None
        for column in columns
    )


def _preference(definition: Definition, index: Index) -> int:
    column = definition.column(index.columns[0])
    kind = catalog.key_kind(column) if column is not None else None
    return _PREFERENCE.index(kind) if kind in _PREFERENCE else len(_PREFERENCE)


def _twin(ghost: Definition, names: list[str]) -> Index | None:
    """A unique index of the ghost table that rows can be found by: of the same columns in the same order."""
    wanted = [name.lower() for name in names]
    for index in ghost.indexes:
        is_usable = index.unique and not index.prefixed and not index.hidden
        if is_usable and [name.lower() for name in index.columns] == wanted:
            return index
    return None


def _key_column(column: Column, ghost_name: str) -> KeyColumn:
    kind = catalog.key_kind(column)
    if kind is None:
        raise RefusedError(f"column {column.name} cannot be part of a migration key")
    return KeyColumn(
        name=column.name,
        ghost_name=ghost_name,
        kind=kind,
        charset=column.charset if kind is KeyKind.TEXT else None,
        length=column.octet_length if column.data_type == "binary" else None,
        unsigned="unsigned" in column.type,
    )


def _unclear(what: str) -> RefusedError:
    return RefusedError(
        what,
        "Write renames as CHANGE or RENAME COLUMN, and drops as DROP COLUMN, without executable comments;"
        " or say which column becomes which: --map old=new",
    )
