"""One whole map of one load."""

from __future__ import annotations

from collections.abc import ItemsView, Mapping, ValuesView
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Iterator, Tuple, TypeVar, Union

from . import _native

V = TypeVar("V", covariant=True)

if TYPE_CHECKING:
    _Base = _native.Snapshot
else:

    class _Base(_native.Snapshot, Mapping):
        pass


class Items(ItemsView):  # type: ignore[type-arg]
    """The entries of a snapshot: each value is decoded once when they are iterated, and not kept."""

    _mapping: Any

    def __iter__(self) -> Iterator[Tuple[str, Any]]:
        return self._mapping.entries()  # type: ignore[no-any-return]


class Values(ValuesView):  # type: ignore[type-arg]
    """The values of a snapshot: each is decoded once when they are iterated, and not kept."""

    _mapping: Any

    def __iter__(self) -> Iterator[Any]:
        return (value for _, value in self._mapping.entries())


class Snapshot(_Base[V]):
    """One whole map of one load: a read-only mapping that never changes.

    It stays as it is when a newer one is loaded, and keeps the whole map in memory: drop it soon.
    """

    @property
    def loaded_at(self) -> datetime:
        """When it was published, by the clock of Redis."""
        return datetime.fromtimestamp(self.loaded_at_seconds, timezone.utc)

    def items(self) -> ItemsView[str, V]:
        return Items(self)

    def values(self) -> ValuesView[V]:
        return Values(self)

    def __repr__(self) -> str:
        return f"<Snapshot {self.seq} of cache {self.name!r} with {len(self)} entries>"

    def __reduce__(self) -> Union[str, Tuple[Any, ...]]:
        raise TypeError("a Snapshot cannot be pickled: pickle dict(snapshot), or connect in the other process")
