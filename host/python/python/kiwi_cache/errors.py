"""What can go wrong. Each message names the cache, says what was expected, and what to do next."""

from __future__ import annotations

from typing import Optional

__all__ = [
    "CacheClosed",
    "CacheDenied",
    "CacheError",
    "CacheInvalid",
    "CacheLoadFailed",
    "CacheMissing",
    "CacheUnavailable",
    "CacheValueError",
]


class CacheError(Exception):
    """Any failure of a cache. A key that a map does not have is a ``KeyError``, and none of these."""


class CacheMissing(CacheError):
    """Nothing was published yet, or all of it is gone, so there is no map to look into."""


class CacheUnavailable(CacheError):
    """Redis cannot be reached, is full, or did not answer in time. Trying again later may work."""


class CacheDenied(CacheError):
    """Redis refuses access: a wrong password, or a missing permission."""


class CacheInvalid(CacheError):
    """A name, a URL or a setting is not as expected. Nothing was tried."""


class CacheLoadFailed(CacheError):
    """A host was asked to load the source, and failed."""


class CacheClosed(CacheError):
    """The cache was closed, and is used again."""


class CacheValueError(CacheError):
    """A value is not what ``decode`` or ``model`` expects, or the data is not in a format that this version reads."""

    #: The key of the value, where the error is about one.
    key: Optional[str] = None
