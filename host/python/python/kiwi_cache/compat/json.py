"""JSON as kiwi-cache writes it, so that its readers and ours find the same values in a record."""

from __future__ import annotations

import enum
from decimal import Decimal
from typing import Any, Dict

import attr
import simplejson

_SECRET = ("secret", "token", "password", "key")
_NOT_SECRET = ("booking_token", "public_key", "idempotency_key")


def _masked(values: Dict[str, Any]) -> Dict[str, Any]:
    """kiwi-cache hides values of objects whose names look like secrets."""

    def is_secret(name: str) -> bool:
        return name.lower() not in _NOT_SECRET and any(word in name.lower() for word in _SECRET)

    return {name: "-- MASKED --" if is_secret(name) else value for name, value in values.items()}


def _default(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(float(value))
    if hasattr(value, "isoformat"):
        return str(value)
    if isinstance(value, set):
        return list(value)
    if isinstance(value, enum.Enum):
        return value.name
    if attr.has(type(value)):
        return attr.asdict(value, dict_factory=lambda fields: _masked(dict(fields)))  # type: ignore[arg-type]
    if hasattr(value, "asdict"):
        return _masked(dict(value.asdict()))
    raise TypeError(f"{value!r} is not JSON serializable")


def dumps(value: Any) -> str:
    return simplejson.dumps(value, default=_default)  # type: ignore[no-any-return]


loads = simplejson.loads
