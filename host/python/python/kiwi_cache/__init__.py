"""Read in Python what kiwi-host keeps warm: like a dict, from memory.

>>> from kiwi_cache import Cache
>>> airlines = Cache.connect("redis://127.0.0.1:6379", "airlines")
>>> airlines["FR"]["name"]
'Ryanair'
"""

from __future__ import annotations

import sysconfig

if sysconfig.get_config_var("Py_GIL_DISABLED"):
    raise ImportError("kiwi_cache does not support the free-threaded build of Python: use the usual one (with the GIL)")

from ._events import Event
from .cache import Cache
from .changes import AsyncChanges, Change, Changes
from .errors import (
    CacheClosed,
    CacheDenied,
    CacheError,
    CacheInvalid,
    CacheLoadFailed,
    CacheMissing,
    CacheUnavailable,
    CacheValueError,
)
from .snapshot import Snapshot

__all__ = [
    "AsyncChanges",
    "Cache",
    "CacheClosed",
    "CacheDenied",
    "CacheError",
    "CacheInvalid",
    "CacheLoadFailed",
    "CacheMissing",
    "CacheUnavailable",
    "CacheValueError",
    "Change",
    "Changes",
    "Event",
    "Snapshot",
]
