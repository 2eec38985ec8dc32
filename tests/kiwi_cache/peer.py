"""A service of Python that has one cache, and does with it what it is asked to.

    peer.py REDIS_URL CLASS OPTIONS

Each request is a line of JSON on standard input, such as {"do": "get", "key": "FR"}, and each answer
one on standard output: {"value": ...} or {"raised": "KeyError: 'FR'"}.
"""

from datetime import timedelta
import logging
import os
import sys
import time
import warnings

# kiwi-cache declares its namespace in a way that newer Pythons warn of.
warnings.simplefilter("ignore")

import redis  # noqa: E402
import simplejson  # noqa: E402
import structlog  # noqa: E402

import caches  # noqa: E402


class Peer:
    """The requests, each a method."""

    def __init__(self, url, name, options):
        self.url = url
        for option, value in options.items():
            if option.endswith("_ttl"):
                options[option] = timedelta(seconds=value)
        self.cache = caches.MAKE[name](resources_redis=redis.StrictRedis.from_url(url), **options)
        self.cache.statsd = caches.Statsd()

    def get(self, key):
        return self.cache[key]

    def dump(self):
        return dict(self.cache)

    def refill(self):
        """The periodic task of kiwi-cache's README."""
        for instance in self.cache.instances.values():
            instance.refill_cache()

    def source(self, **settings):
        for name, value in settings.items():
            setattr(self.cache.source, name, value)

    def loads(self):
        return self.cache.source.loads

    def statuses(self):
        return self.cache.statsd.sent

    def race(self, workers, seconds):
        """Refills in many processes, each of which does nothing else; gives how often all of them loaded."""
        readers = [self._worker(time.monotonic() + seconds) for _ in range(workers)]
        loads = 0
        for reader in readers:
            with os.fdopen(reader) as pipe:
                loads += int(pipe.read())
        return loads

    def _worker(self, end):
        reader, writer = os.pipe()
        if os.fork() == 0:
            parent = os.getppid()
            os.close(reader)
            self.cache.resources_redis = redis.StrictRedis.from_url(self.url)
            while time.monotonic() < end and os.getppid() == parent:
                self.cache.refill_cache()
            os.write(writer, str(self.cache.source.loads).encode())
            os._exit(0)
        os.close(writer)
        return reader


def main():
    # Its log goes to standard output otherwise, among the answers.
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
