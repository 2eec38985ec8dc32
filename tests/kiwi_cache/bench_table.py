"""kiwi-cache's own SQLAlchemyResource with the table of `cargo xtask bench`.

    bench_table.py REDIS_URL POSTGRES_URL TABLE

Each line on standard input is answered when the whole table has been written to Redis:
{"seconds": 21.4, "source_seconds": 9.9}
"""

from datetime import timedelta
import json
import logging
import sys
import time
import warnings

# kiwi-cache declares its namespace in a way that newer Python versions warn about.
warnings.simplefilter("ignore")

import attr  # noqa: E402
from kw.cache.dbcache import SQLAlchemyResource  # noqa: E402
import redis  # noqa: E402
from sqlalchemy import create_engine  # noqa: E402
from sqlalchemy.orm import scoped_session, sessionmaker  # noqa: E402
import structlog  # noqa: E402


@attr.s
class Table(SQLAlchemyResource):
    source_seconds = attr.ib(0.0)

    def load_from_source(self):
        started = time.perf_counter()
        # A new transaction: it sees what has changed since the last.
        self.session.rollback()
        rows = super().load_from_source()
        self.source_seconds = time.perf_counter() - started
        return rows


def main():
    # By default the log goes to standard output, where the answers go.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    redis_url, url, table = sys.argv[1:]
    engine = create_engine(url.replace("postgres://", "postgresql+psycopg2://", 1))
    cache = Table(
        resources_redis=redis.StrictRedis.from_url(redis_url),
        session=scoped_session(sessionmaker(bind=engine)),
        table_name=table,
        key="code",
        columns=["*"],
        reload_ttl=timedelta(hours=1),
        # Longer than any refill, so that the lock does not expire during one.
        refill_ttl=timedelta(hours=1),
    )
    for _ in sys.stdin:
        started = time.perf_counter()
        cache.refill_cache()
        answer = {"seconds": time.perf_counter() - started, "source_seconds": cache.source_seconds}
        print(json.dumps(answer), flush=True)


main()
