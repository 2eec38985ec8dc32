"""The cache for asyncio: the same names, and ``await`` where something is waited for. Reads are plain calls: they are from
memory."""

from __future__ import annotations

import asyncio
import functools
from typing import TYPE_CHECKING, Any, Callable, Mapping, Optional, Type, TypeVar, Union, overload

from ._reading import M, Reading, is_missing
from .changes import AsyncChanges
from .snapshot import Snapshot

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Literal, Self, Unpack

    from ._decoding import Decode
    from ._reading import Options
    from .cache import NativeDecode

__all__ = ["Cache"]

V = TypeVar("V", covariant=True)
D = TypeVar("D")


class Cache(Reading[V]):
    """A named map that a host publishes, read from memory: a read-only ``Mapping``.

    >>> airlines = await Cache.connect("redis://127.0.0.1:6379", "airlines")
    >>> airlines["FR"]["name"]
    """

    @overload
    @classmethod
    async def connect(
        cls, url: str, name: str, *, model: Type[M], decode: Decode = ..., **options: Unpack[Options]
    ) -> Cache[M]: ...

    @overload
    @classmethod
    async def connect(
        cls, url: str, name: str, *, decode: Literal["text"], **options: Unpack[Options]
    ) -> Cache[str]: ...

    @overload
    @classmethod
    async def connect(
        cls, url: str, name: str, *, decode: Callable[[bytes], M], **options: Unpack[Options]
    ) -> Cache[M]: ...

    @overload
    @classmethod
    async def connect(
        cls, url: str, name: str, *, decode: NativeDecode = ..., **options: Unpack[Options]
    ) -> Cache[Any]: ...

    @classmethod
    async def connect(cls, url: str, name: str, **options: Any) -> Any:
        """As `kiwi_cache.Cache.connect`."""
        return await _in_thread(cls._open, url, name, **options)

    @overload
    @classmethod
    def fixed(cls, entries: Mapping[str, Any], *, model: Type[M], decode: Decode = ..., missing: Any = ...) -> Cache[M]: ...

    @overload
    @classmethod
    def fixed(cls, entries: Mapping[str, D], *, decode: Decode = ..., missing: Any = ...) -> Cache[D]: ...

    @classmethod
    def fixed(cls, entries: Mapping[str, Any], **options: Any) -> Any:
        """As `kiwi_cache.Cache.fixed`."""
        return cls._fixed(entries, **options)

    async def reload(self) -> None:
        """As `kiwi_cache.Cache.reload`."""
        await _in_thread(self._handle.reload)
        await _in_thread(self._look)

    @overload
    async def get_or_refill(self, key: str) -> Optional[V]: ...

    @overload
    async def get_or_refill(self, key: str, default: D) -> Union[V, D]: ...

    async def get_or_refill(self, key: str, default: Any = None) -> Any:
        """As `kiwi_cache.Cache.get_or_refill`."""
        if is_missing(self):
            await _in_thread(self._handle.refill_if_missing)
            await _in_thread(self._look)
        return self.get(key, default)

    async def changed(self, timeout: Optional[float] = None, *, since: Optional[str] = None) -> Optional[Snapshot[V]]:
        """As `kiwi_cache.Cache.changed`."""
        since = self.id if since is None else since
        waiter = _Waiter(asyncio.get_running_loop())
        self._follow(waiter)
        try:
            await asyncio.wait_for(waiter.until(lambda: self._has_changed(since)), timeout)
        except asyncio.TimeoutError:
            return None
        finally:
            self._unfollow(waiter)
        return self.snapshot()

    def changes(self) -> AsyncChanges:
        """Follows the changes from now on, for ``async for``."""
        changes = AsyncChanges(asyncio.get_running_loop())
        self._follow(changes)
        return changes

    async def close(self) -> None:
        """As `kiwi_cache.Cache.close`."""
        await _in_thread(self._close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        await self.close()


class _Waiter(AsyncChanges):
    """Waits for a condition, looking at it after each change."""

    async def until(self, holds: Callable[[], bool]) -> None:
        while not holds():
            self._event.clear()
            if not holds():
                await self._event.wait()


async def _in_thread(call: Callable[..., Any], *args: Any, **options: Any) -> Any:
    return await asyncio.get_running_loop().run_in_executor(None, functools.partial(call, *args, **options))
