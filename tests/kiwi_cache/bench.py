"""The real kiwi-cache with the map of `cargo xtask bench`.

    bench.py REDIS_URL ENTRIES

Each line on standard input is `refill` or `load`, and each answer says how many seconds that took:
{"seconds": 9.6, "source_seconds": 1.2}
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
from kw.cache import KiwiCache  # noqa: E402
import redis  # noqa: E402
import structlog  # noqa: E402


@attr.s
class Airlines(KiwiCache):
    """The map of tests/guests/bench_map, generated as a service would do it."""

    entries = attr.ib(0)
    generation = attr.ib(0)
    source_seconds = attr.ib(0.0)

    def load_from_source(self):
        started = time.perf_counter()
        made = 10_000_000 + self.generation
        airlines = {
            "airline:%08d" % number: {
                "code": "%08d" % number,
                "name": "Airline %08d" % number,
                "country": "IE",
                "rating": 4.5,
                "open": True,
                "made": made,
            }
            for number in range(self.entries)
        }
        self.source_seconds = time.perf_counter() - started
        return airlines


def seconds(work):
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def main():
    # By default the log goes to standard output, where the answers go.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    url, entries = sys.argv[1:]
    cache = Airlines(
        resources_redis=redis.StrictRedis.from_url(url),
        entries=int(entries),
        reload_ttl=timedelta(hours=1),
        # Longer than any refill, so that the lock does not expire during one.
        refill_ttl=timedelta(hours=1),
    )
    for line in sys.stdin:
        if line.strip() == "refill":
            answer = {"seconds": seconds(cache.refill_cache), "source_seconds": cache.source_seconds}
        else:
            answer = {"seconds": seconds(cache.reload_from_cache)}
            if len(cache.data) != cache.entries:
                raise SystemExit("{} of {} entries were loaded".format(len(cache.data), cache.entries))
        print(json.dumps(answer), flush=True)


main()
