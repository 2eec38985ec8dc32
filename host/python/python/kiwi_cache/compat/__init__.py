"""For services that move from kiwi-cache: change the import, and keep the class.

    from kw.cache import KiwiCache                          from kiwi_cache.compat import KiwiCache
    from kw.cache.dbcache import SQLAlchemyResource         from kiwi_cache.compat.dbcache import SQLAlchemyResource
    from kw.cache.aio import AioKiwiCache                   from kiwi_cache.compat.aio import AioKiwiCache

Where a host publishes the cache, its map is read, fast. Where none does, the record of kiwi-cache is read and written, under
kiwi-cache's own lock.
"""

from .aio import AioKiwiCache
from .attempts import CallAttemptException
from .base import KiwiCache

__all__ = ["AioKiwiCache", "CallAttemptException", "KiwiCache"]
