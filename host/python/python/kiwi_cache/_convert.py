"""Decoded JSON to dataclasses and TypedDicts: each value is compared with its annotation, and nothing is coerced except what
JSON has no type for."""

from __future__ import annotations

import collections.abc
import dataclasses
import datetime
import enum
import sys
import typing
from decimal import Decimal
from typing import Any, Callable, Dict, Union, cast

if sys.version_info >= (3, 10):
    from types import UnionType
else:
    UnionType = None

Convert = Callable[[Any], Any]

_NONE = type(None)
_PLAIN = {bool: "true or false", str: "a string", dict: "an object", list: "a list", _NONE: "null"}


def is_typed_dict(model: Any) -> bool:
    return isinstance(model, type) and issubclass(model, dict) and hasattr(model, "__total__")


def converter(annotation: Any) -> Convert:
    """The function that converts to a type, made once."""
    return _converter(annotation, {})


def _converter(annotation: Any, known: Dict[Any, Convert]) -> Convert:
    if annotation is Any or isinstance(annotation, typing.TypeVar):
        return lambda value: value
    if isinstance(annotation, type) and (dataclasses.is_dataclass(annotation) or is_typed_dict(annotation)):
        return _of_record(annotation, known)
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Union or (UnionType is not None and origin is UnionType):
        return _of_union([_converter(argument, known) for argument in arguments], annotation)
    if origin is not None:
        return _of_generic(annotation, origin, arguments, known)
    if annotation is None:
        return _of_plain(_NONE, _PLAIN[_NONE])
    if annotation in _PLAIN:
        return _of_plain(annotation, _PLAIN[annotation])
    return _of_scalar(annotation)


def _expected(what: str, value: Any) -> TypeError:
    text = repr(value)
    return TypeError(f"expected {what}, found {text if len(text) <= 60 else text[:60] + '...'}")


def _of_plain(wanted: type, what: str) -> Convert:
    def convert(value: Any) -> Any:
        if type(value) is not wanted:
            raise _expected(what, value)
        return value

    return convert


def _of_scalar(annotation: Any) -> Convert:
    if annotation is int:
        return _of_plain(int, "an integer")
    if annotation is float:
        return _float
    if annotation is Decimal:
        return _decimal
    if annotation in (datetime.date, datetime.datetime, datetime.time):
        return _of_iso(annotation)
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return annotation
    raise TypeError(
        f"a model has a field of type {annotation!r}, which is not supported without msgspec or pydantic: use a model of one of them"
    )


def _float(value: Any) -> Any:
    if type(value) is int:
        return float(value)
    if type(value) not in (float, Decimal):
        raise _expected("a number", value)
    return value


def _decimal(value: Any) -> Decimal:
    """From a string or an integer; a float has lost its digits already, unless ``decode="decimal"`` has kept them."""
    if type(value) is Decimal:
        return value
    if type(value) not in (int, str):
        raise _expected('a decimal number (set `decode="decimal"`)', value)
    return Decimal(value)


def _of_iso(wanted: Any) -> Convert:
    def convert(value: Any) -> Any:
        if type(value) is not str:
            raise _expected(f"a {wanted.__name__} in ISO 8601", value)
        return wanted.fromisoformat(value)

    return convert


def _of_union(converters: Any, annotation: Any) -> Convert:
    def convert(value: Any) -> Any:
        for one in converters:
            try:
                return one(value)
            except (TypeError, ValueError):
                continue
        raise _expected(str(annotation).replace("typing.", ""), value)

    return convert


def _of_generic(annotation: Any, origin: Any, arguments: Any, known: Dict[Any, Convert]) -> Convert:
    if origin is typing.Literal:

        def literal(value: Any) -> Any:
            if value not in arguments:
                raise _expected(f"one of {list(arguments)}", value)
            return value

        return literal
    if origin in (list, set, frozenset, collections.abc.Sequence, collections.abc.Iterable):
        make, item = list if origin not in (set, frozenset) else origin, _converter(arguments[0], known)
    elif origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
        make, item = tuple, _converter(arguments[0], known)
    elif origin in (dict, collections.abc.Mapping):
        if arguments[0] is not str:
            raise TypeError(f"a model has a field of type {annotation!r}: the keys of JSON are strings")
        values = _converter(arguments[1], known)

        def mapping(value: Any) -> Any:
            if type(value) is not dict:
                raise _expected("an object", value)
            return {key: _at(values, key, item) for key, item in value.items()}

        return mapping
    else:
        # Required[...], NotRequired[...], Annotated[...] and such: what is in them counts.
        return _converter(arguments[0], known)

    def sequence(value: Any) -> Any:
        if type(value) is not list:
            raise _expected("a list", value)
        return make(_at(item, place, one) for place, one in enumerate(value))

    return sequence


def _at(convert: Convert, place: Any, value: Any) -> Any:
    """Converts a part, and says where it is if that fails."""
    try:
        return convert(value)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{place}: {error}") from None


def _of_record(model: Any, known: Dict[Any, Convert]) -> Convert:
    if model in known:
        return known[model]
    # A model may contain itself.
    known[model] = lambda value: record(value)
    hints = typing.get_type_hints(model)
    if dataclasses.is_dataclass(model):
        fields = {field.name: field for field in dataclasses.fields(model) if field.init}
        without_default = dataclasses.MISSING
        required = {
            name
            for name, field in fields.items()
            if field.default is without_default and field.default_factory is without_default
        }
        converters = {name: _converter(hints[name], known) for name in fields}
        make: Any = lambda values: cast(Any, model)(**values)  # noqa: E731
    else:
        required = set(getattr(model, "__required_keys__", ()))
        converters = {name: _converter(hint, known) for name, hint in hints.items()}
        make = lambda values: values  # noqa: E731

    def record(value: Any) -> Any:
        if type(value) is not dict:
            raise _expected("an object", value)
        missing = required - value.keys()
        if missing:
            raise TypeError(f"field {sorted(missing)[0]!r} is missing")
        # What the model does not have is left out: a loader may add fields.
        return make({name: _at(convert, name, value[name]) for name, convert in converters.items() if name in value})

    return record
