"""The caches of the tests: subclasses of the real KiwiCache, as in a service."""

import datetime
from decimal import Decimal
import time
from urllib.request import urlopen

import attr
from kw.cache import KiwiCache
from kw.cache.dbcache import SQLAlchemyResource
import simplejson
from sqlalchemy import create_engine
from sqlalchemy.orm import scoped_session, sessionmaker
from sqlalchemy.pool import NullPool, StaticPool


class Source:
    """The source of a cache: the test sets its data, how long a load takes, and when it fails."""

    def __init__(self):
        self.data = {}
        self.seconds = 0
        self.error = None
        self.url = None
        self.loads = 0

    def load(self):
        self.loads += 1
        time.sleep(self.seconds)
        if self.error:
            raise RuntimeError(self.error)
        if self.url:
            with urlopen(self.url) as response:
                return simplejson.load(response)
        return self.data


class Statsd:
    """Records what a datadog client would send."""

    def __init__(self):
        self.sent = []

    def increment(self, metric, tags=None):
        self.sent.append([metric] + sorted(tags))


@attr.s
class Airlines(KiwiCache):
    """A plain cache, optionally with a suffix."""

    source = attr.ib(factory=Source)
    suffix = attr.ib(None)
    lost_locks = attr.ib(0)

    @property
    def _key_suffix(self):
        return self.suffix

    def load_from_source(self):
        return self.source.load()

    def _release_refill_lock(self):
        released = super()._release_refill_lock()
        self.lost_locks += not released
        return released


@attr.s
class Fare:
    """A value that is not a dict."""

    price = attr.ib()
    valid_from = attr.ib()
    classes = attr.ib()
    api_token = attr.ib()


@attr.s
class Fares(Airlines):
    """A cache whose values are Python objects."""

    def load_from_source(self):
        self.source.load()
        return {
            "PRG-STN": Fare(Decimal("1.10"), datetime.date(2019, 7, 1), {"Y"}, "s3cret"),
            "decimal": Decimal("1.10"),
            "big": 2**70,
            "datetime": datetime.datetime(2019, 7, 1, 12, 30),
            "set": {"Y"},
        }


@attr.s
class Table(SQLAlchemyResource):
    """A cache of a database table."""

    source = attr.ib(factory=Source)

    @classmethod
    def of(cls, database, **options):
        # A connection of its own for each transaction: one that has failed may be left in the middle of a result.
        engine = create_engine(database, poolclass=NullPool)
        return cls(session=scoped_session(sessionmaker(bind=engine)), **options)

    def load_from_source(self):
        self.source.load()
        try:
            return super().load_from_source()
        finally:
            self.session.remove()


@attr.s
class Routes(Table):
    """A table of a database in memory."""

    @classmethod
    def of_sqlite(cls, **options):
        engine = create_engine("sqlite://", poolclass=StaticPool)
        engine.execute("CREATE TABLE routes (code TEXT, distance REAL, seats INTEGER, active INTEGER)")
        rows = [("PRG-STN", 1038.5, 189, 1), ("BRQ-BGY", 640.25, None, 1), ("PRG-DUB", 1466.0, 180, 0)]
        engine.execute("INSERT INTO routes VALUES (?, ?, ?, ?)", rows)
        session = scoped_session(sessionmaker(bind=engine))
        return cls(session=session, table_name="routes", key="code", columns=["distance", "seats"], **options)


@attr.s
class CurrencyRates(Table):
    """The courses of currencies."""


@attr.s
class KiwiAirlines(Table):
    """Airlines by their IATA codes."""


MAKE = {
    "Airlines": Airlines,
    "CurrencyRates": CurrencyRates.of,
    "Fares": Fares,
    "KiwiAirlines": KiwiAirlines.of,
    "Routes": Routes.of_sqlite,
    "Table": Table.of,
}
