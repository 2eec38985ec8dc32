"""A Python service with one cache that executes requests.

    peer.py REDIS_URL CLASS OPTIONS

Each request is a line of JSON on standard input, such as {"do": "get", "key": "FR"}. Each answer is a
line of JSON on standard output: {"value": ...} or {"raised": "KeyError: 'FR'"}.
"""

from datetime import timedelta
import logging
import os
import random
import sys
import time
import warnings

# kiwi-cache declares its namespace in a way that newer Python versions warn about.
warnings.simplefilter("ignore")

import redis  # noqa: E402
import simplejson  # noqa: E402
import structlog  # noqa: E402

import caches  # noqa: E402


class Peer:
    """Each request is a method."""

    def __init__(self, url, name, options):
        self.url = url
        for option, value in options.items():
            if option.endswith("_ttl"):
                options[option] = timedelta(seconds=value)
        self.cache = caches.MAKE[name](resources_redis=redis.StrictRedis.from_url(url), **options)
        self.cache.statsd = caches.Statsd()

    def get(self, key):
        return self.cache[key]

    def member(self, key, name):
        return self.cache[key][name]

    def dump(self):
        # Not dict(cache), which may reload between two keys.
        return self.cache.data

    def refill(self):
        """The periodic task of kiwi-cache's README."""
        for instance in self.cache.instances.values():
            instance.refill_cache()

    def save(self, **settings):
        """One refill of a table with other settings, such as `columns`, which raises what `refill_cache` only logs."""
        for name, value in settings.items():
            setattr(self.cache, name, value)
        self.cache.save_to_cache(self.cache.load_from_source())

    def is_same(self, one, other):
        """Whether two JSON texts are one value, with the same digits. The order of members does not matter."""
        values = (simplejson.loads(text, use_decimal=True) for text in (one, other))
        one, other = (simplejson.dumps(value, sort_keys=True) for value in values)
        return one == other

    def source(self, **settings):
        for name, value in settings.items():
            setattr(self.cache.source, name, value)

    def loads(self):
        return self.cache.source.loads

    def statuses(self):
        return self.cache.statsd.sent

    def lost_locks(self):
        return self.cache.lost_locks

    def race(self, workers, seconds):
        """Refills in many processes at once, with short pauses."""
        pipes = [self._worker(time.monotonic() + seconds) for _ in range(workers)]
        loads, lost_locks = 0, 0
        for pipe in pipes:
            with os.fdopen(pipe) as results:
                worker = [int(number) for number in results.read().split()]
            loads, lost_locks = loads + worker[0], lost_locks + worker[1]
        return {"loads": loads, "lost_locks": lost_locks}

    def _worker(self, end):
        reading, writing = os.pipe()
        parent = os.getpid()
        if os.fork() == 0:
            try:
                # Each worker needs its own connection, and exits with its parent.
                self.cache.resources_redis = redis.StrictRedis.from_url(self.url)
                while time.monotonic() < end and os.getppid() == parent:
                    self.cache.refill_cache()
                    time.sleep(random.uniform(0, 3))
                os.write(writing, "{} {}".format(self.cache.source.loads, self.cache.lost_locks).encode())
            finally:
                os._exit(0)
        os.close(writing)
        return reading


def main():
    # By default the log goes to standard output, where the answers go.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    url, name, options = sys.argv[1:]
    peer = Peer(url, name, simplejson.loads(options))
    for line in sys.stdin:
        request = simplejson.loads(line, use_decimal=True)
        try:
            answer = {"value": getattr(peer, request.pop("do"))(**request)}
        except Exception as error:
            answer = {"raised": "{}: {}".format(type(error).__name__, error)}
        print(simplejson.dumps(answer, ensure_ascii=False), flush=True)


main()
