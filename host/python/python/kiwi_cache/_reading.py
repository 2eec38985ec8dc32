"""What the caches for threads and for asyncio have in common: reads, which never wait."""

from __future__ import annotations

import json
import logging
import os
import threading
import time
import weakref
from collections.abc import ItemsView, Mapping, ValuesView
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Callable, List, Optional, Tuple, TypeVar, Union

from . import _native
from ._decoding import Decode, decoder
from ._events import Event, Listener, Metrics, caches, forget, listen
from .changes import Change, Pending
from .errors import CacheClosed, CacheInvalid, CacheValueError
from .snapshot import Items, Snapshot, Values

if TYPE_CHECKING:
    from typing_extensions import Literal, Self, TypedDict

    class Options(TypedDict, total=False):
        """The settings of ``connect`` besides ``decode`` and ``model``."""

        missing: Callable[[Snapshot[Any], str], Any]
        reload_ttl: Union[float, timedelta]
        wait_for: Union[float, timedelta]
        start_missing: bool
        check: bool
        memo_bytes: int
        poll_only: bool
        max_attempts: int
        refill_timeout: Union[float, timedelta]
        key_prefix: Optional[str]
        copy_dir: Union[None, str, os.PathLike[str]]
        record_key: Optional[str]
        metrics: Optional[Metrics]
        logger: Optional[logging.Logger]

    State = Literal["fresh", "stale", "missing"]
    _Base = _native.Reads
else:

    class _Base(_native.Reads, Mapping):
        pass


V = TypeVar("V", covariant=True)
M = TypeVar("M")

MEMO_BYTES = 4 * 1024 * 1024


class Reading(_Base[V]):
    """Reads of what is held. See `kiwi_cache.Cache` and `kiwi_cache.aio.Cache`."""

    _handle: _native.Handle
    _decoder: _native.Decoder
    _listener: Listener
    #: Whether a snapshot is checked before reads see it.
    _checked: bool

    @classmethod
    def _open(
        cls,
        url: str,
        name: str,
        *,
        decode: Decode = "native",
        model: Optional[Any] = None,
        missing: Optional[Callable[[Snapshot[Any], str], Any]] = None,
        reload_ttl: Union[float, timedelta] = 60,
        wait_for: Union[float, timedelta] = 0,
        start_missing: bool = False,
        check: bool = True,
        memo_bytes: int = MEMO_BYTES,
        poll_only: bool = False,
        max_attempts: int = -1,
        refill_timeout: Union[float, timedelta] = 30,
        key_prefix: Optional[str] = None,
        copy_dir: Union[None, str, os.PathLike[str]] = None,
        record_key: Optional[str] = None,
        metrics: Optional[Metrics] = None,
        logger: Optional[logging.Logger] = None,
    ) -> Self:
        values, may_refuse = decoder(decode, model)
        listener = Listener(name, metrics, logger)
        checked = check and may_refuse
        listen(listener)
        try:
            handle = _native.Handle.connect(
                url,
                name,
                number=listener.number,
                key_prefix=key_prefix,
                copy_dir=None if copy_dir is None else os.fspath(copy_dir),
                record_key=record_key,
                reload_ttl=_seconds(reload_ttl),
                wait_for=_seconds(wait_for),
                start_missing=start_missing,
                poll_only=poll_only,
                max_attempts=max_attempts,
                refill_timeout=_seconds(refill_timeout),
                checked=checked,
                memo_bytes=memo_bytes,
            )
        except BaseException:
            forget(listener.number)
            raise
        cache = cls._of(handle, values, missing, listener, checked)
        try:
            cache._look()
        except CacheValueError:
            if not start_missing:
                cache._close()
                raise
        return cache

    @classmethod
    def _fixed(
        cls,
        entries: Mapping[str, Any],
        *,
        decode: Decode = "native",
        model: Optional[Any] = None,
        missing: Optional[Callable[[Snapshot[Any], str], Any]] = None,
    ) -> Self:
        values, may_refuse = decoder(decode, model)
        listener = Listener("fixed", None, None)
        texts = [(key, _json(key, value)) for key, value in entries.items()]
        handle = _native.Handle.fixed(texts, number=listener.number, checked=may_refuse, memo_bytes=MEMO_BYTES)
        cache = cls._of(handle, values, missing, listener, may_refuse)
        cache._look()
        return cache

    @classmethod
    def _of(
        cls,
        handle: _native.Handle,
        values: _native.Decoder,
        missing: Optional[Callable[[Snapshot[Any], str], Any]],
        listener: Listener,
        checked: bool,
    ) -> Self:
        hook = None if missing is None else lambda native, key: missing(Snapshot(native), key)
        cache = cls.__new__(cls, handle, values, hook)
        cache._handle, cache._decoder, cache._listener, cache._checked = handle, values, listener, checked
        cache._refused = None
        cache._changed_keys, cache._followers, cache._told = frozenset(), [], None
        cache._restart()
        listener.cache = weakref.ref(cache)
        weakref.finalize(cache, forget, listener.number)
        return cache

    def _restart(self) -> None:
        """Begins anew with locks and with whom to wake: in a child that was forked off, nobody waits, and locks may be
        taken by threads that do not exist there."""
        self._looking = threading.RLock()
        self._condition = threading.Condition()
        found = [reference() for reference in self._followers]
        self._followers = [weakref.ref(one) for one in found if one is not None and one.survives_fork()]
        if self._told not in (None, self._handle.id):
            # The parent had loaded this one, and its followers did not know yet.
            self._tell([(self._handle.id, self._handle.seq, None)])

    #: Those who follow its changes. The list is replaced, never changed: others may go through it.
    _followers: List[weakref.ReferenceType[Pending]]

    def _follow(self, follower: Pending) -> None:
        with self._condition:
            self._followers = [*map(weakref.ref, self._followed_by()), weakref.ref(follower)]
        if self.closed:
            follower.end()

    def _unfollow(self, follower: Pending) -> None:
        with self._condition:
            self._followers = [weakref.ref(one) for one in self._followed_by() if one is not follower]

    def _followed_by(self) -> List[Pending]:
        found = (reference() for reference in self._followers)
        return [follower for follower in found if follower is not None]

    # What was loaded.

    _refused: Optional[Tuple[str, CacheValueError, float, Optional[float]]]
    #: The keys that have changed since the last snapshot that was adopted; `None`: any.
    _changed_keys: Optional[frozenset[str]]

    def _look_quietly(self) -> None:
        """In the thread that hears of a load: who serves the cache learns of a refusal by `last_error`."""
        try:
            self._look()
        except CacheValueError:
            pass

    def _look(self) -> None:
        """Looks at what was loaded: checks it, if it is to be checked, lets reads see it, and wakes who waits."""
        with self._looking:
            changes = self._handle.take_changes()
            if self._checked:
                changes = self._checked_changes(changes)
            self._tell(changes)
            self._told = self._told or self._handle.id
        with self._condition:
            self._condition.notify_all()

    #: The snapshot that followers were last told of.
    _told: Optional[str]

    def _tell(self, changes: List[Any]) -> None:
        for id, seq, keys in changes:
            self._told = id
            change = Change(id, seq, None if keys is None else frozenset(keys[0]).union(keys[1]))
            for follower in self._followed_by():
                follower.put(change)

    def _checked_changes(self, changes: List[Any]) -> List[Any]:
        """Adopts the newest snapshot if it passes the check, and returns the change that this is."""
        for _, _, keys in changes:
            known = keys is not None and self._changed_keys is not None
            self._changed_keys = self._changed_keys.union(*keys) if known else None  # type: ignore[union-attr]
        newest = self._handle.newest(self._decoder)
        if newest is None or newest.id == self._handle.id:
            return []
        if self._refused is not None and self._refused[0] == newest.id:
            raise self._refused[1]
        began = time.monotonic()
        try:
            held = self._snapshot() if self._handle.id is not None else None
            for key in newest if held is None else newest.changed_since(held):
                newest.check(key)
        except CacheValueError as error:
            self._refused = (newest.id, error, time.monotonic(), self._handle.age)
            self._handle.refuse(str(error))
            self._listener.report(Event(self.name, "refused", seq=newest.seq, error=error))
            raise
        finally:
            # Other threads may wait for the GIL, which each value that was decoded has taken.
            time.sleep(0)
        self._listener.log.debug("cache `%s`: checked snapshot %s in %.3f s", self.name, newest.seq, time.monotonic() - began)
        first, keys = held is None, self._changed_keys
        self._handle.adopt(newest)
        self._refused, self._changed_keys = None, frozenset()
        return [] if first else [(newest.id, newest.seq, None if keys is None else (keys, ()))]

    # Reads.

    def items(self) -> ItemsView[str, V]:
        return Items(self)

    def values(self) -> ValuesView[V]:
        return Values(self)

    def entries(self) -> Any:
        return self._snapshot().entries()

    def snapshot(self) -> Snapshot[V]:
        """The whole map as it is now: for several reads that must agree."""
        return Snapshot(self._snapshot())

    @property
    def name(self) -> str:
        """The name of the cache."""
        return self._handle.name

    @property
    def state(self) -> State:
        """``fresh``; ``stale``: the source was not checked in time, or Redis is away; or ``missing``."""
        state = self._handle.state
        if self._handle.id is None:
            state = "missing"
        elif self._refused is not None and state == "fresh":
            state = "stale"
        return state  # type: ignore[return-value]

    @property
    def age(self) -> Optional[timedelta]:
        """How long ago the source was last known to have what is served; ``None`` if missing."""
        age, refused = self._handle.age, self._refused
        if self._handle.id is None or age is None:
            return None
        if refused is not None:
            age = max(age, time.monotonic() - refused[2] + (refused[3] or 0))
        return timedelta(seconds=age)

    @property
    def id(self) -> Optional[str]:
        """Which snapshot is served."""
        return self._handle.id

    @property
    def seq(self) -> Optional[int]:
        """Its number, for people."""
        return self._handle.seq

    @property
    def last_error(self) -> Optional[Exception]:
        """Why the newest snapshot is not served; ``None`` if it is."""
        error, refused = self._handle.last_error, self._refused
        return refused[1] if error is None and refused is not None else error

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._handle.is_closed

    @classmethod
    def instances(cls) -> List[Self]:
        """All caches of this class in this process that are open, and not fixed."""
        return [cache for cache in caches() if isinstance(cache, cls)]

    # The end.

    def _close(self) -> None:
        forget(self._listener.number)
        self._handle.close()
        for follower in self._followed_by():
            follower.end()
        with self._condition:
            self._condition.notify_all()

    def _has_changed(self, since: Optional[str]) -> bool:
        if self.closed:
            raise CacheClosed(f"cache `{self.name}`: it was closed: connect again to read it")
        return self._handle.id is not None and self._handle.id != since

    def __repr__(self) -> str:
        if self.closed:
            return f"<{type(self).__name__} {self.name!r}, closed>"
        return f"<{type(self).__name__} {self.name!r}, {self.state}, snapshot {self.seq}>"

    def __reduce__(self) -> Union[str, Tuple[Any, ...]]:
        raise TypeError("a cache cannot be pickled: connect in the other process, or fork")

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: Any) -> Self:
        return self


def _seconds(duration: Union[float, timedelta]) -> float:
    return duration.total_seconds() if isinstance(duration, timedelta) else float(duration)


def _json(key: str, value: Any) -> str:
    try:
        return json.dumps(value, allow_nan=False)
    except (TypeError, ValueError) as error:
        message = f"`fixed`: the value of key `{key}` is not JSON, which a host would publish: {error}"
        raise CacheInvalid(message) from error


def is_missing(cache: Reading[Any]) -> bool:
    """Whether reads see nothing yet."""
    if cache.closed:
        raise CacheClosed(f"cache `{cache.name}`: it was closed: connect again to read it")
    return cache._handle.id is None


