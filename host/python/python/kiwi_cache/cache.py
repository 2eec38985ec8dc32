"""The cache for threads."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Callable, Mapping, Optional, Type, TypeVar, Union, overload

from ._reading import M, Reading, is_missing
from .changes import Changes
from .snapshot import Snapshot

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Literal, Self, Unpack

    from ._decoding import Decode
    from ._reading import Options

    NativeDecode = Literal["native", "decimal"]

V = TypeVar("V", covariant=True)
D = TypeVar("D")


class Cache(Reading[V]):
    """A named map that a host publishes, read from memory: a read-only ``Mapping``.

    >>> airlines = Cache.connect("redis://127.0.0.1:6379", "airlines")
    >>> airlines["FR"]["name"]

    A thread without the GIL keeps it up to date. While Redis, the host or the source is away, the last map is served: see
    `state` and `age`.
    """

    @overload
    @classmethod
    def connect(
        cls, url: str, name: str, *, model: Type[M], decode: Decode = ..., **options: Unpack[Options]
    ) -> Cache[M]: ...

    @overload
    @classmethod
    def connect(cls, url: str, name: str, *, decode: Literal["text"], **options: Unpack[Options]) -> Cache[str]: ...

    @overload
    @classmethod
    def connect(
        cls, url: str, name: str, *, decode: Callable[[bytes], M], **options: Unpack[Options]
    ) -> Cache[M]: ...

    @overload
    @classmethod
    def connect(
        cls, url: str, name: str, *, decode: NativeDecode = ..., **options: Unpack[Options]
    ) -> Cache[Any]: ...

    @classmethod
    def connect(cls, url: str, name: str, **options: Any) -> Any:
        """Connects to Redis and loads the map.

        Raises `CacheMissing` if nothing is published, unless ``wait_for`` or ``start_missing`` is set.
        """
        return cls._open(url, name, **options)

    @overload
    @classmethod
    def fixed(cls, entries: Mapping[str, Any], *, model: Type[M], decode: Decode = ..., missing: Any = ...) -> Cache[M]: ...

    @overload
    @classmethod
    def fixed(cls, entries: Mapping[str, D], *, decode: Decode = ..., missing: Any = ...) -> Cache[D]: ...

    @classmethod
    def fixed(cls, entries: Mapping[str, Any], **options: Any) -> Any:
        """A cache that always holds these entries, is always fresh and needs no Redis: for unit tests. The values are
        written as JSON and decoded as a published map is."""
        return cls._fixed(entries, **options)

    def reload(self) -> None:
        """Looks at Redis now, and loads what is new."""
        self._handle.reload()
        self._look()

    @overload
    def get_or_refill(self, key: str) -> Optional[V]: ...

    @overload
    def get_or_refill(self, key: str, default: D) -> Union[V, D]: ...

    def get_or_refill(self, key: str, default: Any = None) -> Any:
        """As `get`, but if nothing was loaded yet, asks a host to load the source, and waits for it."""
        if is_missing(self):
            self._handle.refill_if_missing()
            self._look()
        return self.get(key, default)

    def changed(self, timeout: Optional[float] = None, *, since: Optional[str] = None) -> Optional[Snapshot[V]]:
        """Waits for a snapshot other than ``since`` (an id; by default, what is served now), and returns it. ``None``: there
        was none within ``timeout`` seconds."""
        since = self.id if since is None else since
        deadline = None if timeout is None else time.monotonic() + timeout
        with self._condition:
            left = None if deadline is None else deadline - time.monotonic()
            if not self._condition.wait_for(lambda: self._has_changed(since), left):
                return None
        return self.snapshot()

    def changes(self) -> Changes:
        """Follows the changes from now on: an iterator, each step of which waits for the next."""
        changes = Changes()
        self._follow(changes)
        return changes

    def close(self) -> None:
        """Ends its thread and connections. Reads raise `CacheClosed` from then on."""
        self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.close()
