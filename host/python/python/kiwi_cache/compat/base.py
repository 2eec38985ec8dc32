"""The base class of kiwi-cache's services, over the reader of this package."""

from __future__ import annotations

import os
import threading
import time
from datetime import datetime, timedelta, timezone
from typing import Any, ClassVar, Dict, Iterator, Mapping, NamedTuple, Optional

import attr
import redis
import structlog

from .. import Cache, CacheError, CacheMissing, Event
from . import json
from .address import name_of, url_of
from .attempts import CallAttempt, CallAttemptException

_REDIS_TYPES = (redis.StrictRedis,)


#: Taken while a reader is opened or closed.
_connecting = threading.Lock()


def _after_fork_in_child() -> None:
    """A thread that does not exist here may have it."""
    global _connecting
    _connecting = threading.Lock()


os.register_at_fork(after_in_child=_after_fork_in_child)


class CacheRecord(NamedTuple):
    """What is published, and when that was."""

    data: Mapping[str, Any]
    timestamp: float


def _utcnow() -> datetime:
    """As kiwi-cache keeps times: in UTC, without saying so."""
    return datetime.now(timezone.utc).replace(tzinfo=None)


def _of(kind: Any) -> Any:
    return attr.validators.instance_of(kind)


@attr.s(eq=False, repr=False)
class KiwiCache(Mapping[str, Any]):
    """A read-only dict whose data come from what a host publishes, or else from kiwi-cache's record, or else from
    `load_from_source`, whose result is saved as the record.

    It takes the arguments of kiwi-cache 0.4.5. Reads are from memory; the source is called only if nothing is published.
    """

    resources_redis: Any = attr.ib(default=None, validator=_of(_REDIS_TYPES))
    cache_ttl: Optional[timedelta] = attr.ib(default=None, validator=attr.validators.optional(_of(timedelta)))
    refill_ttl: timedelta = attr.ib(default=timedelta(seconds=5), validator=_of(timedelta))
    metric: str = attr.ib(default="kiwicache", validator=_of(str))
    reload_ttl: timedelta = attr.ib(default=timedelta(minutes=1), validator=_of(timedelta))
    expires_at: datetime = attr.ib(factory=_utcnow, validator=_of(datetime))
    _data: Mapping[str, Any] = attr.ib(factory=dict)
    max_attempts: int = attr.ib(default=-1, validator=_of(int))
    _call_attempt: CallAttempt = attr.ib(init=False)
    allow_empty_data: bool = attr.ib(default=False, validator=_of(bool))

    logger: ClassVar[Any] = structlog.get_logger()
    statsd: ClassVar[Any] = None
    json: ClassVar[Any] = json
    #: One instance for each record, by its key: for the periodic task.
    instances: ClassVar[Dict[str, KiwiCache]] = {}
    #: The name of the cache at its host. By default it follows from the class: ``KiwiAirlines`` is ``kiwi_airlines``.
    cache_name: ClassVar[Optional[str]] = None
    #: The URL of the store, if `resources_redis` does not say where it is.
    url: ClassVar[Optional[str]] = None
    #: Further settings of `kiwi_cache.Cache.connect`, such as ``decode``, ``model`` and ``key_prefix``.
    reader_options: ClassVar[Dict[str, Any]] = {}

    def __attrs_post_init__(self) -> None:
        if self._cache_ttl < self.reload_ttl:
            raise AttributeError("The parameter cache_ttl has to be greater then reload_ttl.")
        self._reader: Optional[Cache[Any]] = None
        self._call_attempt = CallAttempt(f"{self.name.lower()}.load_from_source", self.max_attempts)
        self._add_instance()

    def _add_instance(self) -> None:
        self.instances[self._cache_key] = self

    def load_from_source(self) -> Mapping[str, Any]:
        """Gets all data from the source. Each subclass has its own."""
        raise NotImplementedError()

    # What it is called.

    @property
    def name(self) -> str:
        return type(self).__name__

    @property
    def _key_suffix(self) -> Optional[str]:
        """A subclass may have one: for several caches of one class."""
        return None

    @property
    def _record_key(self) -> str:
        return self.name if not self._key_suffix else f"{self.name}:{self._key_suffix}"

    @property
    def _cache_key(self) -> str:
        return f"resource:{self._record_key}"

    @property
    def _refill_lock_key(self) -> str:
        return f"lock:{self._record_key}"

    @property
    def _cache_ttl(self) -> timedelta:
        return self.cache_ttl if self.cache_ttl else self.reload_ttl * 10

    # Reads.

    def __getitem__(self, key: str) -> Any:
        data = self.data
        try:
            return data[key]
        except KeyError:
            missing = getattr(type(self), "__missing__", None)
            if missing is None:
                raise
        return missing(self, key)

    def __contains__(self, key: object) -> bool:
        return key in self.data

    def __iter__(self) -> Iterator[str]:
        return iter(self.data)

    def __len__(self) -> int:
        return len(self.data)

    def __eq__(self, other: object) -> bool:
        return Mapping.__eq__(self, other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<{self.name} of {self._cache_key!r}>"

    def _raise_read_only(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("This dictionary is read-only")

    __setitem__ = __delitem__ = pop = popitem = clear = update = setdefault = _raise_read_only

    @property
    def data(self) -> Mapping[str, Any]:
        """The whole map as it is now."""
        self.maybe_reload()
        return self._served()

    def _served(self) -> Mapping[str, Any]:
        reader = self._reader
        return self._data if reader is None or reader.id is None else reader

    def maybe_reload(self) -> None:
        """Loads if there is nothing to serve, or if nothing is published any more when the copy is as old as
        `reload_ttl`. What is new meanwhile comes without it."""
        if not self._served() and not (self.allow_empty_data and self._has_loaded()):
            self.reload()
        elif self.expires_at <= _utcnow():
            if isinstance(self._connected().last_error, CacheMissing):
                self.reload()
            else:
                self._prolong_data_expiration()

    def _has_loaded(self) -> bool:
        return self._reader is not None and self._reader.id is not None

    def reload(self) -> None:
        """Loads what is published, or, if nothing is, the source."""
        while not self.reload_from_cache():
            try:
                self.refill_cache()
            except CallAttemptException:
                self._prolong_data_expiration()
                raise
            if self.reload_from_cache():
                return
            if self.max_attempts < 0:
                self._prolong_data_expiration()
                self._log_error("kiwicache.reload_failed")
                return

    def reload_from_cache(self) -> bool:
        """Loads what is published. ``False``: there is nothing."""
        if self.load_from_cache() is None:
            return False
        self._prolong_data_expiration()
        return True

    def load_from_cache(self) -> Optional[CacheRecord]:
        """What is published; ``None``: nothing, or Redis is away."""
        try:
            reader = self._connected()
            reader.reload()
            snapshot = reader.snapshot()
        except CacheMissing:
            return None
        except CacheError:
            self._log_exception("kiwicache.load_failed")
            return None
        return CacheRecord(snapshot, snapshot.loaded_at.timestamp())

    def _connected(self) -> Cache[Any]:
        """The reader, which is opened by the first read: making an instance does not need Redis."""
        with _connecting:
            if self._reader is None:
                self._reader = Cache.connect(
                    self.url or url_of(self.resources_redis),
                    self.cache_name or name_of(self.name, self._key_suffix),
                    record_key=self._record_key,
                    reload_ttl=self.reload_ttl,
                    start_missing=True,
                    metrics=self._count,
                    **self.reader_options,
                )
            return self._reader

    def _count(self, event: Event) -> None:
        if event.status == "redis_error":
            self._increment_metric("redis_error")

    def close(self) -> None:
        """Ends the thread and the connections of the reader. The next read opens them again."""
        with _connecting:
            reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()

    def _prolong_data_expiration(self) -> None:
        self.expires_at = _utcnow() + self.reload_ttl

    # Refills, where no host loads the cache.

    def refill_cache(self) -> None:
        """Loads the source under the lock that hosts and kiwi-cache take too, and saves the record."""
        has_lock = self._wait_for_refill_lock()
        if not has_lock:
            if has_lock is None:
                self._call_attempt.countdown()
            return
        try:
            try:
                data = self.load_from_source()
            except Exception as error:
                self._process_refill_error("kiwicache.source_exception", error)
                return
            if data or self.allow_empty_data:
                self.save_to_cache(data)
            else:
                self._process_refill_error("load_from_source returned empty response!")
        finally:
            self._release_refill_lock()

    def save_to_cache(self, data: Any) -> None:
        """Saves the record."""
        record = self.json.dumps({"data": data, "timestamp": time.time()})
        try:
            self.resources_redis.set(self._cache_key, record, ex=self._cache_ttl)
        except redis.exceptions.RedisError:
            self._process_cache_error("kiwicache.save_failed")
        else:
            self._increment_metric("success")

    def _get_refill_lock(self) -> Optional[bool]:
        try:
            return bool(self.resources_redis.set(self._refill_lock_key, "locked", ex=self.refill_ttl, nx=True))
        except redis.exceptions.RedisError:
            self._process_cache_error("kiwicache.refill_lock_failed")
            return None

    def _wait_for_refill_lock(self) -> Optional[bool]:
        """Whether we have the lock; ``False``: another process has loaded meanwhile; ``None``: Redis is away."""
        began, pause = time.time(), 0.5
        while True:
            has_lock = self._get_refill_lock()
            if has_lock is None or has_lock:
                return has_lock
            self._log_warning("kiwicache.refill_locked")
            pause = min(pause * 2, self.refill_ttl.total_seconds())
            time.sleep(pause)
            if self._is_refilled(began):
                return False

    def _is_refilled(self, since: float) -> bool:
        record = self.load_from_cache()
        return record is not None and record.timestamp > since

    def _release_refill_lock(self) -> Optional[bool]:
        try:
            return bool(self.resources_redis.delete(self._refill_lock_key))
        except redis.exceptions.RedisError:
            self._process_cache_error("kiwicache.release_lock_failed")
            return None

    def _prolong_cache_expiration(self) -> None:
        """After a failure: the record lives on, and what is gone is saved again if we have it."""
        try:
            self.resources_redis.expire(self._cache_key, time=self._cache_ttl)
        except redis.exceptions.RedisError:
            self._process_cache_error("kiwicache.prolong_expiration_failed")
        if not self.reload_from_cache() and self._served():
            self.save_to_cache(dict(self._served().items()))

    # What a subclass may override.

    def _process_refill_error(self, msg: str, exception: Optional[Exception] = None) -> None:
        self._prolong_cache_expiration()
        self._increment_metric("load_error")
        self._log_exception(msg)
        self._call_attempt.countdown()

    def _process_cache_error(self, msg: str) -> None:
        self._log_exception(msg)
        self._increment_metric("redis_error")

    def _log_warning(self, msg: str) -> None:
        self.logger.warning(msg, resource=self._record_key)

    def _log_exception(self, msg: str) -> None:
        self.logger.exception(msg, resource=self._record_key)

    def _log_error(self, msg: str) -> None:
        self.logger.error(msg, resource=self._record_key)

    def _increment_metric(self, status: str) -> None:
        if self.statsd:
            self.statsd.increment(self.metric, tags=[f"name:{self.name}", f"status:{status}"])
