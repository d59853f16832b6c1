"""Frozen values to JSON documents and back, by their type annotations.

Everything that is checkpointed goes through here, so that there is one answer to what a stored value looks like.
Fields that a document lacks take their defaults; fields that a class lacks are an error: they would be lost.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import types
from datetime import datetime
from enum import Enum
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


def dump(value: object) -> str:
    """The JSON text of a frozen value."""
    return json.dumps(_plain(value), ensure_ascii=False, separators=(",", ":"))


def load(kind: type[T], text: str) -> T:
    """The value of class `kind` that `dump` wrote; ValueError when the text is something else."""
    try:
        return _typed(kind, json.loads(text))  # type: ignore[no-any-return]
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"not a stored {kind.__name__}: {error}") from error


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, (tuple, list, frozenset)):
        return [_plain(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    return value


def _typed(kind: Any, data: Any) -> Any:
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return _typed_union(get_args(kind), data)
    if origin is tuple:
        return _typed_tuple(get_args(kind), data)
    if dataclasses.is_dataclass(kind):
        hints = _hints(kind if isinstance(kind, type) else type(kind))
        return kind(**{name: _typed(hints[name], item) for name, item in data.items()})  # type: ignore[operator]
    return _typed_scalar(kind, data)


@functools.cache
def _hints(kind: Any) -> dict[str, Any]:
    """The types of a class's fields: they are text until they are evaluated, which takes longer than all the rest."""
    return get_type_hints(kind)


def _typed_scalar(kind: Any, data: Any) -> Any:
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(data)
    if kind is datetime:
        return datetime.fromisoformat(data)
    return float(data) if kind is float else data


def _typed_union(kinds: tuple[Any, ...], data: Any) -> Any:
    if data is None:
        return None
    inner = [kind for kind in kinds if kind is not type(None)]
    return _typed(inner[0], data) if len(inner) == 1 else data


def _typed_tuple(kinds: tuple[Any, ...], data: Any) -> Any:
    if kinds[-1] is Ellipsis:
        return tuple(_typed(kinds[0], item) for item in data)
    return tuple(_typed(kind, item) for kind, item in zip(kinds, data, strict=True))
