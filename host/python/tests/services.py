"""A service that uses kiwi-cache: the same lines with the real package and with ours, but for the imports."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any, List

import attr
from sqlalchemy import create_engine
from sqlalchemy.orm import scoped_session, sessionmaker
from sqlalchemy.pool import StaticPool

if os.environ.get("SERVICE") == "kiwi-cache":
    import warnings

    warnings.simplefilter("ignore")
    from kw.cache import KiwiCache
    from kw.cache.dbcache import SQLAlchemyResource
else:
    from kiwi_cache.compat import KiwiCache
    from kiwi_cache.compat.dbcache import SQLAlchemyResource


class Statsd:
    def __init__(self) -> None:
        self.sent: List[Any] = []

    def increment(self, metric: str, tags: Any = None) -> None:
        self.sent.append((metric, *sorted(tags)))


@attr.s
class Airlines(KiwiCache):
    suffix = attr.ib(None)
    source = attr.ib(factory=dict)
    loads = attr.ib(0)
    error = attr.ib(None)

    @property
    def _key_suffix(self) -> Any:
        return self.suffix

    def load_from_source(self) -> Any:
        self.loads += 1
        if self.error:
            raise RuntimeError(self.error)
        return self.source


class Fees(Airlines):
    def __missing__(self, key: str) -> Any:
        return self["default"]


@attr.s
class Routes(SQLAlchemyResource):
    pass


def routes(**options: Any) -> Any:
    engine = create_engine("sqlite://", poolclass=StaticPool)
    engine.execute("CREATE TABLE routes (code TEXT, distance REAL, seats INTEGER)")
    engine.execute("INSERT INTO routes VALUES (?, ?, ?)", [("PRG-STN", 1038.5, 189), ("BRQ-BGY", 640.25, None)])
    session = scoped_session(sessionmaker(bind=engine))
    return Routes(session=session, table_name="routes", key="code", columns=["distance", "seats"], **options)


TTLS = {"reload_ttl": timedelta(seconds=60), "cache_ttl": timedelta(minutes=10)}
