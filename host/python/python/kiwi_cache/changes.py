"""Following the changes of a cache."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from typing import Deque, FrozenSet, Iterator, NamedTuple, Optional

__all__ = ["Change", "Changes", "AsyncChanges"]

#: For how many changes a follower may lag behind before it is told that any key may have changed.
MAX_LAG = 16


class Change(NamedTuple):
    """Another snapshot is served now."""

    #: Which snapshot.
    id: str
    #: Its number, for people.
    seq: int
    #: The keys that were set or removed since the last change; ``None``: any key may have changed.
    keys: Optional[FrozenSet[str]]


class Pending:
    """The changes that a follower has not taken yet: a bounded number of them."""

    def __init__(self) -> None:
        self._changes: Deque[Change] = deque()
        self.is_over = False

    def put(self, change: Change) -> None:
        if len(self._changes) >= MAX_LAG:
            self._changes.clear()
            change = change._replace(keys=None)
        self._changes.append(change)
        self.wake()

    def take(self) -> Optional[Change]:
        return self._changes.popleft() if self._changes else None

    def end(self) -> None:
        self.is_over = True
        self.wake()

    def wake(self) -> None:
        raise NotImplementedError

    def survives_fork(self) -> bool:
        """In a child that was forked off: whether it goes on there."""
        return False


class Changes(Pending, Iterator[Change]):
    """An iterator, each step of which blocks until the next change. It ends when the cache is closed."""

    def __init__(self) -> None:
        super().__init__()
        self._condition = threading.Condition()

    def wake(self) -> None:
        with self._condition:
            self._condition.notify_all()

    def survives_fork(self) -> bool:
        # A thread that does not exist here may have the lock.
        self._condition = threading.Condition()
        return True

    def __next__(self) -> Change:
        change = self.next()
        if change is None:
            raise StopIteration
        return change

    def next(self, timeout: Optional[float] = None) -> Optional[Change]:
        """The next change; ``None`` if there is none within ``timeout`` seconds, or the cache is closed."""
        with self._condition:
            self._condition.wait_for(lambda: self._changes or self.is_over, timeout)
            return self.take()


class AsyncChanges(Pending):
    """The same, for ``async for``."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._loop = loop
        self._event = asyncio.Event()

    def wake(self) -> None:
        try:
            self._loop.call_soon_threadsafe(self._event.set)
        except RuntimeError:
            # The loop is closed: nobody waits in it.
            pass

    def __aiter__(self) -> AsyncChanges:
        return self

    async def __anext__(self) -> Change:
        while True:
            self._event.clear()
            change = self.take()
            if change is not None:
                return change
            if self.is_over:
                raise StopAsyncIteration
            await self._event.wait()
