"""The base class of kiwi-cache's asyncio services, over the reader of this package."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime, timedelta
from typing import Any, ClassVar, Dict, List, Mapping, Optional

from .. import CacheError
from ..aio import Cache
from . import json
from .address import name_of, url_of
from .attempts import CallAttempt, CallAttemptException
from .base import _utcnow


class AioKiwiCache:
    """A map that comes from what a host publishes, or else from the record of AioKiwiCache, or else from
    `load_from_source`, whose result is saved as that record.

    It has the names of kiwi-cache 0.4.5. `resources_redis` is a client of ``redis.asyncio``.
    """

    instances: ClassVar[List[AioKiwiCache]] = []
    reload_ttl = timedelta(minutes=1)
    cache_ttl: Optional[timedelta] = reload_ttl * 10
    refill_lock_ttl = timedelta(seconds=5)
    resources_redis: Any = None
    #: The name of the cache at its host. By default it follows from the class: ``KiwiAirlines`` is ``kiwi_airlines``.
    cache_name: Optional[str] = None
    #: The URL of the store, if `resources_redis` does not say where it is.
    url: Optional[str] = None
    #: Further settings of `kiwi_cache.aio.Cache.connect`.
    reader_options: Dict[str, Any] = {}

    def __init__(self, resources_redis: Any = None, logger: Optional[logging.Logger] = None, statsd: Any = None) -> None:
        if resources_redis is not None:
            self.resources_redis = resources_redis
        self.check_initialization()
        self.instances.append(self)
        self.name = type(self).__name__
        self.expires_at: datetime = _utcnow()
        self.logger = logger if logger else logging.getLogger(__name__)
        self.statsd = statsd
        self.call_attempt = CallAttempt(f"{self.name.lower()}.load_from_source")
        self._data: Mapping[str, Any] = {}
        self._reader: Optional[Cache[Any]] = None
        self._reloading: Optional[asyncio.Lock] = None

    def check_initialization(self) -> None:
        if self.resources_redis is None:
            raise RuntimeError("You must set a redis.Connection object")
        if self.cache_ttl is not None and self.cache_ttl < self.reload_ttl:
            raise RuntimeError("The cache_ttl has to be greater then reload_ttl.")

    @property
    def redis_key(self) -> str:
        return "resource:" + self.name

    async def load_from_source(self) -> Mapping[str, Any]:
        """Gets all data from the source. Each subclass has its own."""
        raise NotImplementedError()

    async def getitem(self, key: str) -> Any:
        data = await self.get_data()
        return data[key] if key in data else self.__missing__(key)

    def __missing__(self, key: str) -> Any:
        raise KeyError(key)

    async def get(self, key: str, default: Any = None) -> Any:
        return (await self.get_data()).get(key, default)

    async def contains(self, key: str) -> bool:
        return key in await self.get_data()

    async def keys(self) -> Any:
        return (await self.get_data()).keys()

    async def values(self) -> Any:
        return (await self.get_data()).values()

    async def items(self) -> Any:
        return (await self.get_data()).items()

    async def get_data(self) -> Mapping[str, Any]:
        await self.maybe_reload()
        return self._served()

    def _served(self) -> Mapping[str, Any]:
        return self._data if self._reader is None or self._reader.id is None else self._reader

    async def maybe_reload(self) -> None:
        """Loads if there is nothing, or what there is comes from a record as old as `reload_ttl`."""
        is_hosted = self._reader is not None and self._reader.id is not None
        if is_hosted or (self._data and self.expires_at >= _utcnow()):
            return
        self._reloading = self._reloading or asyncio.Lock()
        async with self._reloading:
            try:
                await self.reload()
            except CallAttemptException:
                raise
            except Exception:
                self.logger.exception("kiwicache.reload_exception")

    async def reload(self) -> None:
        """Loads what a host publishes, or the record, or the source."""
        if await self._reload_from_host():
            return
        try:
            record = await self.load_from_cache()
            if not record:
                await self.refill_cache()
                record = await self.load_from_cache()
        except (OSError, _redis_error()):
            self.logger.exception("kiwicache.redis_exception")
            self._increment("redis_error")
            return
        if record:
            self._data = json.loads(record)
            self.expires_at = _utcnow() + self.reload_ttl
            self._increment("success")

    async def _reload_from_host(self) -> bool:
        try:
            if self._reader is None:
                self._reader = await Cache.connect(
                    self.url or url_of(self.resources_redis),
                    self.cache_name or name_of(self.name, None),
                    reload_ttl=self.reload_ttl,
                    start_missing=True,
                    **self.reader_options,
                )
            await self._reader.reload()
        except CacheError:
            return self._reader is not None and self._reader.id is not None
        return True

    async def load_from_cache(self) -> Any:
        """The text of the record."""
        return await self.resources_redis.get(self.redis_key)

    async def save_to_cache(self, data: Mapping[str, Any]) -> None:
        try:
            await self.resources_redis.set(self.redis_key, json.dumps(data), ex=self.cache_ttl)
        except _redis_error():
            self._increment("redis_error")
            self.logger.exception("kiwicache.redis_exception")

    async def get_refill_lock(self) -> Optional[bool]:
        try:
            lock = self.redis_key + ":lock"
            return bool(await self.resources_redis.set(lock, "locked", ex=self.refill_lock_ttl, nx=True))
        except _redis_error():
            return None

    async def refill_cache(self) -> None:
        """Loads the source and saves the record, unless another process does."""
        if not await self.get_refill_lock():
            await asyncio.sleep(self.refill_lock_ttl.total_seconds())
            return
        try:
            data = await self.load_from_source()
            if not data:
                raise RuntimeError("load_from_source returned empty response!")
            self.call_attempt.reset()
            await self.save_to_cache(data)
            self._increment("success")
        except Exception:
            self.logger.exception("kiwicache.source_exception")
            self._increment("load_error")
            self.call_attempt.countdown()

    def _increment(self, status: str) -> None:
        if self.statsd:
            self.statsd.increment("kiwicache", tags=["name:" + self.name, "status:" + status])

    async def close(self) -> None:
        """Ends the thread and the connections of the reader."""
        reader, self._reader = self._reader, None
        if reader is not None:
            await reader.close()


def _redis_error() -> Any:
    from redis.exceptions import RedisError

    return RedisError
