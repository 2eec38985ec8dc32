"""From ``decode=`` and ``model=`` to what decodes a value."""

from __future__ import annotations

import dataclasses
from typing import Any, Callable, Optional, Tuple, Union

from . import _convert, _native
from .errors import CacheInvalid

Decode = Union[str, Callable[[bytes], Any]]


def decoder(decode: Decode, model: Optional[Any]) -> Tuple[_native.Decoder, bool]:
    """What decodes values, and whether it may refuse one."""
    if not isinstance(decode, str) and not callable(decode):
        raise CacheInvalid(f"invalid `decode`: {decode!r} (expected a name such as \"decimal\", or a function of bytes)")
    if model is None:
        return _native.Decoder(decode, None), callable(decode)
    if decode == "text":
        raise CacheInvalid("`decode=\"text\"` leaves values as JSON text: remove it, or remove `model`")
    from_json, from_value = _of_model(model)
    if decode == "native" and from_json is not None:
        return _native.Decoder(from_json, None), True
    return _native.Decoder(decode, from_value), True


def _of_model(model: Any) -> Tuple[Optional[Callable[[bytes], Any]], Callable[[Any], Any]]:
    """A function of JSON, where the library of the model has one, and one of a decoded value."""
    if hasattr(model, "__struct_fields__"):
        import msgspec

        return msgspec.json.Decoder(model).decode, lambda value: msgspec.convert(value, model)
    if hasattr(model, "__pydantic_validator__") or hasattr(model, "__get_pydantic_core_schema__"):
        from pydantic import TypeAdapter

        adapter = TypeAdapter(model)
        return adapter.validate_json, adapter.validate_python
    if dataclasses.is_dataclass(model) or _convert.is_typed_dict(model):
        return None, _convert.converter(model)
    raise CacheInvalid(
        f"invalid `model`: {model!r} (expected a dataclass, a TypedDict, a msgspec.Struct or a pydantic model; "
        "for any other type, give `decode` a function of bytes)"
    )
